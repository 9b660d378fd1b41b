//! The suite of all bindings, over the crate's own three.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::{Shutdown, TcpStream},
    pin::pin,
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

use framewise::{
    CloseCode, Config, EndOfStream, Error, Event, Message, blocking,
    driver::{Reads, Step, Writes},
    handshake::{Acceptance, Rejection},
    polled, tokio as asynchronous,
};

use self::suite::{Binding, request};
use crate::support::{SEED, config};

#[macro_use]
mod suite;

suite!(on_blocking: Blocking);
suite!(on_polled: Polled);
suite!(on_tokio: Tokio);

/// Where there is no compression, messages go as they are.
fn compressed() -> Config {
    config(|_config| {
        #[cfg(feature = "deflate")]
        {
            _config.deflate = Some(framewise::deflate::DeflateConfig::default());
        }
    })
}

/// The futures block the thread, and are done when they are polled.
struct Blocking;

impl Binding for Blocking {
    type WebSocket = blocking::WebSocket<TcpStream>;

    const HALF_DUPLEX: bool = true;

    fn run<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result,
            Poll::Pending => panic!("a future of a thread does not wait"),
        }
    }

    async fn sleep(duration: Duration) {
        thread::sleep(duration);
    }

    async fn accept(stream: TcpStream, config: Config) -> Result<Self::WebSocket, Error> {
        blocking::accept(stream, config)?.accept(Acceptance::new())
    }

    async fn reject(stream: TcpStream, config: Config, with: Rejection) -> Result<(), Error> {
        blocking::accept(stream, config)?.reject(with)
    }

    async fn client(stream: TcpStream, config: Config) -> Result<Self::WebSocket, Error> {
        Ok(blocking::client_with_seed(stream, request(), config, SEED)?.0)
    }

    async fn read(websocket: &mut Self::WebSocket) -> Result<Option<Message>, Error> {
        websocket.read()
    }

    async fn send(websocket: &mut Self::WebSocket, message: Message) -> Result<(), Error> {
        websocket.send(message)
    }

    async fn flush(websocket: &mut Self::WebSocket) -> Result<(), Error> {
        websocket.flush()
    }

    async fn close(websocket: &mut Self::WebSocket) -> Result<EndOfStream, Error> {
        websocket.close(CloseCode::NORMAL, "")
    }

    fn queue(websocket: &mut Self::WebSocket, message: Message) {
        websocket.connection_mut().send(message).unwrap();
    }

    async fn echo(websocket: &mut Self::WebSocket) -> Result<(), Error> {
        while let Some(mut batch) = websocket.fill()? {
            while let Some(event) = batch.next() {
                match event {
                    Event::Text(text) => batch.send(text)?,
                    Event::Binary(payload) => batch.send(payload)?,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    async fn read_briefly(
        websocket: &mut Self::WebSocket,
    ) -> Option<Result<Option<Message>, Error>> {
        match websocket.read_timeout(Duration::from_micros(100)) {
            Err(Error::Io(error)) if error.kind() == ErrorKind::TimedOut => None,
            read => Some(read),
        }
    }
}

binding!(
    Tokio,
    asynchronous over tokio::net::TcpStream,
    |stream: TcpStream| {
        stream.set_nonblocking(true)?;
        tokio::net::TcpStream::from_std(stream)
    },
    |future| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(future)
    },
    tokio::time::sleep
);

binding!(
    Polled,
    polled over Nonblocking,
    Nonblocking::new,
    ask_again,
    async |duration| thread::sleep(duration)
);

/// A stream of the standard library that is asked again and again.
struct Nonblocking {
    stream: TcpStream,
    origin: Instant,
}

impl Nonblocking {
    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream, origin: Instant::now() })
    }
}

impl polled::Stream for Nonblocking {
    fn poll_step<D: Reads + Writes>(
        &mut self,
        driver: &mut D,
        step: Step,
        _: &mut Context<'_>,
    ) -> io::Result<bool> {
        match step {
            Step::Read => {
                let read = poll(self.stream.read(driver.buffer()));
                driver.read_polled(read)
            }
            Step::Write => {
                let written = poll(self.stream.write(driver.output().chunk()));
                driver.write_polled(written)
            }
            Step::Flush => driver.flush_polled(Poll::Ready(Ok(()))),
            _ => Ok(driver.shutdown_polled(Poll::Ready(self.stream.shutdown(Shutdown::Write)))),
        }
    }

    fn now(&self) -> framewise::time::Instant {
        framewise::time::Instant::from_origin(self.origin.elapsed())
    }

    fn poll_alarm(&mut self, deadline: framewise::time::Instant, _: &mut Context<'_>) -> Poll<()> {
        if deadline <= self.now() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn set_nodelay(&self) -> io::Result<()> {
        self.stream.set_nodelay(true)
    }
}

fn ask_again<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => break result,
            Poll::Pending => thread::sleep(Duration::from_micros(100)),
        }
    }
}

fn poll<T>(result: io::Result<T>) -> Poll<io::Result<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Poll::Pending,
        result => Poll::Ready(result),
    }
}
