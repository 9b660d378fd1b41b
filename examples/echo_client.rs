//! A client that sends every message back, on tokio, until the server closes the connection.
//!
//! ```sh
//! cargo run --features connect,tokio --example echo_client -- ws://127.0.0.1:9001/
//! ```
//!
//! It never sends first: it is the counterpart of a server that does, such as the Autobahn test
//! suite. To talk to an echo server, use the example `line_client`.

mod common;

use std::{error::Error, process::ExitCode};

use common::client;
use framewise::{
    Config, Connection, EndOfStream, Event, SendError, State, deflate::DeflateConfig,
    handshake::ClientRequest, tokio as websocket,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    common::status(run(client::request_from_arguments(HELP)).await)
}

async fn run(request: ClientRequest) -> Result<(), Box<dyn Error>> {
    let mut config = Config::default();
    config.deflate = Some(DeflateConfig::default());
    let (mut websocket, _response) = websocket::connect(request, config).await?;
    while let Some(mut batch) = websocket.fill().await? {
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

const HELP: &str = "\
Usage: echo_client URL

Sends every message of the WebSocket server at URL back, until the server closes
the connection.

Options:
  -h, --help  Print this help

Exit status:
  0  the server has closed the connection
  1  the connection failed or was lost
  2  the command line is wrong
";
