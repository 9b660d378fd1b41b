//! The two adapters, so that each test serves for both.

use std::{
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use framewise::{
    CloseCode, Config, EndOfStream, Error, Message, blocking,
    client::Connector,
    deflate::DeflateConfig,
    handshake::{Acceptance, ClientRequest, OriginPolicy, Rejection},
    tls::ServerTls,
    tokio as asynchronous,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    runtime::{Builder, Runtime},
};

/// An adapter.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Binding {
    Blocking,
    Tokio,
}

impl Binding {
    pub(crate) const ALL: [Self; 2] = [Self::Blocking, Self::Tokio];

    /// Connects, has three messages echoed, and closes. Returns the TLS of the connection, as text.
    pub(crate) fn talk(
        self,
        connector: &Connector,
        request: &ClientRequest,
    ) -> Result<String, Error> {
        let messages = || {
            let binary = Message::Binary((0..=255).cycle().take(1 << 20).collect());
            ["Hello".into(), "\u{2603}".repeat(1000).into(), binary]
        };
        match self {
            Self::Blocking => {
                let (mut websocket, _) = blocking::connect_with(connector, request, config())?;
                let tls = format!("{:?}", websocket.stream().tls());
                for message in messages() {
                    websocket.send(message.clone())?;
                    assert_eq!(websocket.read()?, Some(message));
                }
                websocket.close(CloseCode::NORMAL, "")?;
                assert_eq!(websocket.end(), Some(EndOfStream::Clean));
                Ok(tls)
            }
            Self::Tokio => runtime().block_on(async {
                let (mut websocket, _) =
                    asynchronous::connect_with(connector, request, config()).await?;
                let tls = format!("{:?}", websocket.stream().tls());
                for message in messages() {
                    websocket.send(message.clone()).await?;
                    assert_eq!(websocket.read().await?, Some(message));
                }
                websocket.close(CloseCode::NORMAL, "").await?;
                assert_eq!(websocket.end(), Some(EndOfStream::Clean));
                Ok(tls)
            }),
        }
    }
}

/// What a server has seen and how its connections ended.
#[derive(Debug)]
pub(crate) enum Seen {
    /// The header fields of a request.
    Request(Vec<(String, Vec<u8>)>),
    /// A message.
    Message(Message),
    Ended(Option<EndOfStream>),
    Failed(Error),
}

/// An echo server, which ends with the test process.
pub(crate) struct Server {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Starts one, over TLS if there is a configuration. `page` is what it answers to other requests.
    pub(crate) fn start(binding: Binding, tls: Option<ServerTls>, page: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, tls, seen) = (stream.unwrap(), tls.clone(), Arc::clone(&all));
                thread::spawn(move || {
                    let note = |what| seen.lock().unwrap().push(what);
                    let ended = match (binding, tls) {
                        (Binding::Blocking, None) => {
                            blocking_echo(blocking::receive_request(stream, config()), page, &note)
                        }
                        (Binding::Blocking, Some(tls)) => blocking_echo(
                            blocking::receive_request_tls(stream, &tls, config()),
                            page,
                            &note,
                        ),
                        (Binding::Tokio, tls) => {
                            runtime().block_on(tokio_echo(stream, tls, page, &note))
                        }
                    };
                    note(match ended {
                        Ok(end) => Seen::Ended(end),
                        Err(error) => Seen::Failed(error),
                    });
                });
            }
        });
        Self { port, seen }
    }

    /// Returns what it has seen so far, and forgets it.
    pub(crate) fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

/// Echoes until the connection ends.
fn blocking_echo<S: blocking::Stream>(
    requested: Result<blocking::Requested<S>, Error>,
    page: &str,
    note: &impl Fn(Seen),
) -> Result<Option<EndOfStream>, Error> {
    let requested = requested?;
    note(Seen::Request(fields(requested.request().headers().iter())));
    if requested.request().header("Upgrade").is_none() {
        requested.respond(html(page)?)?;
        return Ok(None);
    }
    let incoming = requested.upgrade()?;
    if incoming.upgrade().check_origin(&OriginPolicy::same_origin()).is_err() {
        incoming.reject(Rejection::forbidden())?;
        return Ok(None);
    }
    let mut websocket = incoming.accept(Acceptance::new())?;
    while let Some(message) = websocket.read()? {
        note(Seen::Message(message.clone()));
        websocket.send(message)?;
    }
    Ok(websocket.end())
}

/// Echoes until the connection ends.
async fn tokio_echo(
    stream: TcpStream,
    tls: Option<ServerTls>,
    page: &str,
    note: &impl Fn(Seen),
) -> Result<Option<EndOfStream>, Error> {
    stream.set_nonblocking(true)?;
    let stream = tokio::net::TcpStream::from_std(stream)?;
    match tls {
        Some(tls) => {
            let requested = asynchronous::receive_request_tls(stream, &tls, config()).await;
            tokio_echo_over(requested, page, note).await
        }
        None => {
            tokio_echo_over(asynchronous::receive_request(stream, config()).await, page, note).await
        }
    }
}

async fn tokio_echo_over<S: AsyncRead + AsyncWrite + Unpin>(
    requested: Result<asynchronous::Requested<S>, Error>,
    page: &str,
    note: &impl Fn(Seen),
) -> Result<Option<EndOfStream>, Error> {
    let requested = requested?;
    note(Seen::Request(fields(requested.request().headers().iter())));
    if requested.request().header("Upgrade").is_none() {
        requested.respond(html(page)?).await?;
        return Ok(None);
    }
    let incoming = requested.upgrade().await?;
    if incoming.upgrade().check_origin(&OriginPolicy::same_origin()).is_err() {
        incoming.reject(Rejection::forbidden()).await?;
        return Ok(None);
    }
    let mut websocket = incoming.accept(Acceptance::new()).await?;
    while let Some(message) = websocket.read().await? {
        note(Seen::Message(message.clone()));
        websocket.send(message).await?;
    }
    Ok(websocket.end())
}

fn html(page: &str) -> Result<Rejection, Error> {
    Ok(Rejection::new(200)?.header("Content-Type", "text/html")?.body(page))
}

fn fields<'a>(fields: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<(String, Vec<u8>)> {
    fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn config() -> Config {
    let mut config = Config::default();
    config.deflate = Some(DeflateConfig::default());
    config
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}
