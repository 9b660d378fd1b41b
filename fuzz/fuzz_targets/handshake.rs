#![no_main]

libfuzzer_sys::fuzz_target!(|cut: framewise_fuzz::Cut<'_>| framewise_fuzz::handshake(&cut));
