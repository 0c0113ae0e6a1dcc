//! Every rule of single values and between settings, by the words an operator sees.

use super::{from_env, problems_of};

/// Each line breaks one rule of its own: TOML (`;` for a line break), the key that the
/// message begins with, words that it contains.
const RULES: &str = r#"
[limits] ; connections_max = 0 | limits.connections_max | must be from 1 to 10000000, not 0
[limits] ; message_bytes_max = 0 | limits.message_bytes_max | must be from 1
[limits] ; header_bytes_max = 8000 | limits.header_bytes_max | must be from 8192 to 1048576, not 8000
[limits] ; list_items_max = 1001 | limits.list_items_max | must be from 1 to 1000
[limits] ; message_bytes_max = 67108865 | limits.message_bytes_max | limits.mailbox_bytes_max
[limits] ; mailbox_bytes_max = 1000000 | limits.publish_body_bytes_max | limits.mailbox_bytes_max
[node] ; shards = 65 | node.shards | must be from 0 to 64, not 65
[node] ; name = "a\nb" | node.name | control characters
[socket_io] ; ping_timeout_ms = 0 | socket_io.ping_timeout_ms | must be from 1
[socket_io] ; ping_interval_ms = 86400001 | socket_io.ping_interval_ms | to 86400000
[socket_io] ; path = "socket.io" | socket_io.path | must begin with "/"
[socket_io] ; path = "/" | socket_io.path | below "/"
[socket_io] ; path = "/a?b" | socket_io.path | must be a path
[socket_io] ; path = "/ws/" | websocket.path | must differ from socket_io.path
[socket_io] ; polling = false ; websocket = false | socket_io.websocket | clients need a transport
[socket_io] ; event_publish = "" | socket_io.event_publish | must not be empty
[socket_io] ; event_publish = "disconnect" | socket_io.event_publish | the protocol's own
[socket_io] ; event_publish = "subscribe" | socket_io.event_publish | another event
[websocket] ; path = "ws" | websocket.path | must begin with
[public] ; origins = ["*"] ; cors_credentials = true | public.cors_credentials | list the origins
[public] ; origins = ["https://*.com"] | public.origins | whole left label
[internal] ; address = "127.0.0.1:8080" | internal.address | must differ from public.address
[public] ; address = "0.0.0.0:9090" ; [auth] ; anonymous = true | internal.address | which is 0.0.0.0:9090 with the same port
[public] ; address = "[::]:9090" ; [auth] ; anonymous = true | internal.address | must differ from public.address
[[internal.keys]] ; id = "a b" ; sha256 = "HASH" ; scopes = ["read"] | internal.keys[0].id | visible ASCII
[[internal.keys]] ; id = "é" ; sha256 = "HASH" ; scopes = ["read"] | internal.keys[0].id | visible ASCII
[[internal.keys]] ; id = "a" ; sha256 = "EMPTY" ; scopes = ["read"] | internal.keys[0].sha256 | of an empty secret
namespaces = [] | namespaces | at least one
[[namespaces]] ; name = "chat" | namespaces[0].name | begins with '/'
[[namespaces]] ; [[namespaces]] | namespaces[1].name | an earlier one
[cluster] ; handshake_headers = ["x-room", "Cookie"] | cluster.handshake_headers | "Cookie" may carry a credential
[adapter] ; kind = "nats" | adapter.kind | expected "memory" or "redis", found the text "nats"
[cluster] ; peers_allowed = ["10.0.0.0/33"] | cluster.peers_allowed | such as "10.0.0.0/8"
[cluster] ; peers_allowed = ["10.1.2.3/8"] | cluster.peers_allowed | bits beyond the first 8
[drain] ; delay_ms = 10000 | drain.delay_ms | must be below drain.deadline_ms
[log] ; format = "xml" | log.format | expected "auto", "text" or "json"
[log] ; level = "" | log.level | must not be empty
[log] ; level = " , " | log.level | must not be empty
[log] ; level = "inof" | log.level | "inof" is neither a level
[log] ; level = "info,roomcast=loud" | log.level | error parsing level filter
"#;

/// What `printf %s "" | sha256sum` prints.
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn every_rule_is_enforced() {
    let mut enforced = 0;
    for line in RULES.trim().lines() {
        let [text, key, words] = line.splitn(3, " | ").collect::<Vec<_>>()[..] else {
            panic!("{line}: three parts");
        };
        let text = text.replace(" ; ", "\n").replace("HASH", &"0f".repeat(32)).replace("EMPTY", EMPTY);
        let problems = problems_of(&text);
        assert_eq!(problems.len(), 1, "{line}: {problems:?}");
        assert!(problems[0].starts_with(&format!("{key} in ")), "{line}: {problems:?}");
        assert!(problems[0].contains(words), "{line}: {problems:?}");
        enforced += 1;
    }
    assert_eq!(enforced, 40);
}

#[test]
fn what_keeps_the_rules_is_accepted() {
    for public in ["0.0.0.0:0", "0.0.0.0:9091", "127.0.0.2:9090", "[::1]:9090"] {
        let apart = [("ROOMCAST__PUBLIC__ADDRESS", public), ("ROOMCAST__AUTH__ANONYMOUS", "true")];
        assert_eq!(from_env(&apart).expect(public).public.address.to_string(), public);
    }
    for level in ["debug", "warn,roomcast=debug", "roomcast[span{id=1}]=trace,info", "off"] {
        assert_eq!(from_env(&[("ROOMCAST__LOG__LEVEL", level)]).expect(level).log.level, level);
    }
    let free = [("ROOMCAST__PUBLIC__ADDRESS", "127.0.0.1:0"), ("ROOMCAST__INTERNAL__ADDRESS", "127.0.0.1:0")];
    assert!(from_env(&free).is_ok(), "two free ports are two ports");
}
