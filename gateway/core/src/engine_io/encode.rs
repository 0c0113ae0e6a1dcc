//! The open packet, and messages with their attachments.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::{Framing, Open, RECORD_SEPARATOR};
use crate::websocket::{self, Opcode};

/// The open packet's text, `0{…}`: exactly the five keys of the reference server, in its order.
pub fn encode_open(open: &Open) -> String {
    format!(
        r#"0{{"sid":"{}","upgrades":{},"pingInterval":{},"pingTimeout":{},"maxPayload":{}}}"#,
        open.sid.expose(), // URL-safe base64: nothing to escape
        if open.upgrade { r#"["websocket"]"# } else { "[]" },
        open.ping_interval.as_millis(),
        open.ping_timeout.as_millis(),
        open.max_payload,
    )
}

/// Appends a message (`4` + `text`) and its attachments, in their order, as one group.
///
/// | framing | bytes |
/// | --- | --- |
/// | WebSocket | text frame `4…`, then one binary frame an attachment, all unmasked |
/// | WebSocketBase64 | text frame `4…`, then one text frame `b<base64>` an attachment |
/// | Polling | `4…`, then 0x1e and `b<base64>` an attachment |
///
/// A polling group neither begins nor ends with a separator: who joins groups puts one
/// between them. `text` must be free of 0x1e, as every packet of [`crate::socket_io`]
/// is: JSON escapes it and names of namespaces do not hold it.
pub fn encode_message(framing: Framing, text: &str, attachments: &[Bytes], out: &mut Vec<u8>) {
    write_message(framing, text, attachments, out, websocket::encode);
}

/// [`encode_message`] with the encoder of frames as an argument.
fn write_message(
    framing: Framing,
    text: &str,
    attachments: &[Bytes],
    out: &mut Vec<u8>,
    frame: fn(Opcode, &[u8], &mut Vec<u8>),
) {
    match framing {
        Framing::Polling => {
            out.push(b'4');
            out.extend_from_slice(text.as_bytes());
            for attachment in attachments {
                out.push(RECORD_SEPARATOR);
                out.extend_from_slice(base64_packet(attachment).as_bytes());
            }
        }
        Framing::WebSocket => {
            frame(Opcode::Text, message_packet(text).as_bytes(), out);
            for attachment in attachments {
                frame(Opcode::Binary, attachment, out);
            }
        }
        Framing::WebSocketBase64 => {
            frame(Opcode::Text, message_packet(text).as_bytes(), out);
            for attachment in attachments {
                frame(Opcode::Text, base64_packet(attachment).as_bytes(), out);
            }
        }
    }
}

fn message_packet(text: &str) -> String {
    let mut packet = String::with_capacity(text.len() + 1);
    packet.push('4');
    packet.push_str(text);
    packet
}

fn base64_packet(bytes: &[u8]) -> String {
    let mut packet = String::with_capacity(bytes.len().div_ceil(3) * 4 + 1);
    packet.push('b');
    STANDARD.encode_string(bytes, &mut packet);
    packet
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::id::{NodeTag, ShardIndex, Sid};

    fn open(upgrade: bool) -> Open {
        let shard = ShardIndex::new(0).expect("a shard");
        Open {
            sid: Sid::new(NodeTag::from_entropy([0; 3]), shard, [0; 12]),
            upgrade,
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            max_payload: 1_000_000,
        }
    }

    #[test]
    fn the_open_packet_has_five_keys_in_order() {
        assert_eq!(
            encode_open(&open(true)),
            r#"0{"sid":"AAAAAAAAAAAAAAAAAAAA","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
        );
        assert_eq!(
            encode_open(&open(false)),
            r#"0{"sid":"AAAAAAAAAAAAAAAAAAAA","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
        );
    }

    /// A packet with two attachments, of which one is empty.
    const TEXT: &str = "52-[\"x\"]";

    fn attachments() -> [Bytes; 2] {
        [Bytes::from_static(&[1, 2, 3, 4]), Bytes::new()]
    }

    fn encoded(framing: Framing, text: &str, attachments: &[Bytes]) -> Vec<u8> {
        let mut out = Vec::new();
        encode_message(framing, text, attachments, &mut out);
        out
    }

    #[test]
    fn a_polling_group_is_joined_by_separators() {
        let out = encoded(Framing::Polling, TEXT, &attachments());
        assert_eq!(out, b"452-[\"x\"]\x1ebAQIDBA==\x1eb");
        assert_eq!(encoded(Framing::Polling, "0", &[]), b"40");
    }

    #[test]
    fn a_group_is_appended() {
        let mut out = b"3\x1e".to_vec();
        encode_message(Framing::Polling, "0", &[], &mut out);
        assert_eq!(out, b"3\x1e40");
    }

    #[test]
    fn a_websocket_group_is_a_text_frame_and_binary_frames() {
        let out = encoded(Framing::WebSocket, TEXT, &attachments());
        assert_eq!(out, b"\x81\x09452-[\"x\"]\x82\x04\x01\x02\x03\x04\x82\x00".as_slice());
        assert_eq!(encoded(Framing::WebSocket, "0", &[]), b"\x81\x0240");
    }

    #[test]
    fn a_base64_group_is_text_frames_only() {
        let out = encoded(Framing::WebSocketBase64, TEXT, &attachments());
        assert_eq!(out, b"\x81\x09452-[\"x\"]\x81\x09bAQIDBA==\x81\x01b".as_slice());
        // The capture `EIO4 ws b64=1` of the reference server.
        let out = encoded(Framing::WebSocketBase64, "61-0[1]", &[Bytes::from_static(&[1, 2, 3])]);
        assert_eq!(out, b"\x81\x08461-0[1]\x81\x05bAQID");
    }

    /// The same whatever the encoder of frames is: which frames there are, in which order.
    #[test]
    fn frames_are_whole_packets_in_order() {
        fn frame(opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
            out.extend_from_slice(if opcode == Opcode::Text { b"<T " } else { b"<B " });
            out.extend_from_slice(payload);
            out.push(b'>');
        }
        for (framing, expected) in [
            (Framing::WebSocket, "<T 41[]><B xyz><B >"),
            (Framing::WebSocketBase64, "<T 41[]><T beHl6><T b>"),
            (Framing::Polling, "41[]\u{1e}beHl6\u{1e}b"),
        ] {
            let mut out = Vec::new();
            let attachments = [Bytes::from_static(b"xyz"), Bytes::new()];
            write_message(framing, "1[]", &attachments, &mut out, frame);
            assert_eq!(String::from_utf8(out).as_deref(), Ok(expected), "{framing:?}");
        }
    }
}
