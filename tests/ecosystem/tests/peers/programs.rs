//! Programs of others, as children of the test.

use std::{
    env,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::folder::Folder;

/// How long a program may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that is killed with the value.
pub(crate) struct Program(Child);

impl Program {
    /// Starts it. Its standard input stays open, since some end with it.
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::piped()).spawn().unwrap())
    }

    /// Starts it and reads the line that it prints first: its port.
    pub(crate) fn start_with_port(command: &mut Command) -> (Self, u16) {
        let mut program = Self::start(command.stdout(Stdio::piped()));
        let mut line = String::new();
        BufReader::new(program.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (program, line.trim().parse().unwrap_or_else(|_| panic!("no port: {line:?}")))
    }

    /// Starts it and waits until it listens on `port`.
    pub(crate) fn start_on(command: &mut Command, port: u16) -> Self {
        let mut program = Self::start(command);
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < PATIENCE, "nobody listens on port {port}");
            let ended = program.0.try_wait().unwrap();
            assert_eq!(ended, None, "it has ended before it listened on port {port}");
            thread::sleep(Duration::from_millis(20));
        }
        program
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a program that ends by itself. Returns whether it succeeded, and its two outputs.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> (bool, String, String) {
    let mut program = Program::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
    let child = program.child();
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let mut stdin = child.stdin.take().unwrap();
    let _ = stdin.write_all(input);
    let errors = thread::spawn(move || {
        let mut text = Vec::new();
        stderr.read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    });
    let output = thread::spawn(move || {
        let mut text = Vec::new();
        stdout.read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    });
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(began.elapsed() < PATIENCE, "it does not end: {command:?}");
        thread::sleep(Duration::from_millis(10));
    };
    drop(stdin);
    (status.success(), output.join().unwrap(), errors.join().unwrap())
}

/// Returns a command for a program on the path, or `None` when it is not installed.
pub(crate) fn installed(name: &str) -> Option<Command> {
    let path = env::var("PATH").unwrap_or_default();
    let found = path
        .split(':')
        .chain(["/usr/sbin"])
        .map(|folder| PathBuf::from(folder).join(name))
        .find(|file| file.is_file());
    check(found, name).map(Command::new)
}

/// Returns a command that runs a script of Python or Node with the libraries in `PEERS`.
pub(crate) fn script(name: &str) -> Option<Command> {
    let folder = check(env::var("PEERS").ok().map(PathBuf::from), name)?;
    let mut command = match name.ends_with(".py") {
        true => Command::new(folder.join("python/bin/python")),
        false => Command::new("node"),
    };
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers").join(name);
    command.arg(here).current_dir(folder);
    Some(command)
}

fn check<T>(found: Option<T>, name: &str) -> Option<T> {
    if found.is_none() {
        assert!(env::var("PEERS").is_err(), "{name} is not installed");
        eprintln!("skipped: {name} is not installed (peers/install.sh installs it)");
    }
    found
}

/// Opens a page in Chromium, unless that is not installed. Any certificate will do.
pub(crate) fn browse(uri: &str, profile: &Folder) -> Option<Program> {
    let mut command = installed("chromium")?;
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--ignore-certificate-errors",
        &format!("--user-data-dir={}", profile.path().display()),
        uri,
    ]);
    Some(Program::start(command.stdout(Stdio::null()).stderr(Stdio::null())))
}

/// Starts nginx with servers, unless it is not installed. It listens on `port`.
pub(crate) fn nginx(servers: &str, port: u16, folder: &Folder) -> Option<Program> {
    let root = folder.path().display();
    let config = folder.write(
        "nginx.conf",
        format!(
            "daemon off; master_process off; pid {root}/pid; error_log {root}/errors.log;
             events {{ worker_connections 256; }}
             http {{
                 access_log off;
                 client_body_temp_path {root}; proxy_temp_path {root};
                 fastcgi_temp_path {root}; uwsgi_temp_path {root}; scgi_temp_path {root};
                 {servers}
             }}"
        ),
    );
    let mut command = installed("nginx")?;
    command.args(["-c", &config, "-e", &format!("{root}/errors.log")]);
    Some(Program::start_on(&mut command, port))
}

/// Returns a port on which nobody listens.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
