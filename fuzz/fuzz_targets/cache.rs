#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ecs_resolver_fuzz::cache::run(data));
