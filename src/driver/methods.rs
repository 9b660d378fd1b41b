//! The methods that bindings give to whole WebSockets and their halves, written once.
//!
//! A type that reads provides `events`, which waits until its `driver` has a batch, and one that
//! writes provides `goal` and `queue`. Async types pass `async`, `await` and what to say of dropped
//! futures.

/// Methods of what reads from a connection.
#[cfg(feature = "std")]
macro_rules! reading_methods {
    ($machine:ty $(, $async:tt, $await:tt)?) => {
        /// Returns the events that are left of the last read. When there are none, writes what is
        /// queued and waits for input.
        ///
        /// Returns `None` when the connection has ended.
        ///
        /// # Errors
        ///
        /// - [`Error::Protocol`] when the peer broke the protocol. It has been told with a Close, and the
        ///   stream has been shut down.
        /// - [`Error::Timeout`] when the peer fell silent, or a message took too long.
        /// - [`Error::Io`] when the stream failed. In the blocking adapter, the kind
        ///   [`WouldBlock`](std::io::ErrorKind::WouldBlock) says that the stream is not blocking: nothing
        ///   is lost, and the call may be repeated.
        pub $($async)? fn fill(&mut self) -> Result<Option<$crate::Batch<'_, $machine>>, Error> {
            Ok(if self.events()$(.$await)? ? { Some(self.driver.batch()) } else { None })
        }

        /// Returns the events that are there, without waiting. There may be none.
        pub fn batch(&mut self) -> $crate::Batch<'_, $machine> {
            self.driver.batch()
        }

        /// Returns the next message, `None` when the connection has ended.
        ///
        /// With [`Delivery::Chunks`](crate::Delivery::Chunks) each chunk is returned like a message.
        ///
        /// # Errors
        ///
        /// Those of [`fill`](Self::fill).
        pub $($async)? fn read(&mut self) -> Result<Option<$crate::Message>, Error> {
            while self.events()$(.$await)? ? {
                if let Some(message) = self.driver.batch().next_message() {
                    return Ok(Some(message));
                }
            }
            Ok(None)
        }

        /// Waits for the end of the connection and returns how it ended. Messages that still arrive
        /// are dropped.
        ///
        /// For a program that only sends, or has read what it wants.
        ///
        /// # Errors
        ///
        /// Those of [`fill`](Self::fill).
        pub $($async)? fn closed(&mut self) -> Result<$crate::EndOfStream, Error> {
            while self.events()$(.$await)? ? {
                while self.driver.batch().next().is_some() {}
            }
            Ok(self.end().unwrap_or($crate::EndOfStream::Lost))
        }
    };
}

