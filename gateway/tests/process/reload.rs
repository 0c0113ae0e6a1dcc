//! SIGHUP: what changes for clients and backends, and what is said about it.

use super::program::{Program, ask, key};

const APPLIED: &str = "roomcast_config_reloads_total{result=\"applied\"}";
const REFUSED: &str = "roomcast_config_reloads_total{result=\"refused\"}";
const SUCCESSFUL: &str = "roomcast_config_last_reload_successful";

#[test]
fn a_key_is_exchanged_while_both_are_good() {
    let program = Program::start(&key(0));
    assert_eq!((program.publish(Some(0), 1), program.publish(Some(1), 1), program.publish(None, 1)), (202, 401, 401));
    program.reload(&format!("{}{}", key(0), key(1)));
    let line = program.logged("settings reloaded: changed internal.keys", 1);
    assert!(line.contains("key1"), "{line}");
    assert_eq!((program.publish(Some(0), 1), program.publish(Some(1), 1)), (202, 202));
    program.reload(&key(1));
    program.logged("settings reloaded", 2);
    assert_eq!((program.publish(Some(0), 1), program.publish(Some(1), 1)), (401, 202));
    assert_eq!((program.metric(APPLIED).as_str(), program.metric(SUCCESSFUL).as_str()), ("2", "1"));

    // The last key goes with a restart only: until then the API stays guarded.
    program.reload("");
    let line = program.logged("settings not reloaded", 1);
    assert!(line.contains("the first key and the last one need a restart"), "{line}");
    assert_eq!((program.publish(None, 1), program.publish(Some(1), 1)), (401, 202));
    assert_eq!((program.metric(REFUSED).as_str(), program.metric(SUCCESSFUL).as_str()), ("1", "0"));
    program.signal("TERM");
    program.ended();
}

#[test]
fn the_first_key_waits_for_a_restart_too() {
    let program = Program::start("");
    program.reload(&key(0));
    program.logged("the first key and the last one need a restart", 1);
    assert_eq!(program.publish(None, 1), 202);
    program.signal("TERM");
    program.ended();
}

#[test]
fn an_origin_is_let_in_and_shut_out_again() {
    let program = Program::start("");
    let origin = "Origin: https://app.example.com\r\n";
    assert_eq!(program.handshake(origin).0, 403);
    program.reload("public.origins = [\"https://app.example.com\"]\n");
    program.logged("settings reloaded: changed public.origins [] -> ", 1);
    assert_eq!(program.handshake(origin).0, 200);
    program.reload("");
    program.logged("settings reloaded", 2);
    assert_eq!(program.handshake(origin).0, 403);
}

/// A client that polls once and no more, so that what is published waits for it: 120 kB now.
fn one_that_waits(program: &Program) {
    let (status, open) = program.handshake("");
    assert_eq!(status, 200);
    let sid = open.split("\"sid\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a session");
    let path = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
    assert_eq!(ask(program.public, "POST", &path, "", "40").1, "ok");
    assert!(ask(program.public, "GET", &path, "", "").1.starts_with("40{"));
    for _ in 0..3 {
        assert_eq!(program.publish(None, 40_000), 202);
    }
    program.until("roomcast_outbox_bytes", |bytes| bytes > 120_000.0);
    assert_eq!(program.metric(SLOW), "0");
}

const SLOW: &str =
    "roomcast_connections_closed_total{protocol=\"socketio\",reason=\"slow_consumer\",initiator=\"server\"}";
/// Longer than the test may take, in whatever would close that client otherwise.
const LONG: &str = "socket_io.ping_interval_ms = 3600000\n[limits]\noutbox_age_ms_max = 3600000\n";

#[test]
fn a_smaller_outbox_holds_for_clients_that_are_there() {
    let program = Program::start(LONG);
    one_that_waits(&program);
    program.reload(&format!("{LONG}outbox_bytes_max = 65536\n"));
    program.logged("settings reloaded: changed limits.outbox_bytes_max 1048576 -> 65536\"", 1);
    assert_eq!(program.publish(None, 40_000), 202);
    program.until(SLOW, |closed| closed > 0.5);
}

#[test]
fn a_shorter_wait_holds_for_what_waits_already() {
    let program = Program::start(LONG);
    one_that_waits(&program);
    program.reload(&LONG.replace("_age_ms_max = 3600000", "_age_ms_max = 50"));
    program.logged("settings reloaded: changed limits.outbox_age_ms_max 3600000 -> 50\"", 1);
    program.until(SLOW, |closed| closed > 0.5);
}

