//! Polls that land on another node than their session's.

use super::gateway::{Answer, Running};
use super::nodes::{self, Session, is_unknown, until};

/// What a client sees of an answer: all but the time.
fn seen(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let mut head = answer.head.clone();
    // Whether the connection stays after a body that was not read is a matter of how much of it had come.
    let unread = answer.status == 413;
    let is = |name: &str, other: &str| name.eq_ignore_ascii_case(other);
    head.retain(|(name, _)| !(is(name, "date") || unread && is(name, "connection")));
    head.sort();
    (answer.status, head, answer.body.clone())
}

#[test]
fn a_client_cannot_tell_where_its_session_lives() {
    let ([home, away], _) = nodes::start(|_, _| {});
    type Ask = fn(&Running, &Session) -> Answer;
    let asks: [(&str, Ask); 11] = [
        ("a post", |by, session| session.post(by, "40")),
        ("an event that nobody handles", |by, session| {
            session.posts(by, "40");
            assert!(session.get(by).body.starts_with("40"));
            session.posts(by, "421[\"x\",\"\u{e9}\"]");
            session.get(by)
        }),
        ("garbage", |by, session| session.post(by, "\u{1e}")),
        ("no text", |by, session| session.post(by, "")),
        ("a goodbye", |by, session| {
            session.posts(by, "1");
            session.get(by)
        }),
        ("a binary body", |by, session| {
            by.polls().request("POST", &session.path, &[("Content-Type", "application/octet-stream")], Some("4"))
        }),
        ("a compressed body", |by, session| {
            by.polls().request("POST", &session.path, &[("Content-Encoding", "gzip")], Some("4"))
        }),
        ("a body that is too large", |by, session| session.post(by, &"x".repeat(1_000_001))),
        ("a method of no use", |by, session| by.polls().request("PUT", &session.path, &[], None)),
        ("another transport", |by, session| by.polls().request("GET", &session.websocket(), &[], None)),
        ("a question of a browser", |by, session| {
            let headers = [("Origin", "http://localhost:1"), ("Access-Control-Request-Method", "POST")];
            by.polls().request("OPTIONS", &session.path, &headers, None)
        }),
    ];
    for (name, ask) in asks {
        let (here, there) = (Session::open(&home), Session::open(&home));
        let (here_says, there_says) = (ask(&home, &here), ask(&away, &there));
        assert_eq!(seen(&here_says), seen(&there_says), "{name}");
        // And what became of the session.
        assert_eq!(seen(&here.post(&home, "3")), seen(&there.post(&away, "3")), "after {name}");
    }
}

#[test]
fn a_publication_reaches_a_client_that_polls_elsewhere() {
    let ([home, away, third], _) = nodes::start(|_, _| {});
    let session = Session::member(&home, &away, "a");
    let mut pending = session.getting(&third);
    away.publish(r#"{"to":{"rooms":["a"]},"event":"x","args":[1]}"#);
    assert_eq!(pending.answer(false).body, r#"42["x",1]"#);
    until(&away, r#"roomcast_forwarded_requests_total{direction="out",result="answered"}"#, 4);
    until(&home, r#"roomcast_forwarded_requests_total{direction="in",result="answered"}"#, 5);
    until(&home, r#"roomcast_forwarded_requests_total{direction="out",result="answered"}"#, 0);
}

#[test]
fn the_owner_finds_a_second_get_beside_one_through_another_node() {
    let ([home, away, third], _) = nodes::start(|_, _| {});
    let session = Session::open(&home);
    let mut first = session.getting(&away);
    // Whichever comes second is refused, and ends both.
    let mut second = session.getting(&third);
    let answers = [first.answer(false), second.answer(false)].map(|answer| (answer.status, answer.body));
    assert!(answers.contains(&(200, "1".into())) && answers.contains(&(400, String::new())), "{answers:?}");
    is_unknown(&session.get(&home));
}

#[test]
fn a_client_that_hangs_up_elsewhere_ends_its_session() {
    let ([home, away], _) = nodes::start(|_, _| {});
    let session = Session::open(&home);
    session.posts(&home, "3");
    drop(session.getting(&away));
    session.until_gone(&home);
    let half = Session::open(&home);
    let mut post = away.polls();
    post.send(&format!("POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n42", half.path));
    drop(post);
    half.until_gone(&home);
}

#[test]
fn a_body_that_never_comes_ends_its_session_elsewhere_too() {
    let ([home, away], _) = nodes::start(|_, settings| settings.limits.body_timeout_ms = 500);
    let session = Session::open(&home);
    let mut post = away.polls();
    post.send(&format!("POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n42", session.path));
    let answer = post.answer(false);
    assert_eq!((answer.status, answer.header("connection")), (408, Some("close")));
    is_unknown(&session.get(&home));
}

#[test]
fn headers_of_nodes_mean_nothing_from_a_client() {
    let ([home, away], _) = nodes::start(|_, _| {});
    let session = Session::open(&home);
    let other = Session::open(&home);
    let tag = home.handle().node().tag.to_string();
    for by in [&home, &away] {
        let headers = [
            ("roomcast-sid", other.sid.as_str()),
            ("roomcast-to", tag.as_str()),
            ("roomcast-hop", "1"),
            ("roomcast-client", "10.0.0.1:1"),
            ("roomcast-signature", "00"),
            ("roomcast-answer", "unknown"),
        ];
        let answer = by.polls().request("POST", &session.path, &headers, Some("3"));
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
    }
    let hops = [("roomcast-hop", "9")];
    assert_eq!(away.polls().request("POST", &session.path, &hops, Some("3")).status, 200, "it is forwarded");
    for path in ["/internal/hello", "/internal/poll/get", "/internal/tunnel"] {
        assert_eq!(home.polls().request("POST", path, &[], Some("")).status, 404, "{path} is not public");
        assert_eq!(home.internal().request("POST", path, &[], Some("")).status, 404, "{path} is not in HTTP/1.1");
    }
}

#[test]
fn many_clients_poll_through_any_node() {
    let (nodes, _) = nodes::start::<3>(|_, _| {});
    let sessions: Vec<Session> =
        (0..30).map(|index| Session::member(&nodes[index % 3], &nodes[(index + 1) % 3], "a")).collect();
    let mut turn = 0;
    for round in 0..10 {
        let pending: Vec<_> = sessions
            .iter()
            .map(|session| {
                turn += 1;
                session.getting(&nodes[turn % 3])
            })
            .collect();
        nodes[round % 3].publish(&format!(r#"{{"to":{{"rooms":["a"]}},"event":"n","args":[{round}]}}"#));
        for mut pending in pending {
            assert_eq!(pending.answer(false).body, format!(r#"42["n",{round}]"#));
        }
    }
    for node in &nodes {
        node.until("/metrics", |answer| !answer.body.contains("roomcast_peer_connections{direction=\"out\"} 0"));
    }
}
