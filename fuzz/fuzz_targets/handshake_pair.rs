#![no_main]

libfuzzer_sys::fuzz_target!(|opening: framewise_fuzz::Opening<'_>| framewise_fuzz::handshake_pair(
    &opening
));
