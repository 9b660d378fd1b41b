//! The negotiation from header text to agreed parameters (RFC 7692 §5, §7, §7.1), against a model
//! that is written from the standard and from the documentation of `Parameters`.

use framewise::deflate::{
    AgreedParameters, BitsWish, DeflateConfig, NegotiationError, Parameters, WindowBits, Wish,
};
use proptest::prelude::*;

/// One permessage-deflate in a header. What may be absent is an `Option`, a parameter that may have
/// no value is one in another.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Element {
    server_takeover_off: bool,
    client_takeover_off: bool,
    server_bits: Option<u8>,
    client_bits: Option<Option<u8>>,
}

impl Element {
    fn text(self) -> String {
        let mut text = "permessage-deflate".to_owned();
        if self.server_takeover_off {
            text += "; server_no_context_takeover";
        }
        if self.client_takeover_off {
            text += "; client_no_context_takeover";
        }
        if let Some(bits) = self.server_bits {
            text += &format!("; server_max_window_bits={bits}");
        }
        match self.client_bits {
            None => {}
            Some(None) => text += "; client_max_window_bits",
            Some(Some(bits)) => text += &format!("; client_max_window_bits={bits}"),
        }
        text
    }

    /// The same in another order.
    fn backwards(self) -> String {
        let text = self.text();
        let mut parts: Vec<&str> = text.split("; ").collect();
        parts[1..].reverse();
        parts.join(";")
    }

    /// What a response means, as numbers.
    fn agreement(self) -> Agreement {
        Agreement {
            server: (self.server_bits.unwrap_or(15), !self.server_takeover_off),
            client: (self.client_bits.flatten().unwrap_or(15), !self.client_takeover_off),
        }
    }
}

/// The window and the context takeover of each direction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Agreement {
    server: (u8, bool),
    client: (u8, bool),
}

impl From<AgreedParameters> for Agreement {
    fn from(agreed: AgreedParameters) -> Self {
        Self {
            server: (agreed.server_max_window_bits.get(), !agreed.server_no_context_takeover),
            client: (agreed.client_max_window_bits.get(), !agreed.client_no_context_takeover),
        }
    }
}

/// Every offer, and every response, that the grammar has. In a response a limit has a value, but
/// that is for the reader to find out.
fn elements() -> Vec<Element> {
    let mut elements = Vec::new();
    for flags in 0..4 {
        for server_bits in [None].into_iter().chain((8..=15).map(Some)) {
            for client_bits in [None, Some(None)].into_iter().chain((8..=15).map(Some).map(Some)) {
                elements.push(Element {
                    server_takeover_off: flags & 1 != 0,
                    client_takeover_off: flags & 2 != 0,
                    server_bits,
                    client_bits,
                });
            }
        }
    }
    elements
}

fn bits(number: u8) -> WindowBits {
    WindowBits::new(number).expect("8 to 15")
}

/// Every configuration, with some limits.
fn configurations() -> Vec<Parameters> {
    const FLAGS: [Wish; 3] = [Wish::Allow, Wish::Ask, Wish::Refuse];
    let limits: Vec<BitsWish> = [8, 9, 10, 15]
        .map(|limit| BitsWish::Ask(bits(limit)))
        .into_iter()
        .chain([BitsWish::Allow, BitsWish::Refuse])
        .collect();
    let mut all = Vec::new();
    for server_flag in FLAGS {
        for client_flag in FLAGS {
            for server_limit in &limits {
                for client_limit in &limits {
                    let mut parameters = Parameters::default();
                    parameters.server_no_context_takeover = server_flag;
                    parameters.client_no_context_takeover = client_flag;
                    parameters.server_max_window_bits = *server_limit;
                    parameters.client_max_window_bits = *client_limit;
                    all.push(parameters);
                }
            }
        }
    }
    all
}

fn config(own: &[Parameters]) -> DeflateConfig {
    let mut config = DeflateConfig::default();
    config.parameters = own[0];
    config.fallbacks = own[1..].to_vec();
    config
}

/// The limit that is asked for.
fn limit(wish: BitsWish) -> Option<u8> {
    match wish {
        BitsWish::Ask(bits) => Some(bits.get()),
        BitsWish::Allow | BitsWish::Refuse => None,
    }
}

