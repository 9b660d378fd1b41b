//! HTTP/1.1 and HTTP/2, plain and over TLS, with several clients.

use std::{net::SocketAddr, pin::Pin};

use axum::{Router, routing::any};
use framewise::{
    CloseCode, Config, EndOfStream, Error, Event, Message,
    axum::WebSocketUpgrade,
    client::Connector,
    handshake::{Acceptance, ClientRequest, HandshakeError, OriginPolicy, Rejection},
    hyper::upgrade,
    random_seed,
    tokio::{self as websocket, WebSocket},
};
use framewise_ecosystem::{
    Authority,
    http::{
        Body, connect_http2, connect_tcp, connect_tls, open_http1, open_http2, serve, serve_tls,
        soon,
    },
};
use hyper::{
    Request, Response, Version,
    body::{Bytes, Incoming},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};

use crate::{
    h2_client, hyper_server,
    server::{compressing, echo, request, serve_axum, talk},
};

/// Echoes for pages of the same origin, with a subprotocol and compression.
async fn answer(mut request: Request<Incoming>) -> Response<Body> {
    if request.uri().path() == "/" {
        return Response::default();
    }
    let incoming = match upgrade(&mut request, compressing()) {
        Ok(incoming) => incoming,
        Err(error) => return error.to_response(request.version()),
    };
    let mut policy = OriginPolicy::same_origin();
    if request.version() == Version::HTTP_11 && incoming.upgrade().query() == Some("tls") {
        policy = policy.secure();
    }
    if incoming.upgrade().check_origin(&policy).is_err() {
        return incoming.reject(Rejection::forbidden().body("another origin"));
    }
    let mut acceptance = Acceptance::new();
    if let Some(name) = incoming.upgrade().select_subprotocol(&["echo"]) {
        acceptance = acceptance.subprotocol(name);
    }
    let (response, upgrading) = incoming.accept(acceptance).unwrap();
    tokio::spawn(async { echo(upgrading.await).await });
    response
}

fn with_origin(request: ClientRequest, origin: &str) -> ClientRequest {
    request.origin(origin.parse().unwrap()).subprotocol("echo").unwrap().require_subprotocol()
}

/// Opens a plain connection by each client.
async fn open_each(
    address: SocketAddr,
    request: &ClientRequest,
    config: &Config,
) -> [Result<Box<dyn Open>, Error>; 3] {
    let own = websocket::connect(request, config.clone()).await;
    let stream = connect_tcp(address).await;
    let http1 = open_http1(stream, request.clone(), config.clone()).await;
    let mut sender = connect_http2(connect_tcp(address).await).await;
    let http2 = open_http2(&mut sender, request.clone(), config.clone()).await;
    [
        own.map(|(websocket, _)| Box::new(websocket) as Box<dyn Open>),
        http1.map(|websocket| Box::new(websocket) as Box<dyn Open>),
        http2.map(|websocket| Box::new(websocket) as Box<dyn Open>),
    ]
}

/// A WebSocket over any stream.
trait Open: Send {
    fn compresses(&self) -> bool;
    fn talk(self: Box<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

impl<S> Open for WebSocket<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    fn compresses(&self) -> bool {
        self.connection().deflate().is_some()
    }

    fn talk(mut self: Box<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move { talk(&mut self).await })
    }
}

#[tokio::test]
async fn each_client_talks_over_each_version() {
    let address = serve(answer).await;
    for config in [Config::default(), compressing()] {
        let request = with_origin(request(address, "/chat"), &format!("http://{address}"));
        for opened in open_each(address, &request, &config).await {
            let websocket = opened.unwrap();
            assert_eq!(websocket.compresses(), config.deflate.is_some());
            websocket.talk().await;
        }
    }
}

