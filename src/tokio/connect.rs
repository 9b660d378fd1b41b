//! Opening a connection to a URI.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::{future::poll_fn, net::SocketAddr, pin::Pin, task::Poll, time::Duration};
use std::io;

use tokio::{
    net::{TcpStream, lookup_host},
    time::{Instant, timeout},
};

#[cfg(feature = "rustls")]
use super::tls;
use super::{ClientStream, WebSocket, handshake::client_within, io::Io};
use crate::{
    adapter,
    adapter::{Error, random_seed},
    client::{ConnectGate, Connector, Dial, Ended, LimitedRace, Next, Opened, Turn},
    config::Config,
    driver::HandshakeDriver,
    handshake::{ClientRequest, Response},
};

/// Opens a connection to the host of `request`, as [`connect_with`] does with the defaults of a
/// [`Connector`]. A `wss` URI needs feature `tls`.
///
/// `request` is a URI (`&str`, `String`, [`Uri`](crate::handshake::Uri)), or a [`ClientRequest`] that
/// also names subprotocols, an origin or header fields.
///
/// ```no_run
/// use framewise::{CloseCode, Config, tokio as websocket};
///
/// # async fn talk() -> Result<(), framewise::Error> {
/// let (mut websocket, _response) =
///     websocket::connect("ws://127.0.0.1:9001/", Config::default()).await?;
/// websocket.send("Hello").await?;
/// println!("{:?}", websocket.read().await?);
/// websocket.close(CloseCode::NORMAL, "").await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Those of [`connect_with`].
///
/// # Panics
///
/// As [`connect_with`] does, outside a runtime of tokio's with the drivers that it needs.
pub async fn connect(
    request: impl TryInto<ClientRequest, Error: Into<Error>>,
    config: impl Into<Arc<Config>>,
) -> Result<(WebSocket<ClientStream>, Response), Error> {
    connect_with(&Connector::new(), request, config).await
}

/// Opens a connection to the host of `request`, as the connector says: TCP, perhaps a proxy and TLS, then
/// WebSocket.
///
/// The addresses of the host are raced (RFC 8305, see [`AddressRace`](crate::client::AddressRace)).
/// [`Config::handshake_timeout`] bounds everything together: the lookup of the host, TCP, proxy, TLS, the
/// opening handshake and all redirects. Waiting for a turn at a [`ConnectGate`] does not count.
///
/// The future is cancel safe: dropping it gives up all attempts, and any turn goes to the next.
///
/// # Errors
///
/// - [`Error::Request`] for a text that is no WebSocket URI
/// - [`Error::Io`] when no TCP connection can be opened: the error of the address that failed last, or
///   [`TimedOut`](io::ErrorKind::TimedOut)
/// - [`Error::Proxy`] when the proxy does not connect
/// - `Error::Tls` when TLS fails; [`Error::TlsRequired`] for a `wss` URI without feature `rustls`
/// - [`Error::Redirect`] for a redirect that is not followed although redirects are
/// - those of [`client`](super::client)
///
/// # Panics
///
/// Outside a runtime of tokio's, and in one without the I/O driver. Without the time driver,
/// when a time limit is needed: for a [`Config`] with a `handshake_timeout` or `close_timeout`,
/// and for a host with several addresses unless there is no
/// [`attempt_delay`](Connector::attempt_delay).
pub async fn connect_with(
    connector: &Connector,
    request: impl TryInto<ClientRequest, Error: Into<Error>>,
    config: impl Into<Arc<Config>>,
) -> Result<(WebSocket<ClientStream>, Response), Error> {
    let request = request.try_into().map_err(Into::into)?;
    let mut dial = Dial::new(connector, request, config.into());
    // Boxed: a task is as large as the largest future that it ever waits for.
    Box::pin(async move {
        let began = Instant::now();
        loop {
            match try_once(&mut dial, began).await {
                Err(Error::Handshake(refused)) if dial.follow(&refused)? => {}
                opened => return opened,
            }
        }
    })
    .await
}

