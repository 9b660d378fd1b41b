//! What every binding of the driver has to do: one suite, run over each of them.
//!
//! The peers are blocking WebSockets in threads, or plain sockets. A binding needs an implementation of
//! [`Binding`], which `binding!` makes for asynchronous ones, and a line with `suite!`.
//! `examples/runtimes` runs the same file over its own bindings, so it uses nothing but framewise, and no
//! feature of a package. The file that includes it provides `compressed`: a configuration with
//! compression, where that is built.

use std::{
    future::poll_fn,
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    pin::pin,
    task::Poll,
    thread,
    time::{Duration, Instant},
};

use framewise::{
    CloseCode, Config, EndOfStream, Error, Event, Message, ProtocolError, Timeout, blocking,
    handshake::{Acceptance, ClientRequest, HandshakeError, Rejection},
};

use super::compressed;

/// A runtime and the WebSocket over it.
pub(crate) trait Binding {
    type WebSocket;

    /// Whether it does one thing at a time, as a thread does: what comes while it writes is answered
    /// when it reads next.
    const HALF_DUPLEX: bool = false;

    fn run<T>(future: impl Future<Output = T>) -> T;
    async fn sleep(duration: Duration);
    async fn accept(stream: TcpStream, config: Config) -> Result<Self::WebSocket, Error>;
    async fn reject(stream: TcpStream, config: Config, with: Rejection) -> Result<(), Error>;
    async fn client(stream: TcpStream, config: Config) -> Result<Self::WebSocket, Error>;
    async fn read(websocket: &mut Self::WebSocket) -> Result<Option<Message>, Error>;
    async fn send(websocket: &mut Self::WebSocket, message: Message) -> Result<(), Error>;
    async fn flush(websocket: &mut Self::WebSocket) -> Result<(), Error>;
    async fn close(websocket: &mut Self::WebSocket) -> Result<EndOfStream, Error>;
    /// Queues a message without writing it.
    fn queue(websocket: &mut Self::WebSocket, message: Message);
    /// Sends back what comes, in batches, until the connection has ended.
    async fn echo(websocket: &mut Self::WebSocket) -> Result<(), Error>;

    /// Begins to read and breaks off when nothing has come: then it returns `None`.
    ///
    /// The future is polled once and dropped. A binding whose futures never wait has none to drop, and
    /// limits the time of the call instead.
    async fn read_briefly(
        websocket: &mut Self::WebSocket,
    ) -> Option<Result<Option<Message>, Error>> {
        let mut read = pin!(Self::read(websocket));
        match poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx))).await {
            Poll::Ready(message) => Some(message),
            Poll::Pending => None,
        }
    }
}

/// Implements [`Binding`] for the asynchronous WebSockets of a module over a type of streams.
macro_rules! binding {
    ($binding:ident, $module:ident over $stream:ty, $into:expr, $run:expr, $sleep:expr) => {
        struct $binding;

        impl Binding for $binding {
            type WebSocket = $module::WebSocket<$stream>;

            fn run<T>(future: impl Future<Output = T>) -> T {
                $run(future)
            }

            async fn sleep(duration: Duration) {
                $sleep(duration).await;
            }

            async fn accept(stream: TcpStream, config: Config) -> Result<Self::WebSocket, Error> {
                let incoming = $module::accept($into(stream)?, config).await?;
                incoming.accept(Acceptance::new()).await
            }

            async fn reject(
                stream: TcpStream,
                config: Config,
                rejection: Rejection,
            ) -> Result<(), Error> {
                let incoming = $module::accept($into(stream)?, config).await?;
                incoming.reject(rejection).await
            }

            async fn client(stream: TcpStream, config: Config) -> Result<Self::WebSocket, Error> {
                Ok($module::client_with_seed($into(stream)?, request(), config, [7; 32]).await?.0)
            }

            async fn read(websocket: &mut Self::WebSocket) -> Result<Option<Message>, Error> {
                websocket.read().await
            }

            async fn send(websocket: &mut Self::WebSocket, message: Message) -> Result<(), Error> {
                websocket.send(message).await
            }

            async fn flush(websocket: &mut Self::WebSocket) -> Result<(), Error> {
                websocket.flush().await
            }

            async fn close(websocket: &mut Self::WebSocket) -> Result<EndOfStream, Error> {
                websocket.close(CloseCode::NORMAL, "").await
            }

            fn queue(websocket: &mut Self::WebSocket, message: Message) {
                websocket.connection_mut().send(message).unwrap();
            }

            async fn echo(websocket: &mut Self::WebSocket) -> Result<(), Error> {
                while let Some(mut batch) = websocket.fill().await? {
                    while let Some(event) = batch.next() {
                        match event {
                            Event::Text(text) => batch.send(text)?,
                            Event::Binary(payload) => batch.send(payload)?,
                            _ => {}
                        }
                    }
                }
                Ok(())
            }
        }
    };
}

