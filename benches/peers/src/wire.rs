//! A stream in memory that never waits.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    io,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The peer's end of a connection: what there is to read, and what was written.
#[derive(Clone, Default)]
pub(crate) struct Wire(Rc<Octets>);

#[derive(Default)]
struct Octets {
    incoming: RefCell<Bytes>,
    read: Cell<usize>,
    outgoing: RefCell<Vec<u8>>,
}

impl Wire {
    /// Puts octets there to be read.
    pub(crate) fn put(&self, octets: &Bytes) {
        assert_eq!(self.0.read.get(), self.0.incoming.borrow().len(), "all was read");
        self.0.incoming.replace(octets.clone());
        self.0.read.set(0);
    }

    /// Forgets what was written, and keeps the room for it.
    pub(crate) fn clear(&self) {
        self.0.outgoing.borrow_mut().clear();
    }

    /// Takes what was written.
    pub(crate) fn take(&self) -> Vec<u8> {
        self.0.outgoing.take()
    }

    /// Reads what there is, or as much as there is room for.
    pub(crate) fn read(&self, buf: &mut [u8]) -> usize {
        self.read_with(buf.len(), |octets| buf[..octets.len()].copy_from_slice(octets))
    }

    /// Writes everything.
    pub(crate) fn write(&self, octets: &[u8]) {
        self.0.outgoing.borrow_mut().extend_from_slice(octets);
    }

    fn read_with(&self, room: usize, take: impl FnOnce(&[u8])) -> usize {
        let octets = self.0.incoming.borrow();
        let start = self.0.read.get();
        let end = octets.len().min(start.saturating_add(room));
        take(&octets[start..end]);
        self.0.read.set(end);
        end - start
    }
}

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
        self.write(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        bufs.iter().for_each(|buf| self.write(buf));
        Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()))
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
