//! Sends each line of the standard input as a message and prints each message that comes.
//!
//! ```sh
//! echo Hello | cargo run --features connect,tokio --example line_client -- ws://127.0.0.1:9001/
//! cargo run --features connect,tokio,tls --example line_client -- wss://example.com/chat
//! ```
//!
//! At the end of the input, or at Ctrl-C, it sends a Close and prints the messages that still come
//! until the server closes, too. Lines end with LF or CRLF; with `--binary` a CR belongs to the line.
//! Bytes of binary messages that are not printable ASCII are escaped. `--help` lists the options and
//! the exit statuses.

#[path = "../common/mod.rs"]
mod common;
mod input;
mod options;
mod show;
#[cfg(feature = "rustls")]
mod tls;

use std::{
    fmt,
    io::{self, Write},
    process::{self, ExitCode},
    sync::Arc,
};

use common::{NAME, report};
use framewise::{
    CloseCode, CloseFrame, EndOfStream, Event, Message,
    handshake::{HandshakeError, Response},
    tokio::{self as websocket, ClientStream, Reader, Writer},
};
use options::Options;
use show::Status;
use tokio::sync::{Notify, mpsc};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Options::from_arguments()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report!("{NAME}: {failure}");
            ExitCode::from(failure.status())
        }
    }
}

async fn run(options: Options) -> Result<(), Failure> {
    let Options { request, config, connector, binary, verbose } = options;
    let stop = Arc::new(Notify::new());
    let interrupt = Arc::clone(&stop);
    common::on_interrupt(move || interrupt.notify_one())
        .map_err(|error| Failure::Io(io::Error::other(error)))?;

    if verbose {
        show::request(&request, &config);
    }
    let connected = tokio::select! {
        connected = websocket::connect_with(&connector, request, config) => connected,
        // There is nothing to close yet.
        () = stop.notified() => process::exit(common::INTERRUPTED),
    };
    let (websocket, response) = connected.map_err(|error| refused(error, verbose))?;
    if verbose {
        show::response(&response);
        show::connection(&websocket);
    }

    // Two tasks, so that neither direction waits for the other.
    let (mut reader, writer) = websocket.into_split();
    let lines = input::lines(binary).map_err(Failure::Io)?;
    let sending = tokio::spawn(send(writer, lines, Arc::clone(&stop), verbose));
    let received = receive(&mut reader, &stop, verbose).await;
    stop.notify_one();
    let sent = sending.await.unwrap_or_else(|error| Err(Failure::Io(error.into())));
    match (received, sent) {
        (Err(failure), Err(other)) => {
            report!("{NAME}: {other}");
            Err(failure)
        }
        (received, sent) => received.and(sent),
    }
}

/// Sends lines until their end, or until `stop`. Closes the connection then.
async fn send(
    mut writer: Writer<ClientStream>,
    mut lines: mpsc::Receiver<Result<Message, String>>,
    stop: Arc<Notify>,
    verbose: bool,
) -> Result<(), Failure> {
    let sending = async {
        while let Some(line) = lines.recv().await {
            let message = line.map_err(Failure::Input)?;
            if verbose {
                show::sent(&message);
            }
            if writer.send(message).await.is_err() {
                break; // The connection has ended. The reader returns the reason.
            }
        }
        Ok(())
    };
    let sent = tokio::select! {
        sent = sending => sent,
        () = stop.notified() => Ok(()),
    };
    if writer.send_close(CloseCode::NORMAL, "").await.is_ok() && verbose {
        report!("> Close {}", CloseCode::NORMAL);
    }
    sent
}

/// Prints messages until the connection has ended.
async fn receive(
    reader: &mut Reader<ClientStream>,
    stop: &Notify,
    verbose: bool,
) -> Result<(), Failure> {
    let mut printed = Ok(());
    while let Some(mut batch) = reader.fill().await.map_err(Failure::Connection)? {
        while let Some(event) = batch.next() {
            if verbose {
                show::received(&event);
            }
            if printed.is_ok() {
                printed = print(&event);
                if printed.is_err() {
                    stop.notify_one(); // Nobody sees what else would come.
                }
            }
        }
    }
    printed.map_err(Failure::Output)?;
    match (reader.received_close(), reader.end()) {
        (Some(frame), _) if !is_normal(frame.code) => Err(Failure::Closed(frame)),
        (Some(_), Some(EndOfStream::Clean)) => Ok(()),
        _ => Err(Failure::Lost),
    }
}

fn is_normal(code: CloseCode) -> bool {
    matches!(code, CloseCode::NORMAL | CloseCode::GOING_AWAY | CloseCode::NO_STATUS_RECEIVED)
}

fn print(event: &Event<'_>) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match event {
        Event::Text(text) => writeln!(stdout, "{text}")?,
        Event::Binary(payload) => writeln!(stdout, "{}", payload.escape_ascii())?,
        _ => {} // Pings and Closes are answered by the connection itself.
    }
    stdout.flush()
}

fn refused(error: framewise::Error, verbose: bool) -> Failure {
    match error {
        framewise::Error::Handshake(HandshakeError::Rejected(response)) => {
            if verbose {
                show::response(&response);
            }
            Failure::Refused(response)
        }
        error => Failure::Connection(error),
    }
}

/// Why the exit status is not 0.
enum Failure {
    Closed(CloseFrame),
    Connection(framewise::Error),
    Input(String),
    Io(io::Error),
    Lost,
    Output(io::Error),
    Refused(Box<Response>),
}

impl Failure {
    /// Returns the exit status, which the help lists.
    fn status(&self) -> u8 {
        match self {
            Self::Connection(_) | Self::Io(_) | Self::Lost | Self::Output(_) => 1,
            Self::Refused(_) => 3,
            Self::Closed(_) => 4,
            Self::Input(_) => 5,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Without the reason, which is not for end users (RFC 6455 §5.5.1).
            Self::Closed(frame) => write!(f, "the server closed the connection: {}", frame.code),
            Self::Connection(error) => error.fmt(f),
            Self::Input(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
            Self::Lost => f.write_str("the connection was lost"),
            Self::Output(error) => write!(f, "cannot write to the standard output: {error}"),
            Self::Refused(response) => write!(f, "the server refused: {}", Status(response)),
        }
    }
}
