//! Messages of the plain protocol: what is no message closes the connection, what is no
//! command is refused by name; names of rooms, on both protocols.

use crate::scene::Scene;
use crate::table::{DATA, POLICY, Speech, answered, ends, errors, in_turn, masked, refused, text};

const REFUSED: &str = r#"roomcast_subscribes_total{result="refused"}"#;

#[test]
fn what_is_no_message() {
    let mut scene = Scene::start(&[]);
    let plain = &[Speech::Plain];
    let texts = [
        "",
        " ",
        "x",
        "[]",
        r#""x""#,
        "1",
        "null",
        "true",
        "{",
        "}",
        "{}{}",
        "{} x",
        "[{}]",
        "{'type':1}",
        r#"{"type":"emit",}"#,
        "{\"type\":\"emit\",\"event\":\"a\0b\"}",
        "\u{feff}{}",
        "{type:1}",
        r#"{"a":01}"#,
        r#"{"a":NaN}"#,
        r#"{"a":"\x"}"#,
        "40",
        r#"42["x"]"#,
    ];
    for message in texts {
        ends(&mut scene, &format!("{message:?}"), plain, &text(message), POLICY);
    }
    ends(&mut scene, "a binary message", plain, &masked(0x82, b"abc"), DATA);
    ends(&mut scene, "an empty binary message", plain, &masked(0x82, b""), DATA);
    ends(&mut scene, "JSON in a binary message", plain, &masked(0x82, b"{}"), DATA);
    scene.end();
}

