//! HTTP/1.1 as both listeners serve it: bounded in headers and in the time they may take, and
//! strict where two readers of one request could understand it differently.
//!
//! `Content-Length` beside `Transfer-Encoding: chunked` is hyper's to settle, for it takes the length
//! out before anybody sees it: the chunks count and the connection ends with the answer, as
//! RFC 9112 section 6.3 has it.

use std::time::Duration;

use hyper::header::{CONTENT_ENCODING, HOST, HeaderMap, TRANSFER_ENCODING};
use hyper::server::conn::http1;
use hyper::{Request, Version};
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

/// What is wrong with a request for whatever path, in words for its sender: the answer is 400, and
/// the end of the connection, since where the next request begins is then in doubt.
///
/// Host names are those of RFC 9112 section 3.2: one in HTTP/1.1, at most one before it.
pub(crate) fn fault<B>(request: &Request<B>) -> Option<&'static str> {
    let headers = request.headers();
    let hosts = headers.get_all(HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
        return Some("a request has one Host header");
    }
    let mut encodings = headers.get_all(TRANSFER_ENCODING).iter();
    let (first, further) = (encodings.next(), encodings.next());
    let chunked = first.is_none_or(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"chunked"));
    (!chunked || further.is_some()).then_some("the only Transfer-Encoding that is read is chunked")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_and_no_encoding_but_chunked() {
        let fault = |version: Version, headers: &[(&str, &str)]| {
            let request =
                headers.iter().fold(Request::builder().version(version), |r, (name, value)| r.header(*name, *value));
            fault(&request.body(()).expect("a request")).is_some()
        };
        let (host, chunked) = (("Host", "a"), ("Transfer-Encoding", "Chunked"));
        assert!(!fault(Version::HTTP_11, &[host]) && !fault(Version::HTTP_11, &[host, chunked]));
        assert!(!fault(Version::HTTP_10, &[]) && fault(Version::HTTP_11, &[]));
        assert!(fault(Version::HTTP_11, &[host, host]) && fault(Version::HTTP_10, &[host, host]));
        for encoding in ["gzip, chunked", "chunked, chunked", "identity, chunked", ""] {
            assert!(fault(Version::HTTP_11, &[host, ("Transfer-Encoding", encoding)]), "{encoding}");
        }
        assert!(fault(Version::HTTP_11, &[host, ("Transfer-Encoding", "gzip"), chunked]));
    }
}
