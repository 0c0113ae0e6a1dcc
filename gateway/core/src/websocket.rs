//! RFC 6455 frames: an incremental, strict decoder and the encoders.

use crate::close::CloseReason;

/// A frame's opcode (RFC 6455 section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// Goes on with a fragmented message.
    Continuation,
    /// UTF-8 text.
    Text,
    /// Bytes.
    Binary,
    /// Ends the connection.
    Close,
    /// Asks for a pong.
    Ping,
    /// Answers a ping.
    Pong,
}

/// Which side of the connection decodes: a server demands masks, a client refuses them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Decodes what clients send.
    Server,
    /// Decodes what a server sends.
    Client,
}

/// Bounds of one connection.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one message, all fragments together.
    pub message_bytes_max: usize,
    /// Frames of one message.
    pub fragments_max: usize,
}

/// A whole message or control frame. Borrows the input where it can.
#[derive(Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// UTF-8 text.
    Text(&'a str),
    /// Bytes.
    Binary(&'a [u8]),
    /// To be answered by a pong with the same bytes.
    Ping(&'a [u8]),
    /// An answer.
    Pong(&'a [u8]),
    /// The other side closes: code and text, if it gave any.
    Close(Option<(u16, &'a str)>),
}

/// What one call of [`Decoder::next`] did.
#[derive(Debug)]
pub struct Step<'a> {
    /// Bytes of the input that are used up.
    pub consumed: usize,
    /// The message that ended there. `None`: all of the input is used up and more is needed.
    pub message: Option<Message<'a>>,
}

/// Why bytes are not the protocol, or too much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameError;

impl FrameError {
    /// The reason to close with.
    pub fn reason(self) -> CloseReason {
        CloseReason::ProtocolError
    }
}

/// Decodes one direction of one connection. Owns no memory between messages.
#[derive(Debug)]
pub struct Decoder {}

impl Decoder {
    /// Nothing decoded yet.
    pub fn new(_role: Role) -> Self {
        Self {}
    }

    /// Decodes up to the end of the next message. `input` is unmasked in place. Call
    /// again with the rest (`input[consumed..]`) until a step has no message.
    pub fn next<'a>(&'a mut self, input: &'a mut [u8], _limits: &Limits) -> Result<Step<'a>, FrameError> {
        Ok(Step {
            consumed: input.len(),
            message: None,
        })
    }

    /// Bytes held for an unfinished message.
    pub fn buffered_bytes(&self) -> usize {
        0
    }
}

/// Appends one unmasked frame, as servers send.
pub fn encode(_opcode: Opcode, _payload: &[u8], _out: &mut Vec<u8>) {}

/// Appends one masked frame, as clients send.
pub fn encode_masked(_opcode: Opcode, _payload: &[u8], _key: [u8; 4], _out: &mut Vec<u8>) {}

/// Appends a close frame; without a code its body is empty.
pub fn encode_close(_code: Option<(u16, &str)>, _out: &mut Vec<u8>) {}
