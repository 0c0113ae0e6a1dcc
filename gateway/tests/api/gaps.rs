//! What clients are told when publications may have been lost between nodes.

use std::sync::Arc;

use roomcast::settings::{Namespace, OnGap, Settings};
use roomcast_core::adapter::Event;
use roomcast_core::cluster::Gap;
use roomcast_core::delivery::Delivery;
use roomcast_core::publication::{Audience, Payload, Publication};
use roomcast_core::room::{self, Room};
use serde_json::{Value, json};

use super::clients::{Plain, SocketIo};
use super::gateway::{Running, start_scripted};

const FROM: u64 = 1_700_000_000_000;

fn gap(namespace: Option<&str>, rooms: impl IntoIterator<Item = String>) -> Event {
    let rooms = rooms.into_iter().map(|name| Room::new(&name).expect("a name")).collect();
    let namespace = namespace.map(|name| room::Namespace::new(name).expect("a name"));
    Event::Gap(Gap { namespace, rooms, from: FROM, until: FROM + 1500 })
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn told(rooms: &Value) -> Value {
    json!({ "type": "gap", "rooms": rooms, "from_ms": FROM, "until_ms": FROM + 1500 })
}

fn publish(gateway: &Running, room: &str, event: &str) {
    gateway.publish(&json!({ "to": { "rooms": [room] }, "event": event }).to_string());
}

/// Has a client hear an event, and nothing before it.
fn hears(client: &mut Plain, gateway: &Running, room: &str, event: &str) {
    publish(gateway, room, event);
    assert_eq!(client.next()["event"], event, "nothing was told before");
}

#[test]
fn members_of_the_rooms_hear_of_a_gap_once_each_and_nobody_else_does() {
    let (gateway, adapter) = start_scripted(false, |_| {});
    let mut both = Plain::member_of(&gateway, &["a", "b"]);
    let mut other = Plain::member_of(&gateway, &["c"]);
    let mut stock = SocketIo::member_of(&gateway, "b");
    hears(&mut both, &gateway, "a", "before");
    adapter.report(gap(Some("/"), names(&["a", "b", "nobody"])));
    assert_eq!(both.next(), told(&json!(["a"])));
    assert_eq!(both.next(), told(&json!(["b"])));
    hears(&mut both, &gateway, "a", "after");
    let members = json!({ "rooms": ["b"], "from_ms": FROM, "until_ms": FROM + 1500 });
    let text = stock.next();
    let event: Value = serde_json::from_str(text.strip_prefix("42").expect("an event")).expect("JSON");
    assert_eq!(event, json!(["roomcast.gap", members]));
    hears(&mut other, &gateway, "c", "undisturbed");
    // All rooms: everybody, once.
    adapter.report(gap(None, []));
    for client in [&mut both, &mut other] {
        assert_eq!(client.next(), told(&Value::Null));
    }
    hears(&mut both, &gateway, "b", "after");
    adapter.report(gap(Some("/elsewhere"), []));
    hears(&mut other, &gateway, "c", "undisturbed");
    let metrics = gateway.get("/metrics").body;
    for line in [
        "roomcast_adapter_gaps_total 3",
        "roomcast_gap_notices_total 3",
        "roomcast_adapter_gap_seconds_sum 4.5",
        "roomcast_adapter_gap_seconds_count 3",
    ] {
        assert!(metrics.contains(&format!("\n{line}\n")), "{line}\n{metrics}");
    }
}

#[test]
fn a_gap_of_many_rooms_is_told_to_their_members_without_names() {
    let (gateway, adapter) = start_scripted(false, |settings| settings.limits.rooms_per_connection_max = 2000);
    let many: Vec<String> = (0..1001).map(|number| format!("r{number}")).collect();
    let texts: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut member = Plain::member_of(&gateway, &texts[..1000]);
    let _last = Plain::member_of(&gateway, &texts[1000..]);
    let mut other = Plain::member_of(&gateway, &["c"]);
    adapter.report(gap(Some("/"), many));
    assert_eq!(member.next(), told(&Value::Null));
    hears(&mut member, &gateway, "r0", "after");
    hears(&mut other, &gateway, "c", "undisturbed");
    // So many, but few of them have members here: these are named.
    let elsewhere = (0..2000).map(|number| format!("e{number}")).chain(["c".to_owned()]);
    adapter.report(gap(Some("/"), elsewhere));
    assert_eq!(other.next(), told(&json!(["c"])));
}

#[test]
fn a_namespace_has_its_clients_start_afresh_or_hear_nothing() {
    let declare = |settings: &mut Settings| {
        settings.namespaces[0].on_gap = OnGap::Reconnect;
        settings.namespaces.push(Namespace { name: "/quiet".into(), on_gap: OnGap::Silent, ..Namespace::default() });
    };
    let (gateway, adapter) = start_scripted(false, declare);
    let mut member = Plain::member_of(&gateway, &["a"]);
    let mut other = Plain::member_of(&gateway, &["b"]);
    let mut stock = SocketIo::member_of(&gateway, "a");
    let mut quiet = Plain::at(&gateway, "/ws?namespace=/quiet", &["a"]);
    adapter.report(gap(None, names(&["a"])));
    assert_eq!((member.socket.next(), stock.socket.next()), (None, None), "closed");
    hears(&mut other, &gateway, "b", "undisturbed");
    let to_quiet = json!({ "namespace": "/quiet", "to": { "rooms": ["a"] }, "event": "still" });
    gateway.publish(&to_quiet.to_string());
    assert_eq!(quiet.next()["event"], "still", "nothing was told");
    for protocol in ["plain", "socketio"] {
        let series = "roomcast_connections_closed_total";
        let line = format!("{series}{{protocol=\"{protocol}\",reason=\"gap\",initiator=\"server\"}} 1");
        gateway.until("/metrics", move |metrics| metrics.body.contains(&line));
    }
}

#[test]
fn what_finds_a_mailbox_full_is_a_gap() {
    let (gateway, adapter) = start_scripted(false, |_| {});
    let mut member = Plain::member_of(&gateway, &["a"]);
    let mut other = Plain::member_of(&gateway, &["b"]);
    let held = gateway.hold("a", 64 << 20);
    for _ in 0..3 {
        let payload = Payload::from_data("[\"lost\"]", Vec::new()).expect("a payload");
        let audience = Audience::room(Room::new("a").expect("a name"));
        let publication = Publication::new("1".into(), room::Namespace::root(), audience, payload, u64::MAX);
        adapter.report(Event::Delivery(Arc::new(Delivery::new(publication, None))));
    }
    let told = member.next();
    assert_eq!((&told["type"], &told["rooms"]), (&json!("gap"), &json!(["a"])));
    let instant = |name: &str| told[name].as_u64().expect("a time");
    assert!(instant("from_ms") <= instant("until_ms") && instant("from_ms") > FROM, "{told}");
    drop(held);
    hears(&mut member, &gateway, "a", "after");
    hears(&mut other, &gateway, "b", "undisturbed");
    let metrics = gateway.get("/metrics").body;
    assert!(metrics.contains("\nroomcast_messages_dropped_total{reason=\"mailbox_full\"} 3\n"), "{metrics}");
    assert!(metrics.contains("\nroomcast_adapter_gaps_total 1\n"), "{metrics}");
}
