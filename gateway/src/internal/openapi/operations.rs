//! What each route is for, what it takes, what it answers, and which errors it may have.

use serde_json::{Value, json};

use super::super::problem::Code::{
    self, AdapterUnavailable, HostDenied, InvalidRequest, MethodNotAllowed, NotAlive, NotFound, OriginDenied,
    OutcomeUnknown, Overloaded, PayloadTooLarge, RequestTimeout, RoomNameInvalid, ScopeDenied, ShuttingDown,
    Unauthorized, UnknownConnection, UnknownNamespace, UnsupportedField, UnsupportedMediaType,
};
use super::super::{connections, rooms};
use super::{About, parameters, schema};
use crate::metrics::{self, Route};

/// Codes that one publication may be refused with, by itself or in a batch.
pub(super) const PUBLICATION: &[Code] = &[
    InvalidRequest,
    UnsupportedField,
    UnknownNamespace,
    PayloadTooLarge,
    RoomNameInvalid,
    Overloaded,
    AdapterUnavailable,
    OutcomeUnknown,
    ShuttingDown,
];
/// Codes of what is asked of the nodes.
const ASKED: &[Code] = &[Overloaded, AdapterUnavailable, OutcomeUnknown, ShuttingDown];
/// Codes of what is asked of the shards of this node.
const SHARDS: &[Code] = &[Overloaded, NotAlive];
/// Codes of every body.
const BODY: &[Code] = &[InvalidRequest, UnsupportedField, RequestTimeout, PayloadTooLarge, UnsupportedMediaType];
/// Codes of every query.
const QUERY: &[Code] = &[InvalidRequest, UnsupportedField, UnknownNamespace];
/// Codes of who may.
const GUARD: &[Code] = &[Unauthorized, ScopeDenied, OriginDenied, HostDenied, MethodNotAllowed];

/// One operation, but for its path, method and scope.
pub(super) struct Operation {
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) description: String,
    pub(super) parameters: Vec<Value>,
    /// Schemas of the body by media type.
    pub(super) body: Option<Value>,
    /// Answers that are no errors: status, when, schemas by media type.
    pub(super) answers: Vec<(u16, &'static str, Value)>,
    /// Links from those answers to other operations, if any.
    pub(super) links: Option<Value>,
    pub(super) codes: Vec<Code>,
}

/// The operation of a route; `None` if the route is no path.
pub(super) fn of(route: Route, about: &About<'_>) -> Option<Operation> {
    Some(match route {
        Route::Publish => publish(),
        Route::PublishBatch => batch(about),
        Route::RoomsJoin => Operation {
            answers: vec![(200, "Done.", in_json("Joined"))],
            ..order("joinRooms", "rooms", "Make connections join rooms", "JoinOrLeave")
        },
        Route::RoomsLeave => order("leaveRooms", "rooms", "Make connections leave rooms", "JoinOrLeave"),
        Route::Disconnect => order("disconnect", "connections", "Disconnect connections", "Disconnect"),
        Route::Rooms => list(
            ("listRooms", "rooms", "List rooms that have members, by name"),
            &rooms::LIST_PARAMETERS,
            "RoomPage",
            about,
        ),
        Route::Connections => list(
            ("listConnections", "connections", "List connections"),
            &connections::LIST_PARAMETERS,
            "ConnectionPage",
            about,
        ),
        Route::Nodes => nodes(),
        Route::Room => show_room(about),
        Route::Connection => show_connection(about),
        Route::OpenApi => document(),
        Route::Live => live(),
        Route::Ready => ready(),
        Route::Metrics => scrape(),
        Route::Other => return None,
    })
}

fn operation(id: &'static str, tag: &'static str, summary: &'static str, codes: &[&[Code]]) -> Operation {
    Operation {
        id,
        tag,
        summary,
        description: String::new(),
        parameters: vec![parameters::request_id()],
        body: None,
        answers: Vec::new(),
        links: None,
        codes: codes.concat(),
    }
}

/// Content of one type.
fn content(kind: &str, schema: Value) -> Value {
    let mut content = json!({ kind: {} });
    content[kind]["schema"] = schema;
    content
}

fn in_json(name: &str) -> Value {
    content("application/json", schema(name))
}

fn publish() -> Operation {
    let example = json!({
        "to": { "rooms": ["orders:42"] }, "event": "order.updated", "args": [{ "id": 42 }],
    });
    let body = json!({ "application/json": {
        "schema": schema("Publication"),
        "examples": { "room": { "summary": "To a room", "value": example } },
    } });
    Operation {
        description: "A room without members is no error: nobody gets it, and the answer is 202.".into(),
        body: Some(body),
        answers: vec![
            (202, "Taken: members get it.", in_json("Accepted")),
            (200, "With `ack`: what the clients answered.", in_json("AckSummary")),
        ],
        ..operation("publish", "publish", "Publish an event", &[GUARD, BODY, PUBLICATION])
    }
}

