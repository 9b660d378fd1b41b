//! A client that sends every message back, on blocking sockets, until the server closes the
//! connection.
//!
//! ```sh
//! cargo run --features connect --example echo_client_std -- ws://127.0.0.1:9001/
//! ```
//!
//! It says nothing by itself: it is the counterpart of a server that does, such as the Autobahn
//! test suite. To talk to an echo server, use the example `line_client`.

use std::{env, error::Error, process::ExitCode};

use framewise::{
    Config, Connection, EndOfStream, Event, SendError, State, blocking, deflate::DeflateConfig,
    handshake::ClientRequest,
};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo_client_std: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("usage: echo_client_std URL")?;
    let request = ClientRequest::new(url.as_str())?;
    let mut config = Config::default();
    config.deflate = Some(DeflateConfig::default());
    let (mut websocket, _response) = blocking::connect(request, config)?;
    while let Some(mut batch) = websocket.fill()? {
        while let Some(event) = batch.next() {
            echo(batch.connection_mut(), event)?;
        }
    }
    match websocket.end() {
        Some(EndOfStream::Clean) => Ok(()),
        _ => Err("the connection was lost".into()),
    }
}

/// Sends a message back. Pings and Closes are answered by the connection itself.
fn echo(connection: &mut Connection, event: Event<'_>) -> Result<(), SendError> {
    if connection.state() != State::Open {
        return Ok(());
    }
    match event {
        Event::Text(text) => connection.send_text(text),
        Event::Binary(payload) => connection.send_binary(payload),
        _ => Ok(()),
    }
}
