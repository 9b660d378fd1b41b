//! Proxies: which one a connection goes through, and the handshake that has it connect to the host
//! (RFC 9110 §9.3.6, RFC 1928, RFC 1929).

mod bypass;
mod error;
mod handshake;
mod selection;
mod server;
mod socks;

pub use self::{
    error::{ProxyError, SocksReply},
    handshake::ProxyHandshake,
    selection::Proxy,
    server::{ProxyScheme, ProxyServer, ProxyUriError, ProxyUriErrorKind},
};
