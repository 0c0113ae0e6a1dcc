//! What the query of an Engine.IO request says. Unknown parameters are the
//! application's and are ignored; the first of a repeated one counts.

use std::borrow::Cow;

/// The parameters that Engine.IO knows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query<'a> {
    pub(super) eio: Option<Cow<'a, str>>,
    pub(super) transport: Option<Cow<'a, str>>,
    pub(super) sid: Option<Cow<'a, str>>,
    pub(super) base64: bool,
    pub(super) namespace: Option<Cow<'a, str>>,
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
                "namespace" => parsed.namespace = parsed.namespace.or_else(|| Some(decode(value))),
                _ => {}
            }
        }
        parsed
    }
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
        let value = escaped.and_then(|(hex, _)| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
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
    fn bad_escapes_stay_as_they_came() {
        for text in ["%", "%4", "%zz", "%ff"] {
            assert_eq!(decode(text), text);
        }
        assert_eq!(decode("a+b%20c%2Fd"), "a b c/d");
    }
}
