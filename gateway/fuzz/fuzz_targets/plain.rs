//! Feeds `roomcast_fuzz::plain`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    roomcast_fuzz::plain::check(data);
});
