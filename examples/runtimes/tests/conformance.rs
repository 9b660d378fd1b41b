//! What every binding of the driver has to do: one suite, run over each of them.
//!
//! The peers are blocking WebSockets in threads, or plain sockets. Another binding needs an
//! implementation of [`Binding`] and a line with `suite!`.

use std::{
    future::poll_fn,
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    pin::pin,
    sync::Arc,
    task::Poll,
    thread,
    time::{Duration, Instant},
};

use framewise::{
    CloseCode, Config, EndOfStream, Error, Event, Message, Timeout, blocking,
    deflate::DeflateConfig,
    handshake::{Acceptance, ClientRequest, HandshakeError, Rejection},
};

/// A runtime and the WebSocket over it.
trait Binding {
    type WebSocket;

    fn run<T>(future: impl Future<Output = T>) -> T;
    async fn sleep(duration: Duration);
    async fn accept(stream: TcpStream, config: Config) -> Result<Self::WebSocket, Error>;
    async fn reject(stream: TcpStream, config: Config, with: &Rejection) -> Result<(), Error>;
    async fn client(stream: TcpStream, config: Config) -> Result<Self::WebSocket, Error>;
    async fn read(websocket: &mut Self::WebSocket) -> Result<Option<Message>, Error>;
    async fn send(websocket: &mut Self::WebSocket, message: Message) -> Result<(), Error>;
    async fn close(websocket: &mut Self::WebSocket) -> Result<EndOfStream, Error>;
    /// Queues a message without writing it.
    fn queue(websocket: &mut Self::WebSocket, message: Message);
    /// Sends back what comes, in batches, until the connection has ended.
    async fn echo(websocket: &mut Self::WebSocket) -> Result<(), Error>;
}

macro_rules! binding {
    ($binding:ident, $module:ident::WebSocket$(<$s:ty>)?, $into:expr, $run:expr, $sleep:expr) => {
        struct $binding;

        impl Binding for $binding {
            type WebSocket = framewise_runtimes::$module::WebSocket$(<$s>)?;

            fn run<T>(future: impl Future<Output = T>) -> T {
                $run(future)
            }

            async fn sleep(duration: Duration) {
                $sleep(duration).await;
            }

            async fn accept(stream: TcpStream, config: Config) -> Result<Self::WebSocket, Error> {
                let config = Arc::new(config);
                let incoming = framewise_runtimes::$module::accept($into(stream)?, config).await?;
                incoming.accept(Acceptance::new()).await
            }

            async fn reject(
                stream: TcpStream,
                config: Config,
                rejection: &Rejection,
            ) -> Result<(), Error> {
                let config = Arc::new(config);
                let incoming = framewise_runtimes::$module::accept($into(stream)?, config).await?;
                incoming.reject(rejection).await
            }

            async fn client(stream: TcpStream, config: Config) -> Result<Self::WebSocket, Error> {
                let (stream, config) = ($into(stream)?, Arc::new(config));
                framewise_runtimes::$module::client(stream, request(), config, [7; 32])
                    .await
                    .map(|(websocket, _)| websocket)
            }

            async fn read(websocket: &mut Self::WebSocket) -> Result<Option<Message>, Error> {
                websocket.read().await
            }

            async fn send(websocket: &mut Self::WebSocket, message: Message) -> Result<(), Error> {
                websocket.send(message).await
            }

            async fn close(websocket: &mut Self::WebSocket) -> Result<EndOfStream, Error> {
                websocket.close(CloseCode::NORMAL).await
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

binding!(
    Smol,
    smol::WebSocket<smol::net::TcpStream>,
    smol::net::TcpStream::try_from,
    smol::block_on,
    smol::Timer::after
);
// On Linux io_uring, if there is one.
binding!(
    Compio,
    compio::WebSocket,
    compio::net::TcpStream::from_std,
    |future| compio::runtime::Runtime::new().unwrap().block_on(future),
    compio::time::sleep
);
binding!(
    CompioPolling,
    compio::WebSocket,
    compio::net::TcpStream::from_std,
    |future| polling_runtime().block_on(future),
    compio::time::sleep
);

fn polling_runtime() -> compio::runtime::Runtime {
    let mut proactor = compio::driver::ProactorBuilder::new();
    proactor.driver_type(compio::driver::DriverType::Poll);
    compio::runtime::RuntimeBuilder::new().with_proactor(proactor).build().unwrap()
}

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
            loses_nothing_when_futures_are_dropped
            gives_up_a_silent_peer
            gives_up_a_peer_that_never_reads
            gives_up_a_peer_that_never_closes
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
                    super::$test::<super::$binding>();
                }
            )*
        }
    };
}

suite!(on_smol: Smol);
suite!(on_compio: Compio);
suite!(on_compio_polling: CompioPolling);