#[tokio::test]
async fn each_client_talks_over_tls() {
    let authority = Authority::new("root");
    let (address, mut protocols) = serve_tls(&authority.issue(&["localhost"]), answer).await;
    let uri = format!("wss://localhost:{}/chat?tls", address.port());
    let origin = format!("https://localhost:{}", address.port());
    let request = with_origin(ClientRequest::new(uri).unwrap(), &origin);

    let connector = Connector::new().tls(authority.client());
    let (mut own, _) =
        websocket::connect_with(&connector, &request, Config::default()).await.unwrap();
    talk(&mut own).await;
    assert_eq!(protocols.recv().await.unwrap(), b"http/1.1");

    let stream = connect_tls(&authority, address, b"http/1.1").await;
    talk(&mut open_http1(stream, request.clone(), compressing()).await.unwrap()).await;
    assert_eq!(protocols.recv().await.unwrap(), b"http/1.1");

    let mut sender = connect_http2(connect_tls(&authority, address, b"h2").await).await;
    talk(&mut open_http2(&mut sender, request, compressing()).await.unwrap()).await;
    assert_eq!(protocols.recv().await.unwrap(), b"h2");
}

// `:scheme` says that the request came over TLS. Over HTTP/1.1 the program has to know it.
#[tokio::test]
async fn a_page_of_another_origin_is_refused() {
    fn refusal<T>(opened: Result<T, Error>) -> (u16, Vec<u8>) {
        let Err(Error::Handshake(HandshakeError::Rejected(response))) = opened else {
            panic!("not refused");
        };
        (response.status(), response.body().to_vec())
    }
    let address = serve(answer).await;
    let request = with_origin(request(address, "/chat"), "http://other.example");
    let [own, http1, http2] = open_each(address, &request, &Config::default()).await;
    assert_eq!(refusal(own), (403, b"another origin".to_vec()));
    // The body is in the response of hyper's client.
    assert_eq!((refusal(http1).0, refusal(http2).0), (403, 403));

    let authority = Authority::new("root");
    let (address, _protocols) = serve_tls(&authority.issue(&["localhost"]), answer).await;
    let mut sender = connect_http2(connect_tls(&authority, address, b"h2").await).await;
    let uri = format!("wss://localhost:{}/chat", address.port());
    for (scheme, refused) in [("http", true), ("https", false)] {
        let origin = format!("{scheme}://localhost:{}", address.port());
        let request = with_origin(ClientRequest::new(uri.as_str()).unwrap(), &origin);
        let opened = open_http2(&mut sender, request, Config::default()).await;
        assert_eq!(opened.is_err(), refused, "{origin}");
    }
}

/// Makes a client of reqwest that trusts an authority.
pub(crate) fn reqwest_client(authority: &Authority) -> reqwest::Client {
    let tls = (*authority.client_config()).clone();
    let client = reqwest::Client::builder().http1_only().no_proxy().use_preconfigured_tls(tls);
    client.build().unwrap()
}

/// Opens a WebSocket by reqwest. The response goes to the `Pending`, and the stream to a WebSocket of tokio's.
pub(crate) async fn open_reqwest(
    client: &reqwest::Client,
    request: ClientRequest,
    config: Config,
) -> Result<WebSocket<reqwest::Upgraded>, Error> {
    let (request, pending) = request.into_request::<reqwest::Body>(config, random_seed()?).unwrap();
    let response = client.execute(request.try_into().unwrap()).await.unwrap();
    let fields = response.headers().iter();
    let fields = fields.map(|(name, value)| (name.as_str(), value.as_bytes()));
    let established = pending.upgraded(response.status().as_u16(), fields)?;
    let stream = soon(response.upgrade()).await.unwrap();
    Ok(WebSocket::new(stream, established.connection))
}

