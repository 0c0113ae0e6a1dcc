//! The public listener: HTTP/1.1 as far as the upgrade, polling, and the demo page.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `origin` | which web pages may use the gateway, and the CORS headers they get |
//! | `query` | what a request's query says |
//! | `answer` | the answers, with the reference server's bodies and headers |
//! | `engine` | `/socket.io/`: the order of checks, handshakes, polls |
//! | `body` | the body of a POST |
//! | `foreign` | requests for sessions that live on other nodes |
//! | `plain` | `/ws`, and `/echo` for embedding programs |
//! | `upgrade` | from HTTP to WebSocket, and the probe of a polling session |
//! | `waiting` | connections that wait for a request: the bound on them |
//!
//! Deliberately absent: HTTP/2 (WebSocket over it would be another transport),
//! compression, cookies.

mod answer;
mod body;
mod engine;
mod foreign;
mod origin;
mod plain;
mod query;
mod upgrade;
mod waiting;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::metrics::{Counter, HttpRefusal, Listener};
use crate::shard::Shard;
use crate::shard::handshake::Kept;
pub(crate) use origin::is_loopback_host;
pub(crate) use query::{decode, decode_segment};
pub(crate) use upgrade::adopt;
use waiting::Wait;
pub(crate) use waiting::Waiting;

/// Every answer's body is at hand when the answer is made.
pub(crate) type Body = Full<Bytes>;

/// What other servers may know of a handshake, as far as the settings list it.
fn kept(shard: &Shard, request: &Request<Incoming>) -> Option<Box<Kept>> {
    let state = shard.state.borrow();
    let header = |name: &str| Some(request.headers().get(name)?.to_str().ok()?.to_owned());
    state.handshakes.as_ref()?.keep(header, |name| query::first(request.uri().query(), name))
}

/// Serves one TCP connection until it ends or becomes a WebSocket.
pub(crate) async fn serve(shard: Rc<Shard>, stream: TcpStream, address: SocketAddr) {
    let http = crate::http::server(&shard.node.settings().limits);
    let wait = Rc::new(Wait::begin(&shard));
    let service = {
        let (shard, wait) = (Rc::clone(&shard), Rc::clone(&wait));
        service_fn(move |request| Rc::clone(&wait).during(route(Rc::clone(&shard), request, address)))
    };
    let served = tokio::select! {
        // A request that has come is begun, and then not given up.
        biased;
        served = http.serve_connection(TokioIo::new(stream), service).with_upgrades() => served,
        () = wait.given_up() => return,
    };
    if let Err(error) = served {
        tracing::debug!(%error, "public connection ended");
        refused(&shard, crate::http::refusal(&error, wait.served_any()));
    }
}

/// Counts a request that HTTP's rules refused.
fn refused(shard: &Shard, reason: Option<HttpRefusal>) {
    if let Some(reason) = reason {
        shard.state.borrow().cells.inc(Counter::HttpRefused(Listener::Public, reason));
    }
}

async fn route(
    shard: Rc<Shard>,
    mut request: Request<Incoming>,
    address: SocketAddr,
) -> Result<Response<Body>, Infallible> {
    // A client is no node, whatever it says.
    crate::peers::headers::strip(request.headers_mut());
    let settings = shard.node.settings();
    let path = request.uri().path();
    let response = if let Some(fault) = crate::http::fault(&request) {
        refused(&shard, Some(HttpRefusal::Malformed));
        answer::malformed(fault)
    } else if path == settings.socket_io.path {
        engine::serve(&shard, request, address).await
    } else if path == settings.websocket.path {
        plain::serve(&shard, request, address, false)
    } else if Some(path) == shard.node.echo_path.as_deref() {
        plain::serve(&shard, request, address, true)
    } else if path == "/" && shard.node.is_open() && matches!(*request.method(), Method::GET | Method::HEAD) {
        demo(shard.node.internal_address, &settings.websocket.path)
    } else {
        answer::text(StatusCode::NOT_FOUND, "not found\n")
    };
    refused(&shard, HttpRefusal::of(response.status().as_u16()));
    Ok(response)
}

/// The demo page: our own, one file, in the open mode only. Nothing is put into it but
/// the nonce, by which the browser runs its script and styles and no others, the address of the API and
/// the path of WebSockets: characters that mean nothing to HTML and scripts (`Rule::Path`).
fn demo(internal: SocketAddr, websocket: &str) -> Response<Body> {
    let mut nonce = [0; 16];
    // The kernel's generator does not fail once it is seeded, which it is before we run.
    let _ = getrandom::fill(&mut nonce);
    let nonce = format!("{:032x}", u128::from_ne_bytes(nonce));
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'"
    );
    let page = include_str!("public/demo.html").replace("{nonce}", &nonce);
    let page = page.replace("{internal}", &internal.to_string()).replace("{websocket}", websocket);
    let mut response = Response::new(Body::from(page));
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert("content-security-policy", policy);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_page_runs_under_its_policy_alone() {
        let page = include_str!("public/demo.html");
        assert_eq!(page.matches("nonce=\"{nonce}\"").count(), 2, "one script, one style");
        for forbidden in ["innerHTML", "https://", "<script src", " style=", " onclick="] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(page.contains("{internal}/v1/publish") && page.contains("\"{websocket}\"") && !page.contains(":9090"));
        let internal = SocketAddr::from(([127, 0, 0, 1], 1));
        let policy = |response: &Response<Body>| {
            let policy = response.headers().get("content-security-policy").cloned();
            policy.expect("the page has a policy")
        };
        let (first, second) = (demo(internal, "/w"), demo(internal, "/w"));
        assert!(policy(&first).to_str().is_ok_and(|text| text.starts_with("default-src 'none'; script-src 'nonce-")));
        assert_ne!(policy(&first), policy(&second), "a nonce is used once");
    }
}
