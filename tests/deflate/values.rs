//! Numbers within their ranges, and what values say of themselves.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
};

use framewise::{
    Config, PreparedMessage,
    deflate::{
        AgreedParameters, BitsWish, DeflateConfig, Level, MemoryLevel, OutOfRange, Parameters,
        WindowBits, Wish,
    },
};

use super::support::*;

#[test]
fn numbers_are_within_their_ranges() {
    macro_rules! check {
        ($type:ident, $least:literal, $most:literal, $default:literal) => {
            for number in 0..=u8::MAX {
                let found = $type::new(number);
                assert_eq!($type::try_from(number), found);
                if ($least..=$most).contains(&number) {
                    let found = found.expect("in the range");
                    assert_eq!((found.get(), u8::from(found)), (number, number));
                    assert_eq!(found.to_string(), number.to_string());
                    assert_eq!(format!("{found:>4}"), format!("{number:>4}"));
                } else {
                    let error: OutOfRange = found.unwrap_err();
                    assert_eq!((error.number(), error.range()), (number, ($least, $most)));
                }
            }
            assert_eq!($type::default().get(), $default);
            let [least, most] = [$least, $most].map($type::new).map(Result::unwrap);
            assert!(least < most);
        };
    }
    check!(WindowBits, 8, 15, 15);
    check!(Level, 0, 9, 6);
    check!(MemoryLevel, 1, 9, 8);
    for bits in 8..=15 {
        assert_eq!(WindowBits::new(bits).expect("in the range").size(), 1 << bits);
    }
    let error: Box<dyn std::error::Error> = Box::new(WindowBits::new(16).unwrap_err());
    assert_eq!(error.to_string(), "16 is out of range: 8 to 15");
}

// Nothing but the defaults of the standard
#[test]
fn what_is_configured_by_default() {
    assert_eq!(Config::default().deflate, None);
    let config = DeflateConfig::default();
    assert_eq!((config.level.get(), config.memory_level.get(), config.threshold), (6, 8, 64));
    assert_eq!((config.fragments, config.shared_compressor), (true, false));
    assert_eq!((config.max_compressed_size, config.fallbacks), (None, vec![]));
    let Parameters {
        client_no_context_takeover,
        client_max_window_bits,
        server_no_context_takeover,
        server_max_window_bits,
        ..
    } = config.parameters;
    assert_eq!(
        (client_no_context_takeover, server_no_context_takeover),
        (Wish::Allow, Wish::Allow)
    );
    assert_eq!(
        (client_max_window_bits, server_max_window_bits),
        (BitsWish::Allow, BitsWish::Allow)
    );
}

// Each of the four counts.
#[test]
fn agreements_are_compared_by_what_they_mean() {
    fn hash(agreed: AgreedParameters) -> u64 {
        let mut hasher = DefaultHasher::new();
        agreed.hash(&mut hasher);
        hasher.finish()
    }
    let texts = [
        "",
        "; client_no_context_takeover",
        "; client_max_window_bits=14",
        "; server_no_context_takeover",
        "; server_max_window_bits=14",
    ];
    let different = texts.map(agreed);
    for (place, one) in different.iter().enumerate() {
        for (other_place, other) in different.iter().enumerate() {
            assert_eq!(one == other, place == other_place, "{one} and {other}");
        }
    }
    assert_eq!(different.map(hash).into_iter().collect::<HashSet<_>>().len(), 5);
    assert_eq!(different.into_iter().collect::<HashSet<_>>().len(), 5);

    let named = agreed("; server_max_window_bits=15");
    assert_eq!((named, hash(named)), (agreed(""), hash(agreed(""))));
    assert_eq!(named.to_string(), "permessage-deflate");
    assert_eq!(agreed("").to_string(), "permessage-deflate");
    assert_eq!(AgreedParameters::default(), agreed(""));
}

// How much there is, not what.
#[test]
fn debug_shows_no_payload() {
    for role in ROLES {
        for (bits, takeover, kept) in [(9, true, 512), (15, true, 1800), (15, false, 0)] {
            let mut connection = end_by(role, by_sender(role.peer(), bits, takeover), |_| ());
            let inflater = |kept| {
                let window = 1 << bits;
                format!(
                    "Inflater {{ window: {window}, takeover: {takeover}, history: {kept}, .. }}"
                )
            };
            let debug = format!("{connection:?}");
            assert!(debug.contains(&inflater(0)), "{debug}");
            let compressor = "Compressor { settings: Settings { bits: WindowBits(15), \
                level: Level(6), memory_level: MemoryLevel(8) }, .. }";
            assert!(debug.contains(compressor), "{debug}");
            let secret = "a secret ".repeat(200);
            let mut peer = end_by(role.peer(), by_sender(role.peer(), bits, takeover), |_| ());
            peer.send_text(&secret).expect("there is room");
            carry(&mut peer, &mut connection);
            connection.send_text(&secret).expect("there is room");
            let debug = format!("{connection:?}");
            assert!(debug.contains(&inflater(kept)), "{debug}");
            assert!(debug.contains(compressor), "{debug}");
            assert!(!debug.contains("secret"), "{debug}");
        }
    }
    let prepared = PreparedMessage::new("a secret", &DeflateConfig::default());
    assert_eq!(format!("{prepared:?}"), "PreparedMessage { len: 8, .. }");
}

// What cannot be compressed with a window of 8 bits is sent as it is.
#[test]
fn nothing_is_compressed_with_a_window_of_8_bits() {
    for role in ROLES {
        for (bits, firsts) in [(8, [0x81, 0x01, 0x80, 0x81]), (9, [0xc1, 0x41, 0x80, 0xc1])] {
            let mut connection = end_by(role, by_sender(role, bits, true), |_| ());
            let long = "Hello".repeat(20);
            connection.send_text(&long).expect("there is room");
            connection.send_fragment(&long, false).expect("there is room");
            connection.send_fragment(&long, true).expect("there is room");
            let prepared = PreparedMessage::new(&long, &DeflateConfig::default());
            connection.send(&prepared).expect("there is room");
            let found: Vec<u8> = sent(&mut connection).iter().map(|frame| frame.first).collect();
            assert_eq!(found, firsts, "{bits} bits");
        }
    }
}
