//! Streams a message of any size both ways at once, in bounded memory, on tokio.
//!
//! ```sh
//! cargo run --release --features connect,tokio --example transfer -- --listen 127.0.0.1:9002
//! cargo run --release --features connect,tokio --example transfer -- ws://127.0.0.1:9002/ --size 1000000000
//! ```
//!
//! The server sends each piece of a message back when it arrives, as a fragment. The client sends one
//! message in fragments while it receives the echo, and checks that. Each end splits its connection, so
//! that neither direction waits for the other, and holds a few pieces at most. The end that is slower
//! slows the other one down.

mod common;

use std::{
    error::Error,
    fs, future,
    process::{self, ExitCode},
    sync::Arc,
    time::Duration,
};

use common::{client, report, say};
use framewise::{
    CloseCode, Config, Delivery, Event, Payload,
    handshake::{Acceptance, ClientRequest, OriginPolicy, Rejection},
    tokio::{self as websocket, ClientStream, Reader, Writer},
};
use lexopt::prelude::*;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

#[tokio::main]
async fn main() -> ExitCode {
    common::status(match Command::parse() {
        Ok(Command::Listen(address)) => listen(&address).await,
        Ok(Command::Send(request, size)) => transfer(request, size).await,
        Err(error) => common::refuse(&error),
    })
}

async fn listen(address: &str) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| format!("cannot listen on {address}: {error}"))?;
    let (stop, mut stopped) = watch::channel(());
    common::on_interrupt(move || {
        let _ = stop.send(());
    })?;
    say!("listening on {}", listener.local_addr()?);

    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    // Small messages leave at once.
                    let _ = stream.set_nodelay(true);
                    let stopped = stopped.clone();
                    connections.spawn(async move {
                        match serve(stream, stopped).await {
                            Ok(()) => say!("{peer}: closed, peak memory {}", peak_memory()),
                            Err(error) => report!("{peer}: {error}"),
                        }
                    });
                }
                Err(error) => {
                    report!("cannot accept a connection: {error}");
                    sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = connections.join_next() => {}
            _ = stopped.changed() => break,
        }
    }
    // Each connection sends a Close and has some time to receive the answer.
    drop(listener);
    let patience = config().close_timeout.unwrap_or_default();
    let _ = timeout(patience, async { while connections.join_next().await.is_some() {} }).await;
    Ok(())
}

async fn serve(
    stream: TcpStream,
    mut stopped: watch::Receiver<()>,
) -> Result<(), framewise::Error> {
    let incoming = tokio::select! {
        incoming = websocket::accept(stream, config()) => incoming?,
        _ = stopped.changed() => return Ok(()),
    };
    if incoming.upgrade().check_origin(&OriginPolicy::same_origin()).is_err() {
        return incoming.reject(Rejection::forbidden()).await;
    }
    let (mut reader, mut writer) = incoming.accept(Acceptance::new()).await?.into_split();
    tokio::select! {
        echoed = echo(&mut reader, &mut writer) => echoed,
        _ = stopped.changed() => close(reader, writer, CloseCode::GOING_AWAY).await,
    }
}

/// Sends back what arrives, piece by piece, until the connection has ended.
async fn echo(
    reader: &mut Reader<TcpStream>,
    writer: &mut Writer<TcpStream>,
) -> Result<(), framewise::Error> {
    reader.set_delivery(Delivery::Chunks);
    while let Some(mut batch) = reader.fill().await? {
        while let Some(event) = batch.next() {
            let (piece, fin): (Payload<'_>, bool) = match event {
                Event::BinaryChunk { payload, fin } => (payload.into(), fin),
                Event::TextChunk { text, fin } => (text.into(), fin),
                _ => continue, // Pings and Closes are answered by the connection itself.
            };
            // While this waits, nothing is read, so that the client has to wait, too. The reader
            // would notice a client that takes nothing, but it has no turn now.
            timeout(PATIENCE, writer.send_fragment(piece, fin))
                .await
                .map_err(std::io::Error::from)??;
        }
    }
    Ok(())
}

async fn transfer(request: ClientRequest, size: u64) -> Result<(), Box<dyn Error>> {
    let stop = Arc::new(Notify::new());
    let interrupt = Arc::clone(&stop);
    common::on_interrupt(move || interrupt.notify_one())?;
    let (websocket, _response) = tokio::select! {
        connected = websocket::connect(request, config()) => connected?,
        // There is nothing to close yet.
        () = stop.notified() => process::exit(common::INTERRUPTED),
    };
    let (mut reader, mut writer) = websocket.into_split();
    let began = Instant::now();
    let sending = async {
        let _ = send(&mut writer, size).await; // If it fails, the reader knows why.
        future::pending().await
    };
    let result = tokio::select! {
        received = receive(&mut reader, size) => received,
        () = sending => Ok(()),
        () = stop.notified() => Err("interrupted before the end".into()),
    };
    let seconds = began.elapsed().as_secs_f64();
    let closed = close(reader, writer, CloseCode::NORMAL).await;
    result?;
    closed?;
    let speed = size as f64 / f64::from(1 << 20) / seconds;
    say!(
        "{size} bytes each way in {seconds:.2} s, {speed:.0} MiB/s, peak memory {}",
        peak_memory()
    );
    Ok(())
}

