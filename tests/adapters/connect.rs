//! The functions that open a TCP connection (RFC 6455 §4.1).

use std::{
    collections::HashSet,
    io::{ErrorKind, Read as _, Write as _},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use framewise::{
    CloseCode, Config, Error, Input, blocking,
    client::{ConnectGate, Connector},
    handshake::{Acceptance, ClientRequest, HandshakeError, ServerHandshake},
    tokio as asynchronous,
};

use crate::support::within;

fn request(uri: &str) -> ClientRequest {
    ClientRequest::new(uri).unwrap()
}

// 6455-4.1-14; 6455-4.1-06: what has failed keeps nobody waiting
#[tokio::test]
async fn a_port_where_nobody_listens_is_an_error() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let uri = format!("ws://{address}/");
    let refused =
        |error| matches!(error, Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused);
    let error = asynchronous::connect(request(&uri), Config::default()).await.unwrap_err();
    assert!(refused(error));
    let error = blocking::connect(request(&uri), Config::default()).unwrap_err();
    assert!(refused(error));
    let gate = ConnectGate::new();
    let connector = Connector::new().gate(&gate);
    assert!(refused(
        asynchronous::connect_with(&connector, request(&uri), Config::default()).await.unwrap_err()
    ));
    let connector = Connector::new().gate(&gate);
    assert!(refused(
        blocking::connect_with(&connector, request(&uri), Config::default()).unwrap_err()
    ));
}

// 6455-4.1-15: never plain octets to a secure resource
#[cfg(not(feature = "rustls"))]
#[tokio::test]
async fn a_secure_uri_needs_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("wss://{}/", listener.local_addr().unwrap());
    let error = asynchronous::connect(request(&uri), Config::default()).await.unwrap_err();
    assert!(matches!(error, Error::TlsRequired));
    let advice = "a wss URI needs TLS: enable the feature `tls`, or connect a TLS stream and pass it to `client`";
    assert_eq!(error.to_string(), advice);
    let error = blocking::connect(request(&uri), Config::default()).unwrap_err();
    assert!(matches!(error, Error::TlsRequired));
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "nothing was opened");
}

// 6455-4.1-15: never plain octets to a secure resource
#[cfg(feature = "rustls-ring")]
#[tokio::test]
async fn a_secure_uri_gets_tls_or_nothing() {
    use framewise::tls::{ClientTls, TlsErrorKind};

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("wss://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        for stream in listener.incoming().take(2) {
            let (mut stream, mut record) = (stream.unwrap(), [0; 5]);
            stream.read_exact(&mut record).unwrap();
            assert_eq!(record[..2], [22, 3], "the handshake of TLS");
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").unwrap();
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    let connector =
        Connector::new().tls(ClientTls::with_roots_pem(include_str!("root.pem")).unwrap());
    let kind = |error| match error {
        Error::Tls(error) => error.kind(),
        error => panic!("{error:?}"),
    };
    let opened = asynchronous::connect_with(&connector, request(&uri), Config::default()).await;
    assert_eq!(kind(opened.unwrap_err()), TlsErrorKind::NotTls);
    let uri = request(&uri);
    let opened = thread::spawn(move || blocking::connect_with(&connector, uri, Config::default()));
    assert_eq!(kind(opened.join().unwrap().unwrap_err()), TlsErrorKind::NotTls);
    server.join().unwrap();
}

/// The time runs, but no timer is set.
fn without_timers() -> Config {
    let mut config = Config::default();
    (config.handshake_timeout, config.close_timeout) = (None, None);
    (config.ping_interval, config.pong_timeout) = (None, None);
    (config.idle_timeout, config.message_timeout) = (None, None);
    config
}

// R46: to wait for a turn takes nothing off the time for the handshake, which then has its end.
#[tokio::test]
async fn waiting_for_a_turn_costs_no_handshake_time() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let gate = ConnectGate::new();
    let turn = gate.enter(address).await;
    let connector = Connector::new().gate(&gate);
    let request = request(&format!("ws://{address}/"));
    let mut connecting = tokio::spawn(async move {
        asynchronous::connect_with(&connector, request, Config::default()).await
    });
    tokio::time::pause();
    let hour = Duration::from_secs(3600);
    assert!(tokio::time::timeout(hour, &mut connecting).await.is_err(), "it waits");
    tokio::time::resume();
    drop(turn);
    let (silent, _) = listener.accept().await.unwrap();
    tokio::time::pause();
    let ended = tokio::time::timeout(hour, connecting).await.expect("an end").unwrap();
    let error = ended.unwrap_err();
    assert!(matches!(error, Error::Handshake(HandshakeError::Timeout)), "{error}");
    assert_eq!(format!("{gate:?}"), "ConnectGate { busy: 0, waiting: 0 }");
    drop(silent);
}

