//! What a configuration does not do, though it could.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use framewise::{
    Config, Error, blocking,
    client::Connector,
    handshake::{Acceptance, ClientRequest, Rejection},
    tls::{ClientTls, ServerTls},
    tokio as asynchronous,
};
use framewise_ecosystem::{Adapter, Authority, into_async, run};
use rustls::{ClientConnection, HandshakeKind, client::Resumption};

const ADAPTERS: [Adapter; 2] = [Adapter::Blocking, Adapter::Tokio];

fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// Reads a request over TLS.
fn receive(
    adapter: Adapter,
    stream: TcpStream,
    tls: &ServerTls,
    config: Config,
) -> Result<(), Error> {
    match adapter {
        Adapter::Blocking => blocking::receive_request_tls(stream, tls, config).map(drop),
        Adapter::Tokio => run(async {
            asynchronous::receive_request_tls(into_async(stream), tls, config).await.map(drop)
        }),
    }
}

// Anybody can send it again, and neither adapter reads it.
#[test]
fn early_data_is_not_accepted() {
    let authority = Authority::new("root");
    let mut server = Arc::unwrap_or_clone(authority.server_config(&["localhost"]));
    server.max_early_data_size = 4096;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    let server = ServerTls::from(Arc::new(server));
    let mut client = Arc::unwrap_or_clone(authority.client_config());
    client.enable_early_data = true;
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    let client = Arc::new(client);
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for adapter in ADAPTERS {
        // The second connection resumes the first.
        for _ in 0..2 {
            let ((listener, port), tls) = (listen(), server.clone());
            let served = thread::spawn(move || {
                let (stream, _) = listener.accept().unwrap();
                receive(adapter, stream, &tls, Config::default())
            });
            let mut session =
                ClientConnection::new(Arc::clone(&client), "localhost".try_into().unwrap())
                    .unwrap();
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            if let Some(mut early) = session.early_data() {
                early.write_all(request).unwrap();
            }
            while session.is_handshaking() {
                session.complete_io(&mut stream).unwrap();
            }
            assert!(!session.is_early_data_accepted(), "{adapter:?}");
            session.writer().write_all(request).unwrap();
            session.complete_io(&mut stream).unwrap();
            served.join().unwrap().unwrap();
            // Tickets may come, and then the end.
            let mut rest = Vec::new();
            let _ = rustls::Stream::new(&mut session, &mut stream).read_to_end(&mut rest);
        }
    }
}

// Zero is no time, and not no limit.
#[test]
fn a_client_that_is_refused_and_stays_is_left() {
    let authority = Authority::new("root");
    let server = authority.server(&["localhost"]);
    for adapter in ADAPTERS {
        let ((listener, port), tls) = (listen(), server.clone());
        let began = Instant::now();
        let served = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let config = Config::default().close_timeout(Duration::ZERO);
            receive(adapter, stream, &tls, config)
        });
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        assert!(matches!(served.join().unwrap(), Err(Error::Tls(_))));
        // It would never come to this.
        drop(stream);
        assert!(began.elapsed() < Duration::from_secs(60));
    }
}

/// Opens two connections, and returns whether the second one resumed the first.
fn resumes(tls: &ClientTls, server: &Arc<rustls::ServerConfig>) -> bool {
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let (listener, port) = listen();
        let server = Arc::clone(server);
        let served = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let session = rustls::ServerConnection::new(server).unwrap();
            let mut stream = rustls::StreamOwned::new(session, stream);
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            stream.write_all(b"HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n").unwrap();
            let _ = stream.read_to_end(&mut head);
            stream.conn.handshake_kind().unwrap()
        });
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let opened = blocking::client_tls(stream, tls, "wss://localhost/", Config::default());
        assert!(opened.is_err());
        kinds.push(served.join().unwrap());
    }
    kinds[1] == HandshakeKind::Resumed
}

#[test]
fn a_client_certificate_turns_no_resumption_on() {
    let authority = Authority::new("root");
    let server = authority.server_config(&["localhost"]);
    let client = authority.issue_client("client");
    let own = authority.client();
    assert!(resumes(&own, &server));
    assert!(resumes(&own.client_cert(&client.chain, client.key()).unwrap(), &server));
    let mut config = Arc::unwrap_or_clone(authority.client_config());
    config.resumption = Resumption::disabled();
    let converted = ClientTls::from(Arc::new(config));
    assert!(!resumes(&converted, &server));
    assert!(!resumes(&converted.client_cert(&client.chain, client.key()).unwrap(), &server));
}

/// A server that redirects to another one, which asks for a certificate and gets as many.
fn certificates_shown_after_a_redirect(adapter: Adapter, to: &str) -> usize {
    let authority = Authority::new("root");
    let identity = authority.issue(&["localhost", "127.0.0.1"]);
    let server = identity.server();
    let ((first, first_port), (second, second_port)) = (listen(), listen());
    let location = to.replace("SECOND", &second_port.to_string());
    let location = location.replace("FIRST", &first_port.to_string());
    let redirecting = server.clone();
    let again = to.contains("FIRST");
    let asks = server.require_client_certs(authority.pem()).unwrap();
    let asks_too = asks.clone();
    let serve = move |listener: TcpListener, tls: ServerTls| -> Result<usize, Error> {
        let (stream, _) = listener.accept()?;
        let incoming = blocking::accept_tls(stream, &tls, Config::default())?;
        let shown = incoming.stream().tls().peer_certificates().len();
        let _ = incoming.accept(Acceptance::new())?.read();
        Ok(shown)
    };
    let first = thread::spawn(move || -> Result<usize, Error> {
        let (stream, _) = first.accept()?;
        let incoming = blocking::accept_tls(stream, &redirecting, Config::default())?;
        incoming.reject(Rejection::new(307)?.header("Location", location)?)?;
        if again { serve(first, asks_too) } else { Ok(0) }
    });
    let second = thread::spawn(move || serve(second, asks));
    let client = authority.issue_client("client");
    let tls = authority.client().client_cert(&client.chain, client.key()).unwrap();
    let connector = Connector::new().tls(tls).redirects(1);
    let request = ClientRequest::new(format!("wss://localhost:{first_port}/")).unwrap();
    let opened = match adapter {
        Adapter::Blocking => {
            blocking::connect_with(&connector, request, Config::default()).map(drop)
        }
        Adapter::Tokio => run(async {
            asynchronous::connect_with(&connector, request, Config::default()).await.map(drop)
        }),
    };
    let first = first.join().unwrap().unwrap();
    if again {
        // Nobody has come.
        drop(TcpStream::connect(("127.0.0.1", second_port)));
        opened.unwrap();
        return first;
    }
    assert!(opened.is_err(), "the second server requires a certificate");
    second.join().unwrap().unwrap_or_default()
}

#[test]
fn another_origin_is_shown_no_client_certificate() {
    for adapter in ADAPTERS {
        for to in ["wss://127.0.0.1:SECOND/", "https://localhost:SECOND/"] {
            assert_eq!(certificates_shown_after_a_redirect(adapter, to), 0, "{adapter:?}, {to}");
        }
        for to in ["/chat", "wss://localhost:FIRST/chat"] {
            let to = to.replace("/chat", "/chat?FIRST");
            assert_eq!(certificates_shown_after_a_redirect(adapter, &to), 1, "{adapter:?}, {to}");
        }
    }
}
