//! Questions between nodes: who answers which. Their bodies are JSON, and they change nothing.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;

use crate::node::Node;
use crate::peers::{HELLO, SOUND};

/// Whether a path is one of these, and not a poll or a tunnel.
pub(super) fn is_at(path: &str) -> bool {
    !path.starts_with("/internal/poll/") && path != crate::peers::tunnel::TARGET
}

/// Answers; `None`: nobody here answers that.
pub(super) async fn answer(node: &Arc<Node>, target: &str, body: Bytes) -> Option<Bytes> {
    match target {
        HELLO => Some(hello(node)),
        SOUND => Some(node.links.view().is_some_and(|view| view.up).to_string().into()),
        _ => super::super::siblings::answer(node, target, &body).await,
    }
}

/// Who is here: proof that this node's internal port answers.
fn hello(node: &Node) -> Bytes {
    let draining = node.is_draining();
    json!({"tag": node.tag.as_str(), "version": env!("CARGO_PKG_VERSION"), "draining": draining}).to_string().into()
}