/// Makes a module of tests for a binding.
macro_rules! suite {
    ($module:ident: $binding:ident) => {
        suite!($module: $binding;
            echoes_small_and_large_messages
            echoes_compressed_messages
            echoes_20_mib_to_a_slow_reader
            answers_a_ping_while_idle
            answers_a_ping_while_a_write_is_in_flight
            closes_and_is_closed
            closes_and_is_closed_as_a_client
            loses_nothing_when_reads_break_off
            gives_up_a_silent_peer
            gives_up_a_peer_that_never_reads
            gives_up_a_peer_that_takes_nothing_while_closing
            gives_up_a_peer_that_never_closes
            gives_up_a_server_that_never_ends
            ends_tcp_first_and_reads_on_as_a_server
            sends_the_rest_to_a_half_closed_peer
            tells_a_peer_that_breaks_the_protocol
            pings_a_quiet_peer_and_keeps_it
            takes_a_frame_that_follows_the_request
            answers_a_request_that_is_none
            answers_a_late_request
            lets_a_refused_client_read_the_response
            returns_the_body_of_a_refusal
        );
    };
    ($module:ident: $binding:ident; $($test:ident)*) => {
        mod $module {
            $(
                #[test]
                fn $test() {
                    super::suite::$test::<super::$binding>();
                }
            )*
        }
    };
}

pub(crate) fn echoes_small_and_large_messages<B: Binding>() {
    with_client::<B, _>(Config::default(), echo::<B>, |mut peer| {
        for len in [0, 1, 125, 126, 65_535, 65_536, 1 << 20, 16 << 20] {
            let message = binary(len);
            peer.send(message.clone()).unwrap();
            assert_eq!(peer.read().unwrap(), Some(message));
        }
        peer.send("€").unwrap();
        assert_eq!(peer.read().unwrap(), Some(Message::Text("€".into())));
        assert_eq!(peer.close(CloseCode::NORMAL, "").unwrap(), EndOfStream::Clean);
    });
}

pub(crate) fn echoes_compressed_messages<B: Binding>() {
    with_client::<B, _>(compressed(), echo::<B>, |mut peer| {
        for len in [10, 1000, 1 << 20] {
            let message = Message::Text("all work and no play ".repeat(len / 10));
            peer.send(message.clone()).unwrap();
            assert_eq!(peer.read().unwrap(), Some(message));
        }
        assert_eq!(peer.close(CloseCode::NORMAL, "").unwrap(), EndOfStream::Clean);
    });
}

pub(crate) fn echoes_20_mib_to_a_slow_reader<B: Binding>() {
    with_client::<B, _>(Config::default(), echo::<B>, |peer| {
        let stream = peer.stream().try_clone().unwrap();
        let (mut reader, mut writer) = peer.into_split(stream);
        let sending = thread::spawn(move || {
            for _ in 0..20 {
                writer.send(binary(1 << 20)).unwrap();
            }
            writer
        });
        for _ in 0..20 {
            thread::sleep(Duration::from_millis(20));
            assert_eq!(reader.read().unwrap(), Some(binary(1 << 20)));
        }
        sending.join().unwrap().send_close(CloseCode::NORMAL, "").unwrap();
        assert_eq!(reader.closed().unwrap(), EndOfStream::Clean);
    });
}

