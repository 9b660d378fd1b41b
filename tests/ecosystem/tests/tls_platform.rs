//! The roots of the system, which an environment variable names on Unix: for a program of its own.

#![cfg(all(unix, not(target_vendor = "apple")))]

use std::{
    env, fs,
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{self, Command},
    thread,
};

use framewise::{Config, blocking, handshake::Acceptance};
use framewise_ecosystem::Authority;

/// Runs the client against a server of the authority; returns what it prints, on both streams.
fn run_client(adapter: &str, authority: &Authority, roots: &str) -> (String, String) {
    let server = authority.server(&["localhost"]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serving = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        // It fails where the client does.
        let incoming = blocking::accept_tls(stream, &server, Config::default())?;
        let mut websocket = incoming.accept(Acceptance::new())?;
        while let Some(message) = websocket.read()? {
            websocket.send(message)?;
        }
        Ok::<_, framewise::Error>(())
    });
    let file: PathBuf = env::temp_dir().join(format!("framewise-{}-{address}", process::id()));
    let mut command = Command::new(env!("CARGO_BIN_EXE_platform_client"));
    fs::write(&file, roots).unwrap();
    command
        .args([adapter, &format!("wss://localhost:{}/", address.port())])
        .env_remove("SSL_CERT_DIR")
        .env("SSL_CERT_FILE", &file);
    let output = command.output().unwrap();
    let _ = fs::remove_file(&file);
    // The client may not have come at all.
    let _ = TcpStream::connect(address);
    let _ = serving.join().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    assert_eq!(output.status.success(), output.stderr.is_empty());
    (text(output.stdout), text(output.stderr))
}

#[test]
fn the_system_is_asked_which_roots_are_trusted() {
    for adapter in ["blocking", "tokio"] {
        let authority = Authority::new("root");
        let (out, errors) = run_client(adapter, &authority, &authority.pem());
        assert_eq!((&*out, &*errors), ("from a child\n", ""), "{adapter}");
        let other = Authority::new("other").pem();
        let (out, errors) = run_client(adapter, &authority, &other);
        assert_eq!(out, "");
        assert!(errors.contains("UnknownIssuer"), "{adapter}: {errors}");
    }
}

#[test]
fn a_system_without_roots_says_so() {
    for adapter in ["blocking", "tokio"] {
        let (out, errors) = run_client(adapter, &Authority::new("root"), "no certificate");
        assert_eq!(out, "");
        let advised = errors.contains("NoRoots") && errors.contains("SSL_CERT_FILE");
        assert!(advised, "{adapter}: {errors}");
    }
}
