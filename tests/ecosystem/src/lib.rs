//! Tests of framewise over streams of other crates.
