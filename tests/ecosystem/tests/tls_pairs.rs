//! TLS between both adapters, each as either end, over TCP.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use framewise::{
    Config, Error,
    handshake::HandshakeError,
    tls::{ClientTls, ServerTls, TlsErrorKind, TlsInfo, TlsVersion},
};
use framewise_ecosystem::{
    Adapter::{self, Blocking, Tokio},
    Authority, PAIRS, Server, into_async, run, talk, talk_with,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

/// Checks that this is a failure of TLS; returns its kind and its message.
#[track_caller]
fn tls<T: std::fmt::Debug>(result: Result<T, Error>) -> (TlsErrorKind, String) {
    match result {
        Err(Error::Tls(error)) => (error.kind(), error.to_string()),
        other => panic!("{other:?}"),
    }
}

/// Lets the pair talk; returns what both have seen.
fn meet(
    pair: (Adapter, Adapter),
    server: &ServerTls,
    client: &ClientTls,
    host: &str,
) -> (Result<TlsInfo, Error>, Result<TlsInfo, Error>) {
    let server = Server::start(pair.0, server, Config::default());
    let uri = format!("wss://{host}:{}/chat", server.address.port());
    let seen = talk(pair.1, server.address, client, &uri);
    (server.end(), seen)
}

#[test]
fn both_ends_talk_and_know_what_was_agreed() {
    let authority = Authority::new("root");
    let certified = authority.issue(&["example.com"]);
    let (server, client) = (certified.server(), authority.client());
    for pair in PAIRS {
        let (of_server, of_client) = meet(pair, &server, &client, "example.com");
        let (of_server, of_client) = (of_server.unwrap(), of_client.unwrap());
        for info in [&of_server, &of_client] {
            assert_eq!(info.version(), TlsVersion::Tls13);
            assert_eq!(info.alpn(), Some(&b"http/1.1"[..]));
        }
        assert_eq!(of_server.server_name(), Some("example.com"));
        assert_eq!(of_client.server_name(), None);
        assert!(of_server.peer_certificates().is_empty());
        assert_eq!(of_client.peer_certificates(), std::slice::from_ref(&certified.der));
        let shown = format!("{of_client:?}");
        assert!(shown.contains("\"http/1.1\"") && shown.len() < 150, "{shown}");
    }
}

#[test]
fn a_server_name_may_end_in_a_dot() {
    let authority = Authority::new("root");
    let (server, client) = (authority.server(&["example.com"]), authority.client());
    for pair in PAIRS {
        let (of_server, of_client) = meet(pair, &server, &client, "example.com.");
        assert_eq!(of_server.unwrap().server_name(), Some("example.com"));
        of_client.unwrap();
    }
}

#[test]
fn addresses_are_names_of_servers() {
    let authority = Authority::new("root");
    let (server, client) = (authority.server(&["127.0.0.1", "::1"]), authority.client());
    for pair in PAIRS {
        for (at, host) in [("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", "[::1]")] {
            // Some machines have no IPv6.
            let Some(server) = Server::on(at, pair.0, &server, Config::default()) else { continue };
            let uri = format!("wss://{host}:{}/", server.address.port());
            talk(pair.1, server.address, &client, &uri).unwrap();
            assert_eq!(server.end().unwrap().server_name(), None);
        }
    }
}

#[test]
fn a_certificate_for_other_names_is_refused() {
    let authority = Authority::new("root");
    let server = authority.server(&["a.example", "b.example", "127.0.0.2"]);
    for pair in PAIRS {
        let (of_server, of_client) = meet(pair, &server, &authority.client(), "example.com");
        let text =
            "the certificate of example.com is for other names: a.example, b.example, 127.0.0.2";
        assert_eq!(tls(of_client), (TlsErrorKind::WrongName, text.to_owned()));
        let (kind, text) = tls(of_server);
        assert_eq!(kind, TlsErrorKind::CertificateRefused, "{text}");
        assert!(text.starts_with("the client refuses the certificate of this end"), "{text}");
    }
}

#[test]
fn a_certificate_out_of_its_time_is_refused() {
    let authority = Authority::new("root");
    let expired = authority.issue_between(&["localhost"], 2020, 2021).server();
    let future = authority.issue_between(&["localhost"], 2999, 3000).server();
    for pair in PAIRS {
        let (of_server, of_client) = meet(pair, &expired, &authority.client(), "localhost");
        let text = "the certificate of localhost expired on Fri, 01 Jan 2021 00:00:00 GMT";
        assert_eq!(tls(of_client), (TlsErrorKind::Expired, text.to_owned()));
        let (kind, text) = tls(of_server);
        assert_eq!(kind, TlsErrorKind::CertificateRefused, "{text}");
        assert!(text.ends_with("it has expired, or is not valid yet"), "{text}");

        let (_, of_client) = meet(pair, &future, &authority.client(), "localhost");
        let (kind, text) = tls(of_client);
        assert_eq!(kind, TlsErrorKind::NotYetValid);
        assert!(text.contains("01 Jan 2999") && text.contains("clock"), "{text}");
    }
}

#[test]
fn a_certificate_of_an_unknown_issuer_is_refused() {
    let (authority, other) = (Authority::new("root"), Authority::new("other"));
    let server = authority.server(&["localhost"]);
    for pair in PAIRS {
        let (of_server, of_client) = meet(pair, &server, &other.client(), "localhost");
        let (kind, text) = tls(of_client);
        assert_eq!(kind, TlsErrorKind::UnknownIssuer);
        assert!(text.contains("`ClientTls::with_roots_pem`"), "{text}");
        let (kind, text) = tls(of_server);
        assert_eq!(kind, TlsErrorKind::CertificateRefused);
        assert!(text.ends_with("its issuer is not trusted there"), "{text}");
        // Roots that are compiled in do not know it either.
        let (_, of_client) = meet(pair, &server, &ClientTls::webpki_roots().unwrap(), "localhost");
        assert_eq!(tls(of_client).0, TlsErrorKind::UnknownIssuer);
    }
}

#[test]
fn a_root_of_the_same_name_does_not_pass() {
    let (authority, impostor) = (Authority::new("root"), Authority::new("root"));
    let server = authority.server(&["localhost"]);
    let (_, of_client) = meet(PAIRS[0], &server, &impostor.client(), "localhost");
    let (kind, text) = tls(of_client);
    assert_eq!(kind, TlsErrorKind::BadCertificate);
    assert!(text.ends_with("another root of the same name may have issued it"), "{text}");
}

#[test]
fn clients_with_a_certificate_are_accepted_where_one_is_required() {
    let authority = Authority::new("root");
    let certified = authority.issue_client("someone");
    let server = authority.server(&["localhost"]).require_client_certs(authority.pem()).unwrap();
    for key in [certified.key(), certified.sec1_key()] {
        let client = authority.client().client_cert(&certified.chain, key).unwrap();
        for pair in PAIRS {
            let (of_server, of_client) = meet(pair, &server, &client, "localhost");
            let of_server = of_server.unwrap();
            assert_eq!(of_server.peer_certificates(), std::slice::from_ref(&certified.der));
            // What the server was, it still is.
            assert_eq!(of_server.alpn(), Some(&b"http/1.1"[..]));
            of_client.unwrap();
        }
    }
}

// In TLS 1.3 the client hears of it after its own handshake, and may be writing then.
#[test]
fn clients_without_a_certificate_are_told_that_one_is_required() {
    let authority = Authority::new("root");
    let server = authority.server(&["localhost"]).require_client_certs(authority.pem()).unwrap();
    for pair in PAIRS {
        for _ in 0..25 {
            let (of_server, of_client) = meet(pair, &server, &authority.client(), "localhost");
            let (kind, text) = tls(of_client);
            assert_eq!(kind, TlsErrorKind::CertificateRequired, "{pair:?}: {text}");
            assert!(text.ends_with("give one with `ClientTls::client_cert`"), "{text}");
            let (kind, text) = tls(of_server);
            assert_eq!(kind, TlsErrorKind::CertificateRequired);
            assert_eq!(text, "the client has sent no certificate");
        }
    }
}

#[test]
fn clients_with_a_certificate_of_others_are_told_why_it_is_refused() {
    let (authority, other) = (Authority::new("root"), Authority::new("other"));
    let server = authority.server(&["localhost"]).require_client_certs(authority.pem()).unwrap();
    let certified = other.issue_client("someone");
    let client = authority.client().client_cert(&certified.chain, certified.key()).unwrap();
    for pair in PAIRS {
        let (of_server, of_client) = meet(pair, &server, &client, "localhost");
        let (kind, text) = tls(of_client);
        assert_eq!(kind, TlsErrorKind::CertificateRefused, "{pair:?}: {text}");
        let (kind, text) = tls(of_server);
        assert_eq!(kind, TlsErrorKind::UnknownIssuer);
        assert!(text.contains("`ServerTls::require_client_certs`"), "{text}");
    }
}

#[test]
fn a_key_that_does_not_fit_is_refused_when_it_is_given() {
    let authority = Authority::new("root");
    let (one, other) = (authority.issue(&["a.example"]), authority.issue(&["b.example"]));
    let server = ServerTls::from_pem(&one.chain, other.key()).unwrap_err();
    let client = authority.client().client_cert(&one.chain, other.key()).unwrap_err();
    for error in [server, client] {
        assert_eq!(error.kind(), TlsErrorKind::BadKey);
        let text = "the private key does not belong to the first certificate of the chain";
        assert_eq!(error.to_string(), text);
    }
    let junk = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let error = ServerTls::from_pem(&one.chain, junk).unwrap_err();
    assert_eq!(error.kind(), TlsErrorKind::BadKey, "{error}");
    // The two in the wrong order.
    let error = ServerTls::from_pem(one.key(), &one.chain).unwrap_err();
    assert_eq!(error.kind(), TlsErrorKind::BadPem, "{error}");
}

// Several programs share a configuration between HTTP/2 and WebSocket.
#[test]
fn given_configurations_speak_http_1_1() {
    let authority = Authority::new("root");
    let certified = authority.issue(&["localhost"]);
    let provider = || Arc::new(rustls::crypto::ring::default_provider());
    for versions in [&[&rustls::version::TLS12][..], &[&rustls::version::TLS13]] {
        let certificate = CertificateDer::from_pem_slice(certified.chain.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(certified.key().as_bytes()).unwrap();
        let mut server = rustls::ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
        let mut client = rustls::ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.alpn_protocols = vec![b"h2".to_vec()];
        let (server, client) =
            (ServerTls::from(Arc::new(server)), ClientTls::from(Arc::new(client)));
        let version = if versions[0].version == rustls::ProtocolVersion::TLSv1_2 {
            TlsVersion::Tls12
        } else {
            TlsVersion::Tls13
        };
        for pair in PAIRS {
            let (of_server, of_client) = meet(pair, &server, &client, "localhost");
            for info in [of_server.unwrap(), of_client.unwrap()] {
                assert_eq!(info.alpn(), Some(&b"http/1.1"[..]));
                assert_eq!(info.version(), version);
            }
        }
        // A later change could add a version that was left out on purpose.
        let error = server.require_client_certs(authority.pem()).unwrap_err();
        assert_eq!(error.kind(), TlsErrorKind::Other);
    }
}

#[test]
fn versions_that_do_not_meet_are_incompatible() {
    let authority = Authority::new("root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let old = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let certified = authority.issue(&["localhost"]);
    let certificate = CertificateDer::from_pem_slice(certified.chain.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(certified.key().as_bytes()).unwrap();
    let new = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let (server, client) = (ServerTls::from(Arc::new(new)), ClientTls::from(Arc::new(old)));
    for pair in PAIRS {
        let (of_server, of_client) = meet(pair, &server, &client, "localhost");
        assert_eq!(tls(of_server).0, TlsErrorKind::Incompatible);
        assert_eq!(tls(of_client).0, TlsErrorKind::Incompatible);
    }
}

#[test]
fn a_server_without_tls_is_recognised() {
    for adapter in [Blocking, Tokio] {
        for greeting in ["HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-OpenSSH_9.6\r\n"] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let serving = thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                stream.write_all(greeting.as_bytes()).unwrap();
                // What comes is an alert.
                let mut received = Vec::new();
                let _ = stream.read_to_end(&mut received);
                received
            });
            let tls_client = Authority::new("root").client();
            let (kind, text) = tls(talk(adapter, address, &tls_client, "wss://localhost/"));
            assert_eq!(kind, TlsErrorKind::NotTls);
            let expected = "localhost does not speak TLS: is it a server for ws:// and not wss://?";
            assert_eq!(text, expected);
            let received = serving.join().unwrap();
            // Alert, of two bytes: the last seven.
            assert_eq!(received[received.len() - 7], 21, "{received:?}");
        }
    }
}

#[test]
fn a_client_without_tls_is_recognised_and_told() {
    let authority = Authority::new("root");
    for adapter in [Blocking, Tokio] {
        let server = Server::start(adapter, &authority.server(&["localhost"]), Config::default());
        let uri = format!("ws://{}/", server.address);
        let error = framewise::blocking::connect(uri.as_str(), Config::default()).unwrap_err();
        assert!(matches!(error, Error::Handshake(_)), "{error:?}");
        assert!(error.to_string().contains("wss"), "{error}");
        let (kind, text) = tls(server.end());
        assert_eq!(kind, TlsErrorKind::NotTls);
        assert_eq!(text, "the client does not speak TLS: is its URI ws:// and not wss://?");
    }
}

// A reset would lose the alert: what a client still sends is read until it ends the stream.
#[test]
fn a_client_that_goes_on_sending_gets_the_alert() {
    let authority = Authority::new("root");
    for adapter in [Blocking, Tokio] {
        let server = Server::start(adapter, &authority.server(&["localhost"]), Config::default());
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n").unwrap();
        for _ in 0..64 {
            stream.write_all(&[b'a'; 64 << 10]).unwrap();
        }
        stream.shutdown(Shutdown::Write).unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).unwrap();
        // A fatal alert.
        assert_eq!((received.len(), &received[..1], received[5]), (7, &[21][..], 2));
        assert_eq!(tls(server.end()).0, TlsErrorKind::NotTls);
    }
}

