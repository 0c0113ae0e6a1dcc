//! HTTP/1.1 as both listeners serve it: bounded in headers, and in the time they may take.

use std::time::Duration;

use hyper::header::{CONTENT_ENCODING, HeaderMap};
use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;

use crate::limits::HEADER_BYTES_MIN;
use crate::metrics::HttpRefusal;
use crate::settings::Limits;

/// A server with the limits of the settings.
pub(crate) fn server(limits: &Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(limits.header_timeout_ms))
        .max_buf_size(limits.header_bytes_max.max(HEADER_BYTES_MIN as usize))
        .max_headers(limits.headers_max);
    http
}

/// Whether a body is compressed, or changed in another way before it was sent. None is read.
pub(crate) fn is_encoded(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_ENCODING).is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// Why hyper ended a connection, if that was the peer's fault. One that was idle after a
/// request it had `served` is at no fault.
pub(crate) fn refusal(error: &hyper::Error, served: bool) -> Option<HttpRefusal> {
    if error.is_parse_too_large() {
        Some(HttpRefusal::HeadTooLarge)
    } else if error.is_parse() {
        Some(HttpRefusal::Malformed)
    } else {
        (error.is_timeout() && !served).then_some(HttpRefusal::HeadTimeout)
    }
}
