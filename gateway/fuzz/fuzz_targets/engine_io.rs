//! Feeds `roomcast_fuzz::engine_io`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    roomcast_fuzz::engine_io::check(data);
});
