//! From text to packets. Nothing is copied but decoded base64.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::{DecodeError, Packet, RECORD_SEPARATOR};

/// Decodes one packet: a WebSocket text message, or one record of a polling payload.
///
/// What follows the type of a packet that carries nothing (`0`, `1`, `5`, `6`) is
/// ignored, as the reference server does. `text` is not searched for separators.
pub fn decode(text: &str) -> Result<Packet<'_>, DecodeError> {
    let mut rest = text.chars();
    let kind = rest.next().ok_or(DecodeError::Empty)?;
    let data = rest.as_str();
    Ok(match kind {
        '0' => Packet::Open,
        '1' => Packet::Close,
        '2' => Packet::Ping(data),
        '3' => Packet::Pong(data),
        '4' => Packet::Message(data),
        '5' => Packet::Upgrade,
        '6' => Packet::Noop,
        'b' => Packet::Binary(Cow::Owned(decode_base64(data)?)),
        _ => return Err(DecodeError::UnknownType),
    })
}

/// Stock clients pad; others leave it out. Half a padding is neither.
fn decode_base64(text: &str) -> Result<Vec<u8>, DecodeError> {
    let decoded = if text.ends_with('=') { STANDARD.decode(text) } else { STANDARD_NO_PAD.decode(text) };
    decoded.map_err(|_| DecodeError::Base64)
}

/// Decodes a polling payload packet by packet; ends after the first error.
///
/// The packets before an error are good and to be acted upon. An empty payload is one
/// empty packet, and so an error, never no packet at all.
pub fn decode_payload(text: &str) -> impl Iterator<Item = Result<Packet<'_>, DecodeError>> {
    let mut failed = false;
    text.split(char::from(RECORD_SEPARATOR)).map_while(move |record| {
        if failed {
            return None;
        }
        let packet = decode(record);
        failed = packet.is_err();
        Some(packet)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_decodes() {
        for (text, packet) in [
            ("0", Packet::Open),
            ("0{\"sid\":\"x\"}", Packet::Open),
            ("1", Packet::Close),
            ("2", Packet::Ping("")),
            ("2probe", Packet::Ping("probe")),
            ("3", Packet::Pong("")),
            ("3probe", Packet::Pong("probe")),
            ("4", Packet::Message("")),
            ("40/admin,{}", Packet::Message("0/admin,{}")),
            ("4é\u{1F680}", Packet::Message("é\u{1F680}")),
            ("5", Packet::Upgrade),
            ("6", Packet::Noop),
            ("b", Packet::Binary(Cow::Borrowed(b""))),
            ("bAQID", Packet::Binary(Cow::Borrowed(&[1, 2, 3]))),
            ("bAQ==", Packet::Binary(Cow::Borrowed(&[1]))),
            ("bAQ", Packet::Binary(Cow::Borrowed(&[1]))),
            ("b+/8", Packet::Binary(Cow::Borrowed(&[0xfb, 0xff]))),
        ] {
            assert_eq!(decode(text), Ok(packet), "{text}");
        }
    }

    #[test]
    fn what_is_no_packet_is_an_error() {
        for (text, error) in [
            ("", DecodeError::Empty),
            ("7", DecodeError::UnknownType),
            ("9", DecodeError::UnknownType),
            ("-1", DecodeError::UnknownType),
            (" 2", DecodeError::UnknownType),
            ("abc", DecodeError::UnknownType),
            ("é", DecodeError::UnknownType),
            ("\u{1e}", DecodeError::UnknownType),
            ("\0", DecodeError::UnknownType),
            ("B AQID", DecodeError::UnknownType),
            ("___eio[0](\"40\");", DecodeError::UnknownType),
            ("d=40", DecodeError::UnknownType),
            ("b4AQID", DecodeError::Base64), // EIO=3
            ("b=", DecodeError::Base64),
            ("bA", DecodeError::Base64),
            ("bA===", DecodeError::Base64),
            ("bAQ=", DecodeError::Base64),
            ("bAR==", DecodeError::Base64), // bits after the end
            ("bAQ==AQ==", DecodeError::Base64),
            ("bAQ ID", DecodeError::Base64),
            ("b-_8", DecodeError::Base64), // the URL-safe alphabet
            ("b\u{e9}", DecodeError::Base64),
        ] {
            assert_eq!(decode(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn a_payload_ends_after_its_first_error() {
        use DecodeError::{Base64, Empty, UnknownType};
        use Packet::{Message, Pong};
        for (text, packets) in [
            ("3", vec![Ok(Pong(""))]),
            ("40\u{1e}42[\"a\"]", vec![Ok(Message("0")), Ok(Message("2[\"a\"]"))]),
            ("40\u{1e}x\u{1e}3", vec![Ok(Message("0")), Err(UnknownType)]),
            ("40\u{1e}b!\u{1e}3", vec![Ok(Message("0")), Err(Base64)]),
            ("", vec![Err(Empty)]),
            ("\u{1e}", vec![Err(Empty)]),
            ("\u{1e}3", vec![Err(Empty)]),
            ("3\u{1e}", vec![Ok(Pong("")), Err(Empty)]),
            ("3\u{1e}\u{1e}3", vec![Ok(Pong("")), Err(Empty)]),
        ] {
            assert_eq!(decode_payload(text).collect::<Vec<_>>(), packets, "{text:?}");
        }
    }

    #[test]
    fn a_payload_stays_ended() {
        let mut packets = decode_payload("x\u{1e}3\u{1e}3");
        assert_eq!(packets.next(), Some(Err(DecodeError::UnknownType)));
        assert_eq!(packets.next(), None);
        assert_eq!(packets.next(), None);
    }

    #[test]
    fn a_million_empty_packets_are_one_error() {
        let payload = "\u{1e}".repeat(1_000_000);
        assert_eq!(decode_payload(&payload).count(), 1);
    }
}
