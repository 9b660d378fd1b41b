//! The suite of all bindings, over the crate's own two.

use std::{
    io::ErrorKind,
    net::TcpStream,
    pin::pin,
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use framewise::{
    CloseCode, Config, EndOfStream, Error, Event, Message, blocking,
    handshake::{Acceptance, Rejection},
    tokio as asynchronous,
};

use self::suite::{Binding, request};
use crate::support::{SEED, config};

#[macro_use]
mod suite;

suite!(on_blocking: Blocking);
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
        Ok(blocking::client(stream, request(), config, SEED)?.0)
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

struct Tokio;

fn stream(stream: TcpStream) -> Result<tokio::net::TcpStream, Error> {
    stream.set_nonblocking(true)?;
    Ok(tokio::net::TcpStream::from_std(stream)?)
}

impl Binding for Tokio {
    type WebSocket = asynchronous::WebSocket<tokio::net::TcpStream>;

    fn run<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(future)
    }

    async fn sleep(duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    async fn accept(tcp: TcpStream, config: Config) -> Result<Self::WebSocket, Error> {
        asynchronous::accept(stream(tcp)?, config).await?.accept(Acceptance::new()).await
    }

    async fn reject(tcp: TcpStream, config: Config, with: Rejection) -> Result<(), Error> {
        asynchronous::accept(stream(tcp)?, config).await?.reject(with).await
    }

    async fn client(tcp: TcpStream, config: Config) -> Result<Self::WebSocket, Error> {
        Ok(asynchronous::client(stream(tcp)?, request(), config, SEED).await?.0)
    }

    async fn read(websocket: &mut Self::WebSocket) -> Result<Option<Message>, Error> {
        websocket.read().await
    }

    async fn send(websocket: &mut Self::WebSocket, message: Message) -> Result<(), Error> {
        websocket.send(message).await
    }

    async fn flush(websocket: &mut Self::WebSocket) -> Result<(), Error> {
        websocket.flush().await
    }

    async fn close(websocket: &mut Self::WebSocket) -> Result<EndOfStream, Error> {
        websocket.close(CloseCode::NORMAL, "").await
    }

    fn queue(websocket: &mut Self::WebSocket, message: Message) {
        websocket.connection_mut().send(message).unwrap();
    }

    async fn echo(websocket: &mut Self::WebSocket) -> Result<(), Error> {
        while let Some(mut batch) = websocket.fill().await? {
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
}
