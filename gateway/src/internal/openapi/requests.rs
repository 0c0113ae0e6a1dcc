//! Schemas of what requests send.

use roomcast_core::publication::ATTACHMENTS_MAX;
use roomcast_core::room::NAME_BYTES_MAX;
use roomcast_core::socket_io::{DEPTH_MAX, RESERVED_EVENTS};
use serde_json::{Value, json};

use super::{closed, schema};
use crate::limits::{ACK_TIMEOUT_MS_DEFAULT, ACK_TIMEOUT_MS_MAX, AUDIENCE_ROOMS_MAX, LIST_ITEMS_DEFAULT, NUMBER_MAX};
use crate::settings::Limits;

/// No control characters.
const NAME: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$";
/// The same, and not reserved.
const FREE_NAME: &str = "^[^~\\u0000-\\u001f\\u007f-\\u009f][^\\u0000-\\u001f\\u007f-\\u009f]*$";
/// Standard base64 with padding, and no bits left over.
const BASE64: &str = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$";
/// Bytes that `~user:` takes of a user's name.
const USER_PREFIX_BYTES: usize = 6;

pub(super) fn schemas(limits: &Limits) -> Vec<(&'static str, Value)> {
    let name = |pattern: &str, max: usize, description: &str| {
        let text = format!("{description} 1 to {max} bytes of UTF-8 without control characters.");
        json!({ "type": "string", "minLength": 1, "maxLength": max, "pattern": pattern, "description": text })
    };
    let mut connection_id = name(FREE_NAME, NAME_BYTES_MAX, "The id of a connection.");
    connection_id["format"] = "connection-id".into();
    let user_max = NAME_BYTES_MAX - USER_PREFIX_BYTES;
    vec![
        (
            "Namespace",
            json!({
                "type": "string", "format": "namespace", "default": "/", "examples": ["/"],
                "description": "A namespace that the settings declare.",
            }),
        ),
        ("Room", name(FREE_NAME, NAME_BYTES_MAX, "A room. Names that begin with `~` are the gateway's own.")),
        ("User", name(NAME, user_max, "A user.")),
        ("ConnectionId", connection_id),
        ("To", to()),
        ("Except", closed(targets(), &[])),
        ("Ack", ack(limits)),
        ("Publication", publication(true)),
        ("BatchPublication", publication(false)),
        ("JoinOrLeave", join_or_leave()),
        ("Disconnect", disconnect()),
    ]
}

fn targets() -> Value {
    let list = |of: &str, description: &str| {
        json!({
            "type": "array", "items": schema(of), "maxItems": AUDIENCE_ROOMS_MAX,
            "description": format!("{description} Together with the others at most {AUDIENCE_ROOMS_MAX}."),
        })
    };
    json!({
        "rooms": list("Room", "The members of these rooms, each once."),
        "users": list("User", "All connections of these users."),
        "connections": list("ConnectionId", "These connections."),
    })
}

fn to() -> Value {
    let mut properties = targets();
    properties["all"] = json!({
        "type": "boolean", "default": false,
        "description": "Every connection of the namespace; the other lists then add nothing.",
    });
    let given = |list: &str| json!({ "required": [list], "properties": { list: { "type": "array", "minItems": 1 } } });
    let mut to = closed(properties, &[]);
    to["description"] = "Whom: at least one room, user or connection, or `all`.".into();
    to["anyOf"] = json!([
        given("rooms"),
        given("users"),
        given("connections"),
        { "required": ["all"], "properties": { "all": { "const": true } } },
    ]);
    to
}

