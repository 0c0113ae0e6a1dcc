//! Feeds `roomcast_fuzz::frames`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    roomcast_fuzz::frames::check(data);
});
