//! K1, K16, R32, R60: tokio-rustls, whose streams have buffers and an end of their own.

use std::{sync::Arc, time::Duration};

use framewise::{
    CloseCode, Config, EndOfStream, Error,
    handshake::Acceptance,
    tokio::{WebSocket, accept, client},
};
use futures_util::{SinkExt, StreamExt};
use rustls::{ClientConfig, RootCertStore, ServerConfig, pki_types::PrivateKeyDer};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    time::{Instant, sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

type Tls = TlsStream<DuplexStream>;

/// Two ends of a TLS connection, with so little between them.
async fn tls(capacity: usize) -> (Tls, Tls) {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = certified.cert.der().clone();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let provider = || Arc::new(rustls::crypto::ring::default_provider());
    let mut server = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    // The client's side of the handshake ends before them, and would have to read on.
    server.send_tls13_tickets = 0;
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let (one, other) = duplex(capacity);
    let (server, client) = tokio::join!(
        TlsAcceptor::from(Arc::new(server)).accept(one),
        TlsConnector::from(Arc::new(client)).connect("localhost".try_into().unwrap(), other)
    );
    (server.unwrap().into(), client.unwrap().into())
}

/// Both ends of a WebSocket over it.
async fn websockets(capacity: usize) -> (WebSocket<Tls>, WebSocket<Tls>) {
    let (server, other) = tls(capacity).await;
    let (server, opened) = tokio::join!(
        async { accept(server, Config::default()).await?.accept(Acceptance::new()).await },
        client(other, "wss://localhost/", Config::default())
    );
    (server.unwrap(), opened.unwrap().0)
}

async fn soon<F: Future>(future: F) -> F::Output {
    timeout(Duration::from_secs(600), future).await.expect("it hangs")
}

// Nothing stays in the buffers of TLS, though nothing more is done with the sender.
#[tokio::test(start_paused = true)]
async fn what_is_sent_arrives() {
    for capacity in [64, 1 << 10, 1 << 16] {
        for way in 0..6 {
            let (mut server, mut client) = websockets(capacity).await;
            let sending = tokio::spawn(async move {
                let message = vec![7; 100_000];
                match way {
                    0 => server.send(message).await.unwrap(),
                    1 => {
                        server.feed(message).await.unwrap();
                        server.flush().await.unwrap();
                    }
                    2 => SinkExt::send(&mut server, message).await.unwrap(),
                    3 => {
                        let (_reader, mut writer) = server.into_split();
                        writer.send(message).await.unwrap();
                        std::future::pending::<()>().await;
                    }
                    4 => {
                        let (mut sink, _stream) = StreamExt::split(server);
                        sink.send(message).await.unwrap();
                        std::future::pending::<()>().await;
                    }
                    _ => {
                        SinkExt::feed(&mut server, message).await.unwrap();
                        SinkExt::<Vec<u8>>::close(&mut server).await.unwrap();
                        std::future::pending::<()>().await;
                    }
                }
                std::future::pending::<()>().await;
            });
            let message = soon(client.read()).await.unwrap().unwrap();
            assert_eq!(message.as_bytes().len(), 100_000);
            sending.abort();
        }
    }
}

// Two tasks at each end, both ways, with little between them.
#[tokio::test(start_paused = true)]
async fn two_tasks_at_each_end_make_progress() {
    let run = |websocket: WebSocket<Tls>| async move {
        let (mut sink, mut stream) = StreamExt::split(websocket);
        let sending = tokio::spawn(async move {
            for number in 0..10_u8 {
                sink.send(vec![number; 20_000]).await.unwrap();
            }
            sink
        });
        for number in 0..10_u8 {
            assert_eq!(stream.next().await.unwrap().unwrap().as_bytes(), [number; 20_000]);
        }
        (sending.await.unwrap(), stream)
    };
    let (server, client) = websockets(64).await;
    let (server, client) = (tokio::spawn(run(server)), tokio::spawn(run(client)));
    let _kept = soon(async { tokio::join!(server, client) }).await;
}

// The closing handshake, and each end's close_notify after it.
#[tokio::test(start_paused = true)]
async fn a_close_is_clean() {
    for (split, by_server) in [(false, false), (false, true), (true, false), (true, true)] {
        let (server, client) = websockets(256).await;
        let (closing, mut other) = if by_server { (server, client) } else { (client, server) };
        let start = Instant::now();
        let serving = tokio::spawn(async move {
            assert!(other.read().await.unwrap().is_none());
            other
        });
        let end = if split {
            let (mut reader, mut writer) = closing.into_split();
            writer.send_close(CloseCode::NORMAL, "done").await.unwrap();
            soon(reader.closed()).await.unwrap()
        } else {
            let mut closing = closing;
            soon(closing.close(CloseCode::NORMAL, "done")).await.unwrap()
        };
        assert_eq!(end, EndOfStream::Clean);
        let other = soon(serving).await.unwrap();
        assert_eq!(other.end(), Some(EndOfStream::Clean));
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}

// R60: an end without close_notify is a torn connection like any other, no error.
#[tokio::test(start_paused = true)]
async fn an_end_without_close_notify_is_no_error() {
    for (split, notifies) in [(false, false), (false, true), (true, false), (true, true)] {
        let (mut server, client) = websockets(1 << 12).await;
        let mut tls = client.into_inner();
        if notifies {
            tls.shutdown().await.unwrap();
        }
        drop(tls);
        let end = if split {
            let (mut reader, _writer) = server.into_split();
            assert!(soon(reader.read()).await.unwrap().is_none());
            reader.end()
        } else {
            assert!(soon(server.read()).await.unwrap().is_none());
            server.end()
        };
        assert_eq!(end, Some(EndOfStream::Lost));
    }
}

// A peer that never reads: TLS and the pipe hold some, and no flush ever ends.
#[tokio::test(start_paused = true)]
async fn a_peer_that_never_reads_is_given_up() {
    for len in [1000, 5000, 1 << 20] {
        let (mut server, _client) = websockets(64).await;
        let start = Instant::now();
        server.feed(vec![0; len]).await.unwrap();
        let end = soon(server.close(CloseCode::NORMAL, "")).await.unwrap();
        assert_eq!((end, start.elapsed().as_secs()), (EndOfStream::Incomplete, 5));

        let (server, _client) = websockets(64).await;
        let start = Instant::now();
        let (mut reader, mut writer) = server.into_split();
        let (end, closed) = soon(async {
            tokio::join!(reader.closed(), async {
                writer.feed(vec![0; len]).await?;
                writer.send_close(CloseCode::NORMAL, "").await
            })
        })
        .await;
        assert!(matches!(closed, Err(Error::Io(_))), "{closed:?}");
        assert_eq!((end.unwrap(), start.elapsed().as_secs()), (EndOfStream::Incomplete, 5));

        let (mut server, _client) = websockets(64).await;
        let start = Instant::now();
        assert!(soon(server.send(vec![0; len])).await.is_err());
        assert!((40..=50).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
        assert!(server.flush().await.is_err() && server.send("late").await.is_err());
    }
}

// A peer that reads slowly gets all of it, also in front of a Close.
#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_slowly_gets_all_of_it() {
    let (mut server, client) = websockets(16 << 10).await;
    let sending = tokio::spawn(async move {
        server.feed(vec![0; 1 << 20]).await.unwrap();
        server.close(CloseCode::NORMAL, "").await
    });
    let mut tls = client.into_inner();
    let (mut received, mut buf) = (0, vec![0; 16 << 10]);
    loop {
        sleep(Duration::from_secs(1)).await;
        match tls.read(&mut buf).await.unwrap() {
            0 => break,
            len => received += len,
        }
    }
    assert_eq!(received, (1 << 20) + 10 + 4);
    drop(tls);
    assert!(soon(sending).await.unwrap().is_ok());
}
