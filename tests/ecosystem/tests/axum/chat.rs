//! A chat: the first message is a name, and what one says is broadcast to all.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use axum::{Router, extract::State, response::IntoResponse, routing::any};
use futures_util::{
    SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use tokio::sync::broadcast;

use super::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};

struct Room {
    names: Mutex<HashSet<String>>,
    said: broadcast::Sender<String>,
}

pub(crate) fn app() -> Router {
    let room = Room { names: Mutex::default(), said: broadcast::channel(100).0 };
    Router::new().route("/chat", any(join)).with_state(Arc::new(room))
}

async fn join(ws: WebSocketUpgrade, State(room): State<Arc<Room>>) -> impl IntoResponse {
    ws.on_upgrade(|socket| chat(socket, room))
}

async fn chat(socket: WebSocket, room: Arc<Room>) {
    let (mut sender, mut receiver) = socket.split();
    let Some(name) = enter(&mut receiver, &room).await else {
        let _ = sender.send(Message::Text(Utf8Bytes::from_static("that name is taken"))).await;
        return;
    };
    let mut said = room.said.subscribe();
    let _ = room.said.send(format!("{name} joined"));
    let mut write = tokio::spawn(async move {
        while let Ok(text) = said.recv().await {
            if sender.send(Message::text(text)).await.is_err() {
                break;
            }
        }
    });
    let mut read = tokio::spawn(hear(receiver, name.clone(), room.said.clone()));
    tokio::select! {
        _ = &mut write => read.abort(),
        _ = &mut read => write.abort(),
    }
    room.names.lock().unwrap().remove(&name);
    let _ = room.said.send(format!("{name} left"));
}

async fn enter(receiver: &mut SplitStream<WebSocket>, room: &Room) -> Option<String> {
    while let Some(Ok(message)) = receiver.next().await {
        if let Message::Text(name) = message {
            let is_new = room.names.lock().unwrap().insert(name.to_string());
            return is_new.then(|| name.as_str().to_owned());
        }
    }
    None
}

async fn hear(mut receiver: SplitStream<WebSocket>, name: String, said: broadcast::Sender<String>) {
    while let Some(Ok(Message::Text(text))) = receiver.next().await {
        let _ = said.send(format!("{name}: {text}"));
    }
}

// A half can be named.
#[allow(dead_code, reason = "it is to compile")]
async fn hang_up(mut sender: SplitSink<WebSocket, Message>) -> Result<(), axum::Error> {
    sender.close().await
}