pub(crate) fn answers_a_ping_while_idle<B: Binding>() {
    with_client::<B, _>(Config::default(), echo::<B>, |mut peer| {
        thread::sleep(Duration::from_millis(50));
        peer.connection_mut().ping(b"there?").unwrap();
        peer.flush().unwrap();
        assert_eq!(event(&mut peer), Some(Event::Pong(b"there?".into())));
    });
}

// The write cannot end before the peer reads, and nothing is called after it until the Pong is there.
pub(crate) fn answers_a_ping_while_a_write_is_in_flight<B: Binding>() {
    let server = async |mut websocket: B::WebSocket| {
        B::send(&mut websocket, binary(16 << 20)).await.unwrap();
        B::sleep(Duration::from_millis(300)).await;
        B::send(&mut websocket, Message::Text("later".into())).await.unwrap();
        assert!(B::read(&mut websocket).await.unwrap().is_none());
    };
    with_client::<B, _>(Config::default(), server, |mut peer| {
        thread::sleep(Duration::from_millis(100));
        peer.connection_mut().ping(b"there?").unwrap();
        peer.flush().unwrap();
        thread::sleep(Duration::from_millis(100));
        assert_eq!(event(&mut peer), Some(Event::Binary(vec![7; 16 << 20].into())));
        let (pong, later) = (Event::Pong(b"there?".into()), Event::Text("later".into()));
        let answers = if B::HALF_DUPLEX { [later, pong] } else { [pong, later] };
        for answer in answers {
            assert_eq!(event(&mut peer), Some(answer));
        }
        assert_eq!(peer.close(CloseCode::NORMAL, "").unwrap(), EndOfStream::Clean);
    });
}

pub(crate) fn closes_and_is_closed<B: Binding>() {
    with_client::<B, _>(Config::default(), close::<B>, |mut peer| {
        assert_eq!(peer.read().unwrap(), None);
        assert_eq!(peer.end(), Some(EndOfStream::Clean));
    });
    with_client::<B, _>(Config::default(), echo::<B>, |mut peer| {
        assert_eq!(peer.close(CloseCode::GOING_AWAY, "").unwrap(), EndOfStream::Clean);
    });
}

pub(crate) fn closes_and_is_closed_as_a_client<B: Binding>() {
    let client = async |stream, closes: bool| {
        let mut websocket = B::client(stream, compressed()).await.unwrap();
        B::send(&mut websocket, binary(100_000)).await.unwrap();
        assert_eq!(B::read(&mut websocket).await.unwrap(), Some(binary(100_000)));
        if !closes {
            assert_eq!(B::read(&mut websocket).await.unwrap(), None);
        }
        assert_eq!(B::close(&mut websocket).await.unwrap(), EndOfStream::Clean);
    };
    for closes in [true, false] {
        let server = move |stream| {
            let incoming = blocking::accept(stream, compressed()).unwrap();
            let mut peer = incoming.accept(Acceptance::new()).unwrap();
            let message = peer.read().unwrap().unwrap();
            peer.send(message).unwrap();
            if closes {
                assert_eq!(peer.read().unwrap(), None);
                assert_eq!(peer.end(), Some(EndOfStream::Clean));
            } else {
                assert_eq!(peer.close(CloseCode::NORMAL, "").unwrap(), EndOfStream::Clean);
            }
        };
        with_peer::<B, _>(async |stream| client(stream, closes).await, server);
    }
}

// Every read breaks off, with a read and a write in flight where there is such a thing.
pub(crate) fn loses_nothing_when_reads_break_off<B: Binding>() {
    let server = async |mut websocket: B::WebSocket| {
        loop {
            let message = loop {
                if let Some(message) = B::read_briefly(&mut websocket).await {
                    break message.unwrap();
                }
                B::sleep(Duration::from_micros(100)).await;
            };
            let Some(message) = message else { break };
            B::queue(&mut websocket, message);
        }
        assert_eq!(B::close(&mut websocket).await.unwrap(), EndOfStream::Clean);
    };
    with_client::<B, _>(Config::default(), server, |peer| {
        let stream = peer.stream().try_clone().unwrap();
        let (mut reader, mut writer) = peer.into_split(stream);
        let lens = || (0..300).map(|index| index * index);
        let sending = thread::spawn(move || {
            lens().for_each(|len| writer.send(binary(len)).unwrap());
            writer
        });
        for len in lens() {
            assert_eq!(reader.read().unwrap(), Some(binary(len)));
        }
        sending.join().unwrap().send_close(CloseCode::NORMAL, "").unwrap();
        assert_eq!(reader.closed().unwrap(), EndOfStream::Clean);
    });
}

