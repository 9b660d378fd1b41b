//! A server that sends every message back, on blocking sockets with a thread for each connection.
//!
//! ```sh
//! cargo run --example echo_server_std -- --listen 127.0.0.1:9001
//! ```
//!
//! Browsers may connect from pages of the same origin only or, with `--origin ORIGIN` (which may be
//! repeated), from those that are named only; programs that send no `Origin` always may. Ctrl-C and
//! SIGTERM close all connections and end the server.

use std::{
    collections::HashMap,
    env,
    error::Error,
    net::{TcpListener, TcpStream},
    process::ExitCode,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use framewise::{
    CloseCode, Config, Event, SendErrorKind,
    blocking::{self, Writer},
    deflate::DeflateConfig,
    handshake::{Acceptance, Origin, OriginPolicy, Rejection},
};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo_server_std: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What all connections share.
struct Server {
    config: Arc<Config>,
    policy: OriginPolicy,
    /// The writing halves of the open connections.
    writers: Mutex<HashMap<u64, Arc<Mutex<Writer<TcpStream>>>>>,
}

fn run() -> Result<(), Box<dyn Error>> {
    let (address, policy) = arguments()?;
    let mut config = Config::default();
    config.deflate = Some(DeflateConfig::default());
    let config = Arc::new(config);
    let server = Arc::new(Server { config, policy, writers: Mutex::default() });
    let listener = TcpListener::bind(&address)?;
    println!("listening on {}", listener.local_addr()?);

    let (interrupt, interrupted) = mpsc::channel();
    ctrlc::set_handler(move || {
        let _ = interrupt.send(());
    })?;
    // Each connection holds a sender, so the receiver tells when the last one has ended.
    let (running, ended) = mpsc::channel::<()>();
    let acceptor = Arc::clone(&server);
    let for_connections = running.clone();
    thread::spawn(move || accept(&listener, &acceptor, &for_connections));
    interrupted.recv()?;

    // Each connection gets a Close and the time to answer it.
    for writer in lock(&server.writers).values() {
        // One that is being written to just now has a peer that does not read.
        if let Ok(mut writer) = writer.try_lock() {
            let _ = writer.close(CloseCode::GOING_AWAY, "");
        }
    }
    drop(running);
    let patience = server.config.close_timeout.unwrap_or_default() + Duration::from_secs(1);
    let deadline = Instant::now() + patience;
    while !lock(&server.writers).is_empty() && Instant::now() < deadline {
        let _ = ended.recv_timeout(Duration::from_millis(20));
    }
    Ok(())
}

fn accept(listener: &TcpListener, server: &Arc<Server>, running: &Sender<()>) {
    for id in 0.. {
        let (stream, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, for instance: others may end in the meantime.
                eprintln!("cannot accept a connection: {error}");
                thread::sleep(Duration::from_millis(100));
                continue;
            }
        };
        let (server, running) = (Arc::clone(server), running.clone());
        thread::spawn(move || {
            if let Err(error) = serve(stream, id, &server) {
                eprintln!("{peer}: {error}");
            }
            lock(&server.writers).remove(&id);
            drop(running);
        });
    }
}

fn serve(stream: TcpStream, id: u64, server: &Server) -> Result<(), framewise::Error> {
    // Silent or slow handshakes are given up after `Config::handshake_timeout`.
    let incoming = blocking::accept(stream, Arc::clone(&server.config))?;
    if incoming.upgrade().check_origin(&server.policy).is_err() {
        return incoming.reject(Rejection::forbidden());
    }
    let websocket = incoming.accept(Acceptance::new())?;
    let clone = websocket.stream().try_clone()?;
    let (mut reader, writer) = websocket.split(clone);
    let writer = Arc::new(Mutex::new(writer));
    lock(&server.writers).insert(id, Arc::clone(&writer));
    while let Some(mut batch) = reader.fill()? {
        let mut writer = lock(&writer);
        while let Some(event) = batch.next() {
            let sent = match event {
                Event::Text(text) => writer.feed(text),
                Event::Binary(payload) => writer.feed(payload),
                _ => Ok(()), // Pings and Closes are answered by the connection itself.
            };
            match sent {
                // What arrives behind our own Close cannot be answered any more.
                Err(framewise::Error::Send(error)) if error.kind() == SendErrorKind::Closed => {}
                sent => sent?,
            }
        }
        // A peer that does not take the answers is not read from either.
        writer.flush()?;
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
            _ => return Err("usage: echo_server_std [--listen ADDR] [--origin ORIGIN]...".into()),
        }
    }
    let policy = match origins.is_empty() {
        true => OriginPolicy::same_origin(),
        false => OriginPolicy::allow_list(origins),
    };
    Ok((address, policy))
}
