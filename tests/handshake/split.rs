//! The same octets in any pieces give the same result (RFC 6455 §4.1, §4.2.1).

use framewise::{
    Config, Connection, Event, Input,
    handshake::{
        Acceptance, ClientHandshake, ClientRequest, HandshakeError, OriginPolicy, ServerHandshake,
    },
};
use proptest::prelude::*;

use crate::support::{client, request};

/// What came of octets: the fields of the request, or an error, with the events after it.
type Outcome = Result<Option<(String, Vec<String>)>, HandshakeError>;

/// The default, with all that may be looked at in a head.
fn config() -> Config {
    let config = Config::default();
    #[cfg(feature = "deflate")]
    let config = {
        let mut config = config;
        config.deflate = Some(framewise::deflate::DeflateConfig::default());
        config
    };
    config
}

fn serve(bytes: &[u8], cuts: &[usize]) -> Outcome {
    let mut server = ServerHandshake::new(config());
    let mut pieces = pieces(bytes, cuts).into_iter();
    for mut piece in pieces.by_ref() {
        let mut input = Input::new(&mut piece);
        let Some(upgrade) = server.receive(&mut input)? else { continue };
        let fields = format!(
            "{} {} {:?} {:?} {:?} {:?}",
            upgrade.resource(),
            upgrade.host(),
            upgrade.headers(),
            upgrade.check_origin(&OriginPolicy::same_origin()),
            upgrade.subprotocols().collect::<Vec<_>>(),
            upgrade.extensions().collect::<Vec<_>>(),
        );
        #[cfg(feature = "deflate")]
        let fields = format!("{fields} {:?}", upgrade.deflate());
        let mut connection = upgrade.accept(Acceptance::new()).unwrap();
        let rest = input.as_slice().to_vec();
        let events = events(&mut connection, [rest].into_iter().chain(pieces));
        return Ok(Some((fields, events)));
    }
    Ok(None)
}

fn ask(bytes: &[u8], cuts: &[usize]) -> Outcome {
    let mut client = client(&["chat"]);
    // The seed is the same, so that the key is, too.
    let request = ClientRequest::new("ws://server.example.com/chat").unwrap();
    let request = request.subprotocol("chat").unwrap();
    client.handshake = ClientHandshake::new(request, config(), [3; 32]);
    let mut pieces = pieces(bytes, cuts).into_iter();
    for mut piece in pieces.by_ref() {
        let mut input = Input::new(&mut piece);
        let established = match client.handshake.receive(&mut input) {
            Ok(None) => continue,
            Ok(Some(established)) => established,
            Err(HandshakeError::NotHttp(received)) => {
                // As many as have come are shown: that does depend on the pieces.
                return Ok(Some((format!("{:?}", received.first()), vec![])));
            }
            Err(error) => return Err(error),
        };
        let fields = format!("{:?}", established.response);
        let mut connection = established.connection;
        #[cfg(feature = "deflate")]
        let fields = format!("{fields} {:?}", connection.deflate());
        let rest = input.as_slice().to_vec();
        let events = events(&mut connection, [rest].into_iter().chain(pieces));
        return Ok(Some((fields, events)));
    }
    match client.handshake.receive_eof() {
        HandshakeError::UnexpectedEof => Ok(None),
        error => Err(error),
    }
}

/// What a connection says of octets, up to the failure if there is one.
fn events(connection: &mut Connection, pieces: impl Iterator<Item = Vec<u8>>) -> Vec<String> {
    let mut events = Vec::new();
    for mut piece in pieces {
        let mut input = Input::new(&mut piece);
        loop {
            match connection.receive(&mut input) {
                Ok(None) => break,
                Ok(Some(Event::Text(text))) => events.push(text.to_string()),
                Ok(Some(event)) => events.push(format!("{event:?}")),
                Err(error) => {
                    events.push(format!("{error:?}"));
                    return events;
                }
            }
        }
    }
    events
}

fn pieces(bytes: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| bytes[pair[0]..pair[1]].to_vec()).collect()
}

fn whole_request() -> Vec<u8> {
    let lines = [
        "Sec-WebSocket-Protocol: chat",
        "Origin: http://server.example.com",
        "X: \t y ",
        "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=\"10\", x; y",
        "Cookie: a=b",
    ];
    let mut bytes = [&b"\r\n"[..], &request(&[], &lines)].concat();
    bytes.extend_from_slice(b"\x81\x82\0\0\0\0hi\x81\x81\0\0\0\0!");
    bytes
}

fn whole_refusal() -> Vec<u8> {
    b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.0 503 x\r\nRetry-After: 7\r\nTransfer-Encoding: x, chunked\r\n\r\n\
    5;a=b\r\nhello\r\n0b \r\n, world\r\n!!\r\n0\r\nX: y\r\n\r\n"
        .to_vec()
}

