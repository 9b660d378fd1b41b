//! TLS over a blocking stream, for one thread or for two.

use alloc::{sync::Arc, vec, vec::Vec};
use core::{fmt, time::Duration};
use std::{
    io::{self, BufRead as _, Cursor, ErrorKind, IoSlice, Read, Write},
    net::TcpStream,
    sync::{Mutex, MutexGuard, PoisonError, TryLockError},
};

use rustls::Connection;

use super::Stream;
use crate::tls::{Peer, TlsError, TlsInfo};

/// TLS over a blocking stream, after the handshake. [`accept_tls`](super::accept_tls) and `client_tls` make
/// it.
///
/// One handle can read while another one writes: [`try_clone`](Self::try_clone) and
/// [`share`](Self::share) make a second one, for
/// [`WebSocket::into_split`](super::WebSocket::into_split). A read that waits holds up no write.
///
/// Errors of TLS become `Error::Tls`. A stream that ends without TLS's own end (`close_notify`) fails with
/// [`UnexpectedEof`](ErrorKind::UnexpectedEof), which a WebSocket takes for an end like any other.
///
/// ```no_run
/// use framewise::{Config, blocking, handshake::Acceptance, tls::ServerTls};
///
/// # fn serve(stream: std::net::TcpStream, tls: &ServerTls) -> Result<(), framewise::Error> {
/// let incoming = blocking::accept_tls(stream, tls, Config::default())?;
/// println!("{:?} from {}", incoming.stream().tls(), incoming.stream().transport().peer_addr()?);
/// let websocket = incoming.accept(Acceptance::new())?;
/// let clone = websocket.stream().try_clone()?;
/// let (mut reader, mut writer) = websocket.into_split(clone);
/// # Ok(())
/// # }
/// ```
pub struct TlsStream<S> {
    stream: S,
    shared: Arc<Shared>,
}

/// What all handles of a stream share. Reads of the stream hold the first lock, writes the second. No thread
/// waits for one while it holds the other. The session is locked last, and not during reads and writes.
struct Shared {
    received: Mutex<Received>,
    /// Encrypted records that the stream has not taken yet. Empty between writes, unless one could not be
    /// finished.
    unwritten: Mutex<Cursor<Vec<u8>>>,
    session: Mutex<Session>,
}

/// Encrypted bytes that were read, and not passed to the session.
#[derive(Default)]
struct Received {
    buf: Vec<u8>,
    start: usize,
    end: usize,
}

struct Session {
    connection: Connection,
    /// Whether the peer may still refuse what a client has sent in the handshake of TLS 1.3. Cleared when
    /// something has come.
    unconfirmed: bool,
}

impl<S> TlsStream<S> {
    /// Wraps a stream after the handshake.
    pub(super) fn new(stream: S, connection: Connection) -> Self {
        let unconfirmed = matches!(connection, Connection::Client(_));
        let shared = Shared {
            received: Mutex::default(),
            unwritten: Mutex::default(),
            session: Mutex::new(Session { connection, unconfirmed }),
        };
        Self { stream, shared: Arc::new(shared) }
    }

    /// Returns what TLS has agreed on, and the certificates of the peer.
    #[must_use]
    pub fn tls(&self) -> TlsInfo {
        match &lock(&self.shared.session).connection {
            Connection::Client(connection) => TlsInfo::of_client(connection),
            Connection::Server(connection) => TlsInfo::of_server(connection),
        }
    }

    /// Returns the stream below TLS, to ask it for the address of the peer, for instance.
    #[must_use]
    pub const fn transport(&self) -> &S {
        &self.stream
    }

    /// Returns a second handle of this TLS stream. `handle` is a second handle of the stream below it.
    #[must_use]
    pub fn share(&self, handle: S) -> Self {
        Self { stream: handle, shared: Arc::clone(&self.shared) }
    }
}

