//! Polling payloads: read as their records are, to the first error; what was read can be
//! written again, as a payload and as WebSocket frames.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use roomcast_core::engine_io::{DecodeError, Framing, Packet, decode, decode_payload, encode_message};
use roomcast_core::websocket::{Decoder, Limits, Message, Role};

use super::tools;

/// See the module.
pub fn check(data: &[u8]) -> bool {
    let text = tools::text(data);
    let packets: Vec<_> = decode_payload(text).collect();
    let records: Vec<_> = text.split('\u{1e}').collect();
    assert!((1..=records.len()).contains(&packets.len()), "at least one packet, at most one a record");
    for (index, (packet, record)) in packets.iter().zip(&records).enumerate() {
        assert_eq!(*packet, decode(record));
        assert!(packet.is_ok() || index + 1 == packets.len(), "an error is the last");
        if let Ok(Packet::Binary(bytes)) = packet {
            assert!(bytes.len() <= record.len() / 4 * 3 + 2, "no more bytes than were sent");
        }
    }
    let good: Vec<_> = packets.iter().map_while(|packet| packet.as_ref().ok()).collect();
    assert!(good.len() == records.len() || packets.last().is_some_and(Result::is_err), "nothing is left out");

    let payload = good.iter().map(|packet| written(packet)).collect::<Vec<_>>().join("\u{1e}");
    let again: Vec<_> = decode_payload(&payload).collect();
    if good.is_empty() {
        assert_eq!(again, [Err(DecodeError::Empty)]);
    } else {
        assert!(again.iter().map(Result::as_ref).eq(good.iter().map(|packet| Ok(*packet))), "written again");
    }
    groups(&good);
    good.len() == packets.len()
}

/// A packet as a client writes it.
fn written(packet: &Packet<'_>) -> String {
    match packet {
        Packet::Open => "0".into(),
        Packet::Close => "1".into(),
        Packet::Ping(data) => format!("2{data}"),
        Packet::Pong(data) => format!("3{data}"),
        Packet::Message(data) => format!("4{data}"),
        Packet::Binary(bytes) => format!("b{}", STANDARD.encode(bytes)),
        Packet::Upgrade => "5".into(),
        Packet::Noop => "6".into(),
    }
}

/// Each message with the binary packets behind it, in the three framings that servers write.
fn groups(packets: &[&Packet<'_>]) {
    for (index, packet) in packets.iter().enumerate() {
        let Packet::Message(text) = packet else { continue };
        let binary = packets[index + 1..].iter().map_while(|packet| match packet {
            Packet::Binary(bytes) => Some(Bytes::copy_from_slice(bytes)),
            _ => None,
        });
        let attachments: Vec<Bytes> = binary.take(10).collect();
        let mut expected = vec![Packet::Message(text)];
        expected.extend(attachments.iter().map(|bytes| Packet::Binary(bytes[..].into())));

        let mut payload = Vec::new();
        encode_message(Framing::Polling, text, &attachments, &mut payload);
        let payload = String::from_utf8(payload).expect("a payload is text");
        let polled: Vec<_> = decode_payload(&payload).collect();
        assert!(polled.iter().map(Result::as_ref).eq(expected.iter().map(Ok)), "{polled:?}");

        for framing in [Framing::WebSocket, Framing::WebSocketBase64] {
            frames(framing, text, &attachments, &expected);
        }
    }
}

fn frames(framing: Framing, text: &str, attachments: &[Bytes], expected: &[Packet<'_>]) {
    let mut stream = Vec::new();
    encode_message(framing, text, attachments, &mut stream);
    let limits = Limits { message_bytes_max: stream.len(), fragments_max: 1 };
    let mut decoder = Decoder::new(Role::Client);
    let mut rest = &mut stream[..];
    for packet in expected {
        let step = decoder.next(rest, &limits).expect("frames");
        let consumed = step.consumed;
        match step.message.expect("one frame a packet") {
            Message::Text(text) => assert_eq!(decode(text).as_ref(), Ok(packet)),
            Message::Binary(bytes) => {
                assert_eq!(framing, Framing::WebSocket);
                assert_eq!(&Packet::Binary(bytes.into()), packet);
            }
            other => unreachable!("{other:?}"),
        }
        rest = rest.get_mut(consumed..).expect("no more is used than there was");
    }
    assert!(rest.is_empty(), "one frame a packet");
}
