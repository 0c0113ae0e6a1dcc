//! Health, metrics, and what is the same for all requests.

use serde_json::json;

use super::gateway::start;

#[test]
fn a_node_is_alive_and_ready_until_it_drains_and_publishes_all_the_same() {
    let gateway = start();
    assert_eq!((gateway.get("/livez").status, gateway.get("/livez").body.as_str()), (200, "ok"));
    let checks = json!({"listeners":true,"shards":true,"drain":true});
    let ready = gateway.get("/readyz");
    assert_eq!(ready.status, 200);
    assert_eq!(ready.json(), json!({"ready":true,"checks":checks,"draining":false}));
    gateway.handle().node().start_draining();
    let ready = gateway.get("/readyz");
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json()["checks"]["drain"], false);
    assert_eq!(ready.json()["draining"], true);
    assert_eq!(gateway.get("/livez").status, 200);
    gateway.publish(r#"{"to":{"all":true},"event":"x"}"#);
    let metrics = gateway.get("/metrics");
    assert!(metrics.header("content-type").is_some_and(|kind| kind.starts_with("text/plain")));
    for line in [
        r#"roomcast_ready{check="listeners"} 1"#,
        r#"roomcast_ready{check="shards"} 1"#,
        r#"roomcast_ready{check="drain"} 0"#,
        r#"roomcast_api_requests_total{route="/readyz",code="5xx"} 1"#,
        r#"roomcast_api_requests_total{route="/v1/publish",code="2xx"} 1"#,
    ] {
        assert!(metrics.body.contains(line), "{line}\n{}", metrics.body);
    }
    // What was published has been dealt with, and its room in the mailboxes given back.
    gateway.until("/metrics", |metrics| metrics.body.contains("\nroomcast_mailbox_bytes 0\n"));
}

#[test]
fn paths_that_do_not_exist_are_counted_and_what_is_not_found_at_others_is_not() {
    let gateway = start();
    gateway.get("/v1/connections/nobody").problem(404, "unknown_connection");
    gateway.get("/v1/rooms?namespace=/nowhere").problem(404, "unknown_namespace");
    gateway.get("/v2").problem(404, "not_found");
    let metrics = gateway.get("/metrics").body;
    let counted = r#"roomcast_http_refused_total{listener="internal",reason="not_found"} 1"#;
    assert!(metrics.contains(counted), "{metrics}");
}

#[test]
fn connections_of_the_internal_listener_are_counted_while_they_last() {
    let gateway = start();
    let open = |count: usize| {
        let line = format!("\nroomcast_internal_connections {count}\n");
        gateway.until("/metrics", move |metrics| metrics.body.contains(&line));
    };
    open(1);
    let kept = [(); 2].map(|()| gateway.internal());
    open(3);
    drop(kept);
    open(1);
}

#[test]
fn requests_have_ids_and_connections_live_on() {
    let gateway = start();
    let mut http = gateway.internal();
    let mut id = |given: &str| {
        let answer = http.request("GET", "/livez", &[("X-Request-Id", given)], None);
        answer.header("x-request-id").unwrap_or_default().to_owned()
    };
    assert_eq!(id("trace-1"), "trace-1");
    let (first, second) = (id(""), id("not one word"));
    assert!(!first.is_empty() && first != second && second != "not one word");
    assert_ne!(id(&"x".repeat(65)), "x".repeat(65));
    assert_eq!(id(&"x".repeat(64)), "x".repeat(64));
}

#[test]
fn paths_and_methods_are_told_apart() {
    let gateway = start();
    for path in ["/", "/v1", "/v1/rooms/", "/v1/rooms/a/b", "/v1/publish/", "/socket.io/"] {
        gateway.get(path).problem(404, "not_found");
    }
    let allow = |method: &str, path: &str| {
        let answer = gateway.internal().request(method, path, &[], None);
        answer.problem(405, "method_not_allowed");
        answer.header("allow").unwrap_or_default().to_owned()
    };
    assert_eq!(allow("GET", "/v1/publish"), "POST");
    assert_eq!(allow("PUT", "/v1/rooms"), "GET, HEAD");
    assert_eq!(allow("POST", "/v1/rooms/a"), "GET, HEAD");
    assert_eq!(allow("DELETE", "/v1/rooms/join"), "GET, HEAD, POST");
    assert_eq!(allow("POST", "/metrics"), "GET, HEAD");
    for path in ["/livez", "/readyz", "/metrics", "/v1/rooms", "/v1/rooms/a", "/v1/connections"] {
        let answer = gateway.internal().request("HEAD", path, &[], None);
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{path}");
    }
}
