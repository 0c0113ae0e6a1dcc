//! Forms that third parties and old versions send.

use super::*;
use crate::wire::{Form, Reply, ReplyTo, Unreadable};

const SHARDED: Format = Format::Sharded(Mode::Dynamic);

/// A broadcast in the classic format, written in JSON and packed.
fn classic(channel: &str, json: &str) -> Result<Incoming, Unreadable> {
    let value = crate::wire::json::to_value(json, &[]).expect("JSON");
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, &value).expect("a Vec takes everything");
    let packed = reader(Format::Classic, "socket.io").read(channel.as_bytes(), &bytes, 0);
    let plain = reader(Format::Classic, "socket.io").read(channel.as_bytes(), json.as_bytes(), 0);
    assert_eq!(format!("{packed:?}"), format!("{plain:?}"), "one message in two encodings");
    packed
}

fn said(incoming: Result<Incoming, Unreadable>) -> String {
    incoming.map_or_else(|why| format!("{why:?}"), |incoming| describe(&incoming))
}

fn refused(incoming: Result<Incoming, Unreadable>) -> (String, String, Option<Unreadable>) {
    match incoming {
        Ok(Incoming::Refused { reply, why }) => (text(&reply).to_owned(), reply.channel, why),
        other => panic!("{other:?}"),
    }
}

