//! The timers of the adapters: on a clock that stands still, or by their outcome.

use std::{
    io::{self, Read, Write},
    thread,
    time::Duration,
};

use framewise::{CloseCode, Connection, EndOfStream, Error, Timeout, blocking, tokio::WebSocket};
use tokio::time::{Instant, advance, sleep, timeout};

use crate::support::{Bring, Scripted, config, from_client, server, sockets, within};

// R28, F9
#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_pinged_and_then_given_up() {
    for split in [false, true] {
        let stream = Scripted::default();
        let mut websocket = WebSocket::new(stream.clone(), server());
        let start = Instant::now();
        let reading = tokio::spawn(async move {
            match split {
                true => websocket.into_split().0.read().await,
                false => websocket.read().await,
            }
        });
        sleep(Duration::from_secs(21)).await;
        assert_eq!(stream.written(), b"\x89\x00", "one Ping");
        let error = reading.await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Timeout(Timeout::Pong)));
        assert_eq!(stream.written(), b"\x89\x00\x88\x11\x03\xf3no Pong in time");
        // 20 s of silence, 20 s for the Pong, 5 s for the end.
        assert_eq!(start.elapsed().as_secs(), 45);
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_pings_is_kept() {
    let stream = Scripted::default();
    let mut websocket = WebSocket::new(stream.clone(), server());
    let reading = tokio::spawn(async move { websocket.read().await });
    for _ in 0..10 {
        sleep(Duration::from_secs(30)).await;
        stream.bring(Bring::Bytes(from_client(|peer| peer.pong(b"").unwrap())));
    }
    assert!(!reading.is_finished());
    stream.bring(Bring::Bytes(from_client(|peer| peer.send("still here").unwrap())));
    assert_eq!(reading.await.unwrap().unwrap().unwrap().as_text(), Some("still here"));
}

