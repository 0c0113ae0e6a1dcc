//! Values that are one of a few words.

use config::{Value, ValueKind};

use super::reader::Reader;
use super::secret::Secret;
use super::value::{self, Setting};

macro_rules! kind {
    (
        $(#[$about:meta])+
        $name:ident, $expected:literal {
            $( $(#[doc = $what:literal])+ $variant:ident = $word:literal, )+
        }
    ) => {
        $(#[$about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $( $(#[doc = $what])+ $variant, )+
        }

        impl $name {
            /// The word that stands for it.
            pub fn word(self) -> &'static str {
                match self {
                    $( Self::$variant => $word, )+
                }
            }

            fn parse(word: &str) -> Option<Self> {
                match word {
                    $( $word => Some(Self::$variant), )+
                    _ => None,
                }
            }
        }

        impl $name {
            const EXPECTED: &'static str = $expected;
        }
    };
}

kind! {
    /// What moves publications between nodes.
    AdapterKind, "\"memory\"" {
        /// Nothing: one node by itself.
        Memory = "memory",
    }
}

kind! {
    /// How a log line looks.
    LogFormat, "\"auto\", \"text\" or \"json\"" {
        /// Text on a terminal, JSON otherwise.
        Auto = "auto",
        /// For people.
        Text = "text",
        /// For machines: one JSON object a line.
        Json = "json",
    }
}

kind! {
    /// What a key of the internal listener opens.
    Scope, "a list of \"publish\", \"rooms\", \"connections\", \"read\"" {
        /// Publishing, single and in batches.
        Publish = "publish",
        /// Joining and leaving connections to and from rooms.
        Rooms = "rooms",
        /// Disconnecting.
        Connections = "connections",
        /// Listing rooms and connections.
        Read = "read",
    }
}

fn word(value: &Value) -> Option<&str> {
    match &value.kind {
        ValueKind::String(text) => Some(text.trim()),
        _ => None,
    }
}

impl Setting for AdapterKind {
    const KIND: &'static str = Self::EXPECTED;

    fn read(reader: &mut Reader, key: &str, value: Value) -> Option<Self> {
        if word(&value) == Some("redis") {
            reader.invalid(key, "\"redis\" is not in this version; the only adapter is \"memory\"");
            return None;
        }
        word(&value).and_then(Self::parse).or_else(|| reader.mistyped(key, Self::KIND, &value))
    }

    fn show(&self) -> String {
        format!("{:?}", self.word())
    }
}

impl Setting for LogFormat {
    const KIND: &'static str = Self::EXPECTED;

    fn read(reader: &mut Reader, key: &str, value: Value) -> Option<Self> {
        word(&value).and_then(Self::parse).or_else(|| reader.mistyped(key, Self::KIND, &value))
    }

    fn show(&self) -> String {
        format!("{:?}", self.word())
    }
}

impl Setting for Vec<Scope> {
    const KIND: &'static str = Scope::EXPECTED;

    fn read(reader: &mut Reader, key: &str, value: Value) -> Option<Self> {
        let parse = |word: &str| Scope::parse(word).ok_or_else(|| format!("expected {}, not {word:?}", Self::KIND));
        value::words(reader, key, Self::KIND, &value, parse)
    }

    fn show(&self) -> String {
        format!("{:?}", self.iter().map(|scope| scope.word()).collect::<Vec<_>>())
    }
}

impl Setting for Secret<[u8; 32]> {
    const KIND: &'static str = "64 hexadecimal digits";

    fn read(reader: &mut Reader, key: &str, value: Value) -> Option<Self> {
        let digest = word(&value).and_then(digest);
        digest.map(Self::new).or_else(|| reader.mistyped_secret(key, Self::KIND, &value))
    }

    fn show(&self) -> String {
        "\"…\"".into()
    }
}

fn digest(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    if digits.len() == 64 { bytes.try_into().ok() } else { None }
}
