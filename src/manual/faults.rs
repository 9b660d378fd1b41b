//! What becomes of it when the transport, the peer or the clock misbehaves.
//!
//! Three things are promised throughout: nothing panics, nothing waits for ever (as long as the
//! timers are on and the stream knows timeouts; but for the writer of a split connection whose peer
//! talks and never reads), and a message that was wholly received in front of a fault is delivered, though
//! perhaps behind the error of a call that writes. Behind the end of a connection `read` returns
//! `None`, as often as it is called.
//!
//! The machine sees octets, an end and the time. All else is between the adapters and the stream.
//! "Both" are the two adapters, whole or split; the tests are those below `tests/adapters`, where no
//! other place is named.
//!
//! # Reads and writes
//!
//! | fault | the machine | the adapters | shown by |
//! |---|---|---|---|
//! | Short reads and writes, of any length | the same events and octets, however they are cut | both: no difference | `faults::short_reads_and_writes_of_every_length_change_nothing`, `faults::conversations_in_pieces_of_every_length_are_the_same` |
//! | `Interrupted` | not concerned | blocking: the call is repeated. tokio: an error like any other, since its streams must not return that | `faults::every_call_is_interrupted_once` |
//! | `WouldBlock`, `TimedOut` from a stream that is not blocking, or has a timeout of its own | not concerned | blocking: [`Error::Io`](crate::Error::Io), nothing is lost and the call may be repeated: a message that was being sent is queued, so it is `flush` that is repeated. In an opening handshake it is a failure. tokio: an error like any other | `faults::a_conversation_that_would_block_at_every_octet`, `faults::a_reply_that_would_block_is_written_by_a_later_read`, `faults::what_would_block_behind_the_end_is_written_by_a_later_read`, `faults::a_handshake_that_would_block_fails` |
//! | A write fails | the peer's octets are still received | both: `flush` returns [`Error::Io`](crate::Error::Io), now and always, even if it was a `read` that could not write; and so does `send`, or [`Error::Send`](crate::Error::Send) once the connection has ended. Reading goes on until the stream ends | `ends::a_failure_at_every_octet_of_what_is_written`, `faults::a_write_that_fails_while_reading_is_told_to_who_writes` |
//!
//! # Ends
//!
//! | fault | the machine | the adapters | shown by |
//! |---|---|---|---|
//! | The stream ends, or is reset, inside the opening handshake | [`HandshakeError::UnexpectedEof`](crate::handshake::HandshakeError::UnexpectedEof) | both: that, or [`Error::Io`](crate::Error::Io) for a reset | `ends::an_end_at_every_octet_of_what_is_read` |
//! | The stream ends without a Close | `receive_eof` returns [`Torn`](crate::EndOfStream::Torn), or [`HalfClosed`](crate::EndOfStream::HalfClosed) behind a Close of this end | both: `None`, and [`end`](crate::Connection::end) tells which | the same, `closing::the_ways_in_which_a_stream_ends` |
//! | It is reset without a Close | the same, as the driver tells it with `receive_eof` | both: [`Error::Io`](crate::Error::Io) once. Behind a Close of either end a reset is an end | the same, `ends::a_socket_that_is_reset_or_ended_at_every_octet` |
//! | A TLS stream ends without its own end (`UnexpectedEof`) | the same | both: an end like any other on an open connection, an error in the opening handshake | `ends::an_end_at_every_octet_of_what_is_read` |
//! | The peer ends its direction only | nothing more may be queued, and what was queued may be written | both: what was queued is written before `read` returns `None` | `closing::half_closed_streams_take_the_rest`, `silence::a_half_closed_peer_takes_the_rest` |
//!
//! # Peers
//!
//! The times are those of the [`Config`](crate::Config); see [`timers`](super::timers).
//!
//! | fault | the machine | the adapters | shown by |
//! |---|---|---|---|
//! | Never reads, says nothing | output waits, up to [`max_output`](crate::Config::max_output); a Ping that is not answered fails the connection | tokio: `send` returns [`Error::Io`](crate::Error::Io) and `read` [`Error::Timeout`](crate::Error::Timeout), `ping_interval`, `pong_timeout` and `close_timeout` later. blocking: a write that gets nowhere for `ping_interval` and `pong_timeout` is [`Error::Io`](crate::Error::Io). It is counted from the call in which the system took the last octets, which itself may have lasted so long | `closing::a_message_that_nobody_took_is_an_error`, `silence::a_blocking_write_that_nobody_takes_is_an_error` |
//! | Never reads, and talks | the same: while output waits, octets that arrive are no sign of life. Halves: they are | tokio, whole: reads ahead 64 KiB of messages and the one behind them at most, and ends in the same way. Split: the reader delivers, the writer waits as long as the peer lives. blocking: as above | `silence::a_peer_that_talks_and_never_reads_is_given_up`, `split::a_peer_that_does_not_read_is_not_read_from` |
//! | Reads slowly, and says nothing | what the transport takes of the output is a sign of life | tokio: the message arrives, however long it takes. blocking: the same, a write counts from where it got somewhere the last time | `protocol::timers::a_slow_reader_is_alive`, `silence::a_peer_that_reads_slowly_is_not_given_up` |
//! | Reads slowly, and has sent a Close | what is queued has `close_timeout` to leave, and is dropped then | both: the same | `protocol::timers::closing_bounds_what_is_left_to_write` |
//! | Both ends write much | not concerned | tokio, whole: one that writes reads the peer's next message, so who answers each message makes progress. Two that only write are given up like peers that talk and never read. Split, both: no limit, while both readers read | `split::two_talkers_do_not_wait_for_one_another`, `split::two_talkers_over_sockets`, `split::two_talkers_on_threads`, `silence::two_talkers_that_never_read_are_given_up` |
//! | Has ended its direction and never reads | output has `close_timeout` from the end on. Halves: who drives them limits it | both: what is left is dropped then, `read` returns `None`, and `flush` an error. blocking, whole: a write that gets nowhere, as above | `silence::a_half_closed_peer_that_never_reads_is_given_up`, and the same `_on_tokio` |
//! | Does not take a request or a response of the opening handshake | [`HandshakeError::Timeout`](crate::handshake::HandshakeError::Timeout) for who waits for the other one's | `client`: that, after `handshake_timeout`. `reject`: gives up after `close_timeout`; blocking: [`Error::Io`](crate::Error::Io), tokio: no error | `silence::a_request_does_not_wait_for_a_server_that_never_reads`, `silence::a_rejection_does_not_wait_for_a_peer_that_never_reads` |
//! | Is silent or slow in the opening handshake | 408 and [`HandshakeError::Timeout`](crate::handshake::HandshakeError::Timeout), `handshake_timeout` from its beginning | both: [`Error::Handshake`](crate::Error::Handshake), after the response | `handshake::a_silent_or_slow_client_is_given_up` |
//! | Never answers a Ping | Close 1011, [`Timeout::Pong`](crate::Timeout::Pong) | both: [`Error::Timeout`](crate::Error::Timeout), `close_timeout` later at most | `timers::a_silent_peer_is_pinged_and_then_given_up` and its like |
//! | Never answers a Close, or never ends the stream behind it | [`Timeout::Close`](crate::Timeout::Close); [`HalfClosed`](crate::EndOfStream::HalfClosed), or [`Clean`](crate::EndOfStream::Clean) | both: `None`, no error | `closing::a_peer_that_never_answers_the_close_is_given_up`, `silence::a_blocking_peer_that_never_answers_the_close_is_given_up` |
//!
//! # Time
//!
//! | fault | the machine | the adapters | shown by |
//! |---|---|---|---|
//! | The clock jumps forward | what has a deadline ends; a connection that was silent for the jump is sent a Ping first, and has the whole `pong_timeout` to answer | both: the same. A Pong that is there when the program comes back is not late | `clock::hours_that_pass_at_once_are_no_silence`, `clock::hours_that_pass_at_once_end_what_has_a_deadline`, `timers::a_pong_that_waited_for_the_task_is_not_late` |
//! | It jumps back | deadlines are late, never early, and none is lost: once it goes on as it should, all ends in its time | neither: their clocks are monotonic | `clock::a_clock_that_goes_back_makes_deadlines_late`, `clock::moments_in_any_order` |
//! | The program does not wait: futures are dropped and made again | not concerned | tokio: timers go on from where they were | `clock::dropped_futures_do_not_stop_the_clock` |
//!
//! # Futures that are dropped or moved
//!
//! Every future of the tokio adapter may be dropped whenever it waits, in `select!` for instance
//! (`cancel::every_call_can_be_dropped_anywhere`, and the same of halves):
//!
//! - **Reading**: no message is lost or comes twice. `close` drops the messages that come while it
//!   is being awaited, and no others; the Close stays sent.
//! - **Writing**: a message is queued wholly or not at all. Once it is queued, which it is as soon
//!   as there was room, the next call that writes goes on at the octet where the last one stopped.
//! - **Opening handshakes** (`accept`, `client`, `connect` and the decisions of
//!   [`Incoming`](crate::tokio::Incoming)) take the stream with them:
//!   `cancel::a_handshake_can_be_dropped_anywhere`, `cancel::deciding_can_be_dropped_anywhere`. Who
//!   waits to connect to the same address has its turn then:
//!   `cancel::connecting_can_be_dropped_anywhere`.
//!
//! A future may be moved to another task in the middle: it is woken where it was polled last, by
//! the stream, by its timers and by the other half (the tests in `wakers`).
