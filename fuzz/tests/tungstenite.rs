//! Replays the corpus of the one target that needs another implementation; `tests/corpus.rs` of the
//! crate itself replays all others.

use std::{fs, path::Path};

use arbitrary::{Arbitrary as _, Unstructured};
use framewise_fuzz::Stream;

#[test]
fn tungstenite() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/tungstenite");
    for file in fs::read_dir(folder).expect("the corpus") {
        let path = file.expect("an entry").path();
        // The last one that is printed is the one that fails.
        println!("{}", path.display());
        let octets = fs::read(&path).expect("a file");
        if let Ok(stream) = Stream::arbitrary_take_rest(Unstructured::new(&octets)) {
            framewise_fuzz::tungstenite(&stream);
        }
    }
}