/// The answer of a server, `None` when it declines.
fn answer(own: &Parameters, offer: Element) -> Option<Element> {
    let declined = [
        own.server_no_context_takeover == Wish::Refuse && offer.server_takeover_off,
        own.server_max_window_bits == BitsWish::Refuse && offer.server_bits.is_some(),
        // "MUST NOT include the parameter" when the offer has not (§7.1.2.2).
        limit(own.client_max_window_bits).is_some() && offer.client_bits.is_none(),
        // No compressor has a window of 256 octets.
        offer.server_bits == Some(8),
        limit(own.server_max_window_bits) == Some(8),
    ];
    if declined.contains(&true) {
        return None;
    }
    let server_limit = limit(own.server_max_window_bits).into_iter().chain(offer.server_bits).min();
    let hint = offer.client_bits.flatten();
    let client_limit = match own.client_max_window_bits {
        BitsWish::Allow => hint,
        BitsWish::Ask(_) => limit(own.client_max_window_bits).into_iter().chain(hint).min(),
        BitsWish::Refuse => None,
    };
    Some(Element {
        server_takeover_off: offer.server_takeover_off
            || own.server_no_context_takeover == Wish::Ask,
        client_takeover_off: match own.client_no_context_takeover {
            Wish::Allow => offer.client_takeover_off,
            Wish::Ask => true,
            Wish::Refuse => false,
        },
        // A limit is accepted by naming one (§7.1.2.1). Unasked, the largest says nothing.
        server_bits: server_limit.filter(|limit| offer.server_bits.is_some() || *limit < 15),
        client_bits: client_limit.filter(|limit| *limit < 15).map(Some),
    })
}

/// The offer of a client, if it makes one.
fn offer(own: &Parameters) -> Option<Element> {
    let client_bits = match own.client_max_window_bits {
        BitsWish::Allow => Some(None),
        BitsWish::Ask(limit) if limit.get() == 8 => return None,
        BitsWish::Ask(limit) => Some(Some(limit.get())),
        BitsWish::Refuse => None,
    };
    Some(Element {
        server_takeover_off: own.server_no_context_takeover == Wish::Ask,
        client_takeover_off: own.client_no_context_takeover == Wish::Ask,
        server_bits: limit(own.server_max_window_bits),
        client_bits,
    })
}

/// What a client takes a response for; `None` when it fails the handshake.
fn agreement(own: &Parameters, response: Element) -> Option<Agreement> {
    let offer = offer(own)?;
    let invalid = [
        response.client_bits == Some(None),
        response.client_bits.is_some() && offer.client_bits.is_none(),
        offer.server_takeover_off && !response.server_takeover_off,
        offer.server_bits.is_some_and(|asked| response.server_bits.is_none_or(|is| is > asked)),
    ];
    let unwanted = [
        own.server_no_context_takeover == Wish::Refuse && response.server_takeover_off,
        own.client_no_context_takeover == Wish::Refuse && response.client_takeover_off,
        own.server_max_window_bits == BitsWish::Refuse && response.server_bits.is_some(),
    ];
    if invalid.contains(&true) || unwanted.contains(&true) {
        return None;
    }
    let mut agreement = response.agreement();
    // A client keeps to its hints.
    let hint = offer.client_bits.flatten().unwrap_or(15);
    agreement.client.0 = agreement.client.0.min(hint);
    agreement.client.1 &= !offer.client_takeover_off;
    Some(agreement)
}

/// Whether the standard allows a response to this offer, whatever the server wants.
fn is_lawful(offer: Element, response: Element) -> bool {
    let server_flag = response.server_takeover_off || !offer.server_takeover_off;
    let server_limit = match (offer.server_bits, response.server_bits) {
        (Some(asked), Some(bits)) => bits <= asked,
        (Some(_), None) => false,
        (None, _) => true,
    };
    let client_limit = match (offer.client_bits, response.client_bits) {
        (_, None) => true,
        (None, Some(_)) | (_, Some(None)) => false,
        (Some(hint), Some(Some(bits))) => hint.is_none_or(|hint| bits <= hint),
    };
    server_flag && server_limit && client_limit
}

