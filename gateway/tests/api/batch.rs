//! `POST /v1/publish/batch` with a JSON array.

use serde_json::{Value, json};

use super::clients::Plain;
use super::gateway::{start, start_with};

#[test]
fn a_batch_keeps_its_order_and_answers_each_item() {
    let gateway = start();
    let mut client = Plain::member_of(&gateway, &["a"]);
    let items: Vec<Value> =
        (0..500).map(|n| json!({"to":{"rooms":["a"]},"event":"x","args":[n],"id":format!("i{n}")})).collect();
    let answer = gateway.post("/v1/publish/batch", &json!(items).to_string());
    assert_eq!(answer.status, 200);
    for n in 0..500 {
        assert_eq!(client.next()["args"], json!([n]));
        let item = json!({"status":202,"id":format!("i{n}"),"position":null});
        assert_eq!(answer.json()["items"][n], item);
    }
}

#[test]
fn items_fail_for_themselves() {
    let gateway = start();
    let mut client = Plain::member_of(&gateway, &["a"]);
    let body = json!([
        {"to":{"rooms":["a"]},"event":"first"},
        {"to":{"rooms":["~a"]},"event":"x"},
        {"to":{"rooms":["a"]},"event":"x","ack":{"timeout_ms":1}},
        7,
        {"namespace":"/no","to":{"rooms":["a"]},"event":"x"},
        {"to":{"rooms":["a"]},"event":"last"},
    ]);
    let answer = gateway.post("/v1/publish/batch", &body.to_string());
    assert_eq!(answer.status, 207);
    let items = answer.json()["items"].take();
    let seen: Vec<_> = items
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| (item["status"].as_u64().unwrap_or_default(), item["code"].as_str()))
        .collect();
    let expected = [
        (202, None),
        (422, Some("room_name_invalid")),
        (400, Some("invalid_request")),
        (400, Some("invalid_request")),
        (404, Some("unknown_namespace")),
        (202, None),
    ];
    assert_eq!(seen, expected);
    assert_eq!((&items[1]["room"], &items[2]["field"]), (&json!("~a"), &json!("ack")));
    assert_eq!((client.next()["event"].take(), client.next()["event"].take()), (json!("first"), json!("last")));
}

#[test]
fn what_is_no_batch_is_refused_as_a_whole() {
    let gateway = start_with(|settings| settings.limits.batch_items_max = 2);
    let post = |body: &str| gateway.post("/v1/publish/batch", body);
    post("{}").problem(400, "invalid_request");
    post("[1,").problem(400, "invalid_request");
    post("[1,2,3]").problem(413, "payload_too_large");
    assert_eq!(post("[]").body, r#"{"items":[]}"#);
}
