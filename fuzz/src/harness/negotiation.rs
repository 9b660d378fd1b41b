//! The negotiation of permessage-deflate.

use arbitrary::Arbitrary;
use framewise::deflate::{
    AgreedParameters, BitsWish, DeflateConfig, NegotiationError, Parameters, WindowBits, Wish,
};

/// The text of a header, and what both ends want.
#[derive(Arbitrary, Debug)]
pub struct Negotiation<'a> {
    /// What the client wants, in order.
    pub client: [[u8; 4]; 2],
    /// What the server wants, in order.
    pub server: [[u8; 4]; 2],
    /// A header's value.
    pub text: &'a [u8],
}

/// Makes a configuration of two sets of four wishes.
fn wishes(sets: [[u8; 4]; 2]) -> DeflateConfig {
    let wish = |number: u8| [Wish::Allow, Wish::Ask, Wish::Refuse][usize::from(number % 3)];
    let bits = |number: u8| match number % 10 {
        0 => BitsWish::Allow,
        1 => BitsWish::Refuse,
        bits => BitsWish::Ask(WindowBits::new(6 + bits).expect("8 to 15")),
    };
    let [first, second] = sets.map(|[a, b, c, d]| {
        let mut parameters = Parameters::default();
        parameters.client_no_context_takeover = wish(a);
        parameters.client_max_window_bits = bits(b);
        parameters.server_no_context_takeover = wish(c);
        parameters.server_max_window_bits = bits(d);
        parameters
    });
    let mut config = DeflateConfig::default();
    config.parameters = first;
    config.fallbacks = vec![second];
    config
}

/// What both ends make of any header, and of one another's.
pub fn extensions(input: &Negotiation<'_>) {
    let (client, server) = (wishes(input.client), wishes(input.server));
    // An answer that is accepted is one that reads the same again.
    if let Ok(Some(agreed)) = server.respond(input.text) {
        let text = server.response(input.text).expect("the same offers").expect("an answer");
        // A client that wants nothing in particular.
        assert_eq!(DeflateConfig::default().confirm(text.as_bytes()), Ok(Some(agreed)));
    }
    if let Ok(Some(_)) = client.confirm(input.text) {
        assert!(client.offer().is_some(), "an answer without a question");
    }
    // What one offers and the other accepts, the one understands; it may not like what it does
    // not ask for.
    let Some(offer) = client.offer() else {
        return;
    };
    let response = server.respond(offer.as_bytes()).expect("our own offer is good");
    if let Some(agreed) = response {
        assert!(agreed.server_max_window_bits.get() >= 9, "nobody compresses with less");
        let text = server.response(offer.as_bytes()).expect("as before").expect("an answer");
        match client.confirm(text.as_bytes()) {
            Ok(Some(confirmed)) => {
                let limits = |agreed: AgreedParameters| {
                    (agreed.server_max_window_bits, agreed.server_no_context_takeover)
                };
                assert_eq!(limits(confirmed), limits(agreed));
                // The client keeps to what was agreed upon, or to less.
                assert!(confirmed.client_max_window_bits <= agreed.client_max_window_bits);
                assert!(confirmed.client_no_context_takeover || !agreed.client_no_context_takeover);
            }
            Ok(None) => panic!("the answer is lost"),
            Err(error) => assert_eq!(error, NegotiationError::InvalidParameters),
        }
    }
}