// 7692-5-08, 7692-5-09, 7692-5-10, 7692-5-12, 7692-5-17, 7692-7-02, 7692-7-07, 7692-7.1.1.1-02,
// 7692-7.1.1.1-04, 7692-7.1.1.1-06, 7692-7.1.1.1-07, 7692-7.1.1.2-03, 7692-7.1.1.2-04,
// 7692-7.1.1.2-05, 7692-7.1.2.1-02, 7692-7.1.2.1-03, 7692-7.1.2.1-05, 7692-7.1.2.1-07,
// 7692-7.1.2.1-08, 7692-7.1.2.2-02, 7692-7.1.2.2-05, 7692-7.1.2.2-06, 7692-7.1.2.2-07,
// 7692-7.1.2.2-08, 6455-9-04, 6455-9.1-07; R19
#[test]
fn every_server_answers_every_offer() {
    let offers: Vec<_> =
        elements().into_iter().map(|offer| (offer, offer.text(), offer.backwards())).collect();
    for own in configurations() {
        let config = config(&[own]);
        for (offer, text, backwards) in &offers {
            let agreed = config.respond(text.as_bytes()).expect("well-formed");
            let expected = answer(&own, *offer);
            assert_eq!(
                config.response(text.as_bytes()).expect("well-formed"),
                expected.map(Element::text),
                "{own:?}, {text}"
            );
            assert_eq!(agreed.map(Agreement::from), expected.map(Element::agreement), "{text}");
            assert_eq!(config.respond(backwards.as_bytes()), Ok(agreed), "{backwards}");
            if let Some(expected) = expected {
                assert!(is_lawful(*offer, expected), "{own:?}, {text}");
            }
        }
    }
}

// 7692-5-01, 7692-5-05, 7692-5-07, 7692-7.1.1.1-01, 7692-7.1.1.2-01, 7692-7.1.2.1-01,
// 7692-7.1.2.1-02, 7692-7.1.2.2-01, 7692-7.1.2.2-02, 6455-9.1-06, 6455-9.1-07
#[test]
fn every_client_offers_what_it_wants() {
    for own in configurations() {
        assert_eq!(config(&[own]).offer(), offer(&own).map(Element::text), "{own:?}");
    }
    assert_eq!(
        DeflateConfig::default().offer().as_deref(),
        Some("permessage-deflate; client_max_window_bits")
    );
}

// 7692-5-11, 7692-5-19, 7692-5.1-01, 7692-7-10, 7692-7-12, 7692-7.1.1.1-02, 7692-7.1.1.1-05,
// 7692-7.1.1.1-08, 7692-7.1.1.2-02, 7692-7.1.1.2-04, 7692-7.1.1.2-05, 7692-7.1.1.2-07,
// 7692-7.1.2.1-06, 7692-7.1.2.1-08, 7692-7.1.2.2-03, 7692-7.1.2.2-04, 7692-7.1.2.2-09,
// 7692-7.1.2.2-10, 6455-9-04; R19
#[test]
fn every_client_judges_every_response() {
    let responses: Vec<_> =
        elements().into_iter().map(|response| (response, response.text())).collect();
    for own in configurations() {
        let config = config(&[own]);
        for (response, text) in &responses {
            let expected = agreement(&own, *response);
            let result = config.confirm(text.as_bytes());
            match (expected, result) {
                (Some(expected), Ok(Some(agreed))) => {
                    assert_eq!(Agreement::from(agreed), expected, "{own:?}, {text}");
                }
                (None, Err(error)) => assert_eq!(error, NegotiationError::InvalidParameters),
                (_, result) => panic!("{result:?} of {text} for {own:?}"),
            }
        }
        assert_eq!(config.confirm(b""), Ok(None));
    }
}

// 7692-5-20, 7692-7-12, 7692-7.1.2.1-05, 7692-7.1.2.1-08; R19
#[test]
fn every_client_understands_every_server() {
    let all = configurations();
    for client in &all {
        let client_config = config(&[*client]);
        let Some(offer) = client_config.offer() else { continue };
        for server in &all {
            let server_config = config(&[*server]);
            let Some(told) = server_config.respond(offer.as_bytes()).expect("well-formed") else {
                continue;
            };
            let answer = server_config.response(offer.as_bytes()).expect("well-formed");
            let answer = answer.expect("accepted");
            let result = client_config.confirm(answer.as_bytes());
            let is = |wish| wish == Wish::Ask;
            let client_fails = [
                client.client_no_context_takeover == Wish::Refuse
                    && is(server.client_no_context_takeover),
                client.server_no_context_takeover == Wish::Refuse
                    && is(server.server_no_context_takeover),
                client.server_max_window_bits == BitsWish::Refuse
                    && limit(server.server_max_window_bits).is_some_and(|limit| limit < 15),
            ];
            if client_fails.contains(&true) {
                assert_eq!(
                    result,
                    Err(NegotiationError::InvalidParameters),
                    "{offer} and {answer}"
                );
                continue;
            }
            let understood = result.expect(&answer).expect("an answer");
            let (understood, told) = (Agreement::from(understood), Agreement::from(told));
            assert_eq!(understood.server, told.server, "{offer} and {answer}");
            // The client may keep to more than it was told to, never to less.
            assert!(understood.client.0 <= told.client.0, "{offer} and {answer}");
            assert!(understood.client.1 <= told.client.1, "{offer} and {answer}");
        }
    }
}

