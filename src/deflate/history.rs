//! The bytes that a message may refer to.

use alloc::vec::Vec;
use core::{
    mem,
    sync::atomic::{AtomicU64, Ordering},
};

use super::WindowBits;

/// The bytes that were compressed or inflated last, at most a window.
///
/// With them a state of the library's can be made as if it had seen them.
pub(super) struct History {
    octets: Vec<u8>,
    // Where the oldest byte lies, once the window is full.
    start: usize,
    window: usize,
}

impl History {
    /// Makes an empty one.
    pub(super) fn new(bits: WindowBits) -> Self {
        Self { octets: Vec::new(), start: 0, window: bits.size() }
    }

    /// Keeps the last window of what there is and what is pushed.
    pub(super) fn push(&mut self, pushed: &[u8]) {
        let Self { octets, start, window } = self;
        let skipped = pushed.len().saturating_sub(*window);
        let last = pushed.get(skipped..).unwrap_or_default();
        let (new, over) = last.split_at(last.len().min(*window - octets.len()));
        if octets.capacity() - octets.len() < new.len() {
            // Twice as much, but no more than a window.
            let capacity = (octets.len() + new.len()).next_power_of_two().min(*window);
            octets.reserve_exact(capacity - octets.len());
        }
        octets.extend_from_slice(new);
        // The window is full, if anything is over.
        let (at_start, at_front) = over.split_at(over.len().min(*window - *start));
        for (from, place) in [(at_start, *start), (at_front, 0)] {
            if let Some(octets) = octets.get_mut(place..place + from.len()) {
                octets.copy_from_slice(from);
            }
        }
        let end = *start + at_start.len();
        *start = if end < *window { end } else { at_front.len() };
    }

    /// Returns the bytes, the older ones first.
    pub(super) fn parts(&self) -> [&[u8]; 2] {
        let (newer, older) = self.octets.split_at(self.start);
        [older, newer]
    }

    pub(super) fn len(&self) -> usize {
        self.octets.len()
    }

    pub(super) fn window(&self) -> usize {
        self.window
    }

    /// Forgets everything, and uses the given buffer from now on.
    pub(super) fn set_room(&mut self, room: Vec<u8>) {
        self.octets = room;
        self.octets.clear();
        self.start = 0;
    }

    /// Forgets everything, and returns its buffer.
    pub(super) fn take_room(&mut self) -> Vec<u8> {
        self.start = 0;
        mem::take(&mut self.octets)
    }
}

/// A place in the traffic of a connection in one direction: after a number of messages.
///
/// A state of the library that was left there can go on there, and nowhere else.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Mark {
    connection: u64,
    messages: u64,
}

impl Mark {
    /// Returns the mark of no connection.
    pub(super) const fn nowhere() -> Self {
        Self { connection: 0, messages: 0 }
    }

    /// Returns a mark before the first message of a connection.
    pub(super) fn start() -> Self {
        Self { connection: CONNECTIONS.fetch_add(1, Ordering::Relaxed), messages: 0 }
    }

    /// Moves on by one message.
    pub(super) fn advance(&mut self) {
        self.messages += 1;
    }
}

static CONNECTIONS: AtomicU64 = AtomicU64::new(1);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_last_window_is_kept(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..700), 0..12),
            bits in 8_u8..=9,
        ) {
            let mut history = History::new(WindowBits::new(bits).expect("right"));
            let mut all = Vec::<u8>::new();
            for piece in &pieces {
                history.push(piece);
                all.extend(piece);
                let kept = all.len().min(1 << bits);
                prop_assert_eq!(history.parts().concat(), &all[all.len() - kept..]);
                prop_assert!(history.octets.capacity() <= 1 << bits);
            }
        }
    }
}
