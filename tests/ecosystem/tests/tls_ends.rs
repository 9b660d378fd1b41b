//! How connections over TLS end: with a Close, with TLS's own end (close_notify) and without.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::mpsc,
    thread,
};

use framewise::{
    CloseCode, Config, EndOfStream, Error,
    blocking::{self, Stream as _, TlsStream},
    handshake::Acceptance,
    tls::{ClientTls, ServerTls, TlsErrorKind},
    tokio as asynchronous,
};
use framewise_ecosystem::{
    Adapter::{self, Blocking, Tokio},
    Authority, PAIRS, into_async, run,
};

/// The messages that came, and how the connection ended.
type Seen = (Vec<String>, Option<EndOfStream>);

/// Accepts clients and reads from each one until its end, or closes; tells what it has seen.
fn serve(
    adapter: Adapter,
    tls: ServerTls,
    closes: impl Fn(usize) -> bool + Send + 'static,
) -> (SocketAddr, mpsc::Receiver<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (seen, ends) = mpsc::channel();
    let one = move |stream: TcpStream, closes: bool| {
        let mut texts = Vec::new();
        let end = blocking_or_async(adapter, stream, &tls, closes, &mut texts);
        (texts, end.unwrap())
    };
    thread::spawn(move || {
        for (count, stream) in listener.incoming().enumerate() {
            if seen.send(one(stream.unwrap(), closes(count))).is_err() {
                return;
            }
        }
    });
    (address, ends)
}

fn blocking_or_async(
    adapter: Adapter,
    stream: TcpStream,
    tls: &ServerTls,
    closes: bool,
    texts: &mut Vec<String>,
) -> Result<Option<EndOfStream>, Error> {
    match adapter {
        Blocking => {
            let incoming = blocking::accept_tls(stream, tls, Config::default())?;
            let mut websocket = incoming.accept(Acceptance::new())?;
            if closes {
                return websocket.close(CloseCode::NORMAL, "").map(Some);
            }
            while let Some(message) = websocket.read()? {
                texts.push(message.as_text().unwrap().to_owned());
            }
            Ok(websocket.end())
        }
        Tokio => run(async {
            let stream = into_async(stream);
            let incoming = asynchronous::accept_tls(stream, tls, Config::default()).await?;
            let mut websocket = incoming.accept(Acceptance::new()).await?;
            if closes {
                return websocket.close(CloseCode::NORMAL, "").await.map(Some);
            }
            while let Some(message) = websocket.read().await? {
                texts.push(message.as_text().unwrap().to_owned());
            }
            Ok(websocket.end())
        }),
    }
}

#[test]
fn a_thousand_closes_are_clean() {
    let authority = Authority::new("root");
    let (server, client) = (authority.server(&["localhost"]), authority.client());
    for (accepting, connecting) in PAIRS {
        let by_server = |count: usize| count % 2 == 1;
        let (address, ends) = serve(accepting, server.clone(), by_server);
        for count in 0..250 {
            let stream = TcpStream::connect(address).unwrap();
            let (uri, config) = ("wss://localhost/", Config::default());
            let end = match connecting {
                Blocking => {
                    let (mut websocket, _) =
                        blocking::client_tls(stream, &client, uri, config).unwrap();
                    if by_server(count) {
                        assert!(websocket.read().unwrap().is_none());
                        websocket.end().unwrap()
                    } else {
                        websocket.send("last").unwrap();
                        websocket.close(CloseCode::NORMAL, "").unwrap()
                    }
                }
                Tokio => run(async {
                    let stream = into_async(stream);
                    let (mut websocket, _) =
                        asynchronous::client_tls(stream, &client, uri, config).await.unwrap();
                    if by_server(count) {
                        assert!(websocket.read().await.unwrap().is_none());
                        websocket.end().unwrap()
                    } else {
                        websocket.send("last").await.unwrap();
                        websocket.close(CloseCode::NORMAL, "").await.unwrap()
                    }
                }),
            };
            assert_eq!(end, EndOfStream::Clean, "{connecting:?}, {count}");
            let texts = if by_server(count) { vec![] } else { vec!["last".to_owned()] };
            let seen = ends.recv().unwrap();
            assert_eq!(seen, (texts, Some(EndOfStream::Clean)), "{accepting:?}, {count}");
        }
    }
}

