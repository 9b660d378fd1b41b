//! The queue of bytes to write.

use alloc::{boxed::Box, collections::VecDeque, sync::Arc, vec::Vec};
use core::{fmt, iter, mem};
#[cfg(feature = "std")]
use std::io::IoSlice;

#[cfg(feature = "bytes")]
use crate::bytes::SharedBytes;

/// The queue of bytes to write to the transport, in order.
///
/// It is a list of chunks. Small frames are appended to one another, so that many sends leave in one
/// write. A large owned or shared payload is a chunk of its own and is not copied. The driver writes
/// [`chunk`](Self::chunk), or several [`chunks`](Self::chunks) at once. Then it reports with
/// [`advance`](Self::advance) how much the transport took.
///
/// The names are those of the `Buf` trait of the `bytes` crate. An empty queue keeps at most one buffer
/// of 32 KiB, and nothing after [`release`](Self::release).
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
    // Chunks in front of `run`. Boxed, since few connections have any.
    queue: Option<Box<Queue>>,
    // The last chunk, to which small frames are appended: the bytes in front of `end`. Those behind
    // it are left from earlier frames, for the next ones to be written over.
    run: Vec<u8>,
    end: usize,
    // Bytes of the first chunk that were written already.
    written: usize,
    // How many bytes there are up to the last one that was marked; no more are counted than fit.
    marked: u32,
    // Whether the transport took bytes since `take_advanced`.
    advanced: bool,
    // Set when bytes were dropped that the transport had not taken. A write of them may still be in
    // flight, and `advance` forgives it.
    discarded: bool,
}

/// Chunks, and how many bytes they have.
#[derive(Default)]
struct Queue {
    chunks: VecDeque<Chunk>,
    len: usize,
    // How many bytes `take` has handed to a transport that owns them until `put_back`.
    taken: usize,
}

impl Output {
    /// Reports that the transport took the first `count` bytes.
    ///
    /// A connection drops its output when [`Config::close_timeout`](crate::Config::close_timeout)
    /// passes. A write may be in flight then, so bytes that were dropped may still be reported.
    ///
    /// # Panics
    ///
    /// When `count` exceeds [`len`](Self::len) and nothing was dropped.
    #[inline]
    pub fn advance(&mut self, count: usize) {
        let len = self.len();
        assert!(count <= len || self.discarded, "advanced by {count} bytes, {len} were queued");
        self.advanced |= count != 0;
        if count >= len {
            return self.clear();
        }
        self.marked = self.marked.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
        self.written += count;
        self.drop_written();
    }

    /// Drops chunks that are fully written.
    fn drop_written(&mut self) {
        if let Some(queue) = &mut self.queue {
            while let Some(chunk) = queue.chunks.front() {
                let len = chunk.as_slice().len();
                if self.written < len {
                    return;
                }
                self.written -= len;
                queue.len -= len;
                queue.chunks.pop_front();
            }
            self.drop_queue();
        }
        if self.written >= 4 << 10 && self.written >= self.end - self.written {
            // More than half of the run is dead: move the rest down. Each byte moves at most once
            // for each byte written, so slow readers cost linear time.
            self.run.copy_within(self.written..self.end, 0);
            self.end -= mem::take(&mut self.written);
        }
    }

    /// Frees the buffer that is kept for the next frames, when nothing is queued.
    ///
    /// For a connection that goes to sleep: it then holds nothing on the heap.
    pub fn release(&mut self) {
        if self.is_empty() {
            self.run = Vec::new();
        }
    }

    /// Frees a large buffer that is kept for the next frames, when nothing is queued.
    #[cfg(feature = "std")]
    pub(crate) fn trim(&mut self) {
        if self.run.capacity() > TRIMMED_CAPACITY {
            self.release();
        }
    }

    /// Returns the first pending bytes, empty only when there are none.
    #[inline]
    pub fn chunk(&self) -> &[u8] {
        if self.queue.is_none() {
            return self.run.get(self.written..self.end).unwrap_or_default();
        }
        self.chunks().next().unwrap_or_default()
    }

