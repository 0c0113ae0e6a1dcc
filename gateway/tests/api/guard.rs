//! Who may use the API, without keys and with them.

use roomcast::settings::{Key, Scope, Secret};

use super::gateway::{Answer, Running, start, start_with};

const BODY: Option<&str> = Some(r#"{"to":{"all":true},"event":"x"}"#);
const JSON: (&str, &str) = ("Content-Type", "application/json");

fn publish(gateway: &Running, header: (&str, &str)) -> Answer {
    gateway.internal().request("POST", "/v1/publish", &[JSON, header], BODY)
}

#[test]
fn the_open_api_serves_this_machine_and_no_web_page() {
    let gateway = start();
    for host in ["127.0.0.1:9090", "localhost", "[::1]:9090"] {
        assert_eq!(publish(&gateway, ("Host", host)).status, 202, "{host}");
    }
    for host in ["example.com", "localhost.evil.test", "192.168.0.1:9090", ""] {
        publish(&gateway, ("Host", host)).problem(403, "host_denied");
    }
    for origin in ["http://localhost:3000", "https://evil.test", "null"] {
        publish(&gateway, ("Origin", origin)).problem(403, "origin_denied");
        let list = gateway.internal().request("GET", "/v1/rooms", &[("Origin", origin)], None);
        list.problem(403, "origin_denied");
    }
    let elsewhere = [("Host", "example.com")];
    assert_eq!(gateway.internal().request("GET", "/livez", &elsewhere, None).status, 200);
}

/// SHA-256 of "s3cret".
const DIGEST: &str = "1ec1c26b50d5d3c58d9583181af8076655fe00756bf7285940ba3670f99fcba0";

fn guarded() -> Running {
    let digest = |at: usize| u8::from_str_radix(&DIGEST[at * 2..at * 2 + 2], 16).expect("hex");
    let digest: [u8; 32] = std::array::from_fn(digest);
    let key = |id: &str, scope| Key { id: id.into(), sha256: Secret::new(digest), scopes: vec![scope] };
    start_with(|settings| {
        settings.internal.keys = vec![
            key("pub", Scope::Publish),
            key("my_rooms", Scope::Rooms),
            key("conn", Scope::Connections),
            key("read", Scope::Read),
        ];
    })
}

#[test]
fn a_key_opens_the_routes_of_its_scope_and_no_other() {
    let gateway = guarded();
    let routes = [
        ("pub", "POST", "/v1/publish", r#"{"to":{"all":true},"event":"x"}"#),
        ("pub", "POST", "/v1/publish/batch", "[]"),
        ("my_rooms", "POST", "/v1/rooms/join", r#"{"rooms":["a"],"select":{"all":true}}"#),
        ("my_rooms", "POST", "/v1/rooms/leave", r#"{"rooms":["a"],"select":{"all":true}}"#),
        ("conn", "POST", "/v1/disconnect", r#"{"select":{"all":true}}"#),
        ("read", "GET", "/v1/rooms", ""),
        ("read", "GET", "/v1/rooms/a", ""),
        ("read", "GET", "/v1/connections", ""),
    ];
    for id in ["pub", "my_rooms", "conn", "read"] {
        let token = format!("Bearer rk_{id}_s3cret");
        let mut http = gateway.internal();
        for (owner, method, path, body) in routes {
            let headers = [JSON, ("Authorization", &token), ("Host", "api.example.com")];
            let answer = http.request(method, path, &headers, Some(body));
            if id == owner {
                assert!(answer.status < 300, "{id} {path}: {}", answer.body);
            } else {
                answer.problem(403, "scope_denied");
            }
        }
    }
}

#[test]
fn unknown_and_wrong_keys_get_the_same_answer() {
    let gateway = guarded();
    let wrong = [
        "Bearer rk_pub_wrong",
        "Bearer rk_nobody_s3cret",
        "Bearer rk_pub_",
        "Bearer s3cret",
        "Basic cHViOnMzY3JldA==",
        "rk_pub_s3cret",
        "",
    ];
    let mut bodies = Vec::new();
    for token in wrong {
        let answer = publish(&gateway, ("Authorization", token));
        answer.problem(401, "unauthorized");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        bodies.push(answer.body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
    assert_eq!(publish(&gateway, ("Authorization", "bearer rk_pub_s3cret")).status, 202);
    for path in ["/livez", "/readyz", "/metrics", "/v1/openapi.json"] {
        assert_eq!(gateway.get(path).status, 200, "{path} needs no key");
    }
}
