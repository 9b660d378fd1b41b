//! Opening a TCP connection, and a WebSocket connection over it.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::{
    future::poll_fn,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use std::io;

use tokio::{
    net::{TcpStream, lookup_host},
    time::{Instant, timeout},
};

use super::{WebSocket, client};
use crate::{
    Config,
    adapter::{self, Ended, Error, LimitedRace, Next, Opened},
    client::{AddressRace, ConnectGate},
    handshake::{ClientRequest, Response},
};

/// Opens a TCP connection to the host of `request` and a WebSocket connection over it.
///
/// This is [`Connector::connect`] with the defaults of a [`Connector`]: the addresses of the host
/// are raced, and no connection waits for another one.
///
/// ```no_run
/// use framewise::{CloseCode, Config, handshake::ClientRequest, tokio as websocket};
///
/// # async fn talk() -> Result<(), Box<dyn std::error::Error>> {
/// let request = ClientRequest::new("ws://127.0.0.1:9001/")?;
/// let (mut websocket, _response) = websocket::connect(request, Config::default()).await?;
/// websocket.send("Hello").await?;
/// println!("{:?}", websocket.read().await?);
/// websocket.close(CloseCode::NORMAL, "").await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Those of [`Connector::connect`].
///
/// # Panics
///
/// As [`Connector::connect`] does, outside a runtime of tokio's with the drivers that it needs.
pub async fn connect(
    request: ClientRequest,
    config: impl Into<Arc<Config>>,
) -> Result<(WebSocket<TcpStream>, Response), Error> {
    Connector::new().connect(request, config).await
}

/// Opens connections in a way that can be chosen. It can be used any number of times.
///
/// ```no_run
/// use framewise::{
///     Config, client::ConnectGate, handshake::ClientRequest, tokio::Connector,
/// };
///
/// # async fn talk() -> Result<(), Box<dyn std::error::Error>> {
/// // At most one of the clients that share the gate is in the opening handshake with an address.
/// let gate = ConnectGate::new();
/// let connector = Connector::new().gate(&gate);
/// let request = ClientRequest::new("ws://127.0.0.1:9001/")?;
/// let (mut websocket, _response) = connector.connect(request, Config::default()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Connector {
    gate: Option<ConnectGate>,
    attempt_delay: Option<Duration>,
}

type Attempts = Vec<Pin<Box<dyn Future<Output = Ended<TcpStream>> + Send>>>;

impl Connector {
    /// Makes a connector without a gate.
    #[must_use]
    pub const fn new() -> Self {
        Self { gate: None, attempt_delay: Some(AddressRace::ATTEMPT_DELAY) }
    }

