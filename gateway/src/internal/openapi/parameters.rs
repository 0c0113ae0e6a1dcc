//! Parameters of paths, queries and headers, each said once and referred to by its name.

use serde_json::{Value, json};

use super::{About, schema};
use crate::limits::LIST_ITEMS_DEFAULT;

/// Parameters of queries, by the names that the readers know.
pub(super) fn of_query(names: &[&str], about: &About<'_>) -> Vec<Value> {
    names.iter().map(|name| query(name, about)).collect()
}

fn query(name: &str, about: &About<'_>) -> Value {
    let most = about.limits.list_items_max;
    let (schema, description) = match name {
        "namespace" => (schema("Namespace"), "A declared namespace; any other is 404 `unknown_namespace`."),
        "prefix" => (json!({ "type": "string" }), "Only rooms whose names begin so."),
        "room" => (schema("Room"), "Only members of this room."),
        "node" => (
            json!({ "type": "string", "format": "node-tag", "minLength": 1 }),
            "Only what this node has; a tag that `/v1/nodes` does not list is 400.",
        ),
        "servers" => (
            json!({ "type": "boolean", "default": false }),
            "Whether servers that are no Roomcast nodes are asked too, for each page anew. Not together with `node` \
             or `shard`.",
        ),
        "shard" => (
            json!({ "type": "integer", "minimum": 0, "maximum": about.shards - 1 }),
            "Only what this shard has, of `node` or else of the node that is asked; a number that is no shard's is 400.",
        ),
        "cursor" => (
            json!({ "type": "string", "format": "cursor", "minLength": 1 }),
            "The `next` of the page before; anything else is 400.",
        ),
        _ => (
            json!({ "type": "integer", "minimum": 1, "maximum": most, "default": LIST_ITEMS_DEFAULT.min(most) }),
            "Items of the page.",
        ),
    };
    json!({ "name": name, "in": "query", "schema": schema, "description": description })
}

/// The variable segment of a path.
pub(super) fn of_path(name: &str, kind: &str, description: &str) -> Value {
    json!({ "name": name, "in": "path", "required": true, "schema": schema(kind), "description": description })
}

/// The header that every request may have.
pub(super) fn request_id() -> Value {
    json!({ "$ref": "#/components/parameters/X-Request-Id" })
}

pub(super) fn components() -> Value {
    json!({ "X-Request-Id": {
        "name": "X-Request-Id",
        "in": "header",
        "schema": { "type": "string" },
        "description": "Names the request in the logs of both sides; the answer repeats it. Anything but 1 to 64 \
            visible characters of ASCII is replaced by an id of the node's own.",
    } })
}
