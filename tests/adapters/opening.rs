//! What programs pass in to open or to accept a connection, and what they get.

use std::{
    collections::HashSet,
    io::{self, ErrorKind, Read as _, Write as _},
    net::{Shutdown, TcpListener},
    sync::Arc,
    thread,
    time::Duration,
};

use framewise::{
    CloseCode, Config, EndOfStream, Error, Message, blocking,
    handshake::{Acceptance, ClientRequest, RequestError, Uri, UriErrorKind},
    tokio as asynchronous,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufStream},
    net::TcpStream,
};

use crate::support::{
    Bring, REQUEST, Scripted, finish, from_client, server, tokio_sockets, within,
};

/// Does something with a request of every kind.
macro_rules! with_every_request {
    ($uri:expr, |$request:ident| $body:expr) => {
        with_every_request!(@each $request, $body, [
            $uri.as_str(),
            $uri,
            $uri.clone(),
            Uri::try_from($uri).unwrap(),
            ClientRequest::new($uri).unwrap(),
            &ClientRequest::new($uri).unwrap()
        ])
    };
    (@each $request:ident, $body:expr, [$($each:expr),*]) => {$({
        let $request = $each;
        $body
    })*};
}

const REQUESTS: usize = 6;

#[test]
fn whatever_names_a_resource_is_connected_to() {
    within(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let uri = &format!("ws://{}/chat", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            for _ in 0..2 * REQUESTS {
                let (stream, _) = listener.accept().unwrap();
                let incoming = blocking::accept(stream, Config::default()).unwrap();
                assert_eq!(incoming.upgrade().path(), "/chat");
                incoming.accept(Acceptance::new()).unwrap();
            }
        });
        with_every_request!(uri, |request| {
            let (_websocket, response) = blocking::connect(request, Config::default()).unwrap();
            assert_eq!(response.status(), 101);
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            with_every_request!(uri, |request| {
                let opened = asynchronous::connect(request, Config::default()).await;
                assert_eq!(opened.unwrap().1.status(), 101);
            });
        });
        server.join().unwrap();
    });
}

fn is_about_uri(error: &Error, kind: UriErrorKind) -> bool {
    matches!(error, Error::Request(RequestError::Uri(uri)) if uri.kind() == kind)
}

// One type of error for a function that connects and talks
#[test]
fn a_malformed_uri_is_an_error_of_connect() {
    let open = || -> Result<(), Error> {
        blocking::connect("127.0.0.1:9001", Config::default())?;
        Ok(())
    };
    let error = open().unwrap_err();
    assert!(is_about_uri(&error, UriErrorKind::Scheme), "{error:?}");
    assert!(error.to_string().contains("ws://127.0.0.1:9001"), "{error}");
    let opening = asynchronous::connect("ws://host/a b", Config::default());
    let error = finish(opening, 1).unwrap_err();
    assert!(is_about_uri(&error, UriErrorKind::Resource), "{error:?}");
    let stream = Scripted::bytes(Vec::new());
    let error = blocking::client(stream.clone(), "http://host/", Config::default()).unwrap_err();
    assert!(is_about_uri(&error, UriErrorKind::Scheme), "{error:?}");
    let opening = asynchronous::client(stream.clone(), "ws://a@b/", Config::default());
    let error = finish(opening, 1).unwrap_err();
    assert!(is_about_uri(&error, UriErrorKind::Userinfo), "{error:?}");
    assert!(stream.log().is_empty(), "the stream was not touched");
}

#[test]
fn a_client_over_any_stream_is_seeded_by_the_system() {
    let mut requests = HashSet::new();
    let uri = &String::from("ws://host/");
    with_every_request!(uri, |request| {
        let stream = Scripted::new([Bring::Eof]);
        blocking::client(stream.clone(), request, Config::default()).unwrap_err();
        requests.insert(stream.written());
    });
    with_every_request!(uri, |request| {
        let stream = Scripted::new([Bring::Eof]);
        finish(asynchronous::client(stream.clone(), request, Config::default()), 2).unwrap_err();
        requests.insert(stream.written());
    });
    assert_eq!(requests.len(), 2 * REQUESTS, "no two have the same key");
    let seeds: HashSet<_> = (0..8).map(|_| framewise::random_seed().unwrap()).collect();
    assert_eq!(seeds.len(), 8);
}

/// Reads a message from a new connection, sends it back, and reads to the end.
fn echo_once(listener: &TcpListener) {
    let (stream, _) = listener.accept().unwrap();
    let mut websocket = blocking::accept_any(stream, Config::default()).unwrap();
    assert!(websocket.stream().nodelay().unwrap());
    let message = websocket.read().unwrap().unwrap();
    websocket.send(message).unwrap();
    websocket.closed().unwrap();
}