/// Code, then messages that are refused with it.
const NO_COMMANDS: &[(&str, &[&str])] = &[
    ("unknown_type", &[r#"{"type":"nope"}"#, r#"{"type":""}"#, r#"{"type":"__proto__"}"#, r#"{"type":"SUBSCRIBE"}"#]),
    (
        "unsupported_field",
        &[
            r#"{"type":"subscribe","room":"a","event":"x"}"#,
            r#"{"type":"subscribe","room":"a","__proto__":{}}"#,
            r#"{"type":"subscribe","room":"a","":1}"#,
            r#"{"type":"emit","event":"x","room":"a"}"#,
            r#"{"type":"auth","token":"s3cret-that-no-log-may-show","room":"a"}"#,
        ],
    ),
    (
        "invalid_request",
        &[
            "{}",
            r#"{"type":1}"#,
            r#"{"type":null}"#,
            r#"{"type":["subscribe"]}"#,
            r#"{"type":"subscribe","type":"subscribe","room":"a"}"#,
            r#"{"type":"subscribe"}"#,
            r#"{"type":"subscribe","room":1}"#,
            r#"{"type":"subscribe","room":null}"#,
            r#"{"type":"subscribe","rooms":"a"}"#,
            r#"{"type":"subscribe","rooms":{}}"#,
            r#"{"type":"subscribe","rooms":[]}"#,
            r#"{"type":"subscribe","rooms":["a",1]}"#,
            r#"{"type":"subscribe","room":"a","rooms":["a"]}"#,
            r#"{"type":"subscribe","room":"a","room":"b"}"#,
            r#"{"type":"unsubscribe"}"#,
            r#"{"id":1,"id":2,"type":"subscribe","room":"a"}"#,
            r#"{"id":null,"type":"subscribe","room":"a"}"#,
            r#"{"id":{},"type":"subscribe","room":"a"}"#,
            r#"{"id":[1],"type":"subscribe","room":"a"}"#,
            r#"{"id":true,"type":"subscribe","room":"a"}"#,
            r#"{"type":"publish","event":"x"}"#,
            r#"{"type":"publish","room":"r"}"#,
            r#"{"type":"publish","room":["r"],"event":"x"}"#,
            r#"{"type":"publish","room":"r","event":1}"#,
            r#"{"type":"publish","room":"r","event":"x","args":{}}"#,
            r#"{"type":"publish","room":"r","event":"connect"}"#,
            r#"{"type":"emit"}"#,
            r#"{"type":"emit","event":"disconnect"}"#,
            r#"{"type":"emit","event":"x","args":"y"}"#,
            r#"{"type":"emit","event":"x","attachments":"YQ=="}"#,
            r#"{"type":"emit","event":"x","attachments":["!"]}"#,
            r#"{"type":"emit","event":"x","attachments":["YQ=="]}"#,
            r#"{"type":"emit","event":"x","args":[{"_placeholder":true,"num":"splice"}],"attachments":["YQ=="]}"#,
            r#"{"type":"emit","event":"x","args":[{"_placeholder":true,"num":"splice"}]}"#,
            r#"{"type":"emit","event":"x","args":[{"_placeholder":true,"num":-1}],"attachments":["YQ=="]}"#,
            r#"{"type":"emit","event":"x","args":[{"_placeholder":true,"num":1}],"attachments":["YQ=="]}"#,
            r#"{"type":"emit","event":"x","attachments":["","","","","","","","","","",""]}"#,
            r#"{"type":"auth"}"#,
            r#"{"type":"auth","token":1}"#,
        ],
    ),
    ("no_backend", &[r#"{"type":"emit","event":"x"}"#, r#"{"type":"emit","event":"error"}"#]),
    ("auth_unavailable", &[r#"{"type":"auth","token":"s3cret-that-no-log-may-show"}"#]),
];

#[test]
fn what_is_no_command() {
    let mut scene = Scene::start(&[]);
    for (code, messages) in NO_COMMANDS {
        for message in *messages {
            refused(&mut scene, Speech::Plain, message, message, code);
        }
    }
    for id in
        ["1".repeat(256), "1".repeat(100_000), format!("\"{}\"", "a".repeat(256)), format!("1e{}", "9".repeat(300))]
    {
        let message = format!(r#"{{"id":{id},"type":"subscribe","room":"a"}}"#);
        refused(&mut scene, Speech::Plain, &format!("id of {} bytes", id.len()), &message, "invalid_request");
    }
    let inputs: Vec<_> = NO_COMMANDS.iter().flat_map(|(_, messages)| *messages).map(|message| text(message)).collect();
    in_turn(&mut scene, &[Speech::Plain], &inputs);
    let long = format!(r#"{{"type":"{}"}}"#, "t".repeat(100_000));
    refused(&mut scene, Speech::Plain, "type of 100,000 characters", &long, "unknown_type");
    scene.end();
}

#[test]
fn names_of_rooms() {
    let mut scene = Scene::start(&[]);
    let list = serde_json::Value::from((0..1001).map(|i| i.to_string()).collect::<Vec<_>>()).to_string();
    let rows: Vec<(&str, String, &str)> = vec![
        ("empty", r#""""#.into(), "room_name_invalid"),
        ("256 bytes", format!("\"{}\"", "a".repeat(256)), "room_name_invalid"),
        ("10 kB", format!("\"{}\"", "a".repeat(10_000)), "room_name_invalid"),
        ("900 kB", format!("\"{}\"", "a".repeat(900_000)), "room_name_invalid"),
        ("NUL", r#""a\u0000""#.into(), "room_name_invalid"),
        ("a line break", r#""a\nb""#.into(), "room_name_invalid"),
        ("DEL", "\"a\u{7f}\"".into(), "room_name_invalid"),
        ("a C1 control", r#""a\u0085""#.into(), "room_name_invalid"),
        ("a user's", r#""~user:1""#.into(), "forbidden"),
        ("~ alone", r#""~""#.into(), "forbidden"),
        ("~ by its escape", r#""\u007euser:1""#.into(), "forbidden"),
        ("half a surrogate pair", r#""\ud83d""#.into(), "invalid_request"),
        ("one good and one empty", r#"["a",""]"#.into(), "room_name_invalid"),
        ("one good and one reserved", r#"["a","~b"]"#.into(), "forbidden"),
        ("a list in a list", r#"["a",["b"]]"#.into(), "invalid_request"),
        ("1,001 of them", list, "invalid_request"),
        ("300,000 of them", format!("[{}\"\"]", "\"\",".repeat(300_000)), "invalid_request"),
        ("an object", "{}".into(), "invalid_request"),
    ];
    for (name, rooms, code) in rows {
        let (says, counter) = (format!(r#""code":"{code}""#), errors(code));
        let field = if rooms.starts_with('[') { "rooms" } else { "room" };
        let plain = format!(r#"{{"type":"subscribe","{field}":{rooms}}}"#);
        let socket_io = format!(r#"421["subscribe",{rooms}]"#);
        // The plain protocol's decoder sees what is no name at all: no subscribe then.
        let plain_refused = i64::from(code != "invalid_request");
        answered(
            &mut scene,
            Speech::Plain,
            &format!("plain: {name}"),
            &plain,
            &says,
            &[(&counter, 1), (REFUSED, plain_refused)],
        );
        answered(
            &mut scene,
            Speech::SocketIo,
            &format!("Socket.IO: {name}"),
            &socket_io,
            &says,
            &[(&counter, 1), (REFUSED, 1)],
        );
    }
    for (name, args) in [("no room", ""), ("two rooms", r#","a","b""#), ("null", ",null")] {
        let grows: &[(&str, i64)] = &[(&errors("invalid_request"), 1), (REFUSED, 1)];
        answered(&mut scene, Speech::SocketIo, name, &format!(r#"421["subscribe"{args}]"#), "invalid_request", grows);
    }
    let rows = [
        ("nothing", "", "invalid_request"),
        ("no event", r#","r""#, "invalid_request"),
        ("a number for a room", r#",1,"x""#, "invalid_request"),
        ("an event of the protocol's", r#","r","connect""#, "invalid_request"),
        ("to a reserved room", r#","~r","x""#, "forbidden"),
        ("to a room without a name", r#","","x""#, "room_name_invalid"),
    ];
    for (name, args, code) in rows {
        refused(&mut scene, Speech::SocketIo, &format!("publish: {name}"), &format!(r#"421["publish"{args}]"#), code);
    }
    scene.end();
}
