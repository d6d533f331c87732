#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| oracles::one_port::run(input));
