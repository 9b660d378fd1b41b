//! Flow control: big messages, many streams on one connection, and peers that do not read.

use std::{convert::Infallible, time::Duration};

use framewise::{
    Config, Message,
    handshake::{Acceptance, ClientRequest},
    hyper::{Upgraded, upgrade},
    tokio::WebSocket,
};
use framewise_ecosystem::http::{Body, open_http1, open_http2, probe, soon};
use http_body_util::BodyExt as _;
use hyper::{Request, Response, Version, body::Incoming, client, server, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, duplex},
    sync::mpsc::unbounded_channel,
    time::timeout,
};

use crate::server::{VERSIONS, pass_on, repeat, serve_in_memory};

/// The sizes of the windows of both ends: hyper's own where there is none.
#[derive(Clone, Copy, Debug, Default)]
struct Windows {
    stream: Option<u32>,
    connection: Option<u32>,
}

/// What a server does, by the path of the request.
const FLOOD: &str = "/flood";
const DEAF: &str = "/deaf";
const CROSS: &str = "/cross";
const ECHO: &str = "/echo";

async fn run(mut websocket: WebSocket<Upgraded>, path: String) {
    match &*path {
        FLOOD => while websocket.send(vec![0; 1 << 16]).await.is_ok() {},
        DEAF => {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            drop(websocket);
        }
        CROSS => cross(websocket).await,
        _ => drop(repeat(&mut websocket).await),
    }
}

/// A big message in one direction while one goes in the other one.
async fn cross<S: AsyncRead + AsyncWrite + Unpin>(websocket: WebSocket<S>) {
    let (mut reader, mut writer) = websocket.into_split();
    let message = Message::from(vec![7; 16 << 20]);
    let (sent, received) = tokio::join!(writer.send(&message), reader.read());
    sent.unwrap();
    assert!(received.unwrap() == Some(message));
    writer.send_close(1000, "").await.unwrap();
    assert_eq!(reader.read().await.unwrap(), None::<Message>);
}

/// Answers with a page, or opens a WebSocket.
fn answer(mut request: Request<Incoming>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    if path == "/" {
        return Response::new("a page".into());
    }
    let incoming = upgrade(&mut request, Config::default()).unwrap();
    let (response, upgrading) = incoming.accept(Acceptance::new()).unwrap();
    tokio::spawn(async { run(upgrading.await.unwrap(), path).await });
    response
}

/// Serves one connection over HTTP/2.
fn serve_http2(windows: Windows) -> DuplexStream {
    let (stream, other) = duplex(64 << 10);
    tokio::spawn(async move {
        let mut builder = server::conn::http2::Builder::new(TokioExecutor::new());
        builder
            .enable_connect_protocol()
            .initial_stream_window_size(windows.stream)
            .initial_connection_window_size(windows.connection);
        let service = service_fn(|request| async { Ok::<_, Infallible>(answer(request)) });
        builder.serve_connection(TokioIo::new(other), service).await
    });
    stream
}

/// Serves one connection over HTTP/1.1.
fn serve_http1() -> DuplexStream {
    let (stream, other) = duplex(64 << 10);
    tokio::spawn(async move {
        let service = service_fn(|request| async { Ok::<_, Infallible>(answer(request)) });
        let builder = server::conn::http1::Builder::new();
        builder.serve_connection(TokioIo::new(other), service).with_upgrades().await
    });
    stream
}

type Sender = client::conn::http2::SendRequest<Body>;

/// Connects to a server over HTTP/2.
async fn connect(windows: Windows) -> Sender {
    connect_over(serve_http2(windows), windows).await
}

async fn connect_over(stream: DuplexStream, windows: Windows) -> Sender {
    let mut builder = client::conn::http2::Builder::new(TokioExecutor::new());
    builder
        .initial_stream_window_size(windows.stream)
        .initial_connection_window_size(windows.connection);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    probe(&mut sender).await;
    sender
}

fn request(path: &str) -> ClientRequest {
    ClientRequest::new(format!("ws://localhost{path}")).unwrap()
}

async fn open(sender: &mut Sender, path: &str) -> WebSocket<Upgraded> {
    open_http2(sender, request(path), Config::default()).await.unwrap()
}

async fn get_page(sender: &mut Sender) {
    let request = Request::get("http://localhost/").body(Body::default()).unwrap();
    let response = soon(sender.send_request(request)).await.unwrap();
    assert_eq!(soon(response.collect()).await.unwrap().to_bytes(), "a page");
}

