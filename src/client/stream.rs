//! The stream that `connect` opens, in both adapters.

/// Defines `ClientStream` over a TCP stream, with everything but I/O.
macro_rules! client_stream {
    ($tcp:ty; $(#[$docs:meta])*) => {
        $(#[$docs])*
        #[derive(Debug)]
        pub struct ClientStream {
            tcp: $tcp,
        }

        impl ClientStream {
            pub(super) const fn plain(tcp: $tcp) -> Self {
                Self { tcp }
            }

            /// Returns the TCP stream, or this stream if something lies between the two, such as TLS.
            ///
            /// # Errors
            ///
            /// This stream, unless it is plain TCP. All are today, since `connect` refuses `wss`.
            pub fn try_into_tcp(self) -> Result<$tcp, Self> {
                Ok(self.tcp)
            }

            /// Returns the address of the server.
            ///
            /// # Errors
            ///
            /// The socket's own.
            pub fn peer_addr(&self) -> io::Result<SocketAddr> {
                self.tcp.peer_addr()
            }

            /// Returns the address of this end.
            ///
            /// # Errors
            ///
            /// The socket's own.
            pub fn local_addr(&self) -> io::Result<SocketAddr> {
                self.tcp.local_addr()
            }

            /// Returns whether small writes are sent at once (`TCP_NODELAY`). `connect` sets this.
            ///
            /// # Errors
            ///
            /// The socket's own.
            pub fn nodelay(&self) -> io::Result<bool> {
                self.tcp.nodelay()
            }

            /// Sets whether small writes are sent at once (`TCP_NODELAY`).
            ///
            /// # Errors
            ///
            /// The socket's own.
            pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
                self.tcp.set_nodelay(nodelay)
            }
        }
    };
}

pub(crate) use client_stream;
