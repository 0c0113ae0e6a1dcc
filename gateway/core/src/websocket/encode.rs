//! Frames to send: whole messages, never fragments.

use super::{CLOSE_TEXT_BYTES_MAX, CONTROL_BYTES_MAX, Opcode, close_body, mask};

/// The header of an unmasked frame: 2, 4 or 10 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderBytes {
    bytes: [u8; 10],
    len: u8,
}

impl HeaderBytes {
    /// The bytes to send before the payload.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&self.bytes)
    }
}

/// The header of an unmasked frame with `payload_bytes` bytes behind it (RFC 6455
/// section 5.2), for callers that write header and payload from two places. A control
/// frame's `payload_bytes` must not exceed [`CONTROL_BYTES_MAX`].
pub fn header(opcode: Opcode, payload_bytes: usize) -> HeaderBytes {
    header_with(opcode, payload_bytes, 0)
}

fn header_with(opcode: Opcode, payload_bytes: usize, mask_bit: u8) -> HeaderBytes {
    let short = u8::try_from(payload_bytes).ok().filter(|&short| short < 126);
    // The 7 bits, the longer length in the first bytes of eight, and the header's size.
    let (marker, length, len) = match (short, u16::try_from(payload_bytes)) {
        (Some(short), _) => (short, 0, 2),
        (None, Ok(medium)) => (126, u64::from(medium) << 48, 4),
        (None, Err(_)) => (127, payload_bytes as u64, 10),
    };
    let mut bytes = [0x80 | opcode.bits(), mask_bit | marker, 0, 0, 0, 0, 0, 0, 0, 0];
    for (to, from) in bytes.iter_mut().skip(2).zip(length.to_be_bytes()) {
        *to = from;
    }
    HeaderBytes { bytes, len }
}

/// Appends one unmasked frame, as servers send. Of a control frame's payload only the
/// first [`CONTROL_BYTES_MAX`] bytes are sent: more would be no frame.
pub fn encode(opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
    let payload = sendable(opcode, payload);
    let header = header(opcode, payload.len());
    out.reserve(header.as_slice().len().saturating_add(payload.len()));
    out.extend_from_slice(header.as_slice());
    out.extend_from_slice(payload);
}

/// Appends one masked frame, as clients send, cut as [`encode`] does. The key should be
/// unpredictable (section 5.3).
pub fn encode_masked(opcode: Opcode, payload: &[u8], key: [u8; 4], out: &mut Vec<u8>) {
    let payload = sendable(opcode, payload);
    let header = header_with(opcode, payload.len(), 0x80);
    out.reserve(header.as_slice().len().saturating_add(key.len() + payload.len()));
    out.extend_from_slice(header.as_slice());
    out.extend_from_slice(&key);
    let start = out.len();
    out.extend_from_slice(payload);
    mask::apply(key, 0, out.get_mut(start..).unwrap_or_default());
}

/// Appends an unmasked close frame (section 5.5.1). Without a code, or with one that
/// must not be sent (1005, 1006 and 1015, say), its body is empty. Text is cut to
/// [`CLOSE_TEXT_BYTES_MAX`] bytes, between characters.
pub fn encode_close(code: Option<(u16, &str)>, out: &mut Vec<u8>) {
    let Some((code, text)) = code.filter(|&(code, _)| close_body::may_be_sent(code)) else {
        return encode(Opcode::Close, &[], out);
    };
    let text = text.get(..text.floor_char_boundary(CLOSE_TEXT_BYTES_MAX)).unwrap_or_default();
    out.extend_from_slice(header(Opcode::Close, 2 + text.len()).as_slice());
    out.extend_from_slice(&code.to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn sendable(opcode: Opcode, payload: &[u8]) -> &[u8] {
    if opcode.is_control() { payload.get(..CONTROL_BYTES_MAX).unwrap_or(payload) } else { payload }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_length_is_used() {
        let cases: &[(usize, &[u8])] = &[
            (0, &[0x82, 0]),
            (125, &[0x82, 125]),
            (126, &[0x82, 126, 0, 126]),
            (255, &[0x82, 126, 0, 255]),
            (65535, &[0x82, 126, 255, 255]),
            (65536, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ];
        for &(len, expected) in cases {
            assert_eq!(header(Opcode::Binary, len).as_slice(), expected, "{len}");
            let mut out = Vec::new();
            encode(Opcode::Binary, &vec![7; len], &mut out);
            assert_eq!(out, [expected, &vec![7; len]].concat(), "{len}");
        }
    }

    #[test]
    fn the_examples_of_section_5_7() {
        let mut out = Vec::new();
        encode(Opcode::Text, b"Hello", &mut out);
        encode_masked(Opcode::Text, b"Hello", [0x37, 0xfa, 0x21, 0x3d], &mut out);
        encode(Opcode::Ping, b"Hello", &mut out);
        encode_masked(Opcode::Pong, b"Hello", [0x37, 0xfa, 0x21, 0x3d], &mut out);
        let expected = b"\x81\x05Hello\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\
            \x89\x05Hello\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
        assert_eq!(out, expected);
    }

    #[test]
    fn control_frames_stay_within_125_bytes() {
        for opcode in [Opcode::Ping, Opcode::Pong, Opcode::Close] {
            let mut out = Vec::new();
            encode(opcode, &[7; 300], &mut out);
            assert_eq!((out.len(), out.get(1)), (127, Some(&125)), "{opcode:?}");
        }
    }

    #[test]
    fn close_frames_are_always_valid() {
        let encoded = |code| {
            let mut out = Vec::new();
            encode_close(code, &mut out);
            out
        };
        assert_eq!(encoded(None), b"\x88\x00");
        assert_eq!(encoded(Some((1000, "bye"))), b"\x88\x05\x03\xE8bye");
        for code in [0, 999, 1005, 1006, 1015, 5000] {
            assert_eq!(encoded(Some((code, "x"))), b"\x88\x00", "{code}");
        }
        let long = "é".repeat(100);
        let out = encoded(Some((4000, &long)));
        assert_eq!(out.len(), 2 + 2 + 122);
        assert_eq!(close_body::parse(&out[2..]), Ok(Some((4000, &long[..122]))));
    }
}