/// Methods of what writes to a connection.
#[cfg(feature = "std")]
macro_rules! writing_methods {
    ($($async:tt, $await:tt)?) => {
        /// Queues a message, writes all that is queued, and returns when the stream has flushed.
        ///
        /// A future that is dropped while it waits for room has not sent the message. After that, the
        /// message is queued, and the next method that writes goes on with it.
        ///
        /// # Errors
        ///
        /// - [`Error::Send`] when the message is refused.
        /// - [`Error::Io`] when the stream fails, now or before. The kind is
        ///   [`TimedOut`](std::io::ErrorKind::TimedOut) when the peer took nothing until the connection
        ///   timed out.
        /// - With [`WouldBlock`](std::io::ErrorKind::WouldBlock) the message is queued: repeat
        ///   [`flush`](Self::flush), not this call.
        pub $($async)? fn send<'a>(&mut self, payload: impl Into<$crate::Payload<'a>>) -> Result<(), Error> {
            self.feed(payload)$(.$await)? ?;
            self.flush()$(.$await)?
        }

        /// Queues a message, to be written together with the next ones. Waits for room if too much
        /// output is pending. A future that is dropped has not queued the message.
        ///
        /// # Errors
        ///
        /// Those of [`send`](Self::send). With `WouldBlock` the message is not queued: repeat this call.
        pub $($async)? fn feed<'a>(&mut self, payload: impl Into<$crate::Payload<'a>>) -> Result<(), Error> {
            let payload = payload.into();
            self.goal(Goal::Room(payload.as_bytes().len()))$(.$await)? ?;
            Ok(self.queue(|machine| machine.send(payload))?)
        }

        /// Sends a text message as [`send`](Self::send) does.
        ///
        /// # Errors
        ///
        /// Those of [`send`](Self::send).
        pub $($async)? fn send_text<'a>(&mut self, text: impl Into<$crate::Text<'a>>) -> Result<(), Error> {
            self.send(text.into())$(.$await)?
        }

        /// Sends a binary message as [`send`](Self::send) does.
        ///
        /// # Errors
        ///
        /// Those of [`send`](Self::send).
        pub $($async)? fn send_binary<'a>(
            &mut self,
            payload: impl Into<$crate::Binary<'a>>,
        ) -> Result<(), Error> {
            self.send(payload.into())$(.$await)?
        }

        /// Sends a text message with a value as JSON; see
        /// [`Connection::send_json`](crate::Connection::send_json). Waits for room as
        /// [`feed`](Self::feed) does.
        ///
        /// # Errors
        ///
        /// [`Error::Send`] with [`Serialize`](crate::SendErrorKind::Serialize) for a value that cannot be
        /// written as JSON. Otherwise those of [`send`](Self::send).
        #[cfg(feature = "json")]
        pub $($async)? fn send_json<T: serde::Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
            self.goal(Goal::Room(0))$(.$await)? ?;
            let mut queued = self.queue(|machine| machine.send_json(value));
            while queued.as_ref().is_err_and(|error| error.kind() == $crate::SendErrorKind::OutputFull) {
                // How much room it needs is known only now.
                self.flush()$(.$await)? ?;
                queued = self.queue(|machine| machine.send_json(value));
            }
            queued?;
            self.flush()$(.$await)?
        }

        /// Queues a fragment of a message, the last one with `fin`, and writes all that is queued; see
        /// [`Connection::send_fragment`](crate::Connection::send_fragment).
        ///
        /// # Errors
        ///
        /// Those of [`send`](Self::send).
        pub $($async)? fn send_fragment<'a>(
            &mut self,
            payload: impl Into<$crate::Payload<'a>>,
            fin: bool,
        ) -> Result<(), Error> {
            let payload = payload.into();
            self.goal(Goal::Room(payload.as_bytes().len()))$(.$await)? ?;
            self.queue(|machine| machine.send_fragment(payload, fin))?;
            self.flush()$(.$await)?
        }

        /// Queues a Ping with at most 125 bytes of payload, and writes all that is queued.
        ///
        /// # Errors
        ///
        /// Those of [`send`](Self::send).
        pub $($async)? fn ping(&mut self, payload: impl AsRef<[u8]>) -> Result<(), Error> {
            self.queue(|machine| machine.ping(payload))?;
            self.flush()$(.$await)?
        }

        /// Queues a Pong that no Ping asked for, with at most 125 bytes of payload, and writes all
        /// that is queued. Pings are answered without it.
        ///
        /// # Errors
        ///
        /// Those of [`send`](Self::send).
        pub $($async)? fn pong(&mut self, payload: impl AsRef<[u8]>) -> Result<(), Error> {
            self.queue(|machine| machine.pong(payload))?;
            self.flush()$(.$await)?
        }

        /// Sends a Close and so begins the closing handshake (RFC 6455 §7.1.2). Returns when the stream
        /// has flushed, without waiting for the peer's Close. Messages that still arrive can be read, up
        /// to the end.
        ///
        /// # Errors
        ///
        /// [`Error::Send`] when the code or the reason cannot be sent, or the connection is closing
        /// already; [`Error::Io`] as for [`send`](Self::send).
        pub $($async)? fn send_close(
            &mut self,
            code: impl Into<$crate::CloseCode>,
            reason: &str,
        ) -> Result<(), Error> {
            self.begin_close(code.into(), reason)?;
            self.flush()$(.$await)?
        }

        /// Returns whether a message of `len` bytes fits into what may be queued, even if compression
        /// makes it larger; see [`Config::max_output`](crate::Config::max_output).
        pub fn has_room(&mut self, len: usize) -> bool {
            self.queue(|machine| machine.has_room(len))
        }

        /// Writes all that is queued, and returns when the stream has flushed.
        ///
        /// # Errors
        ///
        /// [`Error::Io`] as for [`send`](Self::send).
        pub $($async)? fn flush(&mut self) -> Result<(), Error> {
            self.goal(Goal::Flush)$(.$await)?.map(drop)
        }
    };
}

/// Further methods of a blocking type that reads.
#[cfg(feature = "std")]
macro_rules! blocking_methods {
    () => {
        /// Waits for a message as [`read`](Self::read) does, for `patience` at most.
        ///
        /// Works with streams that know [timeouts](crate::blocking::Stream::set_read_timeout).
        ///
        /// # Errors
        ///
        /// [`Error::Io`] of kind [`TimedOut`](std::io::ErrorKind::TimedOut) when no message has come.
        /// Nothing is lost then. Otherwise those of [`fill`](Self::fill).
        pub fn read_timeout(
            &mut self,
            patience: core::time::Duration,
        ) -> Result<Option<$crate::Message>, Error> {
            self.io.until(patience);
            let read = self.read();
            self.io.until = None;
            read
        }
    };
}

