//! A server that sends every message back, on tokio.
//!
//! ```sh
//! cargo run --features tokio --example echo_server -- --listen 127.0.0.1:9001
//! cargo run --features tokio,tls --example echo_server -- --tls-cert cert.pem --tls-key key.pem
//! ```
//!
//! Browsers may connect from pages of the same origin only. With `--origin ORIGIN` (repeatable), they
//! may connect from pages of the named origins only. Programs that send no `Origin` always may.
//! Ctrl-C and SIGTERM close all connections and end the server; a second one ends it at once. Plain
//! requests for `/health` are answered with 200, as health checks of load balancers expect.

mod common;

use std::{error::Error, process::ExitCode, sync::Arc, time::Duration};

use common::{report, say, server::Options};
#[cfg(feature = "rustls")]
use framewise::tls::ServerTls;
use framewise::{
    CloseCode, Config, Connection, Event, SendError, State,
    deflate::DeflateConfig,
    handshake::{Acceptance, OriginPolicy, Rejection},
    tokio::{self as websocket, Requested},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

/// Why a connection failed.
type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    common::status(run(Options::from_arguments()).await)
}

async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let mut config = Config::default();
    config.deflate = Some(DeflateConfig::default());
    let server = Arc::new(Server {
        config: Arc::new(config),
        policy: options.policy,
        #[cfg(feature = "rustls")]
        tls: options.tls,
    });
    let listener = TcpListener::bind(&options.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", options.listen))?;
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
                    let (server, stopped) = (Arc::clone(&server), stopped.clone());
                    connections.spawn(async move {
                        if let Err(error) = server.serve(stream, stopped).await {
                            report!("{peer}: {error}");
                        }
                    });
                }
                // Out of file descriptors, for instance: other connections may end meanwhile.
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
    let patience = server.config.close_timeout.unwrap_or_default();
    let _ = timeout(patience, async { while connections.join_next().await.is_some() {} }).await;
    Ok(())
}

/// What all connections share.
struct Server {
    config: Arc<Config>,
    policy: OriginPolicy,
    #[cfg(feature = "rustls")]
    tls: Option<ServerTls>,
}

impl Server {
    async fn serve(
        &self,
        stream: TcpStream,
        mut stopped: watch::Receiver<()>,
    ) -> Result<(), Failure> {
        let config = Arc::clone(&self.config);
        #[cfg(feature = "rustls")]
        if let Some(tls) = &self.tls {
            return tokio::select! {
                requested = websocket::receive_request_tls(stream, tls, config) => {
                    serve(requested?, &self.policy, stopped).await
                }
                _ = stopped.changed() => Ok(()),
            };
        }
        // Silent or slow handshakes end after `Config::handshake_timeout`.
        tokio::select! {
            requested = websocket::receive_request(stream, config) => {
                serve(requested?, &self.policy, stopped).await
            }
            _ = stopped.changed() => Ok(()),
        }
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    requested: Requested<S>,
    policy: &OriginPolicy,
    mut stopped: watch::Receiver<()>,
) -> Result<(), Failure> {
    let request = requested.request();
    if request.path() == "/health" && !request.wants_upgrade() {
        return Ok(requested.respond(Rejection::new(200)?.body("healthy\n")).await?);
    }
    let incoming = requested.upgrade().await?; // Answers all other plain requests.
    if incoming.upgrade().check_origin(policy).is_err() {
        return Ok(incoming.reject(Rejection::forbidden()).await?);
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
        return Ok(()); // Messages that arrive after our own Close get no answer.
    }
    match event {
        Event::Text(text) => connection.send_text(text),
        Event::Binary(payload) => connection.send_binary(payload),
        _ => Ok(()),
    }
}
