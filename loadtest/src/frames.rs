//! WebSocket frames: the one place where the harness meets a codec.
//!
//! A stand-in with the shape of `roomcast_core::websocket`, for whole (unfragmented)
//! messages only: what a load test sends and what servers answer to it.

use roomcast_core::websocket::{Message, Opcode, Role, Step};

/// Bytes that no frame of a load test has: a length beyond it is not believed.
const FRAME_BYTES_MAX: usize = 16 << 20;

/// Masks need not be secret here: nothing between the two ends could be confused by them.
const MASK: [u8; 4] = [0x5a, 0xc3, 0x1e, 0x87];

/// The bytes are not frames that the harness understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadFrame;

impl std::fmt::Display for BadFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the other side sent something that is not a WebSocket frame")
    }
}

impl std::error::Error for BadFrame {}

/// Decodes one direction of one connection. Owns memory only while a frame is incomplete.
#[derive(Debug)]
pub struct Decoder {
    role: Role,
    partial: Vec<u8>,
    /// `partial` was lent to the caller as a whole frame and is to be dropped.
    spent: bool,
}

impl Decoder {
    /// Nothing decoded yet.
    pub fn new(role: Role) -> Self {
        Self {
            role,
            partial: Vec::new(),
            spent: false,
        }
    }

    /// Decodes up to the end of the next frame. Call again with `input[consumed..]` until a
    /// step has no message: then all of the input is used up.
    pub fn next<'a>(&'a mut self, input: &'a mut [u8]) -> Result<Step<'a>, BadFrame> {
        if std::mem::take(&mut self.spent) {
            self.partial = Vec::new();
        }
        if self.partial.is_empty() {
            let available = input.len();
            return match frame_bytes(input, self.role)? {
                Some((_, whole)) if whole <= available => step(&mut input[..whole], whole, self.role),
                _ => {
                    self.partial.extend_from_slice(input);
                    Ok(more(available))
                }
            };
        }
        let mut consumed = 0;
        loop {
            let held = self.partial.len();
            let wanted = match frame_bytes(&self.partial, self.role)? {
                Some((_, whole)) => whole - held,
                None => 1,
            };
            let taken = wanted.min(input.len() - consumed);
            self.partial.extend_from_slice(&input[consumed..consumed + taken]);
            consumed += taken;
            if wanted == 0 {
                self.spent = true;
                return step(&mut self.partial, consumed, self.role);
            }
            if taken < wanted {
                return Ok(more(consumed));
            }
        }
    }
}

fn more<'a>(consumed: usize) -> Step<'a> {
    Step {
        consumed,
        message: None,
    }
}

/// Header bytes (mask included) and whole bytes of the frame at the start, if its header is there.
fn frame_bytes(input: &[u8], role: Role) -> Result<Option<(usize, usize)>, BadFrame> {
    let (Some(_), Some(&second)) = (input.first(), input.get(1)) else {
        return Ok(None);
    };
    if (second & 0x80 != 0) != (role == Role::Server) {
        return Err(BadFrame);
    }
    let mask = if role == Role::Server { 4 } else { 0 };
    let (header, length) = match (second & 0x7f, input) {
        (126, [_, _, a, b, ..]) => (4 + mask, usize::from(u16::from_be_bytes([*a, *b]))),
        (127, [_, _, rest @ ..]) if rest.len() >= 8 => {
            let length = rest[..8]
                .iter()
                .fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte));
            (10 + mask, usize::try_from(length).map_err(|_| BadFrame)?)
        }
        (126 | 127, _) => return Ok(None),
        (length, _) => (2 + mask, usize::from(length)),
    };
    if length > FRAME_BYTES_MAX {
        return Err(BadFrame);
    }
    Ok((input.len() >= header).then_some((header, header + length)))
}

/// The message in one whole frame.
fn step(frame: &mut [u8], consumed: usize, role: Role) -> Result<Step<'_>, BadFrame> {
    let first = frame[0];
    let (header, _) = frame_bytes(frame, role)?.ok_or(BadFrame)?;
    let (head, body) = frame.split_at_mut(header);
    if let (Role::Server, [.., a, b, c, d]) = (role, head) {
        let key = [*a, *b, *c, *d];
        for (index, byte) in body.iter_mut().enumerate() {
            *byte ^= key[index & 3];
        }
    }
    let body: &[u8] = body;
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| BadFrame);
    let message = match first {
        0x81 => Message::Text(text(body)?),
        0x82 => Message::Binary(body),
        0x88 => Message::Close(match body {
            [a, b, rest @ ..] => Some((u16::from_be_bytes([*a, *b]), text(rest)?)),
            _ => None,
        }),
        0x89 => Message::Ping(body),
        0x8a => Message::Pong(body),
        _ => return Err(BadFrame),
    };
    Ok(Step {
        consumed,
        message: Some(message),
    })
}

/// Appends one unmasked frame, as servers send.
pub fn encode(opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
    header(opcode, payload.len(), 0, out);
    out.extend_from_slice(payload);
}

/// Appends one masked frame, as clients send.
pub fn encode_masked(opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
    header(opcode, payload.len(), 0x80, out);
    out.extend_from_slice(&MASK);
    out.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
}

fn header(opcode: Opcode, length: usize, mask_bit: u8, out: &mut Vec<u8>) {
    out.push(match opcode {
        Opcode::Continuation => 0x80,
        Opcode::Text => 0x81,
        Opcode::Binary => 0x82,
        Opcode::Close => 0x88,
        Opcode::Ping => 0x89,
        Opcode::Pong => 0x8a,
    });
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..=125), _) => out.push(mask_bit | short),
        (_, Ok(medium)) => {
            out.push(mask_bit | 0x7e);
            out.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            out.push(mask_bit | 0x7f);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(role: Role, pieces: &[&[u8]]) -> Vec<String> {
        let mut decoder = Decoder::new(role);
        let mut found = Vec::new();
        for piece in pieces {
            let mut piece = piece.to_vec();
            let mut at = 0;
            while let Ok(Step {
                consumed,
                message: Some(message),
            }) = decoder.next(&mut piece[at..])
            {
                at += consumed;
                if let Message::Text(text) = message {
                    found.push(text.to_owned());
                }
            }
        }
        found
    }

    #[test]
    fn frames_survive_every_split() {
        let long = "y".repeat(300);
        let mut bytes = Vec::new();
        encode_masked(Opcode::Text, b"first", &mut bytes);
        encode_masked(Opcode::Text, b"", &mut bytes);
        encode_masked(Opcode::Text, long.as_bytes(), &mut bytes);
        let wanted = vec!["first".to_owned(), String::new(), long];
        for split in 0..bytes.len() {
            let pieces = [&bytes[..split], &bytes[split..]];
            assert_eq!(texts(Role::Server, &pieces), wanted, "split at {split}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(texts(Role::Server, &single), wanted);
    }

    #[test]
    fn a_server_may_not_mask_and_a_client_must() {
        let mut masked = Vec::new();
        encode_masked(Opcode::Text, b"x", &mut masked);
        assert!(Decoder::new(Role::Client).next(&mut masked).is_err());
        let mut plain = Vec::new();
        encode(Opcode::Text, b"x", &mut plain);
        assert!(Decoder::new(Role::Server).next(&mut plain).is_err());
    }
}
