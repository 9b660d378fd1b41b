//! Programs of others as clients: Node's ws and Python's websockets over HTTP/1.1, Chromium over both versions.

use axum::{
    Router,
    extract::Request,
    response::{Html, IntoResponse as _, Response},
    routing::any,
};
use framewise::{
    axum::{Message, WebSocket, WebSocketUpgrade, close_code},
    deflate::DeflateConfig,
    handshake::{OriginPolicy, OriginRefused},
};
use framewise_ecosystem::Authority;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::{
    folder::Folder,
    server::{serve, serve_tls},
    visitors::{PAGE, a_page_talks, scripts_talk},
};

/// Echoes, and tells the version of HTTP, texts and Closes.
fn app(tell: UnboundedSender<String>) -> Router {
    let open = move |ws: WebSocketUpgrade, request: Request| async move {
        tell.send(format!("{:?}", request.version())).unwrap();
        ws.check_origin(&OriginPolicy::same_origin())?;
        let ws = ws.protocols(["echo"]).deflate(DeflateConfig::default());
        Ok::<Response, OriginRefused>(ws.on_upgrade(|socket| echo(socket, tell)))
    };
    Router::new().route("/chat", any(open)).route("/", any(async || Html(PAGE).into_response()))
}

async fn echo(mut socket: WebSocket, tell: UnboundedSender<String>) {
    while let Some(Ok(message)) = socket.recv().await {
        match &message {
            Message::Text(text) => tell.send(text.to_string()).unwrap(),
            Message::Close(close) => {
                let code = close.as_ref().map_or(close_code::STATUS, |close| close.code);
                tell.send(format!("closed {code}")).unwrap();
                continue;
            }
            Message::Binary(_) => {}
            Message::Ping(_) | Message::Pong(_) => continue,
        }
        socket.send(message).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn their_clients_talk() {
    let (authority, folder) = (Authority::new("root"), Folder::new());
    let ca = folder.write("ca.pem", &authority.pem());
    let (tell, mut told) = unbounded_channel();
    let app = app(tell);
    let address = serve(app.clone()).await;
    scripts_talk(&format!("ws://localhost:{}/chat", address.port()), &ca, &mut told).await;
    let (address, _) = serve_tls(app, &authority.issue(&["localhost"])).await;
    scripts_talk(&format!("wss://localhost:{}/chat", address.port()), &ca, &mut told).await;
}

// Chromium knows RFC 8441: over TLS the page comes over HTTP/2, and so does its WebSocket, on the same
// connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_opens_its_websocket() {
    let (tell, mut told) = unbounded_channel();
    let app = app(tell);
    let address = serve(app.clone()).await;
    let page = format!("http://localhost:{}/", address.port());
    if !a_page_talks(&page, "HTTP/1.1", &mut told).await {
        return;
    }
    let identity = Authority::new("other").issue(&["localhost"]);
    let (address, mut protocols) = serve_tls(app, &identity).await;
    let page = format!("https://localhost:{}/", address.port());
    a_page_talks(&page, "HTTP/2.0", &mut told).await;
    assert_eq!(protocols.recv().await.unwrap(), b"h2");
}
