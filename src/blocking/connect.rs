//! Opening a connection to a URI.

use alloc::{borrow::ToOwned as _, sync::Arc};
use core::{net::SocketAddr, time::Duration};
use std::{
    io::{self, ErrorKind},
    net::{TcpStream, ToSocketAddrs as _},
    sync::mpsc,
    thread,
    time::Instant,
};

#[cfg(feature = "rustls")]
use super::tls;
use super::{ClientStream, WebSocket, handshake::client_within, io::Io};
use crate::{
    adapter,
    adapter::{Error, random_seed},
    client::{ConnectGate, Connector, Dial, Ended, LimitedRace, Next, Opened, Turn},
    config::Config,
    driver::{HandshakeDriver, Limit},
    handshake::{ClientRequest, Response},
};

/// Opens a connection to the host of `request`, as [`connect_with`] does with the defaults of a
/// [`Connector`]. A `wss` URI needs feature `tls`.
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

/// Opens a connection to the host of `request`, as the connector says: TCP, perhaps a proxy and TLS, then
/// WebSocket.
///
/// The addresses of the host are raced (RFC 8305, see [`AddressRace`](crate::client::AddressRace)).
/// [`Config::handshake_timeout`] bounds everything together: TCP, proxy, TLS, the opening handshake and all
/// redirects. The lookup of the host counts, but the system does not let it be interrupted. Waiting
/// for a turn at a [`ConnectGate`] does not count.
///
/// A host with several addresses costs a thread for each one that is tried. Those that lose
/// the race end when their connection is open or has failed, at most after the same time, and
/// keep their turn until then. One that still waits for its turn ends when the turn comes.
///
/// # Errors
///
/// - [`Error::Request`] for a text that is no WebSocket URI
/// - [`Error::Io`] when no TCP connection can be opened: the error of the address that failed last, or
///   [`TimedOut`](ErrorKind::TimedOut)
/// - [`Error::Proxy`] when the proxy does not connect
/// - `Error::Tls` when TLS fails; [`Error::TlsRequired`] for a `wss` URI without feature `rustls`
/// - [`Error::Redirect`] for a redirect that is not followed although redirects are
/// - those of [`client`](super::client)
pub fn connect_with(
    connector: &Connector,
    request: impl TryInto<ClientRequest, Error: Into<Error>>,
    config: impl Into<Arc<Config>>,
) -> Result<(WebSocket<ClientStream>, Response), Error> {
    let request = request.try_into().map_err(Into::into)?;
    let mut dial = Dial::new(connector, request, config.into());
    let began = Instant::now();
    loop {
        match try_once(&mut dial, began) {
            Err(Error::Handshake(refused)) if dial.follow(&refused)? => {}
            opened => return opened,
        }
    }
}

/// Opens a connection to where the request goes now.
fn try_once(
    dial: &mut Dial<'_>,
    began: Instant,
) -> Result<(WebSocket<ClientStream>, Response), Error> {
    #[cfg(feature = "rustls")]
    let tls = dial.tls()?;
    #[cfg(not(feature = "rustls"))]
    adapter::without_tls(dial.uri())?;
    let (stream, _turn) = open_tcp(dial, began)?;
    let stream = match dial.proxy() {
        Some(proxy) => {
            let (config, left) = (Arc::clone(&dial.config), dial.left(began.elapsed()));
            let mut driver = HandshakeDriver::proxy(proxy, dial.uri(), config, left)?;
            let mut io = Io::open(stream)?;
            io.shake(&mut driver)?;
            io.stream
        }
        None => stream,
    };
    #[cfg(feature = "rustls")]
    let stream = match tls {
        Some(tls) => {
            let left = dial.left(began.elapsed());
            ClientStream::secure(tls::connect(stream, &tls, dial.uri().server_name(), left)?)
        }
        None => ClientStream::plain(stream),
    };
    #[cfg(not(feature = "rustls"))]
    let stream = ClientStream::plain(stream);
    let left = dial.left(began.elapsed());
    client_within(stream, dial.request.clone(), Arc::clone(&dial.config), random_seed()?, left)
}

/// Opens a TCP connection to the host or its proxy.
fn open_tcp(dial: &mut Dial<'_>, began: Instant) -> Result<(TcpStream, Option<Turn>), Error> {
    let turn = match dial.named_gate() {
        Some((gate, name)) => {
            let (waiting, turn) = (Instant::now(), gate.enter_blocking(name));
            dial.waited(waiting.elapsed());
            Some(turn)
        }
        None => None,
    };
    let addresses = match dial.addresses() {
        Some(addresses) => addresses,
        None => {
            let found = dial.tcp_host().to_socket_addrs();
            found.map_err(|error| adapter::lookup_failed(dial, error))?.collect()
        }
    };
    let opened = open(dial.race(addresses, began.elapsed()));
    let Opened { stream, turn: own, waited } =
        opened.map_err(|error| adapter::connect_failed(dial, error))?;
    dial.waited(waited);
    Ok((stream, turn.or(own)))
}

/// Opens a TCP connection to one of the addresses of a race.
pub(crate) fn open(mut race: LimitedRace) -> io::Result<Opened<TcpStream>> {
    let began = Instant::now();
    if let Some(address) = race.only {
        // No thread is needed.
        let left = match race.next(Duration::ZERO)? {
            Next::Start(_, left) => left,
            Next::Wait(_) => None,
        };
        let ended = attempt(address, race.gate.as_ref(), left, || true);
        return match race.ended(ended) {
            Some(opened) => Ok(opened),
            None => {
                Err(race.next(began.elapsed()).err().unwrap_or_else(|| ErrorKind::TimedOut.into()))
            }
        };
    }
    let (ends, ended) = mpsc::channel();
    // The attempts hold a `Weak` of it: it is gone when the race is over.
    let undecided = Arc::new(());
    loop {
        let ended = match race.next(began.elapsed())? {
            Next::Start(address, left) => {
                let (ends, gate) = (ends.clone(), race.gate.clone());
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
