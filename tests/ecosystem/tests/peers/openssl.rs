//! OpenSSL's s_client and s_server, with WebSocket written by hand.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::Stdio,
    thread,
};

use framewise::{
    Config, Error, Input, Message, blocking,
    client::Connector,
    handshake::{Acceptance, ClientRequest, ServerHandshake},
    tls::TlsErrorKind,
};

use framewise_ecosystem::Authority;

use crate::{
    bindings::{Binding, Seen, Server},
    folder::Folder,
    programs::{Program, free_port, installed, run},
};

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

/// A Close with 1000.
const CLOSE: &[u8] = b"\x88\x82\x00\x00\x00\x00\x03\xe8";

#[test]
fn s_client_talks_to_our_servers() {
    let (authority, folder) = (Authority::new("root"), Folder::new());
    let identity = authority.issue(&["localhost"]);
    let ca = folder.write("ca.pem", &authority.pem());
    for binding in Binding::ALL {
        let Some(mut command) = installed("openssl") else { return };
        let server = Server::start(binding, Some(identity.server()), "");
        let address = format!("127.0.0.1:{}", server.port);
        command.args(["s_client", "-quiet", "-verify_return_error", "-alpn", "h2,http/1.1"]);
        command.args(["-servername", "localhost", "-CAfile", &ca, "-connect", &address]);
        // "Hello" in a text frame, then a Close with 1000.
        let mut input = REQUEST.as_bytes().to_vec();
        input.extend(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
        input.extend(CLOSE);
        let (_, output, errors) = run(&mut command, &input);
        assert!(output.starts_with("HTTP/1.1 101 "), "{binding:?}: {output:?}, {errors}");
        assert!(output.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{output:?}");
        assert!(output.contains("\u{5}Hello"), "{output:?}");
        let seen = server.take_seen();
        assert!(
            seen.iter()
                .any(|seen| matches!(seen, Seen::Message(Message::Text(text)) if text == "Hello")),
            "{seen:?}"
        );
    }
}

#[test]
fn our_clients_talk_to_s_server() {
    let (authority, folder) = (Authority::new("root"), Folder::new());
    let identity = authority.issue(&["localhost"]);
    let (chain, key) =
        (folder.write("chain.pem", &identity.chain), folder.write("key.pem", &identity.key()));
    let Some(mut command) = installed("openssl") else { return };
    let port = free_port();
    command.args(["s_server", "-quiet", "-naccept", "1", "-accept", &port.to_string()]);
    command.args(["-cert", &chain, "-key", &key]).stdout(Stdio::piped());
    let mut server = Program::start(&mut command);
    let mut stdin = server.child().stdin.take().unwrap();
    let mut stdout = BufReader::new(server.child().stdout.take().unwrap());
    let served = thread::spawn(move || {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            stdout.read_until(b'\n', &mut head).unwrap();
        }
        let mut handshake = ServerHandshake::new(Config::default());
        let upgrade = handshake.receive(&mut Input::new(&mut head)).unwrap().unwrap();
        let mut connection = upgrade.accept(Acceptance::new()).unwrap();
        stdin.write_all(connection.output().chunk()).unwrap();
        stdin.write_all(b"\x81\x05Hello").unwrap();
        let mut frame = [0; 8];
        stdout.read_exact(&mut frame).unwrap();
        assert_eq!(frame[..2], [0x81, 0x82]);
    });
    let connector = Connector::new().tls(authority.client());
    let mut tries = 0;
    let (mut websocket, _) = loop {
        let request = format!("wss://localhost:{port}/");
        match blocking::connect_with(&connector, request, Config::default()) {
            Ok(opened) => break opened,
            Err(error) if error.is_transient() && tries < 100 => tries += 1,
            Err(error) => panic!("{error}"),
        }
        thread::sleep(std::time::Duration::from_millis(50));
    };
    assert_eq!(websocket.read().unwrap(), Some("Hello".into()));
    websocket.send("ok").unwrap();
    served.join().unwrap();
}

#[test]
fn certificates_of_clients_are_asked_for() {
    let (authority, folder) = (Authority::new("root"), Folder::new());
    let (identity, client) = (authority.issue(&["localhost"]), authority.issue_client("client"));
    let ca = folder.write("ca.pem", &authority.pem());
    let (chain, key) =
        (folder.write("chain.pem", &client.chain), folder.write("key.pem", &client.key()));
    for binding in Binding::ALL {
        let tls = identity.server().require_client_certs(&authority.pem()).unwrap();
        let server = Server::start(binding, Some(tls), "");
        let address = format!("127.0.0.1:{}", server.port);
        for certificate in [true, false] {
            let Some(mut command) = installed("openssl") else { return };
            command.args(["s_client", "-quiet", "-CAfile", &ca, "-connect", &address]);
            if certificate {
                command.args(["-cert", &chain, "-key", &key]);
            }
            let input = [REQUEST.as_bytes(), CLOSE].concat();
            let (_, output, errors) = run(&mut command, &input);
            let opened = output.starts_with("HTTP/1.1 101 ");
            assert_eq!(opened, certificate, "{binding:?}: {output:?}, {errors}");
        }
    }
    // And the other way round.
    let Some(mut command) = installed("openssl") else { return };
    let port = free_port();
    let (server_chain, server_key) =
        (folder.write("server.pem", &identity.chain), folder.write("server.key", &identity.key()));
    command.args(["s_server", "-quiet", "-www", "-accept", &port.to_string(), "-CAfile", &ca]);
    command.args(["-cert", &server_chain, "-key", &server_key, "-Verify", "1"]);
    let _server = Program::start_on(command.stdout(Stdio::null()).stderr(Stdio::null()), port);
    let request = ClientRequest::new(format!("wss://localhost:{port}/")).unwrap();
    for binding in Binding::ALL {
        let with = authority.client().client_cert(&client.chain, &client.key()).unwrap();
        let refused = binding.talk(&Connector::new().tls(with), &request).unwrap_err();
        assert!(matches!(refused, Error::Handshake(_)), "{binding:?}: no WebSocket: {refused}");
        let without = authority.client();
        match binding.talk(&Connector::new().tls(without), &request).unwrap_err() {
            Error::Tls(error) => assert_eq!(error.kind(), TlsErrorKind::CertificateRequired),
            error => panic!("{binding:?}: {error}"),
        }
    }
}
