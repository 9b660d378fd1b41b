//! The queue of octets that wait to be written.

use alloc::{boxed::Box, collections::VecDeque, sync::Arc, vec::Vec};
use core::{fmt, iter, mem};
#[cfg(feature = "std")]
use std::io::IoSlice;

/// Octets that wait to be written to the transport, in order.
///
/// The queue is a list of chunks. Small frames are appended to one another, so that many sends
/// leave in one write; a large payload that the caller gave away is a chunk of its own and is never
/// copied. The driver writes [`chunk`](Self::chunk) (or several at once, from
/// [`chunks`](Self::chunks)) and reports with [`advance`](Self::advance) how much the transport
/// took.
///
/// The words are those of the `Buf` trait of the `bytes` crate. Drained, the queue keeps at most
/// one cleared buffer of 16 KiB, and nothing after [`release`](Self::release).
///
/// ```
/// use std::{io::Write, sync::Arc};
/// use framewise::{Config, Connection};
///
/// let mut connection = Connection::server(Arc::new(Config::default()));
/// connection.send_text("Hello")?;
///
/// let mut transport = Vec::new();
/// while !connection.output().is_empty() {
///     let written = transport.write(connection.output().chunk())?;
///     connection.output().advance(written);
/// }
/// assert_eq!(transport, b"\x81\x05Hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct Output {
    // Chunks in front of `run`.
    #[allow(
        clippy::box_collection,
        reason = "8 octets instead of 32 in every connection, few have one"
    )]
    queue: Option<Box<VecDeque<Chunk>>>,
    // The last chunk, to which small frames are appended.
    run: Vec<u8>,
    // Octets of the first chunk that were written already.
    written: usize,
    len: usize,
    // Octets that were written, or dropped, since the beginning.
    total: u64,
}

impl Output {
    /// Reports that the transport took the first `count` octets.
    ///
    /// # Panics
    ///
    /// When `count` exceeds [`len`](Self::len).
    pub fn advance(&mut self, count: usize) {
        assert!(count <= self.len, "advanced by {count} octets, {} were queued", self.len);
        self.len -= count;
        self.written += count;
        self.total = self.total.wrapping_add(count as u64);
        if let Some(queue) = &mut self.queue {
            while let Some(chunk) = queue.front() {
                let len = chunk.as_slice().len();
                if self.written < len {
                    return;
                }
                self.written -= len;
                queue.pop_front();
            }
        }
        if self.len == 0 {
            self.reset();
        } else if self.written >= 4 << 10 && self.written >= self.len {
            // More than half of the run is dead: move the rest down. Each octet moves at most once
            // for each octet written, so slow readers cost linear time.
            self.run.drain(..mem::take(&mut self.written));
        }
    }

    /// Frees the buffer that is kept for the next frames, when nothing is queued.
    ///
    /// For a connection that goes to sleep: it then holds nothing on the heap.
    pub fn release(&mut self) {
        if self.len == 0 {
            self.run = Vec::new();
            self.queue = None;
        }
    }

    /// Returns the first octets that wait, empty only when none do.
    #[inline]
    pub fn chunk(&self) -> &[u8] {
        self.chunks().next().unwrap_or_default()
    }

    /// Returns all octets that wait as slices, in order.
    pub fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        let queued = self.queue.iter().flat_map(|queue| queue.iter()).map(Chunk::as_slice);
        let run = (!self.run.is_empty()).then_some(self.run.as_slice());
        let mut written = self.written;
        queued.chain(iter::once(run).flatten()).map(move |chunk| {
            // Only the first chunk can be partly written.
            chunk.get(mem::take(&mut written)..).unwrap_or_default()
        })
    }

    /// Fills `slices` with the octets that wait, for a vectored write, and returns how many of the
    /// slices it set.
    #[cfg(feature = "std")]
    pub fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut count = 0;
        for (slice, chunk) in slices.iter_mut().zip(self.chunks()) {
            *slice = IoSlice::new(chunk);
            count += 1;
        }
        count
    }

    /// Returns whether nothing waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the number of octets that wait.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns the number of octets that were written since the beginning.
    #[inline]
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// Appends the octets that `write` appends to the buffer of small frames.
    #[inline]
    pub(crate) fn append(&mut self, additional: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.run.len();
        self.run.reserve(additional);
        write(&mut self.run);
        self.len += self.run.len() - before;
    }

    /// Appends a copy of `bytes`.
    pub(crate) fn push_bytes(&mut self, bytes: &[u8]) {
        self.append(bytes.len(), |run| run.extend_from_slice(bytes));
    }

    /// Appends `payload` as a chunk of its own, without copying it.
    pub(crate) fn push_chunk(&mut self, payload: impl Into<Chunk>) {
        let payload = payload.into();
        let queue = self.queue.get_or_insert_default();
        if !self.run.is_empty() {
            queue.push_back(Chunk::Owned(mem::take(&mut self.run)));
        }
        self.len += payload.as_slice().len();
        queue.push_back(payload);
    }

    /// Drops all that waits: the transport will not take it.
    pub(crate) fn clear(&mut self) {
        self.total = self.total.wrapping_add(self.len as u64);
        self.len = 0;
        self.run.clear();
        self.reset();
    }

    fn reset(&mut self) {
        self.written = 0;
        self.queue = None;
        if self.run.capacity() <= KEPT_CAPACITY {
            self.run.clear();
        } else {
            self.run = Vec::new();
        }
    }
}

/// Says how much waits, not what: payloads are nobody's business.
impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("len", &self.len).finish_non_exhaustive()
    }
}

/// A part of the queue.
pub(crate) enum Chunk {
    Owned(Vec<u8>),
    Shared(Arc<[u8]>),
}

impl Chunk {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Owned(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

impl From<Arc<[u8]>> for Chunk {
    fn from(bytes: Arc<[u8]>) -> Self {
        Self::Shared(bytes)
    }
}

impl From<Vec<u8>> for Chunk {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Owned(bytes)
    }
}

/// The largest buffer that a drained queue keeps: a batch of answers to one read fits, and what a
/// busy connection keeps is bounded.
const KEPT_CAPACITY: usize = 16 << 10;
