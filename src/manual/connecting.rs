//! TLS, proxies, redirects and reconnecting: what lies between a URI and a connection.
//!
//! # A client with TLS
//!
//! With the features `connect`, `tls` and an adapter, `connect` takes `wss` URIs as they are:
//!
//! ```no_run
//! # #[cfg(all(feature = "connect", feature = "rustls"))]
//! # fn main() -> Result<(), framewise::Error> {
//! use framewise::{Config, blocking};
//!
//! let (mut websocket, _response) =
//!     blocking::connect("wss://example.com/chat", Config::default())?;
//! websocket.send("Hello")?;
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "connect", feature = "rustls")))]
//! # fn main() {}
//! ```
//!
//! Nothing has to be installed for the process before. The `tls` module lists the features, and says which
//! roots and which cryptography they bring. For roots of your own, or a client certificate, give the
//! connector a `ClientTls`:
//!
//! ```no_run
//! # #[cfg(all(feature = "connect", feature = "rustls"))]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::fs;
//! use framewise::{Config, blocking, client::Connector, tls::ClientTls};
//!
//! let tls = ClientTls::with_roots_pem(fs::read("ca.pem")?)?
//!     .client_cert(fs::read("client.pem")?, fs::read("client.key")?)?;
//! let connector = Connector::new().tls(tls);
//! let (websocket, _response) =
//!     blocking::connect_with(&connector, "wss://10.0.0.7:8443/", Config::default())?;
//! println!("{:?}", websocket.stream().tls());
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "connect", feature = "rustls")))]
//! # fn main() {}
//! ```
//!
//! Over a stream of your own, `client_tls` does the handshakes of TLS and of WebSocket.
//!
//! # A server with TLS
//!
//! ```no_run
//! # #[cfg(feature = "rustls")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::{fs, net::TcpListener, thread};
//! use framewise::{Config, Error, blocking, tls::ServerTls};
//! use framewise::handshake::{Acceptance, OriginPolicy, Rejection};
//!
//! let tls = ServerTls::from_pem(fs::read("chain.pem")?, fs::read("key.pem")?)?;
//! for stream in TcpListener::bind("0.0.0.0:443")?.incoming() {
//!     let (stream, tls) = (stream?, tls.clone());
//!     thread::spawn(move || {
//!         let incoming = blocking::accept_tls(stream, &tls, Config::default())?;
//!         // It knows that the page has to be `https`.
//!         if incoming.upgrade().check_origin(&OriginPolicy::same_origin()).is_err() {
//!             return incoming.reject(Rejection::forbidden());
//!         }
//!         let mut websocket = incoming.accept(Acceptance::new())?;
//!         while let Some(message) = websocket.read()? {
//!             websocket.send(message)?;
//!         }
//!         Ok::<(), Error>(())
//!     });
//! }
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "rustls"))]
//! # fn main() {}
//! ```
//!
//! To answer health checks on the same port, call `receive_request_tls` instead of `accept_tls`.
//! `ServerTls::require_client_certs` lets in only clients with a certificate.
//!
//! A certificate for tests on your own machine, which a client takes for its root (`--ca cert.pem` in the
//! example `line_client`):
//!
//! ```sh
//! openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
//!     -keyout key.pem -out cert.pem -subj /CN=localhost \
//!     -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
//!     -addext basicConstraints=critical,CA:FALSE
//! ```
//!
//! An event loop of your own does TLS with rustls itself: `Arc<rustls::ServerConfig>` can be made from a
//! `ServerTls`, and the example `echo_server_mio` shows the rest.
//!
//! # One time limit
//!
//! [`Config::handshake_timeout`](crate::Config::handshake_timeout), 10 s by default, bounds all that happens
//! before the connection is open: lookup, TCP, proxy, TLS, the opening handshake, and all redirects
//! together. The error says in which of them the time was over:
//!
//! | phase | error when the time is over |
//! |---|---|
//! | lookup, TCP | `Error::Io` of the kind `TimedOut` |
//! | proxy | `Error::Proxy(ProxyError::Timeout)` |
//! | TLS | `Error::Tls` of the kind `Timeout` |
//! | opening handshake | `Error::Handshake(HandshakeError::Timeout)` |
//!
//! A thread cannot leave a lookup, so `blocking` may be later by the time that the system takes for it.
//!
//! # Proxies
//!
//! [`Proxy`](crate::client::Proxy) names one for all connections, or takes those of the environment
//! (`Proxy::from_env`), and knows what to connect to without it. `http` proxies are asked with CONNECT,
//! `socks5` proxies with the name of the host, which they look up themselves. TLS runs through both, so the
//! proxy sees the host and the port, and nothing else of a `wss` connection.
//!
//! # Redirects
//!
//! They are off by default, as in browsers. `Connector::redirects` follows them.
//! [`Redirects`](crate::client::Redirects) says where they may lead: never from `wss` to `ws`, and to another
//! origin without credentials.
//!
//! # Credentials
//!
//! A URI with a user name and a password is an error, since a log may show it. Call
//! [`ClientRequest::with_credentials`](crate::handshake::ClientRequest::with_credentials) to have them sent
//! in an `Authorization` field.
//!
//! # Connecting again
//!
//! `Reconnect`, in both adapters, opens one connection after another and waits in between, as a
//! [`Backoff`](crate::client::Backoff) says. It retries failures that
//! [may pass](crate::Error::is_transient), and returns the others. It sends nothing again: a program
//! that must not lose messages numbers them, and asks for what it has missed.
//!
//! # Without the adapters
//!
//! All of this is made of machines without I/O, in [`client`](crate::client) and
//! [`handshake`](crate::handshake), for a transport of your own.
