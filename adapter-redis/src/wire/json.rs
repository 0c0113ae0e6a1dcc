//! JSON text as msgpack values, the way `JSON.parse` and notepack make them.
//!
//! Not serde_json's tree: it has no room for 128 levels, refuses a string that was cut inside an
//! emoji, and does not keep apart what JavaScript does not keep apart (`1.0` is the integer 1).

use bytes::Bytes;
use rmpv::Value;
use roomcast_core::socket_io::DEPTH_MAX;

const WHITESPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// The value of a JSON text; placeholders become the binary values that they stand for. `None` for
/// text that is no JSON, or too deep. Text that is nearly JSON may pass: who needs to know has checked.
pub(super) fn to_value(text: &str, attachments: &[Bytes]) -> Option<Value> {
    let mut reader = Reader { rest: text, attachments };
    let value = reader.value(0)?;
    reader.skip();
    reader.rest.is_empty().then_some(value)
}

/// The text of a JSON string with its quotes; half an emoji becomes U+FFFD.
pub(super) fn to_text(token: &str) -> Option<String> {
    let inner = token.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(inner.to_owned());
    }
    serde_json::from_str(token).ok().or_else(|| unescape(inner))
}

/// What serde_json refuses: escapes of halves of surrogate pairs.
fn unescape(inner: &str) -> Option<String> {
    let mut units = Vec::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
            continue;
        }
        units.push(match chars.next()? {
            'b' => 8,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'u' => {
                let digits = chars.as_str().get(..4)?;
                chars = chars.as_str().get(4..)?.chars();
                u16::from_str_radix(digits, 16).ok()?
            }
            c @ ('"' | '\\' | '/') => u16::try_from(u32::from(c)).ok()?,
            _ => return None,
        });
    }
    Some(String::from_utf16_lossy(&units))
}

/// The value of a number's text: an integer where JavaScript has one and 64 bits hold it.
pub(super) fn to_number(text: &str) -> Option<Value> {
    if let Some(integer) = to_integer(text) {
        return Some(integer);
    }
    let number: f64 = text.parse().ok()?;
    let whole = number.is_finite() && number.fract() == 0.0;
    // All digits, without an exponent.
    let integer = if whole { to_integer(&format!("{number:.0}")) } else { None };
    Some(integer.unwrap_or(Value::F64(number)))
}

fn to_integer(text: &str) -> Option<Value> {
    text.parse::<u64>().map(Value::from).or_else(|_| text.parse::<i64>().map(Value::from)).ok()
}

struct Reader<'a> {
    rest: &'a str,
    attachments: &'a [Bytes],
}

impl<'a> Reader<'a> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start_matches(WHITESPACE);
    }

    /// Takes this character if it comes next.
    fn take(&mut self, c: char) -> bool {
        self.skip();
        let rest = self.rest.strip_prefix(c);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        self.skip();
        match self.rest.as_bytes().first()? {
            b'[' => self.array(depth + 1),
            b'{' => self.object(depth + 1),
            b'"' => Some(Value::from(to_text(self.string()?)?)),
            _ => self.scalar(),
        }
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        let mut items = Vec::new();
        if depth > DEPTH_MAX || !self.take('[') {
            return None;
        }
        if self.take(']') {
            return Some(Value::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            if self.take(']') {
                return Some(Value::Array(items));
            }
            self.take(',').then_some(())?;
        }
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        let mut members = Vec::new();
        if depth > DEPTH_MAX || !self.take('{') {
            return None;
        }
        if self.take('}') {
            return Some(Value::Map(members));
        }
        loop {
            self.skip();
            let key = to_text(self.string()?)?;
            self.take(':').then_some(())?;
            members.push((Value::from(key), self.value(depth)?));
            if self.take('}') {
                return Some(self.attached(members));
            }
            self.take(',').then_some(())?;
        }
    }

    /// An object, or the binary value whose placeholder it is.
    fn attached(&self, members: Vec<(Value, Value)>) -> Value {
        if self.attachments.is_empty() {
            return Value::Map(members);
        }
        let member = |name: &str| members.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value);
        let marked = member("_placeholder").and_then(Value::as_bool) == Some(true);
        let index = member("num").and_then(Value::as_u64).and_then(|num| usize::try_from(num).ok());
        match index.filter(|_| marked).and_then(|index| self.attachments.get(index)) {
            Some(binary) => Value::Binary(binary.to_vec()),
            None => Value::Map(members),
        }
    }

    /// A string with its quotes, escapes not resolved.
    fn string(&mut self) -> Option<&'a str> {
        let bytes = self.rest.as_bytes();
        if bytes.first() != Some(&b'"') {
            return None;
        }
        let mut at = 1;
        loop {
            match bytes.get(at)? {
                b'"' => break,
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        let (token, rest) = self.rest.split_at_checked(at + 1)?;
        self.rest = rest;
        Some(token)
    }

    fn scalar(&mut self) -> Option<Value> {
        let ends = |c: char| matches!(c, ',' | ']' | '}' | ':') || WHITESPACE.contains(&c);
        let (token, rest) = self.rest.split_at_checked(self.rest.find(ends).unwrap_or(self.rest.len()))?;
        self.rest = rest;
        match token {
            "null" => Some(Value::Nil),
            "true" => Some(Value::Boolean(true)),
            "false" => Some(Value::Boolean(false)),
            number if number.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => to_number(number),
            _ => None,
        }
    }
}
