//! A machine, whole or in halves, behind one set of methods.

use framewise::{
    CloseCode, CloseFrame, Connection, EndOfStream, Event, Input, Output, ProtocolError, SendError,
    State, Timeout, Transport, time::Instant,
};
#[cfg(feature = "std")]
use framewise::{ReceiveHalf, SendHalf};

use crate::pair::Tell as _;

#[allow(clippy::large_enum_variant, reason = "there are two")]
pub(super) enum Machine {
    Whole(Connection),
    #[cfg(feature = "std")]
    Halves(ReceiveHalf, SendHalf),
}

/// Calls a method of the connection, or the same one of the receiving half.
macro_rules! receiving {
    ($machine:expr, $half:ident => $call:expr) => {
        match $machine {
            Machine::Whole($half) => $call,
            #[cfg(feature = "std")]
            Machine::Halves($half, _) => $call,
        }
    };
}

/// Calls a method of the connection, or the same one of the sending half.
macro_rules! sending {
    ($machine:expr, $half:ident => $call:expr) => {
        match $machine {
            Machine::Whole($half) => $call,
            #[cfg(feature = "std")]
            Machine::Halves(_, $half) => $call,
        }
    };
}

impl Machine {
    pub(super) fn is_whole(&self) -> bool {
        matches!(self, Self::Whole(_))
    }

    pub(super) fn close(&mut self) -> Result<(), SendError> {
        sending!(self, half => half.close(CloseCode::NORMAL, ""))
    }

    pub(super) fn ping(&mut self) -> Result<(), SendError> {
        sending!(self, half => half.ping(b""))
    }

    pub(super) fn send_text(&mut self) -> Result<(), SendError> {
        sending!(self, half => half.send_text("a"))
    }

    /// Takes the octets of one read; returns the events and the error.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> (Vec<Event<'static>>, Option<ProtocolError>) {
        let mut bytes = bytes.to_vec();
        let mut input = Input::new(&mut bytes);
        let mut events = Vec::new();
        loop {
            match receiving!(self, half => half.receive(&mut input)) {
                Ok(Some(event)) => events.push(event.into_owned()),
                Ok(None) => return (events, None),
                Err(error) => return (events, Some(error)),
            }
        }
    }

    pub(super) fn receive_eof(&mut self) -> EndOfStream {
        receiving!(self, half => half.receive_eof())
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) -> Option<Timeout> {
        receiving!(self, half => half.handle_timeout(now))
    }

    /// Tells the time when nothing is due; returns the deadline.
    pub(super) fn tell(&mut self, now: Instant) -> Option<Instant> {
        receiving!(self, half => half.tell(now))
    }

    /// What is owed is queued by this.
    pub(super) fn output(&mut self) -> &mut Output {
        sending!(self, half => half.output())
    }

    pub(super) fn has_output(&self) -> bool {
        sending!(self, half => half.has_output())
    }

    /// Whether the sending half has to queue something. A whole connection has done so already.
    pub(super) fn owes_reply(&self) -> bool {
        match self {
            Self::Whole(_) => false,
            #[cfg(feature = "std")]
            Self::Halves(receiving, _) => receiving.owes_reply(),
        }
    }

    pub(super) fn state(&self) -> State {
        let state = receiving!(self, half => half.state());
        assert_eq!(state, sending!(self, half => half.state()), "the halves agree");
        state
    }

    pub(super) fn transport(&self) -> Transport {
        receiving!(self, half => half.transport())
    }

    pub(super) fn end(&self) -> Option<EndOfStream> {
        receiving!(self, half => half.end())
    }

    pub(super) fn received_close(&self) -> Option<CloseFrame> {
        match self {
            Self::Whole(connection) => connection.received_close().cloned(),
            #[cfg(feature = "std")]
            Self::Halves(receiving, _) => receiving.received_close(),
        }
    }
}
