//! Handlers that use all settings of an upgrade, and say what they see of a request and of the end.

use axum::{
    Router,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::any,
};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc::UnboundedSender;

use super::ws::{
    CloseFrame, DefaultOnFailedUpgrade, Message, OnFailedUpgrade, WebSocket, WebSocketUpgrade,
    rejection::WebSocketUpgradeRejection,
};

type Journal = UnboundedSender<String>;

pub(crate) fn app(journal: Journal) -> Router {
    Router::new()
        .route("/settings", any(settings))
        .route("/select", any(select))
        .route("/page", any(page))
        .route("/echo", any(echo))
        .route("/late", any(late))
        .route("/close", any(close))
        .route("/flood", any(flood))
        .with_state(journal)
}

async fn settings(ws: WebSocketUpgrade, State(journal): State<Journal>) -> Response {
    let ws: WebSocketUpgrade<DefaultOnFailedUpgrade> = ws
        .read_buffer_size(64 << 10)
        .write_buffer_size(0)
        .max_write_buffer_size(1 << 20)
        .max_message_size(1000)
        .max_frame_size(1000)
        .accept_unmasked_frames(false)
        .protocols(vec!["first".to_owned(), "second".to_owned()]);
    let requested: Vec<_> = ws.requested_protocols().map(|name| name.to_str().unwrap()).collect();
    journal.send(format!("{requested:?} {:?}", ws.selected_protocol())).unwrap();
    ws.on_failed_upgrade(|error: axum::Error| panic!("{error}"))
        .on_upgrade(|socket| repeat(socket, journal))
}

async fn select(mut ws: WebSocketUpgrade, State(journal): State<Journal>) -> Response {
    let last = ws.requested_protocols().last().cloned();
    if let Some(last) = last {
        ws.set_selected_protocol(last);
    }
    ws.on_failed_upgrade(Report(journal.clone())).on_upgrade(|socket| repeat(socket, journal))
}

/// Not a closure.
struct Report(Journal);

impl OnFailedUpgrade for Report {
    fn call(self, error: axum::Error) {
        self.0.send(error.to_string()).unwrap();
    }
}

async fn page(ws: Result<WebSocketUpgrade, WebSocketUpgradeRejection>) -> Response {
    match ws {
        Ok(ws) => ws.on_upgrade(|_| async {}),
        Err(WebSocketUpgradeRejection::InvalidConnectionHeader(_)) => "a page".into_response(),
        Err(rejection) => {
            assert_eq!(rejection.body_text(), rejection.to_string());
            (rejection.status(), "no page").into_response()
        }
    }
}

async fn echo(ws: WebSocketUpgrade, State(journal): State<Journal>) -> Response {
    ws.on_upgrade(|socket| repeat(socket, journal))
}

/// Accepts, and answers so late that the client has left.
async fn late(ws: WebSocketUpgrade, State(journal): State<Journal>) -> Response {
    let failed = {
        let journal = journal.clone();
        move |_| journal.send("failed".to_owned()).unwrap()
    };
    let response = ws.on_failed_upgrade(failed).on_upgrade(|_| async { unreachable!() });
    journal.send("accepted".to_owned()).unwrap();
    tokio::time::sleep(core::time::Duration::from_secs(3600)).await;
    response
}

async fn close(ws: WebSocketUpgrade, State(journal): State<Journal>) -> Response {
    ws.on_upgrade(|mut socket| async move {
        let close = CloseFrame { code: 4001, reason: "enough".into() };
        socket.send(Message::Close(Some(close))).await.unwrap();
        assert!(socket.send(Message::text("too late")).await.is_err());
        assert!(socket.send(Message::Close(None)).await.is_err());
        repeat(socket, journal).await;
    })
}

/// Sends in one task while it receives in another one.
async fn flood(ws: WebSocketUpgrade, State(journal): State<Journal>) -> Response {
    ws.on_upgrade(|socket| async move {
        let (mut sender, mut receiver) = socket.split();
        let send = tokio::spawn(async move {
            for number in 0..MESSAGES {
                sender.send(Message::Binary(vec![number; 1 << 20].into())).await.unwrap();
            }
        });
        for number in 0..MESSAGES {
            let message = receiver.next().await.unwrap().unwrap();
            assert!(message == Message::from(vec![number; 1 << 20]));
        }
        journal.send("received".to_owned()).unwrap();
        send.await.unwrap();
        assert!(matches!(receiver.next().await, Some(Ok(Message::Close(_)))));
        journal.send("end".to_owned()).unwrap();
    })
}

/// How many messages of 1 MiB go each way.
pub(crate) const MESSAGES: u8 = 16;

/// Echoes, and tells of all that is received.
async fn repeat(mut socket: WebSocket, journal: Journal) {
    let log = |line: String| journal.send(line).unwrap();
    log(format!("open {:?}", socket.protocol()));
    while let Some(received) = socket.recv().await {
        match received {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => {
                log(format!("message of {}", message.clone().into_data().len()));
                if socket.send(message).await.is_err() {
                    log("cannot send".to_owned());
                }
            }
            Ok(Message::Ping(payload)) => log(format!("ping of {}", payload.len())),
            Ok(Message::Pong(payload)) => log(format!("pong of {}", payload.len())),
            Ok(Message::Close(frame)) => {
                log(format!(
                    "close {:?}",
                    frame.map(|frame| (frame.code, frame.reason.to_string()))
                ));
                assert!(socket.send(Message::text("too late")).await.is_err());
            }
            Err(_) => log("error".to_owned()),
        }
    }
    log("end".to_owned());
    assert!(socket.recv().await.is_none(), "and again");
}
