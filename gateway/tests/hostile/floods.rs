//! Too much of what is fine: pings, events, subscribes, namespaces. Work and memory stay
//! bounded, whoever reads is served, whoever does not is closed with a reason.

use roomcast_core::websocket::Opcode;
use serde_json::json;

use crate::peer::Told;
use crate::scene::Scene;
use crate::table::{NORMAL, SLOW, Speech, closes, errors, flood, goes_on, masked, text};

/// What the program may need while seven floods last, beside what it has.
const FLOOD_BYTES_MAX: u64 = 24 << 20;

#[test]
fn who_never_reads_is_closed() {
    // Not so short that a bystander that polls is too slow on a busy machine.
    let mut scene = Scene::start(&[("limits.outbox_age_ms_max", "3000")]);
    let (plain, socket_io) = (Speech::Plain, Speech::SocketIo);
    let messages = [
        (plain, masked(0x89, b"")),
        (plain, text("{}")),
        (plain, text(r#"{"type":"subscribe","id":1,"room":"a"}"#)),
        (socket_io, masked(0x89, &[7; 125])),
        (socket_io, text(r#"42["x"]"#)),
        (socket_io, text(r#"421["x"]"#)),
        (socket_io, text("40/nope,")),
    ];
    let (slow_plain, slow) = (SLOW.counter(plain), SLOW.counter(socket_io));
    let (closes_plain, closes) = (closes(plain), closes(socket_io));
    let grows: &[(&str, i64)] = &[(&slow_plain, 3), (&closes_plain, 3), (&slow, 4), (&closes, 4)];
    flood(&mut scene, "pings, refusals, events, subscribes", 2, grows, |node| {
        let before = node.memory();
        std::thread::scope(|floods| {
            for (speech, message) in &messages {
                floods.spawn(move || {
                    let mut peer = speech.open(node);
                    let chunk = message.repeat((64 << 10) / message.len());
                    while peer.send(&chunk) {
                        let grown = node.memory().saturating_sub(before);
                        assert!(grown < FLOOD_BYTES_MAX, "{grown} bytes more");
                    }
                });
            }
        });
    });
    scene.end();
}

#[test]
fn who_reads_is_served() {
    let mut scene = Scene::start(&[]);
    let (plain, socket_io) = (Speech::Plain, Speech::SocketIo);
    let (plain_closed, socket_io_closed) = (NORMAL.counter(plain), NORMAL.counter(socket_io));
    let frames: Vec<u8> = (0..5000_u32).flat_map(|i| masked(0x89, &i.to_be_bytes())).collect();
    let pongs: Vec<u8> = (0..5000_u32).flat_map(|i| [[0x8A, 4].as_slice(), &i.to_be_bytes()].concat()).collect();
    flood(&mut scene, "100,000 pings, each answered in order", 2, &[(&plain_closed, 1)], |node| {
        let mut peer = plain.open(node);
        for _ in 0..20 {
            peer.send(&frames);
            assert!(peer.take(pongs.len()) == pongs, "the pongs are not those of the pings");
        }
        goes_on(plain, &mut peer);
    });
    let (refusals, received) = (errors("no_backend"), r#"roomcast_messages_received_total{kind="event"}"#);
    // Their answers are more than an outbox holds.
    let grows: &[(&str, i64)] = &[(&refusals, 24_000), (received, 24_000), (&socket_io_closed, 1)];
    flood(&mut scene, "12,000 events with ack at a time", 2, grows, |node| {
        let mut peer = socket_io.open(node);
        for part in 0..2 {
            let events: Vec<u8> = (0..12_000).flat_map(|i| text(&format!(r#"42{}["x"]"#, part * 12_000 + i))).collect();
            peer.send(events);
            for i in 0..12_000 {
                let begin = format!("43{}[{{\"ok\":false", part * 12_000 + i);
                assert!(matches!(peer.told(), Told::Text(answer) if answer.starts_with(&begin)), "{begin}");
            }
        }
        goes_on(socket_io, &mut peer);
    });
    let pongs = masked(0x8A, b"x").repeat(100_000);
    flood(&mut scene, "100,000 pongs", 4, &[(&plain_closed, 1), (&socket_io_closed, 1)], |node| {
        for speech in [plain, socket_io] {
            let mut peer = speech.open(node);
            peer.send(&pongs);
            goes_on(speech, &mut peer);
        }
    });
    let noise = text("3").repeat(100_000);
    flood(&mut scene, "100,000 Engine.IO pongs", 4, &[(&socket_io_closed, 1)], |node| {
        let mut peer = socket_io.open(node);
        peer.send(&noise);
        goes_on(socket_io, &mut peer);
    });
    scene.end();
}

#[test]
fn rooms_and_namespaces() {
    let mut scene = Scene::start(&[]);
    let closed = NORMAL.counter(Speech::Plain);
    let (ok, refused) = (r#"roomcast_subscribes_total{result="ok"}"#, r#"roomcast_subscribes_total{result="refused"}"#);
    let (many, unknown) = (errors("too_many_rooms"), errors("unknown_namespace"));
    let subscribe =
        |id: usize, rooms: Vec<String>| text(&json!({"type":"subscribe","id":id,"rooms":rooms}).to_string());
    let rooms = |from: usize, count: usize| (from..from + count).map(|i| format!("r{i}")).collect::<Vec<_>>();
    let (held, open) = (("roomcast_subscriptions", 0), ("roomcast_rooms", 0));
    let grows: &[(&str, i64)] = &[(ok, 1), (refused, 99), (&many, 99), (&closed, 1), held, open];
    flood(&mut scene, "10^5 rooms, by the thousand", 4, grows, |node| {
        let mut peer = Speech::Plain.open(node);
        for part in 0..100 {
            peer.send(subscribe(part, rooms(part * 1000, 1000)));
            let says = if part == 0 { r#""type":"ok""# } else { r#""code":"too_many_rooms""# };
            assert!(matches!(peer.told(), Told::Text(answer) if answer.contains(says)), "{part}");
        }
        peer.frame(Opcode::Close, 1000_u16.to_be_bytes());
        NORMAL.is_told(Speech::Plain, &mut peer);
    });
    let grows: &[(&str, i64)] = &[(ok, 1000), (refused, 1000), (&many, 1000), (&closed, 1), held, open];
    flood(&mut scene, "2,000 rooms, one by one", 4, grows, |node| {
        let mut peer = Speech::Plain.open(node);
        peer.send((0..2000).flat_map(|i| subscribe(i, rooms(i, 1))).collect::<Vec<_>>());
        for i in 0..2000 {
            let says = if i < 1000 { r#""type":"ok""# } else { r#""code":"too_many_rooms""# };
            assert!(matches!(peer.told(), Told::Text(answer) if answer.contains(says)), "{i}");
        }
        peer.frame(Opcode::Close, 1000_u16.to_be_bytes());
        NORMAL.is_told(Speech::Plain, &mut peer);
    });
    let thousand =
        [subscribe(0, rooms(0, 1000)), text(&json!({"type":"unsubscribe","id":0,"rooms":rooms(0, 1000)}).to_string())];
    flood(&mut scene, "50 times into 1,000 rooms and out of them", 4, &[(ok, 51), (&closed, 1), held, open], |node| {
        let mut peer = Speech::Plain.open(node);
        for _ in 0..50 {
            peer.send(thousand.concat());
            (0..2).for_each(|_| assert!(matches!(peer.told(), Told::Text(answer) if answer.contains("\"ok\""))));
        }
        goes_on(Speech::Plain, &mut peer);
    });
    let again = subscribe(0, vec!["r".into()]);
    flood(&mut scene, "10^5 subscribes to one room", 1, &[(ok, 100_001), (&closed, 1)], |node| {
        let mut peer = Speech::Plain.open(node);
        for _ in 0..100 {
            peer.send(again.repeat(1000));
            (0..1000).for_each(|_| assert!(matches!(peer.told(), Told::Text(answer) if answer.contains("\"ok\""))));
        }
        goes_on(Speech::Plain, &mut peer);
    });
    let closed = NORMAL.counter(Speech::SocketIo);
    flood(&mut scene, "5,000 unknown namespaces", 4, &[(&unknown, 5000), (&closed, 1)], |node| {
        let mut peer = Speech::SocketIo.open(node);
        peer.send((0..5000).flat_map(|i| text(&format!("40/n{i},"))).collect::<Vec<_>>());
        for i in 0..5000 {
            assert_eq!(peer.told(), Told::Text(format!(r#"44/n{i},{{"message":"Invalid namespace"}}"#)));
        }
        goes_on(Speech::SocketIo, &mut peer);
    });
    let left = r#"roomcast_messages_received_total{protocol="socketio",kind="disconnect"}"#;
    flood(&mut scene, "1,000 times out of a namespace and into it", 4, &[(left, 1000), (&closed, 1)], |node| {
        let mut peer = Speech::SocketIo.open(node);
        peer.send([text("41"), text("40")].concat().repeat(1000));
        (0..1000).for_each(|_| assert!(matches!(peer.told(), Told::Text(answer) if answer.starts_with("40{"))));
        goes_on(Speech::SocketIo, &mut peer);
    });
    scene.end();
}

#[test]
fn one_namespace_too_many() {
    let mut scene = Scene::start_echo(&[("limits.namespaces_per_connection_max", "1")]);
    let (many, closed) = (errors("too_many_namespaces"), NORMAL.counter(Speech::SocketIo));
    flood(&mut scene, "a second of one", 1000, &[(&many, 1), (&closed, 1)], |node| {
        let mut peer = Speech::SocketIo.open(node);
        assert_eq!(peer.told(), Told::Text(r#"42["auth",{}]"#.into()));
        peer.text("40/custom,");
        let says = r#"44/custom,{"message":"too many namespaces on one connection"}"#;
        assert_eq!(peer.told(), Told::Text(says.into()));
        goes_on(Speech::SocketIo, &mut peer);
    });
    scene.end();
}

/// Over polling answers can not go out while a request is read: a bound ends the session, and
/// nothing of it is kept, as on a WebSocket.
#[test]
fn a_polling_request_full_of_events() {
    let mut scene = Scene::start(&[]);
    let (slow, all) = (SLOW.counter(Speech::SocketIo), closes(Speech::SocketIo));
    let body = vec![r#"42["x"]"#; 120_000].join("\u{1e}");
    flood(&mut scene, "120,000 events that are refused", 8, &[(&slow, 1), (&all, 1)], |node| {
        let path = crate::packets::session(node);
        node.peer().request("POST", &path, "", &body).is(200, "ok");
        node.peer().get(&path).is(400, r#""code":1"#);
    });
    scene.end();
}