fn whole_response() -> Vec<u8> {
    let mut bytes = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".to_vec();
    let mut lines = vec!["Sec-WebSocket-Protocol: chat", "X: a\r\n b"];
    if cfg!(feature = "deflate") {
        lines.push("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10");
    }
    bytes.extend(client(&["chat"]).response(&[], &lines));
    bytes.extend_from_slice(b"\x81\x02hi\x81\x01!");
    bytes
}

// 6455-4.2.1-22; R06
#[test]
fn a_request_cut_anywhere() {
    let bytes = whole_request();
    let whole = serve(&bytes, &[]);
    assert_eq!(whole.as_ref().unwrap().as_ref().unwrap().1, ["hi", "!"]);
    for cut in 0..=bytes.len() {
        assert_eq!(serve(&bytes, &[cut]), whole, "cut at {cut}");
    }
    assert_eq!(serve(&bytes, &(0..bytes.len()).collect::<Vec<_>>()), whole);
}

// 6455-4.1-71; R06
#[test]
fn a_response_cut_anywhere() {
    let bytes = whole_response();
    let whole = ask(&bytes, &[]);
    assert_eq!(whole.as_ref().unwrap().as_ref().unwrap().1, ["hi", "!"]);
    for cut in 0..=bytes.len() {
        assert_eq!(ask(&bytes, &[cut]), whole, "cut at {cut}");
    }
    assert_eq!(ask(&bytes, &(0..bytes.len()).collect::<Vec<_>>()), whole);
}

// 9112-6.3-03; R06
#[test]
fn a_refusal_cut_anywhere() {
    let bytes = whole_refusal();
    let whole = ask(&bytes, &[]);
    let Err(HandshakeError::Rejected(response)) = &whole else { panic!("{whole:?}") };
    assert_eq!(response.body(), b"hello, world\r\n!!");
    for cut in 0..=bytes.len() {
        assert_eq!(ask(&bytes, &[cut]), whole, "cut at {cut}");
    }
    assert_eq!(ask(&bytes, &(0..bytes.len()).collect::<Vec<_>>()), whole);
}

/// Damage to valid octets: some replaced, removed or added.
fn damage() -> impl Strategy<Value = Vec<(usize, u8, u8)>> {
    let octet =
        prop_oneof![any::<u8>(), prop::sample::select(b"\r\n :,;\t\"HTP/1.0Gx=\x00".to_vec()),];
    prop::collection::vec((any::<usize>(), octet, 0_u8..3), 0..4)
}

fn damaged(mut bytes: Vec<u8>, damage: &[(usize, u8, u8)]) -> Vec<u8> {
    for (at, octet, kind) in damage {
        let at = at % bytes.len();
        match kind {
            0 => bytes[at] = *octet,
            1 => drop(bytes.remove(at)),
            _ => bytes.insert(at, *octet),
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    // 6455-4.2.1-22; R54
    #[test]
    fn any_split_of_a_damaged_request(damage in damage(), cuts in prop::collection::vec(any::<usize>(), 0..6)) {
        let bytes = damaged(whole_request(), &damage);
        prop_assert_eq!(serve(&bytes, &cuts), serve(&bytes, &[]));
        let singly: Vec<_> = (0..bytes.len()).collect();
        prop_assert_eq!(serve(&bytes, &singly), serve(&bytes, &[]));
    }

    // 6455-4.1-71; R54
    #[test]
    fn any_split_of_a_damaged_response(damage in damage(), cuts in prop::collection::vec(any::<usize>(), 0..6)) {
        let bytes = damaged(whole_response(), &damage);
        prop_assert_eq!(ask(&bytes, &cuts), ask(&bytes, &[]));
        let singly: Vec<_> = (0..bytes.len()).collect();
        prop_assert_eq!(ask(&bytes, &singly), ask(&bytes, &[]));
    }

    // 9112-6.3-03, 9112-7.1-01; R54
    #[test]
    fn any_split_of_a_damaged_refusal(damage in damage(), cuts in prop::collection::vec(any::<usize>(), 0..6)) {
        let bytes = damaged(whole_refusal(), &damage);
        prop_assert_eq!(ask(&bytes, &cuts), ask(&bytes, &[]));
        let singly: Vec<_> = (0..bytes.len()).collect();
        prop_assert_eq!(ask(&bytes, &singly), ask(&bytes, &[]));
    }

    // 6455-4.2.1-22, 6455-4.2.1-02; R54
    #[test]
    fn arbitrary_octets_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), cuts in prop::collection::vec(any::<usize>(), 0..4)) {
        prop_assert_eq!(serve(&bytes, &cuts), serve(&bytes, &[]));
        prop_assert_eq!(ask(&bytes, &cuts), ask(&bytes, &[]));
    }
}
