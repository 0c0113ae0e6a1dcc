//! WebSockets that land on another node than their session's.

use std::io::Write;

use super::clients::Socket;
use super::gateway::Running;
use super::nodes::{self, Session, until};

const OPEN: &str = "roomcast_tunnels";
const POLLED: &str = r#"roomcast_connections{protocol="socketio",transport="polling"}"#;
const UPGRADED: &str = r#"roomcast_connections{protocol="socketio",transport="websocket"}"#;

/// Upgrades a session through a node, as far as the `5`.
fn upgrade(session: &Session, by: &Running) -> Socket {
    let mut socket = Socket::open(by, &session.websocket());
    socket.send("2probe");
    assert_eq!(socket.expect(), "3probe");
    socket.send("5");
    socket
}

#[test]
fn a_session_upgrades_through_another_node() {
    let ([home, away, third], _) = nodes::start(|_, _| {});
    let session = Session::member(&home, &third, "a");
    let mut pending = session.getting(&third);
    let mut socket = upgrade(&session, &away);
    assert_eq!(pending.answer(false).body, "6", "the pending GET is let go");
    until(&home, UPGRADED, 1);
    until(&home, POLLED, 0);
    until(&away, OPEN, 1);
    third.publish(r#"{"to":{"rooms":["a"]},"event":"x","args":[1]}"#);
    assert_eq!(socket.expect(), r#"42["x",1]"#);
    socket.send(r#"421["subscribe","b"]"#);
    assert!(socket.expect().starts_with("431"));
    let large = "x".repeat(300_000);
    home.publish(&format!(r#"{{"to":{{"rooms":["b"]}},"event":"y","args":["{large}"]}}"#));
    assert_eq!(socket.expect(), format!(r#"42["y","{large}"]"#));
    let late = session.get(&third);
    assert_eq!((late.status, late.json()["code"].as_u64()), (400, Some(3)), "it is polled no more");
    drop(socket);
    until(&home, UPGRADED, 0);
    until(&away, OPEN, 0);
    until(&away, r#"roomcast_tunnels_total{result="opened"}"#, 1);
    until(&home, OPEN, 0);
}

#[test]
fn the_owner_ends_a_session_that_is_carried() {
    let ([home, away], _) = nodes::start(|_, _| {});
    let session = Session::member(&home, &away, "a");
    let mut socket = upgrade(&session, &away);
    until(&home, UPGRADED, 1);
    let answer = home.post("/v1/disconnect", r#"{"select":{"all":true},"reconnect":true}"#);
    assert_eq!(answer.status, 200);
    assert_eq!(socket.next(), None);
    drop(socket);
    until(&away, OPEN, 0);
}

#[test]
fn beyond_the_bound_a_session_goes_on_polling() {
    let ([home, away], _) = nodes::start(|_, settings| settings.cluster.tunnels_max = 1);
    let (first, second) = (Session::member(&home, &away, "a"), Session::member(&home, &away, "a"));
    let carried = upgrade(&first, &away);
    until(&home, UPGRADED, 1);
    let refused = refused(&second, &away);
    assert!(refused.starts_with("HTTP/1.1 400"), "{refused}");
    until(&away, r#"roomcast_tunnels_total{result="full"}"#, 1);
    home.publish(r#"{"to":{"rooms":["a"]},"event":"x","args":[1]}"#);
    assert_eq!(second.get(&away).body, r#"42["x",1]"#);
    drop(carried);
    until(&away, OPEN, 0);
    let _carried = upgrade(&second, &away);
    until(&home, UPGRADED, 1);
}

/// What an upgrade is answered that is refused.
fn refused(session: &Session, by: &Running) -> String {
    let mut http = by.polls();
    http.send(&format!(
        "GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        session.websocket()
    ));
    http.rest()
}

#[test]
fn what_the_owner_refuses_is_not_carried() {
    let ([home, away], _) = nodes::start(|_, _| {});
    let session = Session::member(&home, &away, "a");
    let first = Socket::open(&away, &session.websocket());
    let second = refused(&session, &away);
    assert!(second.starts_with("HTTP/1.1 400") && second.ends_with("Bad request"), "{second}");
    drop(first);
    until(&away, OPEN, 0);
    session.posts(&away, "1");
    let gone = refused(&session, &away);
    assert!(gone.starts_with("HTTP/1.1 400") && gone.ends_with("Session ID unknown"), "{gone}");
    until(&away, r#"roomcast_tunnels_total{result="refused"}"#, 2);
}

#[test]
fn a_probe_that_fails_leaves_the_session_to_its_polls() {
    let ([home, away], _) = nodes::start(|_, settings| settings.socket_io.upgrade_timeout_ms = 300);
    let session = Session::member(&home, &away, "a");
    let mut socket = Socket::open(&away, &session.websocket());
    assert_eq!(socket.next(), None, "closed after its time");
    drop(socket);
    until(&away, OPEN, 0);
    let mut wrong = Socket::open(&away, &session.websocket());
    wrong.send("2prob");
    assert_eq!(wrong.next(), None);
    session.posts(&away, "3");
    until(&home, r#"roomcast_transport_upgrades_total{result="failed"}"#, 2);
}

#[test]
fn a_client_that_does_not_read_fills_its_owners_outbox_and_nothing_else() {
    let ([home, away], _) = nodes::start(|_, settings| settings.limits.outbox_bytes_max = 65_536);
    let session = Session::member(&home, &away, "a");
    let mut slow = upgrade(&session, &away);
    until(&home, UPGRADED, 1);
    let other = Session::member(&home, &away, "b");
    let more = "x".repeat(500_000);
    let closed =
        r#"roomcast_connections_closed_total{protocol="socketio",reason="slow_consumer",initiator="server"} 1"#;
    let mut sent = 0;
    while !home.get("/metrics").body.contains(closed) {
        home.publish(&format!(r#"{{"to":{{"rooms":["a"]}},"event":"x","args":["{more}"]}}"#));
        sent += 1;
        assert!(sent < 200, "100 MB are nowhere but on the way");
    }
    other.posts(&away, "3");
    home.publish(r#"{"to":{"rooms":["b"]},"event":"y","args":[1]}"#);
    assert_eq!(other.get(&away).body, r#"42["y",1]"#, "others are not held up");
    while slow.next().is_some() {}
    drop(slow);
    until(&away, OPEN, 0);
}

#[test]
fn a_node_that_goes_away_ends_what_it_carries_and_no_session_that_polls() {
    let ([home, away], _) = nodes::start(|_, _| {});
    let (carried, polled) = (Session::member(&home, &away, "a"), Session::member(&home, &away, "b"));
    let mut socket = upgrade(&carried, &away);
    until(&home, UPGRADED, 1);
    let mut pending = polled.getting(&away);
    drop(away);
    assert_eq!(socket.next(), None, "it comes back elsewhere");
    until(&home, UPGRADED, 0);
    let answer = pending.answer(false);
    assert_eq!((answer.status, answer.body.as_str(), answer.header("connection")), (200, "6", Some("close")));
    polled.posts(&home, "3");
    home.publish(r#"{"to":{"rooms":["b"]},"event":"y","args":[1]}"#);
    assert_eq!(polled.get(&home).body, r#"42["y",1]"#);
}

#[test]
fn bytes_behind_the_request_are_carried_too() {
    let ([home, away], _) = nodes::start(|_, _| {});
    let session = Session::member(&home, &away, "a");
    let mut stream = away.public();
    let mut bytes = format!(
        "GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        session.websocket()
    )
    .into_bytes();
    use roomcast_core::websocket::{Opcode, encode_masked};
    encode_masked(Opcode::Text, b"2probe", [1, 2, 3, 4], &mut bytes);
    encode_masked(Opcode::Text, b"5", [1, 2, 3, 4], &mut bytes);
    stream.write_all(&bytes).expect("it reads");
    until(&home, UPGRADED, 1);
}
