//! Blocks of every kind, and broken ones (RFC 1951 §3.2).

use framewise::{Connection, Event, ProtocolError};

use super::{
    bits::{
        Bits, DYNAMIC, END, FIXED, STORED, canonical, distance_code, ends_inside_the_tail,
        length_code,
    },
    support::*,
};

/// Feeds a compressed binary message; returns what it was inflated to.
fn inflate(connection: &mut Connection, payload: &[u8]) -> Result<Vec<u8>, ProtocolError> {
    match feed(connection, &frame_for(connection.role(), 0xc2, payload)) {
        (events, Some(error)) => {
            assert_eq!(events, [], "nothing is delivered of a broken message");
            Err(error)
        }
        (mut events, None) => match (events.pop(), events.len()) {
            (Some(Event::Binary(payload)), 0) => Ok(payload.into_owned()),
            event => panic!("{event:?}"),
        },
    }
}

fn assert_inflates(bits: Bits, expected: &[u8]) {
    let payload = bits.message();
    for role in ROLES {
        let found = inflate(&mut end(role, ""), &payload).expect("valid");
        assert!(found == expected, "{payload:02x?} as {role:?}");
    }
}

/// Checks that a payload is refused, in one frame and octet by octet.
fn assert_broken(name: &str, bits: Bits) {
    let payload = bits.message();
    let error = ProtocolError::InvalidDeflate;
    for role in ROLES {
        let mut connection = end(role, "");
        assert_eq!(inflate(&mut connection, &payload), Err(error), "{name}");
        assert_failed(&mut connection, error);

        let mut connection = end(role, "");
        let frame = frame_for(role, 0xc2, &payload);
        let failed = frame.iter().find_map(|octet| feed(&mut connection, &[*octet]).1);
        assert_eq!(failed, Some(error), "{name}, octet by octet");
        assert_failed(&mut connection, error);
    }
}

/// Lengths of codes in which two literals, a few lengths and the end have a code.
fn some_literals() -> Vec<u32> {
    let mut lengths = vec![0; 286];
    for symbol in [usize::from(b'a'), usize::from(b'b'), 256, 285] {
        lengths[symbol] = 2;
    }
    lengths
}

// 1951-3.2.3-01, 1951-3.2.4-01, 1951-3.2.6-01, 1951-3.1.1-01, 7692-7.2.1-04, 7692-7.2.1-05
#[test]
fn blocks_of_every_kind() {
    let every: Vec<u8> = (0..=255).collect();
    let most = noise(65_535);
    assert_inflates(Bits::new().stored(false, &most), &most);
    assert_inflates(Bits::new().stored(false, b"").stored(false, b""), b"");
    assert_inflates(Bits::new().fixed(false, &every), &every);
    assert_inflates(Bits::new().fixed(false, b""), b"");

    let literals = some_literals();
    let codes = canonical(&literals);
    let dynamic = |bits: Bits| {
        let bits = bits.dynamic(false, &literals, &[1]);
        bits.code(codes[97]).code(codes[98]).code(codes[256])
    };
    assert_inflates(dynamic(Bits::new()), b"ab");
    let all = dynamic(dynamic(Bits::new()).stored(false, b"cd").fixed(false, b"ef"));
    let all = all.stored(false, b"").stored(false, &most).fixed(false, b"gh");
    assert_inflates(all, &[&b"abcdefab"[..], &most, b"gh"].concat());
}

