//! One direction of one connection: bytes in, messages out.

use super::header::{self, HEADER_BYTES_MAX, Header};
use super::partial::{Frame, Partial};
use super::{FrameError, Limits, Message, Opcode, Role, Step, close_body, mask};
use crate::session::Millis;

/// Decodes one direction of one connection. Owns no memory between messages.
///
/// A frame that is whole in the input, and is a message by itself, is handed out from
/// there. Only what arrives in pieces is copied, into memory that grows with the bytes
/// that came. After an error the stream has no meaning any more: every later call
/// gives the same error.
#[derive(Debug)]
pub struct Decoder {
    role: Role,
    failed: Option<FrameError>,
    partial: Option<Box<Partial>>,
}

/// Where the payload of a message that just ended is.
enum Ended {
    /// In the input.
    Here { opcode: Opcode, start: usize, end: usize },
    /// In [`Partial::finished`].
    Held { opcode: Opcode },
}

impl Decoder {
    /// Nothing decoded yet.
    pub fn new(role: Role) -> Self {
        Self { role, failed: None, partial: None }
    }

    /// Decodes up to the end of the next message. `input` is unmasked in place. Call
    /// again with the rest (`input[consumed..]`) until a step has no message: the call
    /// after a message frees what that message was held in, even if no bytes are left.
    ///
    /// Bytes behind a close frame are decoded like any others; RFC 6455 section 1.4
    /// asks the caller to ignore them.
    pub fn next<'a>(&'a mut self, input: &'a mut [u8], limits: &Limits) -> Result<Step<'a>, FrameError> {
        let (consumed, ended) = match self.advance(input, limits) {
            Ok(advanced) => advanced,
            Err(error) => {
                self.failed = Some(error);
                self.partial = None;
                return Err(error);
            }
        };
        let Self { failed, partial, .. } = self;
        let message = match ended {
            None => Ok(None),
            Some(Ended::Here { opcode, start, end }) => {
                message(opcode, input.get(start..end).unwrap_or_default()).map(Some)
            }
            Some(Ended::Held { opcode }) => {
                let payload = partial.as_deref().map_or(&[][..], |partial| &partial.finished);
                message(opcode, payload).map(Some)
            }
        };
        if let Err(error) = message {
            *failed = Some(error);
        }
        Ok(Step { consumed, message: message? })
    }

    /// Bytes held for an unfinished message, its control frames and headers; what is
    /// allocated is at most about twice as much.
    pub fn buffered_bytes(&self) -> usize {
        self.partial.as_deref().map_or(0, Partial::bytes)
    }

    /// Notes that it is `now`, for what is unfinished and was not noted before. To be called
    /// when an input is used up.
    pub fn note(&mut self, now: Millis) {
        if let Some(partial) = self.partial.as_mut().filter(|partial| !partial.is_empty()) {
            partial.since.get_or_insert(now);
        }
    }

    /// When the message, frame or header that is unfinished was first [noted](Decoder::note).
    /// Control frames between the fragments of a message do not make it any younger.
    pub fn unfinished_since(&self) -> Option<Millis> {
        self.partial.as_ref().and_then(|partial| partial.since)
    }

    /// Takes `unread` milliseconds before `now`, in which no input was asked for, out of the age
    /// of what is unfinished.
    pub fn forgive(&mut self, unread: Millis, now: Millis) {
        if let Some(since) = self.partial.as_mut().and_then(|partial| partial.since.as_mut()) {
            *since = since.saturating_add(unread).min(now);
        }
    }

