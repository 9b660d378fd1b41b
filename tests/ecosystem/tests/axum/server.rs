//! Servers of axum, and connections to them.

use std::net::SocketAddr;

use axum::Router;
use framewise::{
    Config, Error, Event,
    handshake::{ClientRequest, HandshakeError},
    tokio::{self as websocket, WebSocket},
};
use framewise_ecosystem::{Certified, http};
use hyper::{Request, body::Incoming, ext::Protocol};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::mpsc::UnboundedReceiver,
};
use tower::ServiceExt as _;

/// Serves a program in the background; returns its address.
pub(crate) async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

/// Serves a program over TLS, with HTTP/2 for clients that know it. Tells the protocol of each connection.
pub(crate) async fn serve_tls(
    app: Router,
    identity: &Certified,
) -> (SocketAddr, UnboundedReceiver<Vec<u8>>) {
    let answer = move |request: Request<Incoming>| {
        let response = app.clone().oneshot(request);
        async { response.await.unwrap() }
    };
    http::serve_tls(identity, answer).await
}

/// Connects over HTTP/1.1.
pub(crate) async fn connect(
    address: SocketAddr,
    path: &str,
) -> Result<WebSocket<TcpStream>, Error> {
    connect_with(address, request(address, path), Config::default()).await
}

/// Connects over HTTP/1.1 with a request.
pub(crate) async fn connect_with(
    address: SocketAddr,
    request: ClientRequest,
    config: Config,
) -> Result<WebSocket<TcpStream>, Error> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(websocket::client(stream, request, config).await?.0)
}

/// Connects over HTTP/2, by an extended CONNECT on a connection of its own.
pub(crate) async fn connect_h2<S>(
    stream: S,
    request: ClientRequest,
    config: Config,
) -> Result<WebSocket<TokioIo<hyper::upgrade::Upgraded>>, HandshakeError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut sender = http::connect_http2(stream).await;
    let (mut uri, mut connect) = (hyper::Uri::builder(), Request::builder());
    for (name, value) in request.connect_fields(&config) {
        let value = String::from_utf8(value).unwrap();
        match name.as_str() {
            ":method" => connect = connect.method(value.as_str()),
            ":protocol" => connect = connect.extension(Protocol::from(value.as_str())),
            ":scheme" => uri = uri.scheme(value.as_str()),
            ":path" => uri = uri.path_and_query(value),
            ":authority" => uri = uri.authority(value),
            name => connect = connect.header(name, value),
        }
    }
    let connect = connect.uri(uri.build().unwrap()).body(http::Body::default()).unwrap();
    let mut response = sender.send_request(connect).await.unwrap();
    let fields = response.headers().iter();
    let fields = fields.map(|(name, value)| (name.as_str(), value.as_bytes()));
    let established = request.connected(response.status().as_u16(), fields, config, [7; 32])?;
    let stream = hyper::upgrade::on(&mut response).await.unwrap();
    Ok(WebSocket::new(TokioIo::new(stream), established.connection))
}

/// Makes a request for a path.
pub(crate) fn request(address: SocketAddr, path: &str) -> ClientRequest {
    ClientRequest::new(&format!("ws://{address}{path}")).unwrap()
}

/// Returns all events up to the end.
pub(crate) async fn events<S>(socket: &mut WebSocket<S>) -> Vec<Event<'static>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut events = Vec::new();
    while let Some(mut batch) = socket.fill().await.unwrap() {
        while let Some(event) = batch.next() {
            events.push(event.into_owned());
        }
    }
    events
}

/// Returns the next text.
pub(crate) async fn text<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocket<S>) -> String {
    socket.read().await.unwrap().expect("a message").into_text().unwrap()
}
