//! What the blocking adapter asks of a stream.

#[cfg(feature = "connect")]
use core::net::SocketAddr;
use core::time::Duration;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
};

#[cfg(all(feature = "connect", feature = "rustls"))]
use super::TlsStream;
#[cfg(feature = "connect")]
use crate::client::{client_stream, of_either};
#[cfg(all(feature = "connect", feature = "rustls"))]
use crate::tls::TlsInfo;

/// A blocking stream of bytes.
///
/// Beyond reading and writing, a stream may know timeouts and how to end one direction. The
/// provided methods know neither: timers are then looked at only when bytes arrive. Implement the
/// trait, with an empty body if need be, for streams of your own; [`Plain`] is for those of others.
///
/// ```
/// use std::{io::{self, Read, Write}, net::{Shutdown, TcpStream}, time::Duration};
/// use framewise::blocking::Stream;
///
/// /// A TLS stream, for instance, over a TCP stream.
/// struct Wrapped<T> { tls: T, tcp: TcpStream }
///
/// impl<T: Read> Read for Wrapped<T> {
///     fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> { self.tls.read(buf) }
/// }
/// impl<T: Write> Write for Wrapped<T> {
///     fn write(&mut self, buf: &[u8]) -> io::Result<usize> { self.tls.write(buf) }
///     fn flush(&mut self) -> io::Result<()> { self.tls.flush() }
/// }
/// impl<T: Read + Write> Stream for Wrapped<T> {
///     fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<bool> {
///         self.tcp.set_read_timeout(timeout).map(|()| true)
///     }
///     fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<bool> {
///         self.tcp.set_write_timeout(timeout).map(|()| true)
///     }
///     fn set_nodelay(&self) -> io::Result<()> {
///         self.tcp.set_nodelay(true)
///     }
///     fn shutdown_write(&mut self) -> io::Result<()> {
///         // Have the TLS library send its own end (close_notify) here.
///         self.tls.flush()?;
///         self.tcp.shutdown(Shutdown::Write)
///     }
/// }
/// ```
pub trait Stream: Read + Write {
    /// Limits the time that a read waits, after which it fails with
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) or [`TimedOut`](io::ErrorKind::TimedOut). Returns
    /// whether the stream knows timeouts.
    ///
    /// # Errors
    ///
    /// The stream's own.
    fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<bool> {
        let _ = timeout;
        Ok(false)
    }

    /// Limits the time that a write waits, in the same way.
    ///
    /// # Errors
    ///
    /// The stream's own.
    fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<bool> {
        let _ = timeout;
        Ok(false)
    }

    /// Has small writes sent at once (`TCP_NODELAY`), where the stream knows that. Called when an
    /// opening handshake begins.
    ///
    /// # Errors
    ///
    /// The stream's own.
    fn set_nodelay(&self) -> io::Result<()> {
        Ok(())
    }

    /// Ends the direction to the peer, which can then read to the end what was written.
    ///
    /// # Errors
    ///
    /// The stream's own.
    fn shutdown_write(&mut self) -> io::Result<()> {
        self.flush()
    }
}

/// Any stream, without what this crate could set on it: timeouts, `TCP_NODELAY`.
///
/// Timers are then looked at only when bytes arrive. Set `TCP_NODELAY` yourself, before you make a TLS
/// stream of a TCP stream, for instance.
///
/// ```
/// use std::io::Cursor;
/// use framewise::{Config, Connection, blocking::{Plain, WebSocket}};
///
/// let stream = Plain(Cursor::new(Vec::new()));
/// let _websocket = WebSocket::new(stream, Connection::server(Config::default()));
/// ```
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "a wrapper")]
pub struct Plain<S>(pub S);

impl<S: Read> Read for Plain<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl<S: Write> Write for Plain<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(buf)
    }

    fn write_vectored(&mut self, bufs: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.0.write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<S: Read + Write> Stream for Plain<S> {}

macro_rules! impl_for_socket {
    ($socket:ty, |$this:ident| $nodelay:expr) => {
        impl Stream for $socket {
            fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<bool> {
                <$socket>::set_read_timeout(self, timeout).map(|()| true)
            }

            fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<bool> {
                <$socket>::set_write_timeout(self, timeout).map(|()| true)
            }

            fn set_nodelay(&self) -> io::Result<()> {
                let $this = self;
                $nodelay
            }

            fn shutdown_write(&mut self) -> io::Result<()> {
                self.shutdown(Shutdown::Write)
            }
        }
    };
}

impl_for_socket!(TcpStream, |socket| TcpStream::set_nodelay(socket, true));
#[cfg(unix)]
impl_for_socket!(UnixStream, |_socket| Ok(()));

#[cfg(feature = "connect")]
client_stream! {
    TcpStream;

    /// The stream that [`connect`](super::connect) opens: TCP, or TLS over TCP for a `wss` URI (feature
    /// `rustls`).
    ///
    /// ```no_run
    /// use framewise::{Config, blocking};
    ///
    /// # fn main() -> Result<(), framewise::Error> {
    /// let (websocket, _response) = blocking::connect("ws://127.0.0.1:9001/", Config::default())?;
    /// println!("connected to {}", websocket.stream().peer_addr()?);
    /// let clone = websocket.stream().try_clone()?;
    /// let (mut reader, mut writer) = websocket.into_split(clone);
    /// # Ok(())
    /// # }
    /// ```
}

#[cfg(feature = "connect")]
impl ClientStream {
    /// Returns a second handle of the stream, for [`WebSocket::into_split`](super::WebSocket::into_split).
    ///
    /// # Errors
    ///
    /// The socket's own.
    pub fn try_clone(&self) -> io::Result<Self> {
        match &self.inner {
            Inner::Plain(tcp) => tcp.try_clone().map(Self::plain),
            #[cfg(feature = "rustls")]
            Inner::Tls(tls) => tls.try_clone().map(Self::secure),
        }
    }
}

#[cfg(feature = "connect")]
impl Read for ClientStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        of_either!(&mut self.inner, stream => stream.read(buf))
    }
}

#[cfg(feature = "connect")]
impl Write for ClientStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        of_either!(&mut self.inner, stream => stream.write(buf))
    }

    fn write_vectored(&mut self, bufs: &[io::IoSlice<'_>]) -> io::Result<usize> {
        of_either!(&mut self.inner, stream => stream.write_vectored(bufs))
    }

    fn flush(&mut self) -> io::Result<()> {
        of_either!(&mut self.inner, stream => stream.flush())
    }
}

#[cfg(feature = "connect")]
impl Stream for ClientStream {
    fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<bool> {
        Stream::set_read_timeout(self.tcp(), timeout)
    }

    fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<bool> {
        Stream::set_write_timeout(self.tcp(), timeout)
    }

    fn set_nodelay(&self) -> io::Result<()> {
        Stream::set_nodelay(self.tcp())
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        of_either!(&mut self.inner, stream => stream.shutdown_write())
    }
}
