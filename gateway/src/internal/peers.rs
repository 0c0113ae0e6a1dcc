//! Requests of other nodes: HTTP/2 with prior knowledge on the internal listener, below `/internal/`.
//! They need no key of the API but the proof of a node, and nothing of them is there in HTTP/1.1.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `proof` | whether a request is another node's, and comes once |
//! | `polls` | polls of sessions that live here, which came in elsewhere |
//! | `tunnel` | WebSockets of sessions that live here, which came in elsewhere |
//! | `calls` | questions: who answers which |
//!
//! Deliberately absent: passing a request on. Whatever it is about is here, or it is not known.

mod calls;
mod polls;
mod proof;
mod tunnel;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;

use crate::limits::{PEER_CONNECTION_WINDOW_BYTES, PEER_HEAD_BYTES_MAX, PEER_STREAM_WINDOW_BYTES, PEER_STREAMS_MAX};
use crate::metrics::{Counter, Direction, Gauge};
use crate::node::Node;
use crate::peers::body::Body;
use crate::peers::polls::Op;
use crate::peers::pool::{PING_EVERY, PING_TIME};
use crate::peers::signature::Digest;
use crate::peers::tunnel::{TARGET, TARGET_BASE64};
use proof::{Proven, Refused};

/// The first three bytes of HTTP/2's preface: no method of HTTP/1.1 begins so.
const PREFACE: &[u8] = b"PRI";
/// How often a connection is looked at that has said less than that.
const SNIFF_EVERY: Duration = Duration::from_millis(5);
/// A connection on which no other node has asked anything from one of these looks to the next is closed.
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// Resets of streams that a burst of clients hanging up may cause before it counts as an attack.
const RESETS_MAX: usize = 1024;

/// Whether a connection begins with HTTP/2's preface. An error: it ended, or said too little in time.
pub(super) async fn begins_http2(stream: &TcpStream, within: Duration) -> io::Result<bool> {
    let sniff = async {
        let mut first = [0; PREFACE.len()];
        loop {
            let said = stream.peek(&mut first).await?;
            let said = first.get(..said).unwrap_or_default();
            if said.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if !PREFACE.starts_with(said) {
                return Ok(false);
            }
            if said.len() == PREFACE.len() {
                return Ok(true);
            }
            // What is there already makes the next look return at once.
            tokio::time::sleep(SNIFF_EVERY).await;
        }
    };
    tokio::time::timeout(within, sniff).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// What the requests of one connection share.
#[derive(Default)]
struct Usage {
    /// Whether any was proven.
    proven: AtomicBool,
    requests: AtomicU64,
    open: AtomicUsize,
}

/// Serves another node.
pub(super) async fn connection(node: Arc<Node>, stream: TcpStream) {
    let usage = Arc::new(Usage::default());
    let service = {
        let (node, usage) = (Arc::clone(&node), Arc::clone(&usage));
        service_fn(move |request| respond(Arc::clone(&node), Arc::clone(&usage), request))
    };
    let served = Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_stream_window_size(PEER_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(PEER_CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(PEER_STREAMS_MAX)
        .max_header_list_size(PEER_HEAD_BYTES_MAX)
        .max_send_buf_size(PEER_STREAM_WINDOW_BYTES as usize)
        .max_pending_accept_reset_streams(RESETS_MAX)
        .max_local_error_reset_streams(RESETS_MAX)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIME)
        .serve_connection(TokioIo::new(stream), service);
    node.metrics.gauge_add(Gauge::PeerConnections(Direction::In), 1);
    let introduce = Duration::from_millis(node.settings().limits.header_timeout_ms);
    tokio::select! {
        served = served => {
            if let Err(error) = served {
                tracing::debug!(%error, "connection of another node ended");
            }
        }
        () = idle(&usage, introduce) => tracing::debug!("connection of another node closed: nothing was asked on it"),
    }
    node.metrics.gauge_sub(Gauge::PeerConnections(Direction::In), 1);
}

/// Resolves when nothing is asked on a connection; soon, if it has not shown that it is a node's.
async fn idle(usage: &Usage, introduce: Duration) {
    tokio::time::sleep(introduce).await;
    if !usage.proven.load(Ordering::Relaxed) {
        return;
    }
    let mut before = u64::MAX;
    loop {
        let now = usage.requests.load(Ordering::Relaxed);
        if now == before && usage.open.load(Ordering::Relaxed) == 0 {
            return;
        }
        before = now;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// One request in progress.
struct Open(Arc<Usage>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn respond(node: Arc<Node>, usage: Arc<Usage>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    usage.requests.fetch_add(1, Ordering::Relaxed);
    usage.open.fetch_add(1, Ordering::Relaxed);
    let open = Open(Arc::clone(&usage));
    let is_call = calls::is_at(request.uri().path());
    let count = |result| {
        let direction = Direction::In;
        let counter =
            if is_call { Counter::PeerCalls(direction, result) } else { Counter::ForwardedRequests(direction, result) };
        node.metrics.inc(counter);
    };
    let response = match proof::check(&node, &request) {
        Ok(proven) => {
            usage.proven.store(true, Ordering::Relaxed);
            let (result, response) = route(&node, proven, request, open).await;
            count(result);
            response
        }
        Err(refused) => {
            count(refused.result());
            tracing::debug!(?refused, "a request below /internal/ was refused");
            status(refused.status())
        }
    };
    Ok(response)
}

async fn route(
    node: &Arc<Node>,
    proven: Proven,
    request: Request<Incoming>,
    open: Open,
) -> (crate::metrics::ForwardResult, Response<Body>) {
    use crate::metrics::ForwardResult;
    let target = request.uri().path_and_query().map(|target| target.as_str().to_owned()).unwrap_or_default();
    let body = request.into_body();
    if let (TARGET | TARGET_BASE64, Some(sid)) = (target.as_str(), proven.sid) {
        return tunnel::open(node, sid, target == TARGET_BASE64, body, open).await;
    }
    let limits = &node.settings().limits;
    let max = if proven.sid.is_some() { limits.message_bytes_max } else { crate::limits::PEER_CALL_BYTES_MAX };
    let time = Duration::from_millis(limits.body_timeout_ms);
    let body = match read(body, max, time, proven.digest).await {
        Ok(body) => body,
        Err(refusal) => return (ForwardResult::Refused, status(refusal)),
    };
    match (Op::at(&target), proven.sid) {
        (Some(op), Some(sid)) => polls::answer(node, sid, op, body).await,
        (None, None) => match calls::answer(node, &target, body).await {
            Some(answer) => (ForwardResult::Answered, Response::new(Body::whole(answer))),
            None => (ForwardResult::Refused, status(StatusCode::NOT_FOUND)),
        },
        _ => (ForwardResult::Refused, status(StatusCode::NOT_FOUND)),
    }
}

/// The body that the proof is for.
async fn read(body: Incoming, max: usize, time: Duration, digest: Digest) -> Result<Bytes, StatusCode> {
    let whole = tokio::time::timeout(time, Limited::new(body, max).collect()).await;
    let whole = whole.map_err(|_| StatusCode::REQUEST_TIMEOUT)?.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
    let whole = whole.to_bytes();
    if crate::peers::signature::digest(&whole) == digest { Ok(whole) } else { Err(Refused::Proof.status()) }
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::Whole(None));
    *response.status_mut() = status;
    response
}