pub(crate) fn gives_up_a_silent_peer<B: Binding>() {
    let server = async |mut websocket: B::WebSocket| {
        let began = Instant::now();
        let result = B::read(&mut websocket).await;
        assert!(matches!(result, Err(Error::Timeout(Timeout::Pong))), "{result:?}");
        let elapsed = began.elapsed();
        assert!(elapsed >= Duration::from_millis(200) && elapsed < LIMIT, "{elapsed:?}");
    };
    with_client::<B, _>(impatient(), server, |peer| {
        thread::sleep(Duration::from_secs(1));
        drop(peer);
    });
}

pub(crate) fn gives_up_a_peer_that_never_reads<B: Binding>() {
    let server = async |mut websocket: B::WebSocket| {
        let began = Instant::now();
        let result = B::send(&mut websocket, binary(24 << 20)).await;
        let Err(Error::Io(error)) = result else { panic!("{result:?}") };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let result = B::send(&mut websocket, Message::Text("more".into())).await;
        assert!(is_broken_pipe(&result), "{result:?}");
        let result = B::read(&mut websocket).await;
        assert!(matches!(result, Err(Error::Timeout(Timeout::Pong))), "{result:?}");
        assert!(B::read(&mut websocket).await.unwrap().is_none());
        assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
    };
    with_client::<B, _>(impatient(), server, |peer| {
        thread::sleep(Duration::from_secs(2));
        drop(peer);
    });
}

pub(crate) fn gives_up_a_peer_that_takes_nothing_while_closing<B: Binding>() {
    let server = async |mut websocket: B::WebSocket| {
        let began = Instant::now();
        B::queue(&mut websocket, binary(24 << 20));
        assert_eq!(B::close(&mut websocket).await.unwrap(), EndOfStream::Incomplete);
        let result = B::flush(&mut websocket).await;
        let Err(Error::Io(error)) = result else { panic!("{result:?}") };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let result = B::flush(&mut websocket).await;
        assert!(is_broken_pipe(&result), "{result:?}");
        assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
    };
    let mut config = impatient();
    config.ping_interval = None;
    with_client::<B, _>(config, server, |peer| {
        thread::sleep(Duration::from_secs(1));
        drop(peer);
    });
}

pub(crate) fn gives_up_a_peer_that_never_closes<B: Binding>() {
    let closed = async |mut websocket: B::WebSocket| {
        assert_eq!(B::close(&mut websocket).await.unwrap(), EndOfStream::Incomplete);
        kept::<B>(websocket).await
    };
    // All that comes, the end included; the first of it may have come with the handshake.
    let ends = |peer: blocking::WebSocket<TcpStream>| {
        let parts = peer.into_parts();
        parts.stream.set_read_timeout(Some(LIMIT)).unwrap();
        [parts.driver.unread, read_to_end(&parts.stream)].concat()
    };
    with_client::<B, _>(impatient(), closed, move |peer| {
        assert_eq!(ends(peer), b"\x88\x02\x03\xe8");
    });
    let client = async |stream| closed(B::client(stream, patient_at_first()).await.unwrap()).await;
    with_peer::<B, _>(client, move |stream| {
        let incoming = blocking::accept(stream, Config::default()).unwrap();
        assert_eq!(ends(incoming.accept(Acceptance::new()).unwrap())[..2], [0x88, 0x82]);
    });
}

