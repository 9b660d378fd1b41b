//! What the driver does when the transport, the peer or the clock misbehaves.
//!
//! Throughout:
//!
//! - **Nothing panics**, whatever the peer sends and the transport does.
//! - **Nothing waits forever** for a peer that is gone or takes nothing, while the timers are on and the
//!   binding keeps the deadlines. The one exception is a transport that never flushes what it took while
//!   the peer talks.
//! - **Nothing that arrived is lost**: a message that was received whole before a fault is delivered,
//!   possibly after a write has failed.
//!
//! The tables hold for a [`Driver`](crate::driver::Driver), whole or split, and so for all adapters.
//! `Events`, `Flush` and `Room` are its [goals](crate::driver::Goal): `read` and `fill` of the adapters
//! drive `Events`, `send` and `flush` drive `Flush`. After the end of a connection, `Events` is
//! [`Ended`](crate::driver::Step::Ended) each time (`read` returns `None`). The times are those of the
//! [`Config`](crate::Config); see [`timers`](super::timers).
//!
//! Most tests run in virtual time for both roles, for whole and split connections, and for four styles
//! of I/O. *Half duplex* is the [setting](crate::driver::Driver::set_half_duplex) for blocking threads.
//!
//! # Reads and writes
//!
//! | situation | decision | test |
//! |---|---|---|
//! | Reads and writes move few bytes, of any number | the same events and bytes | `driver::faults::short_reads_and_writes_change_nothing`, `adapters::faults::conversations_in_pieces_of_every_length_are_the_same` |
//! | The transport can do nothing now, at any step | it is asked again after `resume`; all other steps go on | `driver::lies::a_transport_that_lies_anywhere_changes_nothing`, `driver::lies::two_lies_at_once_change_nothing` |
//! | A write or a flush fails | the output is dropped, and reading goes on to the end of the stream. A goal that writes returns the error, and [`Lost`](crate::driver::Error::Lost) from then on | `driver::faults::a_write_that_fails_does_not_stop_reading`, `driver::lies::a_transport_that_fails_anywhere_is_told` |
//! | The same, during `Events` | no error of `Events`; the next `Flush` or `Room` returns `Lost` | `driver::faults::a_write_that_fails_does_not_stop_reading`, `adapters::faults::a_write_that_fails_while_reading_is_told_to_who_writes` |
//! | The transport took all bytes and has not flushed some | `Flush` waits until they are flushed | `driver::faults::a_flush_is_done_when_the_stream_has_flushed` |
//! | It holds them forever, and the peer talks | the connection stays open, because draining cannot be seen; `Flush` waits | `driver::faults::an_unflushed_stream_of_an_open_connection_is_no_silence` |
//! | It holds them forever, after a Close or an end | they have `close_timeout`, as output has | `driver::faults::a_stream_that_never_flushes_is_given_up` |
//! | Output was dropped because the time to close has passed | `Flush` and `Room` return [`GaveUp`](crate::driver::Error::GaveUp) once, and `Lost` from then on | `driver::flight::the_first_goal_after_a_give_up_tells_of_it_everywhere` |
//! | The time to close has passed, and all was written | no error | `driver::flight::a_give_up_that_loses_nothing_is_no_error` |
//! | A write is in flight at that moment | what is reported later is accepted, and the rest is dropped | `driver::flight::output_in_flight_may_be_put_back_whenever`, `driver::flight::a_write_of_what_was_dropped_may_be_reported_whenever` |
//! | Messages are queued while a write is in flight | they follow it | `driver::flight::output_in_flight_stays_in_front` |
//! | A message is larger than the output may be | `Room` is ready, and the call that sends refuses the message | `driver::goals::there_is_room_for_what_will_never_fit` |
//!
//! # Ends
//!
//! | situation | decision | test |
//! |---|---|---|
//! | The stream ends without a Close | what is queued is written, then `Events` ends: [`Lost`](crate::EndOfStream::Lost) | `driver::faults::an_end_without_a_close_is_lost` |
//! | It is reset without a Close | `Events` returns the error once, and ends then: `Lost` | `driver::faults::an_end_without_a_close_is_lost`, `adapters::ends::a_socket_that_is_reset_or_ended_at_every_octet` |
//! | It ends or fails after a Close of either end | an end without an error: [`Incomplete`](crate::EndOfStream::Incomplete) after one Close, [`Clean`](crate::EndOfStream::Clean) after two | `driver::faults::any_failure_after_a_close_is_an_end`, `adapters::closing::the_ways_in_which_a_stream_ends` |
//! | The peer ends its direction and reads on | all that is queued is written before `Events` ends; nothing more can be queued | `driver::faults::a_half_closed_peer_takes_the_rest` |
//! | The peer ends its direction and takes nothing | output has `close_timeout`, and is dropped then. Half duplex: the end is not seen while a write blocks, so the peer counts as one that never reads | `driver::faults::a_half_closed_peer_that_never_reads_has_the_time_to_close` |
//! | The peer breaks the protocol | the messages before are delivered, a Close tells the peer, the transport is shut down; then `Events` returns [`Protocol`](crate::driver::Error::Protocol) once | `driver::faults::a_peer_that_breaks_the_protocol_is_told_and_then_the_program` |
//! | Shutting down never ends | the end of the connection does not wait for it | `driver::faults::a_shutdown_that_never_ends_does_not_hold_up_the_end` |
//! | A network delays, cuts and resets | all messages arrive in order, or one end is told of the loss; both end | `driver::network::all_is_delivered_in_order_or_reported_lost` |
//!
//! # Peers
//!
//! | situation | decision | test |
//! |---|---|---|
//! | Never reads, silent or not | while output is pending, only its progress counts as life: a Ping after `ping_interval`, a failure after `pong_timeout`, the end after `close_timeout`. `Flush` returns `GaveUp`, `Events` returns [`Timeout`](crate::driver::Error::Timeout) | `driver::faults::a_silent_peer_that_never_reads_is_given_up`, `driver::faults::a_peer_that_talks_and_never_reads_is_given_up` |
//! | Reads slowly | each piece that it takes counts as life | `driver::faults::a_peer_that_reads_slowly_is_not_given_up` |
//! | Reads steadily after a Close | each piece starts `close_timeout` anew | `driver::faults::a_peer_that_reads_steadily_after_its_close_gets_all` |
//! | Reads byte by byte after a Close | it is given up at `close_limit` | `driver::faults::a_peer_that_reads_byte_by_byte_has_the_close_limit` |
//! | Stops reading after a Close | it is given up `close_timeout` after the last piece | `driver::faults::a_peer_that_stops_reading_after_a_close_is_given_up` |
//! | Never answers a Ping | Close 1011, then `Events` returns `Timeout`, `close_timeout` later at most | `driver::faults::a_peer_that_never_answers_a_ping_is_given_up` |
//! | Says anything at all | any byte answers a Ping | `driver::faults::a_peer_that_says_anything_is_alive` |
//! | Never answers a Close | `Events` ends after `close_timeout`: `Incomplete` | `driver::faults::a_peer_that_never_answers_a_close_is_given_up` |
//! | Never ends its stream after the Closes | `Events` ends after `close_timeout`: `Clean` | `driver::faults::a_peer_that_never_ends_its_stream_is_given_up` |
//! | Floods | the clock is looked at after every 16 reads, so deadlines hold | `driver::goals::the_clock_is_looked_at_now_and_then`, `driver::goals::a_flood_does_not_hold_up_the_time_to_close` |
//! | Does not take the answers to what it sends | a whole connection with more than 64 KiB of output pending delivers no more, and reads 64 KiB ahead at most | `adapters::split::a_peer_that_does_not_read_is_not_read_from` |
//! | Echoes what this end echoes | a goal that writes reads 64 KiB ahead, so both make progress. Half duplex: nothing is read ahead | `driver::goals::a_flush_reads_ahead`, `adapters::split::two_talkers_do_not_wait_for_one_another` |
//! | Only writes, as this end does | both take nothing, and time out. Split connections do not, because their readers read | `adapters::silence::two_talkers_that_never_read_are_given_up`, `adapters::split::two_talkers_over_sockets` |
//! | Sends Pings and a Close to a program that only sends | every 16th flush looks for input and writes the answers. Half duplex: nothing is read, and silence does not count | `driver::goals::a_program_that_only_flushes_answers_pings_and_closes`, `driver::goals::a_thread_that_only_sends_does_not_fail_a_live_peer` |
//!
//! # Opening handshakes
//!
//! | situation | decision | test |
//! |---|---|---|
//! | The stream ends | [`UnexpectedEof`](crate::handshake::HandshakeError::UnexpectedEof) | `driver::handshake::an_end_at_every_byte_of_a_request_or_a_response` |
//! | It fails | the error of the transport, `UnexpectedEof` from then on | `driver::handshake::an_end_at_every_byte_of_a_request_or_a_response` |
//! | It fails after a refusal has come | [`Rejected`](crate::handshake::HandshakeError::Rejected) | `driver::handshake::a_client_that_cannot_write_reads_the_refusal` |
//! | Bytes follow the request or the response | they belong to the connection | `driver::handshake::a_server_loses_no_byte_that_follows_the_request`, `driver::handshake::a_client_loses_no_byte_that_follows_the_response` |
//! | The client is silent or slow | 408 after `handshake_timeout`, then [`Timeout`](crate::handshake::HandshakeError::Timeout) | `driver::handshake::a_silent_or_slow_client_is_given_up` |
//! | The request comes at the deadline | it is late | `driver::handshake::the_deadline_is_looked_at_before_reading` |
//! | The server is silent, or does not take the request | `Timeout` after `handshake_timeout` | `driver::handshake::a_silent_server_is_given_up`, `driver::handshake::a_server_that_takes_no_request_is_given_up` |
//! | The server speaks another protocol | [`NotHttp`](crate::handshake::HandshakeError::NotHttp) at the first byte that is wrong | `handshake::greeting::a_server_that_speaks_another_protocol_is_found_out_at_once` |
//! | The server refuses | its status, headers and body, as far as they come within `handshake_timeout` | `handshake::refusal::the_body_is_waited_for`, `handshake::refusal::the_deadline_ends_the_body` |
//! | The request is not valid | it is answered, the write side is shut down, and the peer is read from until it leaves, for `close_timeout` at most | `driver::handshake::a_refusal_is_written_before_reading_on`, `driver::handshake::a_refusal_is_bounded_by_the_time_to_close` |
//! | The peer does not take a refusal by the program | `GaveUp` after `close_timeout` | `driver::handshake::a_refusal_by_the_program_says_whether_it_was_taken` |
//! | A write of the request is in flight at the deadline | the rest is dropped, and a late report is accepted | `driver::handshake::a_request_in_flight_is_dropped_with_the_handshake` |
//!
//! # Time
//!
//! | situation | decision | test |
//! |---|---|---|
//! | The clock jumps forward | a silent connection is sent a Ping first, and has all of `pong_timeout` to answer; other deadlines have passed | `driver::faults::hours_that_pass_at_once_are_no_silence`, `adapters::clock::hours_that_pass_at_once_end_what_has_a_deadline` |
//! | The clock goes back | deadlines are late, never early, and none is lost | `driver::faults::a_clock_that_goes_back_makes_deadlines_late_and_loses_none` |
//! | The program comes back late, and a Pong is there | it is read before the time counts | `adapters::timers::a_pong_that_waited_for_the_task_is_not_late`, `adapters::timers::a_pong_that_waited_for_the_thread_is_not_late` |
//! | Goals are dropped and begun again | timers go on from where they were | `adapters::clock::dropped_futures_do_not_stop_the_clock` |
//!
//! # Dropped goals and futures
//!
//! A goal may be dropped at any step, and so may any future of the tokio adapter, in `select!` for
//! instance.
//!
//! | situation | decision | test |
//! |---|---|---|
//! | A goal is dropped | the next one goes on from there | `driver::lies::goals_may_be_dropped_at_every_step` |
//! | A read is dropped after it took the buffer | nothing is read twice | `driver::lies::a_read_may_be_dropped_after_its_buffer_was_asked_for` |
//! | A future that reads is dropped | no message is lost or comes twice | `adapters::cancel::reading_can_be_dropped_anywhere` |
//! | A future that sends is dropped | the message is queued whole or not at all. Once it is queued, the next call that writes goes on at the same byte | `adapters::cancel::sending_can_be_dropped_anywhere`, `adapters::cancel::a_message_that_waits_for_room_is_sent_or_not` |
//! | `close` is dropped | the Close stays sent. Messages that came in the meantime are dropped, and no others | `adapters::cancel::closing_can_be_dropped_anywhere` |
//! | A handshake or a decision is dropped | the stream goes with it | `adapters::cancel::a_handshake_can_be_dropped_anywhere`, `adapters::cancel::deciding_can_be_dropped_anywhere` |
//! | `connect` is dropped | all attempts end, and the next client at the gate has its turn | `adapters::cancel::connecting_can_be_dropped_anywhere` |
//! | A future moves to another task | the task that polled last is woken, by the stream, by timers and by the other half | `adapters::wakers::a_future_that_moved_is_woken_where_it_is`, `adapters::wakers::halves_that_moved_wake_one_another_where_they_are` |
//! | Two tasks hold the `Stream` and the `Sink` | both make progress | `adapters::sink::two_tasks_may_hold_the_stream_and_the_sink` |
//! | A program asks for events again and again, and takes none | other tasks have their turn | `driver::goals::a_program_that_takes_nothing_is_told_to_yield` |
//!
//! # Two halves
//!
//! | situation | decision | test |
//! |---|---|---|
//! | A reply is to be written and the sending half is busy | the half that is busy writes it next, and the receiving half reads on | `driver::halves::a_reply_is_asked_for_until_it_is_written`, `adapters::split::a_writer_in_the_middle_of_a_write_writes_the_reply_behind_it` |
//! | The sending half is stuck in a write | the receiving half ends the connection at its deadline | `driver::halves::a_writer_that_is_stuck_does_not_hold_up_the_end`, `adapters::split::a_reader_does_not_wait_for_a_writer_whose_peer_takes_nothing` |
//! | The sending half begins to close | the receiving half has a deadline. Half duplex: it sees this within `close_timeout` | `driver::halves::a_close_by_the_sending_half_gives_the_receiving_one_a_deadline`, `driver::halves::a_reading_thread_looks_up_within_the_time_to_close` |
//! | The peer does not take the answers to what it sends | the receiving half reads on; `Room` of the sending half waits, so the program bounds what it passes from one to the other | `adapters::split::feeding_waits_for_room_and_no_longer` |
//! | A write fails | the receiving half reads on to the end of the stream | `driver::faults::a_write_that_fails_does_not_stop_reading` |
//!
//! # Bindings
//!
//! A binding interprets what its transport returns. In the adapters, `GaveUp` is an `Error::Io` of kind
//! `TimedOut`, and `Lost` one of kind `BrokenPipe`. `polled` returns errors as `tokio` does.
//!
//! | the stream returns | `blocking` | `tokio` | test |
//! |---|---|---|---|
//! | `Interrupted` | the call is repeated | an error like any other, because such streams never return it | `adapters::faults::every_call_is_interrupted_once` |
//! | `WouldBlock` or `TimedOut`, at the limit that was set | the deadline is looked at | an error like any other | `adapters::faults::the_end_of_a_timeout_is_no_error_while_closing` |
//! | The same early, twice in a row, or without a limit | the stream is not blocking: `Error::Io` when nothing else can be done. Nothing is lost; repeat the call, and `flush` after `send` | an error like any other | `adapters::faults::a_conversation_that_would_block_at_every_octet`, `adapters::faults::a_reply_that_would_block_is_written_by_a_later_read` |
//! | The same, in an opening handshake | the handshake fails | an error like any other | `adapters::faults::a_handshake_that_would_block_fails` |
//! | `UnexpectedEof` (TLS without its own end) | an end like any other once the connection is open, an error in the opening handshake | the same | `driver::faults::an_end_without_a_close_is_lost`, `adapters::ends::an_end_at_every_octet_of_what_is_read` |
//! | Nothing, for `ping_interval` and `pong_timeout`, to the writer of a split connection | `Error::Io` of kind `TimedOut`; the message stays queued, and `flush` may be repeated | the writer waits for the reader's decision | `adapters::silence::a_blocking_write_that_nobody_takes_is_an_error` |
//! | It knows no time limits (`Plain`) | timers are looked at when bytes arrive | | `adapters::faults::a_caller_that_comes_back_late_has_not_missed_anything` |
