#![no_main]

libfuzzer_sys::fuzz_target!(|written: framewise_fuzz::Written| framewise_fuzz::output(&written));
