//! Every refusal of the decoder, and the close reason it leads to.

use std::fmt;

use crate::close::CloseReason;

/// Why bytes are not the protocol, or too much of it. Sections are those of RFC 6455.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameError {
    /// An RSV bit is set, and no extension is spoken (section 5.2).
    ReservedBits,
    /// Opcode 3 to 7 or 11 to 15 (section 5.2).
    ReservedOpcode,
    /// A client's frame without a mask (section 5.1).
    Unmasked,
    /// A server's frame with a mask (section 5.1).
    Masked,
    /// A length in more bytes than it needs (section 5.2).
    LengthNotMinimal,
    /// A 64-bit length with its top bit set (section 5.2).
    LengthTopBit,
    /// A control frame without FIN (section 5.5).
    ControlFragmented,
    /// A control frame with more than 125 bytes (section 5.5).
    ControlTooLong,
    /// A close frame with a body of one byte (section 5.5.1).
    CloseBody,
    /// A close code that must not be sent (section 7.4).
    CloseCode,
    /// A continuation while no message is unfinished (section 5.4).
    ContinuationWithoutStart,
    /// A new message while one is unfinished (section 5.4).
    MessageInsideMessage,
    /// Text, or the text of a close frame, that is not UTF-8 (section 8.1).
    InvalidText,
    /// More bytes than [`message_bytes_max`](super::Limits::message_bytes_max).
    MessageTooLong,
    /// More frames than [`fragments_max`](super::Limits::fragments_max).
    TooManyFragments,
}

impl FrameError {
    /// The reason to close with: 1002, 1007 or 1009 (section 7.4.1).
    pub fn reason(self) -> CloseReason {
        match self {
            Self::ReservedBits
            | Self::ReservedOpcode
            | Self::Unmasked
            | Self::Masked
            | Self::LengthNotMinimal
            | Self::LengthTopBit
            | Self::ControlFragmented
            | Self::ControlTooLong
            | Self::CloseBody
            | Self::CloseCode
            | Self::ContinuationWithoutStart
            | Self::MessageInsideMessage => CloseReason::ProtocolError,
            Self::InvalidText => CloseReason::InvalidText,
            Self::MessageTooLong | Self::TooManyFragments => CloseReason::TooLarge,
        }
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReservedBits => "a reserved bit is set, but no extension was agreed on",
            Self::ReservedOpcode => "the opcode is a reserved one",
            Self::Unmasked => "frames of a client must be masked",
            Self::Masked => "frames of a server must not be masked",
            Self::LengthNotMinimal => "the length takes more bytes than it needs",
            Self::LengthTopBit => "the top bit of a 64-bit length is set",
            Self::ControlFragmented => "control frames must not be fragmented",
            Self::ControlTooLong => "control frames have at most 125 bytes",
            Self::CloseBody => "the body of a close frame is empty or begins with a code of two bytes",
            Self::CloseCode => "the close code is none that may be sent",
            Self::ContinuationWithoutStart => "a continuation frame, but no message to go on with",
            Self::MessageInsideMessage => "a new message inside an unfinished one",
            Self::InvalidText => "text is not UTF-8",
            Self::MessageTooLong => "the message has more bytes than allowed",
            Self::TooManyFragments => "the message has more frames than allowed",
        })
    }
}

impl std::error::Error for FrameError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_close_with_1002_1007_or_1009() {
        for (error, code) in [
            (FrameError::ReservedBits, 1002),
            (FrameError::Unmasked, 1002),
            (FrameError::CloseCode, 1002),
            (FrameError::MessageInsideMessage, 1002),
            (FrameError::InvalidText, 1007),
            (FrameError::MessageTooLong, 1009),
            (FrameError::TooManyFragments, 1009),
        ] {
            assert_eq!(error.reason().line().code, code, "{error}");
        }
    }
}
