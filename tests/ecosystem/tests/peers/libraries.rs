//! Python's websockets and Node's ws over TLS.

use framewise::{
    Error,
    client::Connector,
    handshake::ClientRequest,
    tls::{ClientTls, TlsErrorKind},
};

use framewise_ecosystem::Authority;

use crate::{
    bindings::{Binding, Seen, Server},
    folder::Folder,
    programs::{Program, run, script},
};

const SERVERS: [&str; 2] = ["server.py", "server.mjs"];
const CLIENTS: [&str; 2] = ["client.py", "client.mjs"];

fn request(port: u16) -> ClientRequest {
    ClientRequest::new(format!("wss://localhost:{port}/chat?room=1")).unwrap()
}

/// Returns how connecting fails.
fn refused(binding: Binding, tls: ClientTls, port: u16) -> (TlsErrorKind, String) {
    match binding.talk(&Connector::new().tls(tls), &request(port)) {
        Err(Error::Tls(error)) => (error.kind(), error.to_string()),
        other => panic!("{binding:?}: {other:?}"),
    }
}

#[test]
fn our_clients_talk_to_their_servers() {
    let (authority, folder) = (Authority::new("root"), Folder::new());
    let identity = authority.issue(&["localhost"]);
    let (chain, key) =
        (folder.write("chain.pem", &identity.chain), folder.write("key.pem", &identity.key()));
    for name in SERVERS {
        let Some(mut command) = script(name) else { continue };
        let (_server, port) = Program::start_with_port(command.args([&chain, &key]));
        for binding in Binding::ALL {
            let tls = binding.talk(&Connector::new().tls(authority.client()), &request(port));
            let tls = tls.unwrap_or_else(|error| panic!("{name}, {binding:?}: {error}"));
            assert!(tls.contains("Tls13"), "{tls}");
            let (kind, text) = refused(binding, Authority::new("other").client(), port);
            assert_eq!(kind, TlsErrorKind::UnknownIssuer, "{text}");
        }
    }
}

#[test]
fn their_servers_ask_for_a_certificate() {
    let (authority, folder) = (Authority::new("root"), Folder::new());
    let (identity, client) = (authority.issue(&["localhost"]), authority.issue_client("client"));
    let stranger = Authority::new("other").issue_client("client");
    let chain = folder.write("chain.pem", &identity.chain);
    let (key, ca) =
        (folder.write("key.pem", &identity.key()), folder.write("ca.pem", &authority.pem()));
    for name in SERVERS {
        let Some(mut command) = script(name) else { continue };
        let (_server, port) = Program::start_with_port(command.args([&chain, &key, &ca]));
        for binding in Binding::ALL {
            let tls = authority.client().client_cert(&client.chain, &client.key()).unwrap();
            let talked = binding.talk(&Connector::new().tls(tls), &request(port));
            assert!(talked.is_ok(), "{name}, {binding:?}: {talked:?}");
            // Both may end the connection without an alert: then all that is known is that it ended.
            let other = authority.client().client_cert(&stranger.chain, &stranger.key()).unwrap();
            for tls in [authority.client(), other] {
                let error = binding.talk(&Connector::new().tls(tls), &request(port)).unwrap_err();
                let told = matches!(&error, Error::Tls(error)
                    if error.kind() == TlsErrorKind::CertificateRequired
                        || error.kind() == TlsErrorKind::CertificateRefused);
                assert!(told || error.is_transient(), "{name}, {binding:?}: {error:?}");
            }
        }
    }
}

#[test]
fn their_clients_talk_to_our_servers() {
    let (authority, folder) = (Authority::new("root"), Folder::new());
    let identity = authority.issue(&["localhost"]);
    let ca = folder.write("ca.pem", &authority.pem());
    for name in CLIENTS {
        for binding in Binding::ALL {
            let Some(mut command) = script(name) else { continue };
            let server = Server::start(binding, Some(identity.server()), "");
            let uri = format!("wss://localhost:{}/chat", server.port);
            let (succeeded, output, errors) = run(command.args([&uri, &ca]), b"");
            assert!(succeeded, "{name}, {binding:?}: {errors}");
            assert_eq!(output.trim(), "1000", "{name}, {binding:?}");
        }
    }
}

#[test]
fn our_servers_ask_for_a_certificate() {
    let (authority, folder) = (Authority::new("root"), Folder::new());
    let (identity, client) = (authority.issue(&["localhost"]), authority.issue_client("client"));
    let ca = folder.write("ca.pem", &authority.pem());
    let (chain, key) =
        (folder.write("chain.pem", &client.chain), folder.write("key.pem", &client.key()));
    for name in CLIENTS {
        for binding in Binding::ALL {
            let Some(mut command) = script(name) else { continue };
            let tls = identity.server().require_client_certs(&authority.pem()).unwrap();
            let server = Server::start(binding, Some(tls), "");
            let uri = format!("wss://localhost:{}/chat", server.port);
            let (succeeded, _, errors) = run(command.args([&uri, &ca, &chain, &key]), b"");
            assert!(succeeded, "{name}, {binding:?}: {errors}");
            server.take_seen();
            let (succeeded, output, _) = run(script(name).unwrap().args([&uri, &ca]), b"");
            assert!(!succeeded, "{name}, {binding:?}: {output}");
            let seen = server.take_seen();
            let [Seen::Failed(Error::Tls(error))] = &*seen else { panic!("{seen:?}") };
            assert_eq!(error.kind(), TlsErrorKind::CertificateRequired, "{error}");
        }
    }
}

#[test]
fn a_wrong_name_and_an_expired_certificate_are_refused() {
    let (authority, folder) = (Authority::new("root"), Folder::new());
    let other = authority.issue(&["other.example"]);
    let expired = authority.issue_between(&["localhost"], 2001, 2002);
    for (identity, kind) in [(other, TlsErrorKind::WrongName), (expired, TlsErrorKind::Expired)] {
        let (chain, key) =
            (folder.write("chain.pem", &identity.chain), folder.write("key.pem", &identity.key()));
        for name in SERVERS {
            let Some(mut command) = script(name) else { continue };
            let (_server, port) = Program::start_with_port(command.args([&chain, &key]));
            for binding in Binding::ALL {
                let (found, text) = refused(binding, authority.client(), port);
                assert_eq!(found, kind, "{name}, {binding:?}: {text}");
            }
        }
    }
}