    /// Returns all pending bytes as slices, in order.
    pub fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        let queued = self.queue.iter().flat_map(|queue| &queue.chunks).map(Chunk::as_slice);
        let run = self.run.get(..self.end).filter(|run| !run.is_empty());
        let mut written = self.written;
        queued.chain(iter::once(run).flatten()).map(move |chunk| {
            // Only the first chunk can be partly written.
            chunk.get(mem::take(&mut written)..).unwrap_or_default()
        })
    }

    /// Fills `slices` with pending bytes, for a vectored write, and returns how many slices it set.
    #[cfg(feature = "std")]
    pub fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut count = 0;
        for (slice, chunk) in slices.iter_mut().zip(self.chunks()) {
            *slice = IoSlice::new(chunk);
            count += 1;
        }
        count
    }

    /// Returns whether nothing is pending.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of pending bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.len) + self.end - self.written
    }

    /// Marks the byte that is the last one now.
    pub(crate) fn mark_end(&mut self) {
        self.marked = u32::try_from(self.len()).unwrap_or(u32::MAX);
    }

    /// Returns whether a marked byte is pending. One in flight may be among those taken.
    #[inline]
    pub(crate) fn has_marked(&self) -> bool {
        self.marked != 0 || self.taken() != 0
    }

    /// Returns the number of bytes that are queued or in flight.
    #[inline]
    pub(crate) fn pending_len(&self) -> usize {
        self.len() + self.taken()
    }

    #[inline]
    fn taken(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.taken)
    }

    /// Drops the chunks in front of the run, and the list of them unless it counts bytes in flight.
    #[inline]
    fn drop_queue(&mut self) {
        match &mut self.queue {
            Some(queue) if queue.taken != 0 => {
                queue.chunks.clear();
                queue.len = 0;
            }
            queue => *queue = None,
        }
    }

    /// Hands all that is queued to a transport that owns it while it writes.
    pub(crate) fn take(&mut self) -> Self {
        let taken = self.pending_len();
        let queue = (taken != 0).then(|| Box::new(Queue { taken, ..Queue::default() }));
        // That bytes were taken before is for the connection to know.
        let advanced = self.take_advanced();
        let rest = Self { queue, advanced, discarded: self.discarded, ..Self::default() };
        mem::replace(self, rest)
    }

    /// Takes back what the transport has not written, in front of what was queued meanwhile.
    pub(crate) fn put_back(&mut self, mut rest: Self) {
        if let Some(queue) = &mut self.queue {
            queue.taken = 0;
            if queue.chunks.is_empty() {
                self.queue = None;
            }
        }
        self.advanced |= rest.advanced;
        if self.discarded || rest.is_empty() {
            if self.is_empty() && self.run.capacity() == 0 {
                rest.clear();
                self.run = rest.run;
            }
            return;
        }
        let advanced = self.advanced;
        let mut later = mem::replace(self, rest);
        if later.is_empty() {
            self.advanced = advanced;
            return;
        }
        let rest_len = u32::try_from(self.len()).unwrap_or(u32::MAX);
        let queue = self.queue.get_or_insert_default();
        if self.end != 0 {
            self.run.truncate(self.end);
            queue.push(Chunk::Owned(mem::take(&mut self.run)));
        }
        // Nothing of what was queued later can have been written: it was behind bytes in flight.
        later.queue.take().into_iter().flat_map(|queue| queue.chunks).for_each(|it| queue.push(it));
        (self.run, self.end) = (later.run, later.end);
        if later.marked != 0 {
            self.marked = rest_len.saturating_add(later.marked);
        }
        self.advanced = advanced;
    }

    /// Drops all that is queued or in flight: the transport will not take it.
    pub(crate) fn discard(&mut self) {
        self.discarded |= self.pending_len() != 0;
        self.clear();
    }

    /// Returns whether bytes were dropped that the transport had not taken.
    pub(crate) fn was_discarded(&self) -> bool {
        self.discarded
    }

    /// Returns whether the transport took any bytes since the last call.
    pub(crate) fn take_advanced(&mut self) -> bool {
        mem::take(&mut self.advanced)
    }

    /// Appends `len` bytes and returns them to be written over; or appends nothing, if that
    /// would make a buffer of more than 32 KiB, or if there may be more than `max_len` then.
    ///
    /// For small frames, which then need one check of bounds, where appending to a buffer takes one
    /// for each part.
    #[inline]
    pub(crate) fn append_in_place(&mut self, len: usize, max_len: usize) -> Option<&mut [u8]> {
        let end = self.end + len;
        if self.queue.is_some() || end > max_len || end > self.run.len() && !self.grow(end) {
            return None;
        }
        let place = self.run.get_mut(self.end..end)?;
        self.end = end;
        Some(place)
    }

    /// Makes the buffer of small frames one of `len` bytes at least, as long as it is one that is
    /// kept; returns whether it is.
    #[cold]
    fn grow(&mut self, len: usize) -> bool {
        if len > KEPT_CAPACITY {
            return false;
        }
        // To reserve may mean to move: seldom, and before there is much to move. What is not used is
        // not overwritten with zeros either.
        if len > self.run.capacity() {
            let capacity = len.max(8 * self.run.len()).clamp(MIN_CAPACITY, KEPT_CAPACITY);
            self.run.reserve_exact(capacity - self.run.len());
        }
        self.run.resize(len.max(2 * self.run.len()).clamp(MIN_CAPACITY, KEPT_CAPACITY), 0);
        true
    }

    /// Appends the bytes that `write` appends to the buffer of small frames.
    pub(crate) fn append(&mut self, additional: usize, write: impl FnOnce(&mut Vec<u8>)) {
        self.run.truncate(self.end);
        self.run.reserve(additional);
        write(&mut self.run);
        self.end = self.run.len();
    }

    /// Appends a copy of `bytes`.
    pub(crate) fn push_bytes(&mut self, bytes: &[u8]) {
        self.append(bytes.len(), |run| run.extend_from_slice(bytes));
    }

    /// Appends `payload` as a chunk of its own, without copying it.
    pub(crate) fn push_chunk(&mut self, payload: impl Into<Chunk>) {
        let queue = self.queue.get_or_insert_default();
        if self.end != 0 {
            self.run.truncate(mem::take(&mut self.end));
            queue.push(Chunk::Owned(mem::take(&mut self.run)));
        }
        queue.push(payload.into());
    }

    /// Drops all that is queued.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.drop_queue();
        (self.end, self.written, self.marked) = (0, 0, 0);
        if self.run.capacity() > KEPT_CAPACITY {
            self.run = Vec::new();
        }
    }
}

