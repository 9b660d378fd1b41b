//! HTTP/1.1 and HTTP/2, plain and over TLS.

use std::net::SocketAddr;

use axum::{
    Router,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{any, get},
};
use framewise::{
    CloseCode, Config, EndOfStream, Message,
    axum::{WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    deflate::DeflateConfig,
    handshake::{ClientRequest, HandshakeError, OriginPolicy, OriginRefused},
    tokio::WebSocket as Client,
};
use framewise_ecosystem::{Authority, http::until};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::mpsc::unbounded_channel,
};

use crate::server::{connect_h2, connect_with, events, request, serve, serve_tls, text};

/// Echoes, with compression, for pages of the same origin.
pub(crate) fn app() -> Router {
    Router::new().route("/chat", any(open)).route("/get", get(open))
}

async fn open(ws: WebSocketUpgrade) -> Result<Response, OriginRefused> {
    ws.check_origin(&OriginPolicy::same_origin())?;
    let ws = ws.protocols(["echo"]).deflate(DeflateConfig::default());
    Ok(ws.on_upgrade(echo))
}

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if framewise::Message::try_from(message.clone()).is_ok() {
            let _ = socket.send(message).await;
        }
    }
}

fn compressing() -> Config {
    Config::default().deflate(DeflateConfig::default())
}

/// Has messages echoed, and closes.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut Client<S>) {
    // Both are received ahead of what is sent: flow control has to give way.
    let big = Message::Binary((0..=255).cycle().take(10 << 20).collect());
    for message in ["Hello".into(), "\u{2603}".repeat(1000).into(), big] {
        socket.send(&message).await.unwrap();
        assert!(socket.read().await.unwrap() == Some(message));
    }
    assert_eq!(socket.close(CloseCode::NORMAL, "").await.unwrap(), EndOfStream::Clean);
}

async fn open_h2(address: SocketAddr, path: &str) -> Result<(), HandshakeError> {
    let stream = TcpStream::connect(address).await.unwrap();
    connect_h2(stream, request(address, path), Config::default()).await.map(drop)
}

fn status(refused: Result<(), HandshakeError>) -> u16 {
    refused.unwrap_err().response().expect("a response").status()
}

#[tokio::test]
async fn both_versions_carry_messages_with_and_without_compression() {
    let address = serve(app()).await;
    let origin: framewise::handshake::Origin = format!("http://{address}").parse().unwrap();
    for (config, extension) in [(Config::default(), None), (compressing(), Some("deflate"))] {
        let request = request(address, "/chat").subprotocol("echo").unwrap();
        let request = request.require_subprotocol().origin(origin.clone());
        let mut socket = connect_with(address, request.clone(), config.clone()).await.unwrap();
        assert_eq!(socket.connection().deflate().is_some(), extension.is_some());
        talk(&mut socket).await;
        let stream = TcpStream::connect(address).await.unwrap();
        let mut socket = connect_h2(stream, request, config).await.unwrap();
        assert_eq!(socket.connection().deflate().is_some(), extension.is_some());
        talk(&mut socket).await;
    }
}

#[tokio::test]
async fn a_page_of_another_origin_is_refused_over_both_versions() {
    let address = serve(app()).await;
    let other: framewise::handshake::Origin = "http://other.example".parse().unwrap();
    let request = request(address, "/chat").origin(other);
    let refused = connect_with(address, request.clone(), Config::default()).await.unwrap_err();
    let framewise::Error::Handshake(refused) = refused else { panic!("{refused}") };
    assert_eq!(status(Err(refused)), 403);
    let stream = TcpStream::connect(address).await.unwrap();
    let refused = connect_h2(stream, request, Config::default()).await.map(drop);
    assert_eq!(status(refused), 403);
}

#[tokio::test]
async fn a_route_for_get_is_for_http_1_only() {
    let address = serve(app()).await;
    connect_with(address, request(address, "/get"), Config::default()).await.unwrap();
    assert_eq!(status(open_h2(address, "/get").await), 405);
    open_h2(address, "/chat").await.unwrap();
}

