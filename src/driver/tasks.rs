//! Two tasks that wait for one stream, which remembers only one of each kind.

use alloc::{sync::Arc, task::Wake};
use core::task::{Context, Poll, Waker};
use std::sync::{Mutex, PoisonError};

/// The tasks that read and write.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    pub(crate) reader: Task,
    pub(crate) writer: Task,
}

/// A task that waits, if it does.
#[derive(Debug, Default)]
pub(crate) struct Task(Mutex<Option<Waker>>);

impl Task {
    /// Remembers the task that a half lives in.
    pub(crate) fn remember(&self, waker: &Waker) {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *slot {
            Some(known) => known.clone_from(waker),
            slot => *slot = Some(waker.clone()),
        }
    }

    /// Wakes the task, if it waits.
    pub(crate) fn wake(&self) {
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
pub(crate) struct Sharers {
    reader: Option<Waker>,
    writer: Option<Waker>,
    both: Option<Arc<Tasks>>,
}

impl Sharers {
    /// Returns the waker to give to the stream, when another task waits as well.
    pub(crate) fn combined(&mut self, side: Side, cx: &Context<'_>) -> Option<Waker> {
        let (_, other) = self.slots(side);
        let other = other.as_ref().filter(|other| !other.will_wake(cx.waker()))?.clone();
        let tasks = self.both.get_or_insert_default();
        // It does not matter which is which: both are woken.
        tasks.reader.remember(cx.waker());
        tasks.writer.remember(&other);
        Some(Waker::from(Arc::clone(tasks)))
    }

    /// Records whether this side waits, and wakes the other one if anything `moved`: what it waits
    /// for may be there.
    pub(crate) fn polled<T>(&mut self, side: Side, cx: &Context<'_>, poll: &Poll<T>, moved: bool) {
        let (own, other) = self.slots(side);
        if moved && let Some(waker) = other.take() {
            waker.wake();
        }
        match (own, poll) {
            (own, Poll::Ready(_)) => *own = None,
            (Some(waker), Poll::Pending) => waker.clone_from(cx.waker()),
            (own, Poll::Pending) => *own = Some(cx.waker().clone()),
        }
    }

    /// Returns the task of this side and that of the other one.
    fn slots(&mut self, side: Side) -> (&mut Option<Waker>, &mut Option<Waker>) {
        match side {
            Side::Reader => (&mut self.reader, &mut self.writer),
            Side::Writer => (&mut self.writer, &mut self.reader),
        }
    }
}

/// Who polls.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    Reader,
    Writer,
}
