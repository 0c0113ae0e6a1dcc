//! `/livez`, `/readyz` and `/metrics`: open to whoever reaches the listener.

use hyper::{Response, StatusCode};
use roomcast_core::adapter::{LinkState, LinkStatus};

use super::answer::{self, Body};
use super::problem::{Code, Problem, json};
use crate::links::View;
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
    let view = node.links.view();
    let checks = check(node, view.as_ref());
    let ready = checks.iter().all(|(_, holds)| *holds);
    let shown = checks.iter().filter(|(check, _)| *check != ReadyCheck::Adapter || view.is_some());
    let texts: Vec<String> = shown.map(|(check, holds)| format!("\"{}\":{holds}", check.label())).collect();
    let adapter = view.as_ref().map(|view| format!(r#","degraded":{},"adapter":{}"#, !view.up, adapter(view)));
    let (checks, draining, adapter) = (texts.join(","), node.is_draining(), adapter.unwrap_or_default());
    let body = format!(r#"{{"ready":{ready},"checks":{{{checks}}},"draining":{draining}{adapter}}}"#);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer::json(status, body)
}

/// The adapter with its links.
pub(super) fn adapter(view: &View) -> String {
    let links: Vec<String> = view.links.iter().map(link).collect();
    format!(r#"{{"kind":"{}","up":{},"links":[{}]}}"#, view.kind.word(), view.up, links.join(","))
}

fn link(link: &LinkStatus) -> String {
    let proven = link.proven_at.map_or_else(|| "null".to_owned(), |at| at.to_string());
    format!(
        r#"{{"name":{},"up":{},"proven_at_ms":{proven},"replica":{},"trouble":{}}}"#,
        json(&link.name),
        link.state == LinkState::Up,
        link.replica,
        json(&link.trouble)
    )
}

/// The metrics, in Prometheus' text format.
pub(super) fn metrics(node: &Node) -> Response<Body> {
    let view = node.links.view();
    check(node, view.as_ref());
    node.metrics.adapter_links(view.as_ref().map(|view| (&view.links[..], view.up)));
    node.metrics.adapter_counts(&node.adapter.counts());
    node.metrics.gauge_set(Gauge::Nodes, node.adapter.peers().len() as u64 + 1);
    let waiting: usize = node.mailboxes().iter().map(|mailbox| mailbox.bytes()).sum();
    node.metrics.gauge_set(Gauge::MailboxBytes, waiting as u64);
    answer::typed(StatusCode::OK, CONTENT_TYPE, node.metrics.render().into())
}

/// The conditions of readiness, which the gauges show too. Without links the adapter's holds.
fn check(node: &Node, view: Option<&View>) -> [(ReadyCheck, bool); 4] {
    let checks = [
        // Both are bound before this listener serves.
        (ReadyCheck::Listeners, true),
        (ReadyCheck::Shards, node.shards_alive()),
        (ReadyCheck::Drain, !node.is_draining()),
        (ReadyCheck::Adapter, view.is_none_or(|view| view.ready)),
    ];
    for (check, holds) in checks {
        node.metrics.gauge_set(Gauge::Ready(check), u64::from(holds));
    }
    checks
}
