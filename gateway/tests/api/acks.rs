//! `POST /v1/publish` with `ack`.

use serde_json::{Value, json};

use super::clients::{Plain, SocketIo};
use super::gateway::{Running, start};

fn publish(gateway: &Running, ack: &Value) -> Value {
    let body = json!({"to":{"rooms":["a"]},"event":"x","args":[1],"id":"i","ack":ack});
    let answer = gateway.post("/v1/publish", &body.to_string());
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

#[test]
fn answers_are_counted_and_collected() {
    let gateway = start();
    let mut clients: Vec<SocketIo> = (0..3).map(|_| SocketIo::member_of(&gateway, "a")).collect();
    // It hears the event, but its protocol has no answers: it is not asked.
    let mut plain = Plain::member_of(&gateway, &["a"]);
    for (ack, listed) in [
        (json!({"timeout_ms":10000}), 0),
        (json!({"timeout_ms":10000,"want":"count"}), 0),
        (json!({"timeout_ms":10000,"want":"collect"}), 3),
        (json!({"timeout_ms":10000,"want":"collect","limit":2}), 2),
    ] {
        let summary = std::thread::scope(|scope| {
            let asked = scope.spawn(|| publish(&gateway, &ack));
            for client in &mut clients {
                client.acknowledge(r#"["ok",{"n":1.0}]"#);
            }
            asked.join().expect("an answer")
        });
        assert_eq!(plain.next()["event"], "x");
        assert_eq!(
            (&summary["id"], &summary["matched"], &summary["acked"], &summary["timed_out"]),
            (&json!("i"), &json!(3), &json!(3), &json!(0))
        );
        let replies = summary["replies"].as_array().expect("a list");
        assert_eq!(replies.len(), listed);
        for reply in replies {
            assert!(clients.iter().any(|client| reply["connection"] == client.id.as_str()));
            assert_eq!(reply["args"], json!(["ok", {"n":1.0}]));
            assert!(reply.get("attachments").is_none());
        }
    }
}

#[test]
fn who_does_not_answer_in_time_has_timed_out() {
    let gateway = start();
    let mut quick = SocketIo::member_of(&gateway, "a");
    let mut silent = SocketIo::member_of(&gateway, "a");
    let summary = std::thread::scope(|scope| {
        let asked = scope.spawn(|| publish(&gateway, &json!({"timeout_ms":300,"want":"collect"})));
        quick.acknowledge("[]");
        asked.join().expect("an answer")
    });
    assert!(silent.next().contains(r#"["x",1]"#));
    assert_eq!((&summary["matched"], &summary["acked"], &summary["timed_out"]), (&json!(2), &json!(1), &json!(1)));
    assert_eq!(summary["replies"][0]["connection"], quick.id.as_str());
}

#[test]
fn an_empty_room_is_no_error() {
    let gateway = start();
    let summary = publish(&gateway, &json!({"timeout_ms":10000}));
    let none = json!({"id":"i","matched":0,"acked":0,"timed_out":0,"replies":[]});
    assert_eq!(summary, none);
}
