//! What clients make a node hold is bounded, and comes back when they are gone: the program in
//! a process of its own, and clients that do not read, or come and go.

mod client;
mod program;

use client::{Client, End};
use program::Program;
use serde_json::json;

/// Clients that never read.
const SLOW: u32 = 1_000;
/// Clients that do, in the same rooms.
const BYSTANDERS: u32 = 10;
/// Readers that read again at once, of which one must be in time.
const READERS: u32 = 10;
/// Bytes of a publication: an outbox takes 16 of them.
const BYTES: usize = 16_000;

fn room(n: u32) -> String {
    format!("room-{n}")
}

fn publication(to: &str, number: u32, bytes: usize) -> String {
    json!({"to":{"rooms":[to]},"event":"n","args":[number,"x".repeat(bytes)]}).to_string()
}

/// What a slow reader is told.
fn why() -> End {
    End::Closed(1013, "reading too slowly".into())
}

/// Reads the numbered events of room `all` until event 0 comes again.
fn numbers(mut client: Client) -> Vec<u64> {
    let mut numbers = Vec::new();
    loop {
        let event = client.next().expect("a bystander is not closed");
        if event["room"] != "all" {
            continue;
        }
        match event["args"][0].as_u64().expect("a number") {
            0 => return numbers,
            number => numbers.push(number),
        }
    }
}

#[test]
fn a_thousand_slow_readers_are_closed_and_their_memory_comes_back() {
    let mut program = Program::start(&[("ROOMCAST__LIMITS__OUTBOX_BYTES_MAX", "262144")]);
    let public = program.public;
    let before = program.resident();
    let slow: Vec<Client> = (0..SLOW)
        .map(|n| {
            let rooms = [room(n), "all".to_owned()];
            if n % 2 == 0 { Client::plain(public, &rooms, true) } else { Client::socket_io(public, &rooms, true) }
        })
        .collect();
    let bystanders: Vec<_> = (0..BYSTANDERS)
        .map(|n| Client::plain(public, &[room(n), "all".to_owned()], false))
        .map(|client| std::thread::spawn(move || numbers(client)))
        .collect();

    let (mut peak, mut round) = (before, 0);
    while program.metric(&["roomcast_connections_closed_total"]) < f64::from(SLOW) {
        round += 1;
        assert!(round < 200, "they take it, as if they read");
        for rooms in 0..SLOW / 100 {
            let items: Vec<String> = (0..100).map(|n| publication(&room(rooms * 100 + n), round, BYTES)).collect();
            program.publish(&items);
            peak = program.resident().max(peak);
        }
        program.publish(&[publication("all", round, 10)]);
    }
    program.publish(&[publication("all", 0, 10)]);

    for protocol in ["plain", "socketio"] {
        let closed = [
            "roomcast_connections_closed_total",
            &format!("protocol=\"{protocol}\""),
            "reason=\"slow_consumer\"",
            "initiator=\"server\"",
        ];
        program.until(&closed, f64::from(SLOW) / 2.0);
    }
    // One publication each was too much; what waited for them goes with them.
    program.until(&["roomcast_messages_dropped_total", "reason=\"slow_consumer\""], f64::from(SLOW));
    assert!(program.metric(&["roomcast_messages_dropped_total", "reason=\"connection_closed\""]) >= f64::from(SLOW));
    for gauge in ["roomcast_outbox_bytes", "roomcast_connections_backpressured", "roomcast_mailbox_bytes"] {
        program.until(&[gauge], 0.0);
    }
    for bystander in bystanders {
        let expected: Vec<u64> = (1..=u64::from(round)).collect();
        assert_eq!(bystander.join().expect("it got them all"), expected);
    }
    // Most read again too late to be told why; nobody was told anything else.
    for end in slow.into_iter().map(Client::end) {
        assert!(end == End::Cut || end == why(), "{end:?}");
    }

    let grown = peak - before;
    assert!(grown > 200.0, "grew by {grown:.0} MB: too little to say anything");
    program.wait("80 % of the memory to come back", |program| {
        let back = (peak - program.resident()) / grown;
        (back >= 0.8, back)
    });
    println!("{round} rounds, grew by {grown:.0} MB from {before:.0}, {:.0} MB in the end", program.resident());
}