// 6455-5.5.1-19, 6455-7.1.1-04: the server answers, and keeps its side open.
pub(crate) fn gives_up_a_server_that_never_ends<B: Binding>() {
    let client = async |stream| {
        let mut websocket = B::client(stream, patient_at_first()).await.unwrap();
        let began = Instant::now();
        assert_eq!(B::close(&mut websocket).await.unwrap(), EndOfStream::Clean);
        let elapsed = began.elapsed();
        assert!(elapsed >= Duration::from_millis(200) && elapsed < LIMIT, "{elapsed:?}");
        kept::<B>(websocket).await
    };
    with_peer::<B, _>(client, |stream| {
        let incoming = blocking::accept(stream, Config::default()).unwrap();
        let stream = incoming.accept(Acceptance::new()).unwrap().into_inner();
        (&stream).write_all(b"\x88\x02\x03\xe8").unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        assert_eq!(read_to_end(&stream)[..2], [0x88, 0x82]);
    });
}

// 6455-5.5.1-17, 6455-7.1.1-01, 6455-7.1.1-03, 6455-7.1.1-07, 6455-7.1.1-09
pub(crate) fn ends_tcp_first_and_reads_on_as_a_server<B: Binding>() {
    let server = async |mut websocket: B::WebSocket| {
        assert!(B::read(&mut websocket).await.unwrap().is_none());
        assert_eq!(B::close(&mut websocket).await.unwrap(), EndOfStream::Clean);
    };
    with_client::<B, _>(Config::default(), server, |peer| {
        let mut stream = peer.into_inner();
        stream.set_read_timeout(Some(4 * LIMIT)).unwrap();
        stream.write_all(b"\x88\x82\0\0\0\0\x03\xe8").unwrap();
        let mut answer = Vec::new();
        // The end of the stream comes although this end has not closed anything.
        stream.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, b"\x88\x02\x03\xe8");
        // What follows the Close is discarded, and does not reset anything.
        stream.write_all(&[0xff; 10_000]).unwrap();
    });
}

// 6455-7.1.1-07
pub(crate) fn sends_the_rest_to_a_half_closed_peer<B: Binding>() {
    let server = async |mut websocket: B::WebSocket| {
        let message = B::read(&mut websocket).await.unwrap();
        assert_eq!(message, Some(Message::Text("all of it?".into())));
        B::queue(&mut websocket, binary(4 << 20));
        assert!(B::read(&mut websocket).await.unwrap().is_none());
        assert_eq!(B::close(&mut websocket).await.unwrap(), EndOfStream::Lost);
        B::flush(&mut websocket).await.unwrap();
    };
    with_client::<B, _>(Config::default(), server, |mut peer| {
        peer.send("all of it?").unwrap();
        peer.stream().shutdown(Shutdown::Write).unwrap();
        assert_eq!(event(&mut peer), Some(Event::Binary(vec![7; 4 << 20].into())));
    });
}

// 6455-7.1.1-07, 6455-7.1.7-01, R32: also as a client, which then waits for the server's end.
pub(crate) fn tells_a_peer_that_breaks_the_protocol<B: Binding>() {
    let told = async |mut websocket: B::WebSocket| {
        let message = B::read(&mut websocket).await.unwrap();
        assert_eq!(message, Some(Message::Text("good".into())));
        let result = B::read(&mut websocket).await;
        let reserved = matches!(result, Err(Error::Protocol(ProtocolError::ReservedOpcode)));
        assert!(reserved, "{result:?}");
        assert!(B::read(&mut websocket).await.unwrap().is_none());
        assert_eq!(B::close(&mut websocket).await.unwrap(), EndOfStream::Incomplete);
        kept::<B>(websocket).await
    };
    with_client::<B, _>(Config::default(), told, |mut peer| {
        peer.send("good").unwrap();
        let mut stream = peer.into_inner();
        stream.write_all(b"\x83\x80\0\0\0\0").unwrap();
        assert_eq!(read_to_end(&stream), b"\x88\x11\x03\xeareserved opcode");
    });
    for ends in [true, false] {
        let client = async |stream| {
            let mut config = patient_at_first();
            if ends {
                // A client that waits for this timeout, and not for the server's end, hangs.
                config.close_timeout = Some(100 * LIMIT);
            }
            let began = Instant::now();
            let websocket = told(B::client(stream, config).await.unwrap()).await;
            assert!(began.elapsed() < 4 * LIMIT, "{:?}", began.elapsed());
            websocket
        };
        with_peer::<B, _>(client, move |stream| {
            let incoming = blocking::accept(stream, Config::default()).unwrap();
            let mut peer = incoming.accept(Acceptance::new()).unwrap();
            peer.send("good").unwrap();
            let mut stream = peer.into_inner();
            stream.write_all(b"\x83\x00").unwrap();
            if ends {
                stream.shutdown(Shutdown::Write).unwrap();
            }
            stream.set_read_timeout(Some(4 * LIMIT)).unwrap();
            let mut close = Vec::new();
            stream.read_to_end(&mut close).unwrap();
            assert_eq!(&close[..2], [0x88, 0x80 | 17]);
            let (key, payload) = close[2..].split_at(4);
            let sent = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key);
            assert_eq!(sent.collect::<Vec<_>>(), b"\x03\xeareserved opcode");
        });
    }
}

