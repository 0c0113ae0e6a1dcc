//! `/livez`, `/readyz` and `/metrics`: open to whoever reaches the listener.

use hyper::{Response, StatusCode};

use super::answer::{self, Body};
use super::problem::{Code, Problem};
use crate::metrics::{CONTENT_TYPE, Gauge, ReadyCheck};
use crate::node::Node;

/// Alive: no shard is stuck.
pub(super) fn live(node: &Node) -> Result<Response<Body>, Problem> {
    if node.shards_alive() {
        Ok(answer::typed(StatusCode::OK, "text/plain; charset=utf-8", "ok".into()))
    } else {
        Err(Problem::new(Code::NotAlive, "a shard's loop has not come round for 5 s"))
    }
}

/// Ready: new clients may be sent here.
pub(super) fn ready(node: &Node) -> Response<Body> {
    let checks = check(node);
    let ready = checks.iter().all(|(_, holds)| *holds);
    let texts: Vec<String> = checks.iter().map(|(check, holds)| format!("\"{}\":{holds}", check.label())).collect();
    let body = format!(r#"{{"ready":{ready},"checks":{{{}}},"draining":{}}}"#, texts.join(","), node.is_draining());
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer::json(status, body)
}

/// The metrics, in Prometheus' text format.
pub(super) fn metrics(node: &Node) -> Response<Body> {
    check(node);
    let waiting: usize = node.mailboxes().iter().map(|mailbox| mailbox.bytes()).sum();
    node.metrics.gauge_set(Gauge::MailboxBytes, waiting as u64);
    answer::typed(StatusCode::OK, CONTENT_TYPE, node.metrics.render().into())
}

/// The conditions of readiness, which the gauges show too.
fn check(node: &Node) -> [(ReadyCheck, bool); 3] {
    let checks = [
        // Both are bound before this listener serves.
        (ReadyCheck::Listeners, true),
        (ReadyCheck::Shards, node.shards_alive()),
        (ReadyCheck::Drain, !node.is_draining()),
    ];
    for (check, holds) in checks {
        node.metrics.gauge_set(Gauge::Ready(check), u64::from(holds));
    }
    checks
}
