//! Lists page by page, while connections and rooms come and go.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use roomcast::{Client, ClientEvents};
use roomcast_core::publication::Payload;
use serde_json::{Value, json};

use super::clients::{Plain, SocketIo};
use super::gateway::{DEADLINE, Running, start, start_embedded, start_with};
use super::lists::{all, home, on_both_shards};

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// Clients that come and go; all are members of `all` and of some other room.
struct Crowd<'a> {
    gateway: &'a Running,
    stay: usize,
    others: Vec<Plain>,
    numbers: Numbers,
}

impl Crowd<'_> {
    fn room(number: usize) -> String {
        format!("r{number:02}")
    }

    /// Somebody comes and somebody goes; waits until the node has seen both.
    fn change(&mut self) {
        for _ in 0..2 {
            if self.others.len() > 3 && self.numbers.below(2) == 0 {
                let gone = self.numbers.below(self.others.len());
                self.others.swap_remove(gone);
            } else {
                let room = Self::room(self.numbers.below(40));
                self.others.push(Plain::member_of(self.gateway, &["all", &room]));
            }
        }
        let members = self.stay + self.others.len();
        self.gateway.until("/v1/rooms/all", |answer| answer.json()["members"] == members);
    }
}

/// What a list shows under `key`, page by page, with `between` run between pages.
fn walk(gateway: &Running, path: &str, key: &str, mut between: impl FnMut()) -> Vec<String> {
    let mut shown = Vec::new();
    let mut cursor = String::new();
    loop {
        let answer = gateway.get(&format!("{path}{cursor}"));
        assert_eq!(answer.status, 200, "{}", answer.body);
        let page = answer.json();
        let items = page["items"].as_array().expect("a list");
        shown.extend(items.iter().map(|item| item[key].as_str().expect("a text").to_owned()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return shown,
        }
        between();
    }
}

#[test]
fn whoever_stays_is_listed_once_while_others_come_and_go() {
    let gateway = start();
    // Between the clients that stay there are places of others, which go and are taken anew.
    let mut crowd = Crowd { gateway: &gateway, stay: 0, others: Vec::new(), numbers: Numbers(7) };
    let mut staying: Vec<Plain> = Vec::new();
    for number in 0..10 {
        let stay = Plain::member_of(&gateway, &["all", &Crowd::room(number * 4)]);
        staying.push(stay);
        crowd.stay += 1;
        crowd.change();
    }
    let ids: BTreeSet<&str> = staying.iter().map(|client| client.id.as_str()).collect();
    let rooms: BTreeSet<String> = (0..10).map(|number| Crowd::room(number * 4)).chain(["all".into()]).collect();
    for limit in [1, 3] {
        for path in ["/v1/connections?", "/v1/connections?room=all&"] {
            let shown = walk(&gateway, &format!("{path}limit={limit}"), "id", || crowd.change());
            let once: BTreeSet<&str> = shown.iter().map(String::as_str).collect();
            assert_eq!(once.len(), shown.len(), "{path}: somebody is shown twice: {shown:?}");
            assert!(ids.is_subset(&once), "{path}: {ids:?} stayed, {shown:?} were shown");
        }
        let shown = walk(&gateway, &format!("/v1/rooms?limit={limit}"), "room", || crowd.change());
        assert!(shown.is_sorted_by(|a, b| a < b), "in order and none twice: {shown:?}");
        assert!(rooms.is_subset(&shown.iter().cloned().collect()), "{shown:?}");
    }
}

#[test]
fn thousands_of_rooms_are_listed_whole() {
    const ROOMS: usize = 3_000;
    let gateway = start_with(|settings| settings.limits.rooms_per_connection_max = ROOMS);
    let clients = on_both_shards(&gateway, 2, "/", &[]);
    let names: Vec<String> = (0..ROOMS).map(|number| format!("{number:04}{}", "x".repeat(200))).collect();
    for part in names.chunks(1000) {
        let joined = gateway.post("/v1/rooms/join", &json!({"rooms":part,"select":{"all":true}}).to_string());
        assert_eq!(joined.json(), json!({"matched":4,"refused":0}));
    }
    for limit in [1000, 70] {
        let rooms = all(&gateway, "/v1/rooms?", limit);
        assert_eq!(rooms.iter().map(|item| item["room"].as_str().unwrap_or("")).collect::<Vec<_>>(), names);
        assert!(rooms.iter().all(|item| item["members"] == 4));
    }
    let pages = |path: &str| walk_pages(&gateway, path);
    assert_eq!(pages("/v1/rooms?limit=1000"), [1000, 1000, 1000], "the last page says that it is");
    assert_eq!(pages("/v1/rooms?limit=1000&prefix=1"), [1000]);
    assert_eq!(pages("/v1/rooms?limit=600&prefix=2&shard=1"), [600, 400]);
    // Each connection takes 600 kB: a page ends before it is too large.
    let others = on_both_shards(&gateway, 10, "/", &[]);
    for part in names.chunks(1000) {
        let joined = gateway.post("/v1/rooms/join", &json!({"rooms":part,"select":{"all":true}}).to_string());
        assert_eq!(joined.status, 200);
    }
    let ids: BTreeSet<&str> = clients.iter().chain(&others).flatten().map(|client| client.id.as_str()).collect();
    let pages = pages("/v1/connections?limit=1000");
    assert!(pages.len() > 1 && pages.iter().all(|items| (1..=14).contains(items)), "{pages:?}");
    let listed = walk(&gateway, "/v1/connections?limit=1000", "id", || {});
    assert!(ids.is_subset(&listed.iter().map(String::as_str).collect()), "{} are listed", listed.len());
}

/// How many items each page of a list has.
fn walk_pages(gateway: &Running, path: &str) -> Vec<usize> {
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = gateway.get(&format!("{path}{cursor}")).json();
        pages.push(page["items"].as_array().expect("a list").len());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return pages,
        }
    }
}

