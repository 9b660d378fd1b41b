//! Opening a TCP connection, and a WebSocket connection over it.

use alloc::{borrow::ToOwned, sync::Arc, vec::Vec};
use core::{net::SocketAddr, time::Duration};
use std::{
    io::{self, ErrorKind},
    net::{TcpStream, ToSocketAddrs},
    sync::mpsc,
    thread,
    time::Instant,
};

use super::{WebSocket, client, io::MIN_LIMIT};
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
/// use framewise::{CloseCode, Config, blocking, handshake::ClientRequest};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let request = ClientRequest::new("ws://127.0.0.1:9001/")?;
/// let (mut websocket, _response) = blocking::connect(request, Config::default())?;
/// websocket.send("Hello")?;
/// println!("{:?}", websocket.read()?);
/// websocket.close(CloseCode::NORMAL, "")?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Those of [`Connector::connect`].
pub fn connect(
    request: ClientRequest,
    config: impl Into<Arc<Config>>,
) -> Result<(WebSocket<TcpStream>, Response), Error> {
    Connector::new().connect(request, config)
}

/// Opens connections in a way that can be chosen. It can be used any number of times.
///
/// ```no_run
/// use framewise::{
///     Config, blocking::Connector, client::ConnectGate, handshake::ClientRequest,
/// };
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // At most one of the clients that share the gate is in the opening handshake with an address.
/// let gate = ConnectGate::new();
/// let connector = Connector::new().gate(&gate);
/// let request = ClientRequest::new("ws://127.0.0.1:9001/")?;
/// let (mut websocket, _response) = connector.connect(request, Config::default())?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Connector {
    gate: Option<ConnectGate>,
    attempt_delay: Option<Duration>,
}

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
    /// A host with several addresses costs a thread for each one that is tried. Those that lose
    /// the race end when their connection is open or has failed, at most after the same time, and
    /// keep their turn until then. One that still waits for its turn ends when the turn comes.
    ///
    /// # Errors
    ///
    /// [`Error::TlsRequired`] for a `wss` URI, [`Error::Io`] when no connection can be opened
    /// (the error of the address that failed last, [`TimedOut`](ErrorKind::TimedOut) after the time
    /// limit), and those of [`client`].
    pub fn connect(
        &self,
        request: ClientRequest,
        config: impl Into<Arc<Config>>,
    ) -> Result<(WebSocket<TcpStream>, Response), Error> {
        let config = config.into();
        let addresses = adapter::host_and_port(request.uri())?.to_socket_addrs()?.collect();
        let (stream, _turn) = self.open(addresses, config.handshake_timeout)?;
        client(stream, request, config, adapter::seed()?)
    }

    /// Opens a TCP connection to one of `addresses`.
    fn open(
        &self,
        addresses: Vec<SocketAddr>,
        limit: Option<Duration>,
    ) -> io::Result<Opened<TcpStream>> {
        if let [address] = *addresses {
            return attempt(address, self.gate.as_ref(), limit, || true).result;
        }
        let mut race = LimitedRace::new(addresses, self.attempt_delay, limit);
        let (ends, ended) = mpsc::channel();
        // The attempts hold a `Weak` of it: it is gone when the race is over.
        let (undecided, began) = (Arc::new(()), Instant::now());
        loop {
            let ended = match race.next(began.elapsed())? {
                Next::Start(address, left) => {
                    let (ends, gate) = (ends.clone(), self.gate.clone());
                    let undecided = Arc::downgrade(&undecided);
                    let run = move || {
                        let wanted = || undecided.strong_count() > 0;
                        let _ = ends.send(attempt(address, gate.as_ref(), left, wanted));
                    };
                    match thread::Builder::new().name("connect".to_owned()).spawn(run) {
                        Ok(_) => continue,
                        Err(error) => {
                            Some(Ended { address, result: Err(error), waited: Duration::ZERO })
                        }
                    }
                }
                Next::Wait(None) => ended.recv().ok(),
                Next::Wait(Some(delay)) => ended.recv_timeout(delay).ok(),
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

/// Waits for a turn, then opens a TCP connection within the time that is `left`, if still wanted.
fn attempt(
    address: SocketAddr,
    gate: Option<&ConnectGate>,
    left: Option<Duration>,
    wanted: impl Fn() -> bool,
) -> Ended<TcpStream> {
    let began = Instant::now();
    let turn = gate.map(|gate| gate.enter_blocking(address));
    let waited = began.elapsed();
    let stream = match left {
        _ if !wanted() => Err(ErrorKind::Interrupted.into()),
        Some(left) => TcpStream::connect_timeout(&address, left.max(MIN_LIMIT)),
        None => TcpStream::connect(address),
    };
    Ended { address, result: stream.map(|stream| (stream, turn)), waited }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// An address where nobody listens.
    fn closed() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }

    #[test]
    fn the_next_address_is_tried() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        for delay in [None, Some(AddressRace::ATTEMPT_DELAY)] {
            let connector = Connector::new().attempt_delay(delay);
            let (stream, turn) = connector.open([closed(), address].to_vec(), None).unwrap();
            assert_eq!(stream.peer_addr().unwrap(), address);
            assert!(turn.is_none());
            let addresses = [closed(), closed(), closed()].to_vec();
            let error = connector.open(addresses, Some(Duration::from_secs(100))).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            let error = connector.open(Vec::new(), None).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
        }
    }

    // An address whose turn does not come is like a dead one.
    #[test]
    fn an_address_that_is_busy_does_not_hold_up_another_one() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let busy = TcpListener::bind("127.0.0.1:0").unwrap();
        let (gate, busy_address) = (ConnectGate::new(), busy.local_addr().unwrap());
        let held = gate.enter_blocking(busy_address);
        let connector = Connector::new().gate(&gate);
        let (stream, turn) = connector.open([busy_address, address].to_vec(), None).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address);
        drop((held, turn));
        // The attempt that lost has its turn now, or had it, and opens nothing.
        drop(gate.enter_blocking(busy_address));
        busy.set_nonblocking(true).unwrap();
        assert_eq!(busy.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    }
}
