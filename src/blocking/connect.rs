//! Opening a TCP connection, and a WebSocket connection over it.

use alloc::{borrow::ToOwned as _, sync::Arc, vec::Vec};
use core::{net::SocketAddr, time::Duration};
use std::{
    io::{self, ErrorKind},
    net::{TcpStream, ToSocketAddrs as _},
    sync::mpsc,
    thread,
    time::Instant,
};

use super::{ClientStream, WebSocket, client};
use crate::{
    adapter,
    adapter::Error,
    client::{ConnectGate, Connector, Ended, Next, Opened},
    config::Config,
    driver::Limit,
    handshake::{ClientRequest, Response},
};

/// Opens a TCP connection to the host of `request` and a WebSocket connection over it, as
/// [`connect_with`] does with the defaults of a [`Connector`].
///
/// `request` is a URI (`&str`, `String`, [`Uri`](crate::handshake::Uri)), or a [`ClientRequest`] that
/// also names subprotocols, an origin or header fields.
///
/// ```no_run
/// use framewise::{CloseCode, Config, blocking};
///
/// # fn main() -> Result<(), framewise::Error> {
/// let (mut websocket, _response) = blocking::connect("ws://127.0.0.1:9001/", Config::default())?;
/// websocket.send("Hello")?;
/// println!("{:?}", websocket.read()?);
/// websocket.close(CloseCode::NORMAL, "")?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Those of [`connect_with`].
pub fn connect(
    request: impl TryInto<ClientRequest, Error: Into<Error>>,
    config: impl Into<Arc<Config>>,
) -> Result<(WebSocket<ClientStream>, Response), Error> {
    connect_with(&Connector::new(), request, config)
}

/// Opens a TCP connection to the host of `request` and a WebSocket connection over it.
///
/// The addresses of the host are raced (RFC 8305, see [`AddressRace`](crate::client::AddressRace)).
/// Opening the TCP connection takes at most
/// [`Config::handshake_timeout`](crate::Config::handshake_timeout) over all addresses together, and
/// the opening handshake the same again. The DNS lookup has no time limit of its own.
///
/// A host with several addresses costs a thread for each one that is tried. Those that lose
/// the race end when their connection is open or has failed, at most after the same time, and
/// keep their turn until then. One that still waits for its turn ends when the turn comes.
///
/// # Errors
///
/// [`Error::Request`] for a text that is no WebSocket URI, [`Error::TlsRequired`] for a `wss` URI,
/// [`Error::Io`] when no connection can be opened
/// (the error of the address that failed last, [`TimedOut`](ErrorKind::TimedOut) after the time
/// limit), and those of [`client`].
pub fn connect_with(
    connector: &Connector,
    request: impl TryInto<ClientRequest, Error: Into<Error>>,
    config: impl Into<Arc<Config>>,
) -> Result<(WebSocket<ClientStream>, Response), Error> {
    let (request, config) = (request.try_into().map_err(Into::into)?, config.into());
    let failed = |error| adapter::connect_failed(request.uri(), error);
    let addresses = adapter::host_and_port(request.uri())?.to_socket_addrs().map_err(failed)?;
    let limit = config.handshake_timeout;
    let (stream, _turn) = open(connector, addresses.collect(), limit).map_err(failed)?;
    client(ClientStream::plain(stream), request, config)
}

/// Opens a TCP connection to one of `addresses`.
pub(crate) fn open(
    connector: &Connector,
    addresses: Vec<SocketAddr>,
    limit: Option<Duration>,
) -> io::Result<Opened<TcpStream>> {
    if let [address] = *addresses {
        return attempt(address, connector.gate.as_ref(), limit, || true).result;
    }
    let (mut race, began) = (connector.race(addresses, limit), Instant::now());
    let (ends, ended) = mpsc::channel();
    // The attempts hold a `Weak` of it: it is gone when the race is over.
    let undecided = Arc::new(());
    loop {
        let ended = match race.next(began.elapsed())? {
            Next::Start(address, left) => {
                let (ends, gate) = (ends.clone(), connector.gate.clone());
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
        Some(left) => TcpStream::connect_timeout(&address, left.max(Limit::MIN)),
        None => TcpStream::connect(address),
    };
    Ended { address, result: stream.map(|stream| (stream, turn)), waited }
}
