//! JSON and msgpack say the same, in JavaScript's words.

use bytes::Bytes;
use proptest::prelude::*;
use rmpv::Value;

use super::*;
use crate::wire::msgpack::{self, Binary};
use crate::wire::{Unreadable, json};

fn packed(text: &str, attachments: &[Bytes]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let value = json::to_value(text, attachments).expect("JSON");
    rmpv::encode::write_value(&mut bytes, &value).expect("a Vec takes everything");
    bytes
}

fn unpacked(bytes: &[u8]) -> Result<(String, Vec<Bytes>), Unreadable> {
    msgpack::to_json(&msgpack::read(bytes)?, Binary::Attach)
}

fn text_of(bytes: &str) -> String {
    unpacked(&hex(bytes)).expect("readable").0
}

#[test]
fn numbers_are_packed_as_notepack_does() {
    for (text, bytes) in [
        ("0", "00"),
        ("-0", "00"),
        ("-0.0", "00"),
        ("1.0", "01"),
        ("1e3", "cd03e8"),
        ("1E+2", "64"),
        ("-2e0", "fe"),
        ("-33", "d0df"),
        ("1.5", "cb3ff8000000000000"),
        ("9007199254740993", "cf0020000000000001"),
        ("18446744073709551615", "cfffffffffffffffff"),
        ("18446744073709551616", "cb43f0000000000000"),
        ("1e20", "cb4415af1d78b58c40"),
        ("-9223372036854775808", "d38000000000000000"),
        ("-9223372036854775809", "d38000000000000000"),
        ("-9223372036854777856", "cbc3e0000000000001"),
        ("1e999", "cb7ff0000000000000"),
    ] {
        assert_eq!(packed(text, &[]), hex(bytes), "{text}");
    }
}

#[test]
fn numbers_are_written_as_javascript_does() {
    for (bytes, text) in [
        ("cb3ff0000000000000", "1"),
        ("cb8000000000000000", "0"),
        ("ca3fc00000", "1.5"),
        ("cb7ff8000000000000", "null"),
        ("cbfff0000000000000", "null"),
        ("cb4415af1d78b58c40", "100000000000000000000"),
        ("cb444b1ae4d6e2ef50", "1e+21"),
        ("cb3e7ad7f29abcaf48", "1e-7"),
        ("cb3eb0c6f7a0b5ed8d", "0.000001"),
        ("cfffffffffffffffff", "18446744073709551615"),
        ("d38000000000000000", "-9223372036854775808"),
    ] {
        assert_eq!(text_of(bytes), text, "{bytes}");
    }
}

