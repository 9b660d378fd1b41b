//! Replays what the fuzzers have found worth keeping, `fuzz/corpus`, with what they check: one test
//! for each target.
//!
//! ```sh
//! cargo test --lib --manifest-path fuzz/Cargo.toml
//! ```

use std::{fs, path::Path};

use arbitrary::{Arbitrary, Unstructured};

use crate::harness;

/// Has a target read every file of its corpus, as the fuzzer does.
fn replay<T: for<'a> Arbitrary<'a>>(target: &str, check: impl Fn(T)) {
    replay_octets(target, |octets| {
        if let Ok(input) = T::arbitrary_take_rest(Unstructured::new(octets)) {
            check(input);
        }
    });
}

/// The same where what is read borrows the file.
macro_rules! replay_borrowed {
    ($target:literal, $type:ident, $check:path) => {
        replay_octets($target, |octets| {
            let unstructured = Unstructured::new(octets);
            if let Ok(input) = harness::$type::arbitrary_take_rest(unstructured) {
                $check(&input);
            }
        })
    };
}

fn replay_octets(target: &str, check: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut count = 0;
    for file in fs::read_dir(folder).expect("the corpus") {
        let path = file.expect("an entry").path();
        // The last one that is printed is the one that fails.
        println!("{}", path.display());
        check(&fs::read(&path).expect("a file"));
        count += 1;
    }
    assert_ne!(count, 0, "the corpus is empty");
}

#[test]
fn client() {
    replay_borrowed!("client", Stream, harness::client);
}

#[test]
fn decoder() {
    replay_borrowed!("decoder", Stream, harness::decoder);
}

#[test]
fn deflate() {
    replay_borrowed!("deflate", Compressed, harness::deflate);
}

#[test]
fn driver() {
    replay("driver", |driven| harness::driver(&driven));
}

#[test]
fn extensions() {
    replay_borrowed!("extensions", Negotiation, harness::extensions);
}

#[test]
fn frame_header() {
    replay_octets("frame_header", harness::frame_header);
}

#[test]
fn halves() {
    replay("halves", |driven| harness::halves(&driven));
}

#[test]
fn handshake_client() {
    replay_borrowed!("handshake_client", Stream, harness::handshake_client);
}

#[test]
fn handshake_pair() {
    replay_borrowed!("handshake_pair", Opening, harness::handshake_pair);
}

#[test]
fn handshake_server() {
    replay_borrowed!("handshake_server", Stream, harness::handshake_server);
}

#[test]
fn hostile() {
    replay("hostile", |operations: Vec<harness::Hostile>| harness::hostile(&operations));
}

#[test]
fn inflate() {
    replay_borrowed!("inflate", Stream, harness::inflate);
}

#[test]
fn output() {
    replay("output", |written| harness::output(&written));
}

#[test]
fn pair() {
    replay("pair", |operations: Vec<harness::Operation>| harness::pair(&operations));
}

#[test]
fn proxy() {
    replay_borrowed!("proxy", Stream, harness::proxy);
}

#[test]
fn server() {
    replay_borrowed!("server", Stream, harness::server);
}

#[test]
fn tungstenite() {
    replay_borrowed!("tungstenite", Stream, harness::client);
    replay_borrowed!("tungstenite", Stream, harness::server);
    replay_borrowed!("tungstenite", Stream, crate::tungstenite);
}
