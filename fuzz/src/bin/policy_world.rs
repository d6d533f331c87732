#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| oracles::policy_world::run(input));
