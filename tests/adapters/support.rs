//! Streams that do what a test tells them, and frames of the other end.

use std::{
    collections::VecDeque,
    future::Future,
    io::{self, ErrorKind, IoSlice, Read, Write},
    net::{TcpListener, TcpStream},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::Duration,
};

use framewise::{Config, Connection, Event, Input, Role, blocking::Stream, tokio::Socket};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A valid request of a client.
pub(crate) const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

pub(crate) const SEED: [u8; 32] = [7; 32];

/// The default configuration with some changes.
pub(crate) fn config(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    change(&mut config);
    config
}

pub(crate) fn server() -> Connection {
    Connection::server(Config::default())
}

pub(crate) fn client() -> Connection {
    Connection::client(Config::default(), SEED)
}

/// Makes a connection in `role`.
pub(crate) fn machine(role: Role, config: Config) -> Connection {
    match role {
        Role::Client => Connection::client(config, SEED),
        Role::Server => Connection::server(config),
    }
}

pub(crate) fn other(role: Role) -> Role {
    match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    }
}

/// Takes all that `connection` has queued.
pub(crate) fn drain(connection: &mut Connection) -> Vec<u8> {
    let output = connection.output();
    let bytes: Vec<u8> = output.chunks().flatten().copied().collect();
    output.advance(bytes.len());
    bytes
}

/// Returns what an end in `role` sends.
pub(crate) fn frames(role: Role, send: impl FnOnce(&mut Connection)) -> Vec<u8> {
    let mut connection = machine(role, Config::default());
    send(&mut connection);
    drain(&mut connection)
}

/// Returns what a client sends.
pub(crate) fn from_client(send: impl FnOnce(&mut Connection)) -> Vec<u8> {
    frames(Role::Client, send)
}

/// Returns what a server sends.
pub(crate) fn from_server(send: impl FnOnce(&mut Connection)) -> Vec<u8> {
    frames(Role::Server, send)
}

/// Returns the events in what an end in `role` has sent. All of it has to be whole frames.
pub(crate) fn events_from(role: Role, bytes: &[u8]) -> Vec<Event<'static>> {
    let mut peer = machine(other(role), Config::default());
    let events = receive(&mut peer, bytes);
    // Nothing is left over: an end of the stream here leaves no frame unfinished.
    let mut rest = frames(role, |connection| connection.ping(b"whole?").unwrap());
    if peer.received_close().is_none() {
        let last = peer.receive(&mut Input::new(&mut rest)).unwrap();
        assert_eq!(last, Some(Event::Ping(b"whole?".into())), "the stream ends within a frame");
    }
    events
}

/// Gives `bytes` to `connection`.
pub(crate) fn receive(connection: &mut Connection, bytes: &[u8]) -> Vec<Event<'static>> {
    let mut bytes = bytes.to_vec();
    let mut input = Input::new(&mut bytes);
    let mut events = Vec::new();
    while let Some(event) = connection.receive(&mut input).unwrap() {
        events.push(event.into_owned());
    }
    events
}

/// Returns the texts among events.
pub(crate) fn texts(events: &[Event<'_>]) -> Vec<String> {
    let text = |event: &Event<'_>| match event {
        Event::Text(text) => Some(text.to_string()),
        _ => None,
    };
    events.iter().filter_map(text).collect()
}

/// What a read brings.
#[derive(Clone, Debug)]
pub(crate) enum Bring {
    Bytes(Vec<u8>),
    Eof,
    Error(ErrorKind),
    /// Nothing now: the task is woken, a blocking read fails with `WouldBlock`.
    Later,
}

/// What a write takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Grant {
    Error(ErrorKind),
    /// Nothing now, as for [`Bring::Later`].
    Later,
    /// At most so many octets.
    Take(usize),
}

/// What was done with a stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Op {
    Flush,
    Read(usize),
    Shutdown,
    Write(usize),
}

