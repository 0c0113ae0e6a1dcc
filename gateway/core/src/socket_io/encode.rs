//! What a server sends. The namespace `/` is left out, as the reference does.

use std::fmt::Write as _;

use bytes::Bytes;

use crate::publication::Payload;

/// Text of an EVENT or BINARY_EVENT packet: `2/admin,7["event",…]`, or `52-…` with two
/// attachments, which are to follow at once.
pub fn encode_event(namespace: &str, ack: Option<u64>, payload: &Payload) -> String {
    let data = payload.data();
    let mut out = head("2", "5", namespace, payload.attachments().len(), data.len());
    if let Some(id) = ack {
        push_id(&mut out, id);
    }
    out.push_str(data);
    out
}

/// Text of an ACK or BINARY_ACK packet; `args` is a JSON array, with a placeholder for
/// each of `attachments`, at most [`super::ATTACHMENTS_MAX`].
pub fn encode_ack(namespace: &str, id: u64, args: &str, attachments: &[Bytes]) -> String {
    let mut out = head("3", "6", namespace, attachments.len(), args.len());
    push_id(&mut out, id);
    out.push_str(args);
    out
}

/// Text of the CONNECT reply, `0{"sid":"…"}`; `id` is the socket's id.
pub fn encode_connect(namespace: &str, id: &str) -> String {
    let mut out = head("0", "0", namespace, 0, id.len() + 10);
    out.push_str(r#"{"sid":"#);
    push_json_string(&mut out, id);
    out.push('}');
    out
}

/// Text of a CONNECT_ERROR packet, `4/random,{"message":"…","data":…}`; `data` is JSON,
/// left out if there is none.
pub fn encode_connect_error(namespace: &str, message: &str, data: Option<&str>) -> String {
    let length = message.len() + data.map_or(0, str::len) + 24;
    let mut out = head("4", "4", namespace, 0, length);
    out.push_str(r#"{"message":"#);
    push_json_string(&mut out, message);
    if let Some(data) = data {
        out.push_str(r#","data":"#);
        out.push_str(data);
    }
    out.push('}');
    out
}

/// Text of a DISCONNECT packet: `1` or `1/admin,`.
pub fn encode_disconnect(namespace: &str) -> String {
    head("1", "1", namespace, 0, 0)
}

/// Type, count of attachments and namespace, with room for `rest` bytes and an ack id.
fn head(text: &str, binary: &str, namespace: &str, attachments: usize, rest: usize) -> String {
    let mut out = String::with_capacity(namespace.len() + rest + 28);
    if attachments == 0 {
        out.push_str(text);
    } else {
        out.push_str(binary);
        push_id(&mut out, attachments as u64);
        out.push('-');
    }
    if namespace != "/" {
        out.push_str(namespace);
        out.push(',');
    }
    out
}

fn push_id(out: &mut String, id: u64) {
    // Writing to a String does not fail.
    let _ = write!(out, "{id}");
}

fn push_json_string(out: &mut String, text: &str) {
    // Strings always have a JSON form; the fallback keeps the packet whole all the same.
    out.push_str(&serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(data: &str, attachments: Vec<Bytes>) -> Payload {
        Payload::from_data(data, attachments).expect("an event")
    }

    #[test]
    fn events() {
        let plain = payload(r#"["hi",{"a":1.0}]"#, Vec::new());
        let binary = payload(r#"["binback",{"_placeholder":true,"num":0}]"#, vec![Bytes::from_static(&[1, 2, 3])]);
        for (namespace, ack, payload, text) in [
            ("/", None, &plain, r#"2["hi",{"a":1.0}]"#),
            ("/admin", None, &plain, r#"2/admin,["hi",{"a":1.0}]"#),
            ("/", Some(0), &plain, r#"20["hi",{"a":1.0}]"#),
            ("/admin", Some(12), &plain, r#"2/admin,12["hi",{"a":1.0}]"#),
            ("/", None, &binary, r#"51-["binback",{"_placeholder":true,"num":0}]"#),
            ("/admin", Some(7), &binary, r#"51-/admin,7["binback",{"_placeholder":true,"num":0}]"#),
        ] {
            assert_eq!(encode_event(namespace, ack, payload), text);
        }
    }

    #[test]
    fn acks() {
        assert_eq!(encode_ack("/", 0, "[]", &[]), "30[]");
        assert_eq!(encode_ack("/admin", 456, "[1]", &[]), "3/admin,456[1]");
        let placeholder = r#"[{"_placeholder":true,"num":0}]"#;
        assert_eq!(encode_ack("/", 0, placeholder, &[Bytes::new()]), r#"61-0[{"_placeholder":true,"num":0}]"#);
        let ten = vec![Bytes::new(); 10];
        assert_eq!(encode_ack("/a", 1, "[]", &ten), "610-/a,1[]");
    }

    #[test]
    fn connect_and_its_refusal() {
        assert_eq!(encode_connect("/", "ojIRVl-CVyWqPUYJAAAA"), r#"0{"sid":"ojIRVl-CVyWqPUYJAAAA"}"#);
        assert_eq!(encode_connect("/admin", "x"), r#"0/admin,{"sid":"x"}"#);
        assert_eq!(encode_connect("/", "a\"\u{1e}"), "0{\"sid\":\"a\\\"\\u001e\"}");
        assert_eq!(
            encode_connect_error("/random", "Invalid namespace", None),
            r#"4/random,{"message":"Invalid namespace"}"#
        );
        assert_eq!(
            encode_connect_error("/admin", "bad token", Some(r#"{"code":7}"#)),
            r#"4/admin,{"message":"bad token","data":{"code":7}}"#
        );
        assert_eq!(encode_connect_error("/", "\"", None), r#"4{"message":"\""}"#);
    }

    #[test]
    fn disconnect() {
        assert_eq!(encode_disconnect("/"), "1");
        assert_eq!(encode_disconnect("/nsp"), "1/nsp,");
    }
}
