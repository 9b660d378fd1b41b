//! The suite of all bindings, over the two of this package.

use std::{net::TcpStream, sync::Arc, time::Duration};

use framewise::{
    CloseCode, Config, EndOfStream, Error, Event, Message,
    deflate::DeflateConfig,
    handshake::{Acceptance, Rejection},
};

use suite::{Binding, request};

#[macro_use]
#[path = "../../../tests/adapters/conformance/suite.rs"]
mod suite;

suite!(on_smol: Smol);
suite!(on_compio: Compio);
suite!(on_compio_polling: CompioPolling);

fn compressed() -> Config {
    let mut config = Config::default();
    config.deflate = Some(DeflateConfig::default());
    config
}

macro_rules! binding {
    ($binding:ident, $module:ident::WebSocket$(<$s:ty>)?, $into:expr, $run:expr, $sleep:expr) => {
        struct $binding;

        impl Binding for $binding {
            type WebSocket = framewise_runtimes::$module::WebSocket$(<$s>)?;

            fn run<T>(future: impl Future<Output = T>) -> T {
                $run(future)
            }

            async fn sleep(duration: Duration) {
                $sleep(duration).await;
            }

            async fn accept(stream: TcpStream, config: Config) -> Result<Self::WebSocket, Error> {
                let config = Arc::new(config);
                let incoming = framewise_runtimes::$module::accept($into(stream)?, config).await?;
                incoming.accept(Acceptance::new()).await
            }

            async fn reject(
                stream: TcpStream,
                config: Config,
                rejection: Rejection,
            ) -> Result<(), Error> {
                let config = Arc::new(config);
                let incoming = framewise_runtimes::$module::accept($into(stream)?, config).await?;
                incoming.reject(&rejection).await
            }

            async fn client(stream: TcpStream, config: Config) -> Result<Self::WebSocket, Error> {
                let (stream, config) = ($into(stream)?, Arc::new(config));
                framewise_runtimes::$module::client(stream, request(), config, [7; 32])
                    .await
                    .map(|(websocket, _)| websocket)
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
                websocket.close(CloseCode::NORMAL).await
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
    };
}

binding!(
    Smol,
    smol::WebSocket<smol::net::TcpStream>,
    smol::net::TcpStream::try_from,
    smol::block_on,
    smol::Timer::after
);
// On Linux io_uring, if there is one.
binding!(
    Compio,
    compio::WebSocket,
    compio::net::TcpStream::from_std,
    |future| compio::runtime::Runtime::new().unwrap().block_on(future),
    compio::time::sleep
);
binding!(
    CompioPolling,
    compio::WebSocket,
    compio::net::TcpStream::from_std,
    |future| polling_runtime().block_on(future),
    compio::time::sleep
);

fn polling_runtime() -> compio::runtime::Runtime {
    let mut proactor = compio::driver::ProactorBuilder::new();
    proactor.driver_type(compio::driver::DriverType::Poll);
    compio::runtime::RuntimeBuilder::new().with_proactor(proactor).build().unwrap()
}