#[test]
fn broadcasts_of_third_parties_are_read() {
    let all = r#"event Reliable in / to all: ["x"]"#;
    let one = r#"event Reliable in / to r: ["x"]"#;
    for (opts, expected) in [
        (r#"{"rooms":"","flags":""}"#, all),
        (r#"{"rooms":[],"flags":[]}"#, all),
        (r#"{"rooms":null}"#, all),
        ("{}", all),
        ("[]", all),
        (r#"{"rooms":{}}"#, all),
        (r#"{"rooms":["r"],"flags":[],"except":""}"#, one),
        (r#"{"rooms":"r"}"#, one),
        (r#"{"rooms":["r","\u0000",null]}"#, one),
        (r#"{"rooms":["r"],"except":["\u0000"]}"#, one),
        (r#"{"rooms":["r"],"flags":{"volatile":true,"compress":false}}"#, r#"event Volatile in / to r: ["x"]"#),
        (r#"{"rooms":["r"],"flags":{"volatile":false}}"#, one),
        (r#"{"rooms":[42,-7,1.5,2.0]}"#, r#"event Reliable in / to 42 -7 1.5 2: ["x"]"#),
        // Rooms were named, but none that can be: nobody, never everybody.
        (r#"{"rooms":["a\u0000"]}"#, "Nobody"),
        (r#"{"rooms":[null,{}]}"#, "Nobody"),
        (r#"{"rooms":["",""]}"#, "Nobody"),
        (r#"{"rooms":true}"#, "Malformed"),
        (r#"{"rooms":{"0":"r"}}"#, "Malformed"),
        ("null", "Malformed"),
        ("7", "Malformed"),
    ] {
        let message = format!(r#"["emitter",{{"data":["x"],"type":2,"nsp":"/"}},{opts}]"#);
        assert_eq!(said(classic("socket.io#/#", &message)), expected, "{opts}");
    }
    let long = format!(r#"["emitter",{{"data":["x"],"type":2}},{{"rooms":["{}"]}}]"#, "x".repeat(256));
    assert_eq!(said(classic("socket.io#/#", &long)), "Nobody");
}

#[test]
fn packets_of_all_types_are_read_or_refused() {
    for (packet, expected) in [
        (r#"{"type":2,"data":["x"]}"#, r#"event Reliable in / to all: ["x"]"#),
        (r#"{"type":5,"data":["x"],"nsp":"/"}"#, r#"event Reliable in / to all: ["x"]"#),
        (r#"{"type":2.0,"data":["x"],"id":7}"#, r#"event Reliable in / to all: ["x"]"#),
        (r#"{"type":2,"data":[7,1]}"#, r"event Reliable in / to all: [7,1]"),
        (r#"{"type":3,"id":1,"data":["x"]}"#, "Unsupported"),
        (r#"{"type":6,"id":1,"data":["x"]}"#, "Unsupported"),
        (r#"{"type":0}"#, "Unsupported"),
        (r#"{"data":["x"]}"#, "Malformed"),
        (r#"{"type":2}"#, "Malformed"),
        (r#"{"type":2,"data":["connect"]}"#, "Payload"),
        (r#"{"type":2,"data":[]}"#, "Payload"),
        (r#"{"type":2,"data":{"a":1}}"#, "Payload"),
        (r#"{"type":2,"data":["x",{"_placeholder":true,"num":0}]}"#, "Payload"),
        (r#"{"type":2,"data":["x"],"nsp":"/other"}"#, "Nobody"),
        ("[]", "Malformed"),
    ] {
        let message = format!(r#"["emitter",{packet},{{"rooms":[]}}]"#);
        assert_eq!(said(classic("socket.io#/#", &message)), expected, "{packet}");
    }
    for message in ["[]", r#"["a"]"#, r#"["a",{}]"#, r#"["a",{},{},{}]"#, r#"{"namespace":"/","event":"x"}"#] {
        assert_eq!(said(classic("socket.io#/#", message)), "Malformed", "{message}");
    }
    // Binary values of old emitters, whose type says so.
    let binary =
        hex("93a76d6974746572 2182a47479706505a46461746192a178c4020102 81a5726f6f6d7390".replace(' ', "").as_str());
    assert_eq!(
        describe(&read(Format::Classic, "socket.io#/#", &binary)),
        r#"event Reliable in / to all: ["x",{"_placeholder":true,"num":0}] 0102"#
    );
}

#[test]
fn the_packet_tells_the_namespace_and_the_channel_must_fit() {
    let message = |nsp: &str| format!(r#"["u",{{"type":2,"data":["x"],"nsp":"{nsp}"}},{{"rooms":["x"]}}]"#);
    for (channel, nsp, expected) in [
        ("socket.io#/#x#", "/", "/"),
        ("socket.io#/#x#", "/#x", "/#x"),
        ("socket.io#/a#x#", "/a", "/a"),
        ("socket.io#/ab#x#", "/a", ""),
        ("socket.io#/a#", "/", ""),
        ("socket.io#/a#", "a", ""),
    ] {
        let expected = match expected {
            "" => "Nobody".to_owned(),
            name => format!(r#"event Reliable in {name} to x: ["x"]"#),
        };
        assert_eq!(said(classic(channel, &message(nsp))), expected, "{channel} {nsp}");
    }
    let wire = reader(Format::Classic, "socket.io");
    for channel in [&b"other#/#"[..], b"socket.io-request#x#", b"socket.io-request#/", b"\xff", b""] {
        assert!(wire.read(channel, br#"{"type":1,"requestId":"x"}"#, 0).is_err());
    }
}

#[test]
fn orders_before_version_7_concern_one_socket() {
    let request = |json: &str| said(classic("socket.io-request#/#", json));
    assert_eq!(
        request(r#"{"requestId":"r","type":2,"sid":"S","room":"a"}"#),
        "join in / S: a; r to socket.io-response#/# in /"
    );
    assert_eq!(
        request(r#"{"requestId":"r","type":3,"sid":"S","room":5}"#),
        "leave in / S: 5; r to socket.io-response#/# in /"
    );
    assert_eq!(
        request(r#"{"requestId":"r","type":4,"sid":"S","close":true}"#),
        "disconnect in / S: true; r to socket.io-response#/# in /"
    );
    assert_eq!(request(r#"{"requestId":"r","type":4,"sid":""}"#), "Nobody");
    assert_eq!(request(r#"{"requestId":"r","type":4}"#), "Malformed");
    let to =
        ReplyTo { channel: "c".to_owned(), request_id: "r".to_owned(), namespace: Namespace::root(), form: Form::Full };
    assert_eq!(text(&reader(Format::Classic, "p").reply(&to, &Reply::Done)), r#"{"requestId":"r"}"#);
    // Adapters before version 8 ask for ids.
    let Ok(Incoming::Asked(asked, Some(to))) =
        classic("socket.io-request#/#", r#"{"uid":"u","requestId":"r","type":0,"rooms":["a"]}"#)
    else {
        panic!("not asked");
    };
    assert_eq!((to.form, to.channel.as_str()), (Form::Ids, "socket.io-response#/#u#"));
    assert!(matches!(asked, Request::FetchSockets { select, .. } if select.audience.rooms == [room("a")]));
}

#[test]
fn orders_to_nobody_or_of_no_rooms_are_nothing() {
    for (request, expected) in [
        (r#"{"type":2,"opts":{"rooms":["\u0000"]},"rooms":["a"]}"#, "Nobody"),
        (r#"{"type":2,"opts":{"rooms":["a"]},"rooms":["\u0000"]}"#, "Nobody"),
        (r#"{"type":4,"opts":{"rooms":["\u0000"]},"close":true}"#, "Nobody"),
        (r#"{"type":4,"opts":{"rooms":["a"]}}"#, "disconnect in / a: false"),
        (r#"{"type":2,"opts":{"rooms":["a"],"except":["b"]},"rooms":["c",1]}"#, "join in / a but b: c 1"),
        (r#"{"type":17,"requestId":"r"}"#, "Unsupported"),
        (r#"{"type":5,"opts":{}}"#, "Malformed"),
        (r#"{"requestId":"r"}"#, "Malformed"),
    ] {
        assert_eq!(said(classic("socket.io-request#/#", request)), expected, "{request}");
    }
}

#[test]
fn whoever_counts_answers_gets_one() {
    for (request, answer, why) in [
        (r#""type":5,"opts":{"rooms":["\u0000"]}"#, r#"{"requestId":"r","sockets":[]}"#, None),
        (r#""type":5,"opts":7"#, r#"{"requestId":"r","sockets":[]}"#, Some(Unreadable::Malformed)),
        (r#""type":0,"rooms":["\u0000"]"#, r#"{"requestId":"r","sockets":[]}"#, None),
        (
            r#""type":7,"packet":{"type":2,"data":["x"]},"opts":{"rooms":["\u0000"]}"#,
            r#"{"type":8,"requestId":"r","clientCount":0}"#,
            None,
        ),
        (
            r#""type":7,"packet":{"type":2,"data":["connect"]},"opts":{"rooms":[]}"#,
            r#"{"type":8,"requestId":"r","clientCount":0}"#,
            Some(Unreadable::Payload),
        ),
    ] {
        let came = refused(classic("socket.io-request#/#", &format!(r#"{{"uid":"u","requestId":"r",{request}}}"#)));
        assert_eq!(came, (answer.to_owned(), "socket.io-response#/#u#".to_owned(), why), "{request}");
    }
    let emitted = refused(classic("socket.io-request#/#", r#"{"uid":"u","requestId":"r","type":6,"data":7}"#));
    let null = (r#"{"type":6,"requestId":"r","data":null}"#, "socket.io-response#/#");
    assert_eq!(emitted, (null.0.to_owned(), null.1.to_owned(), Some(Unreadable::Malformed)));

    for (data, answer) in [
        (
            r#""type":7,"data":{"requestId":"r","opts":{"rooms":["\u0000"]}}"#,
            r#"{"type":8,"data":{"requestId":"r","sockets":[]}"#,
        ),
        (
            r#""type":3,"data":{"requestId":"r","packet":{"type":2,"data":["connect"]},"opts":{}}"#,
            r#"{"type":11,"data":{"requestId":"r","clientCount":0}"#,
        ),
        (r#""type":9,"data":{"requestId":"r"}"#, r#"{"type":10,"data":{"requestId":"r","packet":null}"#),
    ] {
        let payload = format!(r#"{{{data},"uid":"u","nsp":"/"}}"#);
        let (reply, channel, _) = refused(reader(SHARDED, "socket.io").read(b"socket.io#/#", payload.as_bytes(), 0));
        assert_eq!(reply, format!(r#"{answer},"uid":"reader","nsp":"/"}}"#));
        assert_eq!(channel, "socket.io#/#u#");
    }
}

#[test]
fn sharded_messages_of_emitters_and_heartbeats_are_read() {
    let read = |payload: &str| said(reader(SHARDED, "socket.io").read(b"socket.io#/a#", payload.as_bytes(), 0));
    let event = r#"event Reliable in /a to all: ["x"]"#;
    for (payload, expected) in [
        (
            r#"{"type":3,"data":{"packet":{"type":2,"data":["x"],"nsp":"/a"},"opts":{"rooms":[]}},"uid":"emitter"}"#,
            event,
        ),
        (
            r#"{"uid":"emitter","nsp":"/a","type":3,"data":{"opts":{"rooms":"","flags":[]},"packet":{"nsp":"/b","data":["x"],"type":5}}}"#,
            event,
        ),
        (r#"{"type":3,"data":{"packet":{"type":2,"data":["x"]},"opts":{"rooms":[]}},"nsp":"/a"}"#, event),
        (r#"{"type":3,"data":{"packet":{"type":2,"data":["x"]},"opts":{"rooms":[]}},"uid":"u","nsp":"/b"}"#, "Nobody"),
        (
            r#"{"type":3,"data":{"packet":{"type":2,"data":["x"]},"opts":{"rooms":["\t"]}},"uid":"u","nsp":"/a"}"#,
            "Nobody",
        ),
        (r#"{"type":3,"data":{"packet":{"type":2,"data":["x"]},"opts":{"rooms":[]}},"uid":"u"}"#, "Malformed"),
        (r#"{"type":1,"uid":"u","nsp":"/a"}"#, "Nobody"),
        (r#"{"type":2,"uid":"u","nsp":"/a"}"#, "Nobody"),
        (r#"{"type":13,"uid":"u","nsp":"/a"}"#, "Nobody"),
        (r#"{"type":14,"data":{},"uid":"u","nsp":"/a"}"#, "Unsupported"),
        (r#"{"type":9,"data":{"packet":["hey"]},"uid":"emitter","nsp":"/a"}"#, r#"emit in /a false: ["hey"]"#),
        (r#"{"type":4,"data":{"opts":{"rooms":["a"]},"rooms":["b"]},"uid":"emitter","nsp":"/b"}"#, "Nobody"),
        (r#"["x"]"#, "Malformed"),
        ("{", "Malformed"),
        ("", "Malformed"),
    ] {
        assert_eq!(read(payload), expected, "{payload}");
    }
}

#[test]
fn a_classic_broadcast_with_acks_loses_its_flags_as_on_stock() {
    let request = r#"{"uid":"u","requestId":"r","type":7,"packet":{"type":2,"data":["x"]},"opts":{"rooms":[],"flags":{"volatile":true}}}"#;
    let expected = r#"acks 5s Reliable in / to all: ["x"]; r to socket.io-response#/#u# in /"#;
    assert_eq!(said(classic("socket.io-request#/#", request)), expected);
}

#[test]
fn answers_without_a_value_are_answers() {
    let to = ReplyTo {
        channel: "socket.io-response#/#".to_owned(),
        request_id: "r".to_owned(),
        namespace: Namespace::root(),
        form: Form::Full,
    };
    for (args, classic_bytes, sharded) in [
        ("[]", "82a47479706509a9726571756573744964a172", r#"{"requestId":"r"}"#),
        ("[null,1]", "83a47479706509a9726571756573744964a172a67061636b6574c0", r#"{"requestId":"r","packet":null}"#),
    ] {
        let Answered::Ack(mut ack) = crate::wire::messages::acknowledged(None).expect("an answer") else {
            panic!("no answer");
        };
        ack.args = args.to_owned();
        // Binary values of arguments that are not passed on do not make it binary.
        ack.attachments = vec![bytes::Bytes::from_static(b"x")];
        let ours = reader(Format::Classic, "socket.io").reply(&to, &Reply::Ack(&ack));
        assert_eq!(ours.payload, hex(classic_bytes));
        let ours = reader(SHARDED, "socket.io").reply(&to, &Reply::Ack(&ack));
        assert_eq!(text(&ours), format!(r#"{{"type":12,"data":{sharded},"uid":"reader","nsp":"/"}}"#));
    }
    let read = |json: &str| said(classic("socket.io-response#/#", json));
    assert_eq!(read(r#"{"type":9,"requestId":"r"}"#), "r: ack [] []");
    assert_eq!(read(r#"{"type":6,"requestId":"r"}"#), "r: emitted null");
    assert_eq!(read(r#"{"requestId":"r"}"#), "Nobody");
    assert_eq!(read(r#"{"requestId":"r","sockets":["a",7,"\u0000",{"id":"b"}]}"#).matches(" in / ").count(), 2);
    assert_eq!(read(r#"{"type":8,"requestId":"r","clientCount":-1}"#), "Malformed");
    assert_eq!(
        text(&reader(Format::Classic, "p").reply(&to, &Reply::Emitted("{"))),
        r#"{"type":6,"requestId":"r","data":null}"#
    );
}
