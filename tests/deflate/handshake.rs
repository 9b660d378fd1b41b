//! The negotiation inside whole handshakes, and that what was agreed upon is what the connection
//! does, in the direction it was agreed for (RFC 7692 §5, §7.1; RFC 6455 §4, §9.1).

use framewise::{
    Config, Connection, Event, Input, Payload, PreparedMessage, ProtocolError, Role, State,
    deflate::{AgreedParameters, BitsWish, DeflateConfig, WindowBits, Wish},
    handshake::{
        Acceptance, ClientHandshake, ClientRequest, Established, HandshakeError, HttpVersion,
        ServerHandshake, Upgrade,
    },
};

use super::{
    bits::{Bits, END, FIXED},
    negotiation::{MALFORMED, UNUSUAL, WRONG},
    support::{SEED, feed, frame_for, hex, sent},
};

const NAME: &str = "Sec-WebSocket-Extensions";
const ACCEPT: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
const REQUEST: [(&str, &str); 5] = [
    ("Host", "server.example.com"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Version", "13"),
];

/// A configuration that compresses everything, or nothing.
fn config(deflate: Option<DeflateConfig>) -> Config {
    let mut config = Config::default();
    config.deflate = deflate.map(|mut deflate| {
        deflate.threshold = 0;
        deflate
    });
    config
}

fn default() -> Config {
    config(Some(DeflateConfig::default()))
}

/// The default, but for one parameter.
fn with(change: impl FnOnce(&mut DeflateConfig)) -> Config {
    let mut deflate = DeflateConfig::default();
    change(&mut deflate);
    config(Some(deflate))
}

fn ask(bits: u8) -> BitsWish {
    BitsWish::Ask(WindowBits::new(bits).expect("8 to 15"))
}

/// Gives a server a request with some lines of extensions.
fn serve(config: Config, lines: &[&str]) -> Result<Upgrade, HandshakeError> {
    let fields = REQUEST.iter().copied().chain(lines.iter().map(|line| (NAME, *line)));
    let fields: String = fields.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let mut bytes = format!("GET / HTTP/1.1\r\n{fields}\r\n").into_bytes();
    let upgrade = ServerHandshake::new(config).receive(&mut Input::new(&mut bytes))?;
    Ok(upgrade.expect("the request is complete"))
}

/// Takes what a connection has to say as text.
fn said(connection: &mut Connection) -> String {
    let bytes = connection.output().chunks().collect::<Vec<_>>().concat();
    connection.output().advance(bytes.len());
    String::from_utf8(bytes).expect("text")
}

/// Has a server accept a request; returns the value of its extensions.
#[track_caller]
fn answer(config: Config, lines: &[&str]) -> (Option<String>, Connection) {
    let upgrade = serve(config, lines).expect("valid");
    let promised = upgrade.deflate();
    let mut connection = upgrade.accept(Acceptance::new()).expect("no subprotocol");
    let response = said(&mut connection);
    let fields = response.strip_prefix(ACCEPT).expect(&response);
    let value = match fields.strip_prefix("Sec-WebSocket-Extensions: ") {
        None => {
            assert_eq!(fields, "\r\n");
            None
        }
        Some(value) => Some(value.strip_suffix("\r\n\r\n").expect("one line").to_owned()),
    };
    assert_eq!(promised, connection.deflate());
    // A default may be named: what counts is what is meant.
    let meant = value.as_ref().map(|value| value.replace("; server_max_window_bits=15", ""));
    assert_eq!(promised.map(|agreed| agreed.to_string()), meant);
    (value, connection)
}

/// Starts a client and returns the value of its offer.
fn start(config: Config) -> (ClientHandshake, Vec<u8>, Option<String>) {
    let request = ClientRequest::new("ws://server.example.com/").expect("a URI");
    let mut client = ClientHandshake::new(request, config, SEED);
    let bytes = client.output().chunks().collect::<Vec<_>>().concat();
    let text = core::str::from_utf8(&bytes).expect("text");
    let mut lines =
        text.split("\r\n").filter_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "));
    let offer = lines.next().map(str::to_owned);
    assert_eq!(lines.next(), None);
    (client, bytes, offer)
}

/// Answers a client by a valid response with some lines of extensions.
fn open(config: Config, lines: &[&str]) -> Result<Established, HandshakeError> {
    let (mut client, mut request, _) = start(config);
    let upgrade = ServerHandshake::new(Config::default()).receive(&mut Input::new(&mut request));
    let upgrade = upgrade.expect("valid").expect("complete");
    let mut server = upgrade.accept(Acceptance::new()).expect("no subprotocol");
    let mut response = said(&mut server);
    response.truncate(response.len() - 2);
    for line in lines {
        response += &format!("{NAME}: {line}\r\n");
    }
    response += "\r\n";
    let mut bytes = response.into_bytes();
    let result = client.receive(&mut Input::new(&mut bytes));
    if let Err(error) = &result {
        // A client that has failed says nothing more, and the reason stays.
        assert!(client.output().is_empty());
        let again = client.receive(&mut Input::new(&mut b"\x81\x00".to_owned()));
        assert_eq!(again.expect_err("failed"), *error);
    }
    Ok(result?.expect("the response is complete"))
}

/// Connects two machines to one another.
fn connect(client: Config, server: Config) -> (Connection, Connection) {
    let (mut client, mut request, _) = start(client);
    let upgrade = ServerHandshake::new(server).receive(&mut Input::new(&mut request));
    let upgrade = upgrade.expect("valid").expect("complete");
    let mut server = upgrade.accept(Acceptance::new()).expect("no subprotocol");
    let mut response = said(&mut server).into_bytes();
    let established = client.receive(&mut Input::new(&mut response)).expect("valid");
    (established.expect("complete").connection, server)
}

/// What can be seen of one direction from both its ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Direction {
    /// The sender refers to the message before.
    takes_over: bool,
    /// The sender refers to what is 1500 octets back.
    reaches_back: bool,
    /// The receiver lets a message refer to the one before.
    remembers: bool,
}

