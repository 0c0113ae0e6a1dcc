//! Placeholders: `{"_placeholder":true,"num":0}` stands for attachment 0.
//!
//! Kept strict because a receiver indexes an array with `num`: a string or a negative
//! number there has been a way into stock parsers before.

use super::json::{self, Token, Tokens};
use super::{ATTACHMENTS_MAX, DecodeError};

/// Checks that every placeholder in `data` names one of `attachments` binary values
/// and that every one of those is named, once or more often.
///
/// `data` is a JSON text. A placeholder is an object, at whatever depth, with
/// `"_placeholder":true`; its `num` is an integer from 0 below `attachments`, and
/// neither of the two keys appears twice. Without attachments nothing is checked: such
/// an object is then ordinary data of a packet; a payload is refused for it. Takes linear time and builds no tree.
pub fn check_placeholders(data: &str, attachments: usize) -> Result<(), DecodeError> {
    if attachments == 0 {
        return Ok(());
    }
    if attachments > ATTACHMENTS_MAX {
        return Err(DecodeError::AttachmentCount);
    }
    json::check(data)?;
    let mut seen = [false; ATTACHMENTS_MAX];
    let due = seen.get_mut(..attachments).ok_or(DecodeError::AttachmentCount)?;
    walk(data, due)?;
    if due.iter().all(|seen| *seen) { Ok(()) } else { Err(DecodeError::Placeholder) }
}

/// Whether `data`, a JSON text, has a placeholder with whatever number, or with none. Texts that
/// have the word nowhere are not walked through.
pub(crate) fn has_placeholder(data: &str) -> bool {
    // Escaped, a letter of the key is `\u00..`: no other escape stands for one.
    (data.contains("_placeholder") || data.contains("\\u00")) && walk(data, &mut []).is_err()
}

/// An array or object whose end has not come yet.
#[derive(Clone, Copy)]
enum Open<'a> {
    Array,
    Object(Object<'a>),
}

/// What matters of an object so far.
#[derive(Clone, Copy, Default)]
struct Object<'a> {
    /// The key whose value comes next; `None` while a key comes next.
    key: Option<Key>,
    /// How often each of the two keys appeared.
    marks: usize,
    nums: usize,
    /// Whether one of the marks was `true`.
    marked: bool,
    /// The last `num`, if it was a scalar.
    num: &'a str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Placeholder,
    Num,
    Other,
}

fn walk(data: &str, seen: &mut [bool]) -> Result<(), DecodeError> {
    let mut open: Vec<Open<'_>> = Vec::new();
    for token in Tokens::new(data) {
        if let Some(Open::Object(object)) = open.last_mut() {
            object.read(token);
        }
        match token {
            Token::OpenArray => open.push(Open::Array),
            Token::OpenObject => open.push(Open::Object(Object::default())),
            Token::Close => {
                if let Some(Open::Object(object)) = open.pop() {
                    object.close(seen)?;
                }
            }
            Token::Comma | Token::Colon | Token::Text(_) | Token::Scalar(_) => {}
        }
    }
    Ok(())
}

impl<'a> Object<'a> {
    /// Takes one token that lies directly within the object, or opens something within it.
    fn read(&mut self, token: Token<'a>) {
        match (token, self.key) {
            (Token::Comma, _) => self.key = None,
            (Token::Text(text), None) => {
                let key = key(text);
                self.marks += usize::from(key == Key::Placeholder);
                self.nums += usize::from(key == Key::Num);
                self.key = Some(key);
            }
            (Token::Scalar(value), Some(Key::Placeholder)) => self.marked |= value == "true",
            (Token::Scalar(value), Some(Key::Num)) => self.num = value,
            _ => {}
        }
    }

    fn close(self, seen: &mut [bool]) -> Result<(), DecodeError> {
        if !self.marked {
            return Ok(());
        }
        // JSON numbers have no sign `+` and no leading zeros; `-0`, `0.0` and `0e0` are no indices.
        let index: Option<usize> = self.num.parse().ok();
        match index.and_then(|index| seen.get_mut(index)) {
            Some(seen) if self.marks == 1 && self.nums == 1 => {
                *seen = true;
                Ok(())
            }
            _ => Err(DecodeError::Placeholder),
        }
    }
}

