//! Tables of frames and what they decode to.

use super::super::{Command, DecodeError, ID_BYTES_MAX, Kind, ROOMS_MAX};
use super::{attachments, decode};

fn debug(text: &str) -> String {
    let Command { id, kind } = decode(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let kind = match kind {
        Kind::Publish { room, payload } => format!("publish {room} {}", payload.data()),
        Kind::Emit(payload) => format!("emit {}", payload.data()),
        Kind::Auth(token) => format!("auth {token}"),
        rooms => format!("{rooms:?}"),
    };
    format!("{} {kind}", id.map_or("-", |id| id.get()))
}

#[test]
fn commands_are_read() {
    for (text, expected) in [
        (r#"{"type":"subscribe","id":1,"room":"a"}"#, r#"1 Subscribe(["a"])"#),
        (r#"{"rooms":["a","b\n"],"type":"subscribe"}"#, r#"- Subscribe(["a", "b\n"])"#),
        (r#"{"type":"unsubscribe","id":"x\"","room":"a"}"#, r#""x\"" Unsubscribe(["a"])"#),
        (
            r#" { "type" : "publish" , "id" : -1.50e3 , "room" : "r" , "event" : "e" , "args" : [ {"z":1.0, "a":2} ] } "#,
            r#"-1.50e3 publish r ["e",{"z":1.0, "a":2}]"#,
        ),
        (r#"{"type":"emit","event":"e\u0041"}"#, r#"- emit ["eA"]"#),
        (r#"{"t\u0079pe":"emit","event":"","args":[]}"#, r#"- emit [""]"#),
        (r#"{"type":"auth","id":0,"token":"t"}"#, "0 auth t"),
        (r#"{"type":"subscribe","room":""}"#, r#"- Subscribe([""])"#),
    ] {
        assert_eq!(debug(text), expected, "{text}");
    }
}

#[test]
fn attachments_come_with_their_placeholders() {
    let text = r#"{"type":"emit","event":"e","args":[{"_placeholder":true,"num":0}],"attachments":["+//+"]}"#;
    let Ok(Command { kind: Kind::Emit(payload), .. }) = decode(text) else {
        panic!("not an emit");
    };
    assert_eq!(payload.attachments(), [&[0xfb_u8, 0xff, 0xfe][..]]);
    assert_eq!(attachments(&["-__-".into()]), None, "the URL-safe alphabet");
    assert_eq!(attachments(&["YQ".into()]), None, "no padding");
    assert_eq!(attachments(&vec!["".into(); 11]), None, "more than ten");
}

#[test]
fn what_is_not_one_object_closes_the_connection() {
    for text in [
        "",
        " ",
        "null",
        "1",
        "\"x\"",
        "[]",
        "[{}]",
        "{",
        "{}{}",
        "{} x",
        "{}\0",
        "{'type':1}",
        "{\"type\":}",
        "{\"type\":\"auth\",}",
        "\u{feff}{}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":\"\n\"}",
        "{1:2}",
    ] {
        assert_eq!(decode(text).err(), Some(DecodeError::NotAnObject), "{text:?}");
    }
    // Depth costs no stack: broken and whole.
    let open = "[".repeat(1_000_000);
    assert_eq!(decode(&format!("{{\"args\":{open}")).err(), Some(DecodeError::NotAnObject));
    let text = format!("{{\"type\":\"emit\",\"event\":\"e\",\"args\":{open}{}}}", "]".repeat(1_000_000));
    assert!(matches!(decode(&text), Err(DecodeError::Refused { code: "invalid_request", .. })));
}

fn refusal(text: &str) -> (Option<String>, &'static str, String) {
    match decode(text) {
        Err(DecodeError::Refused { id, code, message }) => (id, code, message),
        other => panic!("{text}: {other:?}"),
    }
}

/// Frame, the id that the answer repeats, code, and a part of the message.
const REFUSALS: &str = r#"
{} | - | invalid_request | "type" is missing
{"type":1,"id":7} | 7 | invalid_request | "type" must be a string
{"type":"nope","id":7} | 7 | unknown_type | use subscribe
{"type":"nope","more":7} | - | unknown_type | "nope"
{"type":"subscribe","id":null,"room":"a"} | - | invalid_request | "id"
{"type":"subscribe","id":{},"room":"a"} | - | invalid_request | "id"
{"type":"subscribe","id":1} | 1 | invalid_request | name a "room"
{"type":"subscribe","id":1,"room":["a"]} | 1 | invalid_request | "room" must
{"type":"subscribe","id":1,"rooms":"a"} | 1 | invalid_request | array of strings
{"type":"subscribe","id":1,"rooms":["a",1]} | 1 | invalid_request | array of strings
{"type":"subscribe","id":1,"rooms":[]} | 1 | invalid_request | is empty
{"type":"unsubscribe","id":1,"room":"a","rooms":["b"]} | 1 | invalid_request | not both
{"type":"subscribe","id":1,"room":"a","since":2} | 1 | unsupported_field | "since"
{"type":"subscribe","id":1,"room":"a","event":"e"} | 1 | unsupported_field | "event"
{"type":"publish","id":1,"rooms":["a"],"event":"e"} | 1 | unsupported_field | "rooms"
{"type":"publish","id":1,"event":"e"} | 1 | invalid_request | "room" is missing
{"type":"publish","id":1,"room":"r"} | 1 | invalid_request | "event" is missing
{"type":"emit","id":1,"event":42} | 1 | invalid_request | "event" must be a string
{"type":"emit","id":1,"event":"\ud800"} | 1 | invalid_request | "event" must
{"\ud800":1,"type":"emit","id":1,"event":"e"} | 1 | unsupported_field | ud800
{"type":"emit","id":1,"event":"e","args":{}} | 1 | invalid_request | "args"
{"type":"emit","id":1,"event":"e","args":null} | 1 | invalid_request | "args"
{"type":"emit","id":1,"event":"e","attachments":["?"]} | 1 | invalid_request | base64
{"type":"emit","id":1,"event":"e","attachments":"YQ=="} | 1 | invalid_request | base64
{"type":"auth","id":1} | 1 | invalid_request | "token" is missing
{"type":"auth","id":1,"token":"t","type":"auth"} | 1 | invalid_request | "type" is given twice
{"type":"auth","type":"auth","id":1,"id":2,"token":"t"} | - | invalid_request | "id" is given twice
{"type":"auth","id":1,"token":"t","more":1,"more":2} | 1 | unsupported_field | "more"
"#;

#[test]
fn refusals_have_a_code_the_id_and_a_hint() {
    for row in REFUSALS.trim().lines() {
        let columns: Vec<_> = row.split(" | ").collect();
        let [text, id, code, hint] = columns[..] else {
            panic!("four columns: {row}");
        };
        let (found_id, found_code, message) = refusal(text);
        assert_eq!((found_id.as_deref().unwrap_or("-"), found_code), (id, code), "{text}: {message}");
        assert!(message.contains(hint), "{text}: {message}");
    }
}

#[test]
fn counts_and_lengths_are_bounded() {
    let rooms = |n: usize| vec!["\"r\""; n].join(",");
    let subscribe = |n: usize| format!("{{\"type\":\"subscribe\",\"rooms\":[{}]}}", rooms(n));
    assert!(decode(&subscribe(ROOMS_MAX)).is_ok());
    assert!(refusal(&subscribe(ROOMS_MAX + 1)).2.contains("at most 1000"));
    let emit = format!("{{\"type\":\"emit\",\"event\":\"e\",\"attachments\":[{}]}}", rooms(11));
    assert!(refusal(&emit).2.contains("at most 10"));
    let auth = |id: String| format!("{{\"type\":\"auth\",\"token\":\"t\",\"id\":{id}}}");
    let (number, string) = (|n| auth("1".repeat(n)), |n| auth(format!("\"{}\"", "x".repeat(n))));
    for id in [number(ID_BYTES_MAX), string(ID_BYTES_MAX)] {
        assert!(decode(&id).is_ok(), "{id}");
    }
    for id in [number(ID_BYTES_MAX + 1), string(ID_BYTES_MAX + 1)] {
        let (found, _, message) = refusal(&id);
        assert_eq!((found, message.contains("at most 255 bytes")), (None, true), "{id}: {message}");
    }
    let (_, _, message) = refusal(&format!("{{\"type\":\"{}\"}}", "é".repeat(10_000)));
    assert!(message.len() < 256, "{}", message.len());
}

#[test]
fn a_token_does_not_leak_through_debug() {
    let command = decode(r#"{"type":"auth","token":"secret"}"#).expect("a command");
    assert!(!format!("{command:?}").contains("secret"));
}
