//! The streams of smol, or any other `AsyncRead` and `AsyncWrite` of futures-io.
//!
//! A stream has to shut down its write side when it is closed. `smol::net::TcpStream` does;
//! `Async<TcpStream>` only flushes, and its peer would wait for the end until the close timeout.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time,
};

use framewise::{
    driver::{Reads, Step, Writes},
    polled::{Alarm, Stream},
    time::Instant,
};
use futures_io::{AsyncRead, AsyncWrite};
use smol::Timer;

/// A stream and a clock.
#[derive(Debug)]
pub struct Smol<S> {
    stream: S,
    origin: time::Instant,
    alarm: Alarm<Timer>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Smol<S> {
    /// Makes one of a stream.
    pub fn new(stream: S) -> Self {
        Self { stream, origin: time::Instant::now(), alarm: Alarm::default() }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for Smol<S> {
    fn poll_step<D: Reads + Writes>(
        &mut self,
        driver: &mut D,
        step: Step,
        cx: &mut Context<'_>,
    ) -> io::Result<bool> {
        let stream = Pin::new(&mut self.stream);
        match step {
            Step::Read => {
                let read = stream.poll_read(cx, driver.buffer());
                driver.read_polled(read)
            }
            Step::Write => {
                let written =
                    driver.with_slices(true, |slices| stream.poll_write_vectored(cx, slices));
                driver.write_polled(written)
            }
            Step::Flush => driver.flush_polled(stream.poll_flush(cx)),
            _ => Ok(driver.shutdown_polled(stream.poll_close(cx))),
        }
    }

    fn now(&self) -> Instant {
        Instant::from_origin(self.origin.elapsed())
    }

    fn poll_alarm(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let until = self.origin + deadline.since_origin();
        self.alarm.poll(deadline, cx, || Timer::at(until))
    }
}
