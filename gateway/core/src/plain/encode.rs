//! What the server says, as the text of one frame. Nothing here can fail.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::PROTOCOL;
use crate::publication::Payload;

/// Text as a JSON string, quotes included.
fn quoted(text: &str) -> String {
    // Serialising a `str` to a `String` has no way to fail.
    serde_json::to_string(text).unwrap_or_default()
}

/// The first message of the server: the connection's id, the milliseconds between
/// two WebSocket pings, and the bytes that one message of the client may have.
pub fn hello(id: &str, ping_interval_ms: u64, message_bytes_max: usize) -> String {
    format!(
        "{{\"type\":\"hello\",\"id\":{},\"protocol\":{PROTOCOL},\"ping_interval_ms\":{ping_interval_ms},\
         \"message_bytes_max\":{message_bytes_max}}}",
        quoted(id)
    )
}

/// An event: `{"type":"event","room"?,"event","args","attachments"?}`.
///
/// Name and arguments are the payload's own text: key order, number texts and a
/// numeric name stay as they are. `attachments` (standard base64) is there when the
/// arguments have placeholders for them.
pub fn event(room: Option<&str>, payload: &Payload) -> String {
    let (name, args) = payload.split();
    let base64: usize = payload.attachments().iter().map(|a| a.len() / 3 * 4 + 7).sum();
    let mut out = String::with_capacity(name.len() + args.len() + base64 + room.map_or(0, str::len) + 80);
    out.push_str("{\"type\":\"event\"");
    if let Some(room) = room {
        out.push_str(",\"room\":");
        out.push_str(&quoted(room));
    }
    out.push_str(",\"event\":");
    out.push_str(name);
    out.push_str(",\"args\":[");
    out.push_str(args);
    out.push(']');
    for (i, attachment) in payload.attachments().iter().enumerate() {
        out.push_str(if i == 0 { ",\"attachments\":[\"" } else { ",\"" });
        STANDARD.encode_string(attachment, &mut out);
        out.push('"');
    }
    if !payload.attachments().is_empty() {
        out.push(']');
    }
    out.push('}');
    out
}

/// Some publications may be missing: `{"type":"gap",…}`. `members` is the JSON text of what is known of it.
pub fn gap(members: &str) -> String {
    format!("{{\"type\":\"gap\",{members}}}")
}

/// Success: `{"type":"ok","id",…}`. `id` is JSON text; `members` is the JSON text of
/// further members, `"key":value,…`, and may be empty.
pub fn ok(id: Option<&str>, members: &str) -> String {
    let mut out = String::from("{\"type\":\"ok\"");
    push_id(&mut out, id);
    if !members.is_empty() {
        out.push(',');
        out.push_str(members);
    }
    out.push('}');
    out
}

/// Refusal: `{"type":"error","id"?,"code","message"}`, with `"room"` when one was
/// refused. `id` is JSON text; the others are plain text.
pub fn error(id: Option<&str>, code: &str, message: &str, room: Option<&str>) -> String {
    let mut out = String::from("{\"type\":\"error\"");
    push_id(&mut out, id);
    out.push_str(",\"code\":");
    out.push_str(&quoted(code));
    out.push_str(",\"message\":");
    out.push_str(&quoted(message));
    if let Some(room) = room {
        out.push_str(",\"room\":");
        out.push_str(&quoted(room));
    }
    out.push('}');
    out
}

fn push_id(out: &mut String, id: Option<&str>) {
    if let Some(id) = id {
        out.push_str(",\"id\":");
        out.push_str(id);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn payload(data: &str, attachments: Vec<Bytes>) -> Payload {
        Payload::from_data(data, attachments).expect("a payload")
    }

    #[test]
    fn hello_names_the_connection_and_its_limits() {
        assert_eq!(
            hello("a\"b", 25_000, 1_048_576),
            r#"{"type":"hello","id":"a\"b","protocol":1,"ping_interval_ms":25000,"message_bytes_max":1048576}"#
        );
    }

    #[test]
    fn an_event_keeps_the_text_of_its_payload() {
        for (room, data, text) in [
            (
                Some("orders:42"),
                r#"["x",{"z":1.0,"a":2}, []]"#,
                r#"{"type":"event","room":"orders:42","event":"x","args":[{"z":1.0,"a":2}, []]}"#,
            ),
            (None, r#"["x"]"#, r#"{"type":"event","event":"x","args":[]}"#),
            (None, "[42,1]", r#"{"type":"event","event":42,"args":[1]}"#),
            (Some("a\"\\é"), r#"["\u0041"]"#, r#"{"type":"event","room":"a\"\\é","event":"\u0041","args":[]}"#),
        ] {
            assert_eq!(event(room, &payload(data, Vec::new())), text);
        }
    }

    #[test]
    fn attachments_are_standard_base64_in_their_order() {
        let data = r#"["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
        let two = payload(data, vec![Bytes::from_static(&[0xfb, 0xff, 0xfe]), Bytes::from_static(b"a")]);
        let text = event(None, &two);
        assert!(text.ends_with(r#","attachments":["+//+","YQ=="]}"#), "{text}");
    }

    #[test]
    fn answers_repeat_the_id_as_it_came() {
        assert_eq!(ok(Some("7"), ""), r#"{"type":"ok","id":7}"#);
        assert_eq!(ok(Some("\"a\""), "\"rooms\":[]"), r#"{"type":"ok","id":"a","rooms":[]}"#);
        assert_eq!(ok(None, ""), r#"{"type":"ok"}"#);
        assert_eq!(
            error(Some("1.50"), "forbidden", "say \"please\"", Some("r")),
            r#"{"type":"error","id":1.50,"code":"forbidden","message":"say \"please\"","room":"r"}"#
        );
        assert_eq!(error(None, "c", "m", None), r#"{"type":"error","code":"c","message":"m"}"#);
    }
}
