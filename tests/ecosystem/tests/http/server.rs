//! What the servers of most tests do, and what their clients do.

use std::{future::Ready, net::SocketAddr, sync::Arc};

use framewise::{
    CloseCode, Config, EndOfStream, Error, Message,
    deflate::DeflateConfig,
    handshake::{Acceptance, ClientRequest},
    hyper::{Upgraded, upgrade},
    tokio::WebSocket,
};
use framewise_ecosystem::http::{Body, connect_http2, open_http1, open_http2, serve_one, soon};
use hyper::{Request, Response, Version, body::Incoming};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, copy_bidirectional, duplex},
    net::TcpListener,
    task::AbortHandle,
};

pub(crate) fn compressing() -> Config {
    Config::default().deflate(DeflateConfig::default())
}

pub(crate) const VERSIONS: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];

/// Serves one connection in memory, where virtual time is the only time.
pub(crate) fn serve_in_memory<F, Fut>(answer: F) -> DuplexStream
where
    F: Fn(Request<Incoming>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Response<Body>> + Send + 'static,
{
    let (stream, other) = duplex(64 << 10);
    tokio::spawn(serve_one(other, answer));
    stream
}

/// Lengthens a stream by a wire that can be cut.
pub(crate) fn wire(mut stream: DuplexStream) -> (DuplexStream, AbortHandle) {
    let (end, mut other) = duplex(64 << 10);
    let wire = tokio::spawn(async move { copy_bidirectional(&mut stream, &mut other).await });
    (end, wire.abort_handle())
}

/// Opens a WebSocket by hyper's client.
pub(crate) async fn open<S>(
    stream: S,
    version: Version,
    config: Config,
) -> Result<WebSocket<Upgraded>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let request = ClientRequest::new("ws://localhost/chat")?;
    match version {
        Version::HTTP_2 => open_http2(&mut connect_http2(stream).await, request, config).await,
        _ => open_http1(stream, request, config).await,
    }
}

/// Accepts any WebSocket with a configuration, and passes it on.
pub(crate) fn pass_on<F, Fut>(
    config: Config,
    run: F,
) -> impl Fn(Request<Incoming>) -> Ready<Response<Body>> + Clone + Send + Sync + 'static
where
    F: Fn(Result<WebSocket<Upgraded>, Error>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let config = Arc::new(config);
    move |mut request| {
        let incoming = match upgrade(&mut request, Arc::clone(&config)) {
            Ok(incoming) => incoming,
            Err(error) => return std::future::ready(error.to_response(request.version())),
        };
        let (response, upgrading) = incoming.accept(Acceptance::new()).unwrap();
        let run = run.clone();
        tokio::spawn(async move { run(upgrading.await).await });
        std::future::ready(response)
    }
}

/// Echoes up to the end.
pub(crate) async fn echo(websocket: Result<WebSocket<Upgraded>, Error>) {
    if let Ok(mut websocket) = websocket {
        let _ = repeat(&mut websocket).await;
    }
}

/// Echoes up to the end, and says how it ended.
pub(crate) async fn repeat(
    websocket: &mut WebSocket<Upgraded>,
) -> Result<Option<EndOfStream>, Error> {
    while let Some(message) = websocket.read().await? {
        websocket.send(message).await?;
    }
    Ok(websocket.end())
}

pub(crate) fn request(address: SocketAddr, path: &str) -> ClientRequest {
    ClientRequest::new(format!("ws://{address}{path}")).unwrap()
}

/// Serves a program of axum in the background; returns its address.
pub(crate) async fn serve_axum(app: axum::Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// Has messages echoed, and closes.
pub(crate) async fn talk<S: AsyncRead + AsyncWrite + Unpin>(websocket: &mut WebSocket<S>) {
    let messages =
        ["Hello".into(), "\u{2603}".repeat(1000).into(), Message::Binary(vec![7; 1 << 20])];
    for message in messages {
        soon(websocket.send(&message)).await.unwrap();
        assert!(soon(websocket.read()).await.unwrap() == Some(message));
    }
    // The peer repeats the code.
    assert_eq!(soon(websocket.close(4000, "done")).await.unwrap(), EndOfStream::Clean);
    assert_eq!(websocket.received_close().map(|close| close.code), Some(CloseCode::from(4000)));
}
