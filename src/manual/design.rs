//! Decisions and their reasons.
//!
//! # Payloads borrow the input, not the machine
//!
//! `receive` takes a cursor over bytes that the *caller* owns and returns events that borrow
//! those. While a program holds an event, it can answer, await, and take the next one. A callback
//! could not use `?` or `.await`. An event that borrows the connection could not even be echoed.
//! Reference-counted slices cost an atomic operation per message and a read buffer per connection.
//!
//! # A failure comes after the events before it
//!
//! Frames that were complete before the bad one are delivered. A driver returns the error when the
//! peer has been told and the stream was shut down: a program that gives up at the first error can drop
//! everything without losing the Close.
//!
//! # Closing is a table
//!
//! All changes of state are in one exhaustive `match` over state and trigger. RFC 6455's CLOSING is
//! split by who has sent what, since that decides what is owed; and a failure is a state of its
//! own, in which not even a Close is read any more (RFC 6455 §7.1.7).
//!
//! # A Close without a code has the code 1005
//!
//! RFC 6455 §7.1.5 says so, and it spares everybody an `Option`. 1005 never stands in a frame: to send
//! it, or `None`, is to send a Close without a payload.
//!
//! # Every received close code is echoed
//!
//! 1010 too, which a server does not send of its own accord. Codes that nobody assigned are refused
//! with 1002 in both directions.
//!
//! # The loop is a machine, too
//!
//! A loop between a machine and a transport takes about twenty decisions: when to flush, when to give a
//! peer up, what a failed write means to a reader. Loops that are written for one adapter each differ in
//! these, and their faults show late, over slow peers and TLS. So the loop is a
//! [`driver`](crate::driver) without I/O, and its tests run in virtual time.
//!
//! One state covers all styles of I/O: *pending*. A step that is pending is not asked for again before
//! it may be tried.
//!
//! # Any byte is a sign of life
//!
//! The answer to a keep-alive Ping may queue behind a large message on the peer's side. The bytes of
//! that message show as well that the peer is there. While output is pending, only its progress counts:
//! a peer that talks and never reads would hold the output forever.
//!
//! # Progress extends the time to close
//!
//! A peer that has sent its Close may still read a large message. Cutting it off in the middle loses
//! what it is about to get, so each piece that it takes starts `close_timeout` anew. `close_limit` bounds
//! that, or a peer that reads one byte at a time could hold a server's shutdown.
//!
//! # No process-wide state
//!
//! RFC 6455 §4.1 has clients connect to an address one after the other. This is aimed at scripts in
//! browsers, and a library cannot know which connections of a program belong together. So there is no
//! queue unless the program makes a `client::ConnectGate`.
//!
//! # The idle timer is off by default
//!
//! A client should not close arbitrarily (RFC 6455 §7.3), and a server's peer that answers Pings is
//! welcome until the application says otherwise.
//!
//! # Growth is bounded by what arrived
//!
//! The buffer of a message begins with 512 bytes beyond what has arrived. It doubles up to 1 MiB, then
//! grows by 1 MiB or an eighth, and never beyond a known end. So an announced length costs no more than
//! that, and the bytes copied when the buffer moves are linear in the size of the message.
//!
//! # Shortcuts for what nearly all traffic is
//!
//! Three shortcuts bypass the general way (`frame/whole.rs`, `Decoder::decode_piece`,
//! `Sender::push_small`): for a data frame that lies whole in the input, for a later piece of a frame,
//! and for sending a small message. Where anything is unusual, the shortcut takes nothing and the
//! general way decides, so each rule has one place. The tests of split invariance show that both agree.
//! For a few bytes they take a third of the time.
//!
//! # No vector instructions by hand
//!
//! Masking is written in blocks of a fixed size, which compile to the vector instructions that every
//! processor of the target has: 16 bytes at a time on x86-64. Crates that use wider ones, where the
//! processor has them, unmask 16 KiB in two thirds of the time. That takes unsafe code, or a crate
//! that hides it, and none that is settled and small was found; for compiled-in features
//! (`-C target-cpu`) the same code becomes wider by itself.
//!
//! # Of a compressed stream only the window is kept
//!
//! Between messages a receiver keeps the bytes that the next message may refer to, and the library's
//! state belongs to the thread. Starting that state with a full window takes 0.2 µs, and nothing when
//! it was left by the same connection; so a window that was negotiated small costs no more memory
//! than it says, where the library's state takes 46 KiB in any case. A sender can do the same
//! (`shared_compressor`): its state of 134 to 483 KiB are mostly tables, which can be made again.
//!
//! It also lets a stream go on after a final block, which RFC 7692 allows anywhere and the library
//! does not: it is started again with the window.
//!
//! # Windows are kept to, but not policed
//!
//! A peer that refers further back than was agreed, within one message, is understood: the library's
//! window has 32 KiB in any case. Across messages it fails. Which of the two never depends on how the
//! bytes arrive.
//!
//! # No Origin check by default in the machine, same origin in the examples
//!
//! [`Upgrade::check_origin`](crate::handshake::Upgrade::check_origin) is one call. It is not hidden
//! in `accept`, since a server that knows how to authenticate needs the decision in sight.
//!
//! # Randomness is a feature of the connect functions
//!
//! Servers need none. Clients take a seed. `connect`, `client` and `random_seed` get it from the
//! operating system. That takes a crate more, so they are behind a feature.
//!
//! # No panic from what a peer sends
//!
//! Code that could panic (`unwrap`, `expect`, `panic!`, indexing and slicing) is warned about in the
//! whole library, and each place that remains says why it cannot. So is arithmetic that could
//! overflow, but only where numbers come from the wire: frames, messages, closing, the parsers of the
//! handshake, the parameters and the state of what inflates. Elsewhere it is sums of the lengths of
//! slices in memory, which fit into a `usize`; to argue for each would hide those that matter. The
//! panics that are left are documented, and are bugs of the caller: [`Output::advance`] beyond what
//! is queued, say.
//!
//! [`Output::advance`]: crate::Output::advance
