//! The stream that `connect` opens, in both adapters.

/// Defines `ClientStream` over a TCP stream, with everything but I/O.
macro_rules! client_stream {
    ($tcp:ty; $(#[$docs:meta])*) => {
        $(#[$docs])*
        #[derive(Debug)]
        pub struct ClientStream {
            inner: Inner,
        }

        #[derive(Debug)]
        enum Inner {
            Plain($tcp),
            #[cfg(feature = "rustls")]
            Tls(TlsStream<$tcp>),
        }

        impl ClientStream {
            pub(super) const fn plain(tcp: $tcp) -> Self {
                Self { inner: Inner::Plain(tcp) }
            }

            #[cfg(feature = "rustls")]
            #[allow(dead_code, reason = "for `connect`")]
            pub(super) const fn secure(tls: TlsStream<$tcp>) -> Self {
                Self { inner: Inner::Tls(tls) }
            }

            /// Returns the TCP stream, or this stream if TLS lies between the two.
            ///
            /// # Errors
            ///
            /// This stream, unless it is plain TCP.
            pub fn try_into_tcp(self) -> Result<$tcp, Self> {
                match self.inner {
                    Inner::Plain(tcp) => Ok(tcp),
                    #[cfg(feature = "rustls")]
                    Inner::Tls(_) => Err(self),
                }
            }

            /// Returns what TLS has agreed on, and the certificates of the server. `None` for plain TCP.
            #[cfg(feature = "rustls")]
            #[must_use]
            pub fn tls(&self) -> Option<TlsInfo> {
                match &self.inner {
                    Inner::Plain(_) => None,
                    Inner::Tls(tls) => Some(tls.tls()),
                }
            }

            /// Returns the address of the server.
            ///
            /// # Errors
            ///
            /// The socket's own.
            pub fn peer_addr(&self) -> io::Result<SocketAddr> {
                self.tcp().peer_addr()
            }

            /// Returns the address of this end.
            ///
            /// # Errors
            ///
            /// The socket's own.
            pub fn local_addr(&self) -> io::Result<SocketAddr> {
                self.tcp().local_addr()
            }

            /// Returns whether small writes are sent at once (`TCP_NODELAY`). `connect` sets this.
            ///
            /// # Errors
            ///
            /// The socket's own.
            pub fn nodelay(&self) -> io::Result<bool> {
                self.tcp().nodelay()
            }

            /// Sets whether small writes are sent at once (`TCP_NODELAY`).
            ///
            /// # Errors
            ///
            /// The socket's own.
            pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
                self.tcp().set_nodelay(nodelay)
            }

            fn tcp(&self) -> &$tcp {
                match &self.inner {
                    Inner::Plain(tcp) => tcp,
                    #[cfg(feature = "rustls")]
                    Inner::Tls(tls) => tls.transport(),
                }
            }
        }
    };
}

/// Calls a method of whichever stream is there.
macro_rules! of_either {
    ($inner:expr, $stream:ident => $call:expr) => {
        match $inner {
            Inner::Plain($stream) => $call,
            #[cfg(feature = "rustls")]
            Inner::Tls($stream) => $call,
        }
    };
}

pub(crate) use {client_stream, of_either};