fn batch(about: &About<'_>) -> Operation {
    let (most, bytes) = (about.limits.batch_items_max, about.limits.publish_body_bytes_max);
    let publications = |most: Option<usize>| {
        let mut array = json!({ "type": "array", "items": schema("BatchPublication") });
        if let Some(most) = most {
            array["maxItems"] = most.into();
        }
        array
    };
    let answers = json!({
        "application/json": { "schema": schema("BatchAnswer") },
        "application/x-ndjson": { "schema": { "type": "array", "items": schema("Item") } },
    });
    Operation {
        description: format!(
            "Each publication is answered for itself, in the order of the request; a bad one keeps no other from being \
             published. As application/json: an array of at most {most}, answered at once. As application/x-ndjson: \
             one publication a line of at most {bytes} bytes, without end, each answered by a line as it is taken; \
             schemas of that type say each line as an item of an array. Whoever streams has to read the answers too. \
             503 says that no more streams may be open."
        ),
        body: Some(json!({
            "application/json": { "schema": publications(Some(most)) },
            "application/x-ndjson": { "schema": publications(None) },
        })),
        answers: vec![
            (200, "All were taken; or a stream, where each line has its status.", answers),
            (207, "Some were refused.", in_json("BatchAnswer")),
        ],
        ..operation("publishBatch", "publish", "Publish many events", &[GUARD, BODY, &[Overloaded]])
    }
}

fn order(id: &'static str, tag: &'static str, summary: &'static str, body: &str) -> Operation {
    Operation {
        description: "It is done when the answer comes. That nobody matches is no error.".into(),
        body: Some(in_json(body)),
        answers: vec![(200, "Done.", in_json("Matched"))],
        ..operation(id, tag, summary, &[GUARD, BODY, &[UnknownNamespace, RoomNameInvalid], ASKED])
    }
}

fn list(
    (id, tag, summary): (&'static str, &'static str, &'static str),
    names: &[&str],
    answer: &str,
    about: &About<'_>,
) -> Operation {
    let mut operation = Operation {
        description: "A cursor stays good while others come and go: what is there all the time is listed once.".into(),
        answers: vec![(200, "One page.", in_json(answer))],
        links: Some(json!({ "next": {
            "operationId": id,
            "parameters": { "cursor": "$response.body#/next" },
            "description": "The next page, unless `next` is null. Give the other parameters again.",
        } })),
        ..operation(id, tag, summary, &[GUARD, QUERY, SHARDS])
    };
    operation.parameters.extend(parameters::of_query(names, about));
    if names.contains(&"room") {
        operation.codes.push(RoomNameInvalid);
    }
    operation
}

fn show_room(about: &About<'_>) -> Operation {
    let mut operation = Operation {
        description: "A room without members does not exist; asking for it is no error.".into(),
        answers: vec![(200, "The room.", in_json("RoomCount"))],
        ..operation("showRoom", "rooms", "Show one room", &[GUARD, QUERY, &[NotFound, RoomNameInvalid], SHARDS])
    };
    operation.parameters.push(parameters::of_path("room", "Room", "The room, percent-encoded as one segment."));
    operation.parameters.extend(parameters::of_query(&rooms::SHOW_PARAMETERS, about));
    operation
}

fn show_connection(about: &About<'_>) -> Operation {
    let codes: &[&[Code]] = &[GUARD, QUERY, &[NotFound, UnknownConnection], ASKED, &[NotAlive]];
    let mut operation = Operation {
        answers: vec![(200, "The connection.", in_json("Connection"))],
        ..operation("showConnection", "connections", "Show one connection", codes)
    };
    operation.parameters.push(parameters::of_path("id", "ConnectionId", "The connection's id."));
    operation.parameters.extend(parameters::of_query(&connections::SHOW_PARAMETERS, about));
    operation
}

fn nodes() -> Operation {
    Operation {
        description: "This node and the others that it has heard of lately, by their tags. One page has them all."
            .into(),
        answers: vec![(200, "All nodes.", in_json("NodePage"))],
        ..operation(
            "listNodes",
            "operate",
            "List the nodes of the gateway",
            &[GUARD, &[InvalidRequest, UnsupportedField]],
        )
    }
}

fn document() -> Operation {
    let schema = json!({ "type": "object", "required": ["openapi", "info", "paths", "components"] });
    Operation {
        description: "With the limits of this node's settings. It tells no secret.".into(),
        answers: vec![(200, "The document.", content("application/json", schema))],
        ..operation("openApi", "operate", "This document", &[&[MethodNotAllowed]])
    }
}

fn live() -> Operation {
    let ok = json!({ "type": "string", "const": "ok" });
    Operation {
        answers: vec![(200, "Every shard runs.", content("text/plain; charset=utf-8", ok))],
        ..operation("live", "operate", "Whether the process is alive", &[&[MethodNotAllowed, NotAlive]])
    }
}

fn ready() -> Operation {
    Operation {
        answers: vec![
            (200, "New clients may be sent here.", in_json("Readiness")),
            (503, "New clients are to be sent elsewhere. The API goes on.", in_json("Readiness")),
        ],
        ..operation("ready", "operate", "Whether the node takes new clients", &[&[MethodNotAllowed]])
    }
}

fn scrape() -> Operation {
    let text = content(metrics::CONTENT_TYPE, json!({ "type": "string" }));
    Operation {
        answers: vec![(200, "Prometheus' text format.", text)],
        ..operation("metrics", "operate", "Metrics", &[&[MethodNotAllowed]])
    }
}
