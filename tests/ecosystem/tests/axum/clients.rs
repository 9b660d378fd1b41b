//! Programs of others as clients: Node's ws and Python's websockets over HTTP/1.1, Chromium over HTTP/2.

use std::process::Stdio;

use axum::{
    Router,
    extract::Request,
    response::{Html, IntoResponse as _, Response},
    routing::any,
};
use framewise::{
    axum::{Message, WebSocket, WebSocketUpgrade},
    deflate::DeflateConfig,
    handshake::{OriginPolicy, OriginRefused},
};
use framewise_ecosystem::{Authority, http::until};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::{
    folder::Folder,
    programs::{Program, installed, run, script},
    server::serve_tls,
};

const PAGE: &str = r#"<!doctype html>
<title>Echo</title>
<script>
const socket = new WebSocket(`wss://${location.host}/chat`, ["other", "echo"]);
socket.binaryType = "arraybuffer";
socket.onopen = () => socket.send(new Uint8Array(100000).fill(7));
socket.onmessage = ({ data }) => {
    if (data instanceof ArrayBuffer) {
        const same = data.byteLength === 100000 && new Uint8Array(data).every((byte) => byte === 7);
        socket.send(`${same} ${socket.protocol} ${socket.extensions}`);
    } else {
        socket.close(4000, "done");
    }
};
</script>
"#;

/// Echoes, and tells the version of HTTP, texts and Closes.
fn app(tell: UnboundedSender<String>) -> Router {
    let open = move |ws: WebSocketUpgrade, request: Request| async move {
        tell.send(format!("{:?}", request.version())).unwrap();
        let policy = OriginPolicy::same_origin().secure();
        ws.check_origin(&policy)?;
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
                let code = close.as_ref().map(|close| close.code);
                tell.send(format!("closed {code:?}")).unwrap();
                continue;
            }
            Message::Binary(_) => {}
            Message::Ping(_) | Message::Pong(_) => continue,
        }
        socket.send(message).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn their_clients_talk_over_tls() {
    let (authority, folder) = (Authority::new("root"), Folder::new());
    let ca = folder.write("ca.pem", &authority.pem());
    for name in ["client.mjs", "client.py"] {
        let Some(mut command) = script(name) else { continue };
        let (tell, mut told) = unbounded_channel();
        let (address, mut protocols) = serve_tls(app(tell), &authority.issue(&["localhost"])).await;
        let uri = format!("wss://localhost:{}/chat", address.port());
        command.args([&uri, &ca]);
        let ran = tokio::task::spawn_blocking(move || run(&mut command, b"")).await.unwrap();
        let (succeeded, output, errors) = ran;
        assert!(succeeded, "{name}: {errors}");
        assert_eq!(output.trim(), "1000", "{name}");
        let lines = until(&mut told, "closed Some(1000)").await;
        assert_eq!(lines[..2], ["HTTP/1.1", "Hello"], "{name}");
        assert_ne!(protocols.recv().await.unwrap(), b"h2");
    }
}

// Chromium knows RFC 8441: the page comes over HTTP/2, and so does its WebSocket, on the same connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_over_http_2_opens_its_websocket_over_http_2() {
    let Some(mut command) = installed("chromium") else { return };
    let profile = Folder::new();
    let (tell, mut told) = unbounded_channel();
    let identity = Authority::new("other").issue(&["localhost"]);
    let (address, mut protocols) = serve_tls(app(tell), &identity).await;
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--ignore-certificate-errors",
        &format!("--user-data-dir={}", profile.path().display()),
        &format!("https://localhost:{}/", address.port()),
    ]);
    let _browser = Program::start(command.stdout(Stdio::null()).stderr(Stdio::null()));
    let lines = until(&mut told, "closed Some(4000)").await;
    assert_eq!(lines, ["HTTP/2.0", "true echo permessage-deflate", "closed Some(4000)"]);
    assert_eq!(protocols.recv().await.unwrap(), b"h2");
}
