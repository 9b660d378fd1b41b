//! The roots of the system, which an environment variable names on Unix: for a program of its own.

#![cfg(all(unix, not(target_vendor = "apple")))]

use std::{
    env, fs,
    net::TcpListener,
    path::PathBuf,
    process::{self, Command},
    thread,
};

use framewise::{Config, blocking, handshake::Acceptance};
use framewise_ecosystem::Authority;

/// Runs the client against a server of the authority; returns what it prints, on both streams.
fn run_client(authority: &Authority, roots: &str) -> (String, String) {
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
    command.arg(address.to_string()).env_remove("SSL_CERT_DIR").env("SSL_CERT_FILE", &file);
    let output = command.output().unwrap();
    let _ = fs::remove_file(&file);
    let _ = serving.join().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    assert_eq!(output.status.success(), output.stderr.is_empty());
    (text(output.stdout), text(output.stderr))
}

#[test]
fn the_system_is_asked_which_roots_are_trusted() {
    let authority = Authority::new("root");
    let (out, errors) = run_client(&authority, &authority.pem());
    assert_eq!((&*out, &*errors), ("from a child\n", ""));
    let (out, errors) = run_client(&authority, &Authority::new("other").pem());
    assert_eq!(out, "");
    assert!(errors.contains("UnknownIssuer"), "{errors}");
}

#[test]
fn a_system_without_roots_says_so() {
    let (out, errors) = run_client(&Authority::new("root"), "no certificate");
    assert_eq!(out, "");
    assert!(errors.contains("NoRoots") && errors.contains("SSL_CERT_FILE"), "{errors}");
}
