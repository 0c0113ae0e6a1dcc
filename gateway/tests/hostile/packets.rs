//! Packets of Engine.IO and Socket.IO: a fault of grammar or of state ends the connection,
//! as at the reference server, over WebSocket and over polling.

use crate::node::Node;
use crate::peer::Told;
use crate::scene::{Row, Scene};
use crate::table::{
    LARGE, NORMAL, PROTOCOL, Speech, answered, closes, ends, errors, goes_on, in_turn, masked, refused, text, times,
};

const POLLING: &str = "/socket.io/?EIO=4&transport=polling";

/// Messages that are faults by themselves: the `4` of Engine.IO, then the packet.
const FAULTS: &[&str] = &[
    // Attachments: a limit, and a count that is one (CVE-2026-33151).
    r#"4511-["x",{"_placeholder":true,"num":0}]"#,
    r#"451000000000-["x",{"_placeholder":true,"num":0}]"#,
    r#"4518446744073709551617-["x",{"_placeholder":true,"num":0}]"#,
    r#"450-["x"]"#,
    r#"4501-["x",{"_placeholder":true,"num":0}]"#,
    r#"45-1-["x",{"_placeholder":true,"num":0}]"#,
    // Names that are none (CVE-2023-32695).
    r#"42[{"toString":"foo"}]"#,
    "42[null]",
    "42[true]",
    "42[[]]",
    "42[]",
    "42{}",
    r#"42"x""#,
    "42",
    "421",
    // Grammar.
    "4",
    "45",
    "451",
    "45a-",
    "451.23-",
    "461-",
    "4999",
    "47",
    "4x",
    "40[]",
    r#"40/admin,"x""#,
    "40/admin,1",
    "40{",
    "41/admin,{}",
    "41{}",
    "442[1]",
    r#"442["x"#,
    r#"42["x""#,
    r#"42["x"]["y"]"#,
    "43[]",
    "43",
    // State.
    "40",
    r#"42/nope,["x"]"#,
    "43/nope,1[]",
    "41/nope,",
    r#"44"refused""#,
    r#"44{"message":"refused"}"#,
    // Reserved names, also when they are spelt with escapes.
    r#"42["connect"]"#,
    r#"42["connect_error"]"#,
    r#"42["disconnect","x"]"#,
    r#"42["disconnecting"]"#,
    r#"42["newListener"]"#,
    r#"42["removeListener"]"#,
    r#"42["\u0063onnect"]"#,
    r#"421["connect"]"#,
    // A ping is the server's to send.
    "2",
    "2probe",
];

