//! No WebSocket: what is read is written, and no read buffer is held.
//!
//! The ceilings. They do what any server has to do (wait, read, write what was read at once) with
//! the same runtime or event loop, and know nothing of messages.

use std::{
    cell::RefCell,
    future::poll_fn,
    io::{self, ErrorKind, Read as _, Write as _},
    net::TcpListener,
    pin::Pin,
    task::ready,
};

use mio::{Events, Interest, Poll, Token, net::TcpStream as MioStream};
use slab::Slab;
use tokio::{
    io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf},
    net::TcpStream,
};

use super::{Ended, on_tokio};

thread_local! {
    /// All connections are read into it.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER_SIZE]);
}

pub(super) fn tokio(listener: TcpListener) -> io::Result<()> {
    on_tokio(listener, echo)
}

async fn echo(mut stream: TcpStream) -> Ended {
    loop {
        // What the socket does not take at once.
        let rest = poll_fn(|cx| {
            BUFFER.with_borrow_mut(|buf| {
                let mut buf = ReadBuf::new(buf);
                ready!(Pin::new(&mut stream).poll_read(cx, &mut buf))?;
                if buf.filled().is_empty() {
                    return Err(ErrorKind::UnexpectedEof.into()).into();
                }
                let written = match stream.try_write(buf.filled()) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                    written => written?,
                };
                io::Result::Ok(buf.filled()[written..].to_vec()).into()
            })
        })
        .await?;
        stream.write_all(&rest).await?;
    }
}

pub(super) fn event_loop(listener: TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut listener = mio::net::TcpListener::from_std(listener);
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut peers: Slab<Peer> = Slab::new();
    let mut buf = vec![0; BUFFER_SIZE];
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((mut stream, _)) = listener.accept() {
                    stream.set_nodelay(true)?;
                    let entry = peers.vacant_entry();
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    poll.registry().register(&mut stream, Token(entry.key()), interest)?;
                    entry.insert(Peer { stream, rest: Vec::new() });
                }
                continue;
            }
            let Token(key) = event.token();
            if peers[key].drive(&mut buf, event.is_read_closed()).is_err() {
                peers.remove(key);
            }
        }
    }
}

struct Peer {
    stream: MioStream,
    /// What the socket has not taken.
    rest: Vec<u8>,
}

impl Peer {
    fn drive(&mut self, buf: &mut [u8], ends: bool) -> io::Result<()> {
        loop {
            if !self.rest.is_empty() {
                let written = some(self.stream.write(&self.rest))?;
                self.rest.drain(..written);
                if !self.rest.is_empty() {
                    return Ok(()); // There is an event when it takes more.
                }
                self.rest = Vec::new();
            }
            let len = match self.stream.read(buf) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                read => some(read)?,
            };
            let written = some(self.stream.write(&buf[..len]))?;
            self.rest.extend_from_slice(&buf[written..len]);
            // A read that does not fill the buffer has emptied the socket, and there will be an
            // event when there is more; but not for an end that this one tells of.
            if len == 0 || len < buf.len() && !ends && self.rest.is_empty() {
                return Ok(());
            }
        }
    }
}

/// How much it was, nothing if the socket is not ready.
fn some(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        result => result,
    }
}

const LISTENER: Token = Token(usize::MAX);

const BUFFER_SIZE: usize = 64 << 10;
