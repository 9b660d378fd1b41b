//! Servers of axum, and connections to them.

use std::{net::SocketAddr, sync::Arc};

use axum::Router;
use framewise::{
    Config, Error, Event,
    handshake::{ClientRequest, HandshakeError},
    tokio::{self as websocket, WebSocket},
};
use framewise_ecosystem::Certified;
use hyper::{Request, body::Incoming, ext::Protocol, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};
use tokio_rustls::TlsAcceptor;
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
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::from_pem_slice(identity.key().as_bytes()).unwrap();
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![identity.der.clone().into()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".into(), b"http/1.1".into()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve_one(stream, acceptor.clone(), app.clone(), tell.clone()));
        }
    });
    (address, told)
}

async fn serve_one(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    app: Router,
    tell: UnboundedSender<Vec<u8>>,
) {
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let _ = tell.send(stream.get_ref().1.alpn_protocol().unwrap_or_default().to_vec());
    let service = service_fn(move |request: Request<Incoming>| app.clone().oneshot(request));
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http2().enable_connect_protocol();
    let _ = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
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
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    // The first answer comes after the settings, which allow an extended CONNECT.
    let uri = format!("http://{}/", request.uri().authority());
    sender.send_request(Request::get(uri).body(String::new()).unwrap()).await.unwrap();
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
    let connect = connect.uri(uri.build().unwrap()).body(String::new()).unwrap();
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

/// Takes what a program has written down, up to a line.
pub(crate) async fn until(journal: &mut UnboundedReceiver<String>, last: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    while lines.last().is_none_or(|line| line != last) {
        let next = tokio::time::timeout(PATIENCE, journal.recv()).await;
        lines.push(next.unwrap_or_else(|_| panic!("no more after {lines:?}")).unwrap());
    }
    lines
}

/// How long a test waits for something that must happen.
const PATIENCE: core::time::Duration = core::time::Duration::from_secs(30);