// 7692-7.1.2.1-05, 7692-7.1.2.1-06
#[test]
fn a_limit_that_is_none_is_answered_too() {
    let mut client = DeflateConfig::default();
    client.parameters.server_max_window_bits = BitsWish::Ask(bits(15));
    let offer = client.offer().expect("an offer");
    assert_eq!(offer, "permessage-deflate; server_max_window_bits=15; client_max_window_bits");
    let told = DeflateConfig::default().respond(offer.as_bytes()).expect("well-formed");
    let answer = respond(&offer).expect("well-formed").expect("accepted");
    assert_eq!(answer, "permessage-deflate; server_max_window_bits=15");
    assert_eq!(client.confirm(answer.as_bytes()), Ok(told));
    assert_eq!(told, Some(AgreedParameters::default()));
    assert_eq!(client.confirm(b"permessage-deflate"), Err(NegotiationError::InvalidParameters));
    // What is agreed does not know how it was said.
    assert_eq!(AgreedParameters::default().to_string(), "permessage-deflate");
    let mut smaller = AgreedParameters::default();
    smaller.server_max_window_bits = bits(12);
    assert_eq!(smaller.to_string(), "permessage-deflate; server_max_window_bits=12");
}

/// Extensions that no server knows.
const STRANGERS: [&str; 8] = [
    "x-a",
    "Permessage-Deflate",
    "PERMESSAGE-DEFLATE; client_max_window_bits",
    "permessage-deflate2",
    "permessage_deflate",
    "x-permessage-deflate",
    "x-webkit-deflate-frame; no_context_takeover",
    "permessage-foo; x=\"10\"",
];

/// Parameters that are well-formed and still wrong, in offers and responses.
pub(crate) const WRONG: [&str; 62] = [
    // Not defined.
    "; foo",
    "; x=1",
    "; server_no_context_takeovers",
    "; server_no_context_takeove",
    "; max_window_bits=10",
    "; no_context_takeover",
    "; c2s_max_window_bits=10",
    "; mem_level=8",
    "; server_no_context_takeover; foo",
    "; foo; server_no_context_takeover",
    "; server-max-window-bits=10",
    "; Server_no_context_takeover",
    "; CLIENT_NO_CONTEXT_TAKEOVER",
    "; Server_Max_Window_Bits=10",
    "; client_max_window_bitS=10",
    // A value where there is none.
    "; server_no_context_takeover=1",
    "; server_no_context_takeover=true",
    "; server_no_context_takeover=\"true\"",
    "; server_no_context_takeover=server_no_context_takeover",
    "; client_no_context_takeover=true",
    "; client_no_context_takeover=0",
    "; client_no_context_takeover=\"\\0\"",
    // None where there is one.
    "; server_max_window_bits",
    // Not 8 to 15.
    "; server_max_window_bits=0",
    "; server_max_window_bits=1",
    "; server_max_window_bits=7",
    "; server_max_window_bits=16",
    "; server_max_window_bits=32768",
    "; server_max_window_bits=266",
    "; server_max_window_bits=65546",
    "; server_max_window_bits=4294967306",
    "; server_max_window_bits=18446744073709551626",
    "; server_max_window_bits=\"16\"",
    "; server_max_window_bits=\"\\1\\6\"",
    "; client_max_window_bits=0",
    "; client_max_window_bits=7",
    "; client_max_window_bits=16",
    "; client_max_window_bits=100",
    "; client_max_window_bits=266",
    "; client_max_window_bits=\"7\"",
    // Not 1*DIGIT without leading zeros.
    "; server_max_window_bits=08",
    "; server_max_window_bits=010",
    "; server_max_window_bits=\"010\"",
    "; server_max_window_bits=1a",
    "; server_max_window_bits=a",
    "; server_max_window_bits=-8",
    "; server_max_window_bits=+9",
    "; server_max_window_bits=10.0",
    "; server_max_window_bits=0xa",
    "; server_max_window_bits=1e1",
    "; server_max_window_bits=true",
    "; client_max_window_bits=015",
    "; client_max_window_bits=00000000000000000000000000000000010",
    "; client_max_window_bits=+10",
    "; client_max_window_bits='10'",
    // Twice.
    "; server_no_context_takeover; server_no_context_takeover",
    "; client_no_context_takeover; client_no_context_takeover",
    "; server_max_window_bits=10; server_max_window_bits=10",
    "; server_max_window_bits=10; client_no_context_takeover; server_max_window_bits=\"11\"",
    "; client_max_window_bits=10; client_max_window_bits=10",
    "; client_max_window_bits; client_max_window_bits=10",
    "; client_max_window_bits; client_max_window_bits",
];

