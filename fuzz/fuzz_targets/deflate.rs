#![no_main]

libfuzzer_sys::fuzz_target!(|input: framewise_fuzz::Compressed<'_>| framewise_fuzz::deflate(
    &input
));
