//! Servers on hyper over HTTP/1.1 and HTTP/2, and connections to them.

use std::{
    convert::Infallible, error::Error as StdError, net::SocketAddr, sync::Arc, time::Duration,
};

use framewise::{
    Config, Error,
    handshake::ClientRequest,
    hyper::{Upgraded, connect_request},
    random_seed,
    tokio::WebSocket,
};
use http_body_util::Full;
use hyper::{
    Method, Request, Response, Uri,
    body::{Body as HttpBody, Bytes, Incoming},
    client::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
};
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};

use crate::{Authority, Certified};

/// The body of a request, and of most responses.
pub type Body = Full<Bytes>;

/// How long a test waits for something that must happen.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for something that must happen.
pub async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it does not happen")
}

/// Takes what was told, up to a line.
pub async fn until(told: &mut UnboundedReceiver<String>, last: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    while lines.last().is_none_or(|line| line != last) {
        let next = tokio::time::timeout(PATIENCE, told.recv()).await;
        lines.push(next.unwrap_or_else(|_| panic!("no more after {lines:?}")).unwrap());
    }
    lines
}

/// Serves HTTP/1.1 and HTTP/2 in the background; returns the address.
pub async fn serve<F, Fut, B>(answer: F) -> SocketAddr
where
    F: Fn(Request<Incoming>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Response<B>> + Send + 'static,
    B: HttpBody<Data: Send, Error: Into<Box<dyn StdError + Send + Sync>>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            tokio::spawn(serve_one(stream, answer.clone()));
        }
    });
    address
}

/// Does the same over TLS, with HTTP/2 for clients that know it. Tells the protocol of each connection.
pub async fn serve_tls<F, Fut, B>(
    identity: &Certified,
    answer: F,
) -> (SocketAddr, UnboundedReceiver<Vec<u8>>)
where
    F: Fn(Request<Incoming>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Response<B>> + Send + 'static,
    B: HttpBody<Data: Send, Error: Into<Box<dyn StdError + Send + Sync>>> + Send + 'static,
{
    let mut config = (*identity.server_config()).clone();
    config.alpn_protocols = vec![b"h2".into(), b"http/1.1".into()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (acceptor, answer, tell) = (acceptor.clone(), answer.clone(), tell.clone());
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let _ = tell.send(stream.get_ref().1.alpn_protocol().unwrap_or_default().to_vec());
                serve_one(stream, answer).await;
            });
        }
    });
    (address, told)
}

/// Serves one connection up to its end.
pub async fn serve_one<S, F, Fut, B>(stream: S, answer: F)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Fn(Request<Incoming>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Response<B>> + Send + 'static,
    B: HttpBody<Data: Send, Error: Into<Box<dyn StdError + Send + Sync>>> + Send + 'static,
{
    let service = service_fn(move |request| {
        let response = answer(request);
        async { Ok::<_, Infallible>(response.await) }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http2().enable_connect_protocol();
    let _ = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
}

/// Opens a TCP connection.
pub async fn connect_tcp(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Opens TLS with what a client asks for by ALPN.
pub async fn connect_tls(
    authority: &Authority,
    address: SocketAddr,
    alpn: &[u8],
) -> TlsStream<TcpStream> {
    let mut config = (*authority.client_config()).clone();
    config.alpn_protocols = vec![alpn.to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, connect_tcp(address).await).await.unwrap()
}

/// Opens a connection of HTTP/2 by hyper. It is ready for extended CONNECTs.
pub async fn connect_http2<S>(stream: S) -> http2::SendRequest<Body>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    probe(&mut sender).await;
    sender
}

/// Waits for the settings, which allow an extended CONNECT: they come before the first answer.
pub async fn probe(sender: &mut http2::SendRequest<Body>) {
    let uri = Uri::from_static("http://localhost/");
    let probe = Request::builder().method(Method::HEAD).uri(uri).body(Body::default()).unwrap();
    soon(sender.send_request(probe)).await.unwrap();
}

/// Opens a WebSocket by a client of hyper over HTTP/1.1.
///
/// # Errors
///
/// Those of [`Pending::into_websocket`](framewise::handshake::Pending::into_websocket).
pub async fn open_http1<S>(
    stream: S,
    request: ClientRequest,
    config: Config,
) -> Result<WebSocket<Upgraded>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection.with_upgrades());
    let (mut request, pending) = request.into_request::<Body>(config, random_seed()?).unwrap();
    *request.uri_mut() = request.uri().path_and_query().unwrap().as_str().parse().unwrap();
    let mut response = soon(sender.send_request(request)).await.unwrap();
    Ok(pending.into_websocket(&mut response).await?.0)
}

/// Opens a WebSocket on a connection of HTTP/2.
///
/// # Errors
///
/// Those of [`Pending::into_websocket`](framewise::handshake::Pending::into_websocket).
pub async fn open_http2(
    sender: &mut http2::SendRequest<Body>,
    request: ClientRequest,
    config: Config,
) -> Result<WebSocket<Upgraded>, Error> {
    let (request, pending) = connect_request(request, config, random_seed()?).unwrap();
    let mut response = soon(sender.send_request(request)).await.unwrap();
    Ok(pending.into_websocket(&mut response).await?.0)
}