/// What is not even a list of extensions.
pub(crate) const MALFORMED: [&str; 30] = [
    ",",
    " , ,",
    "permessage-deflate;",
    "permessage-deflate; ",
    "permessage-deflate;;",
    "permessage-deflate; ; client_max_window_bits",
    "permessage-deflate; =10",
    "permessage-deflate; server_max_window_bits=",
    "permessage-deflate; server_max_window_bits= ; client_max_window_bits",
    "permessage-deflate; server_max_window_bits=\"\"",
    "permessage-deflate; server_max_window_bits=\"10",
    "permessage-deflate; server_max_window_bits=10\"",
    "permessage-deflate; server_max_window_bits=\"10\"0",
    "permessage-deflate; server_max_window_bits=\"1 0\"",
    "permessage-deflate; server_max_window_bits=\" 10\"",
    "permessage-deflate; server_max_window_bits=\"10\\\"",
    "permessage-deflate; server_max_window_bits=\"1\\\"0\"",
    "permessage-deflate; server_max_window_bits=\\10",
    "permessage-deflate; server_max_window_bits==10",
    "permessage-deflate; server_max_window_bits=10=10",
    "permessage-deflate; server_max_window_bits=10 11",
    "permessage-deflate; server_max_window_bits=(10)",
    "permessage-deflate; server_max_window_bits=\u{661}\u{660}",
    "permessage-deflate; server_max_window_bits 10",
    "permessage-deflate client_max_window_bits",
    "permessage-deflate=1",
    "\"permessage-deflate\"",
    "; client_max_window_bits",
    // Something good is in front of it.
    "permessage-deflate, ;",
    "permessage-deflate, permessage-deflate; server_max_window_bits=",
];

/// Unusual ways to write what is right, and their meaning.
pub(crate) const UNUSUAL: [(&str, &str); 12] = [
    ("permessage-deflate;server_max_window_bits=10", "; server_max_window_bits=10"),
    ("permessage-deflate; server_max_window_bits=\"10\"", "; server_max_window_bits=10"),
    ("permessage-deflate; server_max_window_bits=\"1\\0\"", "; server_max_window_bits=10"),
    ("permessage-deflate; server_max_window_bits=\"\\1\\0\"", "; server_max_window_bits=10"),
    ("permessage-deflate; server_max_window_bits=\"\\9\"", "; server_max_window_bits=9"),
    ("permessage-deflate; client_max_window_bits=\"12\"", "; client_max_window_bits=12"),
    (" \tpermessage-deflate ; server_max_window_bits = 10\t", "; server_max_window_bits=10"),
    ("permessage-deflate\t;\tclient_max_window_bits\t=\t\"9\"", "; client_max_window_bits=9"),
    (",permessage-deflate,", ""),
    (" , ,\t, permessage-deflate; server_no_context_takeover,,", "; server_no_context_takeover"),
    (
        "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
        "; server_no_context_takeover; client_no_context_takeover",
    ),
    (
        "permessage-deflate; client_max_window_bits=11; server_max_window_bits=12",
        "; server_max_window_bits=12; client_max_window_bits=11",
    ),
];

fn respond(offers: &str) -> Result<Option<String>, NegotiationError> {
    DeflateConfig::default().response(offers.as_bytes())
}

fn confirm(response: &str) -> Result<Option<String>, NegotiationError> {
    let agreed = DeflateConfig::default().confirm(response.as_bytes());
    agreed.map(|agreed| agreed.map(|agreed| agreed.to_string()))
}

