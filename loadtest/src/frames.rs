//! WebSocket frames: core's codec with the bounds and the mask of a load test.

use roomcast_core::websocket::{self, Limits, Opcode, Role, Step};

pub use roomcast_core::websocket::{FrameError, encode};

/// A harness must not be what refuses a large message.
const LIMITS: Limits = Limits { message_bytes_max: 16 << 20, fragments_max: 1_024 };

/// Masks need not be secret here: nothing between the two ends could be confused by them.
const MASK: [u8; 4] = [0x5a, 0xc3, 0x1e, 0x87];

/// Decodes one direction of one connection.
#[derive(Debug)]
pub struct Decoder(websocket::Decoder);

impl Decoder {
    /// Nothing decoded yet.
    pub fn new(role: Role) -> Self {
        Self(websocket::Decoder::new(role))
    }

    /// Decodes up to the end of the next message. Call again with `input[consumed..]` until a
    /// step has no message: then all of the input is used up.
    pub fn next<'a>(&'a mut self, input: &'a mut [u8]) -> Result<Step<'a>, FrameError> {
        self.0.next(input, &LIMITS)
    }
}

/// Appends one masked frame, as clients send.
pub fn encode_masked(opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
    websocket::encode_masked(opcode, payload, MASK, out);
}
