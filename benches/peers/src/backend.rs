//! Which DEFLATE library the peers use, and in which versions they are.

use flate2::{Compress, Compression, FlushCompress};
use zlib_rs::{Deflate, DeflateFlush};

use crate::workload::{self, Content};

/// The versions that this binary is built of.
const LOCK: &str = include_str!("../Cargo.lock");

/// Crates whose presence could mean another backend than zlib-rs.
const OTHERS: [&str; 4] = ["cloudflare-zlib-sys", "libz-ng-sys", "libz-sys", "zlib-ng"];

/// Those whose versions are printed.
const PRINTED: [&str; 13] = [
    "fastwebsockets",
    "nexus-web",
    "sockudo-ws",
    "soketto",
    "tokio-tungstenite",
    "tokio-websockets",
    "tungstenite",
    "web-socket",
    "wtx",
    "yawc",
    "bytes",
    "flate2",
    "tokio",
];

/// Prints the versions, and panics unless everybody compresses with the same zlib-rs.
pub(crate) fn check() {
    for other in OTHERS {
        assert!(versions(other).is_empty(), "{other} may be what flate2 uses");
    }
    let [zlib_rs] = versions("zlib-rs")[..] else { panic!("more than one zlib-rs") };

    // Other libraries make other octets of the same text.
    let text = workload::messages(Content::Binary, 64 << 10, 1).remove(0).bytes;
    let (mut theirs, mut ours) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    let mut compress = Compress::new(Compression::new(6), false);
    compress.compress(&text, &mut theirs, FlushCompress::Sync).expect("valid");
    let mut deflate = Deflate::new(6, false, 15);
    deflate.compress(&text, &mut ours, DeflateFlush::SyncFlush).expect("valid");
    assert_eq!(compress.total_out(), deflate.total_out(), "flate2 does not use zlib-rs");
    assert!(theirs == ours, "flate2 does not use zlib-rs");

    let list: Vec<String> =
        PRINTED.iter().map(|name| format!("{name} {}", versions(name).join(" and "))).collect();
    println!("{}; all compress with zlib-rs {zlib_rs}.\n", list.join(", "));
}

/// Returns the versions of a crate in the lock file.
fn versions(name: &str) -> Vec<&'static str> {
    LOCK.split("[[package]]")
        .filter(|package| package.contains(&format!("\nname = \"{name}\"\n")))
        .filter_map(|package| package.split("\nversion = \"").nth(1)?.split('"').next())
        .collect()
}
