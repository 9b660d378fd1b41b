#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| framewise_fuzz::frame_header(octets));
