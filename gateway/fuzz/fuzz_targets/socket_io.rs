//! Feeds `roomcast_fuzz::socket_io`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    roomcast_fuzz::socket_io::check(data);
});
