//! The API: bodies that are no JSON, or JSON at its edges; names, headers, streams.

use serde_json::Value;

use crate::node::Node;
use crate::peer::{Answer, Peer};
use crate::scene::{Row, Scene};

const PUBLISH: &str = "/v1/publish";
/// Repetitions of a row whose action sends a megabyte.
const TIMES_OF_A_MEGABYTE: usize = 48;
/// Requests at once.
const MANY: u16 = 500;

fn answered(route: &str, class: &str) -> String {
    format!(r#"roomcast_api_requests_total{{route="{route}",code="{class}"}}"#)
}

fn refused(reason: &str) -> String {
    format!(r#"roomcast_http_refused_total{{listener="internal",reason="{reason}"}}"#)
}

/// Asserts a problem document, and what it is about.
fn problem(answer: &Answer, status: u16, code: &str, field: &str) {
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
    let json: Value = serde_json::from_str(&answer.body).expect("JSON");
    let at = json["field"].as_str().unwrap_or_default();
    assert_eq!((answer.status, json["code"].as_str(), at), (status, Some(code), field), "{answer:?}");
}

/// A publication with `members` behind the usual ones, for a room where nobody is.
fn body(members: &str) -> String {
    format!(r#"{{"to":{{"rooms":["nobody"]}},"event":"x",{members}}}"#)
}

/// (what, members, status, code, field)
const MEMBERS: &[(&str, &str, u16, &str, &str)] = &[
    ("an unknown field", r#""history":true"#, 400, "unsupported_field", "history"),
    ("__proto__", r#""__proto__":{"admin":true}"#, 400, "unsupported_field", "__proto__"),
    ("constructor", r#""constructor":{"prototype":{}}"#, 400, "unsupported_field", "constructor"),
    ("a field in other letters", r#""Args":[]"#, 400, "unsupported_field", "Args"),
    ("a field with a NUL", r#""args\u0000":[]"#, 400, "unsupported_field", "args\0"),
    ("a field twice", r#""args":[],"args":[1]"#, 400, "invalid_request", "args"),
    ("a field twice, once escaped", r#""args":[],"\u0061rgs":[1]"#, 400, "invalid_request", "args"),
    ("an event twice", r#""event":"y""#, 400, "invalid_request", "event"),
    ("an id without end", r#""id":"LONG""#, 400, "invalid_request", "id"),
    ("a lone surrogate as a key", r#""key":"\ud800""#, 400, "invalid_request", "key"),
    ("a number that is none", r#""ttl_ms":1e999"#, 400, "invalid_request", "ttl_ms"),
    ("a number below zero", r#""ttl_ms":-1"#, 400, "invalid_request", "ttl_ms"),
    ("a number beyond 64 bits", r#""ttl_ms":18446744073709551616"#, 400, "invalid_request", "ttl_ms"),
    ("an attachment without a place", r#""attachments":["AQID"]"#, 400, "invalid_request", "data"),
    (
        "a place by name",
        r#""data":{"_placeholder":true,"num":"splice"},"attachments":["AA=="]"#,
        400,
        "invalid_request",
        "data",
    ),
    ("a place by name, of nothing", r#""data":{"_placeholder":true,"num":"splice"}"#, 400, "invalid_request", "data"),
    (
        "eleven attachments",
        r#""attachments":["","","","","","","","","","",""]"#,
        400,
        "invalid_request",
        "attachments",
    ),
    ("a raw NUL in a string", "\"data\":\"a\0b\"", 400, "invalid_request", ""),
    ("a raw line feed in a string", "\"data\":\"a\nb\"", 400, "invalid_request", ""),
    ("a bad escape", r#""data":"\x41""#, 400, "invalid_request", ""),
    ("NaN", r#""data":NaN"#, 400, "invalid_request", ""),
    ("a comma too many", r#""data":1,"#, 400, "invalid_request", ""),
    ("a comment", r#""data":1/* */"#, 400, "invalid_request", ""),
    ("a lone surrogate in a value", r#""data":"\ud800""#, 202, "", ""),
    ("an escaped NUL in a value", r#""data":"a\u0000b""#, 202, "", ""),
    ("keys of a value twice", r#""data":{"a":1,"a":2,"__proto__":{}}"#, 202, "", ""),
];

fn publish(node: &Node, body: &str) -> Answer {
    node.backend().post_json(PUBLISH, body)
}

#[test]
fn members_of_a_publication() {
    let mut scene = Scene::start(&[]);
    let not_taken = answered(PUBLISH, "4xx");
    for (name, members, status, code, field) in MEMBERS {
        let body = body(&members.replace("LONG", &"i".repeat(256)));
        if *status == 202 {
            // The bystanders' publications are accepted too, so that these cannot be told apart.
            scene.row(name, &[(&not_taken, 0)], |node| publish(node, &body).is(202, "\"id\""));
        } else {
            scene.row(name, &[(&not_taken, 1)], |node| problem(&publish(node, &body), *status, code, field));
        }
    }
    scene.end();
}

#[test]
fn json_at_its_edges() {
    let mut scene = Scene::start(&[]);
    let not_taken = answered(PUBLISH, "4xx");
    let open = "[".repeat(100_000);
    let nested = format!("{open}{}", "]".repeat(100_000));
    let keys: String = (0..90_000).fold(String::new(), |keys, n| keys + &format!(r#""{n:x}":0,"#));
    let documents = [
        ("an array 10^5 deep as a value", body(&format!(r#""args":{nested}"#)), 400),
        (
            "an object 10^5 deep as a value",
            body(&format!(r#""data":{}1{}"#, r#"{"a":"#.repeat(100_000), "}".repeat(100_000))),
            400,
        ),
        ("an array 10^5 deep", nested, 400),
        ("an array 10^5 deep without end", open, 400),
        ("an array 10^5 deep for a name", format!(r#"{{"to":{{"rooms":{}}}"#, "[".repeat(100_000)), 400),
        ("a number of 10^5 digits as a value", body(&format!(r#""data":{}"#, "9".repeat(100_000))), 202),
        ("a number of 10^5 digits for a time", body(&format!(r#""ttl_ms":{}"#, "9".repeat(100_000))), 400),
        ("10^5 keys in a value", body(&format!(r#""data":{{{keys}"z":0}}"#)), 202),
        ("10^5 unknown fields", format!(r#"{{{keys}"z":0}}"#), 400),
        (
            "10^6 names, as far as they fit",
            format!(r#"{{"to":{{"rooms":[{}"a"]}},"event":"x"}}"#, r#""a","#.repeat(250_000)),
            400,
        ),
    ];
    for (name, document, status) in documents {
        scene.play(&Row {
            name,
            times: TIMES_OF_A_MEGABYTE,
            grows: &[(&not_taken, i64::from(status == 400))],
            act: &|node| assert_eq!(publish(node, &document).status, status),
        });
    }
    scene.end();
}

#[test]
fn bodies_and_types() {
    let mut scene = Scene::start(&[]);
    let proper = body(r#""data":1"#);
    let types = [
        ("no type", "", 415, "unsupported_media_type", "Content-Type", "body_type"),
        ("a form's type", "Content-Type: text/plain\r\n", 415, "unsupported_media_type", "Content-Type", "body_type"),
        (
            "lines where there is one",
            "Content-Type: application/x-ndjson\r\n",
            415,
            "unsupported_media_type",
            "Content-Type",
            "body_type",
        ),
        (
            "gzip",
            "Content-Type: application/json\r\nContent-Encoding: gzip\r\n",
            415,
            "unsupported_media_type",
            "Content-Encoding",
            "body_type",
        ),
    ];
    for (name, headers, status, code, field, reason) in types {
        let grows = [(&*refused(reason), 1), (&*answered(PUBLISH, "4xx"), 1)];
        scene.row(name, &grows, |node| {
            problem(&node.backend().request("POST", PUBLISH, headers, &proper), status, code, field);
        });
    }
    let not_taken = answered(PUBLISH, "4xx");
    scene.row("an idempotency key", &[(&not_taken, 1)], |node| {
        let headers = "Content-Type: application/json\r\nIdempotency-Key: 1\r\n";
        let answer = node.backend().request("POST", PUBLISH, headers, &proper);
        problem(&answer, 400, "unsupported_field", "Idempotency-Key");
    });
    for (name, header, code) in [
        ("a web page", "Origin: https://evil.test\r\n", "origin_denied"),
        ("a page of nobody", "Origin: null\r\n", "origin_denied"),
        ("a page of this machine", "Origin: http://localhost:3000\r\n", "origin_denied"),
    ] {
        scene.row(name, &[(&not_taken, 1)], |node| {
            let headers = format!("Content-Type: application/json\r\n{header}");
            let answer = node.backend().request("POST", PUBLISH, &headers, &proper);
            problem(&answer, 403, code, "");
            assert!(!answer.head.contains("access-control"), "{answer:?}");
        });
    }
    for host in ["rebound.evil.test", "127.0.0.1.evil.test", "192.168.0.1:9090", "", "127.0.0.1@evil.test"] {
        let request = format!(
            "POST {PUBLISH} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        scene.row(&format!("the host {host:?}"), &[(&not_taken, 1)], |node| {
            let mut peer = node.backend();
            peer.send(&request);
            assert_eq!(peer.answer().status, 403);
        });
    }
    scene.end();
}

#[test]
fn large_bodies() {
    let mut scene = Scene::start(&[]);
    let head = format!("POST {PUBLISH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n");
    let too_large = [(&*refused("body_too_large"), 1), (&*answered(PUBLISH, "4xx"), 1)];
    scene.row("a length over the limit", &too_large, |node| {
        let mut peer = node.backend();
        peer.send(format!("{head}Content-Length: 1048577\r\n\r\n{{"));
        problem(&peer.answer(), 413, "payload_too_large", "");
    });
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    scene.play(&Row {
        name: "chunks without end",
        times: TIMES_OF_A_MEGABYTE,
        grows: &too_large,
        act: &|node| {
            let mut peer = node.backend();
            peer.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n"));
            let sent = (0..1000).take_while(|_| peer.send(&chunk)).count();
            assert!(sent < 1000, "it takes a body without end");
        },
    });
    for chunks in ["zz\r\n{}\r\n0\r\n\r\n", "-2\r\n{}\r\n0\r\n\r\n", "FFFFFFFFFFFFFFFFF\r\n{}", "2\r\n{}XX0\r\n\r\n"] {
        scene.row(&format!("bad chunks: {chunks:?}"), &[(&answered(PUBLISH, "4xx"), 1)], |node| {
            let mut peer = node.backend();
            peer.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}"));
            problem(&peer.answer(), 400, "invalid_request", "");
            assert!(peer.rest().is_empty(), "one answer, and the end");
        });
    }
    scene.row("a batch of too many", &[(&refused("body_too_large"), 1)], |node| {
        let batch = format!("[{}{{}}]", "{},".repeat(1000));
        problem(&node.backend().post_json("/v1/publish/batch", &batch), 413, "payload_too_large", "");
    });
    scene.end();
}

/// Names that cannot be those of rooms or connections, in paths, and what they get.
const PATHS: &[(&str, u16)] = &[
    ("/v1/rooms/%00", 422),
    ("/v1/rooms/~user:7", 422),
    ("/v1/rooms/%7Euser:7", 422),
    ("/v1/rooms/a/b", 404),
    ("/v1/rooms/", 404),
    ("/v1/rooms?limit=-1", 400),
    ("/v1/rooms?limit=99999999999999999999", 400),
    ("/v1/rooms?limit=1&limit=2", 400),
    ("/v1/rooms?cursor=%00%ff", 400),
    ("/v1/rooms?__proto__=1", 400),
    ("/v1/rooms?namespace=/no", 404),
    ("/v1/connections/__proto__", 404),
    ("/v1/connections/%F0%9F%92%A9", 404),
    ("/v1/connections?a[b]=1", 400),
    ("/v1/nothing", 404),
    ("//v1/rooms", 404),
    ("/v1/../metrics", 404),
];

#[test]
fn names_in_paths() {
    let mut scene = Scene::start(&[]);
    for (path, status) in PATHS {
        scene.row(path, &[(r#"roomcast_api_requests_total{code="4xx"}"#, 1)], |node| {
            let answer = node.backend().get(path);
            assert_eq!(answer.status, *status, "{answer:?}");
            assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
        });
    }
    scene.end();
}

fn lines() -> String {
    "POST /v1/publish/batch HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\n\
     Transfer-Encoding: chunked\r\n\r\n"
        .to_owned()
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

#[test]
fn bodies_that_do_not_come() {
    roomcast::os::raise_file_limit().expect("a limit");
    let mut scene = Scene::start(&[("limits.body_timeout_ms", "2000")]);
    scene.play(&Row {
        name: "500 publications with half a body",
        times: 1,
        grows: &[(&refused("body_timeout"), MANY.into()), (&answered(PUBLISH, "4xx"), MANY.into())],
        act: &|node| {
            let begin = |_| {
                let mut peer = node.backend();
                peer.send(format!(
                    "POST {PUBLISH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
                     Content-Length: 100\r\n\r\n{{"
                ));
                peer
            };
            let mut peers: Vec<Peer> = (0..MANY).map(begin).collect();
            for peer in &mut peers {
                problem(&peer.answer(), 408, "request_timeout", "");
                assert!(peer.rest().is_empty());
            }
        },
    });
    scene.row("a stream that breaks off in a line", &[(&answered("/v1/publish/batch", "2xx"), 1)], |node| {
        let mut peer = node.backend();
        peer.send(lines() + &chunk(r#"{"to":{"rooms":["hall"]},"event":"half a line"#));
    });
    scene.end();
}

#[test]
fn streams_of_lines() {
    roomcast::os::raise_file_limit().expect("a limit");
    let mut scene = Scene::start(&[]);
    scene.play(&Row {
        name: "600 streams that say nothing",
        times: 1,
        grows: &[(&answered("/v1/publish/batch", "2xx"), 512), (&answered("/v1/publish/batch", "5xx"), 88)],
        act: &|node| {
            let stream = |_| {
                let mut peer = node.backend();
                peer.send(lines());
                peer
            };
            let mut peers: Vec<Peer> = (0..600).map(stream).collect();
            let refused = peers.iter_mut().filter_map(Peer::head).filter(|head| head.status == 503).count();
            // There is place for whoever asks for less.
            publish(node, &body(r#""data":1"#)).is(202, "");
            assert_eq!(refused, 88);
        },
    });
    let line = |bytes: &str| chunk(&format!("{bytes}\n"));
    let rows = [
        ("no JSON", line("{"), "invalid_request"),
        ("a line of 10^5 brackets", line(&"[".repeat(100_000)), "invalid_request"),
        (
            "a field that is not in this version",
            line(r#"{"to":{"all":true},"event":"x","history":1}"#),
            "unsupported_field",
        ),
        ("a room that cannot be", line(r#"{"to":{"rooms":["~a"]},"event":"x"}"#), "room_name_invalid"),
        ("a line beyond the limit", chunk(&" ".repeat(1_048_577)) + &line(""), "payload_too_large"),
    ];
    for (name, line, code) in rows {
        scene.play(&Row {
            name,
            times: if line.len() > 10_000 { TIMES_OF_A_MEGABYTE } else { crate::scene::TIMES },
            grows: &[(&answered("/v1/publish/batch", "2xx"), 1)],
            act: &|node| {
                let mut peer = node.backend();
                peer.send(lines() + &line + "0\r\n\r\n");
                peer.answer().is(200, code);
            },
        });
    }
    scene.end();
}
