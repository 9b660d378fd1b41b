//! How to connect the protocol to a transport: choose a layer, write a binding, or write the whole
//! loop.
//!
//! # Choose a layer
//!
//! | layer | you write | it does | for |
//! |---|---|---|---|
//! | `axum`, `hyper` | the program | all I/O and all timers, over a server or client of HTTP/1.1 and HTTP/2 | axum, hyper and what is built on it |
//! | `blocking`, `tokio` | the program | all I/O and all timers | threads and tokio |
//! | `polled` | a stream, a clock and a timer | the loop | any other asynchronous runtime |
//! | [`driver`](crate::driver) | a binding: what each step does on your transport | every decision of the loop | an event loop, `io_uring` |
//! | [`Connection`](crate::Connection) | the loop | the protocol | streams of another HTTP/2 library, tests, a loop that has to be yours |
//!
//! Take the highest layer that fits. A loop takes about twenty decisions; the driver takes them for you,
//! and [`faults`](super::faults) lists them.
//!
//! # A binding in a page
//!
//! A driver says what to do next, given a [`Goal`](crate::driver::Goal): get events, flush the output,
//! or make room for a message. A binding does it and reports the outcome:
//!
//! | step | do | report |
//! |---|---|---|
//! | [`Write`](crate::driver::Step::Write) | write some of `output()` | `wrote`, `write_pending` or `write_failed` |
//! | [`Flush`](crate::driver::Step::Flush) | flush the transport | `flushed`, `write_pending` or `write_failed` |
//! | [`ShutDown`](crate::driver::Step::ShutDown) | shut down the write side | `shut_down`, even after an error, or `write_pending` |
//! | [`Read`](crate::driver::Step::Read) | read once into `buffer()` | `read`, `read_pending` or `read_failed` |
//! | [`Time`](crate::driver::Step::Time) | look at the clock | `time` |
//! | [`Wait`](crate::driver::Step::Wait) | wait for what is pending, at most until the deadline | `resume`, `readable` or `writable` |
//! | [`Ready`](crate::driver::Step::Ready), [`Ended`](crate::driver::Step::Ended) | return to the program | |
//! | `Reply` | drive the sending half; see `splitting` in this guide | `reply_pending`, if it has to wait |
//!
//! With feature `std`, `write_to`, `flush_to` and `read_from` do a step and report it, for streams of the
//! standard library.
//!
//! This is a binding to blocking TCP streams, with all timers and both opening handshakes. The same
//! loop drives each part of a connection's life.
//!
//! ```
//! use std::{
//!     error::Error,
//!     io,
//!     net::{Shutdown, TcpStream},
//!     sync::Arc,
//!     time::{self, Duration},
//! };
//!
//! use framewise::{
//!     CloseCode, Config, Event,
//!     driver::{Driver, Goal, HandshakeDriver, Reads, Step, Writes},
//!     handshake::{Acceptance, ClientRequest, OriginPolicy, Rejection},
//!     time::Instant,
//! };
//!
//! /// A stream and its clock.
//! struct Binding {
//!     stream: TcpStream,
//!     origin: time::Instant,
//! }
//!
//! impl Binding {
//!     fn new(stream: TcpStream) -> Self {
//!         Self { stream, origin: time::Instant::now() }
//!     }
//!
//!     fn now(&self) -> Instant {
//!         Instant::from_origin(self.origin.elapsed())
//!     }
//!
//!     /// Does what `next` says. Returns `true` when it is ready, `false` when it has ended.
//!     fn drive<D: Reads + Writes, E: Error + Send + Sync + 'static>(
//!         &mut self,
//!         driver: &mut D,
//!         mut next: impl FnMut(&mut D) -> Result<Step, E>,
//!     ) -> io::Result<bool> {
//!         loop {
//!             let step = next(driver).map_err(io::Error::other)?;
//!             if matches!(step, Step::Read | Step::Write) {
//!                 // It blocks until the next deadline at most. Zero would mean no limit.
//!                 let now = self.now();
//!                 let limit = driver.deadline(now).map(|deadline| deadline - now);
//!                 let limit = limit.map(|limit| limit.max(Duration::from_millis(1)));
//!                 self.stream.set_read_timeout(limit)?;
//!                 self.stream.set_write_timeout(limit)?;
//!             }
//!             match step {
//!                 Step::Ready => return Ok(true),
//!                 Step::Ended => return Ok(false),
//!                 Step::Write => {
//!                     driver.write_to(&mut self.stream)?;
//!                 }
//!                 Step::Flush => {
//!                     driver.flush_to(&mut self.stream)?;
//!                 }
//!                 Step::ShutDown => {
//!                     let _ = self.stream.shutdown(Shutdown::Write); // Fails if the peer was faster.
//!                     driver.shut_down();
//!                 }
//!                 Step::Read => {
//!                     driver.read_from(&mut self.stream)?;
//!                 }
//!                 Step::Time => driver.time(self.now()),
//!                 _ => {
//!                     // The wait is over: a read or a write has timed out.
//!                     driver.readable();
//!                     driver.writable();
//!                 }
//!             }
//!         }
//!     }
//! }
//!
//! /// A server that echoes texts.
//! fn serve(stream: TcpStream, config: &Arc<Config>) -> io::Result<()> {
//!     let mut binding = Binding::new(stream);
//!     // Answers a request that is not valid, and returns why.
//!     let mut opening = HandshakeDriver::server(Arc::clone(config));
//!     binding.drive(&mut opening, HandshakeDriver::next)?;
//!     let (upgrade, unread) = opening.finish().expect("it is ready");
//!     // Refuse a valid request: write the response, then wait until the peer has left.
//!     if upgrade.check_origin(&OriginPolicy::same_origin()).is_err() {
//!         let response = upgrade.reject(Rejection::forbidden());
//!         let mut refusal = HandshakeDriver::refusal(response, config);
//!         return binding.drive(&mut refusal, HandshakeDriver::next).map(drop);
//!     }
//!     // Accept it. Frames that came with the request are in `unread`.
//!     let connection = upgrade.accept(Acceptance::new()).map_err(io::Error::other)?;
//!     let mut driver = Driver::with_unread(connection, unread);
//!     driver.set_half_duplex(true);
//!     while binding.drive(&mut driver, |driver| driver.next(Goal::Events))? {
//!         let mut batch = driver.batch();
//!         while let Some(event) = batch.next() {
//!             if let Event::Text(text) = event {
//!                 // Queued. The next round writes all answers to this read at once.
//!                 batch.send(text).map_err(io::Error::other)?;
//!             }
//!         }
//!     }
//!     Ok(())
//! }
//!
//! /// A client that sends a text and returns the answer. `seed` comes from the operating system.
//! fn ask(stream: TcpStream, request: ClientRequest, seed: [u8; 32]) -> io::Result<Option<String>> {
//!     let mut binding = Binding::new(stream);
//!     let mut opening = HandshakeDriver::client(request, Config::default(), seed);
//!     binding.drive(&mut opening, HandshakeDriver::next)?;
//!     let (mut driver, _response) = opening.into_driver().expect("it is ready");
//!     driver.set_half_duplex(true);
//!     driver.connection_mut().send_text("Hello").map_err(io::Error::other)?;
//!     // Done when the stream has flushed; `Goal::Events` would write it, too.
//!     binding.drive(&mut driver, |driver| driver.next(Goal::Flush))?;
//!     let mut answer = None;
//!     while binding.drive(&mut driver, |driver| driver.next(Goal::Events))? {
//!         let mut batch = driver.batch();
//!         while let Some(event) = batch.next() {
//!             if let Event::Text(text) = event {
//!                 answer = Some(text.into_owned());
//!                 // The outer loop goes on to the end of the connection.
//!                 batch.connection_mut().close(CloseCode::NORMAL, "").map_err(io::Error::other)?;
//!             }
//!         }
//!     }
//!     Ok(answer)
//! }
//! #
//! # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! # let uri = format!("ws://{}/", listener.local_addr()?);
//! # let serving = std::thread::spawn(move || -> io::Result<()> {
//! #     let config = Arc::new(Config::default());
//! #     for _ in 0..2 {
//! #         serve(listener.accept()?.0, &config)?;
//! #     }
//! #     Ok(())
//! # });
//! # let connect = || TcpStream::connect(&uri["ws://".len()..uri.len() - 1]);
//! # let request = || ClientRequest::new(&uri).unwrap();
//! # assert_eq!(ask(connect()?, request(), [7; 32])?.as_deref(), Some("Hello"));
//! # let elsewhere = request().origin("https://elsewhere.example".parse().unwrap());
//! # let error = ask(connect()?, elsewhere, [8; 32]).unwrap_err().into_inner().unwrap();
//! # let error = error.downcast::<framewise::handshake::HandshakeError>().unwrap();
//! # assert_eq!(error.response().map(|response| response.status()), Some(403));
//! # serving.join().unwrap()?;
//! # Ok::<(), io::Error>(())
//! ```
//!
//! # Styles of I/O
//!
//! The driver asks for no step that is pending. What ends this differs:
//!
//! - **Blocking**: a thread does one thing at a time, so it is
//!   [half duplex](crate::driver::Driver::set_half_duplex). Ask for the
//!   [`deadline`](crate::driver::Reads::deadline) before a call that blocks, and resume after `Wait`.
//! - **Poll**: [`resume`](crate::driver::Driver::resume) at the beginning of each poll. `Poll::Pending`
//!   is `read_pending` or `write_pending`. At `Wait`, poll a timer for the deadline: if it has passed,
//!   report the [`time`](crate::driver::Reads::time) and go on; if not, return `Poll::Pending`.
//! - **Readiness**: call [`readable`](crate::driver::Reads::readable) or
//!   [`writable`](crate::driver::Writes::writable) for each event of the socket, then drive until
//!   `Wait`. `WouldBlock` is `read_pending` or `write_pending`. When the deadline passes, report the
//!   `time` and drive again. `examples/echo_server_mio.rs` is a whole server in this style, with one
//!   read buffer for any number of connections.
//! - **Completions**: the transport owns the bytes while it works on them. What is in flight stays
//!   pending until it is put back, so such a binding never resumes: after `Wait` it only reports the
//!   `time`. When a write has failed, put the output back and report `write_failed`. `ShutDown` may come
//!   while a write is in flight: the connection gave up, and the write may be cancelled.
//!
//! ```
//! # use framewise::{Config, Connection};
//! use framewise::driver::{Driver, Goal, Reads as _, Step, Writes as _};
//!
//! # let mut driver = Driver::new(Connection::server(Config::default()));
//! # driver.connection_mut().send_text("Hello")?;
//! // Submit a write and a read.
//! assert_eq!(driver.next(Goal::Events), Ok(Step::Write));
//! let mut output = driver.take_output();
//! assert_eq!(driver.next(Goal::Events), Ok(Step::Read));
//! let mut buf = driver.take_buffer();
//! driver.read_pending();
//!
//! // The write has completed, after 7 bytes.
//! output.advance(7);
//! driver.put_output(output);
//! // The read has completed, too.
//! let frame = b"\x81\x82\x00\x00\x00\x00hi";
//! buf.extend_from_slice(frame);
//! driver.put_buffer(buf, frame.len());
//! # assert!(driver.batch().next().is_some());
//! # Ok::<(), framewise::SendError>(())
//! ```
//!
//! With completions every write is pending for a moment, so a flush reads ahead. A Close that it reads is
//! answered at once; after that, the program can no longer answer messages that came before the Close.
//!
//! For an asynchronous runtime, you need not write the loop: a WebSocket of `polled` (feature `std`) has it,
//! and needs only a stream, a clock and a timer. The package `examples/runtimes` of the repository has such
//! streams in poll style (smol) and with completions (compio). One suite of tests runs over all bindings:
//! `tests/adapters/conformance`.
//!
//! # The read buffer
//!
//! A driver has a read buffer of 32 KiB while bytes are in it, and frees it when the connection waits.
//! One that is half duplex keeps it.
//!
//! Connections can share one buffer:
//!
//! 1. Read into it, and give it to the driver with [`put_buffer`](crate::driver::Reads::put_buffer).
//! 2. Handle the batch, if there is one.
//! 3. Take the buffer back with [`reclaim_buffer`](crate::driver::Reads::reclaim_buffer), before the next
//!    step.
//!
//! If bytes in it are left, the driver keeps the buffer: go on with a new one.
//!
//! # `Date` in refusals
//!
//! The machines do not know the time of day, and HTTP asks servers with a clock for a `Date`. A binding adds
//! it, as the adapters do:
//!
//! - [`http_date`](crate::handshake::http_date) formats it.
//! - [`stamp`](crate::driver::HandshakeDriver::stamp) adds it to the responses of a handshake.
//! - [`Rejection::header`](crate::handshake::Rejection::header) adds it to those of the program.
//!
//! # The bare machine
//!
//! Without a driver, your code moves the bytes. That is a loop of six steps, the same over sockets,
//! TLS, pipes, HTTP/2 streams, or completions of an `io_uring`:
//!
//! 1. **Write** what is in [`output`](crate::Connection::output), and report with
//!    [`advance`](crate::Output::advance) how much was taken. Answers to Pings and Closes are in
//!    there, too, so this comes before any waiting.
//! 2. **Look at the transport**: once all output is written,
//!    [`transport`](crate::Connection::transport) says whether to go on, to shut down the write
//!    side, or to close; see [`closing`](super::closing).
//! 3. **Tell the time** with [`handle_timeout`](crate::Connection::handle_timeout), which may queue a
//!    Ping or a Close: write it. Then [`poll_timeout`](crate::Connection::poll_timeout) returns the
//!    deadline; see [`timers`](super::timers).
//! 4. **Wait** for bytes, for room to write if some are left, and for the deadline.
//! 5. **Tell the machine**: bytes go to [`receive`](crate::Connection::receive) until it returns
//!    `None`; the end of the stream, or its failure, to
//!    [`receive_eof`](crate::Connection::receive_eof); a deadline that has passed needs step 3 only.
//! 6. **Handle the events**, and queue answers with the `send` methods. Back to 1: all answers to
//!    one read leave in one write.
//!
//! The order is not strict. Commands may come from anywhere, `advance` may report one byte at a time, and
//! `handle_timeout` may come too early. Two things are forbidden: to wait while output could be written
//! (the peer may wait for it), and to drop input.
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
//!             Transport::Open | Transport::ShutdownWrite => {}
//!             Transport::Close => return Ok(()),
//!         }
//!         // 3. Tell the time.
//!         let now = Instant::from_origin(origin.elapsed());
//!         connection.handle_timeout(now);
//!         if connection.has_output() {
//!             continue;
//!         }
//!         // 4. Wait. (This stream cannot wait for a deadline.)
//!         let _deadline = connection.poll_timeout(now);
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
//! ## The read buffer is yours
//!
//! The machine unmasks payloads in your buffer and hands them out from there, so one buffer can serve
//! all connections of a thread. Between reads a connection keeps only what could not be delivered: an
//! unfinished header, an unfinished message, at most three bytes of a code point. An idle connection holds
//! nothing on the heap once [`release`](crate::Output::release) was called on its empty output.
//!
//! ## The handshake
//!
//! [`ServerHandshake`](crate::handshake::ServerHandshake) and
//! [`ClientHandshake`](crate::handshake::ClientHandshake) are driven in the same way. Bytes that follow
//! the head stay in the [`Input`](crate::Input). Pass the same `Input` to the connection that the
//! handshake returns, and nothing can be lost.
//!
//! To answer health checks and other plain requests on the same port, call
//! [`receive_request`](crate::handshake::ServerHandshake::receive_request) instead of `receive`, or drive
//! a [`HandshakeDriver::request`](crate::driver::HandshakeDriver::request).
//!
//! The refusals that the machine writes have no `Date`;
//! [`answer`](crate::handshake::ServerHandshake::answer) replaces one before it is written.
//!
//! # Requests that an HTTP server has read
//!
//! [`Upgrade::from_http`](crate::handshake::Upgrade::from_http) takes the parts of a request that is
//! parsed already, and [`accept_http`](crate::handshake::Upgrade::accept_http) returns the headers of
//! the response. [`rejection_for`](crate::handshake::HandshakeError::rejection_for) answers a request
//! that is not valid. With feature `http` the same is there for requests and responses of the crate `http`.
//! Where everything was negotiated elsewhere, [`Connection::server`](crate::Connection::server) and
//! [`Connection::client`](crate::Connection::client) begin in the open state.
//!
//! Bytes that the HTTP server has read beyond the request belong to the connection: pass them to
//! [`Driver::with_unread`](crate::driver::Driver::with_unread), or to `with_unread` of an adapter.
//!
//! # HTTP/2 and HTTP/3
//!
//! Over HTTP/2 a WebSocket is one stream of a connection, beside other requests (RFC 8441). Browsers open one
//! so if the server has sent SETTINGS_ENABLE_CONNECT_PROTOCOL, and only over TLS. Features `hyper` and `axum`
//! do all of that. For another library, take the header fields from
//! [`Upgrade::from_http`](crate::handshake::Upgrade::from_http) or
//! [`ClientRequest::connect_fields`](crate::handshake::ClientRequest::connect_fields), and have a `WebSocket`
//! of an adapter run over the stream.
//!
//! HTTP/3 has the same header fields (RFC 9220), and those are here:
//! [`HttpVersion::Http3`](crate::handshake::HttpVersion::Http3). The crate `h3` 0.0.8 refuses
//! `:protocol: websocket` on both sides ([h3#236](https://github.com/hyperium/h3/issues/236)), so it takes
//! another implementation of HTTP/3.
