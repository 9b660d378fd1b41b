//! One connection after another: when attempts are made, and which failures end them.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use framewise::{
    Config, Error, blocking,
    client::{Backoff, Connector, Proxy},
    handshake::{HandshakeError, Rejection},
    tokio as asynchronous,
};
use tokio::time::{Instant, timeout};

/// Without timers, so that virtual time passes in the pauses only.
fn untimed() -> Config {
    let mut config = Config::default();
    config.handshake_timeout = None;
    config.close_timeout = None;
    config.ping_interval = None;
    config.pong_timeout = None;
    config
}

fn quick() -> Backoff {
    Backoff::new().base(Duration::from_millis(10)).cap(Duration::from_millis(50))
}

/// Serves one client after another on a thread: `serve` is told how many were there before.
fn server(
    serve: impl Fn(usize, std::net::TcpStream) -> Result<(), Error> + Send + 'static,
) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let served = Arc::clone(&count);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = serve(served.fetch_add(1, Ordering::SeqCst), stream.unwrap());
        }
    });
    (address, count)
}

fn refuse(stream: std::net::TcpStream, rejection: Rejection) -> Result<(), Error> {
    blocking::accept(stream, Config::default())?.reject(rejection)
}

/// A server that is killed and comes back on the same port, ten times: each life sends its number to
/// one client.
fn server_of_ten_lives() -> (SocketAddr, thread::JoinHandle<()>) {
    let (ready, address) = mpsc::channel();
    let lives = thread::spawn(move || {
        let mut at = SocketAddr::from(([127, 0, 0, 1], 0));
        for life in 0..10 {
            let listener = TcpListener::bind(at).unwrap();
            at = listener.local_addr().unwrap();
            let _ = ready.send(at);
            let (stream, _) = listener.accept().unwrap();
            let mut websocket = blocking::accept_any(stream, Config::default()).unwrap();
            websocket.send(life.to_string()).unwrap();
            // What was killed sends no Close, and is away for a while.
            drop((websocket, listener));
            thread::sleep(Duration::from_millis(30));
        }
    });
    (address.recv().unwrap(), lives)
}

#[test]
fn a_server_that_is_killed_ten_times_is_found_again() {
    let (address, lives) = server_of_ten_lives();
    let mut reconnect = blocking::Reconnect::new(format!("ws://{address}/"), Config::default())
        .unwrap()
        .backoff(quick());
    for life in 0..10 {
        let (mut websocket, _) = reconnect.connect().unwrap();
        assert_eq!(websocket.read().unwrap(), Some(life.to_string().into()));
        assert!(matches!(websocket.read(), Ok(None) | Err(_)));
    }
    lives.join().unwrap();
}

#[tokio::test]
async fn a_task_finds_a_server_again_that_is_killed_ten_times() {
    let (address, lives) = server_of_ten_lives();
    let reconnect = asynchronous::Reconnect::new(format!("ws://{address}/"), Config::default());
    let mut reconnect = reconnect.unwrap().backoff(quick());
    for life in 0..10 {
        let (mut websocket, _) = reconnect.connect().await.unwrap();
        assert_eq!(websocket.read().await.unwrap(), Some(life.to_string().into()));
        assert!(matches!(websocket.read().await, Ok(None) | Err(_)));
    }
    lives.join().unwrap();
}

