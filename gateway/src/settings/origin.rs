//! Patterns of web origins (RFC 6454): who may open a connection from a browser.
//!
//! Deliberately absent: the same-origin and loopback rules of the handshake, which
//! need the request.

use std::fmt;

use config::Value;

use super::reader::Reader;
use super::value::{self, Setting};

/// One entry of `public.origins`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginRule {
    /// `*`: any origin, `null` included.
    Any,
    /// `scheme://host[:port]`, in lower case, without the scheme's own port.
    Exact(String),
    /// `scheme://*.host[:port]`: exactly one label in the place of the star.
    Label {
        /// `scheme://`
        scheme: String,
        /// `.host[:port]`
        rest: String,
    },
}

/// Why a text is not an [`OriginRule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginError {
    /// Not `scheme://host[:port]`.
    Shape,
    /// A star that is not the whole left label, or with less than two labels after it.
    Star,
}

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shape => "an origin is \"scheme://host[:port]\" without a path, or \"*\" for any",
            Self::Star => {
                "a star stands for the whole left label, with two or more after it: \"https://*.example.com\""
            }
        })
    }
}

impl std::error::Error for OriginError {}

impl OriginRule {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let origin = normal(text).ok_or(OriginError::Shape)?;
        let Some((scheme, rest)) = origin.split_once("://") else {
            return Err(OriginError::Shape);
        };
        let Some(tail) = rest.strip_prefix("*.") else {
            return if rest.contains('*') { Err(OriginError::Star) } else { Ok(Self::Exact(origin)) };
        };
        let host = tail.split(':').next().unwrap_or_default();
        let labels = host.split('.').filter(|label| !label.is_empty()).count();
        if tail.contains('*') || labels < 2 || host.split('.').any(str::is_empty) {
            return Err(OriginError::Star);
        }
        Ok(Self::Label { scheme: format!("{scheme}://"), rest: format!(".{tail}") })
    }

    /// Whether the pattern covers the value of an `Origin` header.
    pub fn covers(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => normal(origin).is_some_and(|origin| origin == *exact),
            Self::Label { scheme, rest } => normal(origin).is_some_and(|origin| {
                let label = origin.strip_prefix(scheme.as_str()).and_then(|host| host.strip_suffix(rest.as_str()));
                label.is_some_and(|label| !label.is_empty() && !label.contains(['.', ':', '[', '*']))
            }),
        }
    }
}

impl fmt::Display for OriginRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Exact(origin) => f.write_str(origin),
            Self::Label { scheme, rest } => write!(f, "{scheme}*{rest}"),
        }
    }
}

/// `scheme://host[:port]` in lower case, without the port that the scheme implies.
fn normal(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let (scheme, authority) = text.split_once("://")?;
    let mut letters = scheme.bytes();
    let scheme_fits = letters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'-' | b'.'));
    let (host, port) = match authority.strip_prefix('[') {
        Some(v6) => {
            let (address, after) = v6.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            let port = if after.is_empty() { None } else { Some(after.strip_prefix(':')?) };
            (&authority[..address.len() + 2], port)
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let host_fits = host.starts_with('[')
        || !host.is_empty()
            && host.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_' | b'*'));
    let port = match port {
        Some(port) if port.bytes().all(|c| c.is_ascii_digit()) => Some(port.parse::<u16>().ok()?),
        Some(_) => return None,
        None => None,
    };
    if !scheme_fits || !host_fits {
        return None;
    }
    Some(match (scheme, port) {
        (_, None) | ("http", Some(80)) | ("https", Some(443)) => format!("{scheme}://{host}"),
        (_, Some(port)) => format!("{scheme}://{host}:{port}"),
    })
}

impl Setting for Vec<OriginRule> {
    const KIND: &'static str = "a list of origins, such as [\"https://app.example.com\"]";

    fn read(reader: &mut Reader, key: &str, value: Value) -> Option<Self> {
        let parse = |text: &str| OriginRule::parse(text).map_err(|error| format!("{text:?}: {error}"));
        value::words(reader, key, Self::KIND, &value, parse)
    }

    fn show(&self) -> String {
        format!("{:?}", self.iter().map(ToString::to_string).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_what_they_say_and_nothing_else() {
        let cases = [
            ("https://app.example.com", "https://app.example.com", true),
            ("https://App.Example.com:443", "https://app.example.com", true),
            ("http://localhost:3000", "http://localhost:3000", true),
            ("http://localhost:3000", "http://localhost:3001", false),
            ("http://localhost", "https://localhost", false),
            ("http://[::1]:3000", "http://[::1]:3000", true),
            ("capacitor://localhost", "capacitor://localhost", true),
            ("https://*.example.com", "https://a.example.com", true),
            ("https://*.example.com", "https://a.example.com:443", true),
            ("https://*.example.com", "https://a.b.example.com", false),
            ("https://*.example.com", "https://example.com", false),
            ("https://*.example.com", "https://.example.com", false),
            ("https://*.example.com", "https://evilexample.com", false),
            ("https://*.example.com", "https://a.example.com.evil.net", false),
            ("https://*.example.com", "http://a.example.com", false),
            ("https://*.example.com:8443", "https://a.example.com:8443", true),
            ("https://*.example.com:8443", "https://a.example.com", false),
            ("*", "null", true),
            ("https://app.example.com", "null", false),
        ];
        for (pattern, origin, covered) in cases {
            let rule = OriginRule::parse(pattern).expect(pattern);
            assert_eq!(rule.covers(origin), covered, "{pattern} {origin}");
        }
    }

    #[test]
    fn what_is_not_a_pattern_is_refused() {
        use OriginError::{Shape, Star};
        let cases = [
            ("", Shape),
            ("app.example.com", Shape),
            ("null", Shape),
            ("https://", Shape),
            ("file://", Shape),
            ("https://app.example.com/", Shape),
            ("https://app.example.com/path", Shape),
            ("https://user@app.example.com", Shape),
            ("https://app.example.com:port", Shape),
            ("https://app.example.com:+80", Shape),
            ("https://app.example.com:99999", Shape),
            ("https://[::1", Shape),
            ("1https://app.example.com", Shape),
            ("https://*", Star),
            ("https://*.com", Star),
            ("https://*.example.", Star),
            ("https://a*.example.com", Star),
            ("https://a.*.example.com", Star),
            ("https://*.*.example.com", Star),
        ];
        for (text, error) in cases {
            assert_eq!(OriginRule::parse(text), Err(error), "{text}");
        }
    }
}
