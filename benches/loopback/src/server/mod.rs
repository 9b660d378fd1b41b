//! The echo servers, each of which is a process of its own.
//!
//! To add one: a function beside the others that serves a listener for ever, and a line in
//! [`SERVERS`].
//!
//! All send every message back and nothing else. None has more than one thread, so that all of them
//! have one core and the same scheduler (`threads` and `tungstenite` apart, which have a thread for
//! each connection, on the same core). What they read and keep at most and their timers are at
//! their defaults. `batch` in a name means that the answers to what one read has brought are written
//! together, for crates that let a program know; the others write each by itself.

mod fastwebsockets;
mod framewise;
mod raw;
mod sockudo;
mod soketto;
mod tokio_websockets;
mod tungstenite;
mod web_socket;
mod wtx;
mod yawc;

use std::{error::Error, io, net::TcpListener, thread};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, runtime};

/// An echo server.
#[derive(Clone, Copy)]
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) family: Family,
    /// Serves for ever.
    pub(crate) serve: fn(TcpListener) -> io::Result<()>,
    /// How many connections it can have at once, where that is a matter of what one costs.
    pub(crate) connections: usize,
}

/// Whose server it is.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Family {
    /// Of this repository.
    Own,
    /// Of others.
    Peer,
    /// No WebSocket: the octets are sent back as they are, without a handshake.
    Raw,
    /// Not of this program.
    External,
}

/// All of them.
pub(crate) const SERVERS: [Server; 19] = [
    own("framewise-loop", framewise::event_loop),
    own("framewise-tokio-batch", framewise::tokio_batch),
    own("framewise-tokio", framewise::tokio),
    Server { connections: THREADS, ..own("framewise-threads", framewise::threads) },
    Server { connections: THREADS, ..peer("tungstenite-threads", tungstenite::threads) },
    peer("tokio-tungstenite", tungstenite::tokio),
    peer("tokio-tungstenite-batch", tungstenite::tokio_batch),
    peer("fastwebsockets", fastwebsockets::serve),
    peer("tokio-websockets", tokio_websockets::serve),
    peer("tokio-websockets-batch", tokio_websockets::serve_batch),
    peer("soketto", soketto::serve),
    peer("yawc", yawc::serve),
    peer("yawc-batch", yawc::serve_batch),
    peer("sockudo-ws", sockudo::serve),
    peer("sockudo-ws-batch", sockudo::serve_batch),
    peer("web-socket", web_socket::serve),
    peer("wtx", wtx::serve),
    raw("raw-tokio", raw::tokio),
    raw("raw-loop", raw::event_loop),
];

const fn own(name: &'static str, serve: fn(TcpListener) -> io::Result<()>) -> Server {
    Server { name, family: Family::Own, serve, connections: usize::MAX }
}

const fn peer(name: &'static str, serve: fn(TcpListener) -> io::Result<()>) -> Server {
    Server { name, family: Family::Peer, serve, connections: usize::MAX }
}

const fn raw(name: &'static str, serve: fn(TcpListener) -> io::Result<()>) -> Server {
    Server { name, family: Family::Raw, serve, connections: usize::MAX }
}

/// How a task or a thread ends. Clients leave without a Close, so errors are the rule.
type Ended = Result<(), Box<dyn Error + Send + Sync>>;

/// The response to a request, and what comes after it.
type Upgraded<F> = (Response<Empty<Bytes>>, F);

/// Serves each connection in a task, on a runtime with one thread.
fn on_tokio<F: Future<Output = Ended> + Send + 'static>(
    listener: TcpListener,
    serve: impl Fn(TcpStream) -> F,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(serve(stream));
        }
    })
}

/// Serves each connection in a task, once hyper has read its request.
fn on_hyper<F: Future<Output = Ended> + Send + 'static>(
    listener: TcpListener,
    upgrade: fn(&mut Request<Incoming>) -> io::Result<Upgraded<F>>,
) -> io::Result<()> {
    on_tokio(listener, move |stream| async move {
        let service = service_fn(move |mut request| async move {
            let (response, connection) = upgrade(&mut request)?;
            tokio::spawn(connection);
            io::Result::Ok(response)
        });
        let stream = TokioIo::new(stream);
        Ok(http1::Builder::new().serve_connection(stream, service).with_upgrades().await?)
    })
}

/// Serves each connection in a thread.
fn on_threads(listener: TcpListener, serve: fn(std::net::TcpStream) -> Ended) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        thread::Builder::new().spawn(move || serve(stream))?;
    }
}

/// How many connections, where each has a thread.
const THREADS: usize = 2_000;
