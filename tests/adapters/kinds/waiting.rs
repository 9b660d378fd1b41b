//! K8, K9, K11, K14: what goes on while a program does something else.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use framewise::{
    CloseCode, Config, EndOfStream, Error, Event, Role, SendErrorKind, blocking,
    handshake::{Acceptance, ClientRequest},
    tokio::{WebSocket, accept, client_with_seed, connect},
};
use futures_util::{SinkExt, StreamExt as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex, sink},
    runtime::{Builder, Runtime},
    time::{Instant, sleep},
};

use super::support::{soon, untimed, untimed_client, untimed_server};
use crate::support::{
    REQUEST, SEED, Scripted, client as client_connection, config, events_from, from_client,
    from_server, machine, server, within,
};

const TICK: Duration = Duration::from_millis(20);

/// How a program sends that never reads.
#[derive(Clone, Copy, Debug)]
enum Way {
    Send,
    FeedAndFlush,
    Sink,
    Fragments,
    Queue,
}

const WAYS: [Way; 5] = [Way::Send, Way::FeedAndFlush, Way::Sink, Way::Fragments, Way::Queue];

async fn tick(
    websocket: &mut WebSocket<DuplexStream>,
    way: Way,
    number: usize,
) -> Result<(), Error> {
    sleep(TICK).await;
    match way {
        Way::Send => websocket.send("tick").await,
        Way::FeedAndFlush => {
            websocket.feed("tick").await?;
            websocket.flush().await
        }
        Way::Sink => SinkExt::send(websocket, "tick").await,
        Way::Fragments => {
            websocket.connection_mut().send_fragment("tick", number % 10 == 9)?;
            websocket.flush().await
        }
        Way::Queue => {
            websocket.connection_mut().send("tick")?;
            websocket.flush().await
        }
    }
}

#[tokio::test(start_paused = true)]
async fn k8_a_program_that_only_sends_answers_pings_and_closes() {
    for (way, role) in WAYS.into_iter().flat_map(|way| [(way, Role::Client), (way, Role::Server)]) {
        let (stream, peer) = duplex(1 << 16);
        let mut websocket = WebSocket::new(stream, machine(role, config(|_| ())));
        let other = crate::support::other(role);
        let mut peer = WebSocket::new(peer, machine(other, config(|_| ())));
        let talking = tokio::spawn(async move {
            let (mut pongs, mut texts, start) = (0, 0, Instant::now());
            peer.connection_mut().ping(b"there?").unwrap();
            peer.flush().await.unwrap();
            let mut closing = None;
            while let Some(mut batch) = peer.fill().await.unwrap() {
                while let Some(event) = batch.next() {
                    match event {
                        Event::Pong(payload) => {
                            assert_eq!(&*payload, b"there?");
                            pongs += 1;
                        }
                        Event::Text(_) => texts += 1,
                        Event::Close(_) => assert!(closing.is_some()),
                        other => panic!("{other:?}"),
                    }
                }
                if pongs == 1 && closing.is_none() {
                    assert!(start.elapsed() <= 20 * TICK, "{way:?} {:?}", start.elapsed());
                    closing = Some(Instant::now());
                    batch.connection_mut().close(CloseCode::NORMAL, "enough").unwrap();
                }
            }
            assert!(closing.unwrap().elapsed() <= 22 * TICK, "{way:?}");
            (peer.end(), texts)
        });
        let mut number = 0;
        let error = loop {
            match tick(&mut websocket, way, number).await {
                Ok(()) => number += 1,
                Err(error) => break error,
            }
            assert!(number < 100, "{way:?} {role:?}: nobody noticed the Close");
        };
        assert!(matches!(&error, Error::Send(error) if error.kind() == SendErrorKind::Closed));
        assert_eq!(websocket.connection().received_close().unwrap().reason, "enough");
        // What is left to do: to be told of the end.
        assert_eq!(soon(websocket.closed()).await.unwrap(), EndOfStream::Clean);
        assert_eq!(soon(talking).await.unwrap().0, Some(EndOfStream::Clean));
    }
}

