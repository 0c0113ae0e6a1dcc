//! Properties of the Engine.IO codec, for all packets and for any text.

use std::borrow::Cow;

use bytes::Bytes;
use proptest::prelude::*;
use roomcast_core::engine_io::{DecodeError, Framing, Packet, decode, decode_payload, encode_message};

/// Text without the record separator, often with characters of the protocol.
fn record() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[0-6][^\u{1e}]{0,12}",
        1 => "b[A-Za-z0-9+/]{0,12}={0,2}",
        1 => "[^\u{1e}]{0,12}",
        1 => Just(String::new()),
    ]
}

fn attachments() -> impl Strategy<Value = Vec<Bytes>> {
    let attachment = proptest::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from);
    proptest::collection::vec(attachment, 0..4)
}

/// What decoding a payload must give: its records, one by one, up to the first error.
fn record_wise(records: &[String]) -> Vec<Result<Packet<'_>, DecodeError>> {
    let mut packets = Vec::new();
    for record in records {
        let packet = decode(record);
        let failed = packet.is_err();
        packets.push(packet);
        if failed {
            break;
        }
    }
    packets
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_makes_a_decoder_panic(text in any::<String>()) {
        let _ = decode(&text);
        prop_assert!(decode_payload(&text).count() > 0);
    }

    #[test]
    fn a_payload_decodes_as_its_records_do(records in proptest::collection::vec(record(), 1..8)) {
        let payload = records.join("\u{1e}");
        prop_assert_eq!(decode_payload(&payload).collect::<Vec<_>>(), record_wise(&records));
    }

    #[test]
    fn a_packet_keeps_its_text(text in any::<String>()) {
        let [message, ping, pong] = ["4", "2", "3"].map(|kind| format!("{kind}{text}"));
        prop_assert_eq!(decode(&message), Ok(Packet::Message(&text)));
        prop_assert_eq!(decode(&ping), Ok(Packet::Ping(&text)));
        prop_assert_eq!(decode(&pong), Ok(Packet::Pong(&text)));
    }

    #[test]
    fn polling_groups_come_back(
        groups in proptest::collection::vec(("[^\u{1e}]{0,20}", attachments()), 1..4),
    ) {
        let mut payload = Vec::new();
        for (i, (text, attachments)) in groups.iter().enumerate() {
            if i > 0 {
                payload.push(0x1e);
            }
            encode_message(Framing::Polling, text, attachments, &mut payload);
        }
        let payload = String::from_utf8(payload).expect("text");
        let mut expected = Vec::new();
        for (text, attachments) in &groups {
            expected.push(Ok(Packet::Message(text)));
            expected.extend(attachments.iter().map(|a| Ok(Packet::Binary(Cow::Borrowed(a)))));
        }
        prop_assert_eq!(decode_payload(&payload).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn padding_may_be_left_out(bytes in proptest::collection::vec(any::<u8>(), 1..40)) {
        let mut group = Vec::new();
        encode_message(Framing::Polling, "", &[Bytes::from(bytes.clone())], &mut group);
        let group = String::from_utf8(group).expect("text");
        let record = group.split('\u{1e}').nth(1).expect("one attachment");
        let bare = record.trim_end_matches('=');
        prop_assert_eq!(decode(record), Ok(Packet::Binary(Cow::Borrowed(&bytes))));
        prop_assert_eq!(decode(bare), Ok(Packet::Binary(Cow::Borrowed(&bytes))));
    }
}
