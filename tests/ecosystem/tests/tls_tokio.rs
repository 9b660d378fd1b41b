//! The TLS streams of the adapter for tokio, in virtual time.

use std::{
    io::{self, ErrorKind},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use framewise::{
    CloseCode, Config, EndOfStream, Error,
    handshake::{Acceptance, HandshakeError, OriginPolicy, Rejection},
    tls::TlsErrorKind,
    tokio::{TlsStream, WebSocket, accept_tls, client_tls, receive_request_tls},
};
use framewise_ecosystem::Authority;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    io::{
        AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf, duplex,
    },
    time::{Instant, sleep, timeout},
};
use tokio_rustls::TlsConnector;

type Tls = WebSocket<TlsStream<DuplexStream>>;

/// Both ends of a WebSocket, with little between them.
async fn websockets(capacity: usize) -> (Tls, Tls) {
    let authority = Authority::new("root");
    let (server, client) = (authority.server(&["localhost"]), authority.client());
    let (one, other) = duplex(capacity);
    let (server, client) = tokio::join!(
        async {
            accept_tls(one, &server, Config::default()).await?.accept(Acceptance::new()).await
        },
        client_tls(other, &client, "wss://localhost/", Config::default())
    );
    (server.unwrap(), client.unwrap().0)
}

async fn soon<F: Future>(future: F) -> F::Output {
    timeout(Duration::from_secs(600), future).await.expect("it hangs")
}

// Ten seconds by default.
#[tokio::test(start_paused = true)]
async fn the_opening_handshake_has_the_time_that_tls_has_left() {
    let authority = Authority::new("root");
    let (server, client) = (authority.server(&["localhost"]), authority.client());
    // The peer does TLS after a while, and nothing more.
    for delay in [0, 6, 11] {
        let (one, other) = duplex(1 << 16);
        let connector = TlsConnector::from(authority.client_config());
        let talking = tokio::spawn(async move {
            sleep(Duration::from_secs(delay)).await;
            let _tls = connector.connect("localhost".try_into().unwrap(), other).await;
            std::future::pending::<()>().await;
        });
        let start = Instant::now();
        let config = Config::default().close_timeout(Duration::from_secs(2));
        let error = accept_tls(one, &server, config).await.unwrap_err();
        let seconds = start.elapsed().as_secs();
        if delay < 10 {
            assert!(matches!(error, Error::Handshake(HandshakeError::Timeout)), "{error:?}");
            assert_eq!(seconds, 10 + 2, "{delay}: the limit, and the time for the answer");
        } else {
            let Error::Tls(error) = error else { panic!("{error:?}") };
            assert_eq!((error.kind(), seconds), (TlsErrorKind::Timeout, 10));
        }
        talking.abort();
    }
    for delay in [0, 6, 11] {
        let (one, other) = duplex(1 << 16);
        let acceptor = tokio_rustls::TlsAcceptor::from(authority.server_config(&["localhost"]));
        let talking = tokio::spawn(async move {
            sleep(Duration::from_secs(delay)).await;
            let _tls = acceptor.accept(one).await;
            std::future::pending::<()>().await;
        });
        let start = Instant::now();
        let config = Config::default();
        let error = client_tls(other, &client, "wss://localhost/", config).await.unwrap_err();
        match error {
            Error::Handshake(HandshakeError::Timeout) if delay < 10 => {}
            Error::Tls(error) if error.kind() == TlsErrorKind::Timeout && delay > 10 => {}
            error => panic!("{delay}: {error:?}"),
        }
        assert_eq!(start.elapsed().as_secs(), 10, "{delay}");
        talking.abort();
    }
}

// The room between the ends is less than most records: it is that of the alert.
#[tokio::test(start_paused = true)]
async fn an_alert_arrives_through_a_narrow_pipe() {
    let authority = Authority::new("root");
    let server = authority.server(&["localhost"]).require_client_certs(authority.pem()).unwrap();
    for capacity in [24, 64, 1 << 16] {
        let (one, other) = duplex(capacity);
        let client = authority.client();
        let accepting = async {
            let start = Instant::now();
            let error = accept_tls(one, &server, Config::default()).await.map(drop).unwrap_err();
            (error, start.elapsed())
        };
        let connecting = client_tls(other, &client, "wss://localhost/", Config::default());
        let ((of_server, elapsed), of_client) = tokio::join!(accepting, connecting);
        for error in [of_server, of_client.map(drop).unwrap_err()] {
            let Error::Tls(error) = error else { panic!("{capacity}: {error:?}") };
            assert_eq!(error.kind(), TlsErrorKind::CertificateRequired, "{capacity}");
        }
        assert_eq!(elapsed, Duration::ZERO, "nobody waited in vain");
    }
}

/// A stream whose writes fail after the TLS handshake of a client, in which it is flushed twice.
struct Torn {
    inner: DuplexStream,
    flushes: u32,
}

