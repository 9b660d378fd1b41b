//! Two tasks that wait for one stream, which remembers only one of each kind.

use alloc::{sync::Arc, task::Wake};
use core::{
    mem,
    task::{Context, Poll, Waker},
};
use std::sync::{Mutex, PoisonError};

/// The tasks that read and write.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    pub(super) reader: Task,
    pub(super) writer: Task,
}

/// A task that waits, if it does.
#[derive(Debug, Default)]
pub(super) struct Task(Mutex<Option<Waker>>);

impl Task {
    /// Remembers the task that a half lives in.
    pub(super) fn remember(&self, waker: &Waker) {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *slot {
            Some(known) => known.clone_from(waker),
            slot => *slot = Some(waker.clone()),
        }
    }

    /// Wakes the task, if it waits.
    pub(super) fn wake(&self) {
        let waker = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Wakes both: either may go on with what the stream is ready for.
impl Wake for Tasks {
    fn wake(self: Arc<Self>) {
        self.reader.wake();
        self.writer.wake();
    }
}

/// The tasks that receive and send with one object.
///
/// While only one task waits, the stream is given its own waker.
#[derive(Debug, Default)]
pub(super) struct Sharers {
    waiting: [Option<Waker>; 2],
    both: Option<Arc<Tasks>>,
}

impl Sharers {
    /// Returns the waker to give to the stream, when another task waits as well.
    pub(super) fn combined(&mut self, side: Side, cx: &Context<'_>) -> Option<Waker> {
        let other = self.waiting[side.other()].as_ref()?;
        if other.will_wake(cx.waker()) {
            return None;
        }
        let tasks = self.both.get_or_insert_default();
        tasks.reader.remember(cx.waker());
        tasks.writer.remember(other);
        Some(Waker::from(Arc::clone(tasks)))
    }

    /// Records whether this side waits, and wakes the other one if anything `moved`: what it waits
    /// for may be there.
    pub(super) fn polled<T>(&mut self, side: Side, cx: &Context<'_>, poll: &Poll<T>, moved: bool) {
        let other = side.other();
        if moved && let Some(waker) = mem::take(&mut self.waiting[other]) {
            waker.wake();
        }
        match (&mut self.waiting[side as usize], poll) {
            (slot, Poll::Ready(_)) => *slot = None,
            (Some(waker), Poll::Pending) => waker.clone_from(cx.waker()),
            (slot, Poll::Pending) => *slot = Some(cx.waker().clone()),
        }
    }
}

/// Who polls.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    Reader,
    Writer,
}

impl Side {
    const fn other(self) -> usize {
        1 - self as usize
    }
}