/// The script of a stream, and what came of it.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) reads: VecDeque<Bring>,
    pub(crate) writes: VecDeque<Grant>,
    pub(crate) flushes: VecDeque<Grant>,
    /// Was shut down, and takes no octets any more.
    pub(crate) shut: bool,
    /// Takes nothing at all, until [`Scripted::unblock`].
    pub(crate) blocked: bool,
    pub(crate) vectored: bool,
    pub(crate) written: Vec<u8>,
    pub(crate) log: Vec<Op>,
    pub(crate) read_waker: Option<Waker>,
    pub(crate) write_waker: Option<Waker>,
    /// Whether the stream claims to know timeouts.
    pub(crate) timed: bool,
}

/// A stream that follows a script. Both ends of the test hold it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scripted(Arc<Mutex<Script>>);

impl Scripted {
    pub(crate) fn new(reads: impl IntoIterator<Item = Bring>) -> Self {
        let stream = Self::default();
        stream.script().reads.extend(reads);
        stream
    }

    pub(crate) fn bytes(bytes: Vec<u8>) -> Self {
        Self::new([Bring::Bytes(bytes)])
    }

    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap()
    }

    /// What the handles of the stream share.
    pub(crate) fn shared(&self) -> &Arc<Mutex<Script>> {
        &self.0
    }

    pub(crate) fn written(&self) -> Vec<u8> {
        self.script().written.clone()
    }

    pub(crate) fn log(&self) -> Vec<Op> {
        self.script().log.clone()
    }

    pub(crate) fn shutdowns(&self) -> usize {
        self.log().iter().filter(|op| **op == Op::Shutdown).count()
    }

    pub(crate) fn block(&self) {
        self.script().blocked = true;
    }

    /// Takes octets again, and wakes who waited for it.
    pub(crate) fn unblock(&self) {
        let mut script = self.script();
        script.blocked = false;
        let waker = script.write_waker.take();
        drop(script);
        waker.into_iter().for_each(Waker::wake);
    }

    /// Brings octets, and wakes who waited for them.
    pub(crate) fn bring(&self, bring: Bring) {
        let mut script = self.script();
        script.reads.push_back(bring);
        let waker = script.read_waker.take();
        drop(script);
        waker.into_iter().for_each(Waker::wake);
    }
}

impl Script {
    fn read(&mut self, len: usize) -> Option<io::Result<Vec<u8>>> {
        let brought = match self.reads.pop_front()? {
            Bring::Later => return None,
            Bring::Error(kind) => return Some(Err(kind.into())),
            Bring::Eof => {
                self.reads.push_front(Bring::Eof);
                Vec::new()
            }
            Bring::Bytes(mut bytes) => {
                if bytes.len() > len {
                    self.reads.push_front(Bring::Bytes(bytes.split_off(len)));
                }
                bytes
            }
        };
        self.log.push(Op::Read(brought.len()));
        Some(Ok(brought))
    }

