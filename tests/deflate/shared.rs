//! Compressors that keep only what they may refer to, and share the rest.

use std::thread;

use framewise::{
    Connection, Event, Input, Payload, PreparedMessage, Role,
    deflate::{Level, MemoryLevel},
};
use proptest::prelude::*;

use super::support::*;

fn pair(parameters: &str, shared: bool) -> [Connection; 2] {
    let sharing = |role| {
        end_with(role, parameters, |config| {
            if let Some(deflate) = &mut config.deflate {
                deflate.shared_compressor = shared;
            }
        })
    };
    [sharing(Role::Server), end(Role::Client, parameters)]
}

/// Takes what one end has sent to the other; returns the messages.
fn carry_texts([from, to]: &mut [Connection; 2]) -> Vec<String> {
    let mut bytes = from.output().chunks().collect::<Vec<_>>().concat();
    from.output().advance(bytes.len());
    let mut input = Input::new(&mut bytes);
    let mut texts = Vec::new();
    while let Some(event) = to.receive(&mut input).expect("it can be inflated") {
        match event {
            Event::Text(text) => texts.push(text.into_owned()),
            event => panic!("{event:?}"),
        }
    }
    texts
}

const PARAMETERS: [&str; 4] = [
    "",
    "; server_max_window_bits=9",
    "; server_max_window_bits=10",
    "; server_no_context_takeover",
];

/// What can be sent.
#[derive(Clone, Debug)]
enum Sending {
    Message(usize),
    Fragment(usize, bool),
    Prepared(usize),
    Plain(usize),
}

fn sending() -> impl Strategy<Value = Sending> {
    let len = || prop_oneof![0_usize..40, 0_usize..3000];
    prop_oneof![
        len().prop_map(Sending::Message),
        (len(), any::<bool>()).prop_map(|(len, fin)| Sending::Fragment(len, fin)),
        len().prop_map(Sending::Prepared),
        len().prop_map(Sending::Plain),
    ]
}

/// A text with repetitions near and far, none of them at its own begin.
fn words(number: usize, len: usize) -> String {
    let words = (0..).map(|word| format!("{} ", (word * word + number) % 97));
    words.take(len / 2).collect::<String>().chars().take(len).collect()
}

proptest! {
    // R21, R51
    #[test]
    fn connections_that_share_a_compressor_are_not_mixed_up(
        steps in prop::collection::vec((0_usize..6, sending()), 0..60),
    ) {
        let mut pairs: Vec<_> =
            (0..6).map(|number| pair(PARAMETERS[number % 4], number < 5)).collect();
        let mut begun = vec![String::new(); 6];
        let mut in_fragments = [false; 6];
        for (number, (which, sending)) in steps.into_iter().enumerate() {
            let [server, _] = &mut pairs[which];
            let message = match sending {
                Sending::Fragment(len, fin) => {
                    let text = words(number, len);
                    server.send_fragment(&text, fin).expect("open");
                    begun[which] += &text;
                    in_fragments[which] = !fin;
                    fin.then(|| std::mem::take(&mut begun[which]))
                }
                // Not between fragments.
                _ if in_fragments[which] => continue,
                Sending::Message(len) => {
                    let text = words(number, len);
                    server.send_text(&text).expect("open");
                    Some(text)
                }
                Sending::Prepared(len) => {
                    let text = words(number, len);
                    let prepared = PreparedMessage::new(&text, &Default::default());
                    server.send(&prepared).expect("open");
                    Some(text)
                }
                Sending::Plain(len) => {
                    let text = words(number, len);
                    server.send(Payload::from(&text).uncompressed()).expect("open");
                    Some(text)
                }
            };
            prop_assert_eq!(carry_texts(&mut pairs[which]), Vec::from_iter(message));
        }
    }
}

