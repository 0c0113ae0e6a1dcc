//! The body of a POST, within its limit and in time.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::{Request, Response, StatusCode};

use super::Body;
use super::answer::{self, EngineError};
use crate::settings::Limits;

/// Why there is no body.
pub(super) enum Unread {
    /// Of a type that revision 4 does not have.
    Binary,
    /// Compressed, say.
    Encoded,
    TooLarge,
    /// Bad chunks, or an end before its time.
    Broken,
    TimedOut,
}

impl Unread {
    /// Whether the session ends: half a body leaves it without order in what its client says.
    pub(super) fn is_fatal(&self) -> bool {
        !matches!(self, Self::TooLarge)
    }

    /// What the client is told.
    pub(super) fn answer(&self) -> Response<Body> {
        match self {
            Self::Binary => answer::empty(StatusCode::BAD_REQUEST),
            Self::Encoded => answer::empty(StatusCode::UNSUPPORTED_MEDIA_TYPE),
            Self::TooLarge => answer::empty(StatusCode::PAYLOAD_TOO_LARGE),
            Self::Broken => EngineError::BadRequest.to_poll(),
            Self::TimedOut => answer::timed_out(),
        }
    }
}

/// The whole body.
pub(super) async fn read(request: Request<Incoming>, limits: &Limits) -> Result<Bytes, Unread> {
    let kind = request.headers().get(CONTENT_TYPE);
    if kind.is_some_and(|kind| kind.as_bytes() == b"application/octet-stream") {
        return Err(Unread::Binary);
    }
    if crate::http::is_encoded(request.headers()) {
        return Err(Unread::Encoded);
    }
    let (max, time) = (limits.message_bytes_max, Duration::from_millis(limits.body_timeout_ms));
    if request.body().size_hint().lower() > max as u64 {
        return Err(Unread::TooLarge);
    }
    let whole = Limited::new(request.into_body(), max).collect();
    match tokio::time::timeout(time, whole).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Unread::TooLarge),
        Ok(Err(_)) => Err(Unread::Broken),
        Err(_) => Err(Unread::TimedOut),
    }
}
