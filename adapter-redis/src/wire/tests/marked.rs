//! What only gateways read: extras of a publication, the mark of a request.

use std::time::Duration;

use roomcast_core::cluster::Select;
use roomcast_core::publication::{Class, Origin};

use super::*;

const FORMATS: [Format; 2] = [Format::Classic, Format::Sharded(Mode::Dynamic)];

fn full(class: Class, attachments: bool) -> Publication {
    let data = r#"["é\n",{"z":1,"a":[null,true,"\"x\""]},{"_placeholder":true,"num":0},{"b":{"_placeholder":true,"num":1}},-7]"#;
    let mut publication = if attachments {
        bare(data, &[&[0, 255, 30, 10], &[]], &["room1"], &["room2"])
    } else {
        bare("[\"e\", 1.0,\t{\"z\":1e3,\"a\":\"\\u00e9\"}]", &[], &[], &[])
    };
    publication.id = "an-é-id".into();
    publication.class = class;
    publication.key = (class == Class::Latest).then(|| "price:é".into());
    publication.published_at = 1_700_000_000_000;
    publication.expires_at = Some(4_102_444_800_123);
    publication.trace = Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into());
    publication
}

fn back(format: Format, sent: &Publication) -> Publication {
    let outgoing = Wire::with_uid(format, "socket.io", "sender").publication(sent);
    match read(format, &outgoing.channel, &outgoing.payload) {
        Incoming::Publication(publication) => publication,
        other => panic!("{other:?}"),
    }
}

