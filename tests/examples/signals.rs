//! Ctrl-C: the first one closes, the second one ends at once.

use std::{io::Write, net::TcpStream, sync::mpsc};

use framewise::{CloseCode, Message};

use crate::support::{
    Program, SERVERS, connect, echo, limited, listen, listen_and_accept, read_some,
};

#[test]
fn line_client_closes_the_connection() {
    for signal in ["INT", "TERM"] {
        let (url, server) = listen_and_accept(echo);
        let mut client = Program::start("line_client", &[&url]);
        client.input(b"Hello\n");
        assert_eq!(client.line(), "Hello\n");
        client.signal(signal);
        let (messages, close) = server.join().unwrap();
        assert_eq!(messages, [Message::Text("Hello".into())]);
        assert_eq!(close.unwrap().code, CloseCode::NORMAL);
        assert_eq!(client.finish().code, Some(0), "SIG{signal}");
    }
}

#[test]
fn a_second_one_ends_line_client_at_once() {
    let (closing, is_closing) = mpsc::channel();
    let (url, server) = listen_and_accept(move |websocket| {
        // The Close gets no answer.
        let stream = websocket.into_inner();
        read_some(&stream);
        closing.send(()).unwrap();
        while !read_some(&stream).is_empty() {}
    });
    let client = Program::start("line_client", &["-v", &url]);
    client.error_with("101");
    client.signal("INT");
    is_closing.recv().unwrap();
    client.signal("INT");
    assert_eq!(client.finish().code, Some(130));
    server.join().unwrap();
}

#[test]
fn line_client_ends_at_once_while_it_connects() {
    let (asked, is_asked) = mpsc::channel();
    let (url, server) = listen(move |stream| {
        read_some(&stream);
        asked.send(()).unwrap();
        read_some(&stream)
    });
    let client = Program::start("line_client", &[&url]);
    is_asked.recv().unwrap();
    client.signal("INT");
    assert_eq!(client.finish().code, Some(130));
    assert_eq!(server.join().unwrap(), b"");
}

#[test]
fn line_client_does_not_wait_for_a_peer_that_reads_nothing() {
    let (url, server) = listen_and_accept(|websocket| websocket);
    let mut client = Program::start("line_client", &["-v", &url]);
    let _websocket = server.join().unwrap();
    client.error_with("101");
    client.input(&long_line());
    // Two signals can become one.
    while client.is_running() {
        client.signal("INT");
    }
    assert_eq!(client.finish().code, Some(130));
}

#[test]
fn servers_close_all_connections() {
    for (name, signal) in SERVERS.into_iter().flat_map(|name| [(name, "INT"), (name, "TERM")]) {
        let server = Program::start(name, &["--listen", "127.0.0.1:0"]);
        let address = server.address();
        let mut shaking = limited(TcpStream::connect(&address).unwrap());
        shaking.write_all(b"GET / HT").unwrap();
        let mut clients = [connect(&address), connect(&address)];
        clients[0].send("Hello").unwrap();
        assert_eq!(clients[0].read().unwrap(), Some(Message::Text("Hello".into())));
        server.signal(signal);
        for client in &mut clients {
            assert_eq!(client.read().unwrap(), None, "{name}");
            let close = client.connection().received_close().unwrap();
            assert_eq!(close.code, CloseCode::GOING_AWAY, "{name}");
        }
        assert_eq!(server.finish().code, Some(0), "{name}");
        assert!(TcpStream::connect(&address).is_err(), "{name}");
    }
}

#[test]
fn servers_close_connections_that_are_busy() {
    for name in SERVERS {
        let server = Program::start(name, &["--listen", "127.0.0.1:0"]);
        let mut client = connect(&server.address());
        let mut signaled = false;
        // There is always a message on the way.
        client.send("Hello").unwrap();
        while let Some(message) = client.read().unwrap() {
            client.send(message).unwrap();
            if !signaled {
                signaled = true;
                server.signal("INT");
            }
        }
        let close = client.connection().received_close().unwrap();
        assert_eq!(close.code, CloseCode::GOING_AWAY, "{name}");
        drop(client);
        assert_eq!(server.finish().code, Some(0), "{name}");
    }
}

#[test]
fn a_second_one_ends_servers_at_once() {
    for name in SERVERS {
        let server = Program::start(name, &["--listen", "127.0.0.1:0"]);
        // The Close gets no answer.
        let stream = limited(connect(&server.address()).into_inner());
        server.signal("INT");
        assert!(!read_some(&stream).is_empty(), "{name}");
        server.signal("INT");
        assert_eq!(server.finish().code, Some(130), "{name}");
    }
}

/// The only test that lasts: as long as `Config::close_timeout`.
#[test]
fn nobody_waits_longer_than_the_close_timeout() {
    // Peers that do not answer, and read nothing either.
    let mut silent = Vec::new();
    let clients = [&b"Hello\n"[..], &long_line()].map(|input| {
        let (url, server) = listen_and_accept(|websocket| websocket);
        let mut client = Program::start("line_client", &["-v", &url]);
        silent.push(server.join().unwrap());
        client.error_with("101");
        client.input(input);
        client
    });
    let servers = SERVERS.map(|name| Program::start(name, &["--listen", "127.0.0.1:0"]));
    silent.extend(servers.each_ref().map(|server| connect(&server.address())));
    servers.iter().chain(&clients).for_each(|program| program.signal("INT"));
    for (name, server) in SERVERS.into_iter().zip(servers) {
        assert_eq!(server.finish().code, Some(0), "{name}");
    }
    for client in clients {
        let finished = client.finish();
        assert_eq!(finished.code, Some(1));
        assert!(finished.stderr.contains("the connection was lost"), "{}", finished.stderr);
    }
}

/// Returns a line that does not fit into the sockets between two programs, compressed or not.
fn long_line() -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        b' ' + u8::try_from((state >> 32) % 90).unwrap()
    };
    let mut line: Vec<_> = std::iter::repeat_with(&mut next).take(12 << 20).collect();
    line.push(b'\n');
    line
}