async fn is_echoed(websocket: &mut WebSocket<Upgraded>, message: Message) {
    soon(websocket.send(&message)).await.unwrap();
    assert!(soon(websocket.read()).await.unwrap() == Some(message));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_16_mib_cross() {
    let tiny = Windows { stream: Some(1 << 10), connection: None };
    for windows in [None, Some(Windows::default()), Some(tiny)] {
        let websocket = match windows {
            Some(windows) => open(&mut connect(windows).await, CROSS).await,
            None => open_http1(serve_http1(), request(CROSS), Config::default()).await.unwrap(),
        };
        soon(cross(websocket)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_websockets_share_a_connection_with_requests() {
    let mut sender = connect(Windows::default()).await;
    // The server sends to it all the time, and it does not read.
    let silent = open(&mut sender, FLOOD).await;
    let mut tasks = Vec::new();
    for number in 0..100_u8 {
        let mut websocket = open(&mut sender, ECHO).await;
        tasks.push(tokio::spawn(async move {
            for len in [0, 1, 1000, 100_000] {
                is_echoed(&mut websocket, vec![number; len].into()).await;
            }
            soon(websocket.close(1000, "")).await.unwrap()
        }));
        get_page(&mut sender).await;
    }
    for task in tasks {
        soon(task).await.unwrap();
        get_page(&mut sender).await;
    }
    drop(silent);
}

// hyper's server has one window of 1 MiB for the connection, which one stream can fill.
#[tokio::test(start_paused = true)]
async fn a_handler_that_does_not_read_holds_up_others_unless_the_window_is_big() {
    for (connection, is_held_up) in [(None, true), (Some(4 << 20), false)] {
        let mut sender = connect(Windows { stream: None, connection }).await;
        let mut deaf = open(&mut sender, DEAF).await;
        let flood = async { while deaf.send(vec![0; 1 << 16]).await.is_ok() {} };
        assert!(timeout(Duration::from_secs(1), flood).await.is_err());
        let mut websocket = open(&mut sender, ECHO).await;
        let echo = is_echoed(&mut websocket, vec![7; 100_000].into());
        let echoed = timeout(Duration::from_secs(5), echo).await;
        assert_eq!(echoed.is_err(), is_held_up, "{connection:?}");
    }
}

/// Sends messages until no more are accepted. Returns the size of all.
async fn fill_up(mut websocket: WebSocket<Upgraded>) -> usize {
    let (message, mut accepted) = (vec![0; 50_000], 0);
    let send = async {
        while websocket.send(&message[..]).await.is_ok() {
            accepted += message.len();
        }
    };
    // Time passes only when there is nothing left to do.
    assert!(timeout(Duration::from_secs(1), send).await.is_err());
    while websocket.connection_mut().send(&message[..]).is_ok() {
        accepted += message.len();
    }
    accepted
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_costs_bounded_memory() {
    const MAX_OUTPUT: usize = 120_000;
    let config = Config::default().max_output(MAX_OUTPUT);
    for version in VERSIONS {
        // What the stream in memory holds, and of HTTP/2 the window and the pieces in hyper's hands.
        let below = if version == Version::HTTP_2 { 65_535 + 4 * (64 << 10) } else { 64 << 10 };
        let bounds = MAX_OUTPUT / 2..=MAX_OUTPUT + below;

        // A server whose client does not read.
        let (tell, mut told) = unbounded_channel();
        let stream = serve_in_memory(pass_on(config.clone(), move |websocket| {
            let tell = tell.clone();
            async move { tell.send(fill_up(websocket.unwrap()).await).unwrap() }
        }));
        let windows = Windows { stream: Some(65_535), connection: None };
        let silent = if version == Version::HTTP_2 {
            open(&mut connect_over(stream, windows).await, "/").await
        } else {
            open_http1(stream, request("/"), Config::default()).await.unwrap()
        };
        let accepted = soon(told.recv()).await.unwrap();
        assert!(bounds.contains(&accepted), "{version:?}: {accepted}");
        drop(silent);

        // A client whose server does not.
        let websocket = if version == Version::HTTP_2 {
            let mut sender = connect(windows).await;
            open_http2(&mut sender, request(DEAF), config.clone()).await.unwrap()
        } else {
            open_http1(serve_http1(), request(DEAF), config.clone()).await.unwrap()
        };
        let accepted = soon(fill_up(websocket)).await;
        assert!(bounds.contains(&accepted), "{version:?}: {accepted}");
    }
}