// Twenty connections that end at once take minutes: the chance of less than one is one in 10 million.
#[tokio::test(start_paused = true)]
async fn a_server_that_closes_at_once_makes_no_busy_loop() {
    let (address, _) =
        server(|_, stream| blocking::accept_any(stream, Config::default()).map(drop));
    let mut reconnect =
        asynchronous::Reconnect::new(format!("ws://{address}/"), untimed()).unwrap();
    let began = Instant::now();
    for _ in 0..20 {
        drop(reconnect.connect().await.unwrap());
    }
    assert!(began.elapsed() > Duration::from_secs(60), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_first_attempt_does_not_wait_and_a_reset_ends_waiting() {
    let (address, _) =
        server(|_, stream| blocking::accept_any(stream, Config::default()).map(drop));
    let mut reconnect =
        asynchronous::Reconnect::new(format!("ws://{address}/"), untimed()).unwrap();
    let began = Instant::now();
    drop(reconnect.connect().await.unwrap());
    reconnect.reset();
    drop(reconnect.connect().await.unwrap());
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_a_pause_gets_it() {
    let (address, _) = server(|before, stream| match before {
        0 => refuse(stream, Rejection::new(503)?.header("Retry-After", "7")?),
        _ => blocking::accept_any(stream, Config::default()).map(drop),
    });
    let mut reconnect =
        asynchronous::Reconnect::new(format!("ws://{address}/"), untimed()).unwrap();
    let began = Instant::now();
    drop(reconnect.connect().await.unwrap());
    let waited = began.elapsed();
    assert!((Duration::from_secs(7)..Duration::from_secs(9)).contains(&waited), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_asks_for_a_pause_gets_it() {
    let (address, _) = server(|before, mut stream| {
        let _ = stream.read(&mut [0; 1024])?;
        stream.write_all(match before {
            0 => b"HTTP/1.1 503 x\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
            _ => b"HTTP/1.1 403 x\r\nContent-Length: 0\r\n\r\n",
        })?;
        Ok(())
    });
    let proxy = Proxy::new(address.to_string()).unwrap();
    let mut reconnect = asynchronous::Reconnect::new("ws://server.example/", untimed())
        .unwrap()
        .connector(Connector::new().proxy(proxy));
    let began = Instant::now();
    let error = reconnect.connect().await.unwrap_err();
    assert!(matches!(error, Error::Proxy(_)), "{error:?}");
    let waited = began.elapsed();
    assert!((Duration::from_secs(7)..Duration::from_secs(9)).contains(&waited), "{waited:?}");
}

#[test]
fn what_another_attempt_does_not_change_is_an_error_at_once() {
    let (address, count) = server(|before, stream| match before {
        0 => refuse(stream, Rejection::new(404)?),
        _ => blocking::accept_any(stream, Config::default()).map(drop),
    });
    let mut reconnect = blocking::Reconnect::new(format!("ws://{address}/"), Config::default())
        .unwrap()
        .backoff(quick());
    let error = reconnect.connect().unwrap_err();
    assert!(matches!(error, Error::Handshake(HandshakeError::Rejected(_))), "{error:?}");
    assert_eq!(count.load(Ordering::SeqCst), 1);
    // The program may try again all the same.
    drop(reconnect.connect().unwrap());
}

#[tokio::test(start_paused = true)]
async fn the_last_failure_is_the_error_when_no_attempt_is_left() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut reconnect = asynchronous::Reconnect::new(format!("ws://{address}/"), untimed())
        .unwrap()
        .backoff(Backoff::new().max_attempts(Some(3)));
    let Error::Io(error) = reconnect.connect().await.unwrap_err() else { panic!("no I/O error") };
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    let Error::Io(error) = reconnect.connect().await.unwrap_err() else { panic!("no I/O error") };
    assert_eq!(error.kind(), ErrorKind::ConnectionAborted, "no attempt is left: {error}");
}

// Dropped again and again, as in a `select!`, it waits no longer, and no shorter.
#[tokio::test(start_paused = true)]
async fn a_wait_that_was_dropped_goes_on() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut reconnect = asynchronous::Reconnect::new(format!("ws://{address}/"), untimed())
        .unwrap()
        .backoff(Backoff::new().max_attempts(Some(2)).reset_after(Duration::ZERO));
    let began = Instant::now();
    let mut drops = 0;
    let error = loop {
        match timeout(Duration::from_millis(1), reconnect.connect()).await {
            Ok(connected) => break connected.unwrap_err(),
            Err(_) => drops += 1,
        }
    };
    assert!(matches!(error, Error::Io(_)), "{error:?}");
    let waited = began.elapsed();
    assert!(waited <= Duration::from_millis(3100), "1 s and 2 s at most: {waited:?}");
    assert!(drops > 0, "it does wait");
}

// An attempt that is dropped counts: a program that drops each one makes no busy loop.
#[tokio::test(start_paused = true)]
async fn an_attempt_that_was_dropped_counts_as_failed() {
    let (address, count) = server(|_, mut stream| {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        Box::leak(Box::new(stream)); // It never answers.
        Ok(())
    });
    let mut reconnect =
        asynchronous::Reconnect::new(format!("ws://{address}/"), untimed()).unwrap();
    for _ in 0..100 {
        let _ = timeout(Duration::from_millis(20), reconnect.connect()).await;
    }
    // Two seconds: the attempt at once, and those after up to 1, 2 and 4 seconds.
    assert!(count.load(Ordering::SeqCst) < 10, "{count:?} attempts");
}
