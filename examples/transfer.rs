//! A message far larger than memory should hold, sent and received at the same time.
//!
//! ```sh
//! cargo run --release --features tokio --example transfer -- 1024
//! ```
//!
//! A client sends one message of so many MiB in fragments, and a server sends each piece back as it
//! arrives. Both are split into halves, so that neither direction waits for the other one, and neither
//! end ever holds more than a few pieces.

mod common;

use std::{error::Error, fs, process::ExitCode, time::Duration};

use common::say;
use framewise::{
    CloseCode, Config, Delivery, Event,
    handshake::{Acceptance, ClientRequest, OriginPolicy, Rejection},
    tokio as websocket,
};
use lexopt::prelude::*;
use tokio::{
    net::{TcpListener, TcpStream},
    time::{Instant, timeout},
};

#[tokio::main]
async fn main() -> ExitCode {
    let size = size().unwrap_or_else(|error| common::refuse(&error));
    common::status(transfer(size).await)
}

async fn transfer(size: u64) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let request = ClientRequest::new(format!("ws://{}/", listener.local_addr()?))?;
    let server = tokio::spawn(async move { echo(listener.accept().await?.0).await });

    let began = Instant::now();
    let (websocket, _response) = websocket::connect(request, config()).await?;
    let (mut reader, mut writer) = websocket.split();
    reader.set_delivery(Delivery::Chunks);
    let sending = tokio::spawn(async move {
        let mut sent = 0;
        while sent < size {
            let len = size.min(sent + PIECE) - sent;
            let piece: Vec<u8> = (sent..sent + len).map(octet).collect();
            sent += len;
            writer.send_fragment(piece, sent == size).await?;
        }
        Ok::<_, framewise::Error>(writer)
    });
    let mut received = 0;
    while received < size {
        let Some(mut batch) = reader.fill().await? else {
            return Err(format!("the connection ended after {received} bytes").into());
        };
        while let Some(event) = batch.next() {
            if let Event::BinaryChunk { payload, .. } = event {
                let end = received + payload.len() as u64;
                if !payload.iter().copied().eq((received..end).map(octet)) {
                    return Err(format!("other bytes came back, after {received}").into());
                }
                received = end;
            }
        }
    }
    let elapsed = began.elapsed().as_secs_f64();
    sending.await??.close(CloseCode::NORMAL, "").await?;
    reader.closed().await?;
    server.await??;
    let mebibytes = (size >> 20) as f64;
    say!("{mebibytes} MiB each way in {elapsed:.1} s: {:.0} MiB/s", mebibytes / elapsed);
    if let Some(peak) = peak_memory() {
        say!("at most {peak} of memory, for both ends");
    }
    Ok(())
}

/// Sends back what arrives, piece by piece.
async fn echo(stream: TcpStream) -> Result<(), framewise::Error> {
    let incoming = websocket::accept(stream, config()).await?;
    if incoming.upgrade().check_origin(&OriginPolicy::same_origin()).is_err() {
        return incoming.reject(Rejection::forbidden()).await;
    }
    let (mut reader, mut writer) = incoming.accept(Acceptance::new()).await?.split();
    reader.set_delivery(Delivery::Chunks);
    while let Some(mut batch) = reader.fill().await? {
        while let Some(event) = batch.next() {
            if let Event::BinaryChunk { payload, fin } = event {
                // While this waits, nothing is read: so the client has to wait, too. A client that
                // takes nothing for a minute is gone.
                let sent = timeout(Duration::from_secs(60), writer.send_fragment(payload, fin));
                sent.await.map_err(std::io::Error::from)??;
            }
        }
    }
    Ok(())
}

/// Messages of any size: none is held.
fn config() -> Config {
    let mut config = Config::default();
    (config.max_message_size, config.max_fragments) = (u64::MAX, u32::MAX);
    config
}

/// The bytes of the message, which do not repeat with the pieces.
fn octet(at: u64) -> u8 {
    (at % 251) as u8
}

/// Reads the size in MiB, the only argument, and returns it in bytes.
fn size() -> Result<u64, lexopt::Error> {
    let mut size = 64;
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => common::help(HELP),
            Value(value) => size = value.parse()?,
            _ => return Err(argument.unexpected()),
        }
    }
    match size {
        1..=1_000_000 => Ok(size << 20),
        _ => Err("the size must be 1 to 1000000 MiB".into()),
    }
}

/// Returns the largest resident memory so far, where the system tells it.
fn peak_memory() -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().to_owned())
}

/// The size of a fragment.
const PIECE: u64 = 64 << 10;

const HELP: &str = "\
Usage: transfer [MIB]

Sends a message both ways at once, piece by piece, over a socket of this machine.

  MIB         the size of the message in MiB, 64 by default
  -h, --help  show this help";