#[test]
fn a_thread_gets_a_stream_of_the_crate() {
    within(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || echo_once(&listener));
        let uri = format!("ws://{address}/");
        let (websocket, _) = blocking::connect(uri, Config::default()).unwrap();
        let stream = websocket.stream();
        assert_eq!(stream.peer_addr().unwrap(), address);
        assert_eq!(stream.local_addr().unwrap().ip(), address.ip());
        assert!(stream.nodelay().unwrap(), "set by connect");
        stream.set_nodelay(false).unwrap();
        assert!(!stream.nodelay().unwrap());
        assert!(format!("{stream:?}").starts_with("ClientStream"));

        // Its halves, in two threads.
        let (clone, tcp) = (stream.try_clone().unwrap(), stream.try_clone().unwrap());
        let (mut reader, mut writer) = websocket.into_split(clone);
        let sender = thread::spawn(move || {
            writer.send("Hello").unwrap();
            writer
        });
        assert_eq!(reader.read().unwrap(), Some(Message::Text("Hello".into())));
        sender.join().unwrap().send_close(CloseCode::NORMAL, "").unwrap();
        assert_eq!(reader.closed().unwrap(), EndOfStream::Clean);
        let tcp: std::net::TcpStream = tcp.try_into_tcp().unwrap();
        assert!(!tcp.nodelay().unwrap(), "of the same socket");
        // The timers of the connection reach it.
        assert!(tcp.read_timeout().unwrap().is_some() && tcp.write_timeout().unwrap().is_some());
        server.join().unwrap();
    });
}

/// Closes a connection as a server does that waits for the client's end.
fn wait_for_the_end(listener: &TcpListener) {
    let (stream, _) = listener.accept().unwrap();
    let mut stream = blocking::accept_any(stream, Config::default()).unwrap().into_inner();
    stream.read_exact(&mut [0; 8]).unwrap();
    stream.write_all(b"\x88\x02\x03\xe8").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(50))).unwrap();
    assert_eq!(stream.read_to_end(&mut Vec::new()).unwrap(), 0);
}

#[test]
fn a_stream_of_the_crate_ends_its_own_direction() {
    within(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let uri = format!("ws://{}/", listener.local_addr().unwrap());
        let server = thread::spawn(move || (0..2).for_each(|_| wait_for_the_end(&listener)));
        let (mut threaded, _) = blocking::connect(&uri, Config::default()).unwrap();
        assert_eq!(threaded.close(CloseCode::NORMAL, "").unwrap(), EndOfStream::Clean);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (mut polled, _) =
            runtime.block_on(asynchronous::connect(&uri, Config::default())).unwrap();
        let closed = runtime.block_on(polled.close(CloseCode::NORMAL, ""));
        assert_eq!(closed.unwrap(), EndOfStream::Clean);
        // Neither stream was dropped.
        server.join().unwrap();
        drop((threaded, polled));
    });
}

#[test]
fn a_plain_stream_is_taken_at_its_word() {
    let text = from_client(|peer| peer.send("later").unwrap());
    let stream = Scripted::new([Bring::Later, Bring::Bytes(text)]);
    let mut websocket = blocking::WebSocket::new(blocking::Plain(stream), server());
    let error = websocket.read().unwrap_err();
    let would_block = matches!(&error, Error::Io(error) if error.kind() == ErrorKind::WouldBlock);
    assert!(would_block, "{error}");
    assert_eq!(websocket.read().unwrap(), Some(Message::Text("later".into())));
}

#[tokio::test]
async fn a_task_gets_a_stream_of_the_crate() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || (0..2).for_each(|_| echo_once(&listener)));
    let uri = format!("ws://{address}/");
    let (mut websocket, _) = asynchronous::connect(&uri, Config::default()).await.unwrap();
    let stream = websocket.stream();
    assert_eq!(stream.peer_addr().unwrap(), address);
    assert_eq!(stream.local_addr().unwrap().ip(), address.ip());
    assert!(stream.is_write_vectored(), "header and payload are one write");
    assert!(stream.nodelay().unwrap(), "set by connect");
    stream.set_nodelay(false).unwrap();
    assert!(!stream.nodelay().unwrap());
    assert!(format!("{stream:?}").starts_with("ClientStream"));
    websocket.send("Hello").await.unwrap();
    assert_eq!(websocket.read().await.unwrap(), Some(Message::Text("Hello".into())));
    let end = websocket.close(CloseCode::NORMAL, "").await.unwrap();
    assert_eq!(end, EndOfStream::Clean);
    let tcp: TcpStream = websocket.into_parts().stream.try_into_tcp().unwrap();
    assert!(!tcp.nodelay().unwrap());

    let (websocket, _) = asynchronous::connect(&uri, Config::default()).await.unwrap();
    let (mut reader, mut writer) = websocket.into_split();
    writer.send("Hello").await.unwrap();
    assert_eq!(reader.read().await.unwrap(), Some(Message::Text("Hello".into())));
    writer.send_close(CloseCode::NORMAL, "").await.unwrap();
    assert_eq!(reader.closed().await.unwrap(), EndOfStream::Clean);
    server.join().unwrap();
}

