//! Sends each line of the standard input as a text message and prints each message that comes.
//!
//! ```sh
//! echo Hello | cargo run --features tokio --example line_client -- ws://127.0.0.1:9001/
//! ```
//!
//! At the end of the input it closes the connection, prints what still comes, and ends with status
//! 0 when the server has closed, too. Octets of binary messages that are not printable ASCII are
//! escaped.

use std::{
    env,
    error::Error,
    io::{self, BufRead, Write},
    process::ExitCode,
    thread,
};

use framewise::{
    CloseCode, Config, EndOfStream, Event, State, deflate::DeflateConfig, handshake::ClientRequest,
    tokio as websocket,
};
use tokio::sync::mpsc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("line_client: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("usage: line_client URL")?;
    let request = ClientRequest::new(url.as_str())?;
    let mut config = Config::default();
    config.deflate = Some(DeflateConfig::default());
    let (mut websocket, _response) = websocket::connect(request, config).await?;
    let mut lines = lines();
    loop {
        let open = websocket.connection().state() == State::Open;
        tokio::select! {
            readable = websocket.readable() => {
                if !readable? {
                    break;
                }
                let mut batch = websocket.batch();
                let mut stdout = io::stdout().lock();
                while let Some(event) = batch.next() {
                    match event {
                        Event::Text(text) => writeln!(stdout, "{text}")?,
                        Event::Binary(payload) => writeln!(stdout, "{}", payload.escape_ascii())?,
                        _ => {} // Pings and Closes are answered by the connection itself.
                    }
                }
                stdout.flush()?;
            }
            line = lines.recv(), if open => match line {
                Some(line) => websocket.send(line?).await?,
                None => websocket.connection_mut().close(CloseCode::NORMAL, "")?,
            }
        }
    }

    let asked = websocket.connection().sent_close().map(|frame| frame.code);
    let answered = websocket.connection().received_close();
    match (websocket.end(), answered) {
        (Some(EndOfStream::Clean), Some(frame)) if frame.code == CloseCode::NORMAL => Ok(()),
        (Some(EndOfStream::Clean), Some(_)) if asked == Some(CloseCode::NORMAL) => Ok(()),
        // The code only: the reason is not for the eyes of end users (RFC 6455 §5.5.1), and comes from
        // the server as it is, with anything that a terminal may take for a command.
        (_, Some(frame)) => Err(format!("the server closed the connection: {}", frame.code).into()),
        (_, None) => Err("the connection was lost".into()),
    }
}

/// Reads lines on a thread of their own, since the standard input can only be waited for.
fn lines() -> mpsc::Receiver<io::Result<String>> {
    let (sender, receiver) = mpsc::channel(16);
    thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    receiver
}