impl TlsStream<TcpStream> {
    /// Returns a second handle, for [`WebSocket::into_split`](super::WebSocket::into_split).
    ///
    /// # Errors
    ///
    /// The socket's own.
    pub fn try_clone(&self) -> io::Result<Self> {
        self.stream.try_clone().map(|handle| self.share(handle))
    }
}

impl<S: Read + Write> TlsStream<S> {
    /// Encrypts what `write` passes on, and writes it as far as the stream takes it.
    fn send(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let sent = self.encrypt(write);
        sent.map_err(|error| self.reason(error))
    }

    fn encrypt(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let shared = &*self.shared;
        let mut unwritten = lock(&shared.unwritten);
        // No more is encrypted than one write takes: what is pending stays bounded.
        push(&mut unwritten, &mut self.stream)?;
        let len = {
            let connection = &mut lock(&shared.session).connection;
            let len = write(&mut connection.writer())?;
            pull(connection, &mut unwritten)?;
            len
        };
        match push(&mut unwritten, &mut self.stream) {
            // The rest comes in front of the next write.
            Err(error) if is_pending(error.kind()) => Ok(len),
            pushed => pushed.map(|()| len),
        }
    }

    /// Writes all that is pending.
    fn push_all(&mut self) -> io::Result<()> {
        let mut unwritten = lock(&self.shared.unwritten);
        pull(&mut lock(&self.shared.session).connection, &mut unwritten)?;
        push(&mut unwritten, &mut self.stream)
    }

    /// Looks for an alert after a failed write. A server that refuses a client after the handshake sends
    /// one and closes, so the write may fail first.
    fn reason(&mut self, failure: io::Error) -> io::Error {
        let is_reset = matches!(
            failure.kind(),
            ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
        );
        if !is_reset || !lock(&self.shared.session).unconfirmed {
            return failure;
        }
        let shared = &*self.shared;
        let Some(mut received) = try_lock(&shared.received) else { return failure };
        loop {
            let mut session = lock(&shared.session);
            // What the server has sent stays, to be read.
            let more = session.connection.reader().fill_buf().map(drop);
            if !more.is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {
                return failure;
            }
            match session.feed(&mut received) {
                Ok(true) => continue,
                Ok(false) => drop(session),
                Err(error) => return error,
            }
            if shared.receive(&mut received, &mut self.stream).is_err() {
                return failure;
            }
        }
    }
}

impl Shared {
    /// Decrypts into `buf` what has come. [`WouldBlock`](ErrorKind::WouldBlock) when that is nothing.
    fn decrypt(&self, received: &mut Received, buf: &mut [u8]) -> io::Result<usize> {
        let mut session = lock(&self.session);
        let mut len = 0;
        loop {
            let rest = buf.get_mut(len..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(len);
            }
            let read = match session.connection.reader().read(rest) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    match session.feed(received) {
                        Ok(true) => continue,
                        Ok(false) => Err(error),
                        failed => failed.map(|_| 0),
                    }
                }
                read => read,
            };
            match read {
                Ok(0) => return Ok(len),
                Ok(more) => {
                    session.unconfirmed = false;
                    len = len.saturating_add(more);
                }
                // An error comes again.
                Err(_) if len > 0 => return Ok(len),
                Err(error) => return Err(TlsError::within(error, peer(&session.connection))),
            }
        }
    }

    /// Reads encrypted bytes once, all that came before being decrypted.
    fn receive(&self, received: &mut Received, stream: &mut impl Read) -> io::Result<()> {
        if received.buf.is_empty() {
            received.buf = vec![0; BUFFER_LEN];
        }
        let len = stream.read(&mut received.buf)?;
        (received.start, received.end) = (0, len);
        if len == 0 {
            lock(&self.session).connection.read_tls(&mut io::empty())?;
        }
        Ok(())
    }
}

