//! A stream in memory that never waits.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    io::{self, Read, Write},
    ops::Deref,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wtx::stream::{StreamReader, StreamWriter};

/// The peer's end of a connection: what there is to read, and what was written.
#[derive(Clone, Default)]
pub(crate) struct Wire(Rc<Octets>);

#[derive(Default)]
struct Octets {
    incoming: RefCell<Incoming>,
    read: Cell<usize>,
    pace: RefCell<Pace>,
    outgoing: RefCell<Vec<u8>>,
    recording: Cell<bool>,
}

/// What there is to read.
enum Incoming {
    Put(Bytes),
    Poured(Vec<u8>),
}

/// How much a read returns at most.
#[derive(Clone, Debug, Default)]
pub(crate) enum Pace {
    /// As much as there is room for.
    #[default]
    Whole,
    /// This many octets.
    Each(usize),
    /// As much as there is up to the next of these places, in order.
    Until(Rc<[usize]>),
}

impl Wire {
    /// Makes one that returns what there is to read in pieces.
    pub(crate) fn with_pace(pace: Pace) -> Self {
        let wire = Self::default();
        wire.0.pace.replace(pace);
        wire
    }

    /// Puts octets there to be read.
    pub(crate) fn put(&self, octets: &Bytes) {
        self.0.check_all_was_read();
        self.0.incoming.replace(Incoming::Put(octets.clone()));
    }

    /// Puts what was written to another one there to be read, without a copy.
    pub(crate) fn pour(&self, other: &Self) {
        self.0.check_all_was_read();
        let mut incoming = self.0.incoming.borrow_mut();
        let mut poured = match &mut *incoming {
            Incoming::Put(_) => Vec::new(),
            Incoming::Poured(octets) => std::mem::take(octets),
        };
        poured.clear();
        *incoming = Incoming::Poured(other.0.outgoing.replace(poured));
    }

    /// Makes room for as much as is kept of what nobody wants to see.
    pub(crate) fn reserve(&self) {
        self.0.outgoing.borrow_mut().reserve(MAX_WRITE);
    }

    /// Keeps what is written from now on.
    pub(crate) fn record(&self) {
        self.0.outgoing.borrow_mut().clear();
        self.0.recording.set(true);
    }

    /// Takes what was written; what is from now on gets lost.
    pub(crate) fn take(&self) -> Vec<u8> {
        self.0.recording.set(false);
        self.0.outgoing.take()
    }

    /// Reads what there is, or as much as there is room for.
    pub(crate) fn read(&self, buf: &mut [u8]) -> usize {
        self.read_with(buf.len(), |octets| buf[..octets.len()].copy_from_slice(octets))
    }

    /// Writes as much as a socket would take; returns how much.
    ///
    /// What nobody wants to see is copied all the same, but always to the same place.
    pub(crate) fn write(&self, octets: &[u8]) -> usize {
        let octets = &octets[..octets.len().min(MAX_WRITE)];
        let mut outgoing = self.0.outgoing.borrow_mut();
        if !self.0.recording.get() && outgoing.len() + octets.len() > MAX_WRITE {
            outgoing.clear();
        }
        outgoing.extend_from_slice(octets);
        octets.len()
    }

    /// Writes everything.
    pub(crate) fn write_all(&self, mut octets: &[u8]) {
        while !octets.is_empty() {
            octets = &octets[self.write(octets)..];
        }
    }

    /// Writes as much of these as a socket would take; returns how much.
    fn write_vectored(&self, slices: &[io::IoSlice<'_>]) -> usize {
        let mut written = 0;
        for slice in slices {
            let room = slice.len().min(MAX_WRITE - written);
            written += self.write(&slice[..room]);
        }
        written
    }

    fn read_with(&self, room: usize, take: impl FnOnce(&[u8])) -> usize {
        let octets = self.0.incoming.borrow();
        let start = self.0.read.get();
        let room = match &*self.0.pace.borrow() {
            Pace::Whole => room,
            Pace::Each(most) => room.min(*most),
            Pace::Until(places) => {
                let next = places.partition_point(|&place| place <= start);
                room.min(places.get(next).map_or(usize::MAX, |place| place - start))
            }
        };
        let end = octets.len().min(start.saturating_add(room));
        take(&octets[start..end]);
        self.0.read.set(end);
        end - start
    }
}

impl Octets {
    fn check_all_was_read(&self) {
        assert_eq!(self.read.take(), self.incoming.borrow().len(), "all was read");
    }
}

impl Default for Incoming {
    fn default() -> Self {
        Self::Put(Bytes::new())
    }
}

impl Deref for Incoming {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Put(octets) => octets,
            Self::Poured(octets) => octets,
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match Self::read(self, buf) {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            len => Ok(len),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        Ok(Self::write(self, octets))
    }

    fn write_vectored(&mut self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        Ok(Self::write_vectored(self, slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl framewise::tokio::Socket for Wire {}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // At its end it stays open. Nobody is woken, since nobody ever waits.
        let len = self.read_with(buf.remaining(), |octets| buf.put_slice(octets));
        if len == 0 { Poll::Pending } else { Poll::Ready(Ok(())) }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(Self::write(&self, buf)))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(Self::write_vectored(&self, slices)))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A wire for those who want to take it to another thread, and never do.
pub(crate) struct Lone(Wire);

// SAFETY: the program has one thread.
unsafe impl Send for Lone {}

impl Lone {
    pub(crate) fn new(wire: Wire) -> Self {
        Self(wire)
    }
}

impl AsyncRead for Lone {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buf)
    }
}

impl AsyncWrite for Lone {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

impl StreamReader for Wire {
    async fn read(&mut self, buf: &mut [u8]) -> wtx::Result<usize> {
        match Self::read(self, buf) {
            0 if !buf.is_empty() => std::future::pending().await,
            len => Ok(len),
        }
    }
}

impl StreamWriter for Wire {
    async fn write_all(&mut self, octets: &[u8]) -> wtx::Result<()> {
        Self::write_all(self, octets);
        Ok(())
    }

    async fn write_all_vectored(&mut self, slices: &[&[u8]]) -> wtx::Result<()> {
        slices.iter().for_each(|slice| Self::write_all(self, slice));
        Ok(())
    }
}

/// Runs a future that has nothing to wait for.
///
/// # Panics
///
/// When it waits.
pub(crate) fn ready<F: Future>(future: F) -> F::Output {
    match poll(future) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("waits for octets that never come"),
    }
}

/// Runs a future until it waits.
///
/// # Panics
///
/// When it does not.
pub(crate) fn pending<F: Future>(future: F) {
    assert!(poll(future).is_pending());
}

fn poll<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// How much a write takes at most.
const MAX_WRITE: usize = 1 << 20;
