//! Counts what is on the heap.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    hint::black_box,
    sync::atomic::{AtomicBool, AtomicIsize, AtomicUsize, Ordering},
};

#[global_allocator]
static COUNTING: Counting = Counting;

static ON: AtomicBool = AtomicBool::new(false);
static OCTETS: AtomicIsize = AtomicIsize::new(0);
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
static ALLOCATED: AtomicIsize = AtomicIsize::new(0);

/// The system's allocator, and a sum. It is switched off while the time is measured.
struct Counting;

/// Makes the GNU allocator keep what is freed, up to 64 MiB of it.
///
/// It gives memory back to the system by thresholds that the largest block freed so far decides
/// about. Without this a message of 1 MiB that is allocated and freed takes 80 µs or 400, by where
/// its block happens to lie and so by which tables went before.
pub(crate) fn settle() {
    drop(black_box(Vec::<u8>::with_capacity(31 << 20)));
}

/// Counts from now on.
pub(crate) fn start() {
    ON.store(true, Ordering::Relaxed);
}

/// Returns how many octets more are allocated than when the count began.
pub(crate) fn octets() -> isize {
    OCTETS.load(Ordering::Relaxed)
}

/// Returns how many allocations this makes, and of how many octets in all.
pub(crate) fn allocated(work: impl FnOnce()) -> (usize, isize) {
    ALLOCATIONS.store(0, Ordering::Relaxed);
    ALLOCATED.store(0, Ordering::Relaxed);
    ON.store(true, Ordering::Relaxed);
    work();
    ON.store(false, Ordering::Relaxed);
    (ALLOCATIONS.load(Ordering::Relaxed), ALLOCATED.load(Ordering::Relaxed))
}

#[inline]
fn count(octets: isize) {
    if ON.load(Ordering::Relaxed) {
        OCTETS.fetch_add(octets, Ordering::Relaxed);
        if octets > 0 {
            ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
            ALLOCATED.fetch_add(octets, Ordering::Relaxed);
        }
    }
}

// SAFETY: everything is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        unsafe { System.realloc(place, layout, size) }
    }
}
