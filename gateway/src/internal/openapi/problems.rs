//! Answers by status: what the operation says, errors grouped from their codes, and the
//! headers that go with a status.

use serde_json::{Map, Value, json};

use super::super::problem::Code;
use super::operations::Operation;
use super::schema;

/// All answers of an operation. `bare`: without bodies, as HEAD has them.
pub(super) fn responses(operation: &Operation, bare: bool) -> Value {
    let mut responses = Map::new();
    for (status, when, content) in &operation.answers {
        let mut answer = json!({ "description": when, "headers": headers_of(*status, false), "content": content });
        if let Some(links) = operation.links.as_ref().filter(|_| !bare) {
            answer["links"] = links.clone();
        }
        responses.insert(status.to_string(), answer);
    }
    if bare {
        for answer in responses.values_mut().filter_map(Value::as_object_mut) {
            answer.remove("content");
        }
    }
    for codes in groups(&operation.codes) {
        let reference = json!({ "$ref": format!("#/components/responses/{}", name(&codes, bare)) });
        responses.insert(status(&codes).to_string(), reference);
    }
    responses.into()
}

/// Every group of errors that an operation has, as components.
pub(super) fn components(operations: &[Operation]) -> Value {
    let groups = operations.iter().flat_map(|operation| groups(&operation.codes));
    let both = groups.flat_map(|codes| [false, true].map(|bare| (name(&codes, bare), error(&codes, bare))));
    both.collect::<Map<_, _>>().into()
}

/// Codes by status, each group in the order of the enum.
fn groups(codes: &[Code]) -> Vec<Vec<Code>> {
    let mut groups: Vec<Vec<Code>> = Vec::new();
    for code in Code::ALL.iter().filter(|code| codes.contains(code)) {
        match groups.iter_mut().find(|group| status(group) == code.status().as_u16()) {
            Some(group) => group.push(*code),
            None => groups.push(vec![*code]),
        }
    }
    groups
}

/// The status of a group, which is never empty.
fn status(codes: &[Code]) -> u16 {
    codes.first().map(|code| code.status().as_u16()).unwrap_or_default()
}

fn name(codes: &[Code], bare: bool) -> String {
    let texts: Vec<&str> = codes.iter().map(|code| code.text()).collect();
    format!("{}{}", texts.join("."), if bare { ".head" } else { "" })
}

fn error(codes: &[Code], bare: bool) -> Value {
    let status = status(codes);
    let lines: Vec<String> = codes.iter().map(|code| format!("- `{}`: {}", code.text(), code.meaning())).collect();
    let mut error = json!({ "description": lines.join("\n"), "headers": headers_of(status, true) });
    if !bare {
        let texts: Vec<&str> = codes.iter().map(|code| code.text()).collect();
        let mut problem = schema("Problem");
        problem["properties"] = json!({ "status": { "const": status }, "code": { "enum": texts } });
        error["content"] = json!({ "application/problem+json": { "schema": problem } });
    }
    error
}

fn headers_of(status: u16, is_error: bool) -> Value {
    let own = match status {
        401 => Some("WWW-Authenticate"),
        405 => Some("Allow"),
        503 if is_error => Some("Retry-After"),
        _ => None,
    };
    let names = ["X-Request-Id", "Cache-Control"].into_iter().chain(own);
    names
        .map(|name| (name.to_owned(), json!({ "$ref": format!("#/components/headers/{name}") })))
        .collect::<Map<_, _>>()
        .into()
}

/// The headers, as components.
pub(super) fn headers() -> Value {
    let header =
        |schema: Value, description: &str| json!({ "required": true, "schema": schema, "description": description });
    json!({
        "X-Request-Id": header(
            json!({ "type": "string", "minLength": 1, "maxLength": 64 }),
            "The request's id: the one it came with, or one of the node's own.",
        ),
        "Cache-Control": header(json!({ "type": "string", "const": "no-store" }), "No answer may be kept."),
        "Retry-After": header(json!({ "type": "integer", "const": 1 }), "Seconds to wait before another try."),
        "WWW-Authenticate": header(json!({ "type": "string", "const": "Bearer" }), "The scheme that is needed."),
        "Allow": header(json!({ "type": "string" }), "The methods that the path has."),
    })
}
