//! What a server withstands: terminals that are gone or full, and the lack of descriptors and
//! threads.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::{Command, Stdio},
};

use framewise::{
    Config, blocking,
    handshake::{ClientRequest, HandshakeError},
};

use crate::support::{Program, SERVERS, connect, limited, path, wait_for_echo, within_deadline};

#[test]
fn servers_listen_on_names() {
    for name in SERVERS {
        let server = Program::start(name, &["--listen=localhost:0"]);
        wait_for_echo(&server.address());
    }
}

#[test]
fn servers_check_the_origin() {
    for name in SERVERS {
        let origins = ["--origin", "https://one.example", "--origin=https://two.example"];
        let server = Program::start(name, &[&["--listen", "127.0.0.1:0"], &origins[..]].concat());
        let address = server.address();
        let status = |origin: &str| {
            let request = ClientRequest::new(format!("ws://{address}/")).unwrap();
            let request = request.origin(origin.parse().unwrap());
            let stream = limited(TcpStream::connect(&address).unwrap());
            match blocking::client_with_seed(stream, request, Config::default(), [7; 32]) {
                Ok((_, response)) => response.status(),
                Err(framewise::Error::Handshake(HandshakeError::Rejected(response))) => {
                    response.status()
                }
                Err(error) => panic!("{name}: {error}"),
            }
        };
        assert_eq!(status("https://one.example"), 101, "{name}");
        assert_eq!(status("https://two.example"), 101, "{name}");
        assert_eq!(status("https://three.example"), 403, "{name}");
    }
}

#[test]
fn the_server_on_tokio_answers_health_checks() {
    let server = Program::start("echo_server", &["--listen", "127.0.0.1:0"]);
    let address = server.address();
    let ask = |request: &str| {
        let mut stream = limited(TcpStream::connect(&address).unwrap());
        stream.write_all(request.as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response
    };
    let response = ask("GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(response.starts_with("HTTP/1.1 200 OK\r\nDate: "), "{response}");
    assert!(response.ends_with("\r\n\r\nhealthy\n"), "{response}");
    let response = ask("HEAD /health HTTP/1.0\r\n\r\n");
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    assert!(response.ends_with("\r\n\r\n"), "{response}");
    let response = ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(response.starts_with("HTTP/1.1 426 "), "{response}");
    wait_for_echo(&address);
}

#[test]
fn servers_do_not_need_a_terminal() {
    for name in SERVERS {
        for redirections in [">&- 2>&-", "<&- >/dev/full 2>/dev/full"] {
            let address = free_address();
            let script = format!("exec \"$0\" --listen {address} {redirections}");
            let server = Program::spawn(&mut shell(&script, name));
            assert_serves_in_spite_of_reports(server, &address);
        }
    }
}

#[test]
fn servers_outlive_the_readers_of_their_pipes() {
    for name in SERVERS {
        let address = free_address();
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(path(name));
        command.args(["--listen", &address]).stdin(Stdio::null());
        command.stdout(writer.try_clone().unwrap()).stderr(writer);
        assert_serves_in_spite_of_reports(Program::spawn_as_is(&mut command), &address);
    }
}

#[test]
fn servers_do_not_wait_for_a_full_terminal_that_does_not_block() {
    for name in SERVERS {
        let (_reader, mut full) = UnixStream::pair().unwrap();
        full.set_nonblocking(true).unwrap();
        let error = loop {
            if let Err(error) = full.write(&[b'\n'; 4096]) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        let address = free_address();
        let mut command = Command::new(path(name));
        command.args(["--listen", &address]).stdin(Stdio::null());
        command.stdout(OwnedFd::from(full.try_clone().unwrap())).stderr(OwnedFd::from(full));
        assert_serves_in_spite_of_reports(Program::spawn_as_is(&mut command), &address);
    }
}

/// Gives a server much to report, and asserts that it serves and leaks no descriptor.
fn assert_serves_in_spite_of_reports(server: Program, address: &str) {
    wait_for_echo(address);
    let before = descriptors(&server);
    for _ in 0..20 {
        let mut stream = limited(TcpStream::connect(address).unwrap());
        stream.write_all(b"nonsense\r\n\r\n").unwrap();
        let mut response = Vec::new();
        stream.read_to_end(&mut response).unwrap();
        assert!(response.starts_with(b"HTTP/1.1 400 "), "{}", response.escape_ascii());
    }
    wait_for_echo(address);
    within_deadline(|| (descriptors(&server) <= before).then_some(()));
    server.signal("INT");
    assert_eq!(server.finish().code, Some(0));
}

/// Returns how many descriptors a program has, 0 where that is not known.
fn descriptors(program: &Program) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", program.id())).map_or(0, Iterator::count)
}

#[test]
fn servers_outlive_a_lack_of_descriptors() {
    for name in SERVERS {
        // Nobody reads the reports either.
        let address = free_address();
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut command = shell("ulimit -n 24; exec \"$0\" --listen $1", name);
        command.arg(&address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(writer);
        let server = Program::spawn_as_is(&mut command);
        wait_for_echo(&address);
        let many: Vec<_> = (0..40).map(|_| TcpStream::connect(&address).unwrap()).collect();
        within_deadline(|| (descriptors(&server) >= 23 || !has_proc()).then_some(()));
        drop(many);
        wait_for_echo(&address);
        server.signal("INT");
        assert_eq!(server.finish().code, Some(0), "{name}");
    }
}

fn has_proc() -> bool {
    std::path::Path::new("/proc/self/fd").exists()
}

/// `ulimit -u` does not bind root, so here the stacks of some threads fill the address space.
#[cfg(target_os = "linux")]
#[test]
fn the_server_with_threads_outlives_a_lack_of_them() {
    let script = "ulimit -v 262144; exec \"$0\" --listen 127.0.0.1:0";
    let mut command = shell(script, "echo_server_std");
    command.env("RUST_MIN_STACK", (48 << 20).to_string()).env("MALLOC_ARENA_MAX", "1");
    let server = Program::spawn(&mut command);
    let address = server.address();
    let first = connect(&address);
    let many: Vec<_> = (0..8).map(|_| TcpStream::connect(&address).unwrap()).collect();
    server.error_with("cannot accept a connection");
    drop((first, many));
    wait_for_echo(&address);
    server.signal("INT");
    assert_eq!(server.finish().code, Some(0));
}

/// Runs a script whose `$0` is an example.
fn shell(script: &str, name: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(path(name));
    command
}

/// Returns an address that is free now, for servers that cannot print theirs.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}
