//! A WebSocket as a `Stream` and a `Sink`.

use std::time::Duration;

use framewise::{
    CloseCode, Connection, EndOfStream, Error, Message, ProtocolError, Role, Timeout,
    tokio::WebSocket,
};
use futures_util::{SinkExt, StreamExt, stream::FusedStream};
use tokio::time::{Instant, sleep};

use crate::support::{
    Bring, Scripted, client, config, frames, from_client, from_server, poll_times, server,
};

#[tokio::test]
async fn messages_go_through_a_stream_and_a_sink() {
    let (one, other) = tokio::io::duplex(64);
    let echo = tokio::spawn(async move {
        let (mut sink, mut stream) = StreamExt::split(WebSocket::new(one, server()));
        while let Some(message) = stream.next().await {
            sink.send(message.unwrap()).await.unwrap();
        }
    });
    let mut websocket = WebSocket::new(other, client());
    for size in [0, 1, 125, 70_000] {
        SinkExt::<Message>::feed(&mut websocket, Message::Text("x".repeat(size))).await.unwrap();
        SinkExt::<Message>::flush(&mut websocket).await.unwrap();
        let message = StreamExt::next(&mut websocket).await.unwrap().unwrap();
        assert_eq!(message.as_bytes().len(), size);
    }
    SinkExt::<Message>::close(&mut websocket).await.unwrap();
    assert!(StreamExt::next(&mut websocket).await.is_none());
    assert_eq!(websocket.end(), Some(EndOfStream::Clean));
    assert_eq!(websocket.connection().close_code(), CloseCode::NORMAL);
    drop(websocket);
    echo.await.unwrap();
}

// The stream remembers one task of each kind, and here both tasks wait to read and to write.
#[tokio::test(start_paused = true)]
async fn two_tasks_may_hold_the_stream_and_the_sink() {
    const COUNT: usize = 20;
    let (one, other) = tokio::io::duplex(64);
    let start = Instant::now();
    let mut tasks = Vec::new();
    for websocket in [WebSocket::new(one, server()), WebSocket::new(other, client())] {
        let (mut sink, mut stream) = StreamExt::split(websocket);
        tasks.push(tokio::spawn(async move {
            for _ in 0..COUNT {
                sink.send(Message::Binary(vec![7; 20_000])).await.unwrap();
            }
        }));
        tasks.push(tokio::spawn(async move {
            for _ in 0..COUNT {
                let message = stream.next().await.unwrap().unwrap();
                assert_eq!(message.as_bytes().len(), 20_000);
            }
        }));
    }
    for task in tasks {
        let limit = Duration::from_secs(1000);
        tokio::time::timeout(limit, task).await.expect("a task was not woken").unwrap();
    }
    assert_eq!(start.elapsed(), Duration::ZERO, "no timer had to wake a task");
}

// The last message and the Close come in one read.
#[tokio::test]
async fn forwarding_one_half_to_the_other_echoes_all_before_a_close() {
    let stream = Scripted::new([
        Bring::Bytes(from_client(|peer| {
            peer.send("first").unwrap();
            peer.send("last").unwrap();
            peer.close(CloseCode::NORMAL, "").unwrap();
        })),
        Bring::Eof,
    ]);
    let (reader, writer) = WebSocket::new(stream.clone(), server()).into_split();
    reader.forward(writer).await.unwrap();
    assert_eq!(stream.written(), b"\x81\x05first\x81\x04last\x88\x02\x03\xe8");
}

// R58: while the Close cannot be written, nothing else would wake the reader.
#[tokio::test(start_paused = true)]
async fn closing_the_sink_of_a_half_wakes_the_reader() {
    let stream = Scripted::default();
    stream.block();
    let (mut reader, mut writer) = WebSocket::new(stream.clone(), server()).into_split();
    let reading = tokio::spawn(async move {
        let message = reader.read().await.unwrap();
        (message, reader.end())
    });
    sleep(Duration::from_millis(1)).await;
    let start = Instant::now();
    let error = SinkExt::<Message>::close(&mut writer).await.unwrap_err();
    assert!(matches!(error, Error::Io(_)), "{error}");
    assert_eq!(reading.await.unwrap(), (None, Some(EndOfStream::Incomplete)));
    assert_eq!(start.elapsed().as_secs(), 5, "the time to close runs from the Close");
}

// A sink does not know how long the message will be when it says that it is ready.
#[tokio::test]
async fn a_small_output_has_room_for_one_message_after_the_other() {
    for split in [false, true] {
        let (one, other) = tokio::io::duplex(64);
        let small = config(|config| config.max_output = 1000);
        let websocket = WebSocket::new(one, Connection::server(small));
        let sending = tokio::spawn(async move {
            let messages = [990, 600, 600, 1, 990].map(|len| Message::Binary(vec![7; len]));
            let mut messages = futures_util::stream::iter(messages.map(Ok));
            if split {
                let (_reader, mut writer) = websocket.into_split();
                writer.send_all(&mut messages).await
            } else {
                let mut websocket = websocket;
                websocket.send_all(&mut messages).await
            }
        });
        let mut peer = WebSocket::new(other, client());
        for len in [990, 600, 600, 1, 990] {
            assert_eq!(peer.read().await.unwrap().unwrap().as_bytes().len(), len);
        }
        sending.await.unwrap().unwrap();
    }
}

// Who asks first would never learn of the failure.
#[tokio::test(start_paused = true)]
async fn a_stream_with_an_error_to_tell_has_not_terminated() {
    for breaks in [false, true] {
        let stream = Scripted::default();
        stream.block();
        if breaks {
            stream.bring(Bring::Bytes(from_server(|peer| peer.send("not masked").unwrap())));
        }
        let mut websocket = WebSocket::new(stream, server());
        assert!(!websocket.is_terminated(), "it is open");
        // Reads on while it waits to write, until it gives up.
        assert!(websocket.send("Hello?").await.is_err());
        assert_eq!(websocket.connection().state(), framewise::State::Closed);
        assert!(!websocket.is_terminated());
        let error = websocket.next().await.unwrap().unwrap_err();
        if breaks {
            assert!(matches!(error, Error::Protocol(ProtocolError::UnmaskedFrame)), "{error}");
        } else {
            assert!(matches!(error, Error::Timeout(Timeout::Pong)), "{error}");
        }
        assert!(websocket.next().await.is_none());
        assert!(websocket.is_terminated());
    }
}

// The same when nothing was given up: the peer said something, or broke the protocol, and ended its
// direction while this program was writing.
#[tokio::test(start_paused = true)]
async fn a_stream_with_something_behind_its_end_has_not_terminated() {
    for breaks in [false, true] {
        let stream = Scripted::default();
        stream.block();
        // A server's frames are not masked.
        let role = if breaks { Role::Server } else { Role::Client };
        stream.bring(Bring::Bytes(frames(role, |peer| peer.send("so").unwrap())));
        stream.bring(Bring::Eof);
        let mut websocket = WebSocket::new(stream.clone(), server());
        assert!(poll_times(websocket.send("Hello?"), 3).is_none());
        stream.unblock();
        websocket.flush().await.unwrap();
        assert_eq!(websocket.connection().state(), framewise::State::Closed);
        assert!(!websocket.is_terminated());
        match websocket.next().await.unwrap() {
            Ok(message) => assert_eq!((message.as_text(), breaks), (Some("so"), false)),
            Err(Error::Protocol(ProtocolError::UnmaskedFrame)) => assert!(breaks),
            Err(error) => panic!("{error}"),
        }
        assert!(websocket.next().await.is_none() && websocket.is_terminated());
    }
}
