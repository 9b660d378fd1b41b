//! A server of others over both versions of HTTP, Python's hypercorn, and clients of ours.

use std::{net::SocketAddr, time::Duration};

use framewise::{
    Config, EndOfStream, Error, Event, Message,
    client::Connector,
    handshake::ClientRequest,
    hyper::Upgraded,
    tokio::{self as websocket, WebSocket},
};
use framewise_ecosystem::{
    Authority,
    http::{connect_http2, connect_tcp, connect_tls, open_http1, open_http2, soon},
};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    folder::Folder,
    h2_client,
    programs::{Program, script},
    server::{compressing, talk},
    versions::{open_reqwest, reqwest_client},
};

/// Makes a request that the server accepts only over a version of HTTP.
fn request(scheme: &str, port: u16, version: &str) -> ClientRequest {
    let request = ClientRequest::new(format!("{scheme}://localhost:{port}/chat")).unwrap();
    request.subprotocol(version).unwrap().require_subprotocol()
}

/// Opens a WebSocket over HTTP/2, on a connection of its own: hypercorn 0.18.0 drops a connection when the
/// client ends the stream of a WebSocket that both have closed.
async fn open_alone<S>(
    stream: S,
    request: ClientRequest,
    config: Config,
) -> Result<WebSocket<Upgraded>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    open_http2(&mut connect_http2(stream).await, request, config).await
}

/// Who closes.
#[derive(Clone, Copy)]
enum Closes {
    Client,
    Server,
}

async fn converse<S>(websocket: &mut WebSocket<S>, closes: Closes)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match closes {
        Closes::Client => talk(websocket).await,
        Closes::Server => {
            soon(websocket.send("leave")).await.unwrap();
            assert_eq!(soon(websocket.read()).await.unwrap(), None::<Message>);
            let close = websocket.received_close().unwrap();
            assert_eq!((close.code.get(), &*close.reason), (4001, "as you wish"));
        }
    }
}

/// Starts the server, over TLS with a certificate and its key.
fn start(files: &[String]) -> Option<(Program, SocketAddr)> {
    let mut command = script("hypercorn_server.py")?;
    let (program, port) = Program::start_with_port(command.args(files));
    Some((program, SocketAddr::from(([127, 0, 0, 1], port))))
}

/// Over HTTP/2 hypercorn leaves the stream open when both have closed: nobody waits for it for long.
fn configs() -> [Config; 2] {
    [Config::default(), compressing()]
        .map(|config| config.close_timeout(Duration::from_millis(100)))
}

#[tokio::test(flavor = "multi_thread")]
async fn hypercorn_answers_over_both_versions() {
    let Some((_server, address)) = start(&[]) else { return };
    let port = address.port();
    let client = reqwest_client(&Authority::new("root"));
    for config in configs() {
        for closes in [Closes::Client, Closes::Server] {
            let opened = websocket::connect(request("ws", port, "http-1.1"), config.clone());
            converse(&mut opened.await.unwrap().0, closes).await;

            let stream = connect_tcp(address).await;
            let opened = open_http1(stream, request("ws", port, "http-1.1"), config.clone());
            converse(&mut opened.await.unwrap(), closes).await;

            let opened = open_reqwest(&client, request("ws", port, "http-1.1"), config.clone());
            converse(&mut opened.await.unwrap(), closes).await;

            // Without TLS, HTTP/2 begins at once.
            let stream = connect_tcp(address).await;
            let opened = open_alone(stream, request("ws", port, "http-2"), config.clone());
            converse(&mut opened.await.unwrap(), closes).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hypercorn_answers_over_tls() {
    let (authority, folder) = (Authority::new("root"), Folder::new());
    let identity = authority.issue(&["localhost"]);
    let files =
        [folder.write("chain.pem", &identity.chain), folder.write("key.pem", &identity.key())];
    let Some((_server, address)) = start(&files) else { return };
    let port = address.port();
    for config in configs() {
        for closes in [Closes::Client, Closes::Server] {
            let connector = Connector::new().tls(authority.client());
            let request = |version| request("wss", port, version);
            let opened = websocket::connect_with(&connector, request("http-1.1"), config.clone());
            converse(&mut opened.await.unwrap().0, closes).await;

            let stream = connect_tls(&authority, address, b"h2").await;
            let opened = open_alone(stream, request("http-2"), config.clone());
            converse(&mut opened.await.unwrap(), closes).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hypercorn_answers_the_crate_h2() {
    let Some((_server, address)) = start(&[]) else { return };
    let stream = connect_tcp(address).await;
    let (sender, h2) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(h2);
    let [config, _] = configs();
    let request = request("ws", address.port(), "http-2");
    let (mut connection, stream) = h2_client::open(sender, request, config).await.unwrap();
    connection.send("Hello").unwrap();
    let mut heard = Vec::new();
    let run = h2_client::run(&mut connection, stream, |event, connection| {
        if let Event::Text(text) = event {
            heard.push(text.into_owned());
            connection.close(1000, "").unwrap();
        }
    });
    assert_eq!(soon(run).await.unwrap(), EndOfStream::Clean);
    assert_eq!((heard, connection.close_code().get()), (vec!["Hello".to_owned()], 1000));
}

#[tokio::test(flavor = "multi_thread")]
async fn hypercorn_refuses_over_http_2() {
    let Some((_server, address)) = start(&[]) else { return };
    let stream = connect_tcp(address).await;
    let request = ClientRequest::new(format!("ws://{address}/other")).unwrap();
    let refused = open_alone(stream, request, Config::default()).await;
    let Err(Error::Handshake(refused)) = refused else { panic!("not refused") };
    assert_eq!(refused.response().map(|response| response.status()), Some(403));
}
