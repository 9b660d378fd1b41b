//! What each trigger does in each state: `src/connection/closing.rs` as it looks from outside.

use framewise::{EndOfStream, Role, State, State::*, Transport};

/// What changes the state.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Trigger {
    /// `close` is called, or the idle timer closes.
    SendClose,
    /// The last octet of a Close arrives.
    ReceiveClose,
    /// The Close that a half owes is queued by the other one.
    ReplyQueued,
    /// A broken frame arrives, or a Pong does not.
    Fail,
    /// The time to close is over.
    GiveUp,
    /// `receive_eof` is called.
    EndOfStream,
}

pub(super) const STATES: [State; 6] = [Open, CloseSent, CloseReceived, Closing, Failed, Closed];
pub(super) const TRIGGERS: [Trigger; 6] = [
    Trigger::SendClose,
    Trigger::ReceiveClose,
    Trigger::ReplyQueued,
    Trigger::Fail,
    Trigger::GiveUp,
    Trigger::EndOfStream,
];

/// Returns the next state.
pub(super) fn next(state: State, trigger: Trigger, halves: bool) -> State {
    match (state, trigger) {
        (Open, Trigger::SendClose) => CloseSent,
        // A whole connection queues its answer at once.
        (Open, Trigger::ReceiveClose) if halves => CloseReceived,
        (Open, Trigger::ReceiveClose) => Closing,
        (CloseSent, Trigger::ReceiveClose) | (CloseReceived, Trigger::ReplyQueued) => Closing,
        (Open | CloseSent, Trigger::Fail) => Failed,
        (_, Trigger::GiveUp | Trigger::EndOfStream) => Closed,
        (state, _) => state,
    }
}

/// Returns how a connection has ended that `trigger` has closed.
pub(super) fn end(state: State, trigger: Trigger) -> EndOfStream {
    match state {
        Open | Closed => EndOfStream::Lost,
        CloseReceived if trigger == Trigger::EndOfStream => EndOfStream::Clean,
        CloseSent | CloseReceived | Failed => EndOfStream::Incomplete,
        Closing => EndOfStream::Clean,
    }
}

/// Returns what is to be done with the transport: the server ends its direction first.
pub(super) fn transport(state: State, role: Role) -> Transport {
    match (state, role) {
        (Closed, _) => Transport::Close,
        (Closing | Failed, Role::Server) => Transport::ShutdownWrite,
        _ => Transport::Open,
    }
}