/// Opens a connection to where the request goes now.
async fn try_once(
    dial: &mut Dial<'_>,
    began: Instant,
) -> Result<(WebSocket<ClientStream>, Response), Error> {
    #[cfg(feature = "rustls")]
    let tls = dial.tls()?;
    #[cfg(not(feature = "rustls"))]
    adapter::without_tls(dial.uri())?;
    let (stream, _turn) = open_tcp(dial, began).await?;
    let stream = match dial.proxy() {
        Some(proxy) => {
            let (config, left) = (Arc::clone(&dial.config), dial.left(began.elapsed()));
            let mut driver = HandshakeDriver::proxy(proxy, dial.uri(), config, left)?;
            let mut io = Io::new(stream);
            io.shake(&mut driver).await?;
            io.stream
        }
        None => stream,
    };
    #[cfg(feature = "rustls")]
    let stream = match tls {
        Some(tls) => {
            let left = dial.left(began.elapsed());
            ClientStream::secure(tls::connect(stream, &tls, dial.uri().server_name(), left).await?)
        }
        None => ClientStream::plain(stream),
    };
    #[cfg(not(feature = "rustls"))]
    let stream = ClientStream::plain(stream);
    let left = dial.left(began.elapsed());
    client_within(stream, dial.request.clone(), Arc::clone(&dial.config), random_seed()?, left)
        .await
}

/// Opens a TCP connection to the host or its proxy.
async fn open_tcp(dial: &mut Dial<'_>, began: Instant) -> Result<(TcpStream, Option<Turn>), Error> {
    let turn = match dial.named_gate() {
        Some((gate, name)) => {
            let (waiting, turn) = (Instant::now(), gate.enter(name).await);
            dial.waited(waiting.elapsed());
            Some(turn)
        }
        None => None,
    };
    let addresses = match dial.addresses() {
        Some(addresses) => addresses,
        None => within(dial.left(began.elapsed()), lookup_host(dial.tcp_host()))
            .await
            .map_err(|error| adapter::lookup_failed(dial, error))?
            .collect(),
    };
    let opened = open(dial.race(addresses, began.elapsed())).await;
    let opened = opened.and_then(|opened| opened.stream.set_nodelay(true).map(|()| opened));
    let Opened { stream, turn: own, waited } =
        opened.map_err(|error| adapter::connect_failed(dial, error))?;
    dial.waited(waited);
    Ok((stream, turn.or(own)))
}

/// Opens a TCP connection to one of the addresses of a race.
pub(crate) async fn open(mut race: LimitedRace) -> io::Result<Opened<TcpStream>> {
    let began = Instant::now();
    let mut attempts: Vec<Pin<Box<dyn Future<Output = Ended<TcpStream>> + Send>>> = Vec::new();
    loop {
        let next = race.next(began.elapsed())?;
        if let Next::Start(address, left) = next {
            attempts.push(Box::pin(attempt(address, race.gate.clone(), left)));
            continue;
        }
        let any = poll_fn(|cx| {
            for (place, attempt) in attempts.iter_mut().enumerate() {
                if let Poll::Ready(ended) = attempt.as_mut().poll(cx) {
                    drop(attempts.swap_remove(place));
                    return Poll::Ready(ended);
                }
            }
            Poll::Pending
        });
        let ended = match next {
            Next::Wait(Some(delay)) => timeout(delay, any).await.ok(),
            Next::Wait(None) | Next::Start(..) => Some(any.await),
        };
        if let Some(opened) = ended.and_then(|ended| race.ended(ended)) {
            return Ok(opened);
        }
    }
}

/// Waits for a turn, then opens a TCP connection within the time that is `left`.
async fn attempt(
    address: SocketAddr,
    gate: Option<ConnectGate>,
    left: Option<Duration>,
) -> Ended<TcpStream> {
    let began = Instant::now();
    let turn = match &gate {
        Some(gate) => Some(gate.enter(address).await),
        None => None,
    };
    let waited = began.elapsed();
    let stream = within(left, TcpStream::connect(address)).await;
    Ended { address, result: stream.map(|stream| (stream, turn)), waited }
}

/// Runs a future for at most the time that is `left`.
async fn within<T>(
    left: Option<Duration>,
    future: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    match left {
        Some(left) => timeout(left, future).await.unwrap_or_else(|late| Err(late.into())),
        None => future.await,
    }
}