const PLAIN: Direction = Direction { takes_over: true, reaches_back: true, remembers: true };
const NO_TAKEOVER: Direction = Direction { takes_over: false, remembers: false, ..PLAIN };
const SMALL: Direction = Direction { reaches_back: false, ..PLAIN };

/// Octets that cannot be compressed.
fn noise() -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..1500).map(|_| next()).collect()
}

/// Sends a message and returns its payload, which must be compressed.
fn payload(sender: &mut Connection, message: &[u8]) -> Vec<u8> {
    sender.send(message).expect("open");
    let mut frames = sent(sender);
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0].first, 0xc2, "compressed");
    frames.remove(0).payload
}

fn observe(mut sender: Connection, mut receiver: Connection) -> Direction {
    let role = receiver.role();
    let noise = noise();
    let messages = [b"Hello".repeat(9), b"Hello".repeat(9), [&noise[..], &noise[..]].concat()];
    let payloads = messages.each_ref().map(|message| payload(&mut sender, message));
    // All of it arrives.
    let bytes: Vec<u8> =
        payloads.iter().flat_map(|payload| frame_for(role, 0xc2, payload)).collect();
    let (events, error) = feed(&mut receiver, &bytes);
    assert_eq!(error, None);
    assert_eq!(events, messages.map(|message| Event::Binary(message.into())));
    // "Hello", and the same as a reference to it.
    let bytes = [&hex("f248cdc9c90700"), &hex("f200110000")]
        .map(|payload| frame_for(role, 0xc1, payload))
        .concat();
    let (events, error) = feed(&mut receiver, &bytes);
    assert_eq!(events.len() + usize::from(error.is_some()), 2);
    assert!(matches!(error, None | Some(ProtocolError::InvalidDeflate)));
    Direction {
        takes_over: payloads[0] != payloads[1],
        reaches_back: payloads[2].len() < 2000,
        remembers: error.is_none(),
    }
}

/// What a pair of configurations comes to: the direction of the client, and that of the server.
fn directions(client: &Config, server: &Config) -> [Direction; 2] {
    let pair = || connect(client.clone(), server.clone());
    let upwards = pair();
    let downwards = pair();
    [observe(upwards.0, upwards.1), observe(downwards.1, downwards.0)]
}

// 7692-7-03, 7692-5-20, 7692-7.1.1.1-03, 7692-7.1.1.1-04, 7692-7.1.1.1-07, 7692-7.1.1.1-08,
// 7692-7.1.1.2-03, 7692-7.1.1.2-06, 7692-7.1.1.2-07, 7692-7.1.2.1-08, 7692-7.1.2.2-05,
// 7692-7.2.1-13, 7692-7.2.1-14, 7692-7.2.1-16, 7692-7.2.1-17; R19
#[test]
fn each_parameter_changes_its_direction_only() {
    assert_eq!(directions(&default(), &default()), [PLAIN, PLAIN]);
    let client_flag = with(|deflate| deflate.parameters.client_no_context_takeover = Wish::Ask);
    let server_flag = with(|deflate| deflate.parameters.server_no_context_takeover = Wish::Ask);
    let client_bits = with(|deflate| deflate.parameters.client_max_window_bits = ask(9));
    let server_bits = with(|deflate| deflate.parameters.server_max_window_bits = ask(9));
    for (asking, expected) in [
        (client_flag, [NO_TAKEOVER, PLAIN]),
        (server_flag, [PLAIN, NO_TAKEOVER]),
        (client_bits, [SMALL, PLAIN]),
        (server_bits, [PLAIN, SMALL]),
    ] {
        let asking_deflate = &asking.deflate;
        assert_eq!(directions(&asking, &default()), expected, "client: {asking_deflate:?}");
        assert_eq!(directions(&default(), &asking), expected, "server: {asking_deflate:?}");
    }
}

