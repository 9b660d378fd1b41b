//! tinyproxy (HTTP CONNECT) and microsocks (SOCKS5), both with a password.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    process::Stdio,
    thread,
    time::Duration,
};

use framewise::{
    Config, Error, blocking,
    client::{Connector, Proxy},
    handshake::ClientRequest,
    tokio as asynchronous,
};

use framewise_ecosystem::Authority;

use crate::{
    bindings::{Binding, Server},
    folder::Folder,
    programs::{Program, free_port, installed},
};

/// Starts tinyproxy with a password. Returns its port.
fn tinyproxy(folder: &Folder) -> Option<(Program, u16)> {
    let port = free_port();
    let config = folder.write(
        "tinyproxy.conf",
        format!(
            "Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 100\nAllow 127.0.0.1\n\
             BasicAuth user secret\nLogLevel Critical\n"
        ),
    );
    let mut command = installed("tinyproxy")?;
    command.args(["-d", "-c", &config]).stdout(Stdio::null());
    Some((Program::start_on(&mut command, port), port))
}

/// Starts microsocks with a password. Returns its port.
fn microsocks() -> Option<(Program, u16)> {
    let port = free_port();
    let mut command = installed("microsocks")?;
    command.args(["-i", "127.0.0.1", "-p", &port.to_string(), "-u", "user", "-P", "secret"]);
    Some((Program::start_on(command.stdout(Stdio::null()).stderr(Stdio::null()), port), port))
}

/// Talks through a proxy with TLS and without, then has it refuse.
fn talk_through(scheme: &str, proxy_port: u16) {
    let authority = Authority::new("root");
    let identity = authority.issue(&["localhost"]);
    for binding in Binding::ALL {
        for secure in [false, true] {
            let server = Server::start(binding, secure.then(|| identity.server()), "");
            let ws = if secure { "wss" } else { "ws" };
            let uri = format!("{ws}://localhost:{}/chat", server.port);
            let request = ClientRequest::new(uri).unwrap();
            let through = |user: &str, port: u16| {
                let proxy = Proxy::new(&format!("{scheme}://{user}127.0.0.1:{port}")).unwrap();
                Connector::new().tls(authority.client()).proxy(proxy)
            };
            let talked = binding.talk(&through("user:secret@", proxy_port), &request);
            let tls = talked.unwrap_or_else(|error| panic!("{scheme}, {binding:?}: {error}"));
            assert_eq!(tls.contains("Tls13"), secure, "{tls}");

            for user in ["", "user:wrong@"] {
                let error = binding.talk(&through(user, proxy_port), &request).unwrap_err();
                assert!(matches!(error, Error::Proxy(_)), "{binding:?}: {error:?}");
                assert!(!error.is_transient(), "{error}");
                let text = error.to_string();
                assert!(text.contains("proxy") && !text.contains("wrong"), "{text}");
                println!("{scheme}, {user:?}: {text}");
            }

            let nobody = ClientRequest::new(format!("{ws}://localhost:{}/", free_port())).unwrap();
            let error = binding.talk(&through("user:secret@", proxy_port), &nobody).unwrap_err();
            assert!(matches!(error, Error::Proxy(_)), "{binding:?}: {error:?}");
            println!("{scheme}, nobody listens: {error}");
        }
    }
}

#[test]
fn through_tinyproxy() {
    let folder = Folder::new();
    let Some((_proxy, port)) = tinyproxy(&folder) else { return };
    talk_through("http", port);
}

#[test]
fn through_microsocks() {
    let Some((_proxy, port)) = microsocks() else { return };
    talk_through("socks5", port);
}

/// What a proxy does to a client that it does not want to serve.
#[derive(Clone, Copy, Debug)]
enum Trick {
    /// It never answers.
    Silence,
    /// A head that does not end.
    EndlessHead,
    /// A refusal whose body does not end.
    EndlessBody,
    /// One byte now and then.
    Drip,
    /// It speaks in the server's place.
    Inject,
    /// It ends the stream.
    Leave,
}

impl Trick {
    const ALL: [Self; 6] = [
        Self::Silence,
        Self::EndlessHead,
        Self::EndlessBody,
        Self::Drip,
        Self::Inject,
        Self::Leave,
    ];

    fn play(self, mut stream: std::net::TcpStream) -> std::io::Result<()> {
        let mut request = [0; 4096];
        if stream.read(&mut request)? == 0 {
            return Ok(());
        }
        match self {
            Self::Silence => while stream.read(&mut request)? > 0 {},
            Self::EndlessHead => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
                loop {
                    stream.write_all(b"X-More: of the same\r\n")?;
                }
            }
            Self::EndlessBody => {
                stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n")?;
                loop {
                    stream.write_all(&[b'x'; 4096])?;
                }
            }
            Self::Drip => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nX: ")?;
                loop {
                    stream.write_all(b"x")?;
                    thread::sleep(Duration::from_millis(50));
                }
            }
            Self::Inject => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n")?;
                while stream.read(&mut request)? > 0 {}
            }
            Self::Leave => {}
        }
        Ok(())
    }
}

#[test]
fn slow_endless_and_lying_proxies_are_given_up() {
    for trick in Trick::ALL {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                thread::spawn(move || trick.play(stream));
            }
        });
        let proxy = Proxy::new(&format!("http://127.0.0.1:{port}")).unwrap();
        let connector = Connector::new().proxy(proxy);
        let limits = || {
            let mut config = Config::default();
            config.handshake_timeout = Some(Duration::from_secs(1));
            config.close_timeout = Some(Duration::from_secs(1));
            config
        };
        for uri in ["ws://server.example/", "wss://server.example/"] {
            let error = blocking::connect_with(&connector, uri, limits()).unwrap_err();
            assert!(matches!(error, Error::Proxy(_)), "{trick:?}: {error:?}");
            println!("{trick:?}: {error}");
            let opening = async { asynchronous::connect_with(&connector, uri, limits()).await };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let error = runtime.unwrap().block_on(opening).unwrap_err();
            assert!(matches!(error, Error::Proxy(_)), "{trick:?}: {error:?}");
        }
    }
}
