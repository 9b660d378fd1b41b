#![no_main]

libfuzzer_sys::fuzz_target!(|acts: Vec<framewise_fuzz::Act>| framewise_fuzz::halves(&acts));