// A peer that vanished without a word, and one that sends nothing back: the timers run.
#[tokio::test(start_paused = true)]
async fn k8_a_program_that_only_sends_notices_a_peer_that_is_gone() {
    for way in WAYS {
        let (stream, mut peer) = duplex(1 << 20);
        let mut websocket = WebSocket::new(stream, server());
        let start = Instant::now();
        let error = loop {
            if let Err(error) = tick(&mut websocket, way, 0x0a).await {
                break error;
            }
            assert!(start.elapsed() < Duration::from_secs(60), "nobody noticed the silence");
        };
        assert!(matches!(error, Error::Send(_) | Error::Io(_)), "{error:?}");
        assert!(matches!(websocket.closed().await, Err(Error::Timeout(_))));
        let mut sent = Vec::new();
        drop(websocket);
        peer.read_to_end(&mut sent).await.unwrap();
        assert!(sent.windows(2).any(|it| it == b"\x89\x00"), "it was asked");
    }
}

// The other way that the docs name: `readable` in a `select!` answers at once.
#[tokio::test(start_paused = true)]
async fn k8_a_program_that_selects_answers_at_once() {
    let (stream, peer) = duplex(1 << 16);
    let mut websocket = WebSocket::new(stream, server());
    let ticking = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                _ = ticks.tick() => websocket.send("tick").await.unwrap(),
                readable = websocket.readable() => {
                    if !readable.unwrap() {
                        return websocket.end();
                    }
                    let mut batch = websocket.batch();
                    while batch.next().is_some() {}
                }
            }
        }
    });
    let mut peer = WebSocket::new(peer, client_connection());
    sleep(Duration::from_millis(2500)).await;
    let start = Instant::now();
    peer.connection_mut().ping(b"").unwrap();
    'pong: loop {
        let mut batch = peer.fill().await.unwrap().unwrap();
        while let Some(event) = batch.next() {
            if let Event::Pong(_) = event {
                break 'pong;
            }
        }
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(peer.close(CloseCode::NORMAL, "").await.unwrap(), EndOfStream::Clean);
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(ticking.await.unwrap(), Some(EndOfStream::Clean));
}

fn timeless() -> Runtime {
    Builder::new_current_thread().enable_io().build().unwrap()
}

// Everything that a connection does, without timers and without a driver for them.
#[test]
fn k9_no_time_driver_is_needed_when_all_timers_are_off() {
    within(|| {
        timeless().block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let uri = format!("ws://{}/", listener.local_addr().unwrap());
            for way in 0..4 {
                let request = ClientRequest::new(&uri).unwrap();
                let serving = async {
                    let (stream, _) = listener.accept().await.unwrap();
                    let incoming = accept(stream, untimed()).await.unwrap();
                    let mut websocket = incoming.accept(Acceptance::new()).await.unwrap();
                    if way % 2 == 0 {
                        while let Some(message) = websocket.read().await.unwrap() {
                            websocket.send(message).await.unwrap();
                        }
                        return websocket.end();
                    }
                    let (mut reader, mut writer) = websocket.into_split();
                    while let Some(message) = reader.read().await.unwrap() {
                        writer.send(message).await.unwrap();
                    }
                    reader.end()
                };
                let asking = async {
                    let (mut websocket, _) = connect(request, untimed()).await.unwrap();
                    for len in [1, 100_000] {
                        websocket.send(vec![0; len]).await.unwrap();
                        assert_eq!(websocket.read().await.unwrap().unwrap().as_bytes().len(), len);
                    }
                    if way < 2 {
                        return websocket.close(CloseCode::NORMAL, "").await.unwrap();
                    }
                    let (mut reader, mut writer) = websocket.into_split();
                    writer.send_close(CloseCode::NORMAL, "").await.unwrap();
                    reader.closed().await.unwrap()
                };
                let (served, asked) = tokio::join!(serving, asking);
                assert_eq!((served, asked), (Some(EndOfStream::Clean), EndOfStream::Clean));
            }
        });
    });
}