// A stream needs not live as long as the program
#[tokio::test]
async fn streams_can_be_borrowed_boxed_and_buffered() {
    async fn accepts(stream: impl AsyncRead + AsyncWrite + Unpin, peer: &mut TcpStream) {
        peer.write_all(REQUEST).await.unwrap();
        asynchronous::accept_any(stream, Config::default()).await.unwrap();
    }

    let (mut tcp, mut peer) = tokio_sockets().await;
    accepts(&mut tcp, &mut peer).await;
    accepts(BufStream::new(&mut tcp), &mut peer).await;
    let boxed: Box<dyn Stream + '_> = Box::new(&mut tcp);
    accepts(boxed, &mut peer).await;
    accepts(tcp, &mut peer).await;
}

/// All that the adapter asks of a stream.
trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

#[test]
fn a_request_shows_what_a_server_decides_upon() {
    let asked = b"GET /chat?room=1 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\nAuthorization: Bearer abc\r\n\r\n";
    let stream = Scripted::bytes(asked.to_vec());
    let incoming = blocking::accept(stream, Config::default()).unwrap();
    assert_eq!((incoming.path(), incoming.upgrade().query()), ("/chat", Some("room=1")));
    assert_eq!(incoming.header("authorization"), Some(&b"Bearer abc"[..]));
    assert_eq!(incoming.header("Cookie"), None);
    assert!(incoming.stream().written().is_empty(), "it waits for the decision");
    let stream = Scripted::bytes(asked.to_vec());
    let incoming = finish(asynchronous::accept(stream, Config::default()), 1).unwrap();
    assert_eq!(incoming.path(), "/chat");
    assert_eq!(incoming.header("AUTHORIZATION"), Some(&b"Bearer abc"[..]));
    assert!(incoming.stream().written().is_empty());
    let stream = Scripted::bytes(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n".to_vec());
    let requested = blocking::receive_request(stream.clone(), Config::default()).unwrap();
    assert!(Arc::ptr_eq(requested.stream().shared(), stream.shared()));
}

#[test]
fn any_valid_request_is_accepted_in_one_call() {
    let browser = String::from_utf8(REQUEST.to_vec()).unwrap();
    let browser = browser.replacen("\r\n", "\r\nOrigin: http://elsewhere.example\r\n", 1);
    for asked in [REQUEST, browser.as_bytes()] {
        let stream = Scripted::bytes(asked.to_vec());
        blocking::accept_any(stream.clone(), Config::default()).unwrap();
        assert!(stream.written().starts_with(b"HTTP/1.1 101 "));
        let stream = Scripted::bytes(asked.to_vec());
        finish(asynchronous::accept_any(stream.clone(), Config::default()), 1).unwrap();
        assert!(stream.written().starts_with(b"HTTP/1.1 101 "));
    }
    let stream = Scripted::new([Bring::Bytes(b"GET / HTTP/1.1\r\n\r\n".to_vec()), Bring::Eof]);
    let error = blocking::accept_any(stream.clone(), Config::default()).unwrap_err();
    assert!(matches!(error, Error::Handshake(_)), "{error:?}");
    assert!(stream.written().starts_with(b"HTTP/1.1 400 "));
}

/// Records what it is asked to do.
#[derive(Default)]
struct Record(Vec<&'static str>);

impl io::Read for Record {
    fn read(&mut self, _buf: &mut [u8]) -> io::Result<usize> {
        self.0.push("read");
        Ok(3)
    }
}

impl io::Write for Record {
    fn write(&mut self, _buf: &[u8]) -> io::Result<usize> {
        self.0.push("write");
        Ok(4)
    }

    fn write_vectored(&mut self, _bufs: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.0.push("write_vectored");
        Ok(5)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.push("flush");
        Ok(())
    }
}

#[test]
fn a_plain_stream_does_what_its_stream_does_and_is_flushed_at_its_end() {
    use std::io::{Read as _, Write as _};

    let mut stream = blocking::Plain(Record::default());
    assert_eq!(stream.read(&mut []).unwrap(), 3);
    assert_eq!(stream.write(&[]).unwrap(), 4);
    assert_eq!(stream.write_vectored(&[]).unwrap(), 5);
    stream.flush().unwrap();
    assert_eq!(stream.0.0, ["read", "write", "write_vectored", "flush"]);
    blocking::Stream::shutdown_write(&mut stream).unwrap();
    assert_eq!(stream.0.0.last(), Some(&"flush"));
    assert_eq!(stream.0.0.len(), 5);
}
