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

use crate::client::client_stream;

client_stream! {
    TcpStream;

    /// The stream that [`connect`](super::connect) opens: TCP today, and TLS over TCP once `connect`
    /// takes `wss`.
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
        Pin::new(&mut self.tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
