//! Arguments and exit statuses.

use crate::support::{SERVERS, run};

const CLIENTS: [&str; 4] = ["echo_client", "echo_client_std", "line_client", "transfer"];

fn all() -> impl Iterator<Item = &'static str> {
    SERVERS.into_iter().chain(CLIENTS).chain(["conversation"])
}

/// Asserts that a command line is refused, and that the message has `part` in it.
fn assert_refused(name: &str, arguments: &[&str], part: &str) {
    let finished = run(name, arguments);
    let stderr = &finished.stderr;
    assert_eq!(finished.code, Some(2), "{name} {arguments:?}: {stderr}");
    assert_eq!(finished.stdout, "", "{name} {arguments:?}");
    assert!(stderr.starts_with(&format!("{name}: ")), "{stderr}");
    assert!(stderr.contains(part), "{name} {arguments:?}: {stderr}");
    assert!(stderr.ends_with(&format!("Try '{name} --help'.\n")), "{stderr}");
}

#[test]
fn every_example_has_help() {
    for name in all() {
        for option in ["--help", "-h"] {
            let finished = run(name, &[option]);
            assert_eq!(finished.code, Some(0));
            assert!(finished.stdout.starts_with(&format!("Usage: {name}")), "{}", finished.stdout);
            assert_eq!(finished.stderr, "");
        }
    }
}

#[test]
fn every_example_refuses_unknown_arguments() {
    for name in all() {
        assert_refused(name, &["--nope"], "--nope");
        assert_refused(name, &["-x"], "-x");
    }
    for name in CLIENTS {
        assert_refused(name, &["ws://127.0.0.1:1/", "another"], "another");
        assert_refused(name, &[], "URL");
        assert_refused(name, &["http://127.0.0.1/"], "http://127.0.0.1/");
        if cfg!(not(feature = "rustls")) {
            assert_refused(name, &["wss://127.0.0.1/"], "--features tls");
        }
    }
    for name in SERVERS {
        assert_refused(name, &["127.0.0.1:0"], "127.0.0.1:0");
        assert_refused(name, &["--listen"], "--listen");
        assert_refused(name, &["--origin", "no origin"], "no origin");
        assert_refused(
            name,
            &["--tls-cert", "cert.pem"],
            if cfg!(feature = "rustls") { "--tls-key" } else { "--features tls" },
        );
    }
    if cfg!(feature = "rustls") {
        for name in SERVERS {
            let files = ["--tls-cert", "no/such/cert", "--tls-key", "no/such/key"];
            assert_refused(name, &files, "no/such/cert: ");
            let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
            assert_refused(name, &["--tls-cert", file, "--tls-key", file], "no certificate");
        }
    }
}

#[test]
fn line_client_refuses_wrong_values() {
    let cases = [
        ("--header=no colon", "no colon"),
        ("--header=a b: c", "a b"),
        ("--header=Host: c", "Host"),
        ("--origin=no origin", "no origin"),
        ("--ping-interval=soon", "soon"),
        ("--ping-interval=-1", "-1"),
        ("--ping-interval=NaN", "NaN"),
        ("--proxy=https://proxy.example", "https"),
        ("--proxy=ftp://user:secret@proxy.example", "ftp"),
        ("--subprotocol=a b", "a b"),
        ("--binary=yes", "--binary"),
    ];
    for (argument, part) in cases {
        assert_refused("line_client", &["ws://127.0.0.1:1/", argument], part);
    }
    let cases: &[(&[&str], &str)] = match cfg!(feature = "rustls") {
        true => &[
            (&["--ca=no/such/file"], "no/such/file: "),
            (&["--cert=cert.pem"], "--key"),
            (&["--insecure=yes"], "--insecure"),
            (&["--insecure", "--ca=ca.pem"], "--ca and --insecure"),
        ],
        false => &[(&["--insecure"], "--features tls"), (&["--ca=ca.pem"], "--features tls")],
    };
    for (arguments, part) in cases {
        assert_refused("line_client", &[&["wss://127.0.0.1:1/"], *arguments].concat(), part);
    }
}

#[test]
fn line_client_has_a_version() {
    let finished = run("line_client", &["--version"]);
    assert_eq!(finished.code, Some(0));
    assert_eq!(finished.stdout, format!("line_client {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn servers_that_cannot_listen_name_the_address() {
    for name in SERVERS {
        let finished = run(name, &["--listen", "9001"]);
        assert_eq!(finished.code, Some(1), "{name}");
        assert!(finished.stderr.contains("cannot listen on 9001: "), "{}", finished.stderr);
    }
}

#[test]
fn the_conversation_ends_well() {
    let finished = run("conversation", &[]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
}
