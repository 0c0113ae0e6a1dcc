//! Which channels a node hears, and which one pattern takes in.

use proptest::prelude::*;
use roomcast_core::id::{NodeTag, ShardIndex, SocketId};

use super::*;

fn tag() -> NodeTag {
    NodeTag::parse("a_-9").expect("a tag")
}

/// The patterns of Redis (`stringmatchlen`), as far as they are used here.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => matches(rest, text) || (!text.is_empty() && matches(pattern, &text[1..])),
        ([b'?', rest @ ..], [_, text @ ..]) => matches(rest, text),
        ([b'\\', c, rest @ ..] | [c, rest @ ..], [first, text @ ..]) => c == first && matches(rest, text),
        _ => false,
    }
}

#[test]
fn rooms_are_subscribed_as_each_mode_publishes() {
    let id = SocketId::new(tag(), ShardIndex::new(3).expect("a shard"), [7; 12]);
    let (private, plain) = (Room::of_socket(&id), room("room1"));
    // 20 UTF-16 units, 30 bytes.
    let twenty = room("éééééééééé0123456789");
    let pairs = room("😀😀😀😀😀😀😀😀😀😀");
    let root = Namespace::root();
    let own = |room: &Room| Some(format!("p#/#{room}#"));
    for (format, expected) in [
        (Format::Classic, [None, own(&plain), own(&twenty), own(&pairs)]),
        (Format::Sharded(Mode::Dynamic), [None, own(&plain), None, None]),
        (Format::Sharded(Mode::DynamicPrivate), [own(&private), own(&plain), own(&twenty), own(&pairs)]),
        (Format::Sharded(Mode::Static), [None, None, None, None]),
    ] {
        let wire = reader(format, "p");
        for (room, expected) in [&private, &plain, &twenty, &pairs].into_iter().zip(expected) {
            assert_eq!(wire.room(&root, room, tag()), expected, "{format:?} {room}");
            // Published where it is heard.
            let publication = bare(r#"["x"]"#, &[], &[room.as_str()], &[]);
            let channel = wire.publication(&publication).channel;
            let heard = expected
                .unwrap_or_else(|| if format == Format::Classic { format!("p#/#{room}#") } else { "p#/#".to_owned() });
            assert_eq!(channel, heard, "{format:?} {room}");
        }
        let both = wire.publication(&bare(r#"["x"]"#, &[], &["room1", "room2"], &[]));
        assert_eq!((both.channel.as_str(), wire.channels(&root)[0].as_str()), ("p#/#", "p#/#"));
    }
}

#[test]
fn the_pattern_takes_in_private_rooms_of_all_namespaces_and_no_others() {
    let wire = reader(Format::Classic, "a*[b]?\\^");
    let pattern = wire.private_rooms(tag()).expect("a pattern");
    assert_eq!(pattern, r"a\*\[b\]\?\\\^#/*#a_-9????????????????#");
    assert_eq!(reader(Format::Sharded(Mode::DynamicPrivate), "p").private_rooms(tag()), None);
    for (prefix, name, covered) in [
        ("a*[b]?\\^", "a_-9AAAAAAAAAAAAAAAA", true),
        ("a*[b]?\\^", "a_-8AAAAAAAAAAAAAAAA", false),
        ("a*[b]?\\^", "a_-9AAAAAAAAAAAAAAA", false),
        ("a*[b]?\\^", "a_-9AAAAAAAAAAAAAAAAA", false),
        ("a*[b]?\\^", "x#a_-9AAAAAAAAAAAAAAAA", true),
        ("a*[b]?\\^", "a_-9éééééééé", true),
        ("axb?\\^", "a_-9AAAAAAAAAAAAAAAA", false),
    ] {
        for namespace in ["/", "/custom"] {
            let channel = format!("{prefix}#{namespace}#{name}#");
            assert_eq!(matches(pattern.as_bytes(), channel.as_bytes()), covered, "{channel}");
        }
        if prefix == "a*[b]?\\^" {
            assert_eq!(wire.room(&namespace("/custom"), &room(name), tag()).is_none(), covered, "{name}");
        }
    }
}

proptest! {
    /// A room is subscribed exactly if the pattern does not take it in: else Redis would deliver twice, or not at all.
    #[test]
    fn a_room_is_heard_once(
        prefix in "[a-z*?#\\[\\]\\\\]{1,4}",
        name in "(/|/[#a]{0,3}|/x#a_-9[a-cé]{14,16})",
        room_name in "([#a]{0,2}#?a_-9[#a-cé]{7,17}|[a-c#]{1,22})",
    ) {
        let (wire, namespace) = (reader(Format::Classic, &prefix), namespace(&name));
        let pattern = wire.private_rooms(tag()).expect("a pattern");
        let channel = format!("{prefix}#{namespace}#{room_name}#");
        let covered = matches(pattern.as_bytes(), channel.as_bytes());
        prop_assert_eq!(wire.room(&namespace, &room(&room_name), tag()), (!covered).then_some(channel));
    }
}