// A runtime without a time driver is enough when nothing is timed.
#[test]
fn no_timer_is_needed_when_all_are_off() {
    within(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let uri = format!("ws://{}/", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let incoming = blocking::accept(listener.accept().unwrap().0, Config::default());
            let mut websocket = incoming.unwrap().accept(Acceptance::new()).unwrap();
            let message = websocket.read().unwrap().unwrap();
            websocket.send(message).unwrap();
            websocket.close(CloseCode::NORMAL, "").unwrap();
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async {
            let (mut websocket, _) =
                asynchronous::connect(request(&uri), without_timers()).await.unwrap();
            websocket.send("Hello").await.unwrap();
            assert_eq!(websocket.read().await.unwrap().unwrap().as_text(), Some("Hello"));
            assert_eq!(websocket.read().await.unwrap(), None);
        });
        server.join().unwrap();
    });
}

// Nobody waits for anybody: none is answered before all have sent their requests.
#[test]
fn without_a_gate_three_hundred_connect_at_once() {
    const TASKS: usize = 280;
    const THREADS: usize = 20;

    within(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let uri = format!("ws://{}/", socket.local_addr().unwrap());
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let request = request(&uri);
                thread::spawn(move || blocking::connect(request, without_timers()).map(drop))
            })
            .collect();
        runtime.block_on(async {
            socket.set_nonblocking(true).unwrap();
            let listener = tokio::net::TcpListener::from_std(socket).unwrap();
            let all = Arc::new(tokio::sync::Barrier::new(TASKS + THREADS));
            let mut clients = Vec::new();
            for _ in 0..TASKS {
                let connecting = asynchronous::connect(request(&uri), without_timers());
                clients.push(tokio::spawn(connecting));
            }
            let mut servers = Vec::new();
            for _ in 0..TASKS + THREADS {
                let (stream, _) = listener.accept().await.unwrap();
                let all = Arc::clone(&all);
                servers.push(tokio::spawn(async move {
                    let incoming = asynchronous::accept(stream, without_timers()).await.unwrap();
                    all.wait().await;
                    incoming.accept(Acceptance::new()).await.unwrap()
                }));
            }
            for client in clients {
                client.await.unwrap().unwrap();
            }
            for server in servers {
                server.await.unwrap();
            }
        });
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
    });
}

// One that hangs does not hold up the others.
#[test]
fn without_a_gate_a_handshake_that_hangs_holds_up_nobody() {
    within(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let uri = format!("ws://{}/", listener.local_addr().unwrap());
        let first = request(&uri);
        let first = thread::spawn(move || blocking::connect(first, without_timers()).is_err());
        let (silent, _) = listener.accept().unwrap();
        let server = thread::spawn(move || [keys(&listener), keys(&listener)]);
        let (mut websocket, _) = blocking::connect(request(&uri), without_timers()).unwrap();
        websocket.send("Hello").unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut websocket, _) =
                asynchronous::connect(request(&uri), without_timers()).await.unwrap();
            websocket.send("Hello").await.unwrap();
        });
        server.join().unwrap();
        drop(silent);
        assert!(first.join().unwrap(), "the end of the stream");
    });
}

