//! What the opening handshake asks of a stream, and the stream that `connect` opens.

use alloc::boxed::Box;
#[cfg(feature = "connect")]
use core::net::SocketAddr;
use core::{
    pin::Pin,
    task::{Context, Poll},
};
use std::io::{self, IoSlice};

use tokio::io::{AsyncRead, AsyncWrite, BufReader, BufStream, BufWriter, DuplexStream, ReadBuf};
#[cfg(feature = "connect")]
use tokio::net::TcpStream;
#[cfg(all(feature = "connect", unix))]
use tokio::net::UnixStream;

use crate::blocking::Plain;
#[cfg(feature = "connect")]
use crate::client::client_stream;

/// A stream for the opening handshake, which has it send small writes at once.
///
/// Without `TCP_NODELAY` a small message may wait 40 ms or longer for the answer to the one before
/// it. So `TcpStream` implements this trait (with feature `connect`), and the handshake sets the
/// option. Other sockets, pipes, and buffers around any of them implement it, too.
///
/// - **A TLS stream** goes into [`Plain`]. Set `TCP_NODELAY` on the `TcpStream` first: nobody else
///   does.
/// - **A stream of your own** implements the trait, with an empty body if there is no such option.
/// - **[`WebSocket::new`](super::WebSocket::new)** takes any stream as it is, and sets nothing.
///
/// ```
/// use std::{io, pin::Pin, task::{Context, Poll}};
/// use framewise::tokio::Socket;
/// use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
///
/// /// A stream that counts what it reads.
/// struct Counted<S> { inner: S, read: usize }
///
/// impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
///     fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
///         let before = buf.filled().len();
///         let result = Pin::new(&mut self.inner).poll_read(cx, buf);
///         self.read += buf.filled().len() - before;
///         result
///     }
/// }
/// impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
///     fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
///         Pin::new(&mut self.inner).poll_write(cx, buf)
///     }
///     fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
///         Pin::new(&mut self.inner).poll_flush(cx)
///     }
///     fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
///         Pin::new(&mut self.inner).poll_shutdown(cx)
///     }
/// }
/// impl<S: Socket> Socket for Counted<S> {
///     fn set_nodelay(&self) -> io::Result<()> {
///         self.inner.set_nodelay()
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "the opening handshake does not know how to set `TCP_NODELAY` on `{Self}`",
    label = "is no `framewise::tokio::Socket`",
    note = "TLS and other streams go into a wrapper: `framewise::tokio::Plain(stream)`",
    note = "`TcpStream` and `UnixStream` need feature `connect` of framewise"
)]
pub trait Socket: AsyncRead + AsyncWrite + Unpin {
    /// Has small writes sent at once (`TCP_NODELAY`), where the stream knows that.
    ///
    /// # Errors
    ///
    /// The stream's own.
    fn set_nodelay(&self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(feature = "connect")]
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

#[cfg(feature = "connect")]
impl Socket for TcpStream {
    fn set_nodelay(&self) -> io::Result<()> {
        Self::set_nodelay(self, true)
    }
}

#[cfg(feature = "connect")]
impl Socket for ClientStream {
    fn set_nodelay(&self) -> io::Result<()> {
        self.tcp.set_nodelay(true)
    }
}

#[cfg(all(feature = "connect", unix))]
impl Socket for UnixStream {}
impl Socket for DuplexStream {}
impl<S: AsyncRead + AsyncWrite + Unpin> Socket for Plain<S> {}

macro_rules! impl_for_buffer {
    ($($buffer:ident),*) => {$(
        impl<S: Socket> Socket for $buffer<S> {
            fn set_nodelay(&self) -> io::Result<()> {
                self.get_ref().set_nodelay()
            }
        }
    )*};
}

macro_rules! impl_for_pointer {
    ($($pointer:ty),*) => {$(
        impl<S: Socket + ?Sized> Socket for $pointer {
            fn set_nodelay(&self) -> io::Result<()> {
                S::set_nodelay(self)
            }
        }
    )*};
}

impl_for_buffer!(BufReader, BufStream, BufWriter);
impl_for_pointer!(&mut S, Box<S>);

/// Passes all I/O on to a field.
macro_rules! pass_on {
    ($stream:ty, $field:tt $(, $generic:ident)?) => {
        impl$(<$generic: AsyncRead + Unpin>)? AsyncRead for $stream {
            fn poll_read(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                Pin::new(&mut self.$field).poll_read(cx, buf)
            }
        }

        impl$(<$generic: AsyncWrite + Unpin>)? AsyncWrite for $stream {
            fn poll_write(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.$field).poll_write(cx, buf)
            }

            fn poll_write_vectored(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.$field).poll_write_vectored(cx, bufs)
            }

            fn is_write_vectored(&self) -> bool {
                self.$field.is_write_vectored()
            }

            fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut self.$field).poll_flush(cx)
            }

            fn poll_shutdown(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                Pin::new(&mut self.$field).poll_shutdown(cx)
            }
        }
    };
}

#[cfg(feature = "connect")]
pass_on!(ClientStream, tcp);
pass_on!(Plain<S>, 0, S);
