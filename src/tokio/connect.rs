//! Opening a TCP connection, and a WebSocket connection over it.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::{future::poll_fn, net::SocketAddr, pin::Pin, task::Poll, time::Duration};
use std::io;

use tokio::{
    net::{TcpStream, lookup_host},
    time::{Instant, timeout},
};

use super::{ClientStream, WebSocket, client};
use crate::{
    adapter,
    adapter::Error,
    client::{ConnectGate, Connector, Ended, Next, Opened},
    config::Config,
    handshake::{ClientRequest, Response},
};

/// Opens a TCP connection to the host of `request` and a WebSocket connection over it, as
/// [`connect_with`] does with the defaults of a [`Connector`].
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

/// Opens a TCP connection to the host of `request` and a WebSocket connection over it.
///
/// The addresses of the host are raced (RFC 8305, see [`AddressRace`](crate::client::AddressRace)).
/// Opening the TCP connection takes at most
/// [`Config::handshake_timeout`](crate::Config::handshake_timeout) over all addresses together, and
/// the opening handshake the same again. The DNS lookup has no time limit of its own.
///
/// The future is cancel safe: dropping it gives up all attempts, and any turn goes to the next.
///
/// # Errors
///
/// [`Error::Request`] for a text that is no WebSocket URI, [`Error::TlsRequired`] for a `wss` URI,
/// [`Error::Io`] when no connection can be opened
/// (the error of the address that failed last, [`TimedOut`](io::ErrorKind::TimedOut) after the time
/// limit), and those of [`client`].
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
    let (request, config) = (request.try_into().map_err(Into::into)?, config.into());
    // Boxed: a task is as large as the largest future that it ever waits for.
    Box::pin(async move {
        let failed = |error| adapter::connect_failed(request.uri(), error);
        let host = adapter::host_and_port(request.uri())?;
        let addresses = lookup_host(host).await.map_err(failed)?.collect();
        let limit = config.handshake_timeout;
        let (stream, _turn) = open(connector, addresses, limit).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        client(ClientStream::plain(stream), request, config).await
    })
    .await
}

/// Opens a TCP connection to one of `addresses`.
pub(crate) async fn open(
    connector: &Connector,
    addresses: Vec<SocketAddr>,
    limit: Option<Duration>,
) -> io::Result<Opened<TcpStream>> {
    let (mut race, began) = (connector.race(addresses, limit), Instant::now());
    let mut attempts: Vec<Pin<Box<dyn Future<Output = Ended<TcpStream>> + Send>>> = Vec::new();
    loop {
        let next = race.next(began.elapsed())?;
        if let Next::Start(address, left) = next {
            attempts.push(Box::pin(attempt(address, connector.gate.clone(), left)));
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
    let stream = match left {
        Some(left) => {
            timeout(left, TcpStream::connect(address)).await.unwrap_or_else(|late| Err(late.into()))
        }
        None => TcpStream::connect(address).await,
    };
    Ended { address, result: stream.map(|stream| (stream, turn)), waited }
}