// 7692-7-04, 7692-7-05, 7692-7-06, 7692-7-08, 7692-7.1.1.1-02, 7692-7.1.1.2-05, 7692-7.1.2.1-02,
// 7692-7.1.2.2-02; R19
#[test]
fn wrong_offers_are_declined_and_the_next_one_is_looked_at() {
    for wrong in WRONG {
        let offer = format!("permessage-deflate{wrong}");
        assert_eq!(respond(&offer), Ok(None), "{offer}");
        // A right parameter does not help.
        let more = format!("{offer}; client_max_window_bits=13");
        assert_eq!(respond(&more), Ok(None), "{more}");
        let before = format!("permessage-deflate; server_max_window_bits=9{wrong}");
        assert_eq!(respond(&before), Ok(None), "{before}");
        let next = format!("{offer}, permessage-deflate; server_max_window_bits=11, {offer}");
        assert_eq!(
            respond(&next),
            Ok(Some("permessage-deflate; server_max_window_bits=11".to_owned())),
            "{next}"
        );
    }
}

// 7692-7-08, 7692-5.2-01, 6455-9.1-01
#[test]
fn malformed_offers_are_errors() {
    for malformed in MALFORMED {
        assert_eq!(respond(malformed), Err(NegotiationError::InvalidExtensions), "{malformed}");
        let behind = format!("permessage-deflate, {malformed}; =");
        assert_eq!(respond(&behind), Err(NegotiationError::InvalidExtensions), "{behind}");
    }
    assert_eq!(
        DeflateConfig::default().respond(b"permessage-deflate; x=\xff"),
        Err(NegotiationError::InvalidExtensions)
    );
    // No header at all.
    assert_eq!(respond(""), Ok(None));
}

// 7692-7-01, 7692-9.1-01, 7692-5-17, 7692-5.2-02, 6455-9.1-06, 6455-9.1-13
#[test]
fn other_extensions_are_passed_over() {
    for stranger in STRANGERS {
        assert_eq!(respond(stranger), Ok(None), "{stranger}");
        let first = format!("{stranger}, permessage-deflate; server_max_window_bits=9, x-b");
        assert_eq!(
            respond(&first),
            Ok(Some("permessage-deflate; server_max_window_bits=9".to_owned())),
            "{first}"
        );
    }
}

// 7692-5.2-01, 7692-7.1.2.1-07, 7692-7.1.2.2-07, 6455-9.1-03, 6455-9.1-04, 9110-5.6.4-03
#[test]
fn unusual_spellings_are_understood_but_not_used() {
    for (text, meaning) in UNUSUAL {
        let plain = Some(format!("permessage-deflate{meaning}"));
        assert_eq!(respond(text), Ok(plain.clone()), "{text}");
        assert_eq!(confirm(text), Ok(plain), "{text}");
    }
}

// 7692-7-09, 7692-7-10, 7692-7-11, 7692-7.1.1.1-02, 7692-7.1.1.2-05; R19
#[test]
fn wrong_responses_fail() {
    let bare = "; client_max_window_bits";
    for wrong in WRONG.iter().chain(&[bare]) {
        let response = format!("permessage-deflate{wrong}");
        assert_eq!(confirm(&response), Err(NegotiationError::InvalidParameters), "{response}");
        let more = format!("permessage-deflate; client_max_window_bits=13{wrong}");
        assert_eq!(confirm(&more), Err(NegotiationError::InvalidParameters), "{more}");
    }
    for malformed in MALFORMED {
        assert_eq!(confirm(malformed), Err(NegotiationError::InvalidExtensions), "{malformed}");
    }
}

// 7692-5-14, 7692-5-16, 7692-5-19, 7692-7-01, 6455-9.1-11, 6455-9.1-13, 6455-4.1-61
#[test]
fn a_response_has_one_extension() {
    for stranger in STRANGERS {
        for response in [
            stranger.to_owned(),
            format!("{stranger}, permessage-deflate"),
            format!("permessage-deflate, {stranger}"),
        ] {
            assert_eq!(
                confirm(&response),
                Err(NegotiationError::UnexpectedExtension),
                "{response}"
            );
        }
    }
    for response in [
        "permessage-deflate, permessage-deflate",
        "permessage-deflate; server_max_window_bits=10, permessage-deflate",
    ] {
        assert_eq!(confirm(response), Err(NegotiationError::UnexpectedExtension), "{response}");
    }
}