/// A message that is a copy of three octets from 32,768 octets back.
fn farthest() -> Vec<u8> {
    Bits::new().block(false, FIXED).copy(3, 32_768).symbol(END).message()
}

// What a client has hinted at it does, though the server has not asked for it.
// 7692-7.1.1.2-02, 7692-7.1.2.2-04, 7692-7.1.2.2-10, 7692-5-12, 7692-7.1.1.2-04, 7692-7.2.1-15,
// 7692-7.2.1-19, 7692-7.2.2-11, 7692-7.2.2-15
#[test]
fn a_client_keeps_to_its_hints_and_a_server_does_not_rely_on_them() {
    let ignoring = with(|deflate| {
        deflate.parameters.client_no_context_takeover = Wish::Refuse;
        deflate.parameters.client_max_window_bits = BitsWish::Refuse;
    });
    let flag = with(|deflate| deflate.parameters.client_no_context_takeover = Wish::Ask);
    let bits = with(|deflate| deflate.parameters.client_max_window_bits = ask(9));
    let (client, server) = connect(flag.clone(), ignoring.clone());
    assert_eq!(server.deflate(), Some(AgreedParameters::default()));
    assert!(client.deflate().expect("agreed").client_no_context_takeover);
    let expected = Direction { takes_over: false, ..PLAIN };
    assert_eq!(directions(&flag, &ignoring), [expected, PLAIN]);
    assert_eq!(directions(&bits, &ignoring), [SMALL, PLAIN]);
    // The window that was not agreed upon is the largest, though the client uses a small one.
    let (_, mut server) = connect(bits.clone(), ignoring);
    let window = noise().into_iter().cycle().take(32_768).collect::<Vec<_>>();
    let stored = |octets: &[u8]| {
        let len = octets.len() as u16;
        [&[0][..], &len.to_le_bytes(), &(!len).to_le_bytes(), octets, &[0]].concat()
    };
    let frame = frame_for(Role::Server, 0xc2, &stored(&window));
    assert_eq!(feed(&mut server, &frame), (vec![Event::Binary(window.clone().into())], None));
    let frame = frame_for(Role::Server, 0xc2, &farthest());
    assert_eq!(feed(&mut server, &frame), (vec![Event::Binary(window[..3].into())], None));
    // A larger value than the hint is no error, and no reason to exceed it.
    for line in ["", "; client_max_window_bits=12", "; client_max_window_bits=15"] {
        let line = format!("permessage-deflate{line}");
        let mut client = open(bits.clone(), &[&line]).expect("valid").connection;
        assert_eq!(client.deflate().map(|agreed| agreed.client_max_window_bits.get()), Some(9));
        let noise = noise();
        assert!(payload(&mut client, &[&noise[..], &noise[..]].concat()).len() > 2900, "{line}");
    }
}

// 7692-7.2.2-16
#[test]
fn a_client_obeys_a_smaller_limit_than_its_hint() {
    let hint = with(|deflate| deflate.parameters.client_max_window_bits = ask(10));
    // The second half can be referred to within 1024 octets, not within 512.
    let half = &noise()[..700];
    for (line, kept) in [("client_max_window_bits=10", 700), ("client_max_window_bits=9", 1400)] {
        let line = format!("permessage-deflate; {line}");
        let mut client = open(hint.clone(), &[&line]).expect("valid").connection;
        let len = payload(&mut client, &[half, half].concat()).len();
        assert!((kept..kept + 60).contains(&len), "{line}: {len}");
    }
}

// 7692-5-20, 7692-7.1.2.1-02, 7692-7.1.2.2-03, 7692-7.1.2.1-08
#[test]
fn messages_pass_under_every_agreement() {
    let noise = noise();
    let text = b"Hello, hello, hello".repeat(40);
    for flags in 0..4 {
        for client_bits in 9..=15 {
            for server_bits in 9..=15 {
                let server = with(|deflate| {
                    let parameters = &mut deflate.parameters;
                    parameters.client_max_window_bits = ask(client_bits);
                    parameters.server_max_window_bits = ask(server_bits);
                    if flags & 1 != 0 {
                        parameters.client_no_context_takeover = Wish::Ask;
                    }
                    if flags & 2 != 0 {
                        parameters.server_no_context_takeover = Wish::Ask;
                    }
                });
                let (mut client, mut server) = connect(default(), server);
                let agreed = client.deflate().expect("agreed");
                assert_eq!(server.deflate(), Some(agreed));
                assert_eq!(agreed.client_max_window_bits.get(), client_bits);
                assert_eq!(agreed.server_max_window_bits.get(), server_bits);
                assert_eq!(agreed.client_no_context_takeover, flags & 1 != 0);
                assert_eq!(agreed.server_no_context_takeover, flags & 2 != 0);
                for message in [&text[..], &noise, &text, b"", &noise] {
                    pass(&mut client, &mut server, message);
                    pass(&mut server, &mut client, message);
                }
            }
        }
    }
}

