#![no_main]

libfuzzer_sys::fuzz_target!(|driven: framewise_fuzz::Driven| framewise_fuzz::driver(&driven));
