//! What both directions of a connection share: the closing state and pending replies.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use alloc::{borrow::Cow, boxed::Box, vec::Vec};

use super::{
    closing::{EndOfStream, Owed, State, Trigger},
    timer::{Due, Timers},
};
use crate::{
    error::ProtocolError,
    frame::{CloseCode, CloseFrame},
};

/// The state that both directions of a connection share.
#[derive(Debug, Default)]
pub(crate) struct Lifecycle {
    state: State,
    end: Option<EndOfStream>,
    owed_close: Option<CloseCode>,
    owed_ping: bool,
    gave_up: bool,
    // Set when the close timeout, or the program, closed the connection; never cleared.
    closed_by_timeout: bool,
    // Boxed, since most connections have none of it, most of the time.
    rare: Option<Box<Rare>>,
    pub(crate) timers: Timers,
}

/// Payloads of Pings that the sending direction has to answer.
#[derive(Debug, Default)]
#[cfg_attr(not(feature = "std"), allow(dead_code, reason = "only halves owe Pongs"))]
pub(crate) struct Pongs {
    // Each payload follows a byte with its length.
    bytes: Vec<u8>,
    #[cfg(feature = "std")]
    newest: usize,
}

/// What a connection rarely has: pending Pongs, and the Close frames of both directions.
#[derive(Debug, Default)]
struct Rare {
    owed_pongs: Pongs,
    received: Option<CloseFrame>,
    sent: Option<CloseFrame>,
    // Goes with the Close that is owed when the connection has failed.
    reason: Cow<'static, str>,
}

/// What the receiving direction reports to the rest of the connection.
pub(crate) trait ControlSink {
    /// The peer's Close arrived.
    fn close_received(&mut self, frame: CloseFrame);
    /// The peer broke the protocol.
    fn failed(&mut self, error: ProtocolError);
    /// A Ping arrived.
    fn ping_received(&mut self, payload: &[u8]);
}

impl Lifecycle {
    pub(crate) fn apply(&mut self, trigger: Trigger) -> Owed {
        let (next, owed) = self.state.next(trigger);
        if next == State::Closed && self.end.is_none() {
            // A Close that is still pending when a half gives up is never sent.
            let dropped = trigger == Trigger::GiveUp && self.owed_close.is_some();
            let end = self.state.end(trigger);
            self.end = Some(if dropped { EndOfStream::Incomplete } else { end });
        }
        if trigger == Trigger::GiveUp {
            // After the end of the peer's stream it may still read: replies stay pending.
            self.owed_close = None;
            self.owed_ping = false;
            drop(self.take_owed_pongs());
        }
        self.state = next;
        owed
    }

    pub(crate) fn fail(&mut self, code: CloseCode, reason: impl Into<Cow<'static, str>>) {
        if self.apply(Trigger::Fail) == Owed::Close {
            self.owed_close = Some(code);
            self.rare.get_or_insert_default().reason = reason.into();
        }
    }

    pub(crate) fn close_received(&mut self, frame: CloseFrame) {
        if self.apply(Trigger::ReceiveClose) == Owed::Close {
            // The code is echoed (§5.5.1). A Close without one is answered without one.
            self.owed_close = Some(frame.code);
        }
        self.rare.get_or_insert_default().received.get_or_insert(frame);
    }

    pub(crate) fn close_sent(&mut self, frame: CloseFrame) {
        self.rare.get_or_insert_default().sent.get_or_insert(frame);
    }

    /// Keeps the payload of a Ping for the sending direction.
    ///
    /// Pings beyond the reserve replace one another: answering the most recent one is enough
    /// (§5.5.3).
    #[cfg(feature = "std")]
    pub(crate) fn owe_pong(&mut self, payload: &[u8]) {
        if !self.state.may_pong() {
            return;
        }
        let pongs = &mut self.rare.get_or_insert_default().owed_pongs;
        if pongs.bytes.len().saturating_add(payload.len()) >= MAX_OWED_PONGS {
            pongs.bytes.truncate(pongs.newest);
        }
        pongs.newest = pongs.bytes.len();
        // A control payload has at most 125 bytes.
        pongs.bytes.push(u8::try_from(payload.len()).unwrap_or(u8::MAX));
        pongs.bytes.extend_from_slice(payload);
    }