fn pass(from: &mut Connection, to: &mut Connection, message: &[u8]) {
    let frame = frame_for(to.role(), 0xc2, &payload(from, message));
    let expected = vec![Event::Binary(message.to_vec().into())];
    assert_eq!(feed(to, &frame), (expected, None), "{:?}", to.deflate());
}

// 7692-5-08, 7692-5-13, 7692-5-15, 7692-5-17, 7692-7.1.3-01, 7692-4-02, 6455-4.2.2-16,
// 6455-4.2.2-17, 6455-4.2.2-18, 6455-4.2.2-26, 6455-9-02, 6455-9-03, 6455-9.1-06, 6455-9.1-12,
// 9110-5.6.3-01
#[test]
fn a_server_answers_in_one_line_or_not_at_all() {
    for (lines, expected) in [
        (&["permessage-deflate"][..], Some("permessage-deflate")),
        (&["permessage-deflate; client_max_window_bits"], Some("permessage-deflate")),
        (
            &["permessage-deflate; server_no_context_takeover; client_max_window_bits=12"],
            Some("permessage-deflate; server_no_context_takeover; client_max_window_bits=12"),
        ),
        (
            &["permessage-deflate; server_max_window_bits=\"15\""],
            Some("permessage-deflate; server_max_window_bits=15"),
        ),
        // Only what it knows of, and that once.
        (&["x-a, permessage-deflate, x-b; c=d"], Some("permessage-deflate")),
        (&["permessage-deflate, permessage-deflate"], Some("permessage-deflate")),
        (&[], None),
        (&["x-a"], None),
        (&["permessage-deflate; x-a"], None),
        (&["permessage-deflate; server_max_window_bits=8"], None),
    ] {
        let (value, mut server) = answer(default(), lines);
        assert_eq!(value.as_deref(), expected, "{lines:?}");
        assert_eq!(server.state(), State::Open);
        server.send("Hello").expect("open");
        let first = if expected.is_some() { 0xc1 } else { 0x81 };
        assert_eq!(sent(&mut server)[0].first, first, "{lines:?}");
        // Who has not asked for it answers nothing.
        let (value, server) = answer(config(None), lines);
        assert_eq!((value, server.deflate()), (None, None), "{lines:?}");
    }
}

// 7692-5-04, 7692-7-04, 6455-9.1-05, 6455-11.3.2-01
#[test]
fn lines_are_one_list_of_offers() {
    let (first, second) = ("permessage-deflate; server_max_window_bits=10", "permessage-deflate");
    let wrong = "permessage-deflate; server_max_window_bits=16";
    for (lines, expected) in [
        (&[first, second][..], first),
        (&[second, first], second),
        (&[wrong, first, second], first),
        (&[wrong, "x-a", "", second, first], second),
        (&["permessage-deflate; x, permessage-deflate; y", first], first),
    ] {
        assert_eq!(answer(default(), lines).0.as_deref(), Some(expected), "{lines:?}");
    }
    // A parameter does not go on in the next line.
    assert_eq!(
        serve(default(), &[second, "; server_max_window_bits=10"]).expect_err("malformed"),
        HandshakeError::InvalidExtensions
    );
}

// 7692-7-04, 7692-7-05, 7692-7-06, 7692-7-08, 6455-9.1-01; R19
#[test]
fn wrong_offers_are_declined_and_malformed_ones_refused() {
    for wrong in WRONG {
        let line = format!("permessage-deflate{wrong}");
        assert_eq!(answer(default(), &[&line]).0, None, "{line}");
    }
    for config in [default(), config(None)] {
        for malformed in MALFORMED {
            for lines in [&[malformed][..], &["permessage-deflate", malformed]] {
                // Empty elements are none, next to another.
                if lines.len() == 2 && malformed.trim_matches([' ', ',']).is_empty() {
                    continue;
                }
                let error = serve(config.clone(), lines).expect_err(malformed);
                assert_eq!(error, HandshakeError::InvalidExtensions, "{malformed}");
                assert_eq!(error.status(), Some(400));
            }
        }
    }
    for (text, meaning) in UNUSUAL {
        let value = answer(default(), &[text]).0.expect(text);
        assert_eq!(value, format!("permessage-deflate{meaning}"), "{text}");
    }
}

/// A request that an HTTP server has parsed: its fields, or those of an extended CONNECT.
fn from_http(version: HttpVersion, offer: &str, config: Config) -> Result<Upgrade, HandshakeError> {
    let connect = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "https"),
        (":path", "/"),
        (":authority", "server.example.com"),
        ("sec-websocket-version", "13"),
    ];
    let (method, fields) = match version {
        HttpVersion::Http11 => ("GET", &REQUEST[..]),
        _ => ("CONNECT", &connect[..]),
    };
    let offer = [("sec-websocket-extensions", offer)];
    let fields = fields.iter().chain(&offer).map(|(name, value)| (*name, value.as_bytes()));
    Upgrade::from_http(method, version, "/", fields, config)
}