/// Further methods of an async type that reads.
#[cfg(feature = "std")]
macro_rules! async_methods {
    () => {
        /// Waits for events. Returns `true` when [`batch`](Self::batch) has some, and `false` when the
        /// connection has ended. Writes what is queued before it waits. Cancel safe.
        ///
        /// This is [`fill`](Self::fill) without the batch, for `select!`: its branches can then use the
        /// WebSocket.
        ///
        /// ```no_run
        /// # #[cfg(feature = "tokio")]
        /// # async fn chat(
        /// #     mut websocket: framewise::tokio::WebSocket<tokio::net::TcpStream>,
        /// #     mut outbox: tokio::sync::mpsc::Receiver<String>,
        /// # ) -> Result<(), framewise::Error> {
        /// loop {
        ///     tokio::select! {
        ///         readable = websocket.readable() => {
        ///             if !readable? {
        ///                 return Ok(());
        ///             }
        ///             let mut batch = websocket.batch();
        ///             while let Some(event) = batch.next() {
        ///                 println!("{event:?}");
        ///             }
        ///         }
        ///         Some(text) = outbox.recv() => websocket.send(text).await?,
        ///     }
        /// }
        /// # }
        /// ```
        ///
        /// # Errors
        ///
        /// Those of [`fill`](Self::fill).
        pub async fn readable(&mut self) -> Result<bool, Error> {
            self.events().await
        }
    };
}

/// Methods of a whole WebSocket.
#[cfg(feature = "std")]
macro_rules! whole_methods {
    ($($async:tt, $await:tt)?) => {
        /// Makes a WebSocket of a stream and a connection whose handshake is done.
        pub fn new(stream: S, connection: $crate::Connection) -> Self {
            Self::with_unread(stream, connection, Unread::default())
        }

        /// Returns the connection, to ask for its state.
        pub fn connection(&self) -> &$crate::Connection {
            self.driver.connection()
        }

        /// Returns the connection, to queue something without writing it at once.
        pub fn connection_mut(&mut self) -> &mut $crate::Connection {
            self.driver.connection_mut()
        }

        /// Sets how messages are delivered, from the next one that begins.
        pub fn set_delivery(&mut self, delivery: $crate::Delivery) {
            self.driver.connection_mut().set_delivery(delivery);
        }

        /// Returns the stream.
        pub fn stream(&self) -> &S {
            &self.io.stream
        }

        /// Returns the stream and drops the rest, which aborts the connection if it has not ended.
        ///
        /// What was read from the stream and not delivered is lost; [`into_parts`](Self::into_parts)
        /// returns it, too.
        pub fn into_inner(self) -> S {
            self.io.stream
        }

        /// Takes the WebSocket apart: the stream, the connection, and what was read and not delivered.
        pub fn into_parts(self) -> Parts<S> {
            Parts { stream: self.io.stream, driver: self.driver.into_parts() }
        }

        /// Closes the connection: sends a Close, waits for the peer's Close and for the end of the
        /// stream. [`Config::close_timeout`](crate::Config::close_timeout) limits the wait, where the
        /// stream knows timeouts.
        ///
        /// Messages that still arrive are dropped. To go on receiving them, call
        /// [`send_close`](Self::send_close) and then [`read`](Self::read) to the end. On a connection
        /// that is closing already, this waits for its end.
        ///
        /// # Errors
        ///
        /// [`Error::Send`] when the code or the reason cannot be sent, and those of
        /// [`fill`](Self::fill).
        pub $($async)? fn close(
            &mut self,
            code: impl Into<$crate::CloseCode>,
            reason: &str,
        ) -> Result<$crate::EndOfStream, Error> {
            if self.state() == $crate::State::Open {
                self.begin_close(code.into(), reason)?;
            }
            self.closed()$(.$await)?
        }

        fn begin_close(
            &mut self,
            code: $crate::CloseCode,
            reason: &str,
        ) -> Result<(), $crate::SendError> {
            self.queue(|connection| connection.close(code, reason))
        }

        fn queue<T>(&mut self, queue: impl FnOnce(&mut $crate::Connection) -> T) -> T {
            queue(self.driver.connection_mut())
        }

        fn ask<T>(&self, ask: impl FnOnce(&$crate::Connection) -> T) -> T {
            ask(self.driver.connection())
        }
    };
}