#[test]
fn a_slow_reader_that_reads_again_at_once_is_told_why() {
    let mut program = Program::start(&[("ROOMCAST__LIMITS__OUTBOX_BYTES_MAX", "262144")]);
    let closed = ["roomcast_connections_closed_total", "reason=\"slow_consumer\""];
    for (protocol, join) in [("plain", Client::plain as fn(_, &_, _) -> _), ("socketio", Client::socket_io)] {
        // A busy machine may keep one from reading for longer than a close waits; not each of many.
        let told = (0..READERS).any(|n| {
            let name = format!("{protocol}-{n}");
            let client = join(program.public, std::slice::from_ref(&name), true);
            let (before, mut sent) = (program.metric(&closed), 0);
            while program.metric(&closed) - before < 0.5 {
                assert!(sent < 1_000, "it takes it, as if it read");
                sent += 1;
                program.publish(&[publication(&name, sent, BYTES)]);
            }
            let end = client.end();
            assert!(end == End::Cut || end == why(), "{end:?}");
            end == why()
        });
        assert!(told, "{protocol}: none of {READERS} was told why");
    }
}

#[test]
fn volatile_publications_are_dropped_first_and_the_newest_of_a_key_stays() {
    let mut program = Program::start(&[]);
    let mut client = Client::plain(program.public, &["all".to_owned()], true);
    let with = |delivery: &str, key: Option<&str>, number: usize| {
        let mut item = json!({"to":{"rooms":["all"]},"event":delivery,"args":[number,"x".repeat(BYTES)]});
        item["delivery"] = delivery.into();
        if let Some(key) = key {
            item["key"] = key.into();
        }
        item.to_string()
    };
    let mut sent = 0;
    while program.metric(&["roomcast_connections_backpressured"]) < 1.0 {
        assert!(sent < 1_000, "it takes it, as if it read");
        sent += 1;
        program.publish(&[with("default", None, sent)]);
    }
    // Far more than an outbox holds.
    let volatile: Vec<String> = (0..200).map(|n| with("volatile", None, n)).collect();
    program.publish(&volatile);
    let dropped = |reason: &str| format!("roomcast_messages_dropped_total{{reason=\"{reason}\"}}");
    program.until(&[&dropped("volatile")], 200.0);
    program.publish(&[with("latest", Some("a"), 1), with("latest", Some("b"), 1)]);
    program.publish(&[with("latest", Some("a"), 2), with("default", None, sent + 1), with("latest", Some("a"), 3)]);
    program.until(&[&dropped("superseded")], 2.0);
    let closed = program.metric(&["roomcast_connections_closed_total"]);
    assert!(closed.abs() < 0.5, "what is reliable fits");

    let mut got = Vec::new();
    while got.len() < sent + 3 {
        let event = client.next().expect("it is not closed");
        got.push((event["event"].to_string(), event["args"][0].as_u64().expect("a number") as usize));
    }
    let reliable = |n: usize| ("\"default\"".to_owned(), n);
    let mut expected: Vec<_> = (1..=sent).map(reliable).collect();
    // The newest of a key has the place of its first.
    expected.extend([("\"latest\"".to_owned(), 3), ("\"latest\"".to_owned(), 1), reliable(sent + 1)]);
    assert_eq!(got, expected);
    // It keeps up again, and gets volatile ones again.
    program.until(&["roomcast_connections_backpressured"], 0.0);
    program.publish(&[with("volatile", None, 7)]);
    assert_eq!(client.next().expect("it is not closed")["args"][0], 7);
    program.until(&["roomcast_outbox_bytes"], 0.0);
}

#[test]
fn rooms_and_connections_that_are_gone_leave_nothing() {
    let mut program = Program::start(&[]);
    let public = program.public;
    let mut left = Vec::new();
    for _ in 0..3 {
        let before = program.resident();
        let clients: Vec<Client> = (0..100)
            .map(|client| {
                let rooms: Vec<String> = (0..1_000).map(|n| format!("{client}-{}", room(n))).collect();
                Client::plain(public, &rooms, false)
            })
            .collect();
        program.until(&["roomcast_rooms"], 100_000.0);
        let peak = program.resident();
        drop(clients);
        for gauge in ["roomcast_rooms", "roomcast_subscriptions", "roomcast_connections{"] {
            program.until(&[gauge], 0.0);
        }
        let bound = left.first().map_or(before + (peak - before) * 0.5, |first| first + 5.0);
        program.wait("the memory to come back", |program| (program.resident() <= bound, program.resident()));
        left.push(program.resident());
        println!("{before:.1} MB before, {peak:.1} MB with 100,000 rooms, {:.1} MB after", program.resident());
    }
}
