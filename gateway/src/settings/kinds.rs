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
    AdapterKind, "\"memory\" or \"redis\"" {
        /// Nothing: one node by itself.
        Memory = "memory",
        /// One Redis, or a cluster of them: see `redis`.
        Redis = "redis",
    }
}

kind! {
    /// How Redis is found.
    RedisTopology, "\"standalone\", \"sentinel\" or \"cluster\"" {
        /// One server, or one name that always leads to the master.
        Standalone = "standalone",
        /// Sentinels say which server is the master.
        Sentinel = "sentinel",
        /// A Redis Cluster.
        Cluster = "cluster",
    }
}

kind! {
    /// Whose wire format is spoken on Redis.
    RedisFormat, "\"classic\" or \"sharded\"" {
        /// That of `createAdapter` of `@socket.io/redis-adapter`.
        Classic = "classic",
        /// That of `createShardedAdapter`; needs Redis 7.
        Sharded = "sharded",
    }
}

kind! {
    /// Which rooms have a channel of their own in the sharded format.
    SubscriptionMode, "\"dynamic\", \"dynamic-private\" or \"static\"" {
        /// All but private ones.
        Dynamic = "dynamic",
        /// All.
        DynamicPrivate = "dynamic-private",
        /// None.
        Static = "static",
    }
}

kind! {
    /// What clients are told when publications may have been lost.
    OnGap, "\"event\", \"reconnect\" or \"silent\"" {
        /// An event: which rooms, from when to when.
        Event = "event",
        /// Their connection is closed, so that they come back and fetch what they need.
        Reconnect = "reconnect",
        /// Nothing.
        Silent = "silent",
    }
}

kind! {
    /// When a node is ready, as far as Redis is concerned.
    Readiness, "\"startup\", \"always\"" {
        /// Once Redis has answered for the first time.
        Startup = "startup",
        /// While Redis answers.
        Always = "always",
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

macro_rules! settings {
    ($($name:ident)+) => {$(
        impl Setting for $name {
            const KIND: &'static str = Self::EXPECTED;

            fn read(reader: &mut Reader, key: &str, value: Value) -> Option<Self> {
                word(&value).and_then(Self::parse).or_else(|| reader.mistyped(key, Self::KIND, &value))
            }

            fn show(&self) -> String {
                format!("{:?}", self.word())
            }
        }
    )+};
}

settings! { AdapterKind RedisTopology RedisFormat SubscriptionMode OnGap Readiness LogFormat }

/// A secret text, masked wherever settings are shown. Empty: none.
impl Setting for Secret<String> {
    const KIND: &'static str = "text";

    fn read(reader: &mut Reader, key: &str, value: Value) -> Option<Self> {
        match &value.kind {
            ValueKind::String(text) => Some(Self::new(text.clone())),
            _ => reader.mistyped_secret(key, Self::KIND, &value),
        }
    }

    fn show(&self) -> String {
        if self.expose().is_empty() { "\"\"".into() } else { "\"…\"".into() }
    }
}

impl Setting for Vec<String> {
    const KIND: &'static str = "a list of texts";

    fn read(reader: &mut Reader, key: &str, value: Value) -> Option<Self> {
        value::words(reader, key, Self::KIND, &value, |word| Ok(word.to_owned()))
    }

    fn show(&self) -> String {
        let texts: Self = self.iter().map(Setting::show).collect();
        format!("[{}]", texts.join(", "))
    }

    fn obeys(&self, rule: value::Rule) -> Result<(), String> {
        self.iter().try_for_each(|text| text.obeys(rule))
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
