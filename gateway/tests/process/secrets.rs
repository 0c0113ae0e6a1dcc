//! Nodes of one Redis that do not have the same `cluster.secret`.

use super::program::{Program, ask};

#[path = "../../../adapter-redis/tests/support/alone.rs"]
mod alone;

const WARNING: &str = "another node does not take what is forwarded to it";
const OUT: &str = "roomcast_forwarded_requests_total{direction=\"out\",result=\"refused\"}";
const IN: &str = "roomcast_forwarded_requests_total{direction=\"in\",result=\"refused\"}";

/// The second of the day in which a line was logged.
fn second(line: &str) -> u32 {
    let (_, time) = line.split_once('T').expect("a time");
    let mut parts = time.split([':', '.', 'Z']).map(|part| part.parse::<u32>().ok());
    let mut next = || parts.next().flatten().expect("a number");
    next() * 3600 + next() * 60 + next()
}

#[test]
fn it_is_said_seldom_and_counted_each_time() {
    let server = alone::Server::start(&[]);
    let node = |secret: char| {
        let address = server.address();
        Program::start(&format!(
            "adapter.kind = \"redis\"\nredis.addresses = [\"{address}\"]\ncluster.secret = \"{}\"\nlog.format = \"json\"\n",
            secret.to_string().repeat(32)
        ))
    };
    let [home, away] = ['a', 'b'].map(node);
    for node in [&home, &away] {
        node.until("roomcast_nodes", |nodes| nodes > 1.5);
    }
    let (_, open) = home.handshake("");
    let sid = open.split('"').nth(3).expect("an id");
    let path = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
    // Each is answered after a pause of a second, and the client polls again.
    let poll = || assert_eq!(ask(away.public, "GET", &path, "", ""), (200, "6".into()));
    let warnings =
        || -> Vec<String> { away.log().lines().filter(|line| line.contains(WARNING)).map(str::to_owned).collect() };
    let mut polls = 0;
    while warnings().len() < 2 {
        poll();
        polls += 1;
        assert!(polls < 60, "{}", away.log());
    }
    let [first, next] = &warnings()[..] else { panic!("two: {}", away.log()) };
    for line in [first, next] {
        assert!(line.contains("is cluster.secret the same there") && line.contains("\"WARN\""), "{line}");
    }
    // A day may have ended in between.
    let apart = (second(next) + 86_400 - second(first)) % 86_400;
    assert!(apart >= 9, "{apart} s");
    assert_eq!(away.metric(OUT), polls.to_string());
    home.until(IN, |refused| (refused - f64::from(polls)).abs() < 0.5);
    // The session never heard of it.
    assert_eq!(ask(home.public, "POST", &path, "", "40"), (200, "ok".into()));
}
