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
//! RFC 6455 §7.1.5 says so, and programs need no `Option`. 1005 never stands in a frame: with it, or with
//! `None`, a Close is sent without a payload.
//!
//! # Every received close code is echoed
//!
//! This includes 1010, which a server does not send of its own accord. A received code that nobody assigned
//! fails the connection with 1002; sending one is an error.
//!
//! # The loop is a machine, too
//!
//! A loop between a machine and a transport takes about twenty decisions: when to flush, when to give a
//! peer up, what a failed write means to a reader. If each adapter has a loop of its own, they differ in
//! these decisions, and their faults show late, over slow peers and TLS. So the loop is a
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
//! RFC 6455 §4.1 has clients connect to an address one after the other. The rule is aimed at scripts in
//! browsers. A library cannot know which connections of a program belong together. So there is no queue
//! unless the program makes a `client::ConnectGate`.
//!
//! # The idle timer is off by default
//!
//! A client should not close arbitrarily (RFC 6455 §7.3). A server's peer that answers Pings is welcome
//! until the application says otherwise.
//!
//! # Growth is bounded by what arrived
//!
//! The buffer of a message begins with 512 bytes beyond what has arrived. It doubles up to 1 MiB, then
//! grows by 1 MiB or an eighth, and never beyond a known end. So an announced length costs no more than
//! that, and the bytes copied when the buffer moves are linear in the size of the message.
//!
//! # Shortcuts for nearly all traffic
//!
//! Three shortcuts bypass the general way (`frame/whole.rs`, `Decoder::decode_piece`,
//! `Sender::push_small`): for a data frame that lies whole in the input, for a later piece of a frame,
//! and for sending a small message. If anything is unusual, the shortcut takes nothing and the general way
//! decides, so each rule has one place. Tests show that both agree, however the bytes are cut. For a few
//! bytes, a shortcut takes a third of the time.
//!
//! # No vector instructions by hand
//!
//! Masking is written in blocks of a fixed size. They compile to the vector instructions that every
//! processor of the target has: 16 bytes at a time on x86-64. Crates that choose wider ones at run time
//! unmask 16 KiB in two thirds of the time. That takes unsafe code, or a crate that hides it; none that is
//! settled and small was found. With `-C target-cpu` the same code uses wider instructions.
//!
//! # Only the window of a compressed stream is kept
//!
//! Between messages a receiver keeps the bytes that the next message may refer to. The library's state
//! belongs to the thread. To start that state with a full window takes 0.2 µs, and nothing if the same
//! connection used it last. So a small window costs no more memory than its size, whereas the library's
//! state always takes 46 KiB. A sender can do the same (`shared_compressor`): most of its 134 to 483 KiB of
//! state are tables, which can be made again.
//!
//! This also lets a stream go on after a final block. RFC 7692 allows one anywhere and the library does
//! not, so the library is started again with the window.
//!
//! # Windows are obeyed, but not policed
//!
//! A peer may refer further back than was agreed. Within one message it is understood, because the
//! library's window always has 32 KiB. Across messages the connection fails. The outcome never depends on
//! how the bytes arrive.
//!
//! # No Origin check by default in the machine, same origin in the examples
//!
//! [`Upgrade::check_origin`](crate::handshake::Upgrade::check_origin) is one call. `accept` does not hide
//! it, because a server that authenticates its clients should see the decision. `accept_any` says in its
//! name that it accepts every origin.
//!
//! # Randomness is a feature of the connect functions
//!
//! Servers need none. Clients take a seed. `connect`, `client` and `random_seed` get it from the operating
//! system. That takes one more crate, so they are behind a feature; `client_with_seed` is not.
//!
//! # No panic from what a peer sends
//!
//! Lints warn about code that could panic (`unwrap`, `expect`, `panic!`, indexing and slicing) in the whole
//! library. Each place that remains says why it cannot. Lints also warn about arithmetic that could
//! overflow, but only where numbers come from the wire: frames, messages, closing, the parsers of the
//! handshake, the parameters of compression and inflating. Elsewhere arithmetic adds lengths of slices in
//! memory, which fit into a `usize`; to argue for each would hide those that matter. The panics that are
//! left are documented, and are bugs of the caller: [`Output::advance`] beyond what is queued, for
//! instance.
//!
//! [`Output::advance`]: crate::Output::advance
