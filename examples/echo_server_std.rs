//! A server that sends every message back, on blocking sockets with a thread for each connection.
//!
//! ```sh
//! cargo run --example echo_server_std -- --listen 127.0.0.1:9001
//! ```
//!
//! Browsers may connect from pages of the same origin only. With `--origin ORIGIN` (repeatable), they
//! may connect from pages of the named origins only. Programs that send no `Origin` always may.
//! Ctrl-C and SIGTERM close all connections and end the server; a second one ends it at once.

mod common;

use std::{
    collections::HashMap,
    error::Error,
    net::{TcpListener, TcpStream},
    process::ExitCode,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use common::{report, say, server::Options};
use framewise::{
    CloseCode, Config, Event, SendErrorKind,
    blocking::{self, Writer},
    deflate::DeflateConfig,
    handshake::{Acceptance, OriginPolicy, Rejection},
};

fn main() -> ExitCode {
    common::status(run(Options::from_arguments()))
}

/// What all connections share.
struct Server {
    config: Arc<Config>,
    policy: OriginPolicy,
    /// Set at Ctrl-C and never cleared.
    stopping: AtomicBool,
    /// The writing halves of the connections, `None` while the request is answered.
    writers: Mutex<HashMap<u64, Option<SharedWriter>>>,
    /// Notified when a connection has ended.
    ended: Condvar,
}

type SharedWriter = Arc<Mutex<Writer<TcpStream>>>;

fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let mut config = Config::default();
    config.deflate = Some(DeflateConfig::default());
    let server = Arc::new(Server {
        config: Arc::new(config),
        policy: options.policy,
        stopping: AtomicBool::new(false),
        writers: Mutex::default(),
        ended: Condvar::new(),
    });
    let listener = TcpListener::bind(&options.listen)
        .map_err(|error| format!("cannot listen on {}: {error}", options.listen))?;
    let (interrupt, interrupted) = mpsc::channel();
    common::on_interrupt(move || {
        let _ = interrupt.send(());
    })?;
    say!("listening on {}", listener.local_addr()?);

    let acceptor = Arc::clone(&server);
    thread::Builder::new().spawn(move || accept(&listener, &acceptor))?;
    interrupted.recv()?;

    // Each connection sends a Close and has some time to receive the answer.
    server.stopping.store(true, Ordering::SeqCst);
    let closer = Arc::clone(&server);
    // On another thread: a write to a peer that does not read can block.
    if thread::Builder::new().spawn(move || closer.close_all()).is_err() {
        server.close_all();
    }
    let patience = server.config.close_timeout.unwrap_or_default();
    let writers = lock(&server.writers);
    let _ = server.ended.wait_timeout_while(writers, patience, |writers| !writers.is_empty());
    Ok(())
}

fn accept(listener: &TcpListener, server: &Arc<Server>) {
    for id in 0.. {
        let accepted = listener.accept();
        if server.stopping.load(Ordering::SeqCst) {
            return; // Drops the listener, and the connection that came too late.
        }
        let served = accepted.and_then(|(stream, peer)| {
            let server = Arc::clone(server);
            thread::Builder::new().spawn(move || {
                if let Err(error) = serve(stream, id, &server) {
                    report!("{peer}: {error}");
                }
                lock(&server.writers).remove(&id);
                server.ended.notify_all();
            })
        });
        // Out of file descriptors or threads, for instance: other connections may end meanwhile.
        if let Err(error) = served {
            report!("cannot accept a connection: {error}");
            thread::sleep(Duration::from_millis(100));
        }
    }
}

fn serve(stream: TcpStream, id: u64, server: &Server) -> Result<(), framewise::Error> {
    // Silent or slow handshakes end after `Config::handshake_timeout`.
    let incoming = blocking::accept(stream, Arc::clone(&server.config))?;
    if incoming.upgrade().check_origin(&server.policy).is_err() {
        return incoming.reject(Rejection::forbidden());
    }
    lock(&server.writers).insert(id, None);
    let websocket = incoming.accept(Acceptance::new())?;
    let clone = websocket.stream().try_clone()?;
    let (mut reader, writer) = websocket.into_split(clone);
    let writer = Arc::new(Mutex::new(writer));
    lock(&server.writers).insert(id, Some(Arc::clone(&writer)));
    loop {
        if server.stopping.load(Ordering::SeqCst) {
            close(&mut lock(&writer));
        }
        let Some(mut batch) = reader.fill()? else {
            return Ok(());
        };
        let mut writer = lock(&writer);
        while let Some(event) = batch.next() {
            let sent = match event {
                Event::Text(text) => writer.feed(text),
                Event::Binary(payload) => writer.feed(payload),
                _ => Ok(()), // Pings and Closes are answered by the connection itself.
            };
            match sent {
                // Messages that arrive after our own Close get no answer.
                Err(framewise::Error::Send(error)) if error.kind() == SendErrorKind::Closed => {}
                sent => sent?,
            }
        }
        // Reads no more from a peer that does not take the answers.
        writer.flush()?;
    }
}

impl Server {
    fn close_all(&self) {
        let writers: Vec<_> = lock(&self.writers).values().flatten().cloned().collect();
        for writer in writers {
            // A writer in use belongs to a thread that looks at `stopping` next.
            if let Ok(mut writer) = writer.try_lock() {
                close(&mut writer);
            }
        }
    }
}

fn close(writer: &mut Writer<TcpStream>) {
    // Fails only if the connection is closing already, or lost.
    let _ = writer.send_close(CloseCode::GOING_AWAY, "");
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
