//! A server that sends every message back, on blocking sockets with a thread for each connection.
//!
//! ```sh
//! cargo run --example echo_server_std -- --listen 127.0.0.1:9001
//! cargo run --features tls --example echo_server_std -- --tls-cert cert.pem --tls-key key.pem
//! ```
//!
//! Browsers may connect from pages of the same origin only. With `--origin ORIGIN` (repeatable), they
//! may connect from pages of the named origins only. Programs that send no `Origin` always may.
//! Ctrl-C and SIGTERM close all connections and end the server; a second one ends it at once.

mod common;

use std::{
    collections::HashMap,
    error::Error,
    io,
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
#[cfg(feature = "rustls")]
use framewise::tls::ServerTls;
use framewise::{
    CloseCode, Config, Event, SendErrorKind,
    blocking::{self, Incoming, Stream, Writer},
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
    #[cfg(feature = "rustls")]
    tls: Option<ServerTls>,
    /// Set at Ctrl-C and never cleared.
    stopping: AtomicBool,
    /// What closes each connection, `None` while the request is answered.
    closers: Mutex<HashMap<u64, Option<Closer>>>,
    /// Notified when a connection has ended.
    ended: Condvar,
}

type Closer = Arc<dyn Fn() + Send + Sync>;

fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let mut config = Config::default();
    config.deflate = Some(DeflateConfig::default());
    let server = Arc::new(Server {
        config: Arc::new(config),
        policy: options.policy,
        #[cfg(feature = "rustls")]
        tls: options.tls,
        stopping: AtomicBool::new(false),
        closers: Mutex::default(),
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
    let closers = lock(&server.closers);
    let _ = server.ended.wait_timeout_while(closers, patience, |closers| !closers.is_empty());
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
                if let Err(error) = server.open(stream, id) {
                    report!("{peer}: {error}");
                }
                lock(&server.closers).remove(&id);
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

impl Server {
    fn open(&self, stream: TcpStream, id: u64) -> Result<(), framewise::Error> {
        // Silent or slow handshakes end after `Config::handshake_timeout`.
        let config = Arc::clone(&self.config);
        #[cfg(feature = "rustls")]
        if let Some(tls) = &self.tls {
            let incoming = blocking::accept_tls(stream, tls, config)?;
            return self.serve(incoming, id, blocking::TlsStream::try_clone);
        }
        self.serve(blocking::accept(stream, config)?, id, TcpStream::try_clone)
    }

    fn serve<S: Stream + Send + 'static>(
        &self,
        incoming: Incoming<S>,
        id: u64,
        try_clone: impl Fn(&S) -> io::Result<S>,
    ) -> Result<(), framewise::Error> {
        if incoming.upgrade().check_origin(&self.policy).is_err() {
            return incoming.reject(Rejection::forbidden());
        }
        lock(&self.closers).insert(id, None);
        let websocket = incoming.accept(Acceptance::new())?;
        let clone = try_clone(websocket.stream())?;
        let (mut reader, writer) = websocket.into_split(clone);
        let writer = Arc::new(Mutex::new(writer));
        let shared = Arc::clone(&writer);
        let closer = move || {
            // A writer in use belongs to a thread that looks at `stopping` next.
            if let Ok(mut writer) = shared.try_lock() {
                close(&mut writer);
            }
        };
        lock(&self.closers).insert(id, Some(Arc::new(closer)));
        loop {
            if self.stopping.load(Ordering::SeqCst) {
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
                    Err(framewise::Error::Send(error)) if error.kind() == SendErrorKind::Closed => {
                    }
                    sent => sent?,
                }
            }
            // Reads no more from a peer that does not take the answers.
            writer.flush()?;
        }
    }

    fn close_all(&self) {
        let closers: Vec<_> = lock(&self.closers).values().flatten().cloned().collect();
        for close in closers {
            close();
        }
    }
}

fn close<S: Stream>(writer: &mut Writer<S>) {
    // Fails only if the connection is closing already, or lost.
    let _ = writer.send_close(CloseCode::GOING_AWAY, "");
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