    /// Takes turns with all clients that share `gate` (RFC 6455 §4.1 item 2).
    ///
    /// An attempt waits for its turn before it opens a TCP connection to an address. The turn
    /// lasts until the opening handshake is done or has failed. Waiting counts against no timeout.
    #[must_use]
    pub fn gate(mut self, gate: &ConnectGate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    /// Sets how long to wait for an address before the next one is tried beside it, as
    /// [`AddressRace::attempt_delay`] does. 250 ms by default. With `None` the next address is
    /// tried when one fails.
    #[must_use]
    pub const fn attempt_delay(mut self, delay: Option<Duration>) -> Self {
        self.attempt_delay = delay;
        self
    }

    /// Opens a TCP connection to the host of `request` and a WebSocket connection over it.
    ///
    /// The addresses of the host are raced (RFC 8305, see [`AddressRace`]). Opening the TCP
    /// connection takes at most [`Config::handshake_timeout`] over all addresses together, and the
    /// opening handshake the same again. The DNS lookup has no time limit of its own.
    ///
    /// The future is cancel safe: dropping it gives up all attempts, and any turn goes to the next.
    ///
    /// # Errors
    ///
    /// [`Error::TlsRequired`] for a `wss` URI, [`Error::Io`] when no connection can be opened
    /// (the error of the address that failed last, [`TimedOut`](io::ErrorKind::TimedOut) after the time
    /// limit), and those of [`client`].
    ///
    /// # Panics
    ///
    /// Outside a runtime of tokio's, and in one without the I/O driver. Without the time driver,
    /// when a time limit is needed: for a [`Config`] with a `handshake_timeout` or `close_timeout`,
    /// and for a host with several addresses unless there is no
    /// [`attempt_delay`](Self::attempt_delay).
    pub async fn connect(
        &self,
        request: ClientRequest,
        config: impl Into<Arc<Config>>,
    ) -> Result<(WebSocket<TcpStream>, Response), Error> {
        let config = config.into();
        // Boxed: a task is as large as the largest future that it ever waits for.
        Box::pin(async move {
            let addresses = lookup_host(adapter::host_and_port(request.uri())?).await?.collect();
            let (stream, _turn) = self.open(addresses, config.handshake_timeout).await?;
            client(stream, request, config, adapter::seed()?).await
        })
        .await
    }

    /// Opens a TCP connection to one of `addresses`.
    async fn open(
        &self,
        addresses: Vec<SocketAddr>,
        limit: Option<Duration>,
    ) -> io::Result<Opened<TcpStream>> {
        let mut race = LimitedRace::new(addresses, self.attempt_delay, limit);
        let (mut attempts, began) = (Attempts::new(), Instant::now());
        loop {
            let ended = match race.next(began.elapsed())? {
                Next::Start(address, left) => {
                    attempts.push(Box::pin(attempt(address, self.gate.clone(), left)));
                    continue;
                }
                Next::Wait(None) => Some(poll_fn(|cx| poll_any(&mut attempts, cx)).await),
                Next::Wait(Some(delay)) => {
                    timeout(delay, poll_fn(|cx| poll_any(&mut attempts, cx))).await.ok()
                }
            };
            if let Some(opened) = ended.and_then(|ended| race.ended(ended)) {
                return Ok(opened);
            }
        }
    }
}

impl Default for Connector {
    fn default() -> Self {
        Self::new()
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
        Some(left) => match timeout(left, TcpStream::connect(address)).await {
            Ok(stream) => stream,
            Err(elapsed) => Err(elapsed.into()),
        },
        None => TcpStream::connect(address).await,
    };
    Ended { address, result: stream.map(|stream| (stream, turn)), waited }
}

/// Returns how an attempt ended, and removes it.
fn poll_any(attempts: &mut Attempts, cx: &mut Context<'_>) -> Poll<Ended<TcpStream>> {
    for (place, attempt) in attempts.iter_mut().enumerate() {
        if let Poll::Ready(ended) = attempt.as_mut().poll(cx) {
            drop(attempts.swap_remove(place));
            return Poll::Ready(ended);
        }
    }
    Poll::Pending
}

#[cfg(test)]
mod tests {
    use std::{io::ErrorKind, net::TcpListener};

    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        // It has no time driver.
        tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap().block_on(future)
    }

    /// An address where nobody listens.
    fn closed() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }

    #[test]
    fn the_next_address_is_tried_and_needs_no_timer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connector = Connector::new().attempt_delay(None);
        let (stream, turn) = block_on(connector.open([closed(), address].to_vec(), None)).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address);
        assert!(turn.is_none());
        let addresses = [closed(), closed(), closed()].to_vec();
        let error = block_on(connector.open(addresses, None)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let error = block_on(connector.open(Vec::new(), None)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }

    // An address whose turn does not come is like a dead one; both are given up for the other.
    #[tokio::test(start_paused = true)]
    async fn an_address_that_is_busy_does_not_hold_up_another_one() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (gate, busy) = (ConnectGate::new(), closed());
        let held = gate.enter(busy).await;
        let connector = Connector::new().gate(&gate);
        let opening = connector.open([busy, address].to_vec(), None);
        let (stream, turn) = opening.await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address);
        assert_eq!(alloc::format!("{gate:?}"), "ConnectGate { busy: 2, waiting: 0 }");
        drop((turn, held));
        assert_eq!(alloc::format!("{gate:?}"), "ConnectGate { busy: 0, waiting: 0 }");
    }
}
