#![no_main]

libfuzzer_sys::fuzz_target!(|operations: Vec<framewise_fuzz::Hostile>| framewise_fuzz::hostile(
    &operations
));