/// A message that announces attachments, and the attachments.
const SETS: &[(&str, &[&[u8]])] = &[
    // Placeholders that name nothing (CVE-2022-2421).
    (r#"451-["hello",{"_placeholder":true,"num":"splice"}]"#, &[b"abc"]),
    (r#"451-["hello",{"_placeholder":true,"num":"0"}]"#, &[b"abc"]),
    (r#"451-["hello",{"_placeholder":true,"num":-1}]"#, &[b"abc"]),
    (r#"451-["hello",{"_placeholder":true,"num":0.5}]"#, &[b"abc"]),
    (r#"451-["hello",{"_placeholder":true,"num":1e0}]"#, &[b"abc"]),
    (r#"451-["hello",{"_placeholder":true,"num":1}]"#, &[b"abc"]),
    (r#"451-["hello",{"_placeholder":true,"num":99999999999999999999}]"#, &[b"abc"]),
    (r#"451-["hello",{"_placeholder":true,"num":0,"num":0}]"#, &[b"abc"]),
    (r#"451-["hello",{"_placeholder":true,"num":0,"num":"splice"}]"#, &[b"abc"]),
    (r#"451-["hello",{"_placeholder":true}]"#, &[b"abc"]),
    (r#"451-["hello"]"#, &[b"abc"]),
    (r#"452-["hello",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]"#, &[b"abc", b"def"]),
    (r#"461-1[{"_placeholder":true,"num":"splice"}]"#, &[b"abc"]),
    // One attachment more than announced.
    (r#"451-["hello",{"_placeholder":true,"num":0}]"#, &[b"abc", b"def"]),
];

/// Messages of Engine.IO that are no packets.
const GARBAGE: &[&str] = &["7", "9", "x", "-1", " 2", "b!", "bA", "b4AQID", "___eio[0](\"40\");", "d=40"];

const PLACEHOLDER: &str = r#"451-["x",{"_placeholder":true,"num":0}]"#;

#[test]
fn over_websocket() {
    let mut scene = Scene::start(&[]);
    let alone = &[Speech::SocketIo];
    for message in FAULTS.iter().chain(GARBAGE) {
        ends(&mut scene, message, alone, &text(message), PROTOCOL);
    }
    let inputs: Vec<_> =
        FAULTS.iter().chain(GARBAGE).chain(SETS.iter().map(|(message, _)| message)).copied().map(text).collect();
    in_turn(&mut scene, alone, &inputs);
    for (message, attachments) in SETS {
        let mut bytes = text(message);
        attachments.iter().for_each(|attachment| bytes.extend(masked(0x82, attachment)));
        // The last set is whole before it is one too many, and its event is refused first.
        ends(&mut scene, &format!("{message} with attachments"), alone, &bytes, PROTOCOL);
    }
    ends(&mut scene, "an empty message", alone, &text(""), PROTOCOL);
    ends(&mut scene, "binary without a header", alone, &masked(0x82, b"abc"), PROTOCOL);
    ends(&mut scene, "empty binary without a header", alone, &masked(0x82, b""), PROTOCOL);
    ends(&mut scene, "base64 without a header", alone, &text("bAQID"), PROTOCOL);
    let awaited = [text(PLACEHOLDER), text(r#"42["x"]"#)].concat();
    ends(&mut scene, "text while binary is awaited", alone, &awaited, PROTOCOL);
    for digits in [20, 400, 100_000] {
        let id = "1".repeat(digits);
        ends(
            &mut scene,
            &format!("event with an id of {digits} digits"),
            alone,
            &text(&format!(r#"42{id}["x"]"#)),
            PROTOCOL,
        );
        ends(&mut scene, &format!("ack with an id of {digits} digits"), alone, &text(&format!("43{id}[]")), PROTOCOL);
    }
    let header = format!(
        "4510-[\"x\",{}]",
        (0..10).map(|i| format!(r#"{{"_placeholder":true,"num":{i}}}"#)).collect::<Vec<_>>().join(",")
    );
    let large = [text(&header), masked(0x82, &vec![7; 150_000]).repeat(10)].concat();
    ends(&mut scene, "attachments of 1.5 MB together", alone, &large, LARGE);
    ends(&mut scene, "a close packet", alone, &text("1"), NORMAL);
    scene.end();
}

#[test]
fn before_a_namespace_is_joined() {
    let mut scene = Scene::start(&[]);
    let (counter, all) = (PROTOCOL.counter(Speech::SocketIo), closes(Speech::SocketIo));
    for message in [r#"42["x"]"#, r#"421["subscribe","r"]"#, "431[]", "41", PLACEHOLDER, "40[]", r#"40"x""#] {
        scene.play(&Row {
            name: message,
            times: times(0),
            grows: &[(&counter, 1), (&all, 1)],
            act: &|node| {
                let mut peer = Speech::handshake(node);
                peer.text(message);
                PROTOCOL.is_told(Speech::SocketIo, &mut peer);
            },
        });
    }
    scene.end();
}

#[test]
fn what_is_refused_and_what_is_ordinary() {
    let mut scene = Scene::start(&[]);
    let of = Speech::SocketIo;
    // An event named `error` is an event like any other (CVE-2024-38355).
    for name in ["error", "__proto__", "constructor", "toString", "roomcast:error", "", "\\u0000"] {
        refused(&mut scene, of, &format!("event {name:?}"), &format!(r#"42["{name}","x"]"#), "no_backend");
        refused(&mut scene, of, &format!("event {name:?} with ack"), &format!(r#"427["{name}","x"]"#), "no_backend");
    }
    refused(&mut scene, of, "event with a number as its name", "42[42]", "no_backend");
    refused(&mut scene, of, "event with the highest ack id", r#"429999999999999999999["x"]"#, "no_backend");
    let unknown = errors("unknown_namespace");
    let long = format!("/{}", "n".repeat(100_000));
    for namespace in ["/nope", "/a\u{1e}b", "/\0", "/__proto__", "/?token=x", "//", &long] {
        let says = format!(r#"44{namespace},{{"message":"Invalid namespace"}}"#);
        let name: String = namespace.chars().take(20).collect();
        answered(&mut scene, of, &format!("namespace {name:?}"), &format!("40{namespace},"), &says, &[(&unknown, 1)]);
    }
    // Nobody waits for this one; the next message shows that it was passed over.
    let (closed, acks) = (NORMAL.counter(of), r#"roomcast_messages_received_total{protocol="socketio",kind="ack"}"#);
    for message in ["43123[]", "0", "0{}", "5", "6", "3", "3probe"] {
        let ack = i64::from(message.starts_with("43"));
        scene.play(&Row {
            name: message,
            times: times(0),
            grows: &[(&closed, 1), (acks, ack)],
            act: &|node| {
                let mut peer = of.open(node);
                peer.text(message);
                goes_on(of, &mut peer);
            },
        });
    }
    scene.end();
}

/// A polling session in the namespace `/`: its path.
pub(crate) fn session(node: &Node) -> String {
    let open = node.peer().get(POLLING);
    let sid = open.body.split('"').nth(3).expect("an id");
    let path = format!("{POLLING}&sid={sid}");
    node.peer().request("POST", &path, "", "40").is(200, "ok");
    assert!(node.peer().get(&path).body.starts_with("40{"));
    path
}

#[test]
fn over_polling() {
    let mut scene = Scene::start(&[]);
    let (counter, all) = (PROTOCOL.counter(Speech::SocketIo), closes(Speech::SocketIo));
    let grows: &[(&str, i64)] = &[(&counter, 1), (&all, 1)];
    let play = |scene: &mut Scene, name: &str, body: &str, garbage: bool| {
        scene.play(&Row {
            name,
            times: times(body.len()),
            grows,
            act: &|node| {
                let path = session(node);
                let answer = node.peer().request("POST", &path, "", body);
                if garbage {
                    answer.is(400, r#""code":3"#);
                } else {
                    // The packets were; that they break a rule ends the session, and the next poll says so.
                    answer.is(200, "ok");
                    node.peer().get(&path).is(200, "1");
                }
                node.peer().get(&path).is(400, r#""code":1"#);
            },
        });
    };
    for message in FAULTS {
        play(&mut scene, message, message, message.starts_with('2'));
    }
    for (message, attachments) in SETS.iter().filter(|(_, attachments)| attachments.len() == 1) {
        assert_eq!(*attachments, &[b"abc"]);
        play(&mut scene, &format!("{message} with its attachment"), &format!("{message}\u{1e}bYWJj"), false);
    }
    for message in GARBAGE {
        play(&mut scene, message, message, true);
        play(&mut scene, &format!("a good packet, then {message}"), &format!("3\u{1e}{message}"), true);
    }
    play(&mut scene, "an empty body", "", true);
    play(&mut scene, "10^6 empty packets", &"\u{1e}".repeat(999_999), true);
    play(&mut scene, "a separator at the end", "3\u{1e}", true);
    play(&mut scene, "binary without a header", "bYWJj", false);
    play(&mut scene, "text while binary is awaited", &format!("{PLACEHOLDER}\u{1e}42[\"x\"]"), false);
    scene.end();
}

/// Whether one more message of a session is the answer to an event.
#[test]
fn one_good_event_before_a_fault_is_carried_out() {
    let mut scene = Scene::start(&[]);
    let (counter, refusals) = (PROTOCOL.counter(Speech::SocketIo), errors("no_backend"));
    scene.play(&Row {
        name: "an event, then a fault",
        times: times(0),
        grows: &[(&counter, 1), (&refusals, 1)],
        act: &|node| {
            let mut peer = Speech::SocketIo.open(node);
            peer.send([text(r#"421["x"]"#), text("4999")].concat());
            assert!(matches!(peer.told(), Told::Text(answer) if answer.starts_with("431[{\"ok\":false")));
            PROTOCOL.is_told(Speech::SocketIo, &mut peer);
        },
    });
    scene.end();
}
