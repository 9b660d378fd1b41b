//! The closing handshake (RFC 6455 §7): every change of state, in one table.
//!
//! Rule 1: what decides over the state of a connection is here and nowhere else.
//! Rule 2: this file does not know how frames are read or written.
//!
//! ```text
//!            SendClose                      ReceiveClose
//!   Open ───────────────▶ CloseSent ──────────────────────────────▶ Closing
//!    │                        │                                        ▲  │
//!    │ ReceiveClose           │                          ReplyQueued   │  │
//!    ├───────────────────▶ CloseReceived ──────────────────────────────┘  │
//!    │ Fail                   │                                           │
//!    ├───────────────────▶ Failed ◀── Fail ── CloseSent                   │
//!    │ EndOfStream            │ EndOfStream, GiveUp (in every state)      │
//!    └───────────────────▶ Closed ◀───────────────────────────────────────┘
//! ```

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use crate::role::Role;

/// How far a connection is on its way from open to closed.
///
/// RFC 6455's CLOSING is all that lies between [`Open`](Self::Open) and [`Closed`](Self::Closed).
///
/// ```
/// use std::sync::Arc;
/// use framewise::{CloseCode, Config, Connection, State};
///
/// let mut connection = Connection::server(Arc::new(Config::default()));
/// assert_eq!(connection.state(), State::Open);
/// connection.close(CloseCode::NORMAL, "")?;
/// assert_eq!(connection.state(), State::CloseSent);
/// # Ok::<(), framewise::SendError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[allow(
    clippy::exhaustive_enums,
    reason = "the states of RFC 6455 §7; a new one would need care everywhere"
)]
pub enum State {
    /// Messages go both ways.
    #[default]
    Open,
    /// This endpoint has sent its Close, or is about to, and waits for the peer's. Messages still
    /// arrive.
    CloseSent,
    /// The peer has sent its Close, and the answer is owed. A connection that is not split answers
    /// at once, so this state is seen in halves only.
    CloseReceived,
    /// A Close went each way. Only the end of the stream is missing.
    Closing,
    /// The peer broke the protocol, and `receive` returns how; or it fell silent, and
    /// `handle_timeout` has told so. The peer is told with a Close, if none was sent before, and
    /// nothing more is read (RFC 6455 §7.1.7).
    Failed,
    /// The stream has ended, or this endpoint stopped waiting for its end.
    Closed,
}

/// What is to be done with the transport, once all output is written.
///
/// The server closes TCP first (RFC 6455 §7.1.1): both write and read are over for it when the
/// closing handshake is done, but it shuts down only the write side and reads on until the peer's
/// end, so that the last frames are not lost to a reset. The client waits for the server's end.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[allow(clippy::exhaustive_enums, reason = "a driver has to handle each")]
pub enum Transport {
    /// Read and write.
    Open,
    /// Shut down the write side, go on reading until the end of the stream.
    ShutdownWrite,
    /// Close it: nothing more will be read or written.
    Close,
}

/// How the peer's stream of bytes ended (RFC 6455 §7.1.4).
///
/// Never an error; the variant says whether data may be lost.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[allow(clippy::exhaustive_enums, reason = "there are no other ways to end")]
pub enum EndOfStream {
    /// After a Close in both directions: closed cleanly. The answer to the peer's Close may still be
    /// pending when the stream ends.
    Clean,
    /// After a Close in one direction only, or after a failure: the closing handshake is incomplete.
    /// The peer did not wait for our Close, did not answer it, or did not take it in time.
    Incomplete,
    /// Without any Close: the connection was lost (code 1006 in RFC 6455 §7.1.5).
    Lost,
}

/// What changes the state.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Trigger {
    /// This endpoint queued a Close of its own accord (§7.1.2).
    SendClose,
    /// The peer's Close arrived (§5.5.1).
    ReceiveClose,
    /// The Close that was owed has been queued.
    ReplyQueued,
    /// The peer broke the protocol, or did not answer a Ping (§7.1.7).
    Fail,
    /// The time to wait for the end is over.
    GiveUp,
    /// The peer's stream ended (§7.1.4).
    EndOfStream,
}