impl AsyncRead for Torn {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for Torn {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.flushes >= 2 {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flushes += 1;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

// The server has closed before the request was written; its alert comes later, or never.
#[tokio::test(start_paused = true)]
async fn an_alert_says_more_than_the_failed_write_before_it() {
    let authority = Authority::new("root");
    for required in [true, false] {
        let mut server = authority.server(&["localhost"]);
        if required {
            server = server.require_client_certs(authority.pem()).unwrap();
        }
        let (one, other) = duplex(1 << 16);
        let torn = Torn { inner: other, flushes: 0 };
        let client = authority.client();
        let (of_server, of_client) = tokio::join!(
            async {
                let accepting = accept_tls(one, &server, Config::default());
                timeout(Duration::from_secs(1), accepting).await.map(drop)
            },
            client_tls(torn, &client, "wss://localhost/", Config::default())
        );
        match of_client.map(drop).unwrap_err() {
            Error::Tls(error) if required => {
                assert_eq!(error.kind(), TlsErrorKind::CertificateRequired);
            }
            Error::Io(error) if !required => assert_eq!(error.kind(), ErrorKind::BrokenPipe),
            error => panic!("{error:?}"),
        }
        assert_eq!(of_server.is_ok(), required, "a server without a reason waits");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_arrives() {
    for capacity in [64, 1 << 10, 1 << 16] {
        let (mut server, mut client) = websockets(capacity).await;
        let sending = tokio::spawn(async move {
            server.send(vec![7; 100_000]).await.unwrap();
            std::future::pending::<()>().await;
        });
        let message = soon(client.read()).await.unwrap().unwrap();
        assert_eq!(message.as_bytes(), [7; 100_000]);
        sending.abort();
    }
}

// Two tasks at each end, both ways, with little between them.
#[tokio::test(start_paused = true)]
async fn two_tasks_at_each_end_make_progress() {
    for (capacity, own) in [(64, false), (64, true), (1 << 14, false), (1 << 14, true)] {
        let run = move |websocket: Tls| async move {
            let messages = (0..10_u8).map(|number| vec![number; 20_000]);
            let mut received = Vec::new();
            if own {
                let (mut reader, mut writer) = websocket.into_split();
                let sending = tokio::spawn(async move {
                    for message in messages {
                        writer.send(message).await.unwrap();
                    }
                    writer
                });
                while received.len() < 10 {
                    received.push(reader.read().await.unwrap().unwrap());
                }
                let writer = sending.await.unwrap();
                drop(reader.reunite(writer).unwrap());
            } else {
                let (mut sink, mut stream) = websocket.split();
                let sending = tokio::spawn(async move {
                    for message in messages {
                        sink.send(message).await.unwrap();
                    }
                    sink
                });
                while received.len() < 10 {
                    received.push(stream.next().await.unwrap().unwrap());
                }
                drop(sending.await.unwrap().reunite(stream));
            }
            for (number, message) in (0..10).zip(received) {
                assert_eq!(message.as_bytes(), [number; 20_000]);
            }
        };
        let (server, client) = websockets(capacity).await;
        let (server, client) = (tokio::spawn(run(server)), tokio::spawn(run(client)));
        let (server, client) = soon(async { tokio::join!(server, client) }).await;
        server.unwrap();
        client.unwrap();
    }
}

// The closing handshake, and each end's close_notify after it.
#[tokio::test(start_paused = true)]
async fn a_close_is_clean() {
    for by_server in [false, true] {
        let (server, client) = websockets(256).await;
        let (mut closing, mut other) = if by_server { (server, client) } else { (client, server) };
        let start = Instant::now();
        let serving = tokio::spawn(async move {
            assert!(other.read().await.unwrap().is_none());
            other.end()
        });
        let end = soon(closing.close(CloseCode::NORMAL, "done")).await.unwrap();
        assert_eq!(end, EndOfStream::Clean);
        assert_eq!(soon(serving).await.unwrap(), Some(EndOfStream::Clean));
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}

// A health check, and a page of the same origin: over TLS that is https.
#[tokio::test(start_paused = true)]
async fn plain_requests_come_over_tls_too() {
    let authority = Authority::new("root");
    let server = authority.server(&["localhost"]);
    let (one, other) = duplex(1 << 16);
    let serving = async {
        let requested = receive_request_tls(one, &server, Config::default()).await.unwrap();
        assert_eq!(requested.request().path(), "/health");
        assert_eq!(requested.stream().tls().server_name(), Some("localhost"));
        requested.respond(Rejection::new(200).unwrap().body("fine")).await.unwrap();
    };
    let asking = async {
        let connector = TlsConnector::from(authority.client_config());
        let mut tls = connector.connect("localhost".try_into().unwrap(), other).await.unwrap();
        tls.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut response = String::new();
        // It ends with close_notify, or this fails.
        tls.read_to_string(&mut response).await.unwrap();
        response
    };
    let ((), response) = tokio::join!(serving, asking);
    assert!(
        response.starts_with("HTTP/1.1 200 OK\r\n") && response.ends_with("fine"),
        "{response}"
    );
}

#[tokio::test(start_paused = true)]
async fn only_https_is_the_origin_of_a_server_with_tls() {
    let authority = Authority::new("root");
    let (server, client) = (authority.server(&["localhost"]), authority.client());
    for (origin, allowed) in
        [("https://localhost", true), ("http://localhost", false), ("https://evil.example", false)]
    {
        let (one, other) = duplex(1 << 16);
        let accepting = async {
            let incoming = accept_tls(one, &server, Config::default()).await.unwrap();
            let checked = incoming.upgrade().check_origin(&OriginPolicy::same_origin());
            assert_eq!(checked.is_ok(), allowed, "{origin}");
        };
        let request = framewise::handshake::ClientRequest::new("wss://localhost/").unwrap();
        let request = request.origin(origin.parse().unwrap());
        let connecting = client_tls(other, &client, request, Config::default());
        let ((), _ended) = tokio::join!(accepting, connecting);
    }
}
