//! The opening handshake, by the topics of RFC 6455 §3, §4, §9.1, §10.2 and of the HTTP below it.
//!
//! The numbers above each test are those of the rows of `tests/requirements` that it shows.

mod accept;
mod errors;
mod extensions;
mod greeting;
mod headers;
mod http;
mod http2;
mod limits;
mod origin;
mod pending;
mod plain;
mod proxy;
mod refusal;
mod regressions;
mod reject;
mod request;
mod response;
mod split;
mod support;
mod uri;
mod write;