#[test]
fn a_cursor_is_of_one_list_and_of_one_life_of_a_node() {
    let [first, second] = [start(), start()];
    let _clients = [&first, &second].map(|gateway| on_both_shards(gateway, 2, "/", &["a", "b"]));
    let next = |gateway: &Running, path: &str| -> String {
        gateway.get(path).json()["next"].as_str().expect("there is more").to_owned()
    };
    let connections = next(&first, "/v1/connections?limit=1");
    let rooms = next(&first, "/v1/rooms?limit=1");
    let of_list = |gateway: &Running, list: &str, cursor: &str| gateway.get(&format!("{list}?cursor={cursor}"));
    let refused = |gateway: &Running, list: &str, cursor: &str| {
        assert_eq!(of_list(gateway, list, cursor).problem(400, "invalid_request"), "cursor", "{list} {cursor}");
    };
    refused(&second, "/v1/connections", &connections);
    refused(&first, "/v1/connections", &rooms);
    refused(&first, "/v1/rooms", &connections);
    for end in 0..connections.len() {
        refused(&first, "/v1/connections", &connections[..end]);
    }
    refused(&first, "/v1/connections", &format!("{connections}AA"));
    // A name is the same everywhere.
    assert_eq!(of_list(&second, "/v1/rooms", &rooms).json()["items"], json!([{"room":"b","members":4}]));
    assert_eq!(of_list(&first, "/v1/connections", &connections).status, 200);
    // Together with `shard` it is the place where that shard goes on.
    let of_shard = |shard: usize| {
        let page = first.get(&format!("/v1/connections?shard={shard}&cursor={connections}")).json();
        page["items"].as_array().expect("a list").len()
    };
    assert!((of_shard(0), of_shard(1)) == (1, 2), "one of shard 0 was shown");
}

/// Says that it holds its shard up, and does so until it is told to go on.
struct Stuck(Sender<()>, Mutex<Receiver<()>>);

impl ClientEvents for Stuck {
    fn event(&self, _: &Client, _: Payload, _: Option<u64>) {
        // The other ends are gone when the test has failed.
        let _ = self.0.send(());
        let _ = self.1.lock().expect("one thread at a time").recv();
    }
}

#[test]
fn a_shard_that_does_not_answer_is_said_so() {
    let ((said, held), (sender, wait)) = (channel(), channel());
    let gateway = start_embedded(Arc::new(Stuck(said, Mutex::new(wait))));
    // Dropped before the gateway, which stops only when the shard goes on.
    let release: Sender<()> = sender;
    let mut stuck = SocketIo::member_of(&gateway, "a");
    let shard = home(&gateway, &stuck.id);
    stuck.socket.send("42[\"hold\"]");
    held.recv_timeout(DEADLINE).expect("it is held");
    let one = format!("/v1/connections/{}", stuck.id);
    let paths = [&format!("/v1/connections?shard={shard}"), "/v1/connections", "/v1/rooms", "/v1/rooms/a", &one];
    std::thread::scope(|scope| {
        for path in paths {
            let gateway = &gateway;
            scope.spawn(move || assert_eq!(gateway.get(path).problem(503, "not_alive"), "", "{path}"));
        }
    });
    let other: Value = gateway.get(&format!("/v1/rooms?shard={}", 1 - shard)).json();
    assert!(other["items"].is_array(), "the other shard answers: {other}");
    drop(release);
    for path in paths {
        assert_eq!(gateway.get(path).status, 200, "{path}");
    }
}

#[test]
fn a_shard_with_a_full_mailbox_is_not_asked() {
    let gateway = start();
    let client = Plain::member_of(&gateway, &["a"]);
    let held = gateway.hold("a", 64 << 20);
    for path in ["/v1/rooms", "/v1/rooms/a", "/v1/connections", &format!("/v1/connections/{}", client.id)] {
        assert_eq!(gateway.get(path).problem(503, "overloaded"), "", "{path}");
    }
    drop(held);
    assert_eq!(gateway.get("/v1/rooms").json()["items"], json!([{"room":"a","members":1}]));
    gateway.until("/metrics", |answer| answer.body.contains("\nroomcast_mailbox_bytes 0\n"));
}
