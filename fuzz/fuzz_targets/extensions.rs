#![no_main]

libfuzzer_sys::fuzz_target!(|input: framewise_fuzz::Negotiation<'_>| framewise_fuzz::extensions(
    &input
));
