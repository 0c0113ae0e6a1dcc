//! Feeds `roomcast_fuzz::publish`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    roomcast_fuzz::publish::check(data);
});
