//! RFC 6455 frames: a strict, incremental decoder and the encoders.
//!
//! Here: frame headers, masking, the assembly of fragments into messages, UTF-8 of
//! text while it arrives, close bodies, and the bounds of one connection. The decoder
//! takes bytes as they come, split anywhere, and refuses the first one that breaks a
//! rule; where a stream is cut never changes what comes out.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `decoder` | one direction of one connection |
//! | `partial` | what it remembers of an unfinished frame or message |
//! | `header` | the first 2 to 14 bytes of a frame |
//! | `close_body` | code and text of a close frame |
//! | `mask` | the XOR of section 5.3 |
//! | `encode` | frames to send |
//! | `error` | every refusal, and the close reason it leads to |
//!
//! Deliberately absent: the opening handshake (HTTP, in the gateway), extensions and
//! so compression (their bits are refused), sending fragments (every message leaves
//! as one frame), the choice of masking keys (entropy is an argument), and conduct:
//! answering pings, answering a close and ignoring what follows it, limiting rates.

mod close_body;
mod decoder;
mod encode;
mod error;
mod header;
mod mask;
mod partial;

pub use decoder::Decoder;
pub use encode::{HeaderBytes, encode, encode_close, encode_masked, header};
pub use error::FrameError;

/// Most payload bytes of a control frame (RFC 6455 section 5.5).
pub const CONTROL_BYTES_MAX: usize = 125;
/// Most bytes of UTF-8 beside the code of a close frame.
pub const CLOSE_TEXT_BYTES_MAX: usize = CONTROL_BYTES_MAX - 2;

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

impl Opcode {
    /// Whether frames with it stand alone, between messages and between fragments (section 5.5).
    pub fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }

    /// The four bits on the wire.
    fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xA,
        }
    }

    /// The inverse of [`Opcode::bits`]; `None` for the reserved ones.
    fn of_bits(bits: u8) -> Option<Self> {
        match bits {
            0x0 => Some(Self::Continuation),
            0x1 => Some(Self::Text),
            0x2 => Some(Self::Binary),
            0x8 => Some(Self::Close),
            0x9 => Some(Self::Ping),
            0xA => Some(Self::Pong),
            _ => None,
        }
    }
}

/// Which side of the connection decodes: a server demands masks, a client refuses them
/// (RFC 6455 section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Decodes what clients send.
    Server,
    /// Decodes what a server sends.
    Client,
}

/// Bounds of one connection. Control frames have their own, fixed bound and count for neither.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Payload bytes of one message, all fragments together. Judged by the announced
    /// length, before the payload arrives.
    pub message_bytes_max: usize,
    /// Frames of one message, empty ones too; at least 1, or every message is refused.
    pub fragments_max: usize,
}

/// A whole message or control frame. Borrows the input where it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// UTF-8 text.
    Text(&'a str),
    /// Bytes.
    Binary(&'a [u8]),
    /// To be answered by a pong with the same bytes, at most [`CONTROL_BYTES_MAX`].
    Ping(&'a [u8]),
    /// An answer, or an unasked sign of life.
    Pong(&'a [u8]),
    /// The other side closes: code and text, if it gave any. The code is one that may
    /// be sent (section 7.4.1).
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
