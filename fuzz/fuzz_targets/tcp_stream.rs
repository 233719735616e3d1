#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ecs_resolver_fuzz::tcp_stream::run(data));
