//! The TCP streams of compio: `io_uring`, or what else the system has.
//!
//! The kernel owns a buffer while it reads into it or writes it. What is in flight is kept with the
//! stream, not in the futures of a WebSocket: dropping one of those loses nothing.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time,
};

use compio::{
    BufResult,
    buf::IoVectoredBuf,
    io::{AsyncRead as _, AsyncWrite as _},
    net::TcpStream,
    time::sleep_until,
};
use framewise::{
    Output,
    driver::{Reads, Step, Writes},
    polled::{Alarm, Stream},
    time::Instant,
};

/// A stream, what is in flight on it, and a clock.
pub struct Compio {
    stream: TcpStream,
    reading: Option<InFlight<BufResult<usize, Vec<u8>>>>,
    writing: Option<InFlight<Written>>,
    origin: time::Instant,
    alarm: Alarm<InFlight<()>>,
}

type InFlight<T> = Pin<Box<dyn Future<Output = T>>>;

/// What has been done with the write side.
enum Written {
    Output(BufResult<usize, Chunks>),
    ShutDown(io::Result<()>),
}

/// Output while the kernel owns it.
struct Chunks(Output);

impl IoVectoredBuf for Chunks {
    fn iter_slice(&self) -> impl Iterator<Item = &[u8]> {
        self.0.chunks().take(MAX_CHUNKS)
    }
}

impl Compio {
    /// Makes one of a stream.
    pub fn new(stream: TcpStream) -> Self {
        let (origin, alarm) = (time::Instant::now(), Alarm::default());
        Self { stream, reading: None, writing: None, origin, alarm }
    }
}

impl Stream for Compio {
    fn poll_step<D: Reads + Writes>(
        &mut self,
        driver: &mut D,
        step: Step,
        cx: &mut Context<'_>,
    ) -> io::Result<bool> {
        let mut stream = self.stream.clone();
        match step {
            Step::Read => {
                let buf = driver.take_buffer();
                self.reading = Some(Box::pin(async move { stream.read(buf).await }));
                driver.read_pending();
            }
            Step::Write => {
                let output = Chunks(driver.take_output());
                let written = async move { stream.write_vectored(output).await };
                self.writing = Some(Box::pin(async { Written::Output(written.await) }));
            }
            // A socket holds nothing back.
            Step::Flush => driver.flushed(),
            _ => {
                let shut_down = async move { Written::ShutDown(stream.shutdown().await) };
                self.writing = Some(Box::pin(shut_down));
                driver.write_pending();
            }
        }
        self.poll_pending(driver, cx)?;
        Ok(true)
    }

    /// Gives back to the driver what the kernel is done with.
    fn poll_pending<D: Reads + Writes>(
        &mut self,
        driver: &mut D,
        cx: &mut Context<'_>,
    ) -> io::Result<()> {
        match poll_slot(&mut self.reading, cx) {
            Poll::Ready(BufResult(Ok(len), buf)) => driver.put_buffer(buf, len),
            Poll::Ready(BufResult(Err(error), _)) => {
                driver.readable();
                driver.read_failed(error, false)?;
            }
            Poll::Pending => {}
        }
        match poll_slot(&mut self.writing, cx) {
            Poll::Ready(Written::Output(BufResult(result, Chunks(output)))) => {
                driver.put_output(output);
                driver.write_polled(Poll::Ready(result))?;
            }
            Poll::Ready(Written::ShutDown(result)) => {
                driver.shutdown_polled(Poll::Ready(result));
            }
            Poll::Pending => {}
        }
        Ok(())
    }

    fn now(&self) -> Instant {
        Instant::from_origin(self.origin.elapsed())
    }

    fn poll_alarm(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let until = self.origin + deadline.since_origin();
        self.alarm.poll(deadline, cx, || Box::pin(sleep_until(until)))
    }

    fn set_nodelay(&self) -> io::Result<()> {
        self.stream.set_nodelay(true)
    }
}

/// Polls what is in flight, if anything is, and takes it out when it is done.
fn poll_slot<T>(slot: &mut Option<InFlight<T>>, cx: &mut Context<'_>) -> Poll<T> {
    let Some(future) = slot else { return Poll::Pending };
    let poll = future.as_mut().poll(cx);
    if poll.is_ready() {
        *slot = None;
    }
    poll
}

/// How many chunks a vectored write gets at most.
const MAX_CHUNKS: usize = 16;