fn ack(limits: &Limits) -> Value {
    let most = limits.list_items_max;
    let mut ack = closed(
        json!({
            "timeout_ms": {
                "type": "integer", "minimum": 1, "maximum": ACK_TIMEOUT_MS_MAX, "default": ACK_TIMEOUT_MS_DEFAULT,
                "description": "Time that clients have.",
            },
            "want": {
                "type": "string", "enum": ["count", "collect"], "default": "count",
                "description": "Whether `replies` lists what clients answered.",
            },
            "limit": {
                "type": "integer", "minimum": 1, "maximum": most, "default": LIST_ITEMS_DEFAULT.min(most),
                "description": "Replies that are listed, with `collect` only.",
            },
        }),
        &[],
    );
    ack["description"] = "Asks the clients for acknowledgements, and waits for them.".into();
    ack["dependentSchemas"] =
        json!({ "limit": { "required": ["want"], "properties": { "want": { "const": "collect" } } } });
    ack
}

/// `with_ack`: batches do not wait for acknowledgements.
fn publication(with_ack: bool) -> Value {
    let name = |description: &str| {
        json!({
            "type": "string", "minLength": 1, "maxLength": NAME_BYTES_MAX,
            "description": format!("{description} 1 to {NAME_BYTES_MAX} bytes."),
        })
    };
    let mut properties = json!({
        "namespace": schema("Namespace"),
        "to": schema("To"),
        "except": schema("Except"),
        "event": {
            "type": "string", "minLength": 1, "not": { "enum": RESERVED_EVENTS },
            "description": "The event's name. Those that the Socket.IO protocol has for itself are refused.",
        },
        "args": {
            "type": "array",
            "description": format!(
                "The event's arguments, handed on as they are written: key order and digits are kept. \
                 Nested at most {DEPTH_MAX} deep. `{{\"_placeholder\":true,\"num\":0}}` stands for the first attachment."
            ),
        },
        "data": { "description": "Short for one argument. Not together with `args`." },
        "attachments": {
            "type": "array", "maxItems": ATTACHMENTS_MAX,
            "items": { "type": "string", "contentEncoding": "base64", "pattern": BASE64 },
            "description": "Binary values in standard base64 with padding; each needs its placeholder in the arguments.",
        },
        "id": name("Your id for it, repeated in the answer; without one it gets one. A repeat is another publication."),
        "key": name("What the publication is about: of `latest` ones with the same key a slow client gets the last."),
        "ttl_ms": {
            "type": "integer", "minimum": 1, "maximum": NUMBER_MAX,
            "description": "Time after which it is no longer delivered.",
        },
        "delivery": {
            "type": "string", "enum": ["default", "volatile", "latest"], "default": "default",
            "description": "What becomes of it at a client that reads slowly: `volatile` may be dropped, of `latest` \
                only the last of its `key` is kept; `default` is never dropped, the client is closed instead.",
        },
        "fallback": {
            "type": "string", "enum": ["refuse", "node"], "default": "refuse",
            "description": "What becomes of it while the backend between nodes does not answer: 503, or members on \
                this node get it and the answer has `reach`. Not `node` together with `ack`.",
        },
    });
    if with_ack {
        properties["ack"] = schema("Ack");
    }
    let mut publication = closed(properties, &["to", "event"]);
    publication["not"] = json!({ "required": ["args", "data"] });
    publication["if"] = json!({ "required": ["delivery"], "properties": { "delivery": { "const": "latest" } } });
    publication["then"] = json!({ "required": ["key"] });
    publication
}

fn join_or_leave() -> Value {
    let rooms = json!({
        "type": "array", "items": schema("Room"), "minItems": 1, "maxItems": AUDIENCE_ROOMS_MAX,
        "description": "The rooms to join, or to leave.",
    });
    let properties = json!({
        "namespace": schema("Namespace"), "rooms": rooms, "select": schema("To"), "except": schema("Except"),
    });
    closed(properties, &["rooms", "select"])
}

fn disconnect() -> Value {
    let reconnect = json!({
        "type": "boolean", "default": false,
        "description": "Whether clients are to come back by themselves.",
    });
    let properties = json!({
        "namespace": schema("Namespace"), "select": schema("To"), "except": schema("Except"), "reconnect": reconnect,
    });
    closed(properties, &["select"])
}