impl Session {
    /// Takes some of what was received; returns whether there was any.
    fn feed(&mut self, received: &mut Received) -> io::Result<bool> {
        let mut rest = received.buf.get(received.start..received.end).unwrap_or_default();
        let fed = if rest.is_empty() { 0 } else { self.connection.read_tls(&mut rest)? };
        received.start = received.start.saturating_add(fed);
        let peer = peer(&self.connection);
        let processed = self.connection.process_new_packets();
        processed.map_err(|error| TlsError::of_session(error, peer).into_io())?;
        Ok(fed > 0)
    }
}

impl<S: Read + Write> Read for TlsStream<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let shared = &*self.shared;
        let mut received = lock(&shared.received);
        loop {
            match shared.decrypt(&mut received, buf) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    // Without the session: others go on writing.
                    shared.receive(&mut received, &mut self.stream)?;
                }
                Err(error) => {
                    // The peer gets the alert, if nothing has to be written in front of it.
                    if let Some(mut unwritten) = try_lock(&shared.unwritten)
                        && unwritten.fill_buf().is_ok_and(<[u8]>::is_empty)
                    {
                        let _ = pull(&mut lock(&shared.session).connection, &mut unwritten);
                        let _ = push(&mut unwritten, &mut self.stream);
                    }
                    return Err(error);
                }
                read => return read,
            }
        }
    }
}

impl<S: Read + Write> Write for TlsStream<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.send(|session| session.write(buf))
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.send(|session| session.write_vectored(bufs))
    }

    fn flush(&mut self) -> io::Result<()> {
        let pushed = self.push_all();
        pushed.and_then(|()| self.stream.flush()).map_err(|error| self.reason(error))
    }
}

impl<S: Stream> Stream for TlsStream<S> {
    fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<bool> {
        self.stream.set_read_timeout(timeout)
    }

    fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<bool> {
        self.stream.set_write_timeout(timeout)
    }

    fn set_nodelay(&self) -> io::Result<()> {
        self.stream.set_nodelay()
    }

    /// Sends `close_notify`, unless another handle is in the middle of a write: ending the stream ends that
    /// write, too.
    fn shutdown_write(&mut self) -> io::Result<()> {
        let notified = match try_lock(&self.shared.unwritten) {
            None => Ok(()),
            Some(mut unwritten) => {
                let connection = &mut lock(&self.shared.session).connection;
                connection.send_close_notify();
                pull(connection, &mut unwritten)
                    .and_then(|()| push(&mut unwritten, &mut self.stream))
            }
        };
        self.stream.shutdown_write().and(notified)
    }
}

/// Shows the stream below, not the session.
impl<S: fmt::Debug> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").field("transport", &self.stream).finish_non_exhaustive()
    }
}

/// Moves what the session has to send behind what is pending.
fn pull(connection: &mut Connection, unwritten: &mut Cursor<Vec<u8>>) -> io::Result<()> {
    while connection.wants_write() {
        connection.write_tls(unwritten.get_mut())?;
    }
    Ok(())
}

/// Writes what is pending.
fn push(unwritten: &mut Cursor<Vec<u8>>, stream: &mut impl Write) -> io::Result<()> {
    loop {
        let rest = unwritten.fill_buf()?;
        if rest.is_empty() {
            // Connections at rest hold no memory for it.
            *unwritten = Cursor::default();
            return Ok(());
        }
        match stream.write(rest)? {
            0 => return Err(ErrorKind::WriteZero.into()),
            len => unwritten.consume(len),
        }
    }
}

/// Returns the other end, as messages name it.
pub(super) const fn peer(connection: &Connection) -> Peer<'static> {
    match connection {
        Connection::Client(_) => Peer::Server(None),
        Connection::Server(_) => Peer::Client,
    }
}

/// Returns whether the same call may succeed later, and nothing was lost.
const fn is_pending(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Interrupted | ErrorKind::TimedOut | ErrorKind::WouldBlock)
}

/// What a panicking thread leaves is whole: it has changed a session in one call, or not at all.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// How much is read at once: a record of the largest size, with its head and what encryption adds.
const BUFFER_LEN: usize = 16_384 + 256 + 5;