/// Which key a JSON string is, escapes resolved.
fn key(text: &str) -> Key {
    if text.contains('\\') {
        return match serde_json::from_str::<String>(text).as_deref() {
            Ok("_placeholder") => Key::Placeholder,
            Ok("num") => Key::Num,
            _ => Key::Other,
        };
    }
    match text {
        r#""_placeholder""# => Key::Placeholder,
        r#""num""# => Key::Num,
        _ => Key::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_with_their_attachments_pass() {
        for (data, n) in [
            (r#"["x",{"_placeholder":true,"num":0}]"#, 1),
            (r#"["x",{"num":0,"_placeholder":true}]"#, 1),
            (r#" [ "x" , { "_placeholder" : true , "num" : 0 } ] "#, 1),
            (r#"["x",{"_placeholder":true,"num":0,"more":[1,{}]}]"#, 1),
            (r#"["x",{"\u005fplaceholder":true,"n\u0075m":0}]"#, 1),
            (r#"["x",[{"a":{"b":[{"_placeholder":true,"num":0}]}}]]"#, 1),
            (r#"["x",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]"#, 2),
            (r#"["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]"#, 1),
            (
                r#"["\ud83d",{"_placeholder":false,"num":9},{"num":"x"},{"_placeholder":1},{"_placeholder":true,"num":0}]"#,
                1,
            ),
            (r#"["{\"_placeholder\":true,\"num\":7}",{"_placeholder":true,"num":0}]"#, 1),
            (r#"["x",{"a":"_placeholder","b":true},{"_placeholder":true,"num":0}]"#, 1),
        ] {
            assert_eq!(check_placeholders(data, n), Ok(()), "{data}");
        }
    }

    #[test]
    fn without_attachments_a_placeholder_is_ordinary_data() {
        assert_eq!(check_placeholders(r#"["x",{"_placeholder":true,"num":"splice"}]"#, 0), Ok(()));
    }

    #[test]
    fn a_placeholder_is_found_whatever_its_number() {
        for data in [
            r#"["x",{"_placeholder":true,"num":0}]"#,
            r#"["x",{"_placeholder":true,"num":"splice"}]"#,
            r#"["x",[{"a":{"num":-1, "_placeholder" : true}}]]"#,
            r#"["x",{"_placeholder":true}]"#,
            r#"["x",{"\u005fplaceholder":true,"num":0}]"#,
            r#"["x",{"_placeh\u006Flder":true,"num":0}]"#,
        ] {
            assert!(has_placeholder(data), "{data}");
        }
        for data in [
            r#"["_placeholder",true,{"a":"_placeholder"},{"_placeholder":1,"num":0},{"_placeholder":false}]"#,
            r#"["{\"_placeholder\":true,\"num\":0}",{"a_placeholder":true}]"#,
            r#"["\u0000",{"\u005Fplaceholder":"true"}]"#,
        ] {
            assert!(!has_placeholder(data), "{data}");
        }
    }

    #[test]
    fn what_could_not_be_put_together_is_refused() {
        for num in [
            r#""splice""#,
            r#""0""#,
            "-1",
            "-0",
            "0.0",
            "0.5",
            "1e0",
            "0e0",
            "1",
            "99999999999999999999999999",
            "null",
            "true",
            "[0]",
            "{}",
            r#"{"num":0}"#,
            r#"0,"num":0"#,
            r#"1,"num":0"#,
            r#"0,"num":"splice""#,
            r#"0,"_placeholder":true"#,
            r#"0,"_placeholder":false"#,
            r#"0,"\u006eum":"splice""#,
        ] {
            // One good placeholder beside the bad one: the bad one alone is at fault.
            let data = format!(r#"["x",{{"_placeholder":true,"num":0}},{{"_placeholder":true,"num":{num}}}]"#);
            assert_eq!(check_placeholders(&data, 1), Err(DecodeError::Placeholder), "{num}");
        }
        for (data, n) in [
            (r#"["x",{"_placeholder":true}]"#, 1),
            (r#"["x"]"#, 1),
            (r#"["x",{"_placeholder":true,"num":0}]"#, 2),
            (r#"["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]"#, 2),
        ] {
            assert_eq!(check_placeholders(data, n), Err(DecodeError::Placeholder), "{data}");
        }
    }

    #[test]
    fn other_faults_have_their_own_errors() {
        assert_eq!(check_placeholders("[", 1), Err(DecodeError::Json));
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert_eq!(check_placeholders(&deep, 1), Err(DecodeError::Depth));
        assert_eq!(check_placeholders("[]", 11), Err(DecodeError::AttachmentCount));
        assert_eq!(check_placeholders("[]", usize::MAX), Err(DecodeError::AttachmentCount));
    }
}
