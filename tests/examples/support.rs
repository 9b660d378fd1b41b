//! Programs, servers to connect them to, and clients of theirs.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use framewise::{
    CloseFrame, Config, Message,
    blocking::{self, Incoming, WebSocket},
    handshake::{Acceptance, ClientRequest},
};

pub(crate) const SERVERS: [&str; 3] = ["echo_server", "echo_server_std", "echo_server_mio"];

/// How long anything may take. Tests that pass come nowhere near it.
const DEADLINE: Duration = Duration::from_secs(30);

/// A started example, killed when dropped.
pub(crate) struct Program {
    child: Child,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
}

/// What a program has left.
pub(crate) struct Finished {
    /// `None` after a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    pub(crate) fn start(name: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(path(name));
        command.args(arguments);
        Self::spawn(&mut command)
    }

    /// Starts an example whose standard output is a pipe that nobody reads any more.
    pub(crate) fn start_without_output(name: &str, arguments: &[&str]) -> Self {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(path(name));
        command.args(arguments).stdin(Stdio::piped()).stdout(writer).stderr(Stdio::piped());
        Self::spawn_as_is(&mut command)
    }

    /// Starts a command whose streams are pipes.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::spawn_as_is(command)
    }

    /// Starts a command with the streams that it has been given.
    pub(crate) fn spawn_as_is(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("the example starts");
        let stdout = lines(child.stdout.take());
        let stderr = lines(child.stderr.take());
        Self { child, stdout, stderr }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes to the standard input, which stays open.
    pub(crate) fn input(&mut self, bytes: &[u8]) {
        let stdin = self.child.stdin.as_mut().expect("the input is open");
        stdin.write_all(bytes).and_then(|()| stdin.flush()).expect("the example reads");
    }

    pub(crate) fn end_input(&mut self) {
        self.child.stdin = None;
    }

    /// Waits for a line of the standard output.
    pub(crate) fn line(&self) -> String {
        text(self.stdout.recv_timeout(DEADLINE).expect("the example prints a line"))
    }

    /// Waits until a line of the standard error has `part` in it.
    pub(crate) fn error_with(&self, part: &str) -> String {
        loop {
            let line = text(self.stderr.recv_timeout(DEADLINE).expect("the example reports"));
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Waits for the address that a server prints.
    pub(crate) fn address(&self) -> String {
        let line = self.line();
        line.trim().strip_prefix("listening on ").expect("a server says where it listens").into()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Ends the input and waits for the end of the program.
    pub(crate) fn finish(mut self) -> Finished {
        self.end_input();
        let mut code = None;
        within_deadline(|| {
            let status = self.child.try_wait().unwrap()?;
            code = status.code();
            Some(())
        });
        let all = |lines: &Receiver<Vec<u8>>| text(lines.iter().flatten().collect());
        Finished { code, stdout: all(&self.stdout), stderr: all(&self.stderr) }
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts an example, ends its input and waits for its end.
pub(crate) fn run(name: &str, arguments: &[&str]) -> Finished {
    Program::start(name, arguments).finish()
}

/// Returns the path of a built example: `target/PROFILE/examples/NAME`.
pub(crate) fn path(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test has a path");
    let profile = test.ancestors().nth(2).expect("the test is in target/PROFILE/deps");
    let path = profile.join("examples").join(name).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(
        path.exists(),
        "{} is missing: cargo build --examples --features connect,tls,tokio",
        path.display()
    );
    path
}

/// Tries until there is a result.
pub(crate) fn within_deadline<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(result) = attempt() {
            return result;
        }
        assert!(start.elapsed() < DEADLINE, "waited for too long");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Accepts one connection on another thread; returns the URL, and what `serve` makes of it.
pub(crate) fn listen<T: Send + 'static>(
    serve: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (String, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/path", listener.local_addr().unwrap());
    // A client that has failed does not keep the test waiting.
    listener.set_nonblocking(true).unwrap();
    let accept = move || {
        let (stream, _) = within_deadline(|| listener.accept().ok());
        stream.set_nonblocking(false).unwrap();
        limited(stream)
    };
    (url, thread::spawn(move || serve(accept())))
}

/// Like [`listen`], for a valid request.
pub(crate) fn listen_for_request<T: Send + 'static>(
    serve: impl FnOnce(Incoming<TcpStream>) -> T + Send + 'static,
) -> (String, JoinHandle<T>) {
    listen(|stream| serve(blocking::accept(stream, Config::default()).unwrap()))
}

/// Like [`listen`], for an open connection.
pub(crate) fn listen_and_accept<T: Send + 'static>(
    serve: impl FnOnce(WebSocket<TcpStream>) -> T + Send + 'static,
) -> (String, JoinHandle<T>) {
    listen_for_request(|incoming| serve(incoming.accept(Acceptance::new()).unwrap()))
}

/// Sends every message back; returns them and the client's Close.
pub(crate) fn echo(mut websocket: WebSocket<TcpStream>) -> (Vec<Message>, Option<CloseFrame>) {
    let mut messages = Vec::new();
    while let Ok(Some(message)) = websocket.read() {
        websocket.send(message.clone()).unwrap();
        messages.push(message);
    }
    (messages, websocket.connection().received_close().cloned())
}

/// Connects to a server.
pub(crate) fn connect(address: &str) -> WebSocket<TcpStream> {
    try_connect(address).expect("the server accepts")
}

fn try_connect(address: &str) -> Result<WebSocket<TcpStream>, framewise::Error> {
    let request = ClientRequest::new(format!("ws://{address}/")).unwrap();
    let stream = limited(TcpStream::connect(address)?);
    Ok(blocking::client_with_seed(stream, request, Config::default(), [7; 32])?.0)
}

/// Waits until a server answers a message.
pub(crate) fn wait_for_echo(address: &str) {
    let echo = || {
        let mut websocket = try_connect(address)?;
        websocket.send("Hello")?;
        let message = websocket.read()?;
        websocket.close(None, "")?;
        Ok::<_, framewise::Error>(message)
    };
    let message = within_deadline(|| echo().ok());
    assert_eq!(message, Some(Message::Text("Hello".into())));
}

/// Makes a stream fail when it waits for too long.
pub(crate) fn limited(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// Reads one byte at least, or the end of the stream.
pub(crate) fn read_some(mut stream: &TcpStream) -> Vec<u8> {
    let mut buf = vec![0; 1024];
    let len = stream.read(&mut buf).unwrap();
    buf.truncate(len);
    buf
}

fn lines<R: Read + Send + 'static>(from: Option<R>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    if let Some(from) = from {
        thread::spawn(move || {
            let mut from = BufReader::new(from);
            loop {
                let mut line = Vec::new();
                match from.read_until(b'\n', &mut line) {
                    Ok(len) if len > 0 && sender.send(line).is_ok() => {}
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    _ => break,
                }
            }
        });
    }
    receiver
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("examples print UTF-8")
}