    /// Goes on to the end of the next message or of the input: bytes used up, and the message.
    fn advance(&mut self, input: &mut [u8], limits: &Limits) -> Result<(usize, Option<Ended>), FrameError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if let Some(partial) = &mut self.partial {
            partial.finished = Vec::new();
        }
        self.free_if_empty();
        let mut at = 0;
        loop {
            let rest = input.get_mut(at..).unwrap_or_default();
            let Some((mut frame, header_bytes)) = self.frame(rest, limits)? else {
                return Ok((input.len(), None));
            };
            let payload = rest.get_mut(header_bytes..).unwrap_or_default();
            let came = payload.len().min(frame.remaining());
            let part = payload.get_mut(..came).unwrap_or_default();
            mask::apply(frame.header.key, frame.done, part);
            let start = at + header_bytes;
            at = start + came;

            let Header { fin, opcode, len, .. } = frame.header;
            if came == len && fin && opcode != Opcode::Continuation {
                self.free_if_empty();
                let ended = Ended::Here { opcode, start, end: at };
                return Ok((at, Some(ended)));
            }
            frame.done += came;
            let partial = self.partial.get_or_insert_default();
            partial.push(&frame, part, limits)?;
            if frame.remaining() > 0 {
                partial.frame = Some(frame);
                return Ok((at, None));
            }
            if fin {
                let opcode = partial.finish(&frame);
                return Ok((at, Some(Ended::Held { opcode })));
            }
        }
    }

    /// The frame under way, or the one that begins in `input` with the bytes of `input`
    /// that its header took. `None`: all of `input` is part of a header.
    fn frame(&mut self, input: &[u8], limits: &Limits) -> Result<Option<(Frame, usize)>, FrameError> {
        if let Some(frame) = self.partial.as_mut().and_then(|partial| partial.frame.take()) {
            return Ok(Some((frame, 0)));
        }
        let held = self.partial.as_ref().map_or(0, |partial| partial.header.len());
        let parsed = if held == 0 { header::parse(input, self.role)? } else { self.resume_header(input)? };
        let Some((header, bytes)) = parsed else {
            if held == 0 && !input.is_empty() {
                let partial = self.partial.get_or_insert_default();
                partial.header.extend_from_slice(input);
            }
            return Ok(None);
        };
        self.admit(&header, limits)?;
        Ok(Some((Frame { header, done: 0 }, bytes.saturating_sub(held))))
    }

    /// Completes a header of which the first bytes are held, and forgets those; or holds
    /// the input too.
    fn resume_header(&mut self, input: &[u8]) -> Result<Option<(Header, usize)>, FrameError> {
        let Some(partial) = &mut self.partial else {
            return Ok(None);
        };
        let missing = HEADER_BYTES_MAX.saturating_sub(partial.header.len());
        partial.header.extend_from_slice(input.get(..missing).unwrap_or(input));
        let parsed = header::parse(&partial.header, self.role)?;
        if parsed.is_some() {
            partial.header.clear();
        }
        Ok(parsed)
    }

    /// Judges a header by the message it belongs to, before any of its payload (RFC 6455
    /// section 5.4, and the limits).
    fn admit(&mut self, header: &Header, limits: &Limits) -> Result<(), FrameError> {
        if header.opcode.is_control() {
            return Ok(());
        }
        let unfinished = self.partial.as_mut().and_then(|partial| partial.message.as_mut());
        let (bytes, frames) = match (header.opcode, &unfinished) {
            (Opcode::Continuation, None) => return Err(FrameError::ContinuationWithoutStart),
            (Opcode::Continuation, Some(message)) => (message.bytes.len(), message.frames),
            (_, Some(_)) => return Err(FrameError::MessageInsideMessage),
            (_, None) => (0, 0),
        };
        if header.len > limits.message_bytes_max.saturating_sub(bytes) {
            return Err(FrameError::MessageTooLong);
        }
        if frames >= limits.fragments_max {
            return Err(FrameError::TooManyFragments);
        }
        if let Some(message) = unfinished {
            message.frames += 1;
        }
        Ok(())
    }

    fn free_if_empty(&mut self) {
        if self.partial.as_ref().is_some_and(|partial| partial.is_empty()) {
            self.partial = None;
        }
    }
}

fn message(opcode: Opcode, payload: &[u8]) -> Result<Message<'_>, FrameError> {
    Ok(match opcode {
        Opcode::Text => Message::Text(simdutf8::basic::from_utf8(payload).map_err(|_| FrameError::InvalidText)?),
        Opcode::Binary => Message::Binary(payload),
        Opcode::Ping => Message::Ping(payload),
        Opcode::Pong => Message::Pong(payload),
        Opcode::Close => Message::Close(close_body::parse(payload)?),
        // Not reached: a message is what its first frame says.
        Opcode::Continuation => return Err(FrameError::ContinuationWithoutStart),
    })
}

#[cfg(test)]
mod tests;
