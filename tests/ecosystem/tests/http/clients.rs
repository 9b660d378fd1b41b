//! Programs of others as clients of a server on hyper: Node's ws and Python's websockets over HTTP/1.1,
//! Chromium over HTTP/2.

use std::process::Stdio;

use framewise::{
    Config, Event,
    deflate::DeflateConfig,
    handshake::{Acceptance, OriginPolicy, Rejection},
    hyper::{Upgrading, upgrade},
};
use framewise_ecosystem::{
    Authority,
    http::{Body, serve_tls, until},
};
use hyper::{Request, Response, body::Incoming};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::{
    folder::Folder,
    programs::{Program, installed, run, script},
};

const PAGE: &str = r#"<!doctype html>
<title>Echo</title>
<script>
const socket = new WebSocket(`wss://${location.host}/chat`, ["other", "echo"]);
socket.binaryType = "arraybuffer";
socket.onopen = () => socket.send(new Uint8Array(1000000).fill(7));
socket.onmessage = ({ data }) => {
    if (data instanceof ArrayBuffer) {
        const same = data.byteLength === 1000000 && new Uint8Array(data).every((byte) => byte === 7);
        socket.send(`${same} ${socket.protocol} ${socket.extensions}`);
    } else {
        socket.close(4000, "done");
    }
};
</script>
"#;

/// Echoes, and tells the version of HTTP, texts and Closes.
fn answer(mut request: Request<Incoming>, tell: UnboundedSender<String>) -> Response<Body> {
    if request.uri().path() == "/" {
        let page = Response::builder().header("Content-Type", "text/html");
        return page.body(PAGE.into()).unwrap();
    }
    let config = Config::default().deflate(DeflateConfig::default());
    let incoming = match upgrade(&mut request, config) {
        Ok(incoming) => incoming,
        Err(error) => return error.to_response(request.version()),
    };
    if incoming.upgrade().check_origin(&OriginPolicy::same_origin().secure()).is_err() {
        return incoming.reject(Rejection::forbidden());
    }
    tell.send(format!("{:?}", request.version())).unwrap();
    let selected = incoming.upgrade().select_subprotocol(&["echo"]).map(str::to_owned);
    let acceptance = selected.into_iter().fold(Acceptance::new(), Acceptance::subprotocol);
    let (response, upgrading) = incoming.accept(acceptance).unwrap();
    tokio::spawn(async move { echo(upgrading, tell).await.unwrap() });
    response
}

async fn echo(upgrading: Upgrading, tell: UnboundedSender<String>) -> Result<(), framewise::Error> {
    let mut websocket = upgrading.await?;
    while let Some(mut batch) = websocket.fill().await? {
        while let Some(event) = batch.next() {
            match event {
                Event::Text(text) => {
                    tell.send(text.to_string()).unwrap();
                    batch.send(text)?;
                }
                Event::Binary(payload) => batch.send(payload)?,
                Event::Close(close) => tell.send(format!("closed {}", close.code.get())).unwrap(),
                _ => {}
            }
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn their_clients_talk_over_tls() {
    let (authority, folder) = (Authority::new("root"), Folder::new());
    let ca = folder.write("ca.pem", &authority.pem());
    for name in ["client.mjs", "client.py"] {
        let Some(mut command) = script(name) else { continue };
        let (tell, mut told) = unbounded_channel();
        let answer = move |request| std::future::ready(answer(request, tell.clone()));
        let (address, mut protocols) = serve_tls(&authority.issue(&["localhost"]), answer).await;
        let uri = format!("wss://localhost:{}/chat", address.port());
        command.args([&uri, &ca]);
        let ran = tokio::task::spawn_blocking(move || run(&mut command, b"")).await.unwrap();
        let (succeeded, output, errors) = ran;
        assert!(succeeded, "{name}: {errors}");
        assert_eq!(output.trim(), "1000", "{name}");
        let lines = until(&mut told, "closed 1000").await;
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
    let answer = move |request| std::future::ready(answer(request, tell.clone()));
    let identity = Authority::new("other").issue(&["localhost"]);
    let (address, mut protocols) = serve_tls(&identity, answer).await;
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
    let lines = until(&mut told, "closed 4000").await;
    assert_eq!(lines, ["HTTP/2.0", "true echo permessage-deflate", "closed 4000"]);
    assert_eq!(protocols.recv().await.unwrap(), b"h2");
}