#[tokio::test]
async fn a_connect_that_is_refused_after_it_was_accepted_calls_back() {
    let (tell, mut told) = unbounded_channel();
    let app = Router::new().route(
        "/",
        any(move |ws: WebSocketUpgrade| async move {
            let failed = move |error: axum::Error| tell.send(error.into_inner()).unwrap();
            let _response = ws.on_failed_upgrade(failed).on_upgrade(|_| async { unreachable!() });
            StatusCode::SERVICE_UNAVAILABLE
        }),
    );
    let address = serve(app).await;
    assert_eq!(status(open_h2(address, "/").await), 503);
    let error = told.recv().await.unwrap().downcast::<framewise::Error>().unwrap();
    assert!(matches!(*error, framewise::Error::Io(_)), "{error:?}");
}

#[tokio::test]
async fn an_http_2_request_of_another_kind_has_a_name() {
    let (tell, mut told) = unbounded_channel();
    let app = Router::new().fallback(
        async move |ws: Result<WebSocketUpgrade, WebSocketUpgradeRejection>| {
            let rejection = ws.unwrap_err();
            tell.send(format!("{rejection:?}")).unwrap();
            rejection.into_response()
        },
    );
    let address = serve(app).await;
    let stream = TcpStream::connect(address).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    tokio::spawn(connection);
    let uri = format!("http://{address}/");
    let plain = hyper::Request::get(&uri).body(String::new()).unwrap();
    let response = sender.send_request(plain).await.unwrap();
    assert_eq!(
        (response.status(), &response.headers()["allow"]),
        (StatusCode::METHOD_NOT_ALLOWED, &"CONNECT".parse().unwrap())
    );
    assert_eq!(until(&mut told, "MethodNotConnect(MethodNotConnect)").await.len(), 1);
    for (protocol, version, name) in [
        ("webtransport", "13", "InvalidProtocolPseudoheader(InvalidProtocolPseudoheader)"),
        ("websocket", "12", "InvalidWebSocketVersionHeader(InvalidWebSocketVersionHeader)"),
    ] {
        let request = hyper::Request::builder()
            .method("CONNECT")
            .uri(&uri)
            .extension(hyper::ext::Protocol::from(protocol))
            .header("sec-websocket-version", version)
            .body(String::new())
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(until(&mut told, name).await.len(), 1);
    }
}

#[tokio::test]
async fn people_chat_over_http_2() {
    let address = serve(crate::of_framewise::chat::app()).await;
    let mut sockets = Vec::new();
    for name in ["Ada", "Bob"] {
        let stream = TcpStream::connect(address).await.unwrap();
        let request = request(address, "/chat");
        let mut socket = connect_h2(stream, request, Config::default()).await.unwrap();
        socket.send(name).await.unwrap();
        assert_eq!(text(&mut socket).await, format!("{name} joined"));
        sockets.push(socket);
    }
    let mut bob = sockets.pop().unwrap();
    let mut ada = sockets.pop().unwrap();
    assert_eq!(text(&mut ada).await, "Bob joined");
    bob.send("hello").await.unwrap();
    assert_eq!(text(&mut ada).await, "Bob: hello");
    bob.send_close(CloseCode::NORMAL, "").await.unwrap();
    events(&mut bob).await;
    assert_eq!(bob.end(), Some(EndOfStream::Clean));
    assert_eq!(text(&mut ada).await, "Bob left");
}

#[tokio::test]
async fn tls_carries_both_versions() {
    let authority = Authority::new("root");
    let (address, mut protocols) = serve_tls(app(), &authority.issue(&["localhost"])).await;
    for (alpn, expected) in [(&b"h2"[..], &b"h2"[..]), (b"http/1.1", b"http/1.1")] {
        let mut config = authority.client_config().as_ref().clone();
        config.alpn_protocols = vec![alpn.to_vec()];
        let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
        let stream = TcpStream::connect(address).await.unwrap();
        let stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
        assert_eq!(protocols.recv().await.unwrap(), expected);
        let uri = format!("wss://localhost:{}/chat", address.port());
        // Over HTTP/2 the server knows that the page came over TLS, over HTTP/1.1 it does not.
        let request = ClientRequest::new(&uri).unwrap();
        if alpn == b"h2" {
            let origin = format!("https://localhost:{}", address.port());
            let request = request.origin(origin.parse().unwrap());
            talk(&mut connect_h2(stream, request, compressing()).await.unwrap()).await;
        } else {
            let (mut socket, _) =
                framewise::tokio::client(stream, request, compressing()).await.unwrap();
            talk(&mut socket).await;
        }
    }
}
