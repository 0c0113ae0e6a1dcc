//! What a publication's payload carries, so that its receivers can account for it.

use std::io::Write;

/// Begins and ends a stamp; it occurs nowhere else in what servers send.
const MARK: u8 = b'~';

/// Bytes that hold any stamp.
pub const BYTES_MAX: usize = 64;

/// Identity and intended send time of one publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Which room, by its index.
    pub room: u32,
    /// Consecutive within the room, from 0.
    pub room_sequence: u64,
    /// Consecutive over all rooms, from 0.
    pub sequence: u64,
    /// When it should have been sent, nanoseconds of the generator's clock. Latency counts
    /// from here: a generator or server that falls behind hides nothing.
    pub intended_ns: u64,
}

impl Stamp {
    /// Appends the stamp, filled up to `payload_bytes` with letters (never cut).
    pub fn write(&self, payload_bytes: usize, out: &mut Vec<u8>) {
        let start = out.len();
        let Self { room, room_sequence, sequence, intended_ns } = self;
        // Writing to a vector cannot fail.
        let _ = write!(out, "~{room}.{room_sequence}.{sequence}.{intended_ns}~");
        let end = start + payload_bytes;
        if out.len() < end {
            out.resize(end, b'x');
        }
    }

    /// The stamp within a message, whatever the protocol wrapped around it.
    pub fn find(text: &[u8]) -> Option<Self> {
        let start = text.iter().position(|&byte| byte == MARK)? + 1;
        let mut rest = text.get(start..)?;
        let mut number = |end: u8| {
            let mut value = 0_u64;
            for (index, &byte) in rest.iter().enumerate() {
                if byte == end && index > 0 {
                    rest = &rest[index + 1..];
                    return Some(value);
                }
                let digit = byte.wrapping_sub(b'0');
                if digit > 9 {
                    return None;
                }
                value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
            }
            None
        };
        Some(Self {
            room: u32::try_from(number(b'.')?).ok()?,
            room_sequence: number(b'.')?,
            sequence: number(b'.')?,
            intended_ns: number(MARK)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { room: 7, room_sequence: 12, sequence: 3_456, intended_ns: u64::MAX };

    #[test]
    fn a_stamp_is_found_in_what_a_protocol_wraps_around_it() {
        let mut payload = Vec::new();
        STAMP.write(128, &mut payload);
        assert_eq!(payload.len(), 128);
        let text = [b"42[\"bench\",\"".as_slice(), &payload, b"\"]"].concat();
        assert_eq!(Stamp::find(&text), Some(STAMP));
    }

    #[test]
    fn a_small_payload_is_not_cut() {
        let mut payload = Vec::new();
        STAMP.write(1, &mut payload);
        assert!(payload.len() <= BYTES_MAX);
        assert_eq!(Stamp::find(&payload), Some(STAMP));
    }

    #[test]
    fn other_messages_have_none() {
        for text in ["", "2", "~", "~1.2.3~", "~1.2.3.x~", "~..1.2~", "~1.2.3.99999999999999999999~"] {
            assert_eq!(Stamp::find(text.as_bytes()), None, "{text}");
        }
    }
}
