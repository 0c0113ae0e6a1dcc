//! Properties of the Socket.IO codec: what is encoded comes back, any text is survived,
//! placeholders agree with a judge that builds the tree.

use bytes::Bytes;
use proptest::prelude::*;
use roomcast_core::publication::Payload;
use roomcast_core::socket_io::{
    ATTACHMENTS_MAX, Assembly, DecodeError, Kind, Packet, RESERVED_EVENTS, check_placeholders, decode, encode_ack,
    encode_connect, encode_connect_error, encode_disconnect, encode_event,
};
use serde_json::{Map, Value, json};

const BYTES_MAX: usize = 1_000_000;
const ACK_MAX: u64 = 9_999_999_999_999_999_999;

fn namespace() -> impl Strategy<Value = String> {
    prop_oneof![Just("/".to_owned()), "/[a-z]{1,8}", "/[^,\u{0}-\u{1f}\u{7f}]{0,12}"]
}

fn name() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["[a-z_]{0,12}", any::<String>()]
        .prop_filter("not reserved", |name| !RESERVED_EVENTS.contains(&name.as_str()));
    prop_oneof![
        4 => text.prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_filter("has a JSON form", |n| n.is_finite()).prop_map(Value::from),
    ]
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("has a JSON form", |n| n.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ]
}

/// Objects that are placeholders, or nearly.
fn placeholder() -> impl Strategy<Value = Value> {
    let mark = prop_oneof![
        6 => Just(json!(true)), 1 => Just(json!(false)), 1 => Just(json!("true")), 1 => Just(json!(1)),
    ];
    let num = prop_oneof![
        8 => (0..3_u64).prop_map(Value::from),
        1 => Just(json!(-1)), 1 => Just(json!(0.5)), 1 => Just(json!("0")), 1 => Just(json!([0])),
        1 => Just(json!({"num": 0})), 1 => Just(Value::Null),
    ];
    (mark, proptest::option::weighted(0.95, num)).prop_map(|(mark, num)| {
        let mut object = Map::new();
        object.insert("_placeholder".to_owned(), mark);
        if let Some(num) = num {
            object.insert("num".to_owned(), num);
        }
        Value::Object(object)
    })
}

fn tree(leaf: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    let key = prop_oneof!["[a-z]{0,3}", Just("num".to_owned()), any::<String>()];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key.clone(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The text of a JSON array, compact or spread over lines.
fn text_of(items: Vec<Value>, pretty: bool) -> String {
    let value = Value::Array(items);
    if pretty { serde_json::to_string_pretty(&value).expect("JSON") } else { value.to_string() }
}

fn args() -> impl Strategy<Value = Vec<Value>> {
    proptest::collection::vec(tree(leaf()), 0..4)
}

fn with_placeholders(mut items: Vec<Value>, n: usize) -> Vec<Value> {
    // Last first: a placeholder's place says nothing about its number.
    items.extend((0..n).rev().map(|num| json!({"_placeholder": true, "num": num})));
    items
}

fn attachments() -> impl Strategy<Value = Vec<Bytes>> {
    let attachment = proptest::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from);
    proptest::collection::vec(attachment, 0..=ATTACHMENTS_MAX)
}

/// Text that looks like a packet.
fn nearly() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-7]([0-9]{0,3}-)?(/[a-z?é]{0,5},?)?[0-9]{0,22}[\\[\\]{}\",:a-z_0-9\\\\ ]{0,30}",
        "[25](1-)?(/a,)?[0-9]{0,3}\\[\"[a-z\\\\\"u0-9]{0,8}\"(,[0-9\\[\\]{}\"]{0,6}){0,3}\\]",
        any::<String>(),
    ]
}

/// The judge: placeholders as the reference finds them, in the tree.
fn judge(value: &Value, seen: &mut [bool]) -> bool {
    match value {
        Value::Array(items) => items.iter().all(|item| judge(item, seen)),
        Value::Object(object) => {
            if object.get("_placeholder") == Some(&Value::Bool(true)) {
                let index = object.get("num").and_then(Value::as_u64);
                match index.and_then(|i| seen.get_mut(usize::try_from(i).ok()?)) {
                    Some(seen) => *seen = true,
                    None => return false,
                }
            }
            object.values().all(|value| judge(value, seen))
        }
        _ => true,
    }
}

