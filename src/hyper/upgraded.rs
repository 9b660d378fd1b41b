//! The stream that hyper hands over.

use core::{
    pin::Pin,
    task::{Context, Poll, ready},
};
use std::io::{self, ErrorKind, IoSlice};

use ::hyper::rt::{Read as _, Write as _};
use http::Version;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection that hyper has handed over, or one stream of an HTTP/2 connection.
///
/// ```
/// use framewise::{hyper::Upgraded, tokio::WebSocket};
///
/// /// A connection of a server that runs on hyper.
/// struct Client {
///     websocket: WebSocket<Upgraded>,
/// }
/// ```
#[derive(Debug)]
pub struct Upgraded {
    stream: ::hyper::upgrade::Upgraded,
    is_multiplexed: bool,
}

impl Upgraded {
    pub(super) fn new(stream: ::hyper::upgrade::Upgraded, version: Version) -> Self {
        Self { stream, is_multiplexed: version > Version::HTTP_11 }
    }

    /// Returns hyper's stream, from which [`downcast`](::hyper::upgrade::Upgraded::downcast) takes the
    /// one that the program gave to hyper.
    #[must_use]
    pub fn into_inner(self) -> ::hyper::upgrade::Upgraded {
        self.stream
    }

    /// Returns how much to write at once.
    ///
    /// hyper copies everything that is written to a stream of HTTP/2, even if the peer's window is full.
    fn piece<'b>(&self, buf: &'b [u8]) -> &'b [u8] {
        if self.is_multiplexed { buf.get(..PIECE).unwrap_or(buf) } else { buf }
    }

    /// Returns the error with a kind that says what happened. For a stream of HTTP/2, hyper has none for most
    /// codes of a reset, and a broken pipe for STREAM_CLOSED and for the end of the connection.
    fn told(&self, error: io::Error) -> io::Error {
        match error.kind() {
            ErrorKind::BrokenPipe | ErrorKind::Other if self.is_multiplexed => {
                io::Error::new(ErrorKind::ConnectionReset, error)
            }
            _ => error,
        }
    }
}

impl AsyncRead for Upgraded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut own = ::hyper::rt::ReadBuf::new(buf.initialize_unfilled());
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, own.unfilled()));
        let len = own.filled().len();
        buf.advance(len);
        Poll::Ready(read.map_err(|error| self.told(error)))
    }
}

impl AsyncWrite for Upgraded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let piece = self.piece(buf);
        let written = Pin::new(&mut self.stream).poll_write(cx, piece);
        written.map_err(|error| self.told(error))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.is_multiplexed {
            let first = bufs.iter().find(|buf| !buf.is_empty());
            return self.poll_write(cx, first.map_or(&[], |buf| &**buf));
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        !self.is_multiplexed && self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        flushed.map_err(|error| self.told(error))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        shut.map_err(|error| self.told(error))
    }
}

/// How much one write takes over HTTP/2: what its flow control lets a peer send before it has said more (RFC
/// 9113 §6.9.2), about.
const PIECE: usize = 64 << 10;
