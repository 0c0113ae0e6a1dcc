//! Answers of the internal listener: their bodies and types.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use hyper::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use tokio::sync::mpsc;

use super::problem::{Code, Problem};

/// The body of an answer.
pub(super) enum Body {
    /// All of it is at hand.
    Whole(Option<Bytes>),
    /// It is made while it is sent.
    Stream(Stream),
}

/// A body and the work that makes it. The work runs when the peer has room for more, and
/// ends with the connection.
pub(super) struct Stream {
    chunks: mpsc::Receiver<Bytes>,
    work: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Stream {
    /// `work` holds the sending end of `chunks` and ends the body by letting go of it.
    pub(super) fn new(chunks: mpsc::Receiver<Bytes>, work: impl Future<Output = ()> + Send + 'static) -> Self {
        let work = Some(Box::pin(work) as Pin<Box<dyn Future<Output = ()> + Send>>);
        Self { chunks, work }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Poll::Ready(chunk) = self.chunks.poll_recv(context) {
            return Poll::Ready(chunk);
        }
        if let Some(work) = &mut self.work
            && work.as_mut().poll(context).is_ready()
        {
            self.work = None;
        }
        self.chunks.poll_recv(context)
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take()),
            Self::Stream(stream) => stream.poll(context),
        };
        chunk.map(|chunk| chunk.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

/// A status with a JSON document.
pub(super) fn json(status: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    typed(status, "application/json", body.into())
}

/// A status with a document of any type. Never kept by caches.
pub(super) fn typed(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Body> {
    let body = Body::Whole(Some(body).filter(|body| !body.is_empty()));
    dressed(status, kind, body)
}

/// A stream of JSON lines.
pub(super) fn lines(stream: Stream) -> Response<Body> {
    dressed(StatusCode::OK, "application/x-ndjson", Body::Stream(stream))
}

fn dressed(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// HTTP's own rules are broken. Nothing more is read on the connection.
pub(super) fn malformed(why: &'static str) -> Response<Body> {
    let mut response = problem(&Problem::new(Code::InvalidRequest, why));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// An error.
pub(super) fn problem(problem: &Problem) -> Response<Body> {
    let status = problem.code.status();
    let mut response = typed(status, "application/problem+json", problem.document().into());
    let headers = response.headers_mut();
    match status {
        StatusCode::SERVICE_UNAVAILABLE => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        StatusCode::UNAUTHORIZED => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        _ => {}
    }
    response
}
