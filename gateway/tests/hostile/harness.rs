//! One row of each kind, and proof that the checks can fail.

use crate::node::Node;
use crate::scene::{Row, Scene};

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