const VERSIONS: [HttpVersion; 3] = [HttpVersion::Http11, HttpVersion::Http2, HttpVersion::Http3];

// 7692-5-08, 7692-5-17, 7692-7-08, 6455-4.2.2-16
#[test]
fn other_http_servers_write_the_answer() {
    for version in VERSIONS {
        let name = match version {
            HttpVersion::Http11 => "Sec-WebSocket-Extensions",
            _ => "sec-websocket-extensions",
        };
        for (offer, config, expected) in [
            (
                "x-a, permessage-deflate; server_max_window_bits=10",
                default(),
                Some("permessage-deflate; server_max_window_bits=10"),
            ),
            ("permessage-deflate; server_max_window_bits=8", default(), None),
            ("permessage-deflate", config(None), None),
        ] {
            let upgrade = from_http(version, offer, config).expect("valid");
            let promised = upgrade.deflate();
            assert_eq!(promised.map(|agreed| agreed.to_string()).as_deref(), expected);
            let acceptance = Acceptance::new().header("x", "y").expect("a field");
            let mut accepted = upgrade.accept_http(acceptance).expect("no subprotocol");
            let fields: Vec<_> = accepted
                .headers
                .iter()
                .filter(|(name, _)| name.eq_ignore_ascii_case(NAME))
                .map(|(name, value)| (name.to_owned(), value.to_vec()))
                .collect();
            let expected_fields = expected.map(|value| (name.to_owned(), value.into()));
            assert_eq!(fields, Vec::from_iter(expected_fields), "{version:?}, {offer}");
            assert_eq!(accepted.headers.get("x"), Some(&b"y"[..]));
            assert_eq!(accepted.connection.deflate(), promised);
            assert!(accepted.connection.output().is_empty());
            accepted.connection.send("Hello").expect("open");
            let first = if expected.is_some() { 0xc1 } else { 0x81 };
            assert_eq!(sent(&mut accepted.connection)[0].first, first);
        }
        let error = from_http(version, "permessage-deflate;", default()).expect_err("malformed");
        assert_eq!(error, HandshakeError::InvalidExtensions);
        assert_eq!(error.rejection().expect("an answer").status(), 400);
    }
}

// 7692-5-01, 7692-5-02, 7692-5-03, 7692-7.1.1.1-01, 7692-7.1.1.2-01, 7692-7.1.2.1-01,
// 7692-7.1.2.2-01, 7692-4-02, 6455-4.1-44, 6455-9-01, 6455-9.1-09, 6455-9.2-01, 9110-5.6.3-01
#[test]
fn a_client_offers_in_one_line() {
    let everything = with(|deflate| {
        deflate.fallbacks = vec![deflate.parameters; 2];
        deflate.parameters.server_no_context_takeover = Wish::Ask;
        deflate.parameters.client_no_context_takeover = Wish::Ask;
        deflate.parameters.server_max_window_bits = ask(10);
        deflate.parameters.client_max_window_bits = ask(11);
        deflate.fallbacks[0].server_max_window_bits = ask(12);
        deflate.fallbacks[1].client_max_window_bits = BitsWish::Refuse;
    });
    let impossible = with(|deflate| deflate.parameters.client_max_window_bits = ask(8));
    for (config, expected) in [
        (config(None), None),
        (default(), Some("permessage-deflate; client_max_window_bits")),
        (
            everything,
            Some(
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                 server_max_window_bits=10; client_max_window_bits=11, \
                 permessage-deflate; server_max_window_bits=12; client_max_window_bits, \
                 permessage-deflate",
            ),
        ),
        (impossible, None),
    ] {
        assert_eq!(start(config.clone()).2.as_deref(), expected);
        let request = ClientRequest::new("wss://server.example.com/").expect("a URI");
        let fields = request.connect_fields(&config);
        let fields: Vec<_> =
            fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(NAME)).collect();
        let field = expected.map(|offer| ("sec-websocket-extensions".to_owned(), offer.into()));
        assert_eq!(fields, Vec::from_iter(&field));
    }
}

/// Opens a client over HTTP/1.1, and over HTTP/2; both must come to the same.
fn open_both(config: &Config, lines: &[&str]) -> Result<Connection, HandshakeError> {
    let request = ClientRequest::new("wss://server.example.com/").expect("a URI");
    let fields = lines.iter().map(|line| ("sec-websocket-extensions", line.as_bytes()));
    let connected = request.connected(200, fields, config.clone(), SEED);
    let opened = open(config.clone(), lines);
    match (opened, connected) {
        (Ok(opened), Ok(connected)) => {
            assert_eq!(opened.connection.deflate(), connected.connection.deflate());
            Ok(opened.connection)
        }
        (Err(error), Err(other)) => {
            assert_eq!(error, other);
            Err(error)
        }
        results => panic!("{results:?}"),
    }
}