// 1951-3.2.5-01, 1951-3.2.5-02, 1951-3.2.5-04, 1951-3.2.3-03
#[test]
fn every_length_and_distance() {
    let start = noise(32_768);
    let check = |len: u32, distance: u32| {
        let mut expected = start.clone();
        for _ in 0..len {
            expected.push(expected[expected.len() - distance as usize]);
        }
        let copied = Bits::new().stored(false, &start).block(false, FIXED).copy(len, distance);
        assert_inflates(copied.symbol(END), &expected);
    };
    let (mut lengths, mut distances) = (vec![], vec![]);
    for len in 3..=258 {
        let (symbol, base, extra) = length_code(len);
        if len == base || len + 1 == base + (1 << extra) {
            lengths.push(symbol);
            check(len, 1);
            check(len, 300);
        }
    }
    for distance in 1..=32_768 {
        let (symbol, base, extra) = distance_code(distance);
        if distance == base || distance + 1 == base + (1 << extra) {
            distances.push(symbol);
            check(258, distance);
        }
    }
    lengths.dedup();
    distances.dedup();
    assert_eq!((lengths.len(), distances.len()), (29, 30), "all codes are used");
    // The length 258 has two codes: 31 behind the base of the one before it says the same.
    let copied = Bits::new().stored(false, b"a").block(false, FIXED);
    let copied = copied.symbol(284).number(31, 5).code((0, 5)).symbol(END);
    assert_inflates(copied, &[b'a'; 259]);
}

// 1951-3.2.7-01, 1951-3.2.7-02, 1951-3.2.7-03
#[test]
fn codes_of_every_shape() {
    // Most of the literals and distances that there are.
    let mut literals = vec![9; 286];
    literals[..226].fill(8);
    let codes = canonical(&literals);
    let mut distances = vec![5; 30];
    distances[..2].fill(4);
    let far = canonical(&distances);
    let bits = Bits::new().dynamic(false, &literals, &distances);
    let bits = bits.code(codes[0]).code(codes[255]).code(codes[257]).code(far[1]).code(codes[256]);
    assert_inflates(bits, &[0, 255, 0, 255, 0]);

    // Literals only: one distance code of zero bits.
    let literals = some_literals();
    let codes = canonical(&literals);
    let none = Bits::new().dynamic(false, &literals, &[0]);
    assert_inflates(none.code(codes[97]).code(codes[256]), b"a");
    // One distance code of one bit, used or not.
    for distance in [vec![1], vec![0, 0, 1]] {
        let bits = Bits::new().stored(false, b"xyz").dynamic(false, &literals, &distance);
        let bits = bits.code(codes[97]).code(codes[285]).code((0, 1)).code(codes[256]);
        let mut expected = b"xyza".to_vec();
        for _ in 0..258 {
            expected.push(expected[expected.len() - distance.len()]);
        }
        assert_inflates(bits, &expected);
    }
    // Nothing but the end.
    let mut end = vec![0; 257];
    end[256] = 1;
    assert_inflates(Bits::new().dynamic(false, &end, &[0]).code((0, 1)), b"");

    // As few lengths of code lengths as there may be: those of 8 and 0, which come first.
    for count in 5..=19 {
        let mut of_lengths = [0; 19];
        (of_lengths[0], of_lengths[8]) = (1, 1);
        let bits = Bits::new().dynamic_short_head(false, 257, 1, &of_lengths, count);
        // All octets but the last and the end have codes of 8 bits, and there are no distances.
        let bits = (0..257).fold(bits, |bits, symbol| bits.code((u32::from(symbol != 255), 1)));
        let bits = bits.code((0, 1)).code((7, 8)).code((254, 8)).code((255, 8));
        assert_inflates(bits, &[7, 254]);
    }

    // Lengths that repeat, across the border between literals and distances, too.
    let codes = canonical(&REPEATING);
    let bits = Bits::new().dynamic_head(false, 257, 30, &REPEATING);
    let bits = bits.code(codes[18]).number(138 - 11, 7).code(codes[17]).number(10 - 3, 3);
    let bits = bits.code(codes[18]).number(106 - 11, 7).code(codes[1]).code(codes[1]);
    // That was 254 zeros and two literals; next come the end and the distances.
    let bits = bits.code(codes[2]).code(codes[2]).code(codes[2]).code(codes[16]).number(0, 2);
    let oversubscribed = bits.code(codes[18]).number(25 - 11, 7);
    assert_broken("two codes of one bit and one more", oversubscribed);
    let bits = Bits::new().dynamic_head(false, 257, 4, &REPEATING);
    let bits = bits.code(codes[18]).number(138 - 11, 7).code(codes[18]).number(116 - 11, 7);
    let bits = bits.code(codes[2]).code(codes[16]).number(6 - 3, 2);
    // 254 zeros, three literals of two bits, and the same four times for the distances.
    assert_broken("an incomplete code", bits);
    let bits = Bits::new().dynamic_head(false, 257, 4, &REPEATING);
    let bits = bits.code(codes[18]).number(138 - 11, 7).code(codes[18]).number(115 - 11, 7);
    let bits = bits.code(codes[2]).code(codes[16]).number(6 - 3, 2).code(codes[2]);
    // 253 zeros; 253 to 256 have two bits, as have four distances.
    let of = canonical(&[2; 4]);
    let bits = bits.code(of[0]).code(of[2]).code(of[3]);
    assert_inflates(bits, &[253, 255]);
}

