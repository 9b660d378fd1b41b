//! An address that does not answer, in front of one that does.

use std::{
    net::{SocketAddr, TcpListener},
    thread,
    time::Instant,
};

use framewise::{Config, blocking, client::Connector, tokio::connect_with};
use socket2::{Domain, Socket, Type};

use crate::{Failure, block_on, median};

const ROUNDS: usize = 9;

pub(crate) fn run() -> Result<(), Failure> {
    let (_listener, _queued, dead) = full_listener()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let alive = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(|| blocking::accept_any(stream, Config::default()).map(drop));
        }
    });
    println!("| first of two addresses | `tokio` | `blocking` |");
    println!("|---|---:|---:|");
    for (name, addresses) in [("dead", [dead, alive]), ("alive", [alive, dead])] {
        let connector = Connector::new().resolve_to(addresses);
        let (mut asynchronous, mut threads) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let began = Instant::now();
            block_on(connect_with(&connector, "ws://two.example/", Config::default()))?;
            asynchronous.push(1e3 * began.elapsed().as_secs_f64());
            let began = Instant::now();
            blocking::connect_with(&connector, "ws://two.example/", Config::default())?;
            threads.push(1e3 * began.elapsed().as_secs_f64());
        }
        println!("| {name} | {:.1} ms | {:.1} ms |", median(asynchronous), median(threads));
    }
    Ok(())
}

/// Returns a listener whose queue is full, so that it answers no more.
fn full_listener() -> Result<(Socket, Vec<Socket>, SocketAddr), Failure> {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    listener.listen(0)?;
    let address = listener.local_addr()?;
    let mut queued = Vec::new();
    for _ in 0..8 {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        let _ = socket.connect(&address);
        queued.push(socket);
    }
    let address = address.as_socket().ok_or("no address")?;
    Ok((listener, queued, address))
}
