//! What the blocking adapter asks of a stream.

use core::time::Duration;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
};

/// A blocking stream of octets.
///
/// Beyond reading and writing, a stream may know timeouts and how to end one direction. The
/// provided methods know neither: timers are then looked at only when octets arrive. Implement the
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

    /// Has small writes sent at once (`TCP_NODELAY`), where the stream knows that.
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

/// Any stream, without timeouts.
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

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// Records what it is asked to do.
    #[derive(Default)]
    struct Record(Vec<&'static str>);

    impl Read for Record {
        fn read(&mut self, _buf: &mut [u8]) -> io::Result<usize> {
            self.0.push("read");
            Ok(3)
        }
    }

    impl Write for Record {
        fn write(&mut self, _buf: &[u8]) -> io::Result<usize> {
            self.0.push("write");
            Ok(4)
        }

        fn write_vectored(&mut self, _bufs: &[io::IoSlice<'_>]) -> io::Result<usize> {
            self.0.push("write_vectored");
            Ok(5)
        }

        fn flush(&mut self) -> io::Result<()> {
            self.0.push("flush");
            Ok(())
        }
    }

    #[test]
    fn a_plain_stream_does_what_its_stream_does_and_is_flushed_at_its_end() {
        let mut stream = Plain(Record::default());
        assert_eq!(stream.read(&mut []).unwrap(), 3);
        assert_eq!(stream.write(&[]).unwrap(), 4);
        assert_eq!(stream.write_vectored(&[]).unwrap(), 5);
        stream.flush().unwrap();
        assert_eq!(stream.0.0, ["read", "write", "write_vectored", "flush"]);
        stream.shutdown_write().unwrap();
        assert_eq!(stream.0.0.last(), Some(&"flush"));
        assert_eq!(stream.0.0.len(), 5);
    }
}
