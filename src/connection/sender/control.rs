//! Control frames: Pings, Pongs and Closes of the program, and replies (RFC 6455 §5.5).

use alloc::{borrow::Cow, vec::Vec};

use super::Sender;
use crate::{
    connection::{closing::Trigger, lifecycle::Lifecycle},
    frame::{CloseCode, CloseFrame, MAX_CONTROL_PAYLOAD, MAX_REASON, Opcode},
    message::{Binary, SendError, SendErrorKind},
};

impl Sender {
    /// Queues a Ping or a Pong.
    pub(crate) fn send_control(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        lifecycle: &Lifecycle,
    ) -> Result<(), SendError> {
        if !lifecycle.state().may_send() {
            return Err(SendErrorKind::Closed.into());
        }
        if payload.len() > MAX_CONTROL_PAYLOAD {
            return Err(SendErrorKind::LongControlFrame { len: payload.len() }.into());
        }
        if !self.has_reserve() {
            return Err(SendErrorKind::OutputFull.into());
        }
        self.push_control(opcode, payload);
        Ok(())
    }

    /// Queues a Close and begins the closing handshake.
    pub(crate) fn close(
        &mut self,
        code: CloseCode,
        reason: &str,
        lifecycle: &mut Lifecycle,
    ) -> Result<(), SendError> {
        if !lifecycle.state().may_send() {
            return Err(SendErrorKind::Closed.into());
        }
        if reason.len() > MAX_REASON {
            return Err(SendErrorKind::LongCloseReason { len: reason.len() }.into());
        }
        match code {
            CloseCode::NO_STATUS_RECEIVED if reason.is_empty() => {}
            CloseCode::NO_STATUS_RECEIVED => {
                return Err(SendErrorKind::CloseReasonWithoutCode.into());
            }
            code if code.may_be_sent_by(self.role()) => {}
            code => return Err(SendErrorKind::InvalidCloseCode(code.into()).into()),
        }
        lifecycle.apply(Trigger::SendClose);
        self.push_close(code, reason.into(), lifecycle);
        Ok(())
    }

    /// Answers a Ping.
    ///
    /// If the reserve for control frames is used up, because the peer does not read, the answer is kept, and a
    /// later one replaces it (§5.5.3).
    pub(crate) fn answer_ping(&mut self, payload: &[u8]) {
        if self.owed_pong().is_none() && self.has_reserve() {
            self.push_control(Opcode::Pong, payload);
            return;
        }
        let owed = self.rare.get_or_insert_default().owed_pong.get_or_insert_default();
        owed.clear();
        owed.extend_from_slice(payload);
    }

    /// Queues pending replies, as far as there is room for them.
    #[inline]
    pub(crate) fn queue_replies(&mut self, lifecycle: &mut Lifecycle) {
        if lifecycle.has_replies() || lifecycle.gave_up() || self.rare.is_some() {
            self.queue_owed(lifecycle);
        }
    }

    #[inline(never)]
    fn queue_owed(&mut self, lifecycle: &mut Lifecycle) {
        if lifecycle.gave_up() {
            self.note_dropped(lifecycle);
            self.framer.output.discard();
            drop(self.take_owed_pong());
            return;
        }
        if !lifecycle.state().may_pong() && !lifecycle.owes_close() {
            drop(self.take_owed_pong());
        }
        if self.has_reserve()
            && let Some(payload) = self.take_owed_pong()
        {
            self.push_control(Opcode::Pong, &payload);
        }
        if !lifecycle.has_replies() {
            return;
        }
        if let Some(pongs) = lifecycle.take_owed_pongs() {
            for payload in pongs.payloads() {
                self.answer_ping(payload);
            }
        }
        if lifecycle.take_owed_ping() && lifecycle.state().may_send() && self.has_reserve() {
            self.push_control(Opcode::Ping, b"");
        }
        if let Some((code, reason)) = lifecycle.take_owed_close() {
            lifecycle.apply(Trigger::ReplyQueued);
            self.push_close(code, reason, lifecycle);
        }
    }

    /// Tells the lifecycle when our Close was queued and has not left in the time to close.
    pub(crate) fn note_dropped(&self, lifecycle: &mut Lifecycle) {
        // Only control frames come after a Close.
        let behind = usize::try_from(self.control_len).unwrap_or(usize::MAX);
        if lifecycle.gave_up()
            && lifecycle.sent_close().is_some()
            && self.framer.output.pending_len() > behind
        {
            lifecycle.close_dropped();
        }
    }

    #[inline]
    pub(super) fn owed_pong(&self) -> Option<&Vec<u8>> {
        self.rare.as_ref()?.owed_pong.as_ref()
    }

    fn take_owed_pong(&mut self) -> Option<Vec<u8>> {
        let rare = self.rare.as_mut()?;
        let owed = rare.owed_pong.take();
        if rare.traffic.is_none() {
            self.rare = None;
        }
        owed
    }

    fn has_reserve(&self) -> bool {
        self.control_len < CONTROL_RESERVE || self.controls_are_written()
    }

    /// Returns whether no control frame is pending. Messages may be: with a backlog that never ends, the
    /// output may never be empty.
    fn controls_are_written(&self) -> bool {
        !self.framer.output.has_marked()
    }

    fn push_close(&mut self, code: CloseCode, reason: Cow<'_, str>, lifecycle: &mut Lifecycle) {
        // A pending Ping came before the Close, so it is answered first. A Close comes once.
        if let Some(payload) = self.take_owed_pong() {
            self.push_control(Opcode::Pong, &payload);
        }
        let mut payload = [0; MAX_CONTROL_PAYLOAD];
        let [high, low, rest @ ..] = &mut payload;
        [*high, *low] = u16::from(code).to_be_bytes();
        let reason_len = reason.len().min(rest.len());
        rest.iter_mut().zip(reason.as_bytes()).for_each(|(place, byte)| *place = *byte);
        let len = if code == CloseCode::NO_STATUS_RECEIVED { 0 } else { 2 + reason_len };
        self.push_control(Opcode::Close, payload.get(..len).unwrap_or_default());
        self.control_len = 0;
        self.fragmented = None;
        self.note_place();
        lifecycle.close_sent(CloseFrame { code, reason: reason.into_owned() });
    }

    fn push_control(&mut self, opcode: Opcode, payload: &[u8]) {
        if self.controls_are_written() {
            self.control_len = 0;
        }
        let before = self.framer.output.len();
        // Beyond the limit, too: the reserve bounds them.
        if !self.framer.push_small(opcode, payload, usize::MAX) {
            self.framer.push_frame(opcode, true, false, Binary::from(payload).into());
        }
        let wire_bytes = self.framer.output.len() - before;
        if let Some(traffic) = self.rare.as_mut().and_then(|rare| rare.traffic.as_mut()) {
            traffic.frame_sent(wire_bytes);
        }
        let len = u32::try_from(wire_bytes).unwrap_or(u32::MAX);
        self.control_len = self.control_len.saturating_add(len);
        self.framer.output.mark_end();
    }
}

/// How many bytes of control frames may be pending before only the newest Ping is answered.
const CONTROL_RESERVE: u32 = 4 << 10;
