//! Many clients at once.

use std::{
    net::SocketAddr,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use framewise::{
    Config,
    tokio::{accept_any, client, connect},
};
use tokio::{
    net::{TcpSocket, TcpStream},
    sync::oneshot,
    task::JoinSet,
};

use crate::{Failure, block_on, median};

const CLIENTS: usize = 1_000;
const ROUNDS: usize = 15;

pub(crate) fn run() -> Result<(), Failure> {
    let address = server()?;
    let (mut by_connect, mut by_hand) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        // In turns, so that neither is always the first.
        let times = match round % 2 {
            0 => {
                let own = block_on(all(address, true))?;
                (block_on(all(address, false))?, own)
            }
            _ => (block_on(all(address, false))?, block_on(all(address, true))?),
        };
        // The first one warms up.
        if round > 0 {
            by_connect.push(times.0.as_secs_f64());
            by_hand.push(times.1.as_secs_f64());
        }
    }
    let ratios = by_connect.iter().zip(&by_hand).map(|(one, other)| one / other).collect();
    println!("| {CLIENTS} clients at once | median of {ROUNDS} rounds |");
    println!("|---|---:|");
    println!("| `connect` | {:.0} ms |", 1e3 * median(by_connect));
    println!("| `client` over own sockets | {:.0} ms |", 1e3 * median(by_hand));
    println!("| ratio | {:.2} |", median(ratios));
    Ok(())
}

/// Accepts all on a thread, and keeps each connection until its client has gone.
fn server() -> Result<SocketAddr, Failure> {
    let (ready, address) = std::sync::mpsc::channel();
    thread::spawn(move || {
        block_on(async {
            let socket = TcpSocket::new_v4()?;
            socket.bind(([127, 0, 0, 1], 0).into())?;
            let listener = socket.listen(4096)?;
            ready.send(listener.local_addr()?)?;
            let config = Arc::new(Config::default());
            loop {
                let (stream, _) = listener.accept().await?;
                let config = Arc::clone(&config);
                tokio::spawn(async move {
                    if let Ok(mut websocket) = accept_any(stream, config).await {
                        while let Ok(Some(_)) = websocket.read().await {}
                    }
                });
            }
            #[allow(unreachable_code, reason = "it tells the type of the error")]
            Ok::<(), Failure>(())
        })
    });
    Ok(address.recv()?)
}

/// Returns the time until all connections are open.
async fn all(address: SocketAddr, by_hand: bool) -> Result<Duration, Failure> {
    let config = Arc::new(Config::default());
    let uri = format!("ws://{address}/");
    let began = Instant::now();
    let mut clients = JoinSet::new();
    let mut ends = Vec::with_capacity(CLIENTS);
    for _ in 0..CLIENTS {
        let (config, uri) = (Arc::clone(&config), uri.clone());
        let (end, ended) = oneshot::channel::<()>();
        ends.push(end);
        let (open, opened) = oneshot::channel();
        tokio::spawn(async move {
            let result = match by_hand {
                true => open_by_hand(address, uri, config, open, ended).await,
                false => {
                    async {
                        let (_websocket, _) = connect(uri, config).await?;
                        let _ = open.send(());
                        let _ = ended.await;
                        Ok(())
                    }
                    .await
                }
            };
            result.map_err(|error: Failure| eprintln!("{error}"))
        });
        clients.spawn(opened);
    }
    while let Some(opened) = clients.join_next().await {
        opened??;
    }
    let elapsed = began.elapsed();
    drop(ends);
    // The server closes its ends, too.
    tokio::time::sleep(Duration::from_millis(200)).await;
    Ok(elapsed)
}

async fn open_by_hand(
    address: SocketAddr,
    uri: String,
    config: Arc<Config>,
    open: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
) -> Result<(), Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (_websocket, _) = client(stream, uri, config).await?;
    let _ = open.send(());
    let _ = ended.await;
    Ok(())
}
