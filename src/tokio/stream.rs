//! The stream that `connect` opens.

use core::{
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};
use std::io::{self, IoSlice};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

#[cfg(feature = "rustls")]
use super::TlsStream;
use crate::client::{client_stream, of_either};
#[cfg(feature = "rustls")]
use crate::tls::TlsInfo;

client_stream! {
    TcpStream;

    /// The stream that [`connect`](super::connect) opens: TCP, or TLS over TCP for a `wss` URI (feature
    /// `rustls`).
    ///
    /// ```no_run
    /// use framewise::{Config, tokio as websocket};
    ///
    /// # async fn talk() -> Result<(), framewise::Error> {
    /// let (websocket, _response) =
    ///     websocket::connect("ws://127.0.0.1:9001/", Config::default()).await?;
    /// println!("connected to {}", websocket.stream().peer_addr()?);
    /// # Ok(())
    /// # }
    /// ```
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        of_either!(&mut self.inner, stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        of_either!(&mut self.inner, stream => Pin::new(stream).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        of_either!(&mut self.inner, stream => Pin::new(stream).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        of_either!(&self.inner, stream => stream.is_write_vectored())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        of_either!(&mut self.inner, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        of_either!(&mut self.inner, stream => Pin::new(stream).poll_shutdown(cx))
    }
}