/// A code for the lengths 0, 1, 2, 7 and 8 and for the three ways to repeat.
const REPEATING: [u32; 19] = [3, 3, 3, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 3, 3, 3];

// 1951-3.2.3-02, 1951-3.2.4-01, 1951-3.2.5-03, 1951-3.2.6-02, 7692-6.2-04
#[test]
fn blocks_that_are_broken() {
    for last in [false, true] {
        assert_broken("the kind that is reserved", Bits::new().block(last, 3));
        let bits = Bits::new().block(last, STORED).align().octets(&[5, 0, 5, 0]);
        assert_broken("a length that is not confirmed", bits.octets(b"Hello"));
        let bits = Bits::new().block(last, STORED).align().octets(&[0, 0, 0, 0]);
        assert_broken("a length of 0 that is not confirmed", bits);
        let begun = || Bits::new().block(last, FIXED).literals(b"abc");
        for symbol in [286, 287] {
            let bits = begun().symbol(symbol).code((0, 5)).symbol(END);
            assert_broken("a length code that does not exist", bits);
        }
        for symbol in [30, 31] {
            let bits = begun().symbol(257).code((symbol, 5)).symbol(END);
            assert_broken("a distance code that does not exist", bits);
        }
        assert_broken("a distance in front of the data", begun().copy(3, 4).symbol(END));
        assert_broken("the longest distance", begun().copy(3, 32_768).symbol(END));
    }
    assert_broken("behind something good", Bits::new().fixed(false, b"abc").block(false, 3));
    let bits = Bits::new().fixed(false, b"ab").fixed(true, b"c").block(false, FIXED);
    assert_broken("behind a final block", bits.copy(3, 4).symbol(END));
}

