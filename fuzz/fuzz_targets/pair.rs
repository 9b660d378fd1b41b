#![no_main]

libfuzzer_sys::fuzz_target!(|operations: Vec<framewise_fuzz::Operation>| framewise_fuzz::pair(
    &operations
));
