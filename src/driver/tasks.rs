//! Two tasks that wait for one stream, which remembers only one of each kind.

use alloc::{sync::Arc, task::Wake};
use core::task::{Context, Waker};
use std::sync::PoisonError;

use crate::sync::Mutex;

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
    reader: Sharer,
    writer: Sharer,
    both: Option<Arc<Tasks>>,
}

/// A task that may wait. Its waker is kept, to be cloned only when the task is another one.
#[derive(Debug, Default)]
struct Sharer {
    waker: Option<Waker>,
    // Set while it waits, until it is woken.
    waits: bool,
    // Set by a poll that is pending, until the next one that is not. Woken or not, it is about to go on.
    pending: bool,
}

impl Sharers {
    /// Returns the waker to give to the stream, when another task waits as well.
    #[inline]
    pub(crate) fn combined(&mut self, side: Side, cx: &Context<'_>) -> Option<Waker> {
        let (_, other) = self.slots(side);
        if !other.waits {
            return None;
        }
        self.combine(side, cx)
    }

    #[cold]
    fn combine(&mut self, side: Side, cx: &Context<'_>) -> Option<Waker> {
        let (_, other) = self.slots(side);
        let other = other.waker.as_ref().filter(|other| !other.will_wake(cx.waker()))?.clone();
        let tasks = self.both.get_or_insert_default();
        // It does not matter which is which: both are woken.
        tasks.reader.remember(cx.waker());
        tasks.writer.remember(&other);
        Some(Waker::from(Arc::clone(tasks)))
    }

    /// Returns whether another task than this reader is about to write.
    #[inline]
    pub(crate) fn other_writes(&self, side: Side, cx: &Context<'_>) -> bool {
        let is_other = |writer: &Waker| !writer.will_wake(cx.waker());
        let Sharer { waker, pending, .. } = &self.writer;
        matches!(side, Side::Reader) && *pending && waker.as_ref().is_some_and(is_other)
    }

    /// Records whether this side waits. Returns whether it begins to.
    #[inline]
    pub(crate) fn polled(&mut self, side: Side, cx: &Context<'_>, waits: bool) -> bool {
        let (own, _) = self.slots(side);
        let begins = waits && !own.pending;
        own.waits = waits;
        own.pending = waits;
        if waits {
            match &mut own.waker {
                Some(waker) => waker.clone_from(cx.waker()),
                waker => *waker = Some(cx.waker().clone()),
            }
        }
        begins
    }

    /// Wakes the other side, if it waits.
    pub(crate) fn wake_other(&mut self, side: Side) {
        let (_, other) = self.slots(side);
        if core::mem::take(&mut other.waits) {
            other.waker.iter().for_each(Waker::wake_by_ref);
        }
    }

    /// Returns the task of this side and that of the other one.
    #[inline]
    fn slots(&mut self, side: Side) -> (&mut Sharer, &mut Sharer) {
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
