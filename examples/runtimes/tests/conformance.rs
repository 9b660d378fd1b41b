//! The suite of all bindings, over the two of this package.

use std::{net::TcpStream, time::Duration};

use framewise::{
    CloseCode, Config, EndOfStream, Error, Event, Message,
    deflate::DeflateConfig,
    handshake::{Acceptance, Rejection},
    polled,
};
use framewise_runtimes::{compio::Compio, smol::Smol};

use suite::{Binding, request};

#[macro_use]
#[path = "../../../tests/adapters/conformance/suite.rs"]
mod suite;

suite!(on_smol: OnSmol);
suite!(on_compio: OnCompio);
suite!(on_compio_polling: OnCompioPolling);

fn compressed() -> Config {
    let mut config = Config::default();
    config.deflate = Some(DeflateConfig::default());
    config
}

binding!(
    OnSmol,
    polled over Smol<smol::net::TcpStream>,
    |stream| smol::net::TcpStream::try_from(stream).map(Smol::new),
    smol::block_on,
    smol::Timer::after
);
// On Linux io_uring, if there is one.
binding!(
    OnCompio,
    polled over Compio,
    |stream| compio::net::TcpStream::from_std(stream).map(Compio::new),
    |future| compio::runtime::Runtime::new().unwrap().block_on(future),
    compio::time::sleep
);
binding!(
    OnCompioPolling,
    polled over Compio,
    |stream| compio::net::TcpStream::from_std(stream).map(Compio::new),
    |future| polling_runtime().block_on(future),
    compio::time::sleep
);

fn polling_runtime() -> compio::runtime::Runtime {
    let mut proactor = compio::driver::ProactorBuilder::new();
    proactor.driver_type(compio::driver::DriverType::Poll);
    compio::runtime::RuntimeBuilder::new().with_proactor(proactor).build().unwrap()
}
