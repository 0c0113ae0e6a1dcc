//! What the query of an Engine.IO request says: unknown parameters are the application's
//! and are ignored; the first of a repeated one counts. And what that of the plain protocol
//! says, strictly: there a typo would lead into another namespace than the one meant.

use std::borrow::Cow;

/// The parameters that Engine.IO knows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query<'a> {
    pub(super) eio: Option<Cow<'a, str>>,
    pub(super) transport: Option<Cow<'a, str>>,
    pub(super) sid: Option<Cow<'a, str>>,
    pub(super) base64: bool,
}

impl<'a> Query<'a> {
    pub(super) fn parse(query: Option<&'a str>) -> Self {
        let mut parsed = Self::default();
        for pair in query.unwrap_or_default().split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "EIO" => parsed.eio = parsed.eio.or_else(|| Some(decode(value))),
                "transport" => parsed.transport = parsed.transport.or_else(|| Some(decode(value))),
                "sid" => parsed.sid = parsed.sid.or_else(|| Some(decode(value))),
                "b64" => parsed.base64 = parsed.base64 || !matches!(value, "" | "0" | "false"),
                _ => {}
            }
        }
        parsed
    }
}

/// The first value of one parameter.
pub(super) fn first(query: Option<&str>, name: &str) -> Option<String> {
    let mut pairs = query.unwrap_or_default().split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.find(|(of, _)| decode(of) == name).map(|(_, value)| decode(value).into_owned())
}

/// Parameters of the plain protocol that nobody reads: `t` is there for caches, and `token` for
/// proxies and backends that ask for one.
const UNREAD: [&str; 2] = ["t", "token"];
/// Characters of a parameter's name that a refusal repeats at most.
const REPEATED_CHARS_MAX: usize = 64;

/// The namespace that a client of the plain protocol names; else the text that refuses it.
pub(super) fn namespace(query: Option<&str>) -> Result<Option<Cow<'_, str>>, String> {
    let mut namespace = None;
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match &*decode(name) {
            "namespace" if namespace.is_some() => return Err("`namespace` is given twice: give it once\n".into()),
            "namespace" => namespace = Some(decode(value)),
            name if UNREAD.contains(&name) => {}
            _ => {
                let name: String = name.chars().take(REPEATED_CHARS_MAX).collect();
                return Err(format!("`{name}` is no parameter of this path: it has `namespace`, `t` and `token`\n"));
            }
        }
    }
    Ok(namespace)
}

/// Percent-decodes a segment of a path, where a plus is a plus; `None` if an escape is bad, or
/// if they stand for what is no UTF-8.
pub(crate) fn decode_segment(text: &str) -> Option<String> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.as_bytes().split_at_checked(2)?;
        bytes.push(escaped_byte(digits)?);
        bytes.extend_from_slice(rest);
    }
    String::from_utf8(bytes).ok()
}

/// The byte of two hexadecimal digits. A sign is no digit.
fn escaped_byte(digits: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u8::from_str_radix(text, 16).ok()
}

/// Percent-decodes; what is not UTF-8 then, or not an escape, stays as it came.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        let escaped = (byte == b'%').then(|| rest.split_at_checked(2)).flatten();
        let value = escaped.and_then(|(digits, _)| escaped_byte(digits));
        match (value, byte) {
            (Some(value), _) => {
                bytes.push(value);
                rest = rest.get(2..).unwrap_or_default();
            }
            (None, b'+') => bytes.push(b' '),
            (None, byte) => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_repeated_parameter_counts() {
        let query = Query::parse(Some("EIO=4&transport=polling&transport=x&t=abc&a[b]=1&b64=1&sid=%41"));
        assert_eq!(query.eio.as_deref(), Some("4"));
        assert_eq!(query.transport.as_deref(), Some("polling"));
        assert_eq!(query.sid.as_deref(), Some("A"));
        assert!(query.base64);
        assert_eq!(Query::parse(None), Query::default());
    }

    #[test]
    fn the_plain_protocol_reads_strictly() {
        for (query, expected) in
            [("", None), ("&&", None), ("t=1&t=2&token=x", None), ("n%61mespace=%2Fa&t", Some("/a"))]
        {
            assert_eq!(namespace(Some(query)).expect("good").as_deref(), expected, "{query}");
        }
        assert_eq!(namespace(None), Ok(None));
        let refused = |query| namespace(Some(query)).expect_err("bad");
        for (query, name) in [("namepsace=/a", "`namepsace`"), ("foo=1&namespace=/a", "`foo`"), ("=x", "``")] {
            assert!(refused(query).contains(name), "{query}");
        }
        assert!(refused("namespace=/a&namespace=/a").contains("twice"));
        assert!(refused(&"x".repeat(10_000)).len() < 200);
    }

    #[test]
    fn segments_of_paths_are_read_strictly() {
        for (text, expected) in [("", ""), ("a+b", "a+b"), ("%2B%c3%A9x", "+\u{e9}x"), ("\u{e9}%00", "\u{e9}\0")] {
            assert_eq!(decode_segment(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["%", "%4", "a%zz", "%ff", "%c3", "%+1", "%%41", "%\u{e9}"] {
            assert_eq!(decode_segment(text), None, "{text}");
        }
    }

    #[test]
    fn bad_escapes_stay_as_they_came() {
        for text in ["%", "%4", "%zz", "%ff", "%-1"] {
            assert_eq!(decode(text), text);
        }
        assert_eq!(decode("a+b%20c%2Fd"), "a b c/d");
    }
}