// 1951-3.2.7-01, 1951-3.2.7-02, 1951-3.2.7-03, 1951-3.2.7-04
#[test]
fn codes_that_are_broken() {
    let literals = some_literals();
    let codes = canonical(&literals);
    let with =
        |literals: &[u32], distances: &[u32]| Bits::new().dynamic(false, literals, distances);

    for count in [287, 288] {
        let mut literals = literals.clone();
        literals.resize(count, 0);
        assert_broken("more literals than there are", with(&literals, &[1]).code(codes[256]));
    }
    // RFC 1951 has room for them, but a code for them never occurs: zlib refuses them, too.
    for count in [31, 32] {
        let bits = with(&literals, &vec![5; count]).code(codes[256]);
        assert_broken("more distances than there are", bits);
    }

    // The first four lengths of code lengths have no codes but for nothing.
    let mut of_lengths = [0; 19];
    (of_lengths[0], of_lengths[18]) = (1, 1);
    let bits = Bits::new().dynamic_short_head(false, 257, 1, &of_lengths, 4);
    let bits = bits.code((1, 1)).number(138 - 11, 7).code((1, 1)).number(120 - 11, 7);
    assert_broken("no codes at all", bits);

    let head = || Bits::new().dynamic_head(false, 257, 1, &REPEATING);
    let of = canonical(&REPEATING);
    assert_broken("nothing to repeat", head().code(of[16]).number(0, 2));
    let zeros = || head().code(of[18]).number(138 - 11, 7).code(of[18]).number(119 - 11, 7);
    for (symbol, number, count) in [(16, 0, 2), (17, 0, 3), (18, 0, 7)] {
        let bits = zeros().code(of[symbol]).number(number, count);
        assert_broken("repeated past the end", bits);
    }
    assert_broken("no end of the block", zeros().code(of[1]));
    let mut endless = literals.clone();
    (endless[256], endless[257]) = (0, 2);
    assert_broken("no end of the block, but all else", with(&endless, &[1]).code(codes[97]));

    for (name, lengths) in [
        ("no lengths at all", [0; 19]),
        ("too few codes of lengths", [4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 0, 0, 0, 0]),
        ("too many codes of lengths", [4; 19]),
        ("one code of lengths", [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    ] {
        let bits = Bits::new().dynamic_head(false, 257, 1, &lengths);
        assert_broken(name, bits.number(0, 32).number(0, 32));
    }

    let mut few = literals.clone();
    few[285] = 0;
    assert_broken("too few codes of literals", with(&few, &[1]).code((2, 2)));
    let mut many = literals.clone();
    many[257] = 2;
    assert_broken("too many codes of literals", with(&many, &[1]).code((2, 2)));
    assert_broken("no codes of literals", with(&[0; 257], &[1]));
    for distances in [&[2][..], &[2, 2], &[1, 2], &[2, 2, 2]] {
        assert_broken("too few codes of distances", with(&literals, distances).code(codes[256]));
    }
    for distances in [&[1, 1, 1][..], &[1, 1, 15], &[2, 2, 2, 2, 2], &[1, 2, 2, 2]] {
        assert_broken("too many codes of distances", with(&literals, distances).code(codes[256]));
    }

    let used = with(&literals, &[0]).code(codes[97]).code(codes[285]);
    assert_broken("a distance where there are none", used.code((0, 1)).code(codes[256]));
    let used = with(&literals, &[1]).code(codes[97]).code(codes[285]);
    assert_broken("the code that a single distance leaves", used.code((1, 1)).code(codes[256]));
}

// 7692-7.2.2-03, 7692-7.2.2-04, 7692-7.2.2-05: the tail ends a block, and nothing is missing in
// front of it
#[test]
fn blocks_that_are_cut_short() {
    let literals = some_literals();
    let codes = canonical(&literals);
    let dynamic = Bits::new().dynamic(false, &literals, &[1]).code(codes[97]).code(codes[256]);
    let whole = [
        Bits::new().stored(false, b"Hello").message(),
        Bits::new().stored(true, b"Hello").message(),
        Bits::new().fixed(false, b"Hello").message(),
        Bits::new().fixed(true, b"Hello").align().message(),
        Bits::new().fixed(true, b"Hello").align().fixed(true, b"World").align().message(),
        dynamic.message(),
    ];
    for role in ROLES {
        for payload in &whole {
            inflate(&mut end(role, ""), payload).expect("valid");
            for len in 0..payload.len() {
                if is_completed_by_the_tail(payload, len) {
                    continue;
                }
                let found = inflate(&mut end(role, ""), &payload[..len]);
                assert_eq!(found, Err(ProtocolError::InvalidDeflate), "{len} of {payload:02x?}");
            }
        }
    }
}

// 7692-7.2.1-04, 7692-7.2.2-03: a block that takes the tail for its own codes and ends inside the last
// octet of it. The bits behind it are left over: what they do to the next message would depend on
// whether the state is kept until then, so on other connections.
#[test]
fn blocks_that_end_inside_the_tail() {
    for len in 2..=15 {
        let payload = ends_inside_the_tail(len);
        for role in ROLES {
            let found = inflate(&mut end(role, ""), &payload);
            assert_eq!(found, Err(ProtocolError::InvalidDeflate), "{} bits left", 16 - len);
            let mut connection = end(role, "");
            let frame = frame_for(role, 0xc2, &payload);
            let failed = frame.iter().find_map(|octet| feed(&mut connection, &[*octet]).1);
            assert_eq!(failed, Some(ProtocolError::InvalidDeflate), "{} bits left", 16 - len);
        }
    }
}

/// Returns whether the tail makes a message of the first octets of the payload: an empty block
/// without compression, or one that lacks just these four octets. That cannot be told.
fn is_completed_by_the_tail(payload: &[u8], len: usize) -> bool {
    matches!(payload[..len], [0 | 1]) || matches!(payload, [0 | 1, ..]) && len + 5 == payload.len()
}

// 7692-7.2.2-01, 7692-7.2.1-07, 1951-3.2.4-01; R26: what looks like the tail is not one, no second
// tail is taken for the first, and what a block is padded with says nothing
#[test]
fn data_behind_the_end() {
    for role in ROLES {
        for (payload, expected) in [
            // A block that the sender did not strip ends in front of the tail.
            ("f248cdc9c907000000ffff", None),
            ("f248cdc9c907000000ffff00", Some("Hello")),
            ("f348cdc9c9070000", Some("Hello")),
            // Final block, then what a compressor cannot have written.
            ("f348cdc9c90700ff", None),
            ("f348cdc9c907000000ff", None),
            ("f348cdc9c9070007", None),
            ("f348cdc9c90700000000ffff00", Some("Hello")),
            // An empty final block that the tail completes.
            ("01", Some("")),
            ("0100", None),
            // Padding that is not 0: behind a final block, in front of the length of a block that
            // is not compressed, and in front of the tail.
            ("f348cdc9c907fc00", Some("Hello")),
            ("f80500faff48656c6c6f00", Some("Hello")),
            ("f248cdc9c907e0", Some("Hello")),
        ] {
            let found = inflate(&mut end(role, ""), &hex(payload));
            let expected = expected.map(str::as_bytes).ok_or(ProtocolError::InvalidDeflate);
            assert_eq!(found.as_deref(), expected.as_deref(), "{payload}");
        }
    }
}

// 7692-7.3-02
#[test]
fn other_formats_around_deflate() {
    let block = "f348cdc9c90700";
    for role in ROLES {
        for (name, payload) in [
            ("zlib", format!("789c{block}058c01f5")),
            ("zlib, stripped", "789cf248cdc9c90700".to_owned()),
            ("zlib, fastest", format!("7801{block}058c01f500")),
            ("gzip", format!("1f8b0800000000000003{block}8289d1f705000000")),
        ] {
            let mut connection = end(role, "");
            let found = inflate(&mut connection, &hex(&payload));
            assert_eq!(found, Err(ProtocolError::InvalidDeflate), "{name}");
            assert_failed(&mut connection, ProtocolError::InvalidDeflate);
        }
    }
}

// The writer of these tests writes what is in the standard, and knows what there is.
#[test]
fn the_writer_writes_vectors_of_the_standard() {
    assert_eq!(Bits::new().fixed(false, b"Hello").message(), hex("f248cdc9c90700"));
    assert_eq!(Bits::new().fixed(true, b"Hello").align().message(), hex("f348cdc9c9070000"));
    assert_eq!(Bits::new().stored(false, b"Hello").message(), hex("000500faff48656c6c6f00"));
    let again = Bits::new().block(false, FIXED).literals(b"H").copy(4, 5).symbol(END);
    assert_eq!(again.message(), hex("f200110000"));
    assert_eq!(Bits::new().block(true, DYNAMIC).octets_so_far(), hex("05"));
}
