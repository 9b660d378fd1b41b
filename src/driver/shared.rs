//! What the two halves of an adapter share: the way to write.

use alloc::sync::Arc;
use core::fmt;
use std::sync::{PoisonError, TryLockError};

use super::{Driver, SendDriver};
use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering};

/// A transport to write to and the driver of the sending half, behind a lock.
///
/// The half that writes takes the lock. The half that reads tries to when there is a reply to write. If it
/// finds the lock taken, the other half writes the reply when it is done.
#[derive(Debug)]
pub(crate) struct Shared<S> {
    side: Mutex<Side<S>>,
    // Whether the reading half has found the lock taken.
    wanted: AtomicBool,
}

/// What the lock protects.
#[derive(Debug)]
pub(crate) struct Side<S> {
    pub(crate) stream: S,
    pub(crate) driver: SendDriver,
}

impl<S> Shared<S> {
    pub(crate) fn new(stream: S, driver: SendDriver) -> Self {
        let side = Mutex::new(Side { stream, driver });
        Self { side, wanted: AtomicBool::new(false) }
    }

    /// Runs `run` under the lock. Returns what it does, and whether the reading half has found the lock
    /// taken and has a reply to write.
    pub(crate) fn lock<T>(&self, run: impl FnOnce(&mut Side<S>) -> T) -> (T, bool) {
        // A stream that panics may be in any state, but what it does next is memory safe.
        let mut side = self.side.lock().unwrap_or_else(PoisonError::into_inner);
        let result = run(&mut side);
        drop(side);
        (result, self.wanted.swap(false, Ordering::SeqCst))
    }

    /// Runs `run` under the lock for the reading half, unless the lock is taken: then the next
    /// [`lock`](Self::lock) tells of it.
    pub(crate) fn try_lock<T>(&self, run: impl FnOnce(&mut Side<S>) -> T) -> Option<T> {
        // A swap, which is ordered with the other one: either that finds this, or the lock is free.
        self.wanted.swap(true, Ordering::SeqCst);
        let mut side = self.guard()?;
        self.wanted.store(false, Ordering::SeqCst);
        Some(run(&mut side))
    }

    /// Runs `run` under the lock unless it is taken. Leaves no mark if it is.
    pub(crate) fn peek<T>(&self, run: impl FnOnce(&mut Side<S>) -> T) -> Option<T> {
        self.guard().map(|mut side| run(&mut side))
    }

    /// Returns the contents, when no other half holds them any more.
    pub(crate) fn into_side(self) -> Side<S> {
        self.side.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn guard(&self) -> Option<MutexGuard<'_, Side<S>>> {
        match self.side.try_lock() {
            Ok(side) => Some(side),
            Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// Takes what two halves share, after one of them was dropped.
#[allow(clippy::expect_used, reason = "nothing else holds it")]
pub(crate) fn alone<T>(shared: Arc<T>) -> T {
    Arc::into_inner(shared).expect("the other half was dropped")
}

/// Returns the driver of two halves that are known to belong together.
#[allow(clippy::expect_used, reason = "they were made together")]
pub(crate) fn joined<E: fmt::Debug>(driver: Result<Driver, E>) -> Driver {
    driver.expect("halves of one connection")
}