// R51: what a thread keeps of one connection is not in what another one sends. A length would tell
// what was said there.
#[test]
fn a_secret_of_another_connection_changes_nothing() {
    let secret = words(0, 1000);
    let other_text = words(1, 1000);
    let send = |role, takeover, shared, messages: &[&str]| {
        let mut connection = end_by(role, by_sender(role, 15, takeover), |config| {
            config.deflate.as_mut().expect("set").shared_compressor = shared;
        });
        for message in messages {
            connection.send_fragment("", false).expect("open");
            connection.send_fragment(*message, true).expect("open");
            connection.send_text(*message).expect("open");
        }
        sent(&mut connection)
    };
    for role in ROLES {
        for (takeover, shared) in [(true, true), (true, false), (false, false)] {
            let said = [&*secret, &other_text, &secret];
            let expected = thread::scope(|scope| {
                let fresh = scope.spawn(|| send(role, takeover, shared, &said));
                fresh.join().expect("no panic")
            });
            // As many messages as the other connection has sent when it begins, and more.
            for before in [&said[..1], &said[..2], &said] {
                send(role, false, false, before);
                assert!(send(role, takeover, shared, &said) == expected, "takeover {takeover}");
                send(role, true, true, before);
                assert!(send(role, takeover, shared, &said) == expected, "takeover {takeover}");
                let mut other = end_by(role, by_sender(role, 15, true), |_| ());
                let prepared = PreparedMessage::new(&secret, &Default::default());
                other.send(&prepared).expect("open");
                assert!(send(role, takeover, shared, &said) == expected, "takeover {takeover}");
            }
        }
    }
}

// The compressor that another connection has left is taken only where it is of the same kind.
#[test]
fn each_connection_has_the_level_that_it_was_given() {
    let text = words(0, 60_000);
    let send = |(level, memory_level, bits)| {
        let agreed = by_sender(Role::Server, bits, false);
        let mut connection = end_by(Role::Server, agreed, |config| {
            let deflate = config.deflate.as_mut().expect("set");
            deflate.level = Level::new(level).expect("a level");
            deflate.memory_level = MemoryLevel::new(memory_level).expect("a level");
        });
        connection.send_text(&text).expect("open");
        sent(&mut connection).swap_remove(0).payload
    };
    let settings = [(1, 8, 15), (9, 8, 15), (0, 8, 15), (6, 1, 15), (6, 9, 15), (6, 8, 9)];
    let alone = settings.map(|settings| {
        thread::scope(|scope| scope.spawn(|| send(settings)).join().expect("no panic"))
    });
    for (place, payload) in alone.iter().enumerate() {
        assert!(!alone[..place].contains(payload), "{:?} matters", settings[place]);
    }
    for _ in 0..2 {
        assert!(settings.map(send) == alone);
    }
}

// R51
#[test]
fn a_prepared_message_is_send() {
    fn check<T: Send + Sync + 'static>() {}
    check::<PreparedMessage>();
}

// It compresses as well as one that is kept: the second message refers to the first.
#[test]
fn what_was_sent_can_be_referred_to() {
    let (text, other_text) = (words(0, 1000), words(1, 1000));
    // The compressor is used for others in the meantime, which remember nothing.
    let others: [fn(&str); 3] = [
        |_| (),
        |text| end(Role::Server, "; server_no_context_takeover").send_text(text).expect("open"),
        |text| {
            let prepared = PreparedMessage::new(text, &Default::default());
            end(Role::Server, "").send(&prepared).expect("open");
        },
    ];
    for other in others {
        let mut pairs = [pair("", true), pair("", true)];
        for round in 0..3 {
            for pair in &mut pairs {
                pair[0].send_text(&text).expect("open");
                let frames = sent(&mut pair[0]);
                assert!(round == 0 || frames[0].payload.len() < 30, "{}", frames[0].payload.len());
                other(&other_text);
            }
        }
        // The same for a connection that nobody has come between but the other.
        pairs[0][0].send_text(&other_text).expect("open");
        other(&text);
        pairs[0][0].send_text(&other_text).expect("open");
        let len = sent(&mut pairs[0][0])[1].payload.len();
        assert!(len < 30, "{len}");
    }
}

// A prepared message is part of what can be referred to, whatever is kept.
#[test]
fn a_prepared_message_can_be_referred_to() {
    let text = words(0, 1000);
    let prepared = PreparedMessage::new(&text, &Default::default());
    for shared in [false, true] {
        let mut pair = pair("", shared);
        pair[0].send_text("something else").expect("open");
        pair[0].send(&prepared).expect("open");
        carry_texts(&mut pair);
        pair[0].send_text(&text).expect("open");
        assert!(pair[0].output().len() < 30, "{}", pair[0].output().len());
        assert_eq!(carry_texts(&mut pair), std::slice::from_ref(&text));
    }
}
