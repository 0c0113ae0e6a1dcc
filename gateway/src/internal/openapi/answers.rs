//! Schemas of what answers say.

use serde_json::{Map, Value, json};

use super::super::problem::Code;
use super::operations::PUBLICATION;
use super::{closed, schema};
use crate::metrics::ReadyCheck;

pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("Accepted", closed(accepted(), &["id", "position"])),
        ("AckSummary", ack_summary()),
        ("AcceptedItem", accepted_item()),
        ("RefusedItem", refused_item()),
        ("Item", json!({ "oneOf": [schema("AcceptedItem"), schema("RefusedItem")] })),
        ("BatchAnswer", closed(json!({ "items": { "type": "array", "items": schema("Item") } }), &["items"])),
        ("Matched", closed(json!({ "matched": count("Connections that it was done to.") }), &["matched"])),
        ("Joined", closed(joined(), &["matched", "refused"])),
        ("RoomInfo", room_info()),
        ("RoomCount", room_count()),
        ("RoomPage", page("RoomInfo")),
        ("Connection", connection()),
        ("ConnectionPage", page("Connection")),
        ("Node", node()),
        ("NodePage", page("Node")),
        ("AdapterState", adapter_state()),
        ("Readiness", readiness()),
        ("Problem", problem()),
    ]
}

fn count(description: &str) -> Value {
    json!({ "type": "integer", "minimum": 0, "description": description })
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn joined() -> Value {
    json!({
        "matched": count("Connections that were selected."),
        "refused": count("Of these: would have more rooms than a connection may, and joined none of them."),
        "degraded": {
            "const": true,
            "description": "Some rooms do not get yet what is published on other nodes. Left out otherwise.",
        },
    })
}

fn accepted() -> Value {
    json!({
        "id": { "type": "string", "minLength": 1, "description": "The publication's id: yours, or one made for it." },
        "position": {
            "type": ["string", "null"], "pattern": "^[0-9]+-[0-9]+$",
            "description": "Where it stands in the order of the namespace; null with adapters that keep none.",
        },
        "reach": {
            "const": "node",
            "description": "With `fallback`: only members on this node got it. Left out otherwise.",
        },
    })
}

fn ack_summary() -> Value {
    let reply = closed(
        json!({
            "connection": text("Who answered."),
            "args": { "type": "array", "description": "The arguments of the answer." },
            "attachments": {
                "type": "array", "items": { "type": "string", "contentEncoding": "base64" },
                "description": "Its binary values, if it has any.",
            },
        }),
        &["connection", "args"],
    );
    let properties = json!({
        "id": text("The publication's id."),
        "matched": count("Connections that were asked."),
        "acked": count("Those that answered in time."),
        "timed_out": count("Those that did not."),
        "replies": { "type": "array", "items": reply, "description": "Answers as they came; empty without `collect`." },
        "degraded": {
            "const": true,
            "description": "Some members were not asked: their node had no room for it. Left out otherwise.",
        },
    });
    closed(properties, &["id", "matched", "acked", "timed_out", "replies"])
}

fn accepted_item() -> Value {
    let mut properties = accepted();
    properties["status"] = json!({ "const": 202 });
    closed(properties, &["status", "id", "position"])
}

/// Codes of one item of a batch.
fn refused_item() -> Value {
    let codes: Vec<Code> = PUBLICATION.to_vec();
    let mut statuses: Vec<u16> = codes.iter().map(|code| code.status().as_u16()).collect();
    statuses.sort_unstable();
    statuses.dedup();
    let mut properties = fault(&codes);
    properties["status"] = json!({ "type": "integer", "enum": statuses });
    closed(properties, &["status", "code", "detail"])
}

fn room_info() -> Value {
    let properties = json!({
        "room": text("Its name."),
        "members": count("Connections in it, on all nodes; 0 if there is no such room."),
        "server": {
            "const": true,
            "description": "With `servers`: a server that is no node has members of it, uncounted. Left out otherwise.",
        },
    });
    closed(properties, &["room", "members"])
}

fn room_count() -> Value {
    let properties = json!({
        "room": text("Its name."),
        "members": count("Connections in it, on all nodes; 0 if there is no such room."),
        "unreachable": unreachable(),
    });
    closed(properties, &["room", "members"])
}

fn unreachable() -> Value {
    json!({
        "type": "array", "items": { "type": "string" }, "minItems": 1,
        "description": "Tags of nodes that did not answer in time: what they have is missing. Left out if all did.",
    })
}

fn connection() -> Value {
    let properties = json!({
        "id": text("Its id: a Socket.IO client's `socket.id`, a plain client's `id` of `hello`."),
        "namespace": text("Its namespace."),
        "rooms": {
            "type": "array", "items": { "type": "string" }, "uniqueItems": true,
            "description": "The rooms that it is in.",
        },
        "protocol": { "type": "string", "enum": ["socketio", "plain"] },
        "transport": { "type": "string", "enum": ["websocket", "polling"] },
        "address": text("The peer's address and port."),
        "connected_at_ms": count("When it connected, in milliseconds since 1970."),
        "node": text("The tag of the node that it is connected to."),
        "shard": count("Which shard of its node serves it."),
        "server": {
            "const": true,
            "description": "With `servers`, in place of node and shard: it is connected to a server that is no node.",
        },
    });
    let all = ["id", "namespace", "rooms", "protocol", "transport", "address", "connected_at_ms"];
    closed(properties, &all)
}

fn page(item: &str) -> Value {
    let properties = json!({
        "items": { "type": "array", "items": schema(item) },
        "next": {
            "type": ["string", "null"],
            "description": "The `cursor` of the next page; null on the last.",
        },
        "unreachable": unreachable(),
    });
    closed(properties, &["items", "next"])
}

fn readiness() -> Value {
    let names: Vec<&str> = ReadyCheck::ALL.iter().map(|check| check.label()).collect();
    let checks: Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), json!({ "type": "boolean" }))).collect();
    let always: Vec<&str> = names.into_iter().filter(|name| *name != ReadyCheck::Adapter.label()).collect();
    let properties = json!({
        "ready": { "type": "boolean", "description": "Whether all checks hold." },
        "checks": closed(checks.into(), &always),
        "draining": { "type": "boolean", "description": "Whether the node is going down." },
        "degraded": {
            "type": "boolean",
            "description": "Whether a link to the backend between nodes is down; left out where there is none.",
        },
        "adapter": schema("AdapterState"),
    });
    closed(properties, &["ready", "checks", "draining"])
}