// 7692-5-11, 7692-5-14, 7692-5-16, 7692-5-18, 7692-5-19, 7692-7-01, 7692-7-09, 7692-7-10, 7692-7-11,
// 6455-9.1-02, 6455-9.1-11, 6455-9.1-13, 6455-11.3.2-02, 6455-4.1-61; R19
#[test]
fn a_client_judges_the_response() {
    for (lines, expected) in [
        (&["permessage-deflate"][..], Ok(Some("permessage-deflate"))),
        (
            &["permessage-deflate; client_max_window_bits=\"9\"; server_no_context_takeover"],
            Ok(Some("permessage-deflate; server_no_context_takeover; client_max_window_bits=9")),
        ),
        (&["", "permessage-deflate"], Ok(Some("permessage-deflate"))),
        (
            &["permessage-deflate; client_max_window_bits=8"],
            Ok(Some("permessage-deflate; client_max_window_bits=8")),
        ),
        (&[], Ok(None)),
        (&[""], Err(HandshakeError::InvalidExtensions)),
        (&["permessage-deflate, permessage-deflate"], Err(HandshakeError::UnexpectedExtension)),
        (&["permessage-deflate", "permessage-deflate"], Err(HandshakeError::UnexpectedExtension)),
        (&["permessage-deflate, x-a"], Err(HandshakeError::UnexpectedExtension)),
        (&["permessage-deflate", "x-a"], Err(HandshakeError::UnexpectedExtension)),
        (&["x-a", "permessage-deflate"], Err(HandshakeError::UnexpectedExtension)),
        (&["x-a"], Err(HandshakeError::UnexpectedExtension)),
        (&["Permessage-Deflate"], Err(HandshakeError::UnexpectedExtension)),
        (&["permessage-deflate", "permessage-deflate;"], Err(HandshakeError::InvalidExtensions)),
    ] {
        let opened = open_both(&default(), lines);
        let agreed = opened.map(|connection| connection.deflate().map(|agreed| agreed.to_string()));
        assert_eq!(agreed, expected.map(|agreed| agreed.map(str::to_owned)), "{lines:?}");
    }
    for wrong in WRONG.iter().chain(&["; client_max_window_bits"]) {
        let line = format!("permessage-deflate{wrong}");
        let error = open_both(&default(), &[&line]).expect_err(&line);
        assert_eq!(error, HandshakeError::InvalidDeflate, "{line}");
        assert_eq!(error.status(), None);
    }
    for malformed in MALFORMED {
        let error = open_both(&default(), &[malformed]).expect_err(malformed);
        assert_eq!(error, HandshakeError::InvalidExtensions, "{malformed}");
    }
}

// 7692-5-19, 6455-4.1-61
#[test]
fn nothing_was_offered() {
    let error = open_both(&config(None), &["permessage-deflate"]).expect_err("unasked");
    assert_eq!(error, HandshakeError::UnexpectedExtension);
    let impossible = with(|deflate| deflate.parameters.client_max_window_bits = ask(8));
    let error = open_both(&impossible, &["permessage-deflate"]).expect_err("unasked");
    assert_eq!(error, HandshakeError::InvalidDeflate);
    assert_eq!(open_both(&impossible, &[]).expect("declined").deflate(), None);
}

// 7692-5.1-01, 7692-7-12, 6455-4.1-61
#[test]
fn a_response_that_is_not_wanted_fails_the_handshake() {
    let refusing = with(|deflate| {
        deflate.parameters.server_no_context_takeover = Wish::Refuse;
        deflate.parameters.client_no_context_takeover = Wish::Refuse;
        deflate.parameters.server_max_window_bits = BitsWish::Refuse;
        deflate.parameters.client_max_window_bits = BitsWish::Refuse;
    });
    for unwanted in [
        "server_no_context_takeover",
        "client_no_context_takeover",
        "server_max_window_bits=15",
        "client_max_window_bits=15",
    ] {
        let line = format!("permessage-deflate; {unwanted}");
        let error = open_both(&refusing, &[&line]).expect_err(unwanted);
        assert_eq!(error, HandshakeError::InvalidDeflate, "{unwanted}");
    }
    let connection = open_both(&refusing, &["permessage-deflate"]).expect("valid");
    assert_eq!(connection.deflate(), Some(AgreedParameters::default()));
}

/// Everything that must not be done without an agreement.
fn stays_plain(mut connection: Connection) {
    let role = connection.role();
    assert_eq!((connection.state(), connection.deflate()), (State::Open, None));
    let text = "Hello".repeat(1000);
    connection.send(&*text).expect("open");
    let frames = sent(&mut connection);
    assert_eq!((frames[0].first, frames[0].payload.len()), (0x81, text.len()));
    let (events, error) = feed(&mut connection, &frame_for(role, 0x81, b"Hello"));
    assert_eq!((events, error), (vec![Event::Text("Hello".into())], None));
    let (events, error) = feed(&mut connection, &frame_for(role, 0xc1, &hex("f248cdc9c90700")));
    assert_eq!((events, error), (vec![], Some(ProtocolError::ReservedBits)));
    assert_eq!(u16::from(connection.sent_close().expect("the peer is told").code), 1002);
}