#[tokio::test(start_paused = true)]
async fn a_pong_tells_how_far_away_the_peer_is() {
    for split in [false, true] {
        let stream = Scripted::default();
        let config = config(|config| config.stats = true);
        let mut websocket = WebSocket::new(stream.clone(), Connection::server(config));
        let reading = tokio::spawn(async move {
            if split {
                let (mut reader, writer) = websocket.into_split();
                let read = reader.read().await;
                assert_eq!(writer.sent().map(|sent| sent.frames), Some(1), "a Ping");
                let received = reader.received().map(|received| received.frames);
                return (read, reader.latency(), received);
            }
            let read = websocket.read().await;
            let connection = websocket.connection();
            let received = connection.stats().map(|stats| stats.received.frames);
            (read, connection.latency(), received)
        });
        sleep(Duration::from_millis(20_130)).await;
        stream.bring(Bring::Bytes(from_client(|peer| peer.pong(b"").unwrap())));
        sleep(Duration::from_millis(100)).await;
        stream.bring(Bring::Bytes(from_client(|peer| peer.send("a").unwrap())));
        let (read, latency, received) = reading.await.unwrap();
        assert_eq!(read.unwrap().unwrap().as_text(), Some("a"));
        assert_eq!((latency, received), (Some(Duration::from_millis(130)), Some(2)), "{split}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed() {
    let stream = Scripted::default();
    let idle = config(|config| config.idle_timeout = Some(Duration::from_secs(7)));
    let mut websocket = WebSocket::new(stream.clone(), Connection::server(idle));
    let start = Instant::now();
    let reading = tokio::spawn(async move { (websocket.read().await, websocket.end()) });
    sleep(Duration::from_secs(8)).await;
    assert_eq!(stream.written(), b"\x88\x02\x03\xe9");
    stream.bring(Bring::Bytes(from_client(|peer| {
        peer.close(CloseCode::GOING_AWAY, "").unwrap();
    })));
    stream.bring(Bring::Eof);
    let (read, end) = reading.await.unwrap();
    assert!(read.unwrap().is_none());
    assert_eq!(end, Some(EndOfStream::Clean));
    assert_eq!(start.elapsed().as_secs(), 8);
}

// Without timers no timer of the runtime is needed.
#[test]
fn a_runtime_without_time_will_do() {
    let timeless = config(|config| {
        config.ping_interval = None;
        config.close_timeout = None;
    });
    let bytes = from_client(|peer| peer.send("now").unwrap());
    let stream = Scripted::bytes(bytes);
    let mut websocket = WebSocket::new(stream, Connection::server(timeless));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let message = runtime.block_on(websocket.read()).unwrap().unwrap();
    assert_eq!(message.as_text(), Some("now"));
}

#[test]
fn a_silent_peer_of_a_blocking_server_is_given_up() {
    for split in [false, true] {
        let error = within(move || {
            let (stream, _peer) = sockets();
            let impatient = config(|config| {
                config.ping_interval = Some(Duration::from_millis(20));
                config.pong_timeout = Some(Duration::from_millis(20));
                config.close_timeout = Some(Duration::from_millis(20));
            });
            let connection = Connection::server(impatient);
            let mut websocket = blocking::WebSocket::new(stream, connection);
            match split {
                true => {
                    let clone = websocket.stream().try_clone().unwrap();
                    websocket.into_split(clone).0.read().unwrap_err()
                }
                false => websocket.read().unwrap_err(),
            }
        });
        assert!(matches!(error, Error::Timeout(Timeout::Pong)));
    }
}

// A task that was busy with other things finds the Pong in the socket, and the time for it over.
#[tokio::test(start_paused = true)]
async fn a_pong_that_waited_for_the_task_is_not_late() {
    let pong = || Bring::Bytes(from_client(|peer| peer.pong(b"").unwrap()));
    let text = || Bring::Bytes(from_client(|peer| peer.send("alive").unwrap()));

    let stream = Scripted::default();
    let mut websocket = WebSocket::new(stream.clone(), server());
    assert!(timeout(Duration::from_secs(21), websocket.read()).await.is_err());
    assert_eq!(stream.written(), b"\x89\x00");
    stream.bring(pong());
    advance(Duration::from_secs(60)).await;
    assert!(timeout(Duration::from_secs(1), websocket.read()).await.is_err());
    stream.bring(text());
    assert_eq!(websocket.read().await.unwrap().unwrap().as_text(), Some("alive"));

    let stream = Scripted::default();
    let (mut reader, _writer) = WebSocket::new(stream.clone(), server()).into_split();
    assert!(timeout(Duration::from_secs(21), reader.read()).await.is_err());
    assert_eq!(stream.written(), b"\x89\x00");
    stream.bring(pong());
    advance(Duration::from_secs(60)).await;
    assert!(timeout(Duration::from_secs(1), reader.read()).await.is_err());
    stream.bring(text());
    assert_eq!(reader.read().await.unwrap().unwrap().as_text(), Some("alive"));
}

// The same when the task comes back to write.
#[tokio::test(start_paused = true)]
async fn a_pong_that_waited_for_a_task_that_writes_is_not_late() {
    let stream = Scripted::default();
    let mut websocket = WebSocket::new(stream.clone(), server());
    assert!(timeout(Duration::from_secs(21), websocket.read()).await.is_err());
    stream.bring(Bring::Bytes(from_client(|peer| {
        peer.pong(b"").unwrap();
        peer.send("alive").unwrap();
    })));
    advance(Duration::from_secs(60)).await;
    stream.block();
    assert!(timeout(Duration::from_secs(1), websocket.send("are you?")).await.is_err());
    stream.unblock();
    websocket.flush().await.unwrap();
    assert_eq!(stream.written(), b"\x89\x00\x81\x08are you?");
    assert_eq!(websocket.read().await.unwrap().unwrap().as_text(), Some("alive"));
}

/// A stream on which every read takes longer than the timers of [`impatient`].
#[derive(Clone)]
struct Late(Scripted);

impl Read for Late {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        thread::sleep(Duration::from_millis(10));
        self.0.read(buf)
    }
}

impl Write for Late {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl blocking::Stream for Late {
    fn set_read_timeout(&self, _: Option<Duration>) -> io::Result<bool> {
        Ok(true)
    }
}

fn impatient() -> Connection {
    Connection::server(config(|config| {
        config.ping_interval = Some(Duration::from_millis(5));
        config.pong_timeout = Some(Duration::from_millis(5));
        config.close_timeout = Some(Duration::from_millis(5));
    }))
}

// A thread that was held up between the Ping and the Pong.
#[test]
fn a_pong_that_waited_for_the_thread_is_not_late() {
    for split in [false, true] {
        let stream = Scripted::new([
            Bring::Later,
            Bring::Bytes(from_client(|peer| peer.pong(b"").unwrap())),
            Bring::Bytes(from_client(|peer| peer.send("alive").unwrap())),
        ]);
        let late = Late(stream.clone());
        let message = within(move || {
            let mut websocket = blocking::WebSocket::new(late.clone(), impatient());
            match split {
                true => websocket.into_split(late).0.read(),
                false => websocket.read(),
            }
        });
        assert_eq!(message.unwrap().unwrap().as_text(), Some("alive"));
        assert_eq!(stream.written(), b"\x89\x00", "one Ping");
    }
}

// There is always something to read, so no read ever waits.
#[tokio::test(start_paused = true)]
async fn a_peer_that_never_stops_talking_does_not_stop_the_clock() {
    let talk = || Bring::Bytes(from_client(|peer| peer.send("and another thing").unwrap()));
    let second = Duration::from_secs(1);

    let stream = Scripted::default();
    let mut websocket = WebSocket::new(stream.clone(), server());
    websocket.connection_mut().close(CloseCode::NORMAL, "").unwrap();
    let mut messages = 0;
    stream.bring(talk());
    while websocket.read().await.unwrap().is_some() && messages < 100 {
        messages += 1;
        stream.bring(talk());
        advance(second).await;
    }
    assert_eq!(websocket.end(), Some(EndOfStream::Incomplete), "after {messages} messages");

    let stream = Scripted::default();
    let (mut reader, mut writer) = WebSocket::new(stream.clone(), server()).into_split();
    writer.send_close(CloseCode::NORMAL, "").await.unwrap();
    let mut messages = 0;
    stream.bring(talk());
    while reader.read().await.unwrap().is_some() && messages < 100 {
        messages += 1;
        stream.bring(talk());
        advance(second).await;
    }
    assert_eq!(reader.end(), Some(EndOfStream::Incomplete), "after {messages} messages");
}

#[test]
fn a_peer_that_never_stops_talking_does_not_stop_the_clock_of_a_thread() {
    for split in [false, true] {
        let end = within(move || {
            let stream = Scripted::default();
            let talk = || {
                stream.bring(Bring::Bytes(from_client(|peer| peer.send("more").unwrap())));
            };
            let mut websocket = blocking::WebSocket::new(stream.clone(), impatient());
            websocket.connection_mut().close(CloseCode::NORMAL, "").unwrap();
            talk();
            if split {
                let (mut reader, _writer) = websocket.into_split(stream.clone());
                while reader.read().unwrap().is_some() {
                    talk();
                }
                return reader.end();
            }
            while websocket.read().unwrap().is_some() {
                talk();
            }
            websocket.end()
        });
        assert_eq!(end, Some(EndOfStream::Incomplete));
    }
}