#[test]
fn everything_of_a_publication_arrives() {
    for format in FORMATS {
        for class in [Class::Reliable, Class::Volatile, Class::Latest] {
            for (origin, remember) in [(Origin::Cluster, true), (Origin::Client, false)] {
                let mut sent = full(class, true);
                (sent.origin, sent.remember) = (origin, remember);
                assert_eq!(format!("{:?}", back(format, &sent)), format!("{sent:?}"), "{format:?}");
            }
        }
        // A backend is another server from there on.
        assert_eq!(back(format, &full(Class::Reliable, false)).origin, Origin::Cluster);
    }
    // JSON is passed on as it is; msgpack has no spaces, and 1.0 is 1 there.
    let sent = full(Class::Reliable, false);
    assert_eq!(back(FORMATS[1], &sent).payload.data(), sent.payload.data());
    assert_eq!(back(FORMATS[0], &sent).payload.data(), r#"["e",1,{"z":1000,"a":"é"}]"#);
}

#[test]
fn extras_are_left_out_one_by_one() {
    let flags = |publication: &Publication| {
        let outgoing = Wire::with_uid(FORMATS[1], "p", "u").publication(publication);
        let (_, flags) = text(&outgoing).split_once(r#""flags":"#).expect("flags");
        flags.split_once(r#"}},"uid":"u""#).expect("the end").0.to_owned()
    };
    let none = bare(r#"["x"]"#, &[], &[], &[]);
    assert_eq!(flags(&none), "{}");
    type Change = fn(&mut Publication);
    let cases: [(Change, &str); 9] = [
        (|publication| publication.id = "i".into(), r#"{"rc":{"i":"i"}}"#),
        (|publication| publication.published_at = 1, r#"{"rc":{"t":1}}"#),
        (|publication| publication.class = Class::Volatile, r#"{"volatile":true}"#),
        (|publication| publication.class = Class::Latest, r#"{"rc":{"l":true}}"#),
        (|publication| publication.key = Some("k".into()), r#"{"rc":{"k":"k"}}"#),
        (|publication| publication.expires_at = Some(2), r#"{"rc":{"x":2}}"#),
        (|publication| publication.trace = Some("t".into()), r#"{"rc":{"w":"t"}}"#),
        (|publication| publication.remember = false, r#"{"rc":{"f":true}}"#),
        (|publication| publication.origin = Origin::Client, r#"{"rc":{"c":true}}"#),
    ];
    for (change, expected) in cases {
        let mut publication = none.clone();
        change(&mut publication);
        assert_eq!(flags(&publication), expected);
    }
}

#[test]
fn extras_that_are_not_as_they_should_be_count_as_left_out() {
    let payload = br#"{"type":3,"data":{"packet":{"type":2,"data":["x"]},"opts":{"rooms":[],"flags":{"rc":{"i":7,"t":"x","l":0,"k":{},"x":-1,"w":[]}}}},"uid":"u","nsp":"/"}"#;
    let Incoming::Publication(publication) = read(FORMATS[1], "socket.io#/#", payload) else {
        panic!("no publication");
    };
    let mut expected = bare(r#"["x"]"#, &[], &[], &[]);
    expected.origin = Origin::Cluster;
    assert_eq!(format!("{publication:?}"), format!("{expected:?}"));
}

fn requests() -> Vec<Request> {
    let namespace = Namespace::root();
    let audience = Audience { rooms: vec![room("room1")], except: vec![room("room3")] };
    let select = || Select { namespace: namespace.clone(), audience: audience.clone() };
    vec![
        Request::BroadcastWithAcks { publication: full(Class::Reliable, true), timeout: Duration::from_millis(1500) },
        Request::Join(select(), vec![room("r2"), room("r3")]),
        Request::Leave(select(), vec![room("r2")]),
        Request::Disconnect { select: select(), reconnect: true },
        Request::FetchSockets { select: select(), servers: true },
        Request::ListRooms { namespace: namespace.clone(), servers: true },
        Request::ServerSideEmit { namespace: namespace.clone(), data: r#"["e",{"b":2}]"#.to_owned(), ack: true },
        Request::ServerSideEmit { namespace, data: "no JSON".to_owned(), ack: false },
    ]
}

#[test]
fn gateways_know_the_copy_of_a_request_and_node_servers_read_it() {
    for format in FORMATS {
        let sender = Wire::with_uid(format, "socket.io", "sender");
        for request in requests() {
            let (marked, bare) = (sender.request(&request, "abcdef"), sender.request_as(&request, "abcdef", false));
            assert_eq!(marked.channel, sender.counted(request.namespace()));
            assert!(matches!(read(format, &marked.channel, &marked.payload), Incoming::Own), "{request:?}");
            // Without the mark it is what a Node server sends, and so it is read.
            let read = reader(format, "socket.io").read(bare.channel.as_bytes(), &bare.payload, 0);
            if matches!(&request, Request::ServerSideEmit { data, .. } if data == "no JSON") {
                assert!(read.is_err(), "{read:?}");
            } else {
                assert!(matches!(read, Ok(Incoming::Asked(..))), "{read:?}");
            }
            // The mark is all that they differ by: one more member, at the end.
            assert_ne!(marked.payload, bare.payload);
            if let Ok(bare) = std::str::from_utf8(&bare.payload) {
                let end = if format == Format::Classic { "}" } else { r#"},"uid":"sender","nsp":"/"}"# };
                let expected = bare.strip_suffix(end).map(|rest| format!("{rest},\"rc\":1{end}"));
                assert_eq!(Some(text(&marked)), expected.as_deref());
            }
        }
    }
}

#[test]
fn the_sharded_format_asks_sockets_for_rooms() {
    let request = Request::ListRooms { namespace: Namespace::root(), servers: true };
    let outgoing = Wire::with_uid(FORMATS[1], "p", "u").request_as(&request, "id", false);
    let expected =
        r#"{"type":7,"data":{"opts":{"rooms":[],"except":[],"flags":{}},"requestId":"id"},"uid":"u","nsp":"/"}"#;
    assert_eq!(text(&outgoing), expected);
}

#[test]
fn a_uid_has_the_form_of_its_format() {
    let classic = Wire::new(Format::Classic, "p", [255, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(classic.channels(&Namespace::root()), ["p#/#", "p-request#/#", "p-response#/#", "p-response#/#_wECAw#"]);
    let sharded = Wire::new(FORMATS[1], "p", [0, 1, 2, 3, 4, 5, 6, 255]);
    assert_eq!(sharded.channels(&namespace("/a")), ["p#/a#", "p#/a#00010203040506ff#"]);
}
