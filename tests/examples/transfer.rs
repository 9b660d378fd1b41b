//! The example that streams both ways.

use std::sync::mpsc;

use framewise::{CloseCode, Delivery};

use crate::support::{Program, connect, listen_and_accept, run};

const SIZE: &str = "67108864";

fn listen() -> (Program, String) {
    let server = Program::start("transfer", &["--listen", "127.0.0.1:0"]);
    let address = server.address();
    (server, address)
}

/// Asserts that a line ends with a peak of less than 32 MiB, where the system tells it.
fn assert_peak(line: &str) {
    let (_, peak) = line.trim().split_once("peak memory ").expect("a peak is told");
    if let Some(peak) = peak.strip_suffix(" kB") {
        assert!(peak.parse::<u32>().unwrap() < 32 << 10, "{line}");
    }
}

// K12: more goes both ways at once than either end holds
#[test]
fn a_message_goes_both_ways_in_bounded_memory() {
    let (server, address) = listen();
    let client = run("transfer", &[&format!("ws://{address}/"), "--size", SIZE]);
    assert_eq!((client.code, client.stderr.as_str()), (Some(0), ""));
    assert!(client.stdout.starts_with("67108864 bytes each way in "), "{}", client.stdout);
    assert_peak(&client.stdout);
    assert_peak(&server.line());
}

#[test]
fn small_messages_are_transferred_too() {
    let (server, address) = listen();
    for size in ["0", "1", "65536", "65537"] {
        let client = run("transfer", &["--size", size, &format!("ws://{address}/")]);
        assert_eq!((client.code, client.stderr.as_str()), (Some(0), ""), "{size}");
        assert!(client.stdout.starts_with(&format!("{size} bytes each way")), "{}", client.stdout);
        assert_peak(&server.line());
    }
    let mut client = connect(&address);
    client.send("text").unwrap();
    assert_eq!(client.read().unwrap().unwrap().as_text(), Some("text"));
}

#[cfg(unix)]
#[test]
fn a_signal_closes_connections_of_the_server() {
    let (server, address) = listen();
    let mut client = connect(&address);
    client.send_fragment("text", false).unwrap();
    client.connection_mut().set_delivery(Delivery::Chunks);
    assert_eq!(client.read().unwrap().unwrap().as_text(), Some("text"));
    server.signal("INT");
    assert_eq!(client.read().unwrap(), None);
    assert_eq!(client.connection().received_close().unwrap().code, CloseCode::GOING_AWAY);
    drop(client);
    assert_eq!(server.finish().code, Some(0));
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_transfer_with_a_close() {
    let (begun, has_begun) = mpsc::channel();
    let (url, server) = listen_and_accept(move |mut websocket| {
        websocket.connection_mut().set_delivery(Delivery::Chunks);
        while websocket.read().unwrap().is_some() {
            let _ = begun.send(());
        }
        websocket.connection().received_close().map(|close| close.code)
    });
    let client = Program::start("transfer", &[&url, "--size", "1000000000000"]);
    has_begun.recv().unwrap();
    client.signal("INT");
    client.error_with("interrupted");
    assert_eq!(client.finish().code, Some(1));
    assert_eq!(server.join().unwrap(), Some(CloseCode::NORMAL));
}

#[test]
fn a_command_line_is_for_one_end() {
    for arguments in [
        &["--listen", "127.0.0.1:0", "ws://127.0.0.1:1/"][..],
        &["--listen", "127.0.0.1:0", "--size", "1"],
        &["ws://127.0.0.1:1/", "--size", "many"],
        &["ws://127.0.0.1:1/", "--size", "-1"],
    ] {
        let finished = run("transfer", arguments);
        assert_eq!((finished.code, finished.stdout.as_str()), (Some(2), ""), "{arguments:?}");
    }
}