// CVE-2026-59881, aiohttp: a client inflated what came though the server had not agreed to it.
// 7692-5-18, 6455-9.1-08; R20
#[test]
fn r20_without_an_agreement_nothing_is_compressed_or_inflated() {
    stays_plain(open_both(&default(), &[]).expect("declined"));
    stays_plain(open_both(&config(None), &[]).expect("not offered"));
    for (config, lines) in [
        (default(), &[][..]),
        (default(), &["permessage-deflate; server_max_window_bits=8"]),
        (default(), &["permessage-deflate; x"]),
        (default(), &["x-webkit-deflate-frame"]),
        (config(None), &["permessage-deflate"]),
    ] {
        stays_plain(answer(config, lines).1);
    }
    // A refusal on both sides, by machines of this crate.
    let asking = with(|deflate| deflate.parameters.server_no_context_takeover = Wish::Ask);
    let refusing = with(|deflate| deflate.parameters.server_no_context_takeover = Wish::Refuse);
    let (client, server) = connect(asking, refusing);
    stays_plain(client);
    stays_plain(server);
}

// CVE-2026-2229, undici (and apollographql/graphql-testing-library#173, which has it from there): a
// server that answers a window out of range ends the client's process.
// 7692-7-10, 7692-7.1.2.1-07, 7692-7.1.2.2-07; R19
#[test]
fn r19_windows_out_of_range_fail_the_client() {
    for name in ["server_max_window_bits", "client_max_window_bits"] {
        for value in
            ["0", "1", "7", "16", "17", "31", "47", "255", "256", "1000", "999999999999999999999"]
        {
            let line = format!("permessage-deflate; {name}={value}");
            let error = open_both(&default(), &[&line]).expect_err(&line);
            assert_eq!(error, HandshakeError::InvalidDeflate, "{line}");
            assert_eq!(answer(default(), &[&line]).0, None, "{line}");
        }
    }
}

// madler/zlib#171, python-websockets/websockets#1757 and #1768, oven-sh/bun#38632, netty/netty#8702,
// crossbario/autobahn-python#1018: a compressor of raw DEFLATE cannot be made with a window of 8
// bits. Those who agree to it fail at the first message, or write with 9 bits.
// 7692-5-09, 7692-7-07, 7692-7-12, 7692-7.1.2.2-03; R19
#[test]
fn r19_nobody_compresses_with_a_window_of_8_bits() {
    let eight = "permessage-deflate; server_max_window_bits=8";
    assert_eq!(answer(default(), &[eight]).0, None);
    let next = "permessage-deflate; server_no_context_takeover";
    assert_eq!(answer(default(), &[eight, next]).0.as_deref(), Some(next));
    // Nor when it is this server's own idea.
    let own = with(|deflate| deflate.parameters.server_max_window_bits = ask(8));
    for offer in ["permessage-deflate", "permessage-deflate; server_max_window_bits=9"] {
        assert_eq!(answer(own.clone(), &[offer]).0, None);
    }
    // A client that leaves the choice to the server may be told to: it sends uncompressed.
    let demanded = open_both(&default(), &["permessage-deflate; client_max_window_bits=8"]);
    let mut client = demanded.expect("legal");
    let text = "Hello".repeat(1000);
    client.send(&*text).expect("open");
    let frames = sent(&mut client);
    assert_eq!((frames[0].first, frames[0].payload.len()), (0x81, text.len()));
    // The other side may, if it can.
    let line = "permessage-deflate; client_max_window_bits=8";
    let (value, mut server) = answer(default(), &[line]);
    assert_eq!(value.as_deref(), Some(line));
    let (events, error) = feed(&mut server, &frame_for(Role::Server, 0xc1, &hex("f248cdc9c90700")));
    assert_eq!((events, error), (vec![Event::Text("Hello".into())], None));
    let mut client = open_both(&default(), &[eight]).expect("valid");
    let (events, error) = feed(&mut client, &frame_for(Role::Client, 0xc1, &hex("f248cdc9c90700")));
    assert_eq!((events, error), (vec![Event::Text("Hello".into())], None));
    pass(&mut client, &mut server, b"Hello");
}

