//! The driver loop, step by step.
//!
//! The machine does no I/O: whoever embeds it moves the octets. That is a loop of six steps, the
//! same over sockets, TLS, pipes, HTTP/2 streams, or completions of an `io_uring`:
//!
//! 1. **Write** what is in [`output`](crate::Connection::output), and report with
//!    [`advance`](crate::Output::advance) how much was taken. Answers to Pings and Closes are in
//!    there, too: so this comes before any waiting.
//! 2. **Look at the transport**: once all output is written,
//!    [`transport`](crate::Connection::transport) says whether to go on, to shut down the write
//!    side, or to close; see [`closing`](super::closing).
//! 3. **Ask for the deadline** with [`poll_timeout`](crate::Connection::poll_timeout); see
//!    [`timers`](super::timers).
//! 4. **Wait** for octets, for room to write if some are left, and for the deadline.
//! 5. **Tell the machine**: octets go to [`receive`](crate::Connection::receive) until it returns
//!    `None`; the end of the stream, or its failure, to
//!    [`receive_eof`](crate::Connection::receive_eof); a deadline that has passed to
//!    [`handle_timeout`](crate::Connection::handle_timeout).
//! 6. **Handle the events**, and queue answers with the `send` methods. Back to 1: all answers to
//!    one read leave in one write.
//!
//! Nothing has to happen in exactly this order. Commands may come from anywhere, `advance` may be
//! called with one octet at a time, `handle_timeout` may come too early. What a driver must not do
//! is wait with output unwritten (a peer may wait for it), or drop input.
//!
//! ```
//! use std::{
//!     io::{self, Read, Write},
//!     sync::Arc,
//!     time,
//! };
//!
//! use framewise::{Config, Connection, Event, Input, Transport, time::Instant};
//!
//! /// Echoes over any blocking stream until the connection has ended.
//! fn echo<S: Read + Write>(stream: &mut S, mut connection: Connection) -> io::Result<()> {
//!     let origin = time::Instant::now();
//!     let mut buf = vec![0; 16 << 10];
//!     loop {
//!         // 1. Write what is queued.
//!         while !connection.output().is_empty() {
//!             let written = stream.write(connection.output().chunk())?;
//!             connection.output().advance(written);
//!         }
//!         // 2. Look at the transport. (This stream has no way to shut down one direction.)
//!         match connection.transport() {
//!             Transport::Open | Transport::ShutDownWrite => {}
//!             Transport::Close => return Ok(()),
//!         }
//!         // 3. and 4. Ask for the deadline and wait. (Nor can it wait for one.)
//!         let _deadline = connection.poll_timeout(Instant::from_origin(origin.elapsed()));
//!         let len = stream.read(&mut buf)?;
//!         // 5. Tell the machine.
//!         if len == 0 {
//!             connection.receive_eof();
//!         }
//!         let mut input = Input::new(&mut buf[..len]);
//!         // A broken protocol ends the loop; the Close that tells the peer is in the output.
//!         while let Ok(Some(event)) = connection.receive(&mut input) {
//!             // 6. Handle the events. `event` borrows `buf`, so `connection` is free.
//!             let sent = match event {
//!                 Event::Text(text) => connection.send_text(text),
//!                 Event::Binary(payload) => connection.send_binary(payload),
//!                 _ => Ok(()),
//!             };
//!             sent.map_err(io::Error::other)?;
//!         }
//!         connection.handle_timeout(Instant::from_origin(origin.elapsed()));
//!     }
//! }
//! # struct Stream(&'static [u8], Vec<u8>);
//! # impl Read for Stream { fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> { self.0.read(buf) } }
//! # impl Write for Stream {
//! #     fn write(&mut self, buf: &[u8]) -> io::Result<usize> { self.1.write(buf) }
//! #     fn flush(&mut self) -> io::Result<()> { Ok(()) }
//! # }
//! # let mut stream = Stream(b"\x81\x82\x00\x00\x00\x00hi\x88\x80\x00\x00\x00\x00", Vec::new());
//! # echo(&mut stream, Connection::server(Arc::new(Config::default())))?;
//! # assert_eq!(stream.1, b"\x81\x02hi\x88\x00");
//! # Ok::<(), io::Error>(())
//! ```
//!
//! `examples/echo_server_mio.rs` is the whole thing with an event loop: handshakes, deadlines,
//! shutting down and back pressure for any number of connections over one read buffer.
//!
//! # The read buffer is yours
//!
//! The machine unmasks payloads in the buffer that it is lent and hands them out from there, so one
//! buffer can serve all connections of a thread. What a connection keeps between reads is what
//! could not be delivered yet: a header that was cut, a message in the making, at most three octets
//! of a code point. An idle connection holds nothing on the heap once
//! [`release`](crate::Output::release) was called on its drained output.
//!
//! # The handshake
//!
//! [`ServerHandshake`](crate::handshake::ServerHandshake) and
//! [`ClientHandshake`](crate::handshake::ClientHandshake) are driven in the same way. Octets behind
//! the head stay in the [`Input`](crate::Input): give the same `Input` to the connection that comes
//! out of the handshake, and nothing can be lost. The machine knows no time of the day, so the refusals
//! that it writes have no `Date`, which HTTP wants of servers that have a clock: add it to a
//! [`Rejection`](crate::handshake::Rejection) with
//! [`header`](crate::handshake::Rejection::header), as the adapters do.
//!
//! Where an HTTP server has read the request already,
//! [`Upgrade::from_http`](crate::handshake::Upgrade::from_http) takes its parts, and
//! [`accept_http`](crate::handshake::Upgrade::accept_http) gives the header fields of the response
//! back; what is not valid is answered with
//! [`rejection_for`](crate::handshake::HandshakeError::rejection_for). Where everything was
//! negotiated elsewhere, over HTTP/2 for instance,
//! [`Connection::server`](crate::Connection::server) and
//! [`Connection::client`](crate::Connection::client) start in the open state.
