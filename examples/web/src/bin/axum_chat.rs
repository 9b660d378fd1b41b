//! A chat on axum over HTTP/1.1 and HTTP/2: sends each text to everybody in the room.
//!
//! ```sh
//! cargo run --bin axum_chat -- 127.0.0.1:9001
//! ```

use axum::{
    Router,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::any,
};
use framewise::{
    axum::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade},
    deflate::DeflateConfig,
    handshake::OriginPolicy,
};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    net::TcpListener,
    sync::broadcast::{self, error::RecvError},
};

type Room = broadcast::Sender<Utf8Bytes>;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".into());
    let listener = TcpListener::bind(address).await?;
    println!("{}", listener.local_addr()?.port());
    axum::serve(listener, app()).await
}

/// The chat as a service.
pub fn app() -> Router {
    let (room, _) = broadcast::channel(100);
    // `any`, not `get`: over HTTP/2 it is a CONNECT.
    Router::new().route("/chat", any(join)).with_state(room)
}

async fn join(ws: WebSocketUpgrade, State(room): State<Room>) -> Response {
    if let Err(refused) = ws.check_origin(&OriginPolicy::same_origin()) {
        return refused.into_response();
    }
    ws.max_message_size(4096)
        .deflate(DeflateConfig::default())
        .on_upgrade(|socket| chat(socket, room))
}

async fn chat(socket: WebSocket, room: Room) {
    let (mut sink, mut stream) = socket.split();
    let mut said = room.subscribe();
    let writer = tokio::spawn(async move {
        loop {
            let text = match said.recv().await {
                Ok(text) => text,
                Err(RecvError::Lagged(_)) => continue, // a slow client misses some
                Err(RecvError::Closed) => break,
            };
            if sink.send(Message::Text(text)).await.is_err() {
                break;
            }
        }
    });
    while let Some(Ok(message)) = stream.next().await {
        if let Message::Text(text) = message {
            let _ = room.send(text);
        }
    }
    writer.abort();
}
