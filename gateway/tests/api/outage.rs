//! While Redis is away, and after: all that is said, bounds that hold, and rooms that come and go all the time.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Scope};
use std::time::Duration;

use roomcast_core::websocket::{Opcode, encode_masked};
use serde_json::json;

use super::clients::Plain;
use super::gateway::{Answer, Running};
use super::public::metric;
use super::redis::{self, Far, Server, until, until_up};

const QUEUE_MAX: usize = 100_000;
/// From one change of rooms to the next: some hundred a second.
const CHANGE_EVERY: Duration = Duration::from_millis(3);
/// Rooms that come and go.
const ROOMS: usize = 2000;

/// Has rooms come and go on a node until told to stop; counts how often.
fn churn<'scope>(
    scope: &'scope Scope<'scope, '_>,
    node: &Running,
    stop: &'scope AtomicBool,
    changes: &'scope AtomicUsize,
) {
    let client = Plain::member_of(node, &[]);
    let (mut answers, mut wishes) = (client.socket.carrier(), client.socket.carrier());
    scope.spawn(move || {
        let mut answer = [0; 4096];
        // Until the other one hangs up.
        while answers.read(&mut answer).is_ok_and(|count| count > 0) {}
    });
    scope.spawn(move || {
        let _client = client;
        for number in 0.. {
            if stop.load(Ordering::SeqCst) {
                break;
            }
            let kind = if (number / ROOMS).is_multiple_of(2) { "subscribe" } else { "unsubscribe" };
            let wish = json!({ "type": kind, "id": 1, "room": format!("churn:{}", number % ROOMS) });
            let mut frame = Vec::new();
            encode_masked(Opcode::Text, wish.to_string().as_bytes(), [1, 2, 3, 4], &mut frame);
            wishes.write_all(&frame).expect("it reads");
            changes.fetch_add(1, Ordering::SeqCst);
            thread::sleep(CHANGE_EVERY);
        }
        let _ = wishes.shutdown(Shutdown::Both);
    });
}

fn publish(node: &Running, room: &str, bytes: usize) -> Answer {
    let body = json!({ "to": { "rooms": [room] }, "event": "x", "args": ["x".repeat(bytes)] });
    node.post("/v1/publish", &body.to_string())
}

/// Publishes on one node until a member on another gets it: whatever was in between was not promised.
fn until_it_flows(from: &Running, room: &str, member: &mut Plain) {
    let mark = format!("mark of {room}");
    until("a publication is taken", || {
        let body = json!({ "to": { "rooms": [room] }, "event": mark });
        let answer = from.post("/v1/publish", &body.to_string());
        if answer.status == 202 { Ok(()) } else { Err(answer) }
    });
    while member.next()["event"] != mark.as_str() {}
}

/// What is published while Redis takes nothing: refused, and never more of it waiting than may be. Returns the
/// codes of those that were refused at first.
fn publishing_is_refused_within_bounds(node: &Running) -> HashSet<String> {
    let codes = thread::scope(|scope| {
        // Ten times what may wait.
        let many: Vec<_> = (0..50).map(|_| scope.spawn(|| publish(node, "a", QUEUE_MAX / 5))).collect();
        while many.iter().any(|one| !one.is_finished()) {
            let waiting = metric(node, "roomcast_adapter_queue_bytes");
            assert!(usize::try_from(waiting).is_ok_and(|waiting| waiting <= QUEUE_MAX), "{waiting} bytes wait");
        }
        let code = |answer: Answer| {
            assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
            answer.json()["code"].as_str().expect("a code").to_owned()
        };
        many.into_iter().map(|one| code(one.join().expect("an answer"))).collect()
    });
    until("the link is known to be down", || {
        let ready = node.get("/readyz").json();
        if ready["adapter"]["up"] == false { Ok(()) } else { Err(ready) }
    });
    let answer = publish(node, "a", 1);
    answer.problem(503, "adapter_unavailable");
    assert_eq!(answer.header("retry-after"), Some("1"));
    until("nothing waits any more", || match metric(node, "roomcast_adapter_queue_bytes") {
        0 => Ok(()),
        waiting => Err(waiting),
    });
    codes
}

/// An outage that `begin` and `end` make, under rooms that come and go. Returns the codes of what was refused
/// at first.
fn outage(begin: impl Fn(&mut Server), end: impl Fn(&mut Server)) -> HashSet<String> {
    let mut server = Server::start(&[]);
    // So long that rooms are always on their way.
    let way = Far::to(&server);
    let [here, there] = redis::start(&server, |settings| {
        settings.redis.addresses = vec![way.address()];
        settings.redis.publish_queue_bytes_max = QUEUE_MAX;
        settings.redis.publish_timeout_ms = 1000;
        settings.limits.rooms_per_connection_max = ROOMS + 1;
    });
    let (mut near, mut far) = (Plain::member_of(&here, &["a"]), Plain::member_of(&there, &["a"]));
    let (stop, changes) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (stop, changes) = (&stop, &changes);
    thread::scope(|scope| {
        // Also when this fails.
        let _stopping = Stopping(stop);
        churn(scope, &here, stop, changes);
        until("rooms come and go", || match changes.load(Ordering::SeqCst) {
            0..100 => Err(()),
            _ => Ok(()),
        });
        until_it_flows(&there, "a", &mut near);
        begin(&mut server);
        let codes = publishing_is_refused_within_bounds(&here);
        // A membership stands, and the client is told that it is not live yet.
        let mut late = Plain::member_of(&here, &[]);
        late.socket.send(&json!({ "type": "subscribe", "id": 7, "room": "late" }).to_string());
        assert_eq!(late.next(), json!({ "type": "ok", "id": 7, "rooms": ["late"], "degraded": true }));
        let before = changes.load(Ordering::SeqCst);
        end(&mut server);
        until_up(&here);
        until_up(&there);
        until_it_flows(&there, "late", &mut late);
        until_it_flows(&there, "a", &mut near);
        until_it_flows(&here, "a", &mut far);
        // What is asked for from now on is live at once.
        late.socket.send(&json!({ "type": "subscribe", "id": 8, "room": "later" }).to_string());
        assert_eq!(late.next(), json!({ "type": "ok", "id": 8, "rooms": ["later"] }));
        assert!(changes.load(Ordering::SeqCst) > before, "rooms came and went meanwhile");
        codes
    })
}

/// Ends the coming and going of rooms on drop.
struct Stopping<'a>(&'a AtomicBool);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn after_a_restart_of_redis_all_is_live_while_rooms_come_and_go() {
    outage(Server::kill, Server::start_again);
}

#[test]
fn after_a_silence_of_redis_all_is_live_while_rooms_come_and_go() {
    let codes = outage(|server| server.pause(), |server| server.resume());
    // It takes a while until a link that says nothing is known to be down.
    assert!(codes.contains("overloaded") && codes.contains("outcome_unknown"), "{codes:?}");
}
