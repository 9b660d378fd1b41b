#![no_main]

libfuzzer_sys::fuzz_target!(|stream: framewise_fuzz::Stream<'_>| framewise_fuzz::proxy(&stream));
