//! The body of a close frame (RFC 6455 section 5.5.1): nothing, or a code and a text.

use super::FrameError;

/// Whether a close frame may carry `code` (section 7.4, and the IANA registry for
/// 1012 to 1014). 1004 to 1006 and 1015 stand for what no frame says.
pub(super) fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// Reads a body.
pub(super) fn parse(body: &[u8]) -> Result<Option<(u16, &str)>, FrameError> {
    if body.is_empty() {
        return Ok(None);
    }
    let (code, text) = body.split_first_chunk().ok_or(FrameError::CloseBody)?;
    let code = u16::from_be_bytes(*code);
    if !may_be_sent(code) {
        return Err(FrameError::CloseCode);
    }
    let text = simdutf8::basic::from_utf8(text).map_err(|_| FrameError::InvalidText)?;
    Ok(Some((code, text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies() {
        assert_eq!(parse(b""), Ok(None));
        assert_eq!(parse(b"\x03"), Err(FrameError::CloseBody));
        assert_eq!(parse(b"\x03\xE8"), Ok(Some((1000, ""))));
        assert_eq!(parse(b"\x03\xE8bye"), Ok(Some((1000, "bye"))));
        assert_eq!(parse(b"\x03\xE8\xFF"), Err(FrameError::InvalidText));
        assert_eq!(parse(b"\x03\xE8\xE2\x82"), Err(FrameError::InvalidText));
    }

    #[test]
    fn codes() {
        for code in [1000, 1003, 1007, 1011, 1012, 1014, 3000, 3999, 4000, 4999] {
            assert!(matches!(parse(&u16::to_be_bytes(code)), Ok(Some((c, ""))) if c == code), "{code}");
        }
        for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535] {
            assert_eq!(parse(&u16::to_be_bytes(code)), Err(FrameError::CloseCode), "{code}");
        }
    }
}
