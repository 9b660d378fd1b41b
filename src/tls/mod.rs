//! TLS for `wss` URIs and for servers, with rustls (feature `rustls`).
//!
//! - [`ClientTls`] says whom a client trusts, and who it is
//! - [`ServerTls`] has the certificate of a server
//! - [`TlsInfo`] tells what a connection has agreed on
//! - [`TlsError`] says what went wrong, and what to do about it
//!
//! The adapters take them: `client_tls` and `accept_tls` in `blocking` and in `tokio`.
//!
//! # Features
//!
//! | feature | gives |
//! |---|---|
//! | `tls` | `rustls-ring` and `rustls-platform-verifier`: what most programs want |
//! | `rustls-ring`, `rustls-aws-lc-rs` | the cryptography; AWS-LC is used if both are there |
//! | `rustls-platform-verifier` | `ClientTls::platform`: the certificates that the operating system trusts |
//! | `rustls-webpki-roots` | `ClientTls::webpki_roots`: Mozilla's roots, compiled in |
//! | `rustls` | this module, for programs that bring a rustls configuration |
//!
//! Nothing is installed for the whole process, and nothing has to be. A configuration names its
//! cryptography itself, so crates of one program can use different ones.
//!
//! # Versions of rustls
//!
//! Only the conversions from and to `Arc<rustls::ClientConfig>` and `Arc<rustls::ServerConfig>` name types
//! of rustls, and the [source](core::error::Error::source) of a [`TlsError`] is one. They follow rustls from
//! one incompatible version to the next, today 0.23, in a minor release of this crate.
//!
//! # Protocols
//!
//! TLS 1.3 and 1.2. The application protocol (ALPN) is `http/1.1`, also with a configuration that
//! names others: a WebSocket handshake in the middle of HTTP/2 would be refused.

mod client;
mod error;
mod info;
mod pem;
mod provider;
mod server;

pub use client::ClientTls;
pub(crate) use client::server_name;
pub(crate) use error::Peer;
pub use error::{TlsError, TlsErrorKind};
pub use info::{TlsInfo, TlsVersion};
pub use server::ServerTls;

/// The protocol of the opening handshake (RFC 7301 §6).
const ALPN: &[u8] = b"http/1.1";
