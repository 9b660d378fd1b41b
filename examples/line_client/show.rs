//! What `--verbose` shows. A terminal must not take bytes of the server for commands, so they are
//! escaped.

use std::fmt;

use framewise::{
    Config, Event, Message,
    handshake::{ClientHandshake, ClientRequest, Response},
    tokio::{ClientStream, WebSocket},
};

use crate::common::report;

/// Shows the request, but for its secrets.
pub(crate) fn request(request: &ClientRequest, config: &Config) {
    // The bytes that the library writes, with another key.
    let mut handshake = ClientHandshake::new(request.clone(), config.clone(), [0; 32]);
    let head = String::from_utf8_lossy(handshake.output().chunk()).into_owned();
    for line in head.lines().filter(|line| !line.is_empty()) {
        match line.split_once(": ") {
            Some((name, _)) if SECRET.iter().any(|secret| name.eq_ignore_ascii_case(secret)) => {
                report!("> {name}: [..]");
            }
            _ => report!("> {}", line.escape_debug()),
        }
    }
}

/// Shows the response.
pub(crate) fn response(response: &Response) {
    report!("< {}", Status(response));
    for (name, value) in response.headers().iter() {
        match name.eq_ignore_ascii_case("Set-Cookie") {
            true => report!("< {name}: [..]"),
            false => report!("< {name}: {}", value.escape_ascii()),
        }
    }
}

/// Shows what a connection is made of.
pub(crate) fn connection(websocket: &WebSocket<ClientStream>) {
    if let Ok(address) = websocket.stream().peer_addr() {
        report!("* connected to {address}");
    }
    #[cfg(feature = "rustls")]
    if let Some(tls) = websocket.stream().tls() {
        let certificates = tls.peer_certificates().len();
        report!("* {}, certificates of the server: {certificates}", tls.version());
    }
    match websocket.connection().deflate() {
        Some(agreed) => report!("* messages are compressed: {agreed}"),
        None => report!("* messages are not compressed"),
    }
}

/// Shows a message that is sent.
pub(crate) fn sent(message: &Message) {
    match message {
        Message::Text(text) => report!("> Text, {} bytes", text.len()),
        Message::Binary(payload) => report!("> Binary, {} bytes", payload.len()),
    }
}

/// Shows what has come.
pub(crate) fn received(event: &Event<'_>) {
    match event {
        Event::Text(text) => report!("< Text, {} bytes", text.len()),
        Event::Binary(payload) => report!("< Binary, {} bytes", payload.len()),
        Event::Ping(payload) => report!("< Ping \"{}\"", payload.escape_ascii()),
        Event::Pong(payload) => report!("< Pong \"{}\"", payload.escape_ascii()),
        // Not its reason: that is not for end users (RFC 6455 §5.5.1).
        Event::Close(frame) => report!("< Close {}", frame.code),
        _ => {}
    }
}

/// The status and the reason phrase of a response, for display.
pub(crate) struct Status<'a>(pub(crate) &'a Response);

impl fmt::Display for Status<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.status(), self.0.reason().escape_ascii())
    }
}

/// Fields whose values are not shown. The key is another one in each connection.
const SECRET: [&str; 4] = ["Authorization", "Cookie", "Proxy-Authorization", "Sec-WebSocket-Key"];
