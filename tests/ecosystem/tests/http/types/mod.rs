//! Handshakes by the requests and responses of the crate `http`, without I/O.

mod client;
mod server;

use framewise::{
    Config, Connection, Event, Input, Message,
    deflate::DeflateConfig,
    handshake::{Acceptance, ClientRequest, Upgrade},
};
use http::HeaderMap;

const SEED: [u8; 32] = [7; 32];

/// The key of RFC 6455 §1.3, and the answer to it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Returns the fields in an order of their own.
fn sorted(headers: &HeaderMap) -> Vec<(&str, &[u8])> {
    let mut fields: Vec<_> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    fields.sort_unstable();
    fields
}

/// Returns the names of the fields that do not belong in logs.
fn sensitive(headers: &HeaderMap) -> Vec<&str> {
    let marked = headers.iter().filter(|(_, value)| value.is_sensitive());
    let mut names: Vec<_> = marked.map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names
}

/// Passes all output of one end to the other one. Returns what it receives.
fn pass(from: &mut Connection, to: &mut Connection) -> Vec<Message> {
    let mut bytes = Vec::new();
    let output = from.output();
    while !output.is_empty() {
        bytes.extend_from_slice(output.chunk());
        output.advance(output.chunk().len());
    }
    let (mut input, mut messages) = (Input::new(&mut bytes), Vec::new());
    while let Some(event) = to.receive(&mut input).unwrap() {
        match event {
            Event::Text(text) => messages.push(Message::Text(text.to_string())),
            event => panic!("{event:?}"),
        }
    }
    messages
}

#[test]
fn a_client_and_a_server_understand_one_another() {
    for over_http_2 in [false, true] {
        let config = Config::default().deflate(DeflateConfig::default());
        let client = ClientRequest::new("wss://example.com/chat").unwrap();
        let client = client.subprotocol("chat").unwrap().require_subprotocol();
        let (request, pending) = match over_http_2 {
            true => client.into_connect_request::<()>(config.clone(), SEED).unwrap(),
            false => client.into_request::<()>(config.clone(), SEED).unwrap(),
        };
        let upgrade = Upgrade::from_request(&request, config).unwrap();
        let acceptance = Acceptance::new().subprotocol("chat");
        let (response, mut server) = upgrade.accept_response::<()>(acceptance).unwrap();
        let established = pending.upgraded_by(&response).unwrap();
        assert_eq!(established.response.subprotocol(), Some("chat"));
        let mut client = established.connection;
        assert!(client.deflate().is_some());
        let text = "compressed ".repeat(100);
        client.send(text.as_str()).unwrap();
        assert_eq!(pass(&mut client, &mut server), [Message::from(text.as_str())]);
        server.send(text.as_str()).unwrap();
        assert_eq!(pass(&mut server, &mut client), [Message::from(text)]);
    }
}