pub(crate) fn pings_a_quiet_peer_and_keeps_it<B: Binding>() {
    with_client::<B, _>(impatient(), echo::<B>, |mut peer| {
        for _ in 0..5 {
            assert!(matches!(event(&mut peer), Some(Event::Ping(_))));
        }
        peer.flush().unwrap();
        assert_eq!(peer.close(CloseCode::NORMAL, "").unwrap(), EndOfStream::Clean);
    });
}

pub(crate) fn takes_a_frame_that_follows_the_request<B: Binding>() {
    let server = async |stream| {
        let mut websocket = B::accept(stream, Config::default()).await.unwrap();
        B::echo(&mut websocket).await.unwrap();
    };
    with_peer::<B, _>(server, |mut stream| {
        stream.write_all(&[REQUEST, b"\x81\x82\0\0\0\0hi"].concat()).unwrap();
        let mut response = Vec::new();
        while !response.ends_with(b"\r\n\r\n\x81\x02hi") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            response.extend(byte);
        }
        assert!(response.starts_with(b"HTTP/1.1 101 "));
        stream.write_all(b"\x88\x80\0\0\0\0").unwrap();
        assert_eq!(read_to_end(&stream), b"\x88\0");
    });
}

pub(crate) fn answers_a_request_that_is_none<B: Binding>() {
    let server = async |stream| {
        let Err(error) = B::accept(stream, Config::default()).await else { panic!("accepted") };
        assert!(matches!(error, Error::Handshake(_)), "{error:?}");
    };
    with_peer::<B, _>(server, |mut stream| {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let response = read_to_end(&stream);
        assert!(response.starts_with(b"HTTP/1.1 426 "), "{}", response.escape_ascii());
    });
}

pub(crate) fn answers_a_late_request<B: Binding>() {
    let server = async |stream| {
        let Err(error) = B::accept(stream, impatient()).await else { panic!("accepted") };
        assert!(matches!(error, Error::Handshake(HandshakeError::Timeout)), "{error:?}");
    };
    with_peer::<B, _>(server, |mut stream| {
        stream.write_all(b"GET / HT").unwrap();
        let response = read_to_end(&stream);
        assert!(response.starts_with(b"HTTP/1.1 408 "), "{}", response.escape_ascii());
    });
}

// The client writes on. A socket that is closed with unread bytes resets, and the response is lost.
pub(crate) fn lets_a_refused_client_read_the_response<B: Binding>() {
    let server = async |stream| {
        let rejection = Rejection::forbidden().body(vec![b'n'; 100_000]);
        let mut config = Config::default();
        config.close_timeout = Some(2 * LIMIT);
        B::reject(stream, config, rejection).await.unwrap();
    };
    with_peer::<B, _>(server, |mut stream| {
        stream.write_all(&[REQUEST, &[0x82; 100_000]].concat()).unwrap();
        thread::sleep(Duration::from_millis(50));
        stream.write_all(&[0; 100_000]).unwrap();
        thread::sleep(Duration::from_millis(50));
        let began = Instant::now();
        let response = read_to_end(&stream);
        assert!(began.elapsed() < LIMIT, "the end came with the close timeout");
        assert!(response.starts_with(b"HTTP/1.1 403 "));
        assert_eq!(response.iter().rev().take_while(|&&byte| byte == b'n').count(), 100_000);
    });
}