#[test]
fn an_end_in_the_handshake_is_an_early_end() {
    let authority = Authority::new("root");
    for adapter in [Blocking, Tokio] {
        let server = Server::start(adapter, &authority.server(&["localhost"]), Config::default());
        drop(TcpStream::connect(server.address).unwrap());
        let error = server.end().unwrap_err();
        assert!(error.is_transient());
        let text = "the client has closed the connection in the TLS handshake";
        assert_eq!(error.to_string(), text);

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let closing = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // All of the greeting, so that there is no reset.
            let mut head = [0; 5];
            stream.read_exact(&mut head).unwrap();
            let mut rest = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
            stream.read_exact(&mut rest).unwrap();
        });
        let error = talk(adapter, address, &authority.client(), "wss://localhost/").unwrap_err();
        assert!(error.is_transient());
        let text = "localhost has closed the connection in the TLS handshake";
        assert_eq!(error.to_string(), text);
        closing.join().unwrap();
    }
}

// A silent peer, one that sends a byte now and then, and one that is silent after TLS.
#[test]
fn one_time_limit_bounds_both_handshakes() {
    let limit = Duration::from_millis(300);
    let config = || Config::default().handshake_timeout(limit).close_timeout(limit);
    let authority = Authority::new("root");
    for adapter in [Blocking, Tokio] {
        for drips in [false, true] {
            let server = Server::start(adapter, &authority.server(&["localhost"]), config());
            let stream = TcpStream::connect(server.address).unwrap();
            // As a greeting that is too long to come to its end begins.
            let dripping = drips.then(|| {
                let mut stream = stream.try_clone().unwrap();
                thread::spawn(move || {
                    let head = [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3];
                    for byte in head.into_iter().chain([0; 200]) {
                        if stream.write_all(&[byte]).is_err() {
                            return true;
                        }
                        thread::sleep(Duration::from_millis(20));
                    }
                    false
                })
            });
            let error = server.end().unwrap_err();
            assert!(error.is_transient());
            let (kind, text) = tls::<()>(Err(error));
            assert_eq!((kind, &*text), (TlsErrorKind::Timeout, "the TLS handshake took too long"));
            if let Some(dripping) = dripping {
                assert!(dripping.join().unwrap(), "it was cut");
            }
        }

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let result = talk_with(adapter, address, &authority.client(), "wss://localhost/", config());
        assert_eq!(tls(result).0, TlsErrorKind::Timeout);
        let error = std::io::Error::from(
            talk_with(adapter, address, &authority.client(), "wss://localhost/", config())
                .unwrap_err(),
        );
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);

        // The client's TLS is done after half of the time, and has the other half for the request.
        let server = Server::start(adapter, &authority.server(&["localhost"]), config());
        let client = run(async {
            let stream = into_async(TcpStream::connect(server.address).unwrap());
            tokio::time::sleep(limit / 2).await;
            let connector = tokio_rustls::TlsConnector::from(authority.client_config());
            connector.connect("localhost".try_into().unwrap(), stream).await.unwrap()
        });
        let error = server.end().unwrap_err();
        assert!(matches!(error, Error::Handshake(HandshakeError::Timeout)), "{error:?}");
        drop(client);
    }
}
