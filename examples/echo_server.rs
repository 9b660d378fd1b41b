//! A server that sends every message back, on tokio.
//!
//! ```sh
//! cargo run --features tokio --example echo_server -- --listen 127.0.0.1:9001
//! ```
//!
//! Browsers may connect from pages of the same origin only or, with `--origin ORIGIN` (which may be
//! repeated), from those that are named only; programs that send no `Origin` always may. Ctrl-C and
//! SIGTERM close all connections and end the server.

use std::{env, error::Error, io, process::ExitCode, sync::Arc, time::Duration};

use framewise::{
    CloseCode, Config, Connection, Event, SendError, State,
    deflate::DeflateConfig,
    handshake::{Acceptance, Origin, OriginPolicy, Rejection},
    tokio as websocket,
};
use tokio::{
    net::{TcpListener, TcpStream},
    signal,
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo_server: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let (address, policy) = arguments()?;
    let mut config = Config::default();
    config.deflate = Some(DeflateConfig::default());
    let (config, policy) = (Arc::new(config), Arc::new(policy));
    let listener = TcpListener::bind(&address).await?;
    println!("listening on {}", listener.local_addr()?);

    let mut interrupted = std::pin::pin!(interrupted());
    let (stop, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let (config, policy) = (Arc::clone(&config), Arc::clone(&policy));
                    let stopped = stopped.clone();
                    connections.spawn(async move {
                        if let Err(error) = serve(stream, config, &policy, stopped).await {
                            eprintln!("{peer}: {error}");
                        }
                    });
                }
                // Out of file descriptors, for instance: others may end in the meantime.
                Err(error) => {
                    eprintln!("cannot accept a connection: {error}");
                    sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = connections.join_next() => {}
            result = &mut interrupted => break result?,
        }
    }

    // Each connection gets a Close and the time to answer it.
    drop(stop);
    let patience = config.close_timeout.unwrap_or_default() + Duration::from_secs(1);
    let _ = timeout(patience, async { while connections.join_next().await.is_some() {} }).await;
    Ok(())
}

/// Waits for Ctrl-C or, on Unix, SIGTERM.
async fn interrupted() -> io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminated = signal::unix::signal(signal::unix::SignalKind::terminate())?;
        tokio::select! {
            result = signal::ctrl_c() => result,
            _ = terminated.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    signal::ctrl_c().await
}

async fn serve(
    stream: TcpStream,
    config: Arc<Config>,
    policy: &OriginPolicy,
    mut stopped: watch::Receiver<()>,
) -> Result<(), framewise::Error> {
    // Silent or slow handshakes are given up after `Config::handshake_timeout`.
    let incoming = websocket::accept(stream, config).await?;
    if incoming.upgrade().check_origin(policy).is_err() {
        return incoming.reject(Rejection::forbidden()).await;
    }
    let mut websocket = incoming.accept(Acceptance::new()).await?;
    loop {
        let open = websocket.connection().state() == State::Open;
        tokio::select! {
            // Writes the answers to the last batch first, and reads no more from a peer that does
            // not take them.
            readable = websocket.readable() => {
                if !readable? {
                    return Ok(());
                }
                let mut batch = websocket.batch();
                while let Some(event) = batch.next() {
                    echo(batch.connection_mut(), event)?;
                }
            }
            _ = stopped.changed(), if open => {
                websocket.connection_mut().close(CloseCode::GOING_AWAY, "")?;
            }
        }
    }
}

/// Sends a message back. Pings and Closes are answered by the connection itself.
fn echo(connection: &mut Connection, event: Event<'_>) -> Result<(), SendError> {
    if connection.state() != State::Open {
        return Ok(()); // What arrives behind our own Close cannot be answered any more.
    }
    match event {
        Event::Text(text) => connection.send_text(text),
        Event::Binary(payload) => connection.send_binary(payload),
        _ => Ok(()),
    }
}

fn arguments() -> Result<(String, OriginPolicy), Box<dyn Error>> {
    let mut address = String::from("127.0.0.1:9001");
    let mut origins: Vec<Origin> = Vec::new();
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--listen" => address = value()?,
            "--origin" => origins.push(value()?.parse()?),
            _ => return Err("usage: echo_server [--listen ADDR] [--origin ORIGIN]...".into()),
        }
    }
    let policy = match origins.is_empty() {
        true => OriginPolicy::same_origin(),
        false => OriginPolicy::allow_list(origins),
    };
    Ok((address, policy))
}