#[test]
fn other_limits_hold_for_what_comes_next_and_close_nobody() {
    let program = Program::start("[limits]\nconnections_max = 2\n");
    assert_eq!(program.metric("roomcast_connections_limit"), "2");
    assert_eq!((program.handshake("").0, program.handshake("").0, program.handshake("").0), (200, 200, 503));
    program.reload("[limits]\nconnections_max = 1\npublish_body_bytes_max = 1000\n");
    program.logged("settings reloaded", 1);
    assert_eq!(program.metric("roomcast_connections_limit"), "1");
    let open = "roomcast_connections{protocol=\"socketio\",transport=\"polling\"}";
    assert_eq!((program.metric(open).as_str(), program.handshake("").0), ("2", 503));
    assert_eq!((program.publish(None, 2000), program.publish(None, 20)), (413, 202));
    program.reload("[limits]\nconnections_max = 3\n");
    program.logged("settings reloaded", 2);
    assert_eq!((program.handshake("").0, program.publish(None, 2000)), (200, 202));
}

#[test]
fn the_level_of_the_log_changes_both_ways_and_the_reload_is_always_logged() {
    let program = Program::start("[log]\nlevel = \"error\"\n");
    program.reload("[log]\nlevel = \"info\"\n");
    program.logged("settings reloaded: changed log.level", 1);
    program.reload("[log]\nlevel = \"error\"\n");
    program.logged("settings reloaded: changed log.level", 2);
    program.signal("TERM");
    let log = program.ended();
    assert!(!log.contains("started") && !log.contains("stopping"), "{log}");
    assert_eq!(log.lines().count(), 2, "{log}");
}

#[test]
fn settings_with_a_fault_change_nothing_and_say_so() {
    let program = Program::start("");
    let read = program.metric("roomcast_config_last_reload_success_timestamp_seconds");
    assert!(read.parse::<f64>().is_ok_and(|seconds| seconds > 1e9), "{read}");
    for (nth, (settings, why)) in [
        ("[limits]\nbatch_items_max = 1\nbatch_items_max = \n", "TOML parse error at line 5"),
        (
            "[limits]\nbatch_items_max = 1\nbatch_item_max = 1\n",
            "the nearest valid key is \\\"limits.batch_items_max\\\"",
        ),
        ("[limits]\nbatch_items_max = 1\nheaders_max = 1\n", "must be from 16 to 1024"),
        (
            "[[internal.keys]]\nid = \"a\"\nsha256 = \"hunter2\"\nscopes = [\"read\"]\n",
            "expected 64 hexadecimal digits",
        ),
        // Together with the mailbox that is there, which waits for a restart.
        ("[limits]\nmessage_bytes_max = 90000000\nmailbox_bytes_max = 90000000\n", "which is 67108864"),
    ]
    .into_iter()
    .enumerate()
    {
        program.reload(settings);
        let line = program.logged("settings not reloaded, nothing has changed: ", nth + 1);
        assert!(line.contains(why) && line.contains("ERROR"), "{line}");
        assert_eq!(program.metric(REFUSED), (nth + 1).to_string());
    }
    assert_eq!((program.metric(SUCCESSFUL).as_str(), program.metric(APPLIED).as_str()), ("0", "0"));
    let batch = format!("[{0},{0}]", r#"{"to":{"all":true},"event":"x"}"#);
    let json = "Content-Type: application/json\r\n";
    assert_eq!(ask(program.internal, "POST", "/v1/publish/batch", json, &batch).0, 200);
    program.reload("");
    program.logged("settings reloaded: nothing changed", 1);
    assert_eq!((program.metric(SUCCESSFUL).as_str(), program.metric(APPLIED).as_str()), ("1", "1"));
    program.signal("TERM");
    program.ended();
}

#[test]
fn what_needs_a_restart_is_named_every_time_and_stays() {
    let program = Program::start("");
    let text = "[websocket]\npath = \"/elsewhere\"\n[limits]\nheaders_max = 32\n";
    program.reload(text);
    let line = program.logged("settings reloaded: changed limits.headers_max 64 -> 32; needs a restart: ", 1);
    assert!(line.contains(r#"websocket.path \"/ws\" -> \"/elsewhere\""#) && line.contains("WARN"), "{line}");
    program.signal("HUP");
    program.logged("settings reloaded: nothing changed; needs a restart: websocket.path", 1);
    assert_eq!(ask(program.public, "GET", "/ws", "", "").0, 426);
    assert_eq!(ask(program.public, "GET", "/elsewhere", "", "").0, 404);
    program.reload("[limits]\nheaders_max = 32\n");
    assert!(program.logged("settings reloaded", 3).contains("settings reloaded: nothing changed\""));
}