// A legal answer to every offer that allows for a limit, whatever else was agreed upon
// 7692-7.1.2.2-03, 7692-7-12
#[test]
fn a_client_that_is_told_to_use_8_bits_sends_uncompressed() {
    let long = "Hello, hello, hello. ".repeat(50);
    for hint in [None, Some(9), Some(15)] {
        for flags in 0..4 {
            for server_bits in [9, 15] {
                let client = with(|deflate| {
                    if let Some(hint) = hint {
                        deflate.parameters.client_max_window_bits = ask(hint);
                    }
                });
                let server = with(|deflate| {
                    let parameters = &mut deflate.parameters;
                    parameters.client_max_window_bits = ask(8);
                    parameters.server_max_window_bits = ask(server_bits);
                    if flags & 1 != 0 {
                        parameters.client_no_context_takeover = Wish::Ask;
                    }
                    if flags & 2 != 0 {
                        parameters.server_no_context_takeover = Wish::Ask;
                    }
                });
                let (mut client, mut server) = connect(client, server);
                for end in [&client, &server] {
                    let agreed = end.deflate().expect("agreed");
                    assert_eq!(agreed.client_max_window_bits.get(), 8);
                    assert_eq!(agreed.server_max_window_bits.get(), server_bits);
                }
                let prepared = PreparedMessage::new(&*long, &DeflateConfig::default());
                assert!(client.has_room(long.len()));
                for payload in [Payload::from(&*long), Payload::from("a"), Payload::from(&prepared)]
                {
                    client.send(payload.clone()).expect("open");
                    let frames = sent(&mut client);
                    assert_eq!((frames.len(), frames[0].first), (1, 0x81));
                    assert_eq!(frames[0].payload, payload.as_bytes());
                }
                client.send_fragment(&*long, false).expect("open");
                client.send_fragment(&*long, true).expect("open");
                let firsts: Vec<u8> = sent(&mut client).iter().map(|frame| frame.first).collect();
                assert_eq!(firsts, [0x01, 0x80]);
                // It understands what the server compresses, twice for the context.
                for _ in 0..2 {
                    pass(&mut server, &mut client, long.as_bytes());
                }
            }
        }
    }
    // Without an offer it is no answer.
    let refusing = with(|deflate| deflate.parameters.client_max_window_bits = BitsWish::Refuse);
    let line = "permessage-deflate; client_max_window_bits=8";
    assert_eq!(open_both(&refusing, &[line]).expect_err("unasked"), HandshakeError::InvalidDeflate);
}

// oven-sh/bun#41629: a request for 8 bits is answered with 9, parameters that are repeated or
// unknown are accepted, and server_no_context_takeover is not complied with.
// 7692-7-04, 7692-7-06, 7692-7.1.1.1-04, 7692-7.1.2.1-05; R19
#[test]
fn r19_a_server_does_what_it_is_asked_or_declines() {
    for (offer, expected) in [
        ("; server_max_window_bits=8", None),
        ("; server_max_window_bits=9; server_max_window_bits=9", None),
        ("; server_no_context_takeover; server_no_context_takeover", None),
        ("; unknown", None),
        ("; server_max_window_bits=9", Some("; server_max_window_bits=9")),
        ("; server_no_context_takeover", Some("; server_no_context_takeover")),
    ] {
        let expected = expected.map(|parameters| format!("permessage-deflate{parameters}"));
        let offer = format!("permessage-deflate{offer}");
        assert_eq!(answer(default(), &[&offer]).0, expected, "{offer}");
    }
    let (_, mut server) = answer(default(), &["permessage-deflate; server_no_context_takeover"]);
    let payloads = [(); 3].map(|()| payload(&mut server, b"Hello"));
    assert_eq!(payloads, [(); 3].map(|()| hex("f248cdc9c90700")));
}

// What the application knows of a request may decide.
#[test]
fn compression_is_chosen_for_a_connection() {
    let offer = ["permessage-deflate; client_max_window_bits"];
    let accepted = |config: Config, acceptance: Acceptance| {
        let upgrade = serve(config, &offer).expect("valid");
        let accepted = upgrade.accept_http(acceptance).expect("no subprotocol");
        let line = accepted.headers.get("Sec-WebSocket-Extensions").map(<[u8]>::to_vec);
        (line, accepted.connection.deflate())
    };
    let small = with(|deflate| deflate.parameters.client_max_window_bits = ask(10));
    let small = small.deflate.expect("compression is asked for");
    let line = b"permessage-deflate; client_max_window_bits=10";
    for config in [Config::default(), default()] {
        assert_eq!(accepted(config.clone(), Acceptance::new().deflate(None)), (None, None));
        let (found, agreed) = accepted(config, Acceptance::new().deflate(small.clone()));
        assert_eq!(found.as_deref(), Some(&line[..]));
        assert_eq!(agreed.expect("agreed").client_max_window_bits.get(), 10);
    }
}

// 7692-5-11: the response may answer any of the offers
#[test]
fn a_client_keeps_to_what_it_said_in_any_offer() {
    let config = with(|deflate| {
        deflate.fallbacks = vec![deflate.parameters];
        deflate.fallbacks[0].client_no_context_takeover = Wish::Ask;
        deflate.fallbacks[0].client_max_window_bits = ask(10);
    });
    let client = open(config, &["permessage-deflate"]).expect("valid").connection;
    let agreed = client.deflate().expect("agreed");
    assert!(agreed.client_no_context_takeover);
    assert_eq!(agreed.client_max_window_bits.get(), 10);
}
