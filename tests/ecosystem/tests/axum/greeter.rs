//! A server that greets with a Ping, receives and sends in two tasks, and closes with a reason.

use std::{net::SocketAddr, ops::ControlFlow};

use axum::{
    Router,
    body::Bytes,
    extract::{ConnectInfo, State},
    http::{HeaderMap, header::USER_AGENT},
    response::Response,
    routing::any,
};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc::UnboundedSender;

use super::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};

/// Takes what the server has seen.
pub(crate) type Journal = UnboundedSender<String>;

pub(crate) fn app(journal: Journal) -> Router {
    Router::new().route("/ws", any(greet)).with_state(journal)
}

async fn greet(
    ws: WebSocketUpgrade,
    headers: HeaderMap,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    State(journal): State<Journal>,
) -> Response {
    let agent = headers.get(USER_AGENT).map_or("nobody", |agent| agent.to_str().unwrap());
    journal.send(format!("{agent} at {}", address.ip())).unwrap();
    ws.on_upgrade(move |socket| serve(socket, journal))
}

async fn serve(mut socket: WebSocket, journal: Journal) {
    if socket.send(Message::Ping(Bytes::from_static(&[1, 2, 3]))).await.is_err() {
        return;
    }
    // The Pong, or a message that came first.
    let Some(Ok(first)) = socket.recv().await else { return };
    if record(first, &journal).is_break() {
        return;
    }
    for number in 1..5 {
        if socket.send(Message::Text(format!("Hi {number} times!").into())).await.is_err() {
            return;
        }
    }
    let (mut sender, mut receiver) = socket.split();
    let mut send = tokio::spawn(async move {
        let count = 20;
        for number in 0..count {
            let text = format!("Server message {number} ...");
            if sender.send(Message::Text(text.into())).await.is_err() {
                return number;
            }
        }
        let reason = Utf8Bytes::from_static("Goodbye");
        let close = CloseFrame { code: close_code::NORMAL, reason };
        let _ = sender.send(Message::Close(Some(close))).await;
        count
    });
    let mut receive = tokio::spawn({
        let journal = journal.clone();
        async move {
            let mut count = 0;
            while let Some(Ok(message)) = receiver.next().await {
                count += 1;
                if record(message, &journal).is_break() {
                    break;
                }
            }
            count
        }
    });
    let (sent, received) = tokio::join!(&mut send, &mut receive);
    journal.send(format!("sent {} received {}", sent.unwrap(), received.unwrap())).unwrap();
}

fn record(message: Message, journal: &Journal) -> ControlFlow<()> {
    let (line, flow) = match message {
        Message::Text(text) => (format!("text {text}"), ControlFlow::Continue(())),
        Message::Binary(bytes) => (format!("binary {bytes:?}"), ControlFlow::Continue(())),
        Message::Ping(bytes) => (format!("ping {bytes:?}"), ControlFlow::Continue(())),
        Message::Pong(bytes) => (format!("pong {bytes:?}"), ControlFlow::Continue(())),
        Message::Close(Some(CloseFrame { code, reason })) => {
            (format!("close {code} {reason}"), ControlFlow::Break(()))
        }
        Message::Close(None) => ("close".to_owned(), ControlFlow::Break(())),
    };
    journal.send(line).unwrap();
    flow
}