/// Methods of a reading half that do not wait.
#[cfg(feature = "std")]
macro_rules! reader_methods {
    () => {
        /// Sets how messages are delivered, from the next one that begins.
        pub fn set_delivery(&mut self, delivery: $crate::Delivery) {
            self.driver.receiving_mut().set_delivery(delivery);
        }

        /// Returns how much was received. `None` without [`Config::stats`](crate::Config::stats).
        pub fn received(&self) -> Option<$crate::Traffic> {
            self.driver.receiving().received()
        }

        /// Returns how the last message was received; see
        /// [`Connection::message_info`](crate::Connection::message_info).
        pub fn message_info(&self) -> Option<$crate::MessageInfo> {
            self.driver.receiving().message_info()
        }

        /// Returns how long the peer took to answer the last keep-alive Ping; see
        /// [`Connection::latency`](crate::Connection::latency).
        pub fn latency(&self) -> Option<core::time::Duration> {
            self.driver.receiving().latency()
        }

        fn ask<T>(&self, ask: impl FnOnce(&$crate::ReceiveHalf) -> T) -> T {
            ask(self.driver.receiving())
        }
    };
}

/// Getters of a connection and of each half, for a type that provides `ask`.
macro_rules! state_methods {
    ($($cloned:tt)*) => {
        /// Returns how far the connection is on its way from open to closed.
        pub fn state(&self) -> $crate::State {
            self.ask(|machine| machine.state())
        }

        /// Returns how the connection ended, once it has.
        pub fn end(&self) -> Option<$crate::EndOfStream> {
            self.ask(|machine| machine.end())
        }

        /// Returns the code of the peer's Close (RFC 6455 §7.1.5): 1005 when it had none, 1006 when
        /// there was no Close (yet).
        pub fn close_code(&self) -> $crate::CloseCode {
            self.ask(|machine| machine.close_code())
        }

        /// Returns the peer's Close, if it has come.
        pub fn received_close(&self) -> Option<$crate::CloseFrame> {
            self.ask(|machine| machine.received_close()$($cloned)*)
        }

        /// Returns the Close that was sent, if one was.
        pub fn sent_close(&self) -> Option<$crate::CloseFrame> {
            self.ask(|machine| machine.sent_close()$($cloned)*)
        }

        /// Returns the side of the connection that this is.
        pub fn role(&self) -> $crate::Role {
            self.ask(|machine| machine.role())
        }
    };
}

/// `Debug`, by the driver where there is one, without the stream.
#[cfg(feature = "std")]
macro_rules! impl_debug {
    ($($name:ident $($driver:ident)?),*) => {$(
        impl<S> fmt::Debug for $name<S> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut debug = f.debug_struct(stringify!($name));
                $(debug.field("driver", &self.$driver);)?
                debug.finish_non_exhaustive()
            }
        }
    )*};
}

/// `Stream` of messages, for what reads with `poll_events`.
#[cfg(feature = "tokio")]
macro_rules! impl_stream {
    ($name:ident) => {
        impl<S: AsyncRead + AsyncWrite + Unpin> Stream for $name<S> {
            type Item = Result<$crate::Message, Error>;

            fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
                let reader = self.get_mut();
                while ready!(reader.poll_events(cx))? {
                    if let Some(message) = reader.driver.batch().next_message() {
                        return Poll::Ready(Some(Ok(message)));
                    }
                }
                Poll::Ready(None)
            }
        }
    };
}

/// `Sink` of messages, for what writes with `poll_goal` and closes with `begin_close`.
#[cfg(feature = "tokio")]
macro_rules! impl_sink {
    ($name:ident) => {
        /// Takes every type that converts into a [`Payload`](crate::Payload). Closing the sink sends a
        /// Close with [`CloseCode::NORMAL`](crate::CloseCode::NORMAL). Messages that still arrive can be
        /// read, up to the end.
        impl<S: AsyncRead + AsyncWrite + Unpin, P: Into<$crate::Payload<'static>>> Sink<P>
            for $name<S>
        {
            type Error = Error;

            fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
                self.get_mut().poll_goal(Goal::Room(0), cx)
            }

            fn start_send(self: Pin<&mut Self>, payload: P) -> Result<(), Error> {
                let payload = payload.into();
                Ok(self.get_mut().queue(|machine| machine.send(payload))?)
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
                self.get_mut().poll_goal(Goal::Flush, cx)
            }

            fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
                let writer = self.get_mut();
                if writer.queue(|machine| machine.state()) == $crate::State::Open {
                    writer.begin_close($crate::CloseCode::NORMAL, "")?;
                }
                writer.poll_goal(Goal::Flush, cx)
            }
        }
    };
}