impl Queue {
    fn push(&mut self, chunk: Chunk) {
        self.len += chunk.as_slice().len();
        self.chunks.push_back(chunk);
    }
}

/// Shows the length only: payloads may be sensitive.
impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// A part of the queue.
pub(crate) enum Chunk {
    #[cfg(feature = "bytes")]
    Foreign(SharedBytes),
    Owned(Vec<u8>),
    Shared(Arc<[u8]>),
}

impl Chunk {
    fn as_slice(&self) -> &[u8] {
        match self {
            #[cfg(feature = "bytes")]
            Self::Foreign(bytes) => bytes.as_slice(),
            Self::Owned(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

#[cfg(feature = "bytes")]
impl From<SharedBytes> for Chunk {
    fn from(bytes: SharedBytes) -> Self {
        Self::Foreign(bytes)
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

/// The smallest buffer for frames: a batch of small ones fits.
const MIN_CAPACITY: usize = 768;

/// The largest buffer that a half keeps when it has flushed, since nobody may look after it for long.
#[cfg(feature = "std")]
const TRIMMED_CAPACITY: usize = 8 * MIN_CAPACITY;

/// The largest buffer that a drained queue keeps: a batch of answers to one read fits, and what a
/// busy connection keeps is bounded.
const KEPT_CAPACITY: usize = 32 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn append(output: &mut Output, len: usize) -> bool {
        output.append_in_place(len, usize::MAX).is_some_and(|place| {
            place.fill(b'a');
            true
        })
    }

    #[test]
    fn the_buffer_of_small_frames_grows_up_to_what_is_kept() {
        let mut output = Output::default();
        let (mut capacities, mut lens) = (Vec::new(), Vec::new());
        while append(&mut output, 100) {
            capacities.push(output.run.capacity());
            lens.push(output.run.len());
        }
        capacities.dedup();
        assert_eq!(capacities, [MIN_CAPACITY, 8 * MIN_CAPACITY, KEPT_CAPACITY]);
        lens.dedup();
        let doubled = (0..6).map(|n| MIN_CAPACITY << n);
        assert_eq!(lens, doubled.chain([KEPT_CAPACITY]).collect::<Vec<_>>());
        assert_eq!(output.len(), KEPT_CAPACITY / 100 * 100);
        assert!(append(&mut output, KEPT_CAPACITY % 100) && !append(&mut output, 1));
        output.clear();
        assert!(
            output.append_in_place(11, 10).is_none() && output.append_in_place(10, 10).is_some()
        );

        let mut output = Output::default();
        assert!(append(&mut output, MIN_CAPACITY - 1) && append(&mut output, 1));
        assert_eq!(output.run.len(), MIN_CAPACITY, "full is not too small");
        let mut output = Output::default();
        assert!(append(&mut output, 10_000));
        assert_eq!(output.run.len(), 10_000, "what is needed, where that is more");
        assert!(!append(&mut Output::default(), KEPT_CAPACITY + 1));
        assert!(append(&mut Output::default(), KEPT_CAPACITY));
    }

    // Each byte is moved once for each one written, at most, and 4 KiB at least are won.
    #[test]
    fn a_buffer_of_which_half_was_written_is_moved_down() {
        let octet = |index: usize| u8::try_from(index % 251).unwrap();
        for (len, written, left_in_front) in [
            (4096, 4095, 4095),
            (8191, 4095, 4095),
            (8191, 4096, 0),
            (8192, 4096, 0),
            (8193, 4096, 4096),
            (20_000, 9999, 9999),
            (20_000, 10_000, 0),
        ] {
            let mut output = Output::default();
            output.push_bytes(&(0..len).map(octet).collect::<Vec<_>>());
            output.advance(written);
            assert_eq!(output.written, left_in_front, "{len} {written}");
            assert_eq!(output.len(), len - written);
            assert!(output.chunk().iter().copied().eq((written..len).map(octet)));
        }
    }

    #[test]
    fn a_drained_queue_keeps_32_kib_at_most() {
        for (capacity, kept) in [(100, 100), (KEPT_CAPACITY, KEPT_CAPACITY), (KEPT_CAPACITY + 1, 0)]
        {
            let mut output = Output::default();
            output.run.reserve_exact(capacity);
            output.push_bytes(b"a");
            output.advance(1);
            assert_eq!(output.run.capacity(), kept);
            output.release();
            assert_eq!(output.run.capacity(), 0);
        }
    }

    // Chunks that were written are dropped at once, with the list of them.
    #[test]
    fn written_chunks_are_freed() {
        let mut output = Output::default();
        output.push_bytes(b"ab");
        output.push_chunk(b"cde".to_vec());
        output.push_bytes(b"fg");
        let chunks = |output: &Output| output.queue.as_ref().map(|queue| queue.chunks.len());
        for (left, queued) in [(7, Some(2)), (6, Some(2)), (5, Some(1)), (3, Some(1)), (2, None)] {
            output.advance(output.len() - left);
            assert_eq!((output.len(), chunks(&output)), (left, queued));
        }
        assert_eq!(output.chunk(), b"fg");
    }
}