#[test]
fn extensions_are_what_javascript_makes_of_them() {
    for (bytes, text) in [
        ("d6ff6553f100", r#""2023-11-14T22:13:20.000Z""#),
        ("d7ff1d5353006553f100", r#""2023-11-14T22:13:20.123Z""#),
        ("c70cff075bca00ffffffffffffffff", r#""1969-12-31T23:59:59.123Z""#),
        ("c70cff000000007fffffffffffffff", "null"),
        ("d7000000018bcfe5687b", r#""2023-11-14T22:13:20.123Z""#),
        ("d40000", "null"),
        ("c70300010203", r#"{"_placeholder":true,"num":0}"#),
        ("c70005", r#"[5,{"_placeholder":true,"num":0}]"#),
    ] {
        assert_eq!(text_of(bytes), text, "{bytes}");
    }
    assert_eq!(unpacked(&hex("c70300010203")).expect("readable").1, [Bytes::from_static(&[1, 2, 3])]);
}

#[test]
fn strings_and_keys_survive_whatever_they_are() {
    // Half an emoji, as notepack writes it.
    assert_eq!(text_of("a4f0908080"), format!("\"{}\"", String::from_utf8_lossy(&[0xf0, 0x90, 0x80, 0x80])));
    // The same in JSON, which JSON allows.
    assert_eq!(packed(r#""a\ud83d\n\u00e9""#, &[]), packed("\"a\u{fffd}\\né\"", &[]));
    assert_eq!(packed(r#""\ud83d\ude00\/\b\f\r\t\\\"""#, &[]), packed(r#""😀/\b\f\r\t\\\"""#, &[]));
    assert_eq!(packed(r#"{"\ud83d":1}"#, &[]), packed("{\"\u{fffd}\":1}", &[]));
    assert_eq!(text_of("8301c0a161c2c0c3"), r#"{"1":null,"a":false,"null":true}"#);
    assert_eq!(unpacked(&hex("819001")).expect_err("a list is no key"), Unreadable::Payload);
    for text in ["", "[", "[1,]", "{\"a\"}", "\"", "\"\\", "[1]x", "nul", "{1:2}", "\"\\u12\"", "\"\\ud8é\\n\""] {
        assert_eq!(json::to_value(text, &[]), None, "{text}");
    }
}

#[test]
fn placeholders_become_binary_values_and_back() {
    let binaries = [Bytes::from_static(b"\x01\x02"), Bytes::new()];
    let text = r#"["x",{"_placeholder":true,"num":1},[{"num":0,"_placeholder":true}],{"_placeholder":false,"num":0}]"#;
    let bytes = packed(text, &binaries);
    assert_eq!(bytes, hex(concat!("94a178c40091c4020102", "82ac5f706c616365686f6c646572c2a36e756d00")));
    let back = r#"["x",{"_placeholder":true,"num":0},[{"_placeholder":true,"num":1}],{"_placeholder":false,"num":0}]"#;
    assert_eq!(unpacked(&bytes), Ok((back.to_owned(), vec![Bytes::new(), Bytes::from_static(b"\x01\x02")])));
    // Without attachments it is data.
    assert!(matches!(json::to_value(r#"{"_placeholder":true,"num":0}"#, &[]), Some(Value::Map(_))));
    let spelled = msgpack::to_json(&msgpack::read(&hex("c4020aff")).expect("binary"), Binary::Spell);
    assert_eq!(spelled.expect("text").0, r#"{"type":"Buffer","data":[10,255]}"#);
}

#[test]
fn ten_binary_values_are_the_most_unless_one_came_twice() {
    let bytes = |values: &[u8]| {
        let values = values.iter().map(|byte| Value::Binary(vec![*byte])).collect();
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, &Value::Array(values)).expect("a Vec takes everything");
        bytes
    };
    assert_eq!(unpacked(&bytes(&[0; 10])).expect("ten").1.len(), 10);
    let (text, attachments) = unpacked(&bytes(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 3])).expect("one twice");
    assert!(text.ends_with(r#""num":9},{"_placeholder":true,"num":3}]"#), "{text}");
    assert_eq!(attachments.len(), 10);
    assert_eq!(unpacked(&bytes(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])), Err(Unreadable::Payload));
}

#[test]
fn nesting_is_bounded_and_all_that_a_payload_may_have_goes_through() {
    let nested = |n: usize| format!("[\"x\",{}{}]", "[".repeat(n - 1), "]".repeat(n - 1));
    let deepest = nested(roomcast_core::socket_io::DEPTH_MAX);
    for format in [Format::Classic, Format::Sharded(Mode::Static)] {
        let publication = bare(&deepest, &[], &["room1"], &[]);
        let sent = Wire::with_uid(format, "socket.io", "sender").publication(&publication);
        let Incoming::Publication(came) = read(format, &sent.channel, &sent.payload) else { panic!("no publication") };
        assert_eq!(came.payload, publication.payload);
    }
    // With binary values the sharded format is msgpack.
    let binary = deepest.replacen("[]", r#"[{"_placeholder":true,"num":0}]"#, 1).replacen("[\"x\",[", "[\"x\",", 1);
    let binary = binary.replacen("]]", "]", 1);
    let publication = bare(&binary, &[b"1"], &[], &[]);
    let sent = Wire::with_uid(Format::Sharded(Mode::Static), "socket.io", "sender").publication(&publication);
    assert_eq!(sent.payload[0], 0x84);
    assert!(matches!(read(Format::Sharded(Mode::Static), &sent.channel, &sent.payload), Incoming::Publication(_)));

    assert_eq!(json::to_value(&nested(200), &[]), None);
    for depth in [200, 1_000, 100_000] {
        assert!(unpacked(&vec![0x91; depth]).is_err());
        let json = format!(r#"["u",{{"type":2,"data":{},"nsp":"/"}},{{"rooms":[]}}]"#, nested(depth));
        let read = reader(Format::Classic, "p").read(b"p#/#", json.as_bytes(), 0);
        assert!(matches!(read, Err(Unreadable::Payload)), "{read:?}");
        let ack = format!(r#"{{"type":6,"requestId":"x","data":{}}}"#, nested(depth));
        let read = reader(Format::Classic, "p").read(b"p-response#/#", ack.as_bytes(), 0);
        assert!(matches!(read, Err(Unreadable::Payload)), "{read:?}");
    }
    // Lengths that are not there reserve nothing.
    for head in ["ddffffffff", "dfffffffff", "dbffffffff", "c6ffffffff", "c9ffffffff00"] {
        assert_eq!(unpacked(&hex(head)), Err(Unreadable::Malformed));
    }
    assert_eq!(unpacked(&hex("0102")), Err(Unreadable::Malformed), "bytes behind the value");
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            proptest::collection::vec((any::<String>(), inner), 0..8)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn json_survives_msgpack(value in any_json()) {
        let (text, _) = unpacked(&packed(&value.to_string(), &[])).expect("readable");
        let back: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        prop_assert_eq!(back, value);
    }

    #[test]
    fn doubles_survive_msgpack(number in any::<f64>().prop_filter("finite", |number| number.is_finite())) {
        // Written by Rust, with all digits and no exponent, and by JavaScript's rules.
        let (text, _) = unpacked(&packed(&number.to_string(), &[])).expect("readable");
        prop_assert_eq!(text.parse::<f64>(), Ok(number));
        prop_assert_eq!(msgpack::number(number).expect("finite").parse::<f64>(), Ok(number));
    }
}
