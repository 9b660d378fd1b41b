//! A WebSocket as a `Stream` and a `Sink`.

use framewise::{CloseCode, EndOfStream, Message, tokio::WebSocket};
use futures_util::{SinkExt, StreamExt};

use crate::support::{client, server};

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
