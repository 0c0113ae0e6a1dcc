//! `GET /v1/nodes`: the nodes of this gateway, as far as this one knows them.

use hyper::{Response, StatusCode};
use roomcast_core::cluster::NodeInfo;

use super::answer::{self, Body};
use super::health;
use super::problem::{Problem, json};
use super::query::parameters;
use crate::node::Node;

/// Lists all nodes by their tags, this one with its links.
pub(super) fn list(node: &Node, query: Option<&str>) -> Result<Response<Body>, Problem> {
    let [] = parameters(query, [])?;
    let own = node.info();
    let mut items = vec![(own.tag, item(&own, Some(node)))];
    let others = node.adapter.peers();
    items.extend(others.iter().filter(|other| other.tag != own.tag).map(|other| (other.tag, item(other, None))));
    items.sort_by(|(a, _), (b, _)| a.as_str().cmp(b.as_str()));
    let texts: Vec<String> = items.into_iter().map(|(_, text)| text).collect();
    Ok(answer::json(StatusCode::OK, format!(r#"{{"items":[{}],"next":null}}"#, texts.join(","))))
}

/// `here`: it is this node.
fn item(info: &NodeInfo, here: Option<&Node>) -> String {
    let adapter = here.and_then(|node| node.links.view()).map(|view| health::adapter(&view));
    format!(
        r#"{{"node":"{}","name":{},"internal":"{}","version":{},"draining":{},"started_at_ms":{},"heard_at_ms":{},"self":{}{}}}"#,
        info.tag,
        json(&info.name),
        info.internal,
        json(&info.version),
        info.draining,
        info.started_at,
        info.heard_at,
        here.is_some(),
        adapter.map(|adapter| format!(r#","adapter":{adapter}"#)).unwrap_or_default()
    )
}