// 7692-7.1.3-01, 7692-7.1.3-02, 7692-7.1.3-03, 7692-5-04
#[test]
fn examples_of_the_standard() {
    let limited = "permessage-deflate; client_max_window_bits; server_max_window_bits=10";
    let both = format!("{limited}, permessage-deflate; client_max_window_bits");
    let is = |text: &str| Ok(Some(text.to_owned()));
    assert_eq!(respond("permessage-deflate"), is("permessage-deflate"));
    assert_eq!(respond(limited), is("permessage-deflate; server_max_window_bits=10"));
    assert_eq!(respond(&both), is("permessage-deflate; server_max_window_bits=10"));
    let mut unlimited = DeflateConfig::default();
    unlimited.parameters.server_max_window_bits = BitsWish::Refuse;
    assert_eq!(unlimited.respond(limited.as_bytes()), Ok(None));
    assert_eq!(unlimited.response(both.as_bytes()), is("permessage-deflate"));
    // The client that makes these offers takes either answer, and no third one.
    let mut client = DeflateConfig::default();
    client.fallbacks = vec![client.parameters];
    client.parameters.server_max_window_bits = BitsWish::Ask(bits(10));
    client.fallbacks[0].server_max_window_bits = BitsWish::Refuse;
    let sent = "permessage-deflate; server_max_window_bits=10; client_max_window_bits, \
        permessage-deflate; client_max_window_bits";
    assert_eq!(client.offer().as_deref(), Some(sent));
    for (response, window) in [
        ("permessage-deflate; server_max_window_bits=10", 10),
        ("permessage-deflate; server_max_window_bits=9", 9),
        ("permessage-deflate", 15),
    ] {
        let agreed = client.confirm(response.as_bytes()).expect("valid").expect("accepted");
        assert_eq!(agreed.server_max_window_bits.get(), window);
    }
    let error = client.confirm(b"permessage-deflate; server_max_window_bits=11");
    assert_eq!(error, Err(NegotiationError::InvalidParameters));
}

// 7692-7-07, 7692-5-04
#[test]
fn the_order_of_the_client_counts_before_that_of_the_server() {
    let mut server = DeflateConfig::default();
    server.parameters.server_max_window_bits = BitsWish::Refuse;
    server.fallbacks = vec![Parameters::default()];
    server.fallbacks[0].server_no_context_takeover = Wish::Ask;
    let answer =
        |offers: &str| server.response(offers.as_bytes()).expect("well-formed").expect("accepted");
    // The first offer, though only the fallback can accept it.
    assert_eq!(
        answer("permessage-deflate; server_max_window_bits=12, permessage-deflate"),
        "permessage-deflate; server_no_context_takeover; server_max_window_bits=12"
    );
    // The preferred parameters, where they can.
    assert_eq!(
        answer("permessage-deflate, permessage-deflate; server_max_window_bits=12"),
        "permessage-deflate"
    );
}

// 7692-5-09, 7692-7-05, 7692-7.1.2.1-02; R19
#[test]
fn no_number_but_eight_to_fifteen_is_a_window() {
    for number in 0..=255_u8 {
        assert_eq!(WindowBits::new(number).is_ok(), (8..=15).contains(&number), "{number}");
    }
    for number in 0..=99_999_u32 {
        let offer = format!("permessage-deflate; server_max_window_bits={number}");
        let accepted = respond(&offer).expect("well-formed").is_some();
        assert_eq!(accepted, (9..=15).contains(&number), "{number}");
    }
    for zeros in ["0", "00", "000000000000000000000"] {
        for number in 0..=255 {
            let offer = format!("permessage-deflate; server_max_window_bits={zeros}{number}");
            assert_eq!(respond(&offer), Ok(None), "{offer}");
        }
    }
}

