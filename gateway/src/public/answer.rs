//! The answers of the public port, with the bodies, types and cache rules of the
//! reference server (Engine.IO 6.6: see the probe in `tests/captures`).

use bytes::Bytes;
use hyper::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};

use super::Body;

/// Engine.IO's error codes, with their messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EngineError {
    TransportUnknown,
    SessionUnknown,
    BadHandshakeMethod,
    BadRequest,
    Forbidden,
    UnsupportedVersion,
}

impl EngineError {
    fn line(self) -> (u8, &'static str) {
        match self {
            Self::TransportUnknown => (0, "Transport unknown"),
            Self::SessionUnknown => (1, "Session ID unknown"),
            Self::BadHandshakeMethod => (2, "Bad handshake method"),
            Self::BadRequest => (3, "Bad request"),
            Self::Forbidden => (4, "Forbidden"),
            Self::UnsupportedVersion => (5, "Unsupported protocol version"),
        }
    }

    fn status(self) -> StatusCode {
        if self == Self::Forbidden { StatusCode::FORBIDDEN } else { StatusCode::BAD_REQUEST }
    }

    /// To an ordinary request: JSON.
    pub(super) fn to_poll(self) -> Response<Body> {
        let (code, message) = self.line();
        let body = format!(r#"{{"code":{code},"message":"{message}"}}"#);
        with_type(self.status(), "application/json", body)
    }

    /// To an upgrade request: the plain message, and the connection ends.
    pub(super) fn to_upgrade(self) -> Response<Body> {
        let mut response = with_type(self.status(), "text/html", self.line().1);
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }
}

/// 200 with a polling payload.
pub(super) fn payload(body: impl Into<Bytes>) -> Response<Body> {
    no_store(with_type(StatusCode::OK, "text/plain; charset=UTF-8", body))
}

/// 200 `ok`, the answer to a POST.
pub(super) fn ok() -> Response<Body> {
    no_store(with_type(StatusCode::OK, "text/html", "ok"))
}

/// A status and nothing else.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = status;
    response
}

/// 408: the body did not come in time. What may still come of it is not read.
pub(super) fn timed_out() -> Response<Body> {
    let mut response = empty(StatusCode::REQUEST_TIMEOUT);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// 400: HTTP's own rules are broken. Nothing more is read on the connection.
pub(super) fn malformed(why: &'static str) -> Response<Body> {
    let mut response = with_type(StatusCode::BAD_REQUEST, "text/plain; charset=utf-8", format!("{why}\n"));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A status with a line for people.
pub(super) fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    with_type(status, "text/plain; charset=utf-8", body)
}

/// 503 from static bytes: only ever to requests without a session.
pub(super) fn unavailable(why: &'static str) -> Response<Body> {
    let mut response = text(StatusCode::SERVICE_UNAVAILABLE, why);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    no_store(response)
}

fn with_type(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn no_store(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