/// What a change of state makes this endpoint owe.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Owed {
    /// A Close frame.
    Close,
    /// Nothing.
    Nothing,
}

impl State {
    /// Returns the next state, and what is owed then.
    pub(crate) const fn next(self, trigger: Trigger) -> (Self, Owed) {
        match (self, trigger) {
            (Self::Open, Trigger::SendClose) => (Self::CloseSent, Owed::Nothing),
            (Self::Open, Trigger::ReceiveClose) => (Self::CloseReceived, Owed::Close),
            (Self::Open, Trigger::ReplyQueued) => (Self::Open, Owed::Nothing),
            (Self::Open, Trigger::Fail) => (Self::Failed, Owed::Close),
            (Self::Open, Trigger::GiveUp) => (Self::Closed, Owed::Nothing),
            (Self::Open, Trigger::EndOfStream) => (Self::Closed, Owed::Nothing),

            (Self::CloseSent, Trigger::SendClose) => (Self::CloseSent, Owed::Nothing),
            (Self::CloseSent, Trigger::ReceiveClose) => (Self::Closing, Owed::Nothing),
            (Self::CloseSent, Trigger::ReplyQueued) => (Self::CloseSent, Owed::Nothing),
            // At most one Close is ever sent (§5.5.1): the failure is not told.
            (Self::CloseSent, Trigger::Fail) => (Self::Failed, Owed::Nothing),
            (Self::CloseSent, Trigger::GiveUp) => (Self::Closed, Owed::Nothing),
            (Self::CloseSent, Trigger::EndOfStream) => (Self::Closed, Owed::Nothing),

            (Self::CloseReceived, Trigger::SendClose) => (Self::CloseReceived, Owed::Nothing),
            (Self::CloseReceived, Trigger::ReceiveClose) => (Self::CloseReceived, Owed::Nothing),
            (Self::CloseReceived, Trigger::ReplyQueued) => (Self::Closing, Owed::Nothing),
            // What comes after the peer's Close is not looked at (§1.4).
            (Self::CloseReceived, Trigger::Fail) => (Self::CloseReceived, Owed::Nothing),
            (Self::CloseReceived, Trigger::GiveUp) => (Self::Closed, Owed::Nothing),
            (Self::CloseReceived, Trigger::EndOfStream) => (Self::Closed, Owed::Nothing),

            (
                Self::Closing,
                Trigger::SendClose | Trigger::ReceiveClose | Trigger::ReplyQueued | Trigger::Fail,
            ) => (Self::Closing, Owed::Nothing),
            (Self::Closing, Trigger::GiveUp) => (Self::Closed, Owed::Nothing),
            (Self::Closing, Trigger::EndOfStream) => (Self::Closed, Owed::Nothing),

            // Not even an answering Close is processed after a failure (§7.1.7).
            (
                Self::Failed,
                Trigger::SendClose | Trigger::ReceiveClose | Trigger::ReplyQueued | Trigger::Fail,
            ) => (Self::Failed, Owed::Nothing),
            (Self::Failed, Trigger::GiveUp) => (Self::Closed, Owed::Nothing),
            (Self::Failed, Trigger::EndOfStream) => (Self::Closed, Owed::Nothing),

            (
                Self::Closed,
                Trigger::SendClose
                | Trigger::ReceiveClose
                | Trigger::ReplyQueued
                | Trigger::Fail
                | Trigger::GiveUp
                | Trigger::EndOfStream,
            ) => (Self::Closed, Owed::Nothing),
        }
    }

    /// Returns how the connection has ended when `trigger` ends it in this state (§7.1.4).
    pub(crate) const fn end(self, trigger: Trigger) -> EndOfStream {
        match (self, trigger) {
            (Self::Open, _) => EndOfStream::Lost,
            // The answer is owed and still goes out, as it does when it was queued at once.
            (Self::CloseReceived, Trigger::EndOfStream) | (Self::Closing, _) => EndOfStream::Clean,
            (Self::CloseSent | Self::CloseReceived | Self::Failed, _) => EndOfStream::Incomplete,
            // The first end counts; see `Lifecycle::apply`.
            (Self::Closed, _) => EndOfStream::Lost,
        }
    }