fn echoes_small_and_large_messages<B: Binding>() {
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

fn echoes_compressed_messages<B: Binding>() {
    with_client::<B, _>(compressed(), echo::<B>, |mut peer| {
        for len in [10, 1000, 1 << 20] {
            let message = Message::Text("all work and no play ".repeat(len / 10));
            peer.send(message.clone()).unwrap();
            assert_eq!(peer.read().unwrap(), Some(message));
        }
        assert_eq!(peer.close(CloseCode::NORMAL, "").unwrap(), EndOfStream::Clean);
    });
}

fn echoes_20_mib_to_a_slow_reader<B: Binding>() {
    with_client::<B, _>(Config::default(), echo::<B>, |peer| {
        let stream = peer.stream().try_clone().unwrap();
        let (mut reader, mut writer) = peer.split(stream);
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
        sending.join().unwrap().close(CloseCode::NORMAL, "").unwrap();
        assert_eq!(reader.closed().unwrap(), EndOfStream::Clean);
    });
}

fn answers_a_ping_while_idle<B: Binding>() {
    with_client::<B, _>(Config::default(), echo::<B>, |mut peer| {
        thread::sleep(Duration::from_millis(50));
        peer.connection_mut().ping(b"there?").unwrap();
        peer.flush().unwrap();
        assert_eq!(event(&mut peer), Some(Event::Pong(b"there?".into())));
    });
}

// The write cannot end before the peer reads, and nothing is called after it until the Pong is there.
fn answers_a_ping_while_a_write_is_in_flight<B: Binding>() {
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
        assert_eq!(event(&mut peer), Some(Event::Pong(b"there?".into())));
        assert_eq!(event(&mut peer), Some(Event::Text("later".into())));
        assert_eq!(peer.close(CloseCode::NORMAL, "").unwrap(), EndOfStream::Clean);
    });
}

fn closes_and_is_closed<B: Binding>() {
    with_client::<B, _>(Config::default(), close::<B>, |mut peer| {
        assert_eq!(peer.read().unwrap(), None);
        assert_eq!(peer.end(), Some(EndOfStream::Clean));
    });
    with_client::<B, _>(Config::default(), echo::<B>, |mut peer| {
        assert_eq!(peer.close(CloseCode::GOING_AWAY, "").unwrap(), EndOfStream::Clean);
    });
}

fn closes_and_is_closed_as_a_client<B: Binding>() {
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

// Every future is polled once and dropped, with a read and a write in flight.
fn loses_nothing_when_futures_are_dropped<B: Binding>() {
    let server = async |mut websocket: B::WebSocket| {
        loop {
            let message = loop {
                {
                    let mut read = pin!(B::read(&mut websocket));
                    let once = poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx))).await;
                    if let Poll::Ready(message) = once {
                        break message.unwrap();
                    }
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
        let (mut reader, mut writer) = peer.split(stream);
        let lens = || (0..300).map(|index| index * index);
        let sending = thread::spawn(move || {
            lens().for_each(|len| writer.send(binary(len)).unwrap());
            writer
        });
        for len in lens() {
            assert_eq!(reader.read().unwrap(), Some(binary(len)));
        }
        sending.join().unwrap().close(CloseCode::NORMAL, "").unwrap();
        assert_eq!(reader.closed().unwrap(), EndOfStream::Clean);
    });
}

fn gives_up_a_silent_peer<B: Binding>() {
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

fn gives_up_a_peer_that_never_reads<B: Binding>() {
    let server = async |mut websocket: B::WebSocket| {
        let began = Instant::now();
        let result = B::send(&mut websocket, binary(24 << 20)).await;
        let Err(Error::Io(error)) = result else { panic!("{result:?}") };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let result = B::send(&mut websocket, Message::Text("more".into())).await;
        assert!(result.is_err());
        let result = B::read(&mut websocket).await;
        assert!(matches!(result, Err(Error::Timeout(Timeout::Pong))), "{result:?}");
        assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
    };
    with_client::<B, _>(impatient(), server, |peer| {
        thread::sleep(Duration::from_secs(2));
        drop(peer);
    });
}

fn gives_up_a_peer_that_never_closes<B: Binding>() {
    let server = async |mut websocket: B::WebSocket| {
        assert_eq!(B::close(&mut websocket).await.unwrap(), EndOfStream::HalfClosed);
    };
    with_client::<B, _>(impatient(), server, |peer| {
        let stream = peer.into_inner();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        read_to_end(&stream);
    });
}

fn pings_a_quiet_peer_and_keeps_it<B: Binding>() {
    with_client::<B, _>(impatient(), echo::<B>, |mut peer| {
        for _ in 0..5 {
            assert!(matches!(event(&mut peer), Some(Event::Ping(_))));
        }
        peer.flush().unwrap();
        assert_eq!(peer.close(CloseCode::NORMAL, "").unwrap(), EndOfStream::Clean);
    });
}

fn takes_a_frame_that_follows_the_request<B: Binding>() {
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

fn answers_a_request_that_is_none<B: Binding>() {
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

fn answers_a_late_request<B: Binding>() {
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
fn lets_a_refused_client_read_the_response<B: Binding>() {
    let server = async |stream| {
        let rejection = Rejection::forbidden().body(vec![b'n'; 100_000]);
        let mut config = Config::default();
        config.close_timeout = Some(2 * LIMIT);
        B::reject(stream, config, &rejection).await.unwrap();
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

fn returns_the_body_of_a_refusal<B: Binding>() {
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
    let mut peer_config = Config::default();
    peer_config.deflate = config.deflate.clone();
    with_peer::<B, T>(
        async |stream| server(B::accept(stream, config).await.unwrap()).await,
        |stream| client(blocking::client_with_seed(stream, request(), peer_config, [1; 32]).unwrap().0),
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

fn request() -> ClientRequest {
    ClientRequest::new("ws://localhost/").unwrap()
}

fn compressed() -> Config {
    let mut config = Config::default();
    config.deflate = Some(DeflateConfig::default());
    config
}

fn impatient() -> Config {
    let mut config = Config::default();
    let short = Some(Duration::from_millis(100));
    (config.ping_interval, config.pong_timeout) = (short, short);
    (config.close_timeout, config.handshake_timeout) = (Some(Duration::from_millis(200)), short);
    config
}

/// Generous: the machine may be busy. Without the timers, nothing would end.
const LIMIT: Duration = Duration::from_secs(5);

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";
