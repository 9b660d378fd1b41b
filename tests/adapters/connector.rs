//! What a connector adds to opening a connection: addresses, proxies, redirects, and one time limit.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use framewise::{
    Config, Error, blocking,
    client::{ConnectGate, Connector, Proxy, ProxyError, RedirectError},
    handshake::{Acceptance, ClientRequest, HandshakeError},
    tokio as asynchronous,
};

/// Opens a connection with both adapters, one after the other, and passes how that ended to `check`.
fn connect(
    connector: &Connector,
    request: &ClientRequest,
    config: &Config,
    check: impl Fn(Result<(), Error>),
) {
    check(blocking::connect_with(connector, request, config.clone()).map(drop));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    check(runtime.block_on(async {
        asynchronous::connect_with(connector, request, config.clone()).await.map(drop)
    }));
}

fn request(uri: &str) -> ClientRequest {
    ClientRequest::new(uri).unwrap()
}

/// Listens and treats each client on a thread of its own. Returns the address.
fn server(treat: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, treat) = (stream.unwrap(), treat.clone());
            thread::spawn(move || treat(stream));
        }
    });
    address
}

/// A server that accepts all. Returns its address, and the header fields that clients send.
fn accepting() -> (SocketAddr, Receiver<Vec<(String, String)>>) {
    let (seen, requests) = mpsc::channel();
    let address = server(move |stream| {
        let Ok(incoming) = blocking::accept(stream, Config::default()) else { return };
        let fields = incoming.upgrade().headers().iter();
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let _ = seen.send(fields.map(|(name, value)| (name.to_owned(), text(value))).collect());
        let _ = incoming.accept(Acceptance::new()).and_then(|mut websocket| websocket.read());
    });
    (address, requests)
}

/// Reads the head of a request.
fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).unwrap_or_default() == 0 {
            break;
        }
        head.extend(byte);
    }
    String::from_utf8(head).unwrap()
}

/// A server that redirects everybody.
fn redirecting(to: String) -> SocketAddr {
    server(move |mut stream| {
        head(&mut stream);
        let _ = write!(stream, "HTTP/1.1 307 x\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
    })
}

/// A server that takes connections and says nothing.
fn silent() -> SocketAddr {
    server(|mut stream| drop(stream.read_to_end(&mut Vec::new())))
}

fn limited(milliseconds: u64) -> Config {
    let mut config = Config::default();
    config.handshake_timeout = Some(Duration::from_millis(milliseconds));
    config
}

#[test]
fn addresses_of_the_program_take_the_place_of_the_hosts() {
    let (address, requests) = accepting();
    let connector = Connector::new().resolve_to([address]);
    connect(&connector, &request("ws://no.such.host.invalid:80/"), &Config::default(), |opened| {
        opened.unwrap();
        let fields = requests.recv().unwrap();
        let host = fields.iter().find(|(name, _)| name == "Host").unwrap();
        assert_eq!(host.1, "no.such.host.invalid");
    });
    let error = |opened: Result<(), Error>| match opened.unwrap_err() {
        Error::Io(error) => assert_eq!(error.kind(), ErrorKind::NotFound),
        error => panic!("{error:?}"),
    };
    connect(
        &Connector::new().resolve_to([]),
        &request("ws://localhost/"),
        &Config::default(),
        error,
    );
}

#[test]
fn a_redirect_to_another_host_is_looked_up() {
    let (other, requests) = accepting();
    let first = redirecting(format!("ws://localhost:{}/", other.port()));
    let connector = Connector::new().resolve_to([first]).redirects(1);
    connect(&connector, &request("ws://no.such.host.invalid/"), &Config::default(), |opened| {
        opened.unwrap();
        let fields = requests.recv().unwrap();
        assert!(fields.contains(&("Host".to_owned(), format!("localhost:{}", other.port()))));
    });
}

#[test]
fn redirects_are_followed_only_when_asked_for() {
    let (other, requests) = accepting();
    let first = redirecting(format!("http://{other}/"));
    let to = request(&format!("ws://{first}/")).header("Authorization", "Bearer abc").unwrap();
    let to = to.header("X-Kept", "yes").unwrap();
    connect(&Connector::new(), &to, &Config::default(), |opened| match opened.unwrap_err() {
        Error::Handshake(HandshakeError::Rejected(response)) => assert_eq!(response.status(), 307),
        error => panic!("{error:?}"),
    });
    connect(&Connector::new().redirects(1), &to, &Config::default(), |opened| {
        opened.unwrap();
        let fields = requests.recv().unwrap();
        assert!(!fields.iter().any(|(name, _)| name == "Authorization"), "{fields:?}");
        assert!(fields.iter().any(|(name, _)| name == "X-Kept"), "{fields:?}");
    });
    let endless = server(|mut stream| {
        let head = head(&mut stream);
        let path = head.split(' ').nth(1).unwrap().to_owned();
        let _ = write!(stream, "HTTP/1.1 302 x\r\nLocation: {path}x\r\nContent-Length: 0\r\n\r\n");
    });
    let endless = request(&format!("ws://{endless}/"));
    connect(&Connector::new().redirects(20), &endless, &Config::default(), |opened| {
        match opened.unwrap_err() {
            Error::Redirect(RedirectError::TooMany { max, .. }) => assert_eq!(max, 20),
            error => panic!("{error:?}"),
        }
    });
}

/// An HTTP proxy. Returns its address, and the heads of the requests.
fn proxy(answer: &'static str) -> (SocketAddr, Receiver<String>) {
    let (seen, requests) = mpsc::channel();
    let address = server(move |mut stream| {
        let head = head(&mut stream);
        let target = head.split(' ').nth(1).unwrap().to_owned();
        let _ = seen.send(head);
        if stream.write_all(answer.as_bytes()).is_err() || !answer.contains(" 200 ") {
            return;
        }
        let Ok(mut other) = TcpStream::connect(target.replace("server.example", "127.0.0.1"))
        else {
            return;
        };
        let (mut from, mut to) = (stream.try_clone().unwrap(), other.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut from, &mut to));
        let _ = std::io::copy(&mut other, &mut stream);
    });
    (address, requests)
}

