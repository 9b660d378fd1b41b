//! A stream that enciphers, as TLS does: it holds what it is given until it is flushed, and has an end
//! of its own.

use std::{
    io::{self, Read, Write},
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
};

use framewise::{CloseCode, EndOfStream, Event, Role, blocking, tokio as asynchronous};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{
    conversation::{DRIVERS, ROLES, Recorded, converse},
    support::{Bring, Scripted, events_from},
};

#[derive(Clone, Default)]
struct Sealed {
    wire: Scripted,
    held: Arc<Mutex<Vec<u8>>>,
}

const SEAL: u8 = 0x80;

/// How the stream says that its sender has ended it.
const ALERT: &[u8] = b"close_notify";

fn seal(octets: &[u8]) -> Vec<u8> {
    octets.iter().map(|octet| octet ^ SEAL).collect()
}

impl Read for Sealed {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = self.wire.read(buf)?;
        buf[..len].iter_mut().for_each(|octet| *octet ^= SEAL);
        Ok(len)
    }
}

impl Write for Sealed {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.held.lock().unwrap().extend(seal(buf));
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let held = std::mem::take(&mut *self.held.lock().unwrap());
        self.wire.write_all(&held)?;
        self.wire.flush()
    }
}

impl asynchronous::Socket for Sealed {}

impl blocking::Stream for Sealed {
    fn shutdown_write(&mut self) -> io::Result<()> {
        // Not what is held: it should have been flushed.
        self.wire.write_all(ALERT)?;
        self.wire.shutdown_write()
    }
}

impl AsyncRead for Sealed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.wire).poll_read(cx, buf);
        buf.filled_mut()[before..].iter_mut().for_each(|octet| *octet ^= SEAL);
        read
    }
}

impl AsyncWrite for Sealed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.write(buf))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.flush())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.wire).poll_write(cx, ALERT))?;
        Pin::new(&mut self.wire).poll_shutdown(cx)
    }
}

// 6455-10.6-01, 6455-4.1-17, 6455-4.2.2-02, 6455-5.1-03, 6455-7.1.1-01: the same octets as without it,
// the client's masked, and behind the last of them the end that is the stream's own.
#[test]
fn a_conversation_over_a_stream_that_enciphers_and_has_its_own_end() {
    for role in ROLES {
        let recorded = Recorded::new(role, 70_000);
        for driver in DRIVERS {
            let case = format!("{driver:?} {role:?}");
            let plain = Scripted::new([Bring::Bytes(recorded.bytes.clone()), Bring::Eof]);
            converse(driver, role, &plain);
            let sealed = Sealed {
                wire: Scripted::new([Bring::Bytes(seal(&recorded.bytes)), Bring::Eof]),
                ..Sealed::default()
            };
            let outcome = converse(driver, role, &sealed);
            assert_eq!(outcome.messages, recorded.before(usize::MAX), "{case}");
            assert_eq!(outcome.end, Some(EndOfStream::Clean), "{case}");
            assert!(outcome.unopened.is_none() && outcome.unread.is_none(), "{case}");

            let wire = sealed.wire.written();
            let (octets, alert) = wire.split_at(wire.len() - ALERT.len());
            assert_eq!(alert, ALERT, "{case}");
            // All of it, the handshake with it, and nothing beside it.
            assert!(seal(octets) == plain.written(), "{case}");
            assert_eq!(sealed.wire.shutdowns(), 1, "{case}");

            // A client's frames are masked beneath the cipher, or its peer would not take them.
            let octets = seal(octets);
            let head = octets.windows(4).position(|octets| octets == b"\r\n\r\n").unwrap() + 4;
            let events = events_from(role, &octets[head..]);
            assert!(
                matches!(events.last(), Some(Event::Close(frame)) if frame.code == CloseCode::NORMAL)
            );
            if role == Role::Client {
                assert_eq!(octets[head + 1] & 0x80, 0x80, "{case}");
            }
        }
    }
}