fn adapter_state() -> Value {
    let link = closed(
        json!({
            "name": text("The backend's address."),
            "up": { "type": "boolean", "description": "Whether it was proven to carry messages both ways." },
            "proven_at_ms": {
                "type": ["integer", "null"], "minimum": 0,
                "description": "When that was last so, in milliseconds since 1970; null: never yet.",
            },
            "replica": { "type": "boolean", "description": "Whether the server says that it is a replica." },
            "trouble": text("Why it is down, for people; else empty."),
        }),
        &["name", "up", "proven_at_ms", "replica", "trouble"],
    );
    let properties = json!({
        "kind": { "type": "string", "enum": ["memory", "redis"] },
        "up": { "type": "boolean", "description": "Whether there are links, and all are up." },
        "links": { "type": "array", "items": link },
    });
    closed(properties, &["kind", "up", "links"])
}

fn node() -> Value {
    let properties = json!({
        "node": text("Its tag: the first four characters of the ids of its connections."),
        "name": text("The label that its operator gave it; may be empty."),
        "internal": text("Where other nodes reach its internal listener."),
        "version": text("The version that it runs."),
        "draining": { "type": "boolean", "description": "Whether it is going down." },
        "started_at_ms": count("When it started, in milliseconds since 1970."),
        "heard_at_ms": count("When it was last heard of."),
        "self": { "type": "boolean", "description": "Whether it is the one that answers." },
        "adapter": schema("AdapterState"),
    });
    let all = ["node", "name", "internal", "version", "draining", "started_at_ms", "heard_at_ms", "self"];
    closed(properties, &all)
}

/// What an error says besides its status.
fn fault(codes: &[Code]) -> Value {
    let texts: Vec<&str> = codes.iter().map(|code| code.text()).collect();
    json!({
        "code": { "type": "string", "enum": texts, "description": "Stable, for programs." },
        "detail": text("What is wrong, for people."),
        "field": text("The JSON path, parameter or header that is at fault."),
        "room": text("The room that is at fault."),
    })
}

fn problem() -> Value {
    let titles: Vec<&str> = Code::ALL.iter().map(|code| code.title()).collect();
    let mut properties = fault(Code::ALL);
    properties["type"] = json!({ "const": "about:blank" });
    properties["title"] = json!({ "type": "string", "enum": titles });
    properties["status"] = json!({ "type": "integer", "description": "The status of the answer." });
    closed(properties, &["type", "title", "status", "code", "detail"])
}
