//! The internal listener: the API of backends, health and metrics.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `rows` | paths, methods and the scopes they need |
//! | `routes` | who answers which request |
//! | `guard` | who may use the API, and what a body may be |
//! | `body` | reading bodies within their limits |
//! | `object` | reading JSON strictly |
//! | `audience` | to whom: `to`, `select`, `except` |
//! | `publish` | `POST /v1/publish` |
//! | `outcome` | how a publication ended, counted |
//! | `acks` | the same with `ack`: what clients answered |
//! | `batch` | `POST /v1/publish/batch`, as an array or as a stream of lines |
//! | `pipeline` | publications one after the other, answered in order |
//! | `orders` | `POST /v1/rooms/join`, `/v1/rooms/leave`, `/v1/disconnect` |
//! | `rooms` | `GET /v1/rooms`, `/v1/rooms/{room}` |
//! | `connections` | `GET /v1/connections`, `/v1/connections/{id}` |
//! | `nodes` | `GET /v1/nodes` |
//! | `query` | parameters of lists |
//! | `page`, `cursor` | pages of lists, and where the next one begins |
//! | `here`, `siblings`, `servers` | what this node has of the lists, what others have, what servers that are no nodes have |
//! | `ask` | asking all nodes |
//! | `shards` | asking the shards of this node |
//! | `openapi` | `GET /v1/openapi.json` |
//! | `peers` | requests of other nodes, over HTTP/2 |
//! | `health` | `GET /livez`, `/readyz`, `/metrics` |
//! | `answer` | bodies and types of answers |
//! | `problem` | errors and their stable codes |
//!
//! Health, metrics and the OpenAPI document need no key, beyond loopback too: see `guard`. The API goes on
//! while the node drains.
//!
//! Deliberately absent: HTTP/2 for anybody but nodes, TLS, compressed bodies, idempotency and history.

mod acks;
mod answer;
mod ask;
mod audience;
mod batch;
mod body;
mod connections;
mod cursor;
mod guard;
mod health;
mod here;
mod nodes;
mod object;
pub(crate) mod openapi;
mod orders;
mod outcome;
mod page;
mod peers;
mod pipeline;
mod problem;
mod publish;
mod query;
mod rooms;
mod routes;
mod rows;
mod servers;
mod shards;
mod siblings;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::{INTERNAL_CONNECTIONS_MAX, REQUEST_ID_BYTES_MAX};
use crate::metrics::{Counter, Gauge, HttpRefusal, Listener, Route};
use crate::node::Node;
use answer::Body;

pub(crate) use problem::Problem;
pub(crate) use publish::{Given, Wish, read_with as read_publication};

/// What the requests share.
struct Api {
    node: Arc<Node>,
    /// Requests without an id of their own.
    requests: AtomicU64,
}

/// Serves until the runtime ends.
pub(crate) async fn serve(node: Arc<Node>, listener: std::net::TcpListener) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "the internal listener does not serve"),
    };
    let places = Arc::new(Semaphore::new(INTERNAL_CONNECTIONS_MAX));
    let api = Arc::new(Api { node, requests: AtomicU64::new(0) });
    loop {
        if places.available_permits() == 0 {
            api.node.metrics.inc(Counter::InternalConnectionsFull);
        }
        // The semaphore is never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (api, place) = (Arc::clone(&api), Place::taken(&api.node, place));
                tokio::spawn(async move {
                    connection(api, stream).await;
                    drop(place);
                });
            }
            Err(error) => {
                // Out of files, say: trying again at once would spin.
                tracing::warn!(%error, "the internal listener cannot accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// One of the connections that the listener may have, given back on drop.
struct Place {
    node: Arc<Node>,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    fn taken(node: &Arc<Node>, permit: OwnedSemaphorePermit) -> Self {
        node.metrics.gauge_add(Gauge::InternalConnections, 1);
        Self { node: Arc::clone(node), _permit: permit }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.node.metrics.gauge_sub(Gauge::InternalConnections, 1);
    }
}

async fn connection(api: Arc<Api>, stream: TcpStream) {
    // Answers are small and whole; waiting to join them with more only adds latency.
    let _ = stream.set_nodelay(true);
    let settings = api.node.settings();
    // Whoever takes none of an answer's bytes does not keep its place either.
    crate::listener::let_go_after(&stream, Duration::from_millis(settings.limits.body_timeout_ms));
    let http = crate::http::server(&settings.limits);
    let header_time = Duration::from_millis(settings.limits.header_timeout_ms);
    drop(settings);
    match peers::begins_http2(&stream, header_time).await {
        Ok(false) => {}
        Ok(true) => return peers::connection(Arc::clone(&api.node), stream).await,
        Err(error) => {
            let late = error.kind() == std::io::ErrorKind::TimedOut;
            return refused(&api.node, late.then_some(HttpRefusal::HeadTimeout));
        }
    }
    let served_any = Arc::new(AtomicBool::new(false));
    let service = {
        let (api, served_any) = (Arc::clone(&api), Arc::clone(&served_any));
        service_fn(move |request| {
            served_any.store(true, Ordering::Relaxed);
            respond(Arc::clone(&api), request)
        })
    };
    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "internal connection ended");
        refused(&api.node, crate::http::refusal(&error, served_any.load(Ordering::Relaxed)));
    }
}

/// Answers a request; counts it, and names it for the logs of both sides.
async fn respond(api: Arc<Api>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let started = Instant::now();
    let id = api.request_id(&request);
    let (route, mut response) = match crate::http::fault(&request) {
        Some(fault) => {
            refused(&api.node, Some(HttpRefusal::Malformed));
            (Route::Other, answer::malformed(fault))
        }
        None => {
            let (route, answer) = routes::answer(&api.node, request).await;
            (route, answer.unwrap_or_else(|problem| answer::problem(&problem)))
        }
    };
    api.node.metrics.api_request(route, response.status().as_u16(), started.elapsed());
    // What is not found at a path that there is, such as a connection, was asked for by the rules.
    let refusal = HttpRefusal::of(response.status().as_u16());
    refused(&api.node, refusal.filter(|reason| *reason != HttpRefusal::NotFound || route == Route::Other));
    response.headers_mut().insert("x-request-id", id);
    Ok(response)
}

/// Counts a request that HTTP's rules refused.
fn refused(node: &Node, reason: Option<HttpRefusal>) {
    if let Some(reason) = reason {
        node.metrics.inc(Counter::HttpRefused(Listener::Internal, reason));
    }
}

impl Api {
    /// The id that the client gave, if it is a sane one; else one of ours.
    fn request_id(&self, request: &Request<Incoming>) -> HeaderValue {
        let given = request.headers().get("x-request-id").filter(|id| {
            let id = id.as_bytes();
            (1..=REQUEST_ID_BYTES_MAX).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
        });
        given.cloned().unwrap_or_else(|| {
            let number = self.requests.fetch_add(1, Ordering::Relaxed);
            // The tag and digits are always a header's value.
            HeaderValue::try_from(format!("{}-{number}", self.node.tag))
                .unwrap_or_else(|_| HeaderValue::from_static("-"))
        })
    }
}
