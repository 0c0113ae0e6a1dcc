//! The first bytes of a frame (RFC 6455 section 5.2): 2, and 2 or 8 more for long
//! payloads, and 4 for a masking key.
//!
//! Only rules that a header alone can break are judged here; those that depend on the
//! frames before it are the decoder's.

use super::{CONTROL_BYTES_MAX, FrameError, Opcode, Role};

/// Most bytes of a header.
pub(super) const HEADER_BYTES_MAX: usize = 14;

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Whether it is the last frame of its message.
    pub(super) fin: bool,
    pub(super) opcode: Opcode,
    /// Announced payload bytes.
    pub(super) len: usize,
    /// Masking key; zero if there is none.
    pub(super) key: [u8; 4],
}

/// Reads a header and how many bytes it takes; `None` if it is not whole yet. Whatever
/// is refused is refused with the same error when more bytes follow.
pub(super) fn parse(bytes: &[u8], role: Role) -> Result<Option<(Header, usize)>, FrameError> {
    let Some((&first, rest)) = bytes.split_first() else {
        return Ok(None);
    };
    let (fin, opcode) = first_byte(first)?;
    let Some((&second, rest)) = rest.split_first() else {
        return Ok(None);
    };
    let masked = second & 0x80 != 0;
    match (role, masked) {
        (Role::Server, false) => return Err(FrameError::Unmasked),
        (Role::Client, true) => return Err(FrameError::Masked),
        _ => {}
    }
    let short = second & 0x7F;
    if opcode.is_control() && usize::from(short) > CONTROL_BYTES_MAX {
        return Err(FrameError::ControlTooLong);
    }
    if opcode == Opcode::Close && short == 1 {
        return Err(FrameError::CloseBody);
    }
    let Some((len, rest)) = length(short, rest)? else {
        return Ok(None);
    };
    let (key, rest) = if masked {
        let Some((&key, rest)) = rest.split_first_chunk() else {
            return Ok(None);
        };
        (key, rest)
    } else {
        ([0; 4], rest)
    };
    let header = Header { fin, opcode, len, key };
    Ok(Some((header, bytes.len().saturating_sub(rest.len()))))
}

fn first_byte(byte: u8) -> Result<(bool, Opcode), FrameError> {
    if byte & 0x70 != 0 {
        return Err(FrameError::ReservedBits);
    }
    let fin = byte & 0x80 != 0;
    let opcode = Opcode::of_bits(byte & 0x0F).ok_or(FrameError::ReservedOpcode)?;
    if opcode.is_control() && !fin {
        return Err(FrameError::ControlFragmented);
    }
    Ok((fin, opcode))
}

/// The payload's length from its 7 bits and the bytes behind them, and what is left.
fn length(short: u8, rest: &[u8]) -> Result<Option<(usize, &[u8])>, FrameError> {
    let (len, least, rest) = match short {
        126 => match rest.split_first_chunk() {
            Some((bytes, rest)) => (u64::from(u16::from_be_bytes(*bytes)), 126, rest),
            None => return Ok(None),
        },
        127 => match rest.split_first_chunk() {
            Some((bytes, rest)) => (u64::from_be_bytes(*bytes), 0x1_0000, rest),
            None => return Ok(None),
        },
        _ => (u64::from(short), 0, rest),
    };
    if len >> 63 != 0 {
        return Err(FrameError::LengthTopBit);
    }
    if len < least {
        return Err(FrameError::LengthNotMinimal);
    }
    let len = usize::try_from(len).map_err(|_| FrameError::MessageTooLong)?;
    Ok(Some((len, rest)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use FrameError as E;

    #[test]
    fn every_first_byte_is_known_or_refused() {
        for byte in 0..=u8::MAX {
            let expected = match (byte & 0x70, byte & 0x0F, byte & 0x80) {
                (0, 0..=2 | 8..=10, 0x80) | (0, 0..=2, 0) => Ok(None),
                (0, 8..=10, _) => Err(E::ControlFragmented),
                (0, _, _) => Err(E::ReservedOpcode),
                _ => Err(E::ReservedBits),
            };
            assert_eq!(parse(&[byte], Role::Server), expected, "{byte:#04x}");
        }
    }

    /// Name, who decodes, the bytes, and the announced length.
    type Row = (&'static str, Role, &'static [u8], Result<usize, FrameError>);

    #[test]
    fn rules_of_one_header() {
        use Role::{Client, Server};
        let cases: &[Row] = &[
            ("server, mask", Server, &[0x81, 0x85, 1, 2, 3, 4], Ok(5)),
            ("server, no mask", Server, &[0x81, 0x05], Err(E::Unmasked)),
            ("client, no mask", Client, &[0x81, 0x05], Ok(5)),
            ("client, mask", Client, &[0x81, 0x85], Err(E::Masked)),
            ("16 bits, 126", Client, &[0x82, 126, 0, 126], Ok(126)),
            ("16 bits, 125", Client, &[0x82, 126, 0, 125], Err(E::LengthNotMinimal)),
            ("16 bits, all", Client, &[0x82, 126, 0xFF, 0xFF], Ok(65535)),
            ("64 bits, 65536", Client, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0], Ok(65536)),
            ("64 bits, 65535", Client, &[0x82, 127, 0, 0, 0, 0, 0, 0, 255, 255], Err(E::LengthNotMinimal)),
            ("top bit", Client, &[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 1], Err(E::LengthTopBit)),
            ("top bit, fragment", Client, &[0x02, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], Err(E::LengthTopBit)),
            ("ping, 125", Client, &[0x89, 125], Ok(125)),
            ("ping, 126", Client, &[0x89, 126], Err(E::ControlTooLong)),
            ("pong, 127", Client, &[0x8A, 127], Err(E::ControlTooLong)),
            ("close, 126", Client, &[0x88, 126], Err(E::ControlTooLong)),
            ("close, 0", Client, &[0x88, 0], Ok(0)),
            ("close, 1", Client, &[0x88, 1], Err(E::CloseBody)),
            ("close, 2", Client, &[0x88, 2], Ok(2)),
        ];
        for &(name, role, bytes, expected) in cases {
            let found = parse(bytes, role);
            assert_eq!(found.map(|f| f.expect("whole").0.len), expected, "{name}");
        }
    }

    #[test]
    fn a_header_is_whole_at_its_last_byte_and_not_before() {
        let headers: &[&[u8]] = &[
            &[0x81, 0x85, 1, 2, 3, 4],
            &[0x02, 0xFE, 1, 0, 1, 2, 3, 4],
            &[0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4],
        ];
        for bytes in headers {
            for (cut, _) in bytes.iter().enumerate() {
                assert_eq!(parse(&bytes[..cut], Role::Server), Ok(None), "{bytes:?} cut at {cut}");
            }
            let (header, used) = parse(bytes, Role::Server).expect("valid").expect("whole");
            assert_eq!((used, header.key), (bytes.len(), [1, 2, 3, 4]));
            assert_eq!(header.fin, bytes[0] & 0x80 != 0);
        }
    }
}
