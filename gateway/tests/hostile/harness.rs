//! One row of each kind, and proof that the checks can fail.

use std::collections::BTreeMap;

use crate::SECRET;
use crate::node::Node;
use crate::scene::{Row, Scene, files_are_back, grown, memory_is_back, series_are_sound, shown};

#[test]
fn a_row_of_each_kind() {
    let mut scene = Scene::start(&[]);
    let refused = r#"roomcast_handshakes_total{protocol="socketio",result="bad_request"}"#;
    scene.row("EIO=3", &[(refused, 1)], |node| {
        let answer = node.peer().get("/socket.io/?EIO=3&transport=polling");
        answer.is(400, "Unsupported protocol version");
    });
    let closed = r#"roomcast_connections_closed_total{protocol="plain",reason="protocol_error"}"#;
    scene.row("reserved opcode", &[(closed, 1)], |node| {
        let mut peer = node.peer().upgrade("/ws");
        peer.send([0x83, 0x80, 1, 2, 3, 4]);
        assert_eq!(peer.close_code(), Some(1002));
    });
    scene.end();
}

/// Whether a scene fails that has a row of this action in it.
fn fails(grows: &[(&str, i64)], act: impl Fn(&Node)) -> bool {
    let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut scene = Scene::start(&[]);
        scene.play(&Row { name: "to fail", times: 4, grows, act: &act });
        scene.end();
    }));
    played.is_err()
}

#[test]
fn the_checks_can_fail() {
    assert!(fails(&[], |node| assert_eq!(node.peer().get("/").status, 404)), "a wrong answer");
    let disconnect = r#"{"select":{"all":true}}"#;
    assert!(fails(&[], |node| assert!(node.backend().post_json("/v1/disconnect", disconnect).status < 300)), "closed");
    let lost = r#"{"to":{"rooms":["hall"]},"event":"n","args":[0]}"#;
    assert!(fails(&[], |node| assert_eq!(node.backend().post_json("/v1/publish", lost).status, 202)), "out of order");
    assert!(!fails(&[], |node| assert!(node.peer().upgrade("/ws").text("{}"))), "nothing is wrong");
}

#[test]
fn what_is_compared_can_be_wrong() {
    for (times, least) in [(60, 9 << 10), (250, 6 << 10), (1, 9 << 20)] {
        assert!(memory_is_back(least * times as u64, times).is_err(), "{least} bytes leaked {times} times");
        assert_eq!(memory_is_back(100_000, times), Ok(()));
    }
    assert!(files_are_back(200, 250).is_err());
    assert_eq!(files_are_back(200, 203), Ok(()));

    let (waiting, panics) = ("roomcast_http_connections_waiting", "roomcast_connection_panics_total");
    let series = |pairs: &[(&str, f64)]| -> BTreeMap<String, f64> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
    };
    assert_eq!(series_are_sound(&series(&[(waiting, 3.0), (panics, 0.0)]), 2), Ok(()));
    assert!(series_are_sound(&series(&[(waiting, 3.0), (panics, 1.0)]), 2).is_err(), "a panic");
    assert!(series_are_sound(&series(&[(waiting, 90.0), (panics, 0.0)]), 2).is_err(), "many wait");
    assert!(series_are_sound(&series(&[(waiting, 3.0), (panics, 0.0), ("more", 0.0)]), 2).is_err(), "one more");

    let before = series(&[(r#"n{a="1",b="1"}"#, 5.0), (r#"n{a="1",b="2"}"#, 0.0), (r#"n{a="2",b="1"}"#, 9.0)]);
    for (more, is) in [(3.0, false), (4.0, true), (5.0, false)] {
        let now = series(&[(r#"n{a="1",b="1"}"#, 5.0), (r#"n{a="1",b="2"}"#, more), (r#"n{a="2",b="1"}"#, 1.0)]);
        assert_eq!(grown(&before, &now, &[(r#"n{a="1"}"#, 2)], 2).is_ok(), is, "{more} more");
    }

    let secrets = [SECRET.to_owned()];
    assert_eq!(shown("started\nGET /\n", &secrets), None);
    assert!(shown(&format!("started\nGET /?token={SECRET} 404\n"), &secrets).is_some());
}