pub(crate) fn returns_the_body_of_a_refusal<B: Binding>() {
    let client = async |stream| {
        let Err(Error::Handshake(HandshakeError::Rejected(response))) =
            B::client(stream, Config::default()).await
        else {
            panic!("not rejected");
        };
        assert_eq!((response.status(), response.body()), (503, &b"later"[..]));
    };
    with_peer::<B, _>(client, |stream| {
        let incoming = blocking::accept(stream, Config::default()).unwrap();
        incoming.reject(Rejection::new(503).unwrap().body("later")).unwrap();
    });
}

/// Runs `server` over an accepted connection, and `client` at its other end in a thread.
fn with_client<B: Binding, T>(
    config: Config,
    server: impl AsyncFnOnce(B::WebSocket) -> T,
    client: impl FnOnce(blocking::WebSocket<TcpStream>) + Send + 'static,
) -> T {
    with_peer::<B, T>(
        async |stream| server(B::accept(stream, config).await.unwrap()).await,
        |stream| {
            client(blocking::client_with_seed(stream, request(), compressed(), [1; 32]).unwrap().0)
        },
    )
}

/// Runs `ours` over a stream, and `peer` at its other end in a thread.
fn with_peer<B: Binding, T>(
    ours: impl AsyncFnOnce(TcpStream) -> T,
    peer: impl FnOnce(TcpStream) + Send + 'static,
) -> T {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let theirs = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, _) = listener.accept().unwrap();
    for stream in [&stream, &theirs] {
        stream.set_nodelay(true).unwrap();
    }
    let peer = thread::spawn(move || peer(theirs));
    let result = B::run(ours(stream));
    peer.join().unwrap();
    result
}

async fn echo<B: Binding>(mut websocket: B::WebSocket) {
    // A peer may leave without a Close.
    let _ = B::echo(&mut websocket).await;
}

async fn close<B: Binding>(mut websocket: B::WebSocket) {
    assert_eq!(B::close(&mut websocket).await.unwrap(), EndOfStream::Clean);
}

/// Returns a WebSocket that has ended, to be dropped when the peer has seen the end. A shutdown that
/// is in flight leaves with the runtime's next turn.
async fn kept<B: Binding>(websocket: B::WebSocket) -> B::WebSocket {
    B::sleep(Duration::from_millis(20)).await;
    websocket
}

fn is_broken_pipe(result: &Result<(), Error>) -> bool {
    matches!(result, Err(Error::Io(error)) if error.kind() == ErrorKind::BrokenPipe)
}

fn event(peer: &mut blocking::WebSocket<TcpStream>) -> Option<Event<'static>> {
    while let Some(mut batch) = peer.fill().unwrap() {
        if let Some(event) = batch.next() {
            return Some(event.into_owned());
        }
    }
    None
}

fn read_to_end(mut stream: &TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let _ = stream.shutdown(Shutdown::Write); // fails when the other end has gone
    bytes
}

fn binary(len: usize) -> Message {
    Message::Binary(vec![7; len])
}

pub(crate) fn request() -> ClientRequest {
    ClientRequest::new("ws://localhost/").unwrap()
}

fn impatient() -> Config {
    let mut config = Config::default();
    let short = Some(Duration::from_millis(100));
    (config.ping_interval, config.pong_timeout) = (short, short);
    (config.close_timeout, config.handshake_timeout) = (Some(Duration::from_millis(200)), short);
    config
}

/// Is impatient once the connection is open.
fn patient_at_first() -> Config {
    let mut config = impatient();
    (config.ping_interval, config.handshake_timeout) = (None, Some(4 * LIMIT));
    config
}

/// Generous: the machine may be busy. Without the timers, nothing would end.
const LIMIT: Duration = Duration::from_secs(5);

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";