    /// Does what is due, except for queueing a frame.
    pub(crate) fn handle_due(&mut self, due: Due) {
        match due {
            Due::Close => self.give_up(),
            Due::Idle => {
                // The state changes now: the timer must not fire again until the Close is queued.
                if self.state.may_send() {
                    self.apply(Trigger::SendClose);
                    self.owed_close = Some(CloseCode::GOING_AWAY);
                }
            }
            Due::Message => self.fail(CloseCode::POLICY_VIOLATION, "message took too long"),
            Due::Ping => self.owed_ping = true,
            Due::Pong => self.fail(CloseCode::INTERNAL_ERROR, "no Pong in time"),
        }
    }

    /// Closes the connection at once. What is pending is dropped.
    pub(crate) fn give_up(&mut self) {
        self.gave_up = true;
        self.closed_by_timeout |= self.state != State::Closed;
        self.apply(Trigger::GiveUp);
    }

    /// Records that our Close was queued but not sent when the close timeout passed. The closing handshake
    /// is incomplete then (§7.1.4).
    pub(crate) fn close_dropped(&mut self) {
        if self.closed_by_timeout {
            self.end = Some(EndOfStream::Incomplete);
        }
    }

    pub(crate) fn take_owed_ping(&mut self) -> bool {
        core::mem::take(&mut self.owed_ping)
    }

    pub(crate) fn take_owed_pongs(&mut self) -> Option<Pongs> {
        let rare = self.rare.as_mut()?;
        let pongs = core::mem::take(&mut rare.owed_pongs);
        if rare.received.is_none() && rare.sent.is_none() && rare.reason.is_empty() {
            self.rare = None;
        }
        (!pongs.bytes.is_empty()).then_some(pongs)
    }

    pub(crate) fn take_owed_close(&mut self) -> Option<(CloseCode, Cow<'static, str>)> {
        let code = self.owed_close.take()?;
        let reason = self.rare.as_mut().map(|rare| core::mem::take(&mut rare.reason));
        Some((code, reason.unwrap_or_default()))
    }

    pub(crate) const fn owes_close(&self) -> bool {
        self.owed_close.is_some()
    }

    #[inline]
    pub(crate) fn has_replies(&self) -> bool {
        self.owes_close() || self.owed_ping || self.owes_pongs()
    }

    #[inline]
    fn owes_pongs(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| !rare.owed_pongs.bytes.is_empty())
    }

    /// Returns whether the close timeout, or the program, closed the connection.
    #[inline]
    pub(crate) fn gave_up(&self) -> bool {
        self.gave_up
    }

    #[inline]
    pub(crate) fn state(&self) -> State {
        self.state
    }

    pub(crate) fn end(&self) -> Option<EndOfStream> {
        self.end
    }

    pub(crate) fn received_close(&self) -> Option<&CloseFrame> {
        self.rare.as_ref()?.received.as_ref()
    }

    pub(crate) fn sent_close(&self) -> Option<&CloseFrame> {
        self.rare.as_ref()?.sent.as_ref()
    }
}

impl Pongs {
    /// Returns the payloads, oldest first.
    pub(crate) fn payloads(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.bytes.as_slice();
        core::iter::from_fn(move || {
            let (&len, behind) = rest.split_first()?;
            let (payload, behind) = behind.split_at_checked(len.into())?;
            rest = behind;
            Some(payload)
        })
    }
}

/// How many bytes of payloads of Pings are kept for the sending direction.
#[cfg(feature = "std")]
const MAX_OWED_PONGS: usize = 2 << 10;
