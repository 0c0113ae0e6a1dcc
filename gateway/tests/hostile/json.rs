//! JSON that is deep, wide, long or odd, wherever clients send it: events, plain messages,
//! `auth` payloads. What no parser need fear is passed on as it came.

use crate::peer::Told;
use crate::scene::{Row, Scene};
use crate::table::{NORMAL, PROTOCOL, Speech, closes, ends, goes_on, refused, text, times};

const DEEP: usize = 100_000;
/// Large enough for a million keys.
const SETTINGS: &[(&str, &str)] = &[("limits.message_bytes_max", "6000000")];

fn arrays(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

fn objects(depth: usize) -> String {
    r#"{"a":"#.repeat(depth) + "1" + &"}".repeat(depth)
}

fn keys(count: usize) -> String {
    let keys: Vec<String> = (0..count).map(|i| format!(r#""{i}":0"#)).collect();
    format!("{{{}}}", keys.join(","))
}

/// The shortest that a million keys can be.
fn same_key() -> String {
    format!("{{{}}}", vec![r#""":0"#; 1_000_000].join(","))
}

#[test]
fn too_deep() {
    let mut scene = Scene::start(&[]);
    for (name, json) in [("arrays", arrays(DEEP)), ("objects", objects(DEEP)), ("129 arrays", arrays(129))] {
        let socket_io = &[Speech::SocketIo];
        ends(&mut scene, &format!("event: {name}"), socket_io, &text(&format!(r#"42["x",{json}]"#)), PROTOCOL);
        ends(&mut scene, &format!("ack: {name}"), socket_io, &text(&format!("431[{json}]")), PROTOCOL);
        let plain = format!(r#"{{"type":"emit","event":"x","args":[{json}]}}"#);
        refused(&mut scene, Speech::Plain, &format!("plain: {name}"), &plain, "invalid_request");
        let plain = format!(r#"{{"type":"emit","event":"x","id":{json}}}"#);
        refused(&mut scene, Speech::Plain, &format!("plain id: {name}"), &plain, "invalid_request");
        let plain = format!(r#"{{"type":"emit","event":"x","z":{json}}}"#);
        refused(&mut scene, Speech::Plain, &format!("unknown field: {name}"), &plain, "unsupported_field");
        let plain = format!(r#"{{"type":"subscribe","rooms":[{json}]}}"#);
        refused(&mut scene, Speech::Plain, &format!("plain rooms: {name}"), &plain, "invalid_request");
        let (counter, all) = (PROTOCOL.counter(Speech::SocketIo), closes(Speech::SocketIo));
        let auth = format!(r#"40{{"token":{json}}}"#);
        let name = format!("auth: {name}");
        scene.play(&Row {
            name: &name,
            times: times(auth.len()),
            grows: &[(&counter, 1), (&all, 1)],
            act: &|node| {
                let mut peer = Speech::handshake(node);
                peer.text(&auth);
                PROTOCOL.is_told(Speech::SocketIo, &mut peer);
            },
        });
    }
    scene.end();
}

/// JSON that is odd, and a value like any other.
fn odd() -> Vec<(&'static str, String)> {
    let digits = "7".repeat(100_000);
    vec![
        ("a number of 10^5 digits", digits.clone()),
        ("10^5 digits behind the point", format!("-0.{digits}")),
        ("an exponent of 10^5 digits", format!("1e{digits}")),
        ("beyond every float", "[1e999,-1e999,1e-999]".into()),
        ("10^5 keys", keys(100_000)),
        ("keys given twice", r#"{"a":1,"a":2,"__proto__":{"a":3},"__proto__":4}"#.into()),
        ("half surrogate pairs", r#"["\ud83d","\ude00","\ud83d\ud83d",{"\ud83d":1}]"#.into()),
        ("NUL by its escape", r#"["a\u0000b",{"\u0000":1}]"#.into()),
        ("128 arrays, arguments included", arrays(127)),
    ]
}

#[test]
fn what_is_odd_arrives_as_it_was_sent() {
    let mut scene = Scene::start(SETTINGS);
    let accepted = r#"roomcast_publications_total{origin="client",result="accepted"}"#;
    for (name, json) in odd() {
        for speech in [Speech::Plain, Speech::SocketIo] {
            let (subscribe, publish, event) = match speech {
                Speech::SocketIo => (
                    r#"421["subscribe","odd"]"#,
                    format!(r#"42["publish","odd","x",{json}]"#),
                    format!(r#"42["x",{json}]"#),
                ),
                _ => (
                    r#"{"type":"subscribe","id":1,"room":"odd"}"#,
                    format!(r#"{{"type":"publish","room":"odd","event":"x","args":[{json}]}}"#),
                    format!(r#"{{"type":"event","room":"odd","event":"x","args":[{json}]}}"#),
                ),
            };
            let (closed, all) = (NORMAL.counter(speech), closes(speech));
            let name = format!("{speech:?}: {name}");
            let grows: &[(&str, i64)] = &[(accepted, 1), (&closed, 1), (&all, 1)];
            scene.play(&Row {
                name: &name,
                times: times(2 * publish.len()),
                grows,
                act: &|node| {
                    let mut peer = speech.open(node);
                    peer.text(subscribe);
                    assert!(matches!(peer.told(), Told::Text(_)));
                    peer.text(&publish);
                    assert!(peer.told() == Told::Text(event.clone()), "it came otherwise");
                    goes_on(speech, &mut peer);
                },
            });
        }
    }
    scene.end();
}

#[test]
fn what_is_odd_in_a_token() {
    let mut scene = Scene::start(SETTINGS);
    let (closed, all) = (NORMAL.counter(Speech::SocketIo), closes(Speech::SocketIo));
    let mut values = odd();
    values.push(("10^6 times the same key", same_key()));
    values.push(("a secret", format!("\"{}\"", crate::SECRET)));
    for (name, json) in values {
        let auth = format!(r#"40{{"token":{json}}}"#);
        scene.play(&Row {
            name,
            times: times(auth.len()),
            grows: &[(&closed, 1), (&all, 1)],
            act: &|node| {
                let mut peer = Speech::handshake(node);
                peer.text(&auth);
                assert!(matches!(peer.told(), Told::Text(connected) if connected.starts_with("40{\"sid\"")));
                goes_on(Speech::SocketIo, &mut peer);
            },
        });
    }
    scene.end();
}

#[test]
fn what_is_odd_in_a_message() {
    let mut scene = Scene::start(SETTINGS);
    refused(&mut scene, Speech::Plain, "10^5 unknown fields", &keys(100_000), "invalid_request");
    refused(&mut scene, Speech::Plain, "10^6 unknown fields", &same_key(), "invalid_request");
    let event = format!(r#"42["x",{}]"#, same_key());
    refused(&mut scene, Speech::SocketIo, "an event with 10^6 keys", &event, "no_backend");
    let half = r#"{"\ud800":1,"type":"subscribe","room":"a"}"#;
    refused(&mut scene, Speech::Plain, "a field with half a surrogate pair", half, "unsupported_field");
    refused(&mut scene, Speech::Plain, "a type with half a surrogate pair", r#"{"type":"\ud800"}"#, "invalid_request");
    let number = format!("42[{}]", "7".repeat(100_000));
    refused(&mut scene, Speech::SocketIo, "an event whose name has 10^5 digits", &number, "no_backend");
    let socket_io = &[Speech::SocketIo];
    ends(&mut scene, "an event whose name is half a surrogate pair", socket_io, &text(r#"42["\ud83d"]"#), PROTOCOL);
    ends(&mut scene, "an event with NUL in its name", socket_io, &text("42[\"a\0\"]"), PROTOCOL);
    let deep_name = text(&format!("42{}", arrays(DEEP)));
    ends(&mut scene, "an event whose name is deep", socket_io, &deep_name, PROTOCOL);
    scene.end();
}
