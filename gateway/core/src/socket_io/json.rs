//! Checks of JSON text that build nothing.
//!
//! serde_json judges whether a text is JSON (RFC 8259). What it cannot judge without
//! reading strings, nesting and placeholders, is read off the tokens here: its own
//! visitors refuse a lone surrogate (`"\ud83d"`), which is JSON, and which JavaScript
//! sends whenever a string was cut inside an emoji.

use memchr::{memchr2, memchr2_iter};
use serde::de::IgnoredAny;

use super::DecodeError;

/// Arrays and objects that may lie within each other. The reference has no bound of
/// its own, but receivers have: a text that every parser can read is passed on.
pub const DEPTH_MAX: usize = 128;

const WHITESPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// One JSON text without the whitespace around it, if it is one and not too deep.
pub(super) fn check(text: &str) -> Result<&str, DecodeError> {
    let _: IgnoredAny = serde_json::from_str(text).map_err(|_| DecodeError::Json)?;
    let opening = memchr2_iter(b'[', b'{', text.as_bytes());
    if opening.take(DEPTH_MAX + 1).count() > DEPTH_MAX {
        check_depth(text)?;
    }
    Ok(text.trim_matches(WHITESPACE))
}

fn check_depth(text: &str) -> Result<(), DecodeError> {
    let mut depth = 0_usize;
    for token in Tokens::new(text) {
        match token {
            Token::OpenArray | Token::OpenObject => depth += 1,
            Token::Close => depth = depth.saturating_sub(1),
            Token::Comma | Token::Colon | Token::Text(_) | Token::Scalar(_) => {}
        }
        if depth > DEPTH_MAX {
            return Err(DecodeError::Depth);
        }
    }
    Ok(())
}

/// A piece of JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    OpenArray,
    OpenObject,
    /// Of either.
    Close,
    Comma,
    Colon,
    /// A string with its quotes and escapes: a value, or a key.
    Text(&'a str),
    /// A number, `true`, `false` or `null`.
    Scalar(&'a str),
}

/// The tokens of text that [`check`] has passed. Of other text: some tokens, in linear time.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let rest = self.rest.trim_start_matches(WHITESPACE);
        let first = *rest.as_bytes().first()?;
        let length = match first {
            b'"' => string_bytes(rest)?,
            b'[' | b']' | b'{' | b'}' | b',' | b':' => 1,
            _ => rest.find(ends_scalar).unwrap_or(rest.len()),
        };
        let (token, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some(match first {
            b'"' => Token::Text(token),
            b'[' => Token::OpenArray,
            b'{' => Token::OpenObject,
            b']' | b'}' => Token::Close,
            b',' => Token::Comma,
            b':' => Token::Colon,
            _ => Token::Scalar(token),
        })
    }
}

fn ends_scalar(c: char) -> bool {
    matches!(c, '"' | '[' | ']' | '{' | '}' | ',' | ':') || WHITESPACE.contains(&c)
}

/// Bytes of the string that `text` begins with, both quotes included.
fn string_bytes(text: &str) -> Option<usize> {
    let mut at = 1;
    loop {
        let rest = text.as_bytes().get(at..)?;
        let next = memchr2(b'"', b'\\', rest)?;
        if rest.get(next) == Some(&b'"') {
            return Some(at + next + 1);
        }
        at += next + 2; // the backslash and what it escapes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_json_passes() {
        for (text, trimmed) in [(" [1]\r\n", "[1]"), ("\t{}", "{}"), (r#""\ud83d""#, r#""\ud83d""#), ("1e999", "1e999")]
        {
            assert_eq!(check(text), Ok(trimmed), "{text}");
        }
        for text in [
            "",
            " ",
            "[",
            "[1,]",
            "[1]x",
            "{a:1}",
            "'a'",
            "NaN",
            "01",
            "+1",
            "\"\u{1}\"",
            "\"\\x\"",
            "\u{a0}[]",
            "\u{feff}[]",
        ] {
            assert_eq!(check(text), Err(DecodeError::Json), "{text:?}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(check(&nested(DEPTH_MAX)).is_ok());
        assert_eq!(check(&nested(DEPTH_MAX + 1)), Err(DecodeError::Depth));
        assert_eq!(check(&nested(100_000)), Err(DecodeError::Depth));
        let objects = r#"{"a":"#.repeat(100_000) + "1" + &"}".repeat(100_000);
        assert_eq!(check(&objects), Err(DecodeError::Depth));
        // Wide, or within strings, is not deep.
        assert!(check(&format!("[{}[]]", "[],".repeat(100_000))).is_ok());
        assert!(check(&format!("\"\\\"{}\"", "[".repeat(100_000))).is_ok());
    }

    #[test]
    fn strings_end_where_json_ends_them() {
        for (text, token) in [
            (r#""""#, r#""""#),
            (r#""a",1"#, r#""a""#),
            (r#""a\"b"]"#, r#""a\"b""#),
            (r#""a\\"]"#, r#""a\\""#),
            (r#""a\\\"",""#, r#""a\\\"""#),
            (r#""é\u0022é"x"#, r#""é\u0022é""#),
        ] {
            assert_eq!(Tokens::new(text).next(), Some(Token::Text(token)), "{text}");
        }
    }

    #[test]
    fn text_that_is_not_json_ends_too() {
        for text in ["\"", "\"\\", "\"\\é", "\"a\\\"", "tru\u{e9}", "\u{1}", "}}]]::"] {
            assert!(Tokens::new(text).count() <= text.len(), "{text:?}");
        }
    }
}
