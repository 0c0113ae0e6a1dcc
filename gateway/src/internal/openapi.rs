//! `GET /v1/openapi.json`: what this listener serves, as an OpenAPI 3.1 document.
//!
//! Made from what the code itself goes by: routes and scopes from `rows`, codes and
//! statuses from `problem`, limits from the node's settings. A test compares the fields and
//! parameters with those that the readers know. `docs/openapi.json` is the document of the
//! default settings.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `operations` | what each route is for, takes and answers |
//! | `parameters` | parameters of paths, queries and headers |
//! | `requests` | schemas of bodies |
//! | `answers` | schemas of answers |
//! | `problems` | errors by status, and the headers of answers |
//!
//! Deliberately absent: what stands before every route and is plain HTTP, such as a head
//! that is too large. `docs/http-api.md` is the page for people.

mod answers;
mod operations;
mod parameters;
mod problems;
mod requests;

use hyper::{Response, StatusCode};
use roomcast_core::id::SHARDS_MAX;
use serde_json::{Map, Value, json};

use super::answer::{self, Body};
use super::rows::{ROUTES, Row};
use crate::node::Node;
use crate::settings::{Limits, Settings};
use operations::Operation;

/// Answers with the document of this node.
pub(super) fn serve(node: &Node) -> Response<Body> {
    let settings = node.settings();
    let open = settings.internal.keys.is_empty();
    let about = About { limits: &settings.limits, shards: node.mailboxes().len(), open };
    answer::json(StatusCode::OK, document(&about).to_string())
}

/// The page `docs/openapi.json`.
pub(crate) fn page() -> String {
    // With `#` a document is written with indents.
    let settings = Settings::default();
    let about = About { limits: &settings.limits, shards: SHARDS_MAX.into(), open: true };
    format!("{:#}\n", document(&about))
}

/// What of a node shows in its document.
struct About<'a> {
    limits: &'a Limits,
    /// At least one.
    shards: usize,
    /// Whether the API has no keys.
    open: bool,
}

fn document(about: &About<'_>) -> Value {
    let routes = ROUTES.iter().filter_map(|row| Some((row, operations::of(row.route, about)?)));
    let (rows, operations): (Vec<&Row>, Vec<Operation>) = routes.unzip();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Roomcast, the internal listener",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": INFO,
        },
        "tags": [
            { "name": "publish", "description": "Publications to rooms, users, connections or everybody." },
            { "name": "rooms", "description": "Which rooms have members; joining and leaving." },
            { "name": "connections", "description": "Who is connected; disconnecting." },
            { "name": "operate", "description": "Health, metrics and this document. They need no key." },
        ],
        "paths": paths(&rows, &operations, about.open),
        "components": {
            "securitySchemes": { "key": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "rk_<id>_<secret>",
                "description": "A key of `internal.keys`. The scopes that it needs stand at each operation. \
                    Without keys in the settings the API is open.",
            } },
            "headers": problems::headers(),
            "parameters": parameters::components(),
            "responses": problems::components(&operations),
            "schemas": schemas(about.limits),
        },
    })
}

const INFO: &str = "\
Backends publish and look here; clients never do. Bodies are JSON in UTF-8, at most as large as \
`limits.publish_body_bytes_max` says, and never compressed. A field or parameter that is not listed is refused \
by name (400 `unsupported_field`), not ignored, and so is the header Idempotency-Key. Names are bounded in bytes of UTF-8, which `maxLength` counts as characters. \
Errors are problem+json (RFC 9457) with a stable `code`; a path that does not exist answers 404 `not_found`. \
What is not even a request of HTTP is answered by 400 or 431 without a body.";

/// All paths. One path may have several routes.
fn paths(rows: &[&Row], operations: &[Operation], open: bool) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for (row, operation) in rows.iter().zip(operations) {
        let item = paths.entry(row.path()).or_insert_with(|| json!({}));
        if row.post {
            item["post"] = operation_object(row, operation, open, false);
        } else {
            item["get"] = operation_object(row, operation, open, false);
            item["head"] = operation_object(row, operation, open, true);
        }
    }
    paths.into()
}

/// `bare`: the operation of HEAD, which has the same answers without their bodies.
fn operation_object(row: &Row, operation: &Operation, open: bool, bare: bool) -> Value {
    let mut object = json!({
        "operationId": if bare { format!("{}Head", operation.id) } else { operation.id.into() },
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": operation.parameters,
        "responses": problems::responses(operation, bare),
        "security": security(row, open),
    });
    if !operation.description.is_empty() {
        object["description"] = operation.description.as_str().into();
    }
    if let Some(body) = &operation.body {
        object["requestBody"] = json!({ "required": true, "content": body });
    }
    object
}

/// The scope of the route, as a role of the key. Without keys it may be left out.
fn security(row: &Row, open: bool) -> Value {
    match row.scope {
        None => json!([]),
        Some(scope) if open => json!([{}, { "key": [scope.word()] }]),
        Some(scope) => json!([{ "key": [scope.word()] }]),
    }
}

fn schemas(limits: &Limits) -> Value {
    let all = requests::schemas(limits).into_iter().chain(answers::schemas());
    all.map(|(name, schema)| (name.to_owned(), schema)).collect::<Map<_, _>>().into()
}

/// A reference to a schema of the document.
fn schema(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// An object with these properties and no other, all of the `required` ones given.
fn closed(properties: Value, required: &[&str]) -> Value {
    let mut object = json!({ "type": "object", "required": required, "additionalProperties": false });
    object["properties"] = properties;
    object
}

#[cfg(test)]
mod tests;
