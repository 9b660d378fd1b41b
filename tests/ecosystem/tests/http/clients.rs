//! Programs of others as clients of a server on hyper: Node's ws and Python's websockets over HTTP/1.1, Chromium
//! over both versions.

use std::future::ready;

use framewise::{
    Config, Event,
    deflate::DeflateConfig,
    handshake::{Acceptance, OriginPolicy, Rejection},
    hyper::{Upgrading, upgrade},
};
use framewise_ecosystem::{
    Authority,
    http::{Body, serve, serve_tls},
};
use hyper::{Request, Response, body::Incoming};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::{
    folder::Folder,
    visitors::{PAGE, a_page_talks, scripts_talk},
};

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
    if incoming.upgrade().check_origin(&OriginPolicy::same_origin()).is_err() {
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
async fn their_clients_talk() {
    let (authority, folder) = (Authority::new("root"), Folder::new());
    let ca = folder.write("ca.pem", &authority.pem());
    let (tell, mut told) = unbounded_channel();
    let answer = move |request| ready(answer(request, tell.clone()));
    let address = serve(answer.clone()).await;
    scripts_talk(&format!("ws://localhost:{}/chat", address.port()), &ca, &mut told).await;
    let (address, _) = serve_tls(&authority.issue(&["localhost"]), answer).await;
    scripts_talk(&format!("wss://localhost:{}/chat", address.port()), &ca, &mut told).await;
}

// Chromium knows RFC 8441: over TLS the page comes over HTTP/2, and so does its WebSocket, on the same
// connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_opens_its_websocket() {
    let (tell, mut told) = unbounded_channel();
    let answer = move |request| ready(answer(request, tell.clone()));
    let address = serve(answer.clone()).await;
    let page = format!("http://localhost:{}/", address.port());
    if !a_page_talks(&page, "HTTP/1.1", &mut told).await {
        return;
    }
    let identity = Authority::new("other").issue(&["localhost"]);
    let (address, mut protocols) = serve_tls(&identity, answer).await;
    let page = format!("https://localhost:{}/", address.port());
    a_page_talks(&page, "HTTP/2.0", &mut told).await;
    assert_eq!(protocols.recv().await.unwrap(), b"h2");
}
