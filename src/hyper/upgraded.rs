//! The stream that hyper hands over.

use core::{
    pin::Pin,
    task::{Context, Poll, ready},
};
use std::io::{self, IoSlice};

use ::hyper::rt::{Read as _, Write as _};
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
pub struct Upgraded(::hyper::upgrade::Upgraded);

impl Upgraded {
    pub(super) const fn new(stream: ::hyper::upgrade::Upgraded) -> Self {
        Self(stream)
    }

    /// Returns hyper's stream, from which [`downcast`](::hyper::upgrade::Upgraded::downcast) takes the
    /// one that the program gave to hyper.
    #[must_use]
    pub fn into_inner(self) -> ::hyper::upgrade::Upgraded {
        self.0
    }
}

impl AsyncRead for Upgraded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut read = ::hyper::rt::ReadBuf::new(buf.initialize_unfilled());
        ready!(Pin::new(&mut self.0).poll_read(cx, read.unfilled()))?;
        let len = read.filled().len();
        buf.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Upgraded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        // A stream of HTTP/2 copies all that it is given, before it knows when the peer will take it.
        let piece = buf.get(..MAX_WRITE).unwrap_or(buf);
        Pin::new(&mut self.0).poll_write(cx, piece)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.0.is_write_vectored() {
            return Pin::new(&mut self.0).poll_write_vectored(cx, bufs);
        }
        let first = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| buf);
        self.poll_write(cx, first)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// How much one write takes: what the flow control of HTTP/2 lets a peer send before it has said more (RFC
/// 9113 §6.9.2), about.
const MAX_WRITE: usize = 64 * 1024;