#[test]
fn a_proxy_is_told_the_name_and_the_port() {
    let (address, requests) = accepting();
    let (proxy, heads) = proxy("HTTP/1.0 200 Connection established\r\n\r\n");
    let proxy = Proxy::new(format!("http://user:p%40ss@{proxy}")).unwrap();
    let connector = Connector::new().proxy(proxy);
    // The name is not looked up here.
    let uri = format!("ws://server.example:{}/", address.port());
    connect(&connector, &request(&uri), &Config::default(), |opened| {
        opened.unwrap();
        let head = heads.recv().unwrap();
        let line = format!("CONNECT server.example:{} HTTP/1.1\r\n", address.port());
        assert!(head.starts_with(&line), "{head}");
        assert!(head.contains("Proxy-Authorization: Basic dXNlcjpwQHNz\r\n"), "{head}");
        let fields = requests.recv().unwrap();
        assert!(!fields.iter().any(|(name, _)| name.starts_with("Proxy-")), "{fields:?}");
    });
}

#[test]
fn a_proxy_that_refuses_is_an_error_with_its_response() {
    let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\
        Content-Length: 5\r\n\r\nSorry";
    let (proxy, _heads) = proxy(refusal);
    let connector = Connector::new().proxy(Proxy::new(proxy.to_string()).unwrap());
    connect(&connector, &request("ws://server.example/"), &Config::default(), |opened| {
        let error = opened.unwrap_err();
        assert!(error.to_string().contains("407 Proxy Authentication Required"), "{error}");
        let Error::Proxy(error) = error else { panic!("{error:?}") };
        let response = error.response().unwrap();
        assert_eq!((response.status(), response.body()), (407, &b"Sorry"[..]));
    });
}

#[test]
fn an_address_that_is_not_there_is_named_as_in_a_uri() {
    let error = blocking::connect("ws://[::1]:1/", Config::default()).unwrap_err();
    assert!(error.to_string().starts_with("cannot connect to [::1]:1: "), "{error}");
}

#[test]
fn a_proxy_that_is_not_there_is_named() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let connector = Connector::new().proxy(Proxy::new(closed.to_string()).unwrap());
    connect(&connector, &request("ws://server.example/"), &Config::default(), |opened| {
        let error = opened.unwrap_err();
        let text = format!("cannot connect to the proxy {closed}: ");
        assert!(error.to_string().starts_with(&text), "{error}");
    });
}