// One timer that is left on does not matter before there is something to time: `close_limit`.
#[test]
fn k9_the_limit_of_a_close_needs_no_driver_before_anything_closes() {
    within(|| {
        timeless().block_on(async {
            let mut config = untimed();
            config.close_limit = Config::default().close_limit;
            let (one, other) = duplex(64);
            let mut server = WebSocket::new(one, framewise::Connection::server(config));
            let mut client = WebSocket::new(other, untimed_client());
            let (sent, read) = tokio::join!(server.send(vec![0; 5000]), client.read());
            sent.unwrap();
            assert!(read.unwrap().is_some());
        });
    });
}

// Failures: a refusal, a peer that breaks the protocol, one that is gone.
#[test]
fn k9_failures_need_no_time_driver() {
    within(|| {
        timeless().block_on(async {
            let (stream, mut peer) = duplex(1 << 16);
            peer.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
            let (read, mut rest) = tokio::io::split(peer);
            rest.shutdown().await.unwrap();
            accept(stream, untimed()).await.unwrap_err();
            drop(read);

            let (stream, mut peer) = duplex(1 << 16);
            peer.write_all(b"\xff\xff").await.unwrap();
            peer.shutdown().await.unwrap();
            let mut websocket = WebSocket::new(stream, untimed_server());
            assert!(matches!(websocket.read().await, Err(Error::Protocol(_))));

            let (stream, mut peer) = duplex(1 << 16);
            peer.write_all(b"HTTP/1.1 403 No\r\n\r\n").await.unwrap();
            peer.shutdown().await.unwrap();
            let request = ClientRequest::new("ws://localhost/").unwrap();
            client_with_seed(stream, request, untimed(), SEED).await.unwrap_err();
        });
    });
}