#[tokio::test]
async fn reqwest_opens_websockets() {
    let address = serve(answer).await;
    let client = reqwest_client(&Authority::new("root"));
    let request = |path| with_origin(request(address, path), &format!("http://{address}"));
    for config in [Config::default(), compressing()] {
        let deflates = config.deflate.is_some();
        let mut websocket = open_reqwest(&client, request("/chat"), config).await.unwrap();
        assert_eq!(websocket.connection().deflate().is_some(), deflates);
        talk(&mut websocket).await;
    }
    let refused = open_reqwest(&client, request("/"), Config::default()).await;
    let Err(Error::Handshake(HandshakeError::Rejected(response))) = refused else {
        panic!("not refused");
    };
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn reqwest_opens_websockets_over_tls() {
    let authority = Authority::new("root");
    let (address, mut protocols) = serve_tls(&authority.issue(&["localhost"]), answer).await;
    let uri = format!("wss://localhost:{}/chat?tls", address.port());
    let origin = format!("https://localhost:{}", address.port());
    let request = with_origin(ClientRequest::new(uri).unwrap(), &origin);

    // A response of the crate `http` goes to the `Pending` as it is.
    let (request, pending) =
        request.into_request::<reqwest::Body>(compressing(), random_seed().unwrap()).unwrap();
    let request: reqwest::Request = request.try_into().unwrap();
    let response = reqwest_client(&authority).execute(request).await.unwrap();
    let response = http::Response::<reqwest::Body>::from(response);
    let established = pending.upgraded_by(&response).unwrap();
    assert_eq!(established.response.subprotocol(), Some("echo"));
    let stream = soon(reqwest::Response::from(response).upgrade()).await.unwrap();
    talk(&mut WebSocket::new(stream, established.connection)).await;
    assert_ne!(protocols.recv().await.unwrap(), b"h2");
}

#[tokio::test]
async fn the_examples_talk_to_one_another() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(hyper_server::serve(listener));
    for opened in open_each(address, &request(address, "/echo"), &Config::default()).await {
        opened.unwrap().talk().await;
    }

    let sender = talk_by_h2(address, "/echo").await;
    let stranger = request(address, "/echo").origin("http://other.example".parse().unwrap());
    let refused = h2_client::open(sender, stranger, Config::default()).await;
    assert_eq!(
        refused.err().map(|error| error.to_string()).as_deref(),
        Some("the server answered 403 Forbidden")
    );
}

#[tokio::test]
async fn each_client_talks_to_a_server_on_axum() {
    let open = async |ws: WebSocketUpgrade| {
        let ws = ws.protocols(["echo"]).max_message_size(64 << 20);
        ws.on_upgrade_websocket(|websocket| echo(Ok(websocket)))
    };
    let address = serve_axum(Router::new().route("/chat", any(open))).await;
    for opened in open_each(address, &request(address, "/chat"), &Config::default()).await {
        opened.unwrap().talk().await;
    }
    let client = reqwest_client(&Authority::new("root"));
    let opened = open_reqwest(&client, request(address, "/chat"), Config::default()).await;
    talk(&mut opened.unwrap()).await;
    talk_by_h2(address, "/chat").await;
}

/// Has messages echoed over streams of the crate `h2`, by the loop of its example.
async fn talk_by_h2(address: SocketAddr, path: &str) -> h2::client::SendRequest<Bytes> {
    let stream = connect_tcp(address).await;
    let (sender, h2) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(h2);
    // The second one on the connection knows the settings.
    for _ in 0..2 {
        let opened = h2_client::open(sender.clone(), request(address, path), Config::default());
        let (mut connection, stream) = opened.await.unwrap();
        // More than the window of a stream.
        let messages = [Message::from("Hello"), Message::from(vec![7; 10 << 20])];
        for message in &messages {
            connection.send(message).unwrap();
        }
        let mut expected = messages.iter();
        let run = h2_client::run(&mut connection, stream, |event, connection| match event {
            Event::Text(text) => {
                assert_eq!(expected.next().and_then(Message::as_text), Some(&*text));
            }
            Event::Binary(payload) => {
                assert!(expected.next().is_some_and(|message| message.as_bytes() == &*payload));
                connection.close(CloseCode::NORMAL, "").unwrap();
            }
            _ => {}
        });
        assert_eq!(soon(run).await.unwrap(), EndOfStream::Clean);
        assert_eq!(expected.next(), None);
    }
    sender
}