    fn write(&mut self, bufs: &[IoSlice<'_>]) -> Option<io::Result<usize>> {
        let limit = match self.writes.pop_front() {
            _ if self.shut => return Some(Err(ErrorKind::BrokenPipe.into())),
            _ if self.blocked => return None,
            Some(Grant::Later) => return None,
            Some(Grant::Error(kind)) => return Some(Err(kind.into())),
            Some(Grant::Take(limit)) => limit,
            None => usize::MAX,
        };
        let before = self.written.len();
        self.written.extend(bufs.iter().flat_map(|buf| buf.iter()).take(limit));
        let len = self.written.len() - before;
        self.log.push(Op::Write(len));
        Some(Ok(len))
    }

    fn shut_down(&mut self) {
        self.shut = true;
        self.log.push(Op::Shutdown);
    }

    fn flush(&mut self) -> Option<io::Result<()>> {
        match self.flushes.pop_front() {
            Some(Grant::Later) => return None,
            Some(Grant::Error(kind)) => return Some(Err(kind.into())),
            Some(Grant::Take(_)) | None => {}
        }
        self.log.push(Op::Flush);
        Some(Ok(()))
    }
}

impl AsyncRead for Scripted {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut script = self.script();
        let ends = script.reads.is_empty();
        match script.read(buf.remaining()) {
            Some(Ok(bytes)) => {
                buf.put_slice(&bytes);
                Poll::Ready(Ok(()))
            }
            Some(Err(error)) => Poll::Ready(Err(error)),
            None => {
                if ends {
                    script.read_waker = Some(cx.waker().clone());
                } else {
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            }
        }
    }
}

impl AsyncWrite for Scripted {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut script = self.script();
        match script.write(bufs) {
            Some(result) => Poll::Ready(result),
            None => {
                if script.blocked {
                    script.write_waker = Some(cx.waker().clone());
                } else {
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.script().vectored
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = self.script().flush();
        result.map_or_else(
            || {
                cx.waker().wake_by_ref();
                Poll::Pending
            },
            Poll::Ready,
        )
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.script().shut_down();
        Poll::Ready(Ok(()))
    }
}

impl Read for Scripted {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.script().read(buf.len()) {
            Some(result) => result.map(|bytes| {
                buf[..bytes.len()].copy_from_slice(&bytes);
                bytes.len()
            }),
            None => Err(ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Scripted {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.script().write(bufs).unwrap_or_else(|| Err(ErrorKind::WouldBlock.into()))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.script().flush().unwrap_or_else(|| Err(ErrorKind::WouldBlock.into()))
    }
}

impl Socket for Scripted {}

impl Stream for Scripted {
    fn set_read_timeout(&self, _: Option<Duration>) -> io::Result<bool> {
        Ok(self.script().timed)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        self.script().shut_down();
        Ok(())
    }
}

/// Counts how often a task was woken.
#[derive(Debug, Default)]
pub(crate) struct Wakes(AtomicUsize);

impl Wakes {
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let wakes = Arc::new(Self::default());
        (Arc::clone(&wakes), Waker::from(wakes))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Polls a future at most `times`, then drops it.
pub(crate) fn poll_times<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let (wakes, waker) = Wakes::new();
    let mut future = std::pin::pin!(future);
    for _ in 0..times {
        let before = wakes.count();
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return Some(output),
            // Nobody would poll it again.
            Poll::Pending if wakes.count() == before => return None,
            Poll::Pending => {}
        }
    }
    None
}

/// The runtime of a test, whose clock stands still, for futures that are polled by hand. It outlives
/// all timers.
pub(crate) fn runtime() -> &'static tokio::runtime::Runtime {
    use tokio::runtime::{Builder, Runtime};

    thread_local! {
        static RUNTIME: &'static Runtime = Box::leak(Box::new(
            Builder::new_current_thread().enable_all().start_paused(true).build().unwrap(),
        ));
    }
    RUNTIME.with(|runtime| *runtime)
}

/// Polls a future to its end; it has to end in as many polls.
pub(crate) fn finish<F: Future>(future: F, polls: usize) -> F::Output {
    poll_times(future, polls).expect("the future ends in time")
}

/// Runs `test` on a thread and fails when it hangs.
pub(crate) fn within<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, outcome) = mpsc::channel();
    let thread = thread::spawn(move || done.send(test()));
    // Far longer than any of them takes, on a machine that is busy with other things, too.
    match outcome.recv_timeout(Duration::from_secs(100)) {
        Ok(outcome) => outcome,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("hangs"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(_) => unreachable!("it sends or panics"),
        },
    }
}

/// Two connected sockets: of the server and of the client.
pub(crate) fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().unwrap().0, client)
}

/// The same for tokio.
pub(crate) async fn tokio_sockets() -> (tokio::net::TcpStream, tokio::net::TcpStream) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (server, client) = tokio::join!(listener.accept(), tokio::net::TcpStream::connect(address));
    (server.unwrap().0, client.unwrap())
}
