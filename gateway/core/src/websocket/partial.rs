//! What a decoder remembers between two pieces of input: part of a header, a frame
//! whose payload is on its way, and what has arrived of a message.
//!
//! Memory follows the bytes that arrived, never a length that was announced.

use smallvec::SmallVec;

use super::header::{HEADER_BYTES_MAX, Header};
use super::{FrameError, Limits, Opcode};
use crate::session::Millis;

/// All of it; exists only while there is something to remember.
#[derive(Debug, Default)]
pub(super) struct Partial {
    /// Bytes of a header that is not whole.
    pub(super) header: SmallVec<[u8; HEADER_BYTES_MAX]>,
    /// A frame whose header is whole and whose payload is not.
    pub(super) frame: Option<Frame>,
    /// A data message of which something has arrived.
    pub(super) message: Option<Assembly>,
    /// Payload of the control frame in `frame`. Beside `message`, which it must not disturb.
    pub(super) control: Vec<u8>,
    /// Payload of the message handed out last, kept while the caller reads it.
    pub(super) finished: Vec<u8>,
    /// When what is under way began, once it was noted.
    pub(super) since: Option<Millis>,
}

impl Partial {
    /// Whether nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.header.is_empty() && self.frame.is_none() && self.message.is_none() && self.control.is_empty()
    }

    /// Bytes of what is under way.
    pub(super) fn bytes(&self) -> usize {
        let message = self.message.as_ref().map_or(0, |message| message.bytes.len());
        self.header.len() + self.control.len() + message
    }

    /// Takes the next bytes of `frame`'s payload, unmasked. `frame.done` counts them already.
    pub(super) fn push(&mut self, frame: &Frame, part: &[u8], limits: &Limits) -> Result<(), FrameError> {
        if part.is_empty() && frame.remaining() > 0 {
            return Ok(()); // A header alone: the payload may yet come in one piece, and need no copy.
        }
        if frame.header.opcode.is_control() {
            self.control.extend_from_slice(part);
            return Ok(());
        }
        let message = self.message.get_or_insert_with(|| Assembly::new(frame.header.opcode));
        let bound = if frame.header.fin {
            message.bytes.len().saturating_add(part.len()).saturating_add(frame.remaining())
        } else {
            limits.message_bytes_max
        };
        message.push(part, bound)
    }

    /// Ends the message or control frame that `frame` was the last of: moves its payload
    /// to `finished` and says what it was.
    pub(super) fn finish(&mut self, frame: &Frame) -> Opcode {
        if frame.header.opcode.is_control() {
            self.finished = std::mem::take(&mut self.control);
            if self.message.is_none() {
                self.since = None;
            }
            return frame.header.opcode;
        }
        self.since = None;
        match self.message.take() {
            Some(message) => {
                self.finished = message.bytes;
                message.opcode
            }
            None => frame.header.opcode,
        }
    }
}

/// A frame whose payload is on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) header: Header,
    /// Payload bytes that have arrived.
    pub(super) done: usize,
}

impl Frame {
    /// Payload bytes still to come.
    pub(super) fn remaining(&self) -> usize {
        self.header.len.saturating_sub(self.done)
    }
}

/// A data message that arrives in pieces.
#[derive(Debug)]
pub(super) struct Assembly {
    /// Text or binary: what its first frame said.
    opcode: Opcode,
    /// Unmasked payload so far.
    pub(super) bytes: Vec<u8>,
    /// Text: bytes known to be whole characters.
    valid: usize,
    /// Frames so far.
    pub(super) frames: usize,
}

impl Assembly {
    fn new(opcode: Opcode) -> Self {
        Self { opcode, bytes: Vec::new(), valid: 0, frames: 1 }
    }

    /// Appends, and refuses text as soon as no continuation could make it UTF-8.
    /// `bound`: bytes that the message cannot exceed.
    fn push(&mut self, part: &[u8], bound: usize) -> Result<(), FrameError> {
        grow(&mut self.bytes, part.len(), bound);
        self.bytes.extend_from_slice(part);
        if self.opcode != Opcode::Text {
            return Ok(());
        }
        let fresh = self.bytes.get(self.valid..).unwrap_or_default();
        self.valid += match simdutf8::compat::from_utf8(fresh) {
            Ok(text) => text.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => return Err(FrameError::InvalidText),
        };
        Ok(())
    }
}

/// Makes room for `more` bytes: twice what there was, but no more than `bound`, which
/// the announced length of a last frame makes exact.
fn grow(bytes: &mut Vec<u8>, more: usize, bound: usize) {
    let needed = bytes.len().saturating_add(more);
    if needed > bytes.capacity() {
        let target = bytes.capacity().saturating_mul(2).min(bound).max(needed);
        bytes.reserve_exact(target.saturating_sub(bytes.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_doubles_up_to_the_bound() {
        let mut bytes = Vec::new();
        let mut reallocations = 0;
        for _ in 0..1000 {
            let before = bytes.capacity();
            grow(&mut bytes, 1, 1000);
            bytes.push(7);
            reallocations += usize::from(bytes.capacity() != before);
            assert!(bytes.capacity() <= (2 * bytes.len()).min(1000));
        }
        assert!(reallocations <= 11, "{reallocations}");
    }

    /// Bytes that were copied to a larger place, and bytes that were read as text, for each
    /// byte of a message that comes in pieces.
    #[test]
    fn work_is_linear_however_a_message_is_cut() {
        const BYTES: usize = 1_000_000;
        let text = "é\u{1F680}a".repeat(BYTES / 7);
        for cut in [1, 2, 3, 100, 1000, 65_536] {
            let (mut copied, mut read) = (0, 0);
            let mut assembly = Assembly::new(Opcode::Text);
            for part in text.as_bytes().chunks(cut) {
                let (held, capacity, valid) = (assembly.bytes.len(), assembly.bytes.capacity(), assembly.valid);
                assembly.push(part, BYTES).expect("text");
                read += assembly.bytes.len() - valid;
                copied += if assembly.bytes.capacity() == capacity { 0 } else { held };
                assert!(copied < 2 * BYTES && read < 4 * BYTES, "cut at {cut}: {copied} copied, {read} read");
            }
            assert_eq!(assembly.bytes, text.as_bytes());
        }
    }

    #[test]
    fn text_is_refused_at_its_first_impossible_byte() {
        let cases: &[(&[u8], Option<usize>)] = &[
            ("κόσμε😀".as_bytes(), None),
            (b"ab\x80", Some(2)),
            (b"a\xC0\x80", Some(1)),            // overlong
            (b"a\xE2\x82x", Some(3)),           // cut off by the next character
            (b"\xED\xA0\x80", Some(1)),         // a surrogate
            (b"\xF4\x90\x80\x80", Some(1)),     // beyond U+10FFFF
            (b"\xF0\x9F\x98\x80\xF8", Some(4)), // no such first byte
            (b"\xF0\x9F\x98", None),            // not yet wrong
        ];
        for &(text, wrong_at) in cases {
            let mut assembly = Assembly::new(Opcode::Text);
            let refused = text.chunks(1).position(|byte| assembly.push(byte, 100).is_err());
            assert_eq!(refused, wrong_at, "{text:x?}");
        }
    }
}
