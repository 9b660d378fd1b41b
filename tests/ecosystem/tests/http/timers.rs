//! Timers of WebSockets on hyper, in virtual time.

use std::time::Duration;

use framewise::{CloseCode, Config, EndOfStream, Error, Event, Message, Timeout};
use framewise_ecosystem::http::soon;
use tokio::{sync::mpsc::unbounded_channel, time::Instant};

use crate::server::{VERSIONS, echo, open, pass_on, repeat, serve_in_memory};

#[tokio::test(start_paused = true)]
async fn pings_keep_a_connection_alive() {
    for version in VERSIONS {
        let stream = serve_in_memory(pass_on(Config::default(), echo));
        let config = Config::default().ping_interval(None);
        let mut websocket = open(stream, version, config).await.unwrap();
        let (mut pings, began) = (0, Instant::now());
        while pings < 15 {
            let mut batch = soon(websocket.fill()).await.unwrap().unwrap();
            while let Some(event) = batch.next() {
                assert!(matches!(event, Event::Ping(_)), "{event:?}");
                pings += 1;
            }
        }
        assert_eq!(began.elapsed().as_secs(), 15 * 20, "{version:?}");
        websocket.send("still there").await.unwrap();
        assert_eq!(websocket.read().await.unwrap(), Some(Message::from("still there")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_answers_no_ping_is_given_up() {
    for version in VERSIONS {
        let (tell, mut told) = unbounded_channel();
        let stream = serve_in_memory(pass_on(Config::default(), move |websocket| {
            let tell = tell.clone();
            async move { tell.send(repeat(&mut websocket.unwrap()).await).unwrap() }
        }));
        let mut websocket = open(stream, version, Config::default()).await.unwrap();
        let began = Instant::now();
        let outcome = tokio::time::timeout(Duration::from_secs(60), told.recv()).await;
        let outcome = outcome.unwrap().unwrap();
        assert!(matches!(outcome, Err(Error::Timeout(Timeout::Pong))), "{version:?}: {outcome:?}");
        // A Ping after 20 seconds, 20 for the answer, and 5 for that to the Close.
        assert_eq!(began.elapsed().as_secs(), 45, "{version:?}");
        assert_eq!(soon(websocket.read()).await.ok().flatten(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_messages_is_closed() {
    for version in VERSIONS {
        let config = Config::default().idle_timeout(Duration::from_secs(60));
        let stream = serve_in_memory(pass_on(config, echo));
        let mut websocket = open(stream, version, Config::default()).await.unwrap();
        let began = Instant::now();
        let read = tokio::time::timeout(Duration::from_secs(300), websocket.read()).await;
        assert_eq!(read.unwrap().unwrap(), None);
        assert_eq!(began.elapsed().as_secs(), 60, "{version:?}");
        let close = websocket.received_close().unwrap();
        assert_eq!(close.code, CloseCode::GOING_AWAY);
        assert_eq!(websocket.end(), Some(EndOfStream::Clean));
    }
}