/// Counts how often another task of the thread runs while `run` does.
async fn others_run(run: impl Future<Output = ()>) -> usize {
    let count = Arc::new(AtomicUsize::new(0));
    let other = tokio::spawn({
        let count = Arc::clone(&count);
        async move {
            loop {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        }
    });
    run.await;
    other.abort();
    count.load(Ordering::Relaxed)
}

// Batches that nobody takes: the thread belongs to the others, too.
#[tokio::test(start_paused = true)]
async fn k11_batches_that_are_not_taken_do_not_spin() {
    const ROUNDS: usize = 1000;

    for bytes in [
        from_client(|peer| peer.send("nobody reads this").unwrap()),
        [from_client(|peer| peer.send("nobody reads this").unwrap()), vec![0x81]].concat(),
        from_client(|peer| (0..500).for_each(|_| peer.send("many").unwrap())),
    ] {
        for way in 0..6 {
            let stream = Scripted::bytes(bytes.clone());
            let mut websocket = WebSocket::new(stream, server());
            let count = others_run(async {
                if way < 4 {
                    for _ in 0..ROUNDS {
                        match way {
                            0 => drop(websocket.fill().await.unwrap().unwrap()),
                            1 => assert!(websocket.readable().await.unwrap()),
                            2 => {
                                assert!(websocket.readable().await.unwrap());
                                drop(websocket.batch());
                            }
                            _ => tokio::select! {
                                biased;
                                readable = websocket.readable() => assert!(readable.unwrap()),
                                () = sleep(TICK) => panic!("there is input"),
                            },
                        }
                    }
                    return;
                }
                let (mut reader, _writer) = websocket.into_split();
                for _ in 0..ROUNDS {
                    match way {
                        4 => drop(reader.fill().await.unwrap().unwrap()),
                        _ => assert!(reader.readable().await.unwrap()),
                    }
                }
            })
            .await;
            assert!(count >= ROUNDS / 40, "{way}: the others ran {count} times");
        }
    }
}

// With a deadline of its own around it, such a loop ends.
#[tokio::test]
async fn k11_a_deadline_around_a_loop_that_takes_nothing_is_met() {
    let bytes = from_client(|peer| peer.send("nobody reads this").unwrap());
    let mut websocket = WebSocket::new(Scripted::bytes(bytes), server());
    let spinning = async { while websocket.fill().await.unwrap().is_some() {} };
    assert!(tokio::time::timeout(TICK, spinning).await.is_err());
}

// A stream that always has something does not keep the thread, whoever reads it.
#[tokio::test]
async fn k11_a_flood_does_not_keep_the_thread() {
    for way in 0..4 {
        let (stream, mut peer) = duplex(1 << 12);
        let flooding = tokio::spawn(async move {
            let bytes = from_client(|peer| (0..100).for_each(|_| peer.ping(b"").unwrap()));
            for _ in 0..2000 {
                peer.write_all(&bytes).await.unwrap();
            }
            let (mut rest, mut writer) = tokio::io::split(peer);
            let close = from_client(|peer| peer.close(CloseCode::NORMAL, "").unwrap());
            let closing = async {
                writer.write_all(&close).await.unwrap();
                writer.shutdown().await.unwrap();
            };
            let mut void = sink();
            let _ = tokio::join!(closing, tokio::io::copy(&mut rest, &mut void));
        });
        // The peer takes the Pongs only at its end, so that most of them are never sent.
        let websocket = WebSocket::new(stream, untimed_server());
        let count = others_run(async {
            let mut websocket = websocket;
            match way {
                0 => drop(websocket.closed().await.unwrap()),
                1 => assert!(websocket.read().await.unwrap().is_none()),
                2 => assert!(websocket.next().await.is_none()),
                _ => {
                    let (mut reader, _writer) = websocket.into_split();
                    reader.closed().await.unwrap();
                }
            }
        })
        .await;
        flooding.await.unwrap();
        assert!(count > 20, "{way}: the others ran {count} times");
    }
}

/// Reads `step` bytes every `pause` until the end; returns everything.
async fn slowly(mut peer: DuplexStream, step: usize, pause: Duration) -> Vec<u8> {
    let (mut all, mut buf) = (Vec::new(), vec![0; step]);
    loop {
        sleep(pause).await;
        match peer.read(&mut buf).await {
            Ok(0) | Err(_) => return all,
            Ok(len) => all.extend(&buf[..len]),
        }
    }
}

// Whichever end closes first, however the connection is held: a peer that reads gets all of it.
#[tokio::test(start_paused = true)]
async fn k14_a_slow_reader_gets_all_in_front_of_the_close() {
    const LEN: usize = 1 << 20;

    for (role, way) in
        [Role::Client, Role::Server].into_iter().flat_map(|role| (0..5).map(move |way| (role, way)))
    {
        let (stream, mut peer) = duplex(32 << 10);
        let other = crate::support::other(role);
        let close =
            crate::support::frames(other, |peer| peer.close(CloseCode::NORMAL, "").unwrap());
        if way != 1 && way != 3 {
            peer.write_all(&close).await.unwrap();
        }
        let reading = tokio::spawn(slowly(peer, 32 << 10, Duration::from_secs(2)));
        let start = Instant::now();
        let mut websocket = WebSocket::new(stream, machine(role, config(|_| ())));
        websocket.connection_mut().send(vec![0; LEN]).unwrap();
        let ended = async {
            match way {
                0 => while websocket.read().await.unwrap().is_some() {},
                1 => drop(websocket.close(CloseCode::NORMAL, "").await.unwrap()),
                2 => {
                    let (mut reader, _writer) = websocket.into_split();
                    assert!(reader.read().await.unwrap().is_none());
                }
                3 => {
                    let (mut reader, mut writer) = websocket.into_split();
                    let (closed, sent) =
                        tokio::join!(reader.closed(), writer.send_close(CloseCode::NORMAL, ""));
                    closed.unwrap();
                    sent.unwrap();
                }
                _ => while websocket.next().await.is_some() {},
            }
        };
        soon(ended).await;
        let all = soon(reading).await.unwrap();
        let events = events_from(role, &all);
        assert!(matches!(&events[0], Event::Binary(bytes) if bytes.len() == LEN), "{role:?} {way}");
        assert!(matches!(&events[1], Event::Close(_)));
        assert!(start.elapsed() > Duration::from_secs(60));
    }
}

// But not for ever: one byte at a time is given up at the limit, and one that stops after 5 s.
#[tokio::test(start_paused = true)]
async fn k14_the_limit_of_a_close_holds() {
    for (limit, step, seconds) in [(Some(60), 1, 60), (Some(7), 1, 7), (None, 1 << 10, 2002)] {
        for split in [false, true] {
            let (stream, peer) = duplex(2);
            let (stream, peer) = if step == 1 { (stream, peer) } else { duplex(step) };
            let _reading = tokio::spawn(slowly(peer, step, Duration::from_secs(2)));
            let start = Instant::now();
            let config = config(|config| config.close_limit = limit.map(Duration::from_secs));
            let mut websocket = WebSocket::new(stream, framewise::Connection::server(config));
            websocket.connection_mut().send(vec![0; 1000 << 10]).unwrap();
            if split {
                let (mut reader, mut writer) = websocket.into_split();
                let _ = tokio::join!(reader.closed(), writer.send_close(CloseCode::NORMAL, ""));
            } else {
                let _ = websocket.close(CloseCode::NORMAL, "").await;
            }
            let elapsed = start.elapsed().as_secs();
            assert!((seconds..=seconds + 10).contains(&elapsed), "{limit:?}: {elapsed}");
        }
    }
    let (stream, mut peer) = duplex(1 << 10);
    let start = Instant::now();
    let mut websocket = WebSocket::new(stream, server());
    websocket.connection_mut().send(vec![0; 1 << 20]).unwrap();
    let reading = tokio::spawn(async move {
        for _ in 0..5 {
            sleep(Duration::from_secs(3)).await;
            peer.read_exact(&mut [0; 1 << 10]).await.unwrap();
        }
        peer
    });
    assert_eq!(websocket.close(CloseCode::NORMAL, "").await.unwrap(), EndOfStream::Incomplete);
    assert_eq!(start.elapsed().as_secs(), 20);
    drop(reading);
}

// On a thread, over sockets: what is pending is far more than they hold.
#[test]
fn k14_a_slow_reader_gets_all_of_a_thread() {
    use std::io::{Read as _, Write as _};

    const LEN: usize = 12 << 20;

    for way in 0..3 {
        let (len, ended) = within(move || {
            let (stream, mut peer) = crate::support::sockets();
            let close = from_client(|peer| peer.close(CloseCode::NORMAL, "").unwrap());
            let reading = thread::spawn(move || {
                if way != 1 {
                    peer.write_all(&close).unwrap();
                }
                let (mut len, mut buf) = (0, vec![0; 64 << 10]);
                loop {
                    thread::sleep(Duration::from_millis(10));
                    match peer.read(&mut buf) {
                        Ok(0) | Err(_) => return len,
                        Ok(more) => len += more,
                    }
                }
            });
            let timeout = Some(Duration::from_secs(1));
            let config = config(|config| config.close_timeout = timeout);
            let mut websocket =
                blocking::WebSocket::new(stream, framewise::Connection::server(config));
            websocket.connection_mut().send(vec![0; LEN]).unwrap();
            let ended = match way {
                0 => websocket.read().map(|_| websocket.end().unwrap()),
                1 => websocket.close(CloseCode::NORMAL, ""),
                _ => {
                    let clone = websocket.stream().try_clone().unwrap();
                    let (mut reader, _writer) = websocket.into_split(clone);
                    reader.closed()
                }
            };
            (reading.join().unwrap(), ended)
        });
        // The header of the message and a Close.
        assert_eq!(len, LEN + 10 + 4, "{way} {ended:?}");
        assert!(ended.is_ok(), "{way} {ended:?}");
    }
}

// A server that the octets of the request reach late is none that was given up.
#[tokio::test(start_paused = true)]
async fn k8_a_first_message_behind_the_request_is_seen_by_who_only_sends() {
    let glued = [REQUEST, &from_client(|peer| peer.ping(b"glued").unwrap())].concat();
    let (stream, mut peer) = duplex(1 << 16);
    peer.write_all(&glued).await.unwrap();
    let incoming = accept(stream, config(|_| ())).await.unwrap();
    let mut websocket = incoming.accept(Acceptance::new()).await.unwrap();
    for _ in 0..20 {
        websocket.send("tick").await.unwrap();
    }
    drop(websocket);
    let mut sent = Vec::new();
    peer.read_to_end(&mut sent).await.unwrap();
    assert!(sent.windows(7).any(|it| it == b"\x8a\x05glued"), "it was answered");
    let _ = from_server(|_| ());
}
