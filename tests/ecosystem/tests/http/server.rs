//! Servers on hyper, and connections to them.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use framewise::{
    CloseCode, Config, EndOfStream, Error, Message,
    handshake::{Acceptance, ClientRequest},
    hyper::{Upgraded, connect_request, upgrade},
    random_seed,
    tokio::WebSocket,
};
use framewise_ecosystem::{Authority, Certified};
use http_body_util::Full;
use hyper::{
    Method, Request, Response, Uri,
    body::{Bytes, Incoming},
    client::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use rustls::pki_types::{PrivateKeyDer, ServerName, pem::PemObject as _};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
};
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};

pub(crate) type Body = Full<Bytes>;

/// How long a test waits for something that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for something that must happen.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it does not happen")
}

/// Serves HTTP/1.1 and HTTP/2 in the background; returns the address.
pub(crate) async fn serve<F, Fut>(answer: F) -> SocketAddr
where
    F: Fn(Request<Incoming>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Response<Body>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve_one(stream, answer.clone()));
        }
    });
    address
}

/// Does the same over TLS, with HTTP/2 for clients that know it. Tells the protocol of each connection.
pub(crate) async fn serve_tls<F, Fut>(
    identity: &Certified,
    answer: F,
) -> (SocketAddr, UnboundedReceiver<Vec<u8>>)
where
    F: Fn(Request<Incoming>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Response<Body>> + Send + 'static,
{
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

async fn serve_one<S, F, Fut>(stream: S, answer: F)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Fn(Request<Incoming>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Response<Body>> + Send + 'static,
{
    let service = service_fn(move |request| {
        let response = answer(request);
        async { Ok::<_, Infallible>(response.await) }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http2().enable_connect_protocol();
    let _ = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
}

/// Accepts any WebSocket with a configuration, and passes it on.
pub(crate) fn pass_on<F, Fut>(
    config: Config,
    run: F,
) -> impl Fn(Request<Incoming>) -> std::future::Ready<Response<Body>> + Clone + Send + Sync + 'static
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
    let Ok(mut websocket) = websocket else { return };
    while let Ok(Some(message)) = websocket.read().await {
        if websocket.send(message).await.is_err() {
            return;
        }
    }
}

pub(crate) fn request(address: SocketAddr, path: &str) -> ClientRequest {
    ClientRequest::new(format!("ws://{address}{path}")).unwrap()
}

/// Opens TLS with what a client asks for by ALPN.
pub(crate) async fn connect_tls(
    authority: &Authority,
    address: SocketAddr,
    alpn: &[u8],
) -> TlsStream<TcpStream> {
    let mut config = (*authority.client_config()).clone();
    config.alpn_protocols = vec![alpn.to_vec()];
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

/// Opens a WebSocket by a client of hyper over HTTP/1.1.
pub(crate) async fn open_http1<S>(
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
    let mut response = sender.send_request(request).await.unwrap();
    Ok(pending.into_websocket(&mut response).await?.0)
}

/// Opens a connection of HTTP/2 by hyper. It is ready for extended CONNECTs.
pub(crate) async fn connect_http2<S>(stream: S) -> http2::SendRequest<Body>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    // The settings, which allow an extended CONNECT, come before the first answer.
    let uri = Uri::from_static("http://localhost/");
    let probe = Request::builder().method(Method::HEAD).uri(uri).body(Body::default()).unwrap();
    let _ = sender.send_request(probe).await.unwrap();
    sender
}

/// Opens a WebSocket on such a connection.
pub(crate) async fn open_http2(
    sender: &mut http2::SendRequest<Body>,
    request: ClientRequest,
    config: Config,
) -> Result<WebSocket<Upgraded>, Error> {
    let (request, pending) = connect_request(request, config, random_seed()?).unwrap();
    let mut response = sender.send_request(request).await.unwrap();
    Ok(pending.into_websocket(&mut response).await?.0)
}

/// Has messages echoed, and closes.
pub(crate) async fn talk<S: AsyncRead + AsyncWrite + Unpin>(websocket: &mut WebSocket<S>) {
    for message in
        ["Hello".into(), "\u{2603}".repeat(1000).into(), Message::Binary(vec![7; 1 << 20])]
    {
        soon(websocket.send(&message)).await.unwrap();
        assert!(soon(websocket.read()).await.unwrap() == Some(message));
    }
    assert_eq!(soon(websocket.close(CloseCode::NORMAL, "")).await.unwrap(), EndOfStream::Clean);
    assert_eq!(websocket.close_code(), CloseCode::NORMAL);
}

/// Takes what was told, up to a line.
pub(crate) async fn until(told: &mut UnboundedReceiver<String>, last: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    while lines.last().is_none_or(|line| line != last) {
        let next = tokio::time::timeout(PATIENCE, told.recv()).await;
        lines.push(next.unwrap_or_else(|_| panic!("no more after {lines:?}")).unwrap());
    }
    lines
}
