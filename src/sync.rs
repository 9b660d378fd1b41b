//! What tasks and threads share: the standard library's types, or loom's in a model check; see
//! `tests/loom`.

#[cfg(loom)]
pub(crate) use self::checked::AtomicBool;
#[cfg(loom)]
pub(crate) use loom::sync::{Mutex, MutexGuard, atomic::Ordering};
#[cfg(not(loom))]
pub(crate) use {
    core::sync::atomic::{AtomicBool, Ordering},
    std::sync::{Mutex, MutexGuard},
};

#[cfg(loom)]
mod checked {
    use super::Ordering;

    /// loom lets a swap overlook a store by another thread that it comes after. It orders two swaps as
    /// the language does, so this stores by swapping.
    #[derive(Debug)]
    pub(crate) struct AtomicBool(loom::sync::atomic::AtomicBool);

    impl AtomicBool {
        pub(crate) fn new(value: bool) -> Self {
            Self(loom::sync::atomic::AtomicBool::new(value))
        }

        pub(crate) fn load(&self, ordering: Ordering) -> bool {
            self.0.load(ordering)
        }

        pub(crate) fn store(&self, value: bool, ordering: Ordering) {
            self.0.swap(value, ordering);
        }

        pub(crate) fn swap(&self, value: bool, ordering: Ordering) -> bool {
            self.0.swap(value, ordering)
        }
    }
}
