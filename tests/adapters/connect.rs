//! The functions that open a TCP connection (RFC 6455 §4.1).

use std::{
    collections::HashSet,
    io::{ErrorKind, Read as _, Write as _},
    net::TcpListener,
    thread,
    time::Duration,
};

use framewise::{
    CloseCode, Config, Error, Input, blocking,
    handshake::{Acceptance, ClientRequest, ServerHandshake},
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
}

// 6455-4.1-15: never plain octets to a secure resource
#[tokio::test]
async fn a_secure_uri_needs_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("wss://{}/", listener.local_addr().unwrap());
    let error = asynchronous::connect(request(&uri), Config::default()).await.unwrap_err();
    assert!(matches!(error, Error::TlsRequired));
    let error = blocking::connect(request(&uri), Config::default()).unwrap_err();
    assert!(matches!(error, Error::TlsRequired));
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "nothing was opened");
}

// R46: who waits for somebody else's handshake does not wait for ever, either
#[test]
fn waiting_for_another_connection_has_an_end() {
    let ends = within(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let uri = format!("ws://{}/", listener.local_addr().unwrap());
        let mut patient = Config::default();
        patient.handshake_timeout = None;
        let first = request(&uri);
        let first = thread::spawn(move || blocking::connect(first, patient).is_err());
        // It has the right to be the one, and is not answered.
        let (silent, _) = listener.accept().unwrap();
        let mut impatient = Config::default();
        impatient.handshake_timeout = Some(Duration::from_millis(50));
        let blocked = blocking::connect(request(&uri), impatient.clone()).unwrap_err();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let other = runtime.block_on(asynchronous::connect(request(&uri), impatient)).unwrap_err();
        drop(silent);
        assert!(first.join().unwrap(), "the end of the stream");
        [blocked, other]
    });
    for error in ends {
        assert!(
            matches!(&error, Error::Io(error) if error.kind() == ErrorKind::TimedOut),
            "{error}"
        );
    }
}

// 6455-4.1-06, 6455-4.1-07, 6455-4.1-08, 3986-3.2.2-02: threads and tasks alike, by whatever name
#[test]
fn one_connection_at_a_time_is_being_opened_to_an_address() {
    const CLIENTS: usize = 8;

    within(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || {
            let mut open = Vec::new();
            for _ in 0..CLIENTS {
                let (stream, _) = listener.accept().unwrap();
                let incoming = blocking::accept(stream, Config::default()).unwrap();
                // Time for the others to come, if they did not wait.
                thread::sleep(Duration::from_millis(10));
                listener.set_nonblocking(true).unwrap();
                assert!(listener.accept().is_err(), "another one is being opened");
                listener.set_nonblocking(false).unwrap();
                open.push(incoming.accept(Acceptance::new()).unwrap());
            }
            open.iter_mut().for_each(|websocket| {
                websocket.close(CloseCode::NORMAL, "").unwrap();
            });
        });
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                // The case of a name does not matter.
                let host = ["127.0.0.1", "127.0.0.1", "localhost", "LOCALHOST"][client % 4];
                let request = request(&format!("ws://{host}:{port}/"));
                thread::spawn(move || {
                    if client % 2 == 0 {
                        let (mut websocket, _) =
                            blocking::connect(request, Config::default()).unwrap();
                        return websocket.read().unwrap();
                    }
                    let runtime =
                        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    runtime.block_on(async {
                        let (mut websocket, _) =
                            asynchronous::connect(request, Config::default()).await.unwrap();
                        websocket.read().await.unwrap()
                    })
                })
            })
            .collect();
        for client in clients {
            assert_eq!(client.join().unwrap(), None);
        }
        server.join().unwrap();
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
