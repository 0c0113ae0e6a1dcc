//! Properties of the plain protocol.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use proptest::prelude::*;
use roomcast_core::plain::{self, DecodeError, Kind};
use roomcast_core::publication::Payload;
use serde_json::{Value, json};

/// JSON values of moderate depth and size.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((".{0,4}", inner), 0..4)
                .prop_map(|entries| Value::from(entries.into_iter().collect::<serde_json::Map<_, _>>())),
        ]
    })
}

fn binaries() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..=10)
}

/// Arguments followed by one placeholder per binary value.
fn with_placeholders(mut args: Vec<Value>, binaries: &[Vec<u8>]) -> Vec<Value> {
    args.extend((0..binaries.len()).map(|num| json!({"_placeholder": true, "num": num})));
    args
}

fn encoded(binaries: &[Vec<u8>]) -> Vec<String> {
    binaries.iter().map(|bytes| STANDARD.encode(bytes)).collect()
}

/// A client's command with fields of which any may be missing or of the wrong kind.
fn almost() -> impl Strategy<Value = String> {
    let name =
        prop::sample::select(vec!["type", "id", "room", "rooms", "event", "args", "attachments", "token", "other"]);
    let known = prop::sample::select(vec![
        "\"subscribe\"",
        "\"unsubscribe\"",
        "\"publish\"",
        "\"emit\"",
        "\"auth\"",
        "[\"a\"]",
        "[]",
        "1",
        "null",
    ])
    .prop_map(str::to_owned);
    let text = prop_oneof![3 => known, 1 => value().prop_map(|v| v.to_string())];
    prop::collection::vec((name, text), 0..7).prop_map(|fields| {
        let fields: Vec<_> = fields.iter().map(|(name, text)| format!("\"{name}\":{text}")).collect();
        format!("{{{}}}", fields.join(","))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn any_text_is_a_command_or_an_error(text in prop_oneof!["\\PC{0,64}", ".{0,64}", "[\\[\\]{}\":,\\\\a0u ]{0,64}"]) {
        let object = serde_json::from_str::<serde_json::Map<String, Value>>(&text).is_ok();
        prop_assert_eq!(object, !matches!(plain::decode(&text), Err(DecodeError::NotAnObject)));
    }

    #[test]
    fn any_object_is_a_command_or_refused(text in almost(), cut in any::<prop::sample::Index>()) {
        match plain::decode(&text) {
            Ok(_) => {}
            Err(DecodeError::Refused { id, code, message }) => {
                let answer = plain::error(id.as_deref(), code, &message, None);
                let answer: Value = serde_json::from_str(&answer).expect("the answer is JSON");
                prop_assert!(["unknown_type", "invalid_request", "unsupported_field"].contains(&code));
                prop_assert_eq!(&answer["message"], &Value::from(message));
            }
            Err(DecodeError::NotAnObject) => prop_assert!(false, "{} is an object", text),
        }
        let part: String = text.chars().take(cut.index(text.chars().count())).collect();
        prop_assert!(matches!(plain::decode(&part), Err(DecodeError::NotAnObject)));
    }

    #[test]
    fn an_event_parses_back(
        room in prop::option::of(".{1,20}"),
        name in prop_oneof![".{0,12}".prop_map(Value::from), any::<i32>().prop_map(Value::from)],
        args in prop::collection::vec(value(), 0..4),
        binaries in binaries(),
    ) {
        let args = with_placeholders(args, &binaries);
        let mut data = vec![name.clone()];
        data.extend(args.iter().cloned());
        let attachments = binaries.iter().cloned().map(Bytes::from).collect();
        let payload = Payload::from_data(&Value::from(data).to_string(), attachments).expect("a payload");
        let text = plain::event(room.as_deref(), &payload);
        let mut expected = json!({"type": "event", "event": name, "args": args});
        if let Some(room) = room {
            expected["room"] = room.into();
        }
        if !binaries.is_empty() {
            expected["attachments"] = encoded(&binaries).into();
        }
        prop_assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), expected);
    }

    #[test]
    fn a_published_command_is_read_as_it_was_written(
        id in prop_oneof![".{0,12}".prop_map(Value::from), any::<i64>().prop_map(Value::from)],
        room in ".{0,20}",
        name in ".{0,12}",
        args in prop::collection::vec(value(), 0..4),
        binaries in binaries(),
        pretty in any::<bool>(),
    ) {
        let args = with_placeholders(args, &binaries);
        let sent = json!({
            "type": "publish", "id": id, "room": room, "event": name, "args": args,
            "attachments": encoded(&binaries),
        });
        let text = if pretty { format!("{sent:#}") } else { sent.to_string() };
        let command = plain::decode(&text).expect("a command");
        prop_assert_eq!(command.id.map(ToString::to_string), Some(id.to_string()));
        let Kind::Publish { room: to, payload } = command.kind else {
            return Err(TestCaseError::fail("not a publish"));
        };
        prop_assert_eq!(to, room);
        prop_assert_eq!(payload.attachments(), &binaries[..]);
        let mut data = vec![Value::from(name)];
        data.extend(args);
        prop_assert_eq!(serde_json::from_str::<Value>(payload.data()).expect("JSON"), Value::from(data));
    }

    #[test]
    fn rooms_and_tokens_are_read_as_they_were_written(
        rooms in prop::collection::vec(".{0,20}", 1..5),
        token in ".{0,40}",
    ) {
        let text = json!({"type": "subscribe", "rooms": rooms}).to_string();
        match plain::decode(&text).expect("a command").kind {
            Kind::Subscribe(found) => prop_assert_eq!(found, rooms),
            _ => prop_assert!(false, "not a subscribe"),
        }
        let text = json!({"type": "auth", "token": token}).to_string();
        match plain::decode(&text).expect("a command").kind {
            Kind::Auth(found) => prop_assert_eq!(found, token),
            _ => prop_assert!(false, "not an auth"),
        }
    }
}
