//! The opening handshake over a stream, in every adapter.

/// What leads to a WebSocket: requests that await a decision, and the functions that wait for them.
///
/// Async adapters pass `async` and `await`. They box what the handshake alone needs: a task is as large as
/// the largest future that it ever waits for, for as long as it lives.
macro_rules! opening {
    (
        for ($($stream:tt)+)$(, $async:tt, $await:tt)?;
        $(#[$requested:meta])* Requested;
        $(#[$incoming:meta])* Incoming;
    ) => {
        $(#[$requested])*
        #[derive(Debug)]
        pub struct Requested<S> {
            io: Io<S>,
            pub(super) request: Request,
            config: Arc<Config>,
            unread: Unread,
        }

        $(#[$incoming])*
        #[derive(Debug)]
        pub struct Incoming<S> {
            io: Io<S>,
            upgrade: Upgrade,
            config: Arc<Config>,
            unread: Unread,
        }

        /// Reads a client's opening handshake from `stream`, at most for
        /// [`Config::handshake_timeout`](crate::Config::handshake_timeout) where the stream knows time
        /// limits. Returns the request, for the program to accept or reject.
        ///
        /// To accept every request, call [`accept_any`]. To answer plain HTTP requests, call
        /// [`receive_request`].
        ///
        /// A request that is not valid, or late, is answered and the stream closed, which takes up to
        /// [`Config::close_timeout`](crate::Config::close_timeout) more.
        ///
        /// Small messages leave at once only with `TCP_NODELAY`. The adapters `blocking` and `polled` set
        /// it, if their stream can. With tokio, and below TLS, set it yourself.
        ///
        /// # Errors
        ///
        /// [`Error::Handshake`] when the request is not valid or does not come in time, [`Error::Io`]
        /// when the stream fails.
        pub $($async)? fn accept<S: $($stream)+>(
            stream: S,
            config: impl Into<Arc<Config>>,
        ) -> Result<Incoming<S>, Error> {
            receive_request(stream, config)$(.$await)? ?.upgrade()$(.$await)?
        }

        /// Reads a client's opening handshake from `stream`, as [`accept`] does, and accepts any valid
        /// request: whatever its path, its origin and its header fields, without a subprotocol.
        ///
        /// Browsers open connections for the pages of any site, with the user's cookies (RFC 6455
        /// §10.2). A server that trusts cookies calls [`accept`] and looks at the origin.
        ///
        /// # Errors
        ///
        /// Those of [`accept`].
        pub $($async)? fn accept_any<S: $($stream)+>(
            stream: S,
            config: impl Into<Arc<Config>>,
        ) -> Result<WebSocket<S>, Error> {
            accept(stream, config)$(.$await)? ?.accept(Acceptance::new())$(.$await)?
        }

        /// Reads any HTTP request from `stream`, as [`accept`] does, and leaves it to the program to
        /// open a connection or to answer it.
        ///
        /// # Errors
        ///
        /// [`Error::Handshake`] when what came is no HTTP request, or does not come in time, and was
        /// answered; [`Error::Io`] when the stream fails.
        pub $($async)? fn receive_request<S: $($stream)+>(
            stream: S,
            config: impl Into<Arc<Config>>,
        ) -> Result<Requested<S>, Error> {
            let config = config.into();
            let limit = if_on(config.handshake_timeout);
            boxed!($($async $await)? { receive_within(stream, config, limit)$(.$await)? })
        }

        /// Does what [`receive_request`] does, within what is left of the timeout. Not boxed.
        pub(super) $($async)? fn receive_within<S: $($stream)+>(
            stream: S,
            config: Arc<Config>,
            limit: Option<Duration>,
        ) -> Result<Requested<S>, Error> {
            let mut io = Io::open(stream)?;
            let mut driver =
                HandshakeDriver::request(Arc::clone(&config)).stamp(dated).with_limit(limit);
            io.shake(&mut driver)$(.$await)? ?;
            let (request, unread) = driver.finish().ok_or(HandshakeError::UnexpectedEof)?;
            Ok(Requested { io, request, config, unread })
        }

        /// Sends `request` over `stream` and waits for the response, at most for
        /// [`Config::handshake_timeout`](crate::Config::handshake_timeout) where the stream knows time
        /// limits.
        ///
        /// `request` is a URI or a [`ClientRequest`], as for `connect`. The stream carries the TLS of a
        /// `wss` URI already. [`Uri::host_and_port`](crate::handshake::Uri::host_and_port) and
        /// [`Uri::server_name`](crate::handshake::Uri::server_name) say where to connect it to.
        ///
        /// The caller ensures at most one pending handshake per address where RFC 6455 §4.1 matters,
        /// for instance with a [`ConnectGate`](crate::client::ConnectGate). Where a proxy resolves
        /// names, each name counts as an address, and the caller should limit the number of pending
        /// handshakes.
        ///
        /// A stream on which no connection was opened is shut down, at most for
        /// [`Config::close_timeout`](crate::Config::close_timeout), and dropped.
        ///
        /// # Errors
        ///
        /// [`Error::Request`] for a text that is no WebSocket URI; [`Error::Handshake`] when the server does
        /// not open the connection; [`Error::Io`] when the stream fails, or the operating system has no
        /// [`random_seed`](crate::random_seed).
        #[cfg(feature = "connect")]
        pub $($async)? fn client<S: $($stream)+>(
            stream: S,
            request: impl TryInto<ClientRequest, Error: Into<Error>>,
            config: impl Into<Arc<Config>>,
        ) -> Result<(WebSocket<S>, Response), Error> {
            client_with_seed(stream, request, config, random_seed()?)$(.$await)?
        }

        /// Does what `client` (feature `connect`) does, with a seed that you supply.
        ///
        /// `seed` has to be unpredictable and used once only; see
        /// [`Connection::client`](crate::Connection::client).
        ///
        /// # Errors
        ///
        /// [`Error::Request`] for a text that is no WebSocket URI, [`Error::Handshake`] when the server does
        /// not open the connection, [`Error::Io`] when the stream fails.
        pub $($async)? fn client_with_seed<S: $($stream)+>(
            stream: S,
            request: impl TryInto<ClientRequest, Error: Into<Error>>,
            config: impl Into<Arc<Config>>,
            seed: [u8; 32],
        ) -> Result<(WebSocket<S>, Response), Error> {
            let (request, config) = (request.try_into().map_err(Into::into)?, config.into());
            let limit = if_on(config.handshake_timeout);
            boxed!($($async $await)? {
                client_within(stream, request, config, seed, limit)$(.$await)?
            })
        }

        /// Does what [`client_with_seed`] does, within what is left of the timeout. Not boxed.
        pub(super) $($async)? fn client_within<S: $($stream)+>(
            stream: S,
            request: ClientRequest,
            config: Arc<Config>,
            seed: [u8; 32],
            limit: Option<Duration>,
        ) -> Result<(WebSocket<S>, Response), Error> {
            let mut io = Io::open(stream)?;
            let mut driver = HandshakeDriver::client(request, config, seed).with_limit(limit);
            io.shake(&mut driver)$(.$await)? ?;
            let (driver, response) = driver.into_driver().ok_or(HandshakeError::UnexpectedEof)?;
            Ok((WebSocket::with_driver(io, driver), response))
        }

        impl<S: $($stream)+> Requested<S> {
            /// Returns the request.
            pub fn request(&self) -> &Request {
                &self.request
            }

            /// Returns the stream, to ask it for the address of the client, for instance.
            pub fn stream(&self) -> &S {
                &self.io.stream
            }

            /// Checks that the request is one to open a connection. If it is not, it is answered, and
            /// the stream closed.
            ///
            /// # Errors
            ///
            /// [`Error::Handshake`] when the request is not valid.
            pub $($async)? fn upgrade(self) -> Result<Incoming<S>, Error> {
                let Self { mut io, request, config, unread } = self;
                let refused = match request.upgrade() {
                    Ok(upgrade) => return Ok(Incoming { io, upgrade, config, unread }),
                    Err(refused) => refused,
                };
                let response = dated(refused.rejection());
                let response = refused.request.respond(response);
                let mut driver = HandshakeDriver::refusal(response, &config);
                let _ = boxed!($($async $await)? { io.shake(&mut driver)$(.$await)? });
                Err(refused.error.into())
            }

            /// Answers the request with any final status, headers and body, and closes the stream. The
            /// response tells the time (`Date`), unless a field for it is there.
            ///
            /// # Errors
            ///
            /// Those of [`Incoming::reject`].
            pub $($async)? fn respond(mut self, response: Rejection) -> Result<(), Error> {
                let response = self.request.respond(dated(response));
                let mut driver = HandshakeDriver::refusal(response, &self.config);
                boxed!($($async $await)? { self.io.shake(&mut driver)$(.$await)? })
            }
        }

        impl<S: $($stream)+> Incoming<S> {
            /// Returns the request, with its origin, subprotocols and so on.
            pub fn upgrade(&self) -> &Upgrade {
                &self.upgrade
            }

            /// Returns the path that the request is for, without the query. It starts with a slash.
            pub fn path(&self) -> &str {
                self.upgrade.path()
            }

            /// Returns the value of the first header field of that name, in whatever case.
            pub fn header(&self, name: &str) -> Option<&[u8]> {
                self.upgrade.header(name)
            }

            /// Returns the stream, to ask it for the address of the client, for instance.
            pub fn stream(&self) -> &S {
                &self.io.stream
            }

            /// Accepts the request and sends the 101.
            ///
            /// # Errors
            ///
            /// [`Error::Accept`] for a subprotocol that was not offered, and the client gets a 500;
            /// [`Error::Io`] when the stream fails.
            pub $($async)? fn accept(self, acceptance: Acceptance) -> Result<WebSocket<S>, Error> {
                let Self { mut io, upgrade, config, unread } = self;
                boxed!($($async $await)? {
                    match upgrade.accept(acceptance) {
                        Ok(connection) => {
                            let driver = Driver::with_unread(connection, unread);
                            let mut websocket = WebSocket::with_driver(io, driver);
                            websocket.flush()$(.$await)? ?;
                            Ok(websocket)
                        }
                        Err(error) => {
                            let response = dated(Rejection::internal_error()).to_output();
                            let mut driver = HandshakeDriver::refusal(response, &config);
                            let _ = io.shake(&mut driver)$(.$await)?;
                            Err(error.into())
                        }
                    }
                })
            }

            /// Rejects the request, sends the response and closes the stream. The response tells the
            /// time (`Date`), unless a field for it is there.
            ///
            /// # Errors
            ///
            /// [`Error::Io`] when the stream fails, and of kind
            /// [`TimedOut`](std::io::ErrorKind::TimedOut) when the client does not take the response
            /// within [`Config::close_timeout`](crate::Config::close_timeout).
            pub $($async)? fn reject(mut self, rejection: Rejection) -> Result<(), Error> {
                let response = self.upgrade.reject(dated(rejection));
                let mut driver = HandshakeDriver::refusal(response, &self.config);
                boxed!($($async $await)? { self.io.shake(&mut driver)$(.$await)? })
            }
        }
    };
}

/// Runs a block: at once, or in a future on the heap.
macro_rules! boxed {
    ({ $($body:tt)* }) => {
        { $($body)* }
    };
    ($async:tt $await:tt { $($body:tt)* }) => {
        Box::pin($async move { $($body)* }).$await
    };
}