proptest! {
    // 7692-5-02, 7692-5-03, 7692-5-04, 7692-7-04, 7692-7-07, 6455-9.1-09
    #[test]
    fn lists_are_tried_in_order(
        own in prop::collection::vec(prop::sample::select(configurations()), 1..4),
        offers in prop::collection::vec(prop::sample::select(elements()), 0..5),
        wrong in prop::collection::vec(prop::sample::select(&WRONG[..]), 4),
        strangers in prop::collection::vec(prop::sample::select(&STRANGERS[..]), 4),
    ) {
        let expected = offers.iter().find_map(|offer| own.iter().find_map(|own| answer(own, *offer)));
        let mut list = Vec::new();
        for (index, offer) in offers.iter().enumerate() {
            list.push(strangers[index].to_owned());
            list.push(format!("permessage-deflate{}", wrong[index]));
            list.push(offer.text());
        }
        let response = config(&own).response(list.join(", ").as_bytes()).expect("well-formed");
        prop_assert_eq!(response, expected.map(Element::text));
    }

    // 7692-5-02, 7692-5-03, 7692-5-11, 7692-7.1.1.1-05, 7692-7.1.2.1-06, 6455-9.1-09
    #[test]
    fn a_client_offers_all_it_can_live_with(
        own in prop::collection::vec(prop::sample::select(configurations()), 1..4),
        response in prop::sample::select(elements()),
    ) {
        let config = config(&own);
        let texts: Vec<_> = own.iter().filter_map(offer).map(Element::text).collect();
        let expected = (!texts.is_empty()).then(|| texts.join(", "));
        prop_assert_eq!(config.offer(), expected);
        // It may answer any of the offers, so what was said in one of them is kept to.
        let expected = own.iter().filter_map(|own| agreement(own, response)).reduce(
            |one, other| Agreement {
                client: (one.client.0.min(other.client.0), one.client.1 && other.client.1),
                ..one
            },
        );
        let agreed = config.confirm(response.text().as_bytes());
        match expected {
            None => prop_assert_eq!(agreed, Err(NegotiationError::InvalidParameters)),
            Some(expected) => {
                let agreed = agreed.expect("valid").expect("accepted");
                prop_assert_eq!(Agreement::from(agreed), expected);
            }
        }
    }

    // 7692-7-02, 7692-7-04, 7692-7-05, 7692-7-06, 7692-7-09, 7692-7-10, 7692-7-11; R19
    #[test]
    fn any_parameters_in_any_order(
        parameters in prop::collection::vec(prop::sample::select(&PARAMETERS[..]), 0..5),
    ) {
        let mut element = Some(Element::default());
        let mut names = Vec::new();
        for (name, value, is_right) in &parameters {
            if !is_right || names.contains(name) {
                element = None;
            }
            names.push(name);
            let Some(element) = &mut element else { continue };
            let bits = value.map(|value| value[1..].trim_matches('"').parse().expect("a number"));
            match *name {
                "server_no_context_takeover" => element.server_takeover_off = true,
                "client_no_context_takeover" => element.client_takeover_off = true,
                "server_max_window_bits" => element.server_bits = bits,
                _ => element.client_bits = Some(bits),
            }
        }
        let written = parameters.iter().map(|(name, value, _)| {
            format!("; {name}{}", value.unwrap_or_default())
        });
        let text = format!("permessage-deflate{}", written.collect::<String>());
        let own = Parameters::default();
        let answer = element.and_then(|offer| answer(&own, offer));
        prop_assert_eq!(respond(&text), Ok(answer.map(Element::text)));
        let agreement = element.and_then(|response| agreement(&own, response));
        let agreed = DeflateConfig::default().confirm(text.as_bytes());
        let agreed = agreed.map(|agreed| agreed.map(Agreement::from));
        prop_assert_eq!(agreed, agreement.map(Some).ok_or(NegotiationError::InvalidParameters));
    }
}

/// Name, value, and whether an offer may have them.
const PARAMETERS: [(&str, Option<&str>, bool); 17] = [
    ("server_no_context_takeover", None, true),
    ("server_no_context_takeover", None, true),
    ("server_no_context_takeover", Some("=10"), false),
    ("client_no_context_takeover", None, true),
    ("client_no_context_takeover", None, true),
    ("client_no_context_takeover", Some("=\"10\""), false),
    ("server_max_window_bits", Some("=8"), true),
    ("server_max_window_bits", Some("=10"), true),
    ("server_max_window_bits", Some("=\"15\""), true),
    ("server_max_window_bits", Some("=16"), false),
    ("server_max_window_bits", None, false),
    ("client_max_window_bits", Some("=8"), true),
    ("client_max_window_bits", Some("=\"12\""), true),
    ("client_max_window_bits", None, true),
    ("client_max_window_bits", Some("=09"), false),
    ("client_max_window_bits", Some("=7"), false),
    ("server_window_bits", Some("=10"), false),
];