// 6455-4.1-09: the name is what is known, so clients of one name take turns, whatever the proxy does
#[test]
fn at_a_gate_a_name_that_the_proxy_looks_up_is_a_host() {
    let (address, _requests) = accepting();
    let (proxy, heads) = proxy("HTTP/1.1 200 OK\r\n\r\n");
    let gate = ConnectGate::new();
    let proxy = Proxy::new(proxy.to_string()).unwrap();
    let connector = Connector::new().proxy(proxy).gate(&gate);
    let uri = format!("ws://server.example:{}/", address.port());
    let turn = gate.enter_blocking(("server.example", address.port()));
    let waiting = thread::spawn({
        let connector = connector.clone();
        let request = request(&uri);
        move || blocking::connect_with(&connector, request, Config::default()).map(drop)
    });
    thread::sleep(Duration::from_millis(100));
    assert!(heads.try_recv().is_err(), "it waits for its turn");
    drop(turn);
    waiting.join().unwrap().unwrap();
    connect(&connector, &request(&uri), &Config::default(), |opened| opened.unwrap());
}

/// Connects and checks that it takes the limit of one and a half seconds, and how it fails.
fn is_late(connector: &Connector, uri: &str, late: impl Fn(&Error) -> bool) {
    let began = Instant::now();
    connect(connector, &request(uri), &limited(1500), |opened| {
        let error = opened.unwrap_err();
        assert!(late(&error), "{error:?}");
        assert!(error.is_transient(), "{error:?}");
        assert_eq!(std::io::Error::from(error).kind(), ErrorKind::TimedOut);
    });
    // Both adapters. No more than that, but for a machine that is busy.
    assert!(began.elapsed() >= Duration::from_millis(2900), "{:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[test]
fn one_limit_bounds_the_proxy_too() {
    let proxy = Proxy::new(silent().to_string()).unwrap();
    let connector = Connector::new().proxy(proxy);
    is_late(&connector, "ws://server.example/", |error| {
        matches!(error, Error::Proxy(ProxyError::Timeout))
    });
}

#[test]
fn one_limit_bounds_the_response_behind_a_proxy() {
    let silent = silent();
    let (proxy, _heads) = proxy("HTTP/1.1 200 OK\r\n\r\n");
    let connector = Connector::new().proxy(Proxy::new(proxy.to_string()).unwrap());
    is_late(&connector, &format!("ws://server.example:{}/", silent.port()), |error| {
        matches!(error, Error::Handshake(HandshakeError::Timeout))
    });
}

// Each answer comes in time, and all of them together do not.
#[test]
fn one_limit_bounds_all_redirects_together() {
    let slow = server(|mut stream| {
        let head = head(&mut stream);
        let path = head.split(' ').nth(1).unwrap().to_owned();
        thread::sleep(Duration::from_millis(400));
        let _ = write!(stream, "HTTP/1.1 302 x\r\nLocation: {path}x\r\nContent-Length: 0\r\n\r\n");
    });
    let connector = Connector::new().redirects(100);
    is_late(&connector, &format!("ws://{slow}/"), |error| match error {
        Error::Handshake(HandshakeError::Timeout) => true,
        // Between two requests.
        Error::Io(error) => error.kind() == ErrorKind::TimedOut,
        _ => false,
    });
}

#[cfg(feature = "rustls-ring")]
#[test]
fn one_limit_bounds_tls_too() {
    use framewise::tls::{ClientTls, TlsErrorKind};

    let connector =
        Connector::new().tls(ClientTls::with_roots_pem(include_str!("root.pem")).unwrap());
    is_late(
        &connector,
        &format!("wss://{}/", silent()),
        |error| matches!(error, Error::Tls(error) if error.kind() == TlsErrorKind::Timeout),
    );
}

// The time limits of the socket that were set while the proxy was asked must not stay.
#[test]
fn what_was_set_for_the_proxy_does_not_limit_the_connection() {
    let address = server(|stream| {
        let Ok(mut websocket) = blocking::accept_any(stream, Config::default()) else { return };
        thread::sleep(Duration::from_millis(3000));
        let _ = websocket.send("late").and_then(|()| websocket.read());
    });
    let (proxy, _heads) = proxy("HTTP/1.1 200 OK\r\n\r\n");
    let connector = Connector::new().proxy(Proxy::new(proxy.to_string()).unwrap());
    let config = limited(1500).ping_interval(None).pong_timeout(None);
    let uri = format!("ws://server.example:{}/", address.port());
    let (mut websocket, _) = blocking::connect_with(&connector, request(&uri), config).unwrap();
    assert_eq!(websocket.read().unwrap(), Some("late".into()));
}
