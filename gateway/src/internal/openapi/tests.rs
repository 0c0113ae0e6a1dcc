//! The document against the code that it describes.

use serde_json::Value;

use super::super::problem::Code;
use super::super::{audience, connections, orders, publish, rooms};
use super::*;

fn default_document() -> Value {
    of(&Settings::default())
}

fn of(settings: &Settings) -> Value {
    document(&About { limits: &settings.limits, shards: 4, open: settings.internal.keys.is_empty() })
}

fn names(properties: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = properties.as_object().expect("properties").keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

fn sorted<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let mut names = names.to_vec();
    names.sort_unstable();
    names
}

/// Every object of the document, with where it is.
fn each<'a>(value: &'a Value, path: &str, visit: &mut impl FnMut(&str, &'a Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            visit(path, object);
            for (name, value) in object {
                each(value, &format!("{path}/{}", name.replace('~', "~0").replace('/', "~1")), visit);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                each(value, &format!("{path}/{index}"), visit);
            }
        }
        _ => {}
    }
}

#[test]
fn bodies_have_the_fields_that_their_readers_know() {
    let document = default_document();
    let batch: Vec<&str> = publish::FIELDS.into_iter().filter(|name| *name != "ack").collect();
    let readers: [(&str, &[&str]); 7] = [
        ("Publication", &publish::FIELDS),
        ("BatchPublication", &batch),
        ("Ack", &publish::ACK_FIELDS),
        ("To", &audience::TO_FIELDS),
        ("Except", &audience::EXCEPT_FIELDS),
        ("JoinOrLeave", &orders::ROOMS_FIELDS),
        ("Disconnect", &orders::DISCONNECT_FIELDS),
    ];
    for (name, fields) in readers {
        let schema = &document["components"]["schemas"][name];
        assert_eq!(names(&schema["properties"]), sorted(fields), "{name}");
        assert_eq!(schema["additionalProperties"], false, "{name}");
    }
}

#[test]
fn queries_have_the_parameters_that_their_readers_know() {
    let document = default_document();
    let readers: [(&str, &[&str]); 6] = [
        ("/v1/rooms", &rooms::LIST_PARAMETERS),
        ("/v1/rooms/{room}", &rooms::SHOW_PARAMETERS),
        ("/v1/connections", &connections::LIST_PARAMETERS),
        ("/v1/connections/{id}", &connections::SHOW_PARAMETERS),
        ("/v1/nodes", &[]),
        ("/v1/openapi.json", &[]),
    ];
    for (path, known) in readers {
        let parameters = document["paths"][path]["get"]["parameters"].as_array().expect("parameters");
        let query = parameters.iter().filter(|parameter| parameter["in"] == "query");
        let listed: Vec<&str> = query.filter_map(|parameter| parameter["name"].as_str()).collect();
        assert_eq!(listed, known, "{path}");
    }
}

#[test]
fn every_route_and_every_code_is_there() {
    let document = default_document();
    for row in ROUTES {
        let method = if row.post { "post" } else { "get" };
        assert!(document["paths"][row.path()][method].is_object(), "{method} {}", row.path());
    }
    let mut seen = Vec::new();
    each(&document["components"]["responses"], "", &mut |_, object| {
        let codes = object.get("code").and_then(|code| code["enum"].as_array());
        seen.extend(codes.into_iter().flatten().filter_map(Value::as_str));
    });
    for code in Code::ALL {
        assert!(seen.contains(&code.text()), "no operation has {}", code.text());
    }
}

#[test]
fn references_lead_somewhere_and_operations_have_names_of_their_own() {
    let document = default_document();
    let mut ids = Vec::new();
    each(&document, "#", &mut |path, object| {
        if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
            let found = reference.strip_prefix('#').and_then(|at| document.pointer(at));
            assert!(found.is_some(), "{path} refers to {reference}");
        }
        if path.starts_with("#/paths/") && object.contains_key("responses") {
            ids.push(object["operationId"].as_str().expect("an id"));
        }
    });
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    // Reading has HEAD beside GET.
    let expected: usize = ROUTES.iter().map(|row| if row.post { 1 } else { 2 }).sum();
    assert_eq!((ids.len(), all), (expected, expected));
}

#[test]
fn limits_are_those_of_the_settings() {
    let mut settings = Settings::default();
    (settings.limits.list_items_max, settings.limits.batch_items_max) = (7, 3);
    let document = of(&settings).to_string();
    assert!(document.contains(r#""default":7,"maximum":7"#));
    assert!(document.contains(r#""maxItems":3"#));
    let about = About { limits: &settings.limits, shards: 4, open: true };
    assert_eq!(parameters::of_query(&["shard"], &about)[0]["schema"]["maximum"], 3);
}

#[test]
fn a_key_is_needed_where_there_are_keys() {
    let mut settings = Settings::default();
    let security = |settings: &Settings, path: &str| of(settings)["paths"][path]["get"]["security"].clone();
    assert_eq!(security(&settings, "/v1/rooms"), json!([{}, { "key": ["read"] }]));
    settings.internal.keys.push(crate::settings::Key::default());
    assert_eq!(security(&settings, "/v1/rooms"), json!([{ "key": ["read"] }]));
    assert_eq!(security(&settings, "/livez"), json!([]));
}