// 6455-4.1-06, 6455-4.1-07, 6455-4.1-08, 3986-3.2.2-02: threads and tasks alike, by whatever name
#[test]
fn with_a_gate_one_connection_at_a_time_is_being_opened() {
    const CLIENTS: usize = 24;

    within(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || {
            let opening = Arc::new(AtomicUsize::new(0));
            let serve = |stream| {
                let opening = Arc::clone(&opening);
                assert_eq!(opening.fetch_add(1, Ordering::SeqCst), 0, "another is being opened");
                thread::spawn(move || {
                    let incoming = blocking::accept(stream, Config::default()).unwrap();
                    // Time for the others to come, if they did not wait.
                    thread::sleep(Duration::from_millis(5));
                    opening.fetch_sub(1, Ordering::SeqCst);
                    let mut websocket = incoming.accept(Acceptance::new()).unwrap();
                    websocket.close(CloseCode::NORMAL, "").unwrap();
                })
            };
            let serving: Vec<_> =
                (0..CLIENTS).map(|_| serve(listener.accept().unwrap().0)).collect();
            serving.into_iter().for_each(|thread| thread.join().unwrap());
        });
        let gate = ConnectGate::new();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                // The case of a name does not matter.
                let host = ["127.0.0.1", "127.0.0.1", "localhost", "LOCALHOST"][client % 4];
                let request = request(&format!("ws://{host}:{port}/"));
                let gate = gate.clone();
                thread::spawn(move || {
                    if client % 2 == 0 {
                        let connector = Connector::new().gate(&gate);
                        let (mut websocket, _) =
                            blocking::connect_with(&connector, request, Config::default()).unwrap();
                        return websocket.read().unwrap();
                    }
                    let runtime =
                        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    runtime.block_on(async {
                        let connector = Connector::new().gate(&gate);
                        let (mut websocket, _) =
                            asynchronous::connect_with(&connector, request, Config::default())
                                .await
                                .unwrap();
                        websocket.read().await.unwrap()
                    })
                })
            })
            .collect();
        for client in clients {
            assert_eq!(client.join().unwrap(), None);
        }
        server.join().unwrap();
        assert_eq!(format!("{gate:?}"), "ConnectGate { busy: 0, waiting: 0 }");
    });
}

/// Serves one connection octet by octet; returns the key of its request and that of its first frame.
fn keys(listener: &TcpListener) -> (String, [u8; 4]) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut handshake = ServerHandshake::new(Config::default());
    let upgrade = loop {
        let mut octet = [0];
        stream.read_exact(&mut octet).unwrap();
        if let Some(upgrade) = handshake.receive(&mut Input::new(&mut octet)).unwrap() {
            break upgrade;
        }
    };
    let key = upgrade.key().unwrap().to_owned();
    let mut connection = upgrade.accept(Acceptance::new()).unwrap();
    stream.write_all(connection.output().chunk()).unwrap();
    let mut frame = [0; 11];
    stream.read_exact(&mut frame).unwrap();
    assert_eq!(frame[..2], [0x81, 0x85]);
    (key, [frame[2], frame[3], frame[4], frame[5]])
}

// 6455-4.1-12, 3986-3.2.2-01
#[test]
fn a_literal_address_is_connected_to() {
    let listener = match TcpListener::bind("[::1]:0") {
        Ok(listener) => listener,
        Err(error) => return eprintln!("skipped: there is no IPv6 here: {error}"),
    };
    within(move || {
        let uri = format!("ws://{}/", listener.local_addr().unwrap());
        assert!(uri.starts_with("ws://[::1]:"), "{uri}");
        let server = thread::spawn(move || [keys(&listener), keys(&listener)]);
        let (mut websocket, _) = blocking::connect(request(&uri), Config::default()).unwrap();
        websocket.send("Hello").unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut websocket, _) =
                asynchronous::connect(request(&uri), Config::default()).await.unwrap();
            websocket.send("Hello").await.unwrap();
        });
        server.join().unwrap();
    });
}

// 6455-4.1-02, 6455-4.1-12, 6455-4.1-31, 6455-4.1-32, 6455-5.3-03, 6455-5.3-04; R42, R49: there is
// no way to give a seed to `connect`, and no two connections have the same
#[test]
fn the_system_seeds_every_client() {
    const CLIENTS: usize = 8;

    let found = within(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let uri = format!("ws://{}/", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            (0..CLIENTS).map(|_| keys(&listener)).collect::<Vec<(String, [u8; 4])>>()
        });
        for client in 0..CLIENTS {
            // The same request again is another attempt.
            let request = request(&uri);
            if client % 2 == 0 {
                let (mut websocket, _) = blocking::connect(request, Config::default()).unwrap();
                websocket.send("Hello").unwrap();
                continue;
            }
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (mut websocket, _) =
                    asynchronous::connect(request, Config::default()).await.unwrap();
                websocket.send("Hello").await.unwrap();
            });
        }
        server.join().unwrap()
    });
    let (keys, masks): (HashSet<_>, HashSet<_>) = found.into_iter().unzip();
    assert_eq!((keys.len(), masks.len()), (CLIENTS, CLIENTS));
}