fn survive(text: &str) {
    if let Ok(packet) = decode(text)
        && let Some(mut assembly) = Assembly::begin(&packet)
    {
        while assembly.push(Bytes::from_static(b"x"), BYTES_MAX) == Ok(false) {}
        let _ = assembly.finish();
    }
    for n in [0, 1, 10, 11] {
        let _ = check_placeholders(text, n);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn no_text_makes_a_decoder_panic(text in nearly()) {
        survive(&text);
    }

    #[test]
    fn events_come_back(
        namespace in namespace(),
        ack in proptest::option::of(0..=ACK_MAX),
        name in name(),
        args in args(),
        attachments in attachments(),
        pretty in any::<bool>(),
    ) {
        let mut items = vec![name];
        items.extend(args);
        let data = text_of(with_placeholders(items, attachments.len()), pretty);
        let payload = Payload::from_data(&data, attachments.clone()).expect("an event");
        let text = encode_event(&namespace, ack, &payload);
        let packet = decode(&text);
        prop_assert_eq!(&packet, &Ok(Packet::Event {
            namespace: &namespace, ack, data: &data, attachments: attachments.len(),
        }));
        // No part of it is a packet: the array ends at the end.
        for (end, _) in text.char_indices() {
            prop_assert!(decode(&text[..end]).is_err(), "{}", &text[..end]);
        }
        if let Some(mut assembly) = packet.ok().as_ref().and_then(Assembly::begin) {
            for (i, attachment) in attachments.iter().enumerate() {
                prop_assert!(!assembly.is_complete());
                let last = i + 1 == attachments.len();
                prop_assert_eq!(assembly.push(attachment.clone(), BYTES_MAX), Ok(last));
            }
            let whole = assembly.finish().expect("complete");
            prop_assert_eq!(whole.namespace, namespace);
            prop_assert_eq!(whole.kind, Kind::Event { ack });
            prop_assert_eq!(whole.data, data);
            prop_assert_eq!(whole.attachments, attachments);
        } else {
            prop_assert!(attachments.is_empty());
        }
    }

    #[test]
    fn acks_come_back(
        namespace in namespace(),
        id in 0..=ACK_MAX,
        args in args(),
        attachments in attachments(),
        pretty in any::<bool>(),
    ) {
        let data = text_of(with_placeholders(args, attachments.len()), pretty);
        let text = encode_ack(&namespace, id, &data, &attachments);
        prop_assert_eq!(decode(&text), Ok(Packet::Ack {
            namespace: &namespace, id, data: &data, attachments: attachments.len(),
        }));
    }

    #[test]
    fn the_rest_comes_back(
        namespace in namespace(),
        id in any::<String>(),
        message in any::<String>(),
        data in proptest::option::of(tree(leaf())),
    ) {
        let text = encode_disconnect(&namespace);
        prop_assert_eq!(decode(&text), Ok(Packet::Disconnect { namespace: &namespace }));

        let text = encode_connect(&namespace, &id);
        let auth = json!({"sid": id}).to_string();
        prop_assert_eq!(decode(&text), Ok(Packet::Connect { namespace: &namespace, auth: &auth }));

        let text = encode_connect_error(&namespace, &message, data.as_ref().map(Value::to_string).as_deref());
        let decoded = decode(&text);
        let Ok(Packet::ConnectError { namespace: back, data: error }) = decoded else {
            return Err(TestCaseError::fail(format!("{decoded:?}")));
        };
        let error: Value = serde_json::from_str(error).expect("JSON");
        prop_assert_eq!(back, namespace);
        prop_assert_eq!(error.get("message"), Some(&Value::from(message)));
        prop_assert_eq!(error.get("data").is_some(), data.is_some());
    }

    #[test]
    fn a_packet_with_one_character_changed_is_survived(
        args in args(),
        at in any::<proptest::sample::Index>(),
        c in prop_oneof![any::<char>(), proptest::sample::select("[]{}\",:\\-/0159tfn".chars().collect::<Vec<_>>())],
    ) {
        let mut items = vec![json!("x")];
        items.extend(args);
        let data = text_of(with_placeholders(items, 2), false);
        let mut text: Vec<char> = format!("52-/a,7{data}").chars().collect();
        let at = at.index(text.len());
        text[at] = c;
        survive(&text.into_iter().collect::<String>());
    }

    #[test]
    fn placeholders_are_judged_as_in_the_tree(
        items in proptest::collection::vec(tree(prop_oneof![leaf(), placeholder(), placeholder()]), 0..5),
        pretty in any::<bool>(),
        n in 1..4_usize,
    ) {
        let data = text_of(items.clone(), pretty);
        let mut seen = vec![false; n];
        let good = judge(&Value::Array(items), &mut seen) && seen.iter().all(|seen| *seen);
        let expected = if good { Ok(()) } else { Err(DecodeError::Placeholder) };
        prop_assert_eq!(check_placeholders(&data, n), expected, "{}", data);
    }

    #[test]
    fn an_assembly_is_bounded_whatever_the_sizes(
        sizes in proptest::collection::vec(0..200_usize, 1..=ATTACHMENTS_MAX),
        bytes_max in 0..1_500_usize,
    ) {
        let n = sizes.len();
        let text = format!("5{n}-{}", text_of(with_placeholders(vec![json!("x")], n), false));
        let packet = decode(&text).expect("a packet");
        let mut assembly = Assembly::begin(&packet).expect("announces attachments");
        let mut sum = assembly.bytes();
        for (i, size) in sizes.iter().enumerate() {
            let pushed = assembly.push(Bytes::from(vec![0; *size]), bytes_max);
            if sum + size > bytes_max {
                prop_assert_eq!(pushed, Err(DecodeError::TooLarge));
                prop_assert_eq!(assembly.bytes(), sum);
                return Ok(());
            }
            sum += size;
            prop_assert_eq!(pushed, Ok(i + 1 == n));
            prop_assert_eq!(assembly.bytes(), sum);
        }
        prop_assert!(assembly.finish().is_ok());
    }
}