/// Sends one message in fragments.
async fn send(writer: &mut Writer<ClientStream>, size: u64) -> Result<(), framewise::Error> {
    let pattern = pattern();
    let mut sent = 0;
    loop {
        let piece = part(&pattern, sent, size - sent);
        sent += piece.len() as u64;
        writer.send_fragment(piece, sent == size).await?;
        if sent == size {
            return Ok(());
        }
    }
}

/// Receives the echo of a message and checks it.
async fn receive(reader: &mut Reader<ClientStream>, size: u64) -> Result<(), Box<dyn Error>> {
    reader.set_delivery(Delivery::Chunks);
    let pattern = pattern();
    let mut received = 0;
    while let Some(mut batch) = reader.fill().await? {
        while let Some(event) = batch.next() {
            let Event::BinaryChunk { payload, fin } = event else {
                continue;
            };
            for piece in payload.chunks(PIECE) {
                if piece != part(&pattern, received, piece.len() as u64) {
                    return Err(format!("something else comes back after {received} bytes").into());
                }
                received += piece.len() as u64;
            }
            if fin && received == size {
                return Ok(());
            }
            if fin || received > size {
                return Err(format!("{received} bytes come back").into());
            }
        }
    }
    Err(format!("the connection was lost, after {received} bytes have come back").into())
}

/// Begins and ends the closing handshake. The halves do it together, or a peer that takes nothing
/// would be waited for forever.
async fn close<S: AsyncRead + AsyncWrite + Unpin>(
    mut reader: Reader<S>,
    mut writer: Writer<S>,
    code: CloseCode,
) -> Result<(), framewise::Error> {
    // The first fails if the connection has ended already, and the reader knows how.
    let (_, closed) = tokio::join!(writer.send_close(code, ""), reader.closed());
    closed.map(drop)
}

/// Messages of any size: none is held.
fn config() -> Config {
    let mut config = Config::default();
    (config.max_message_size, config.max_fragments) = (u64::MAX, u32::MAX);
    config
}

/// Returns bytes that a message repeats. They do not repeat with its pieces.
fn pattern() -> Vec<u8> {
    (0..=250).cycle().take(251 + PIECE).collect()
}

/// Returns `len` bytes of a message, or as many as fit into a piece.
fn part(pattern: &[u8], at: u64, len: u64) -> &[u8] {
    let len = usize::try_from(len).map_or(PIECE, |len| len.min(PIECE));
    &pattern[(at % 251) as usize..][..len]
}

/// Returns the largest resident memory so far, where the system tells it.
fn peak_memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.map_or("unknown", str::trim).to_owned()
}

enum Command {
    Listen(String),
    Send(ClientRequest, u64),
}

impl Command {
    fn parse() -> Result<Self, lexopt::Error> {
        let (mut listen, mut url, mut size) = (None, None, None);
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Long("listen") => listen = Some(parser.value()?.string()?),
                Long("size") => size = Some(parser.value()?.parse()?),
                Short('h') | Long("help") => common::help(HELP),
                Value(value) if url.is_none() => url = Some(value.string()?),
                _ => return Err(argument.unexpected()),
            }
        }
        match (listen, url, size) {
            (Some(address), None, None) => Ok(Self::Listen(address)),
            (Some(_), ..) => Err("--listen stands alone".into()),
            (None, url, size) => Ok(Self::Send(client::request(url)?, size.unwrap_or(64 << 20))),
        }
    }
}

/// The size of a fragment that the client sends.
const PIECE: usize = 64 << 10;

/// How long a client may take for one piece.
const PATIENCE: Duration = Duration::from_secs(60);

const HELP: &str = "\
Usage: transfer --listen ADDRESS
       transfer URL [--size BYTES]

Streams a WebSocket message both ways at once, in bounded memory: sends it to the
server at URL, which sends it back, and checks what comes back.

Options:
      --listen ADDRESS  Be the server, on HOST:PORT; port 0 takes a free port.
                        The first line of output names the port: 'listening on
                        127.0.0.1:9002'
      --size BYTES      The size of the message (default: 67108864)
  -h, --help            Print this help

Exit status:
  0    the message came back, or the server was ended with Ctrl-C
  1    something else came back, or the connection failed or was lost
  2    the command line is wrong
  130  after a second Ctrl-C
";