    /// Returns what is to be done with the transport once the output is written (§7.1.1).
    pub(crate) const fn transport(self, role: Role) -> Transport {
        match (self, role) {
            (Self::Open | Self::CloseSent | Self::CloseReceived, Role::Client | Role::Server) => {
                Transport::Open
            }
            (Self::Closing | Self::Failed, Role::Client) => Transport::Open,
            (Self::Closing | Self::Failed, Role::Server) => Transport::ShutdownWrite,
            (Self::Closed, Role::Client | Role::Server) => Transport::Close,
        }
    }

    /// Returns whether frames other than a Close may be queued (§5.5.1, §6.1).
    #[inline]
    pub(crate) const fn may_send(self) -> bool {
        matches!(self, Self::Open)
    }

    /// Returns whether Pings are answered: until the peer's Close, even behind our own (§5.5.2).
    pub(crate) const fn may_pong(self) -> bool {
        matches!(self, Self::Open | Self::CloseSent)
    }
}

#[cfg(test)]
mod tests {
    use super::{EndOfStream, Owed, Role, State, State::*, Transport, Trigger, Trigger::*};

    const STATES: [State; 6] = [Open, CloseSent, CloseReceived, Closing, Failed, Closed];
    const TRIGGERS: [Trigger; 6] =
        [SendClose, ReceiveClose, ReplyQueued, Fail, GiveUp, EndOfStream];

    // 6455-7.1.2-01, 6455-7.1.3-01, 6455-7.1.4-01, 6455-5.5.1-10, 6455-5.5.1-20, 6455-5.5.1-21
    #[test]
    fn the_whole_table() {
        // One row a state, one column a trigger; `+` marks a Close that is owed.
        let table = STATES.map(|state| {
            TRIGGERS.map(|trigger| {
                let (next, owed) = state.next(trigger);
                (next, owed == Owed::Close)
            })
        });
        let quiet = |states: [State; 6]| states.map(|state| (state, false));
        assert_eq!(
            table,
            [
                [
                    (CloseSent, false),
                    (CloseReceived, true),
                    (Open, false),
                    (Failed, true),
                    (Closed, false),
                    (Closed, false),
                ],
                quiet([CloseSent, Closing, CloseSent, Failed, Closed, Closed]),
                quiet([CloseReceived, CloseReceived, Closing, CloseReceived, Closed, Closed]),
                quiet([Closing, Closing, Closing, Closing, Closed, Closed]),
                quiet([Failed, Failed, Failed, Failed, Closed, Closed]),
                quiet([Closed; 6]),
            ]
        );
    }

    // 6455-7.1.4-03
    #[test]
    fn how_each_state_ends() {
        use EndOfStream::{Clean, Incomplete, Lost};
        let ends = STATES.map(|state| (state.end(EndOfStream), state.end(GiveUp)));
        let half = (Incomplete, Incomplete);
        let expected =
            [(Lost, Lost), half, (Clean, Incomplete), (Clean, Clean), half, (Lost, Lost)];
        assert_eq!(ends, expected);
    }

    // 6455-7.1.1-01, 6455-5.5.1-17, 6455-5.5.1-18, 6455-5.5.2-03, 6455-6.1-02
    #[test]
    fn what_each_state_allows() {
        use Transport::{Close, Open as Both, ShutdownWrite};
        let client = STATES.map(|state| state.transport(Role::Client));
        assert_eq!(client, [Both, Both, Both, Both, Both, Close]);
        let server = STATES.map(|state| state.transport(Role::Server));
        assert_eq!(server, [Both, Both, Both, ShutdownWrite, ShutdownWrite, Close]);
        assert_eq!(STATES.map(State::may_send), [true, false, false, false, false, false]);
        assert_eq!(STATES.map(State::may_pong), [true, true, false, false, false, false]);
    }
}