/// Opens a connection, and leaves the WebSocket to the test.
fn open(address: SocketAddr, client: &ClientTls) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(address).unwrap();
    let opened = blocking::client_tls(stream, client, "wss://localhost/", Config::default());
    opened.unwrap().0.into_inner()
}

/// Two messages, and a Close.
const MESSAGES: &[u8] = b"\x81\x82\x00\x00\x00\x00hi\x81\x82\x00\x00\x00\x00ho";
const CLOSE: &[u8] = b"\x88\x82\x00\x00\x00\x00\x03\xe8";
const ANSWER: &[u8] = b"\x88\x02\x03\xe8";

// R60: a cut is an end like any other, and what came before it is delivered.
#[test]
fn cuts_without_close_notify_lose_nothing_that_came() {
    let authority = Authority::new("root");
    let (server, client) = (authority.server(&["localhost"]), authority.client());
    for adapter in [Blocking, Tokio] {
        let (address, ends) = serve(adapter, server.clone(), |_| false);
        for count in 0..100 {
            let mut stream = open(address, &client);
            stream.write_all(MESSAGES).unwrap();
            let end = if count % 2 == 0 {
                stream.flush().unwrap();
                EndOfStream::Lost
            } else {
                stream.write_all(CLOSE).unwrap();
                let mut answer = [0; 4];
                stream.read_exact(&mut answer).unwrap();
                assert_eq!(answer, ANSWER);
                EndOfStream::Clean
            };
            stream.transport().shutdown(Shutdown::Write).unwrap();
            let texts = vec!["hi".to_owned(), "ho".to_owned()];
            assert_eq!(ends.recv().unwrap(), (texts, Some(end)), "{adapter:?}, {count}");
        }
    }
}

// It tells an end from a cut, and leaves the other direction open.
#[test]
fn close_notify_ends_one_direction() {
    let authority = Authority::new("root");
    let (server, client) = (authority.server(&["localhost"]), authority.client());
    for by_server in [false, true] {
        let (accepted, connected) = blocking_pair(&server, &client);
        let (mut one, mut other) =
            if by_server { (accepted, connected) } else { (connected, accepted) };
        one.write_all(b"last").unwrap();
        one.shutdown_write().unwrap();
        let mut received = Vec::new();
        other.read_to_end(&mut received).unwrap();
        assert_eq!(received, b"last");
        other.write_all(b"later").unwrap();
        other.transport().shutdown(Shutdown::Write).unwrap();
        received.clear();
        let error = one.read_to_end(&mut received).unwrap_err();
        assert_eq!((&*received, error.kind()), (&b"later"[..], ErrorKind::UnexpectedEof));
        assert!(error.to_string().ends_with("without ending TLS (close_notify)"), "{error}");
    }
}

fn blocking_pair(
    server: &ServerTls,
    client: &ClientTls,
) -> (TlsStream<TcpStream>, TlsStream<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let tls = server.clone();
    let accepting = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let incoming = blocking::accept_tls(stream, &tls, Config::default()).unwrap();
        incoming.accept(Acceptance::new()).unwrap().into_inner()
    });
    let connected = open(address, client);
    (accepting.join().unwrap(), connected)
}

// A record that somebody on the way has changed: both ends hear of it.
#[test]
fn a_damaged_record_is_an_error_and_an_alert() {
    let authority = Authority::new("root");
    let (server, client) = (authority.server(&["localhost"]), authority.client());
    for adapter in [Blocking, Tokio] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let tls = server.clone();
        let serving = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            blocking_or_async(adapter, stream, &tls, false, &mut Vec::new())
        });
        let mut stream = open(address, &client);
        let record = [&[23, 3, 3, 0, 32][..], &[0; 32]].concat();
        { stream.transport() }.write_all(&record).unwrap();
        let error = stream.read(&mut [0; 16]).unwrap_err();
        let Error::Tls(error) = Error::from(error) else { panic!("no error of TLS") };
        assert_eq!(error.kind(), TlsErrorKind::Other);
        assert_eq!(error.to_string(), "the server ends the TLS connection: BadRecordMac");
        let Err(Error::Tls(error)) = serving.join().unwrap() else { panic!("no error of TLS") };
        assert_eq!(error.to_string(), "TLS with the client failed: DecryptError");
    }
}
