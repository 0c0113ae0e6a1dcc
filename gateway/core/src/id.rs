//! Who is who: the node tag, the shard, the Engine.IO session id, the socket id.
//!
//! Ids born on a Roomcast node are 20 characters of URL-safe base64: 4 characters
//! node tag, 1 character shard, 15 random characters (90 bits). The length 20 is a
//! fact of the Node adapters: they tell a socket's private room by it.
//!
//! Deliberately absent: a source of randomness. Callers hand in entropy from the OS.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Characters of every id that is born on a Roomcast node.
pub const ID_CHARS: usize = 20;
/// Shards a node can have: one character of the id names the shard.
pub const SHARDS_MAX: u8 = 64;
const TAG_CHARS: usize = 4;
const RANDOM_CHARS: usize = ID_CHARS - TAG_CHARS - 1;

/// Entropy for one id: 12 bytes from the operating system, of which 90 bits are used.
pub type Entropy = [u8; 12];

fn digit(byte: u8) -> Option<u8> {
    ALPHABET.iter().position(|c| *c == byte).map(|i| i as u8)
}

/// Names one process start of one node: 4 characters of URL-safe base64.
///
/// A restarted node has a fresh tag and so never answers for the sessions of its
/// former life.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeTag([u8; TAG_CHARS]);

impl NodeTag {
    /// A tag from 3 bytes of entropy.
    pub fn from_entropy(entropy: [u8; 3]) -> Self {
        let mut tag = [b'A'; TAG_CHARS];
        // 3 bytes are exactly 4 characters; `encode_slice` cannot run out of room.
        let _ = URL_SAFE_NO_PAD.encode_slice(entropy, &mut tag);
        Self(tag)
    }

    /// Reads a tag; `None` unless it is 4 characters of URL-safe base64.
    pub fn parse(text: &str) -> Option<Self> {
        let tag: [u8; TAG_CHARS] = text.as_bytes().try_into().ok()?;
        tag.iter().all(|c| digit(*c).is_some()).then_some(Self(tag))
    }

    /// The tag's text.
    pub fn as_str(&self) -> &str {
        // Only characters of the alphabet are ever stored.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for NodeTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for NodeTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeTag({self})")
    }
}

/// Index of a shard within its node, below [`SHARDS_MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShardIndex(u8);

impl ShardIndex {
    /// `None` unless `index` is below [`SHARDS_MAX`].
    pub fn new(index: usize) -> Option<Self> {
        u8::try_from(index).ok().filter(|i| *i < SHARDS_MAX).map(Self)
    }

    /// The index as a number.
    pub fn get(self) -> usize {
        usize::from(self.0)
    }

    /// The one bit that stands for this shard in a mask of shards.
    pub fn bit(self) -> u64 {
        1 << self.0
    }
}

fn born(tag: NodeTag, shard: ShardIndex, entropy: Entropy) -> [u8; ID_CHARS] {
    let mut random = [b'A'; 16];
    // 12 bytes are exactly 16 characters; `encode_slice` cannot run out of room.
    let _ = URL_SAFE_NO_PAD.encode_slice(entropy, &mut random);
    let mut id = [b'A'; ID_CHARS];
    let (head, tail) = id.split_at_mut(TAG_CHARS + 1);
    if let [a, b, c, d, s] = head {
        [*a, *b, *c, *d] = tag.0;
        *s = ALPHABET.get(shard.get()).copied().unwrap_or(b'A');
    }
    for (to, from) in tail.iter_mut().zip(random.iter().take(RANDOM_CHARS)) {
        *to = *from;
    }
    id
}

fn home(id: &[u8]) -> Option<(NodeTag, ShardIndex)> {
    let id: &[u8; ID_CHARS] = id.try_into().ok()?;
    if id.iter().any(|c| digit(*c).is_none()) {
        return None;
    }
    let [a, b, c, d, shard, ..] = *id;
    Some((NodeTag([a, b, c, d]), ShardIndex(digit(shard)?)))
}

/// The Engine.IO session id: a bearer secret of one connection.
///
/// It never appears in the API, in logs or in metrics: `Debug` masks it and there
/// is no `Display`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sid([u8; ID_CHARS]);

impl Sid {
    /// A fresh id for a session that lives on `shard` of the node `tag`.
    pub fn new(tag: NodeTag, shard: ShardIndex, entropy: Entropy) -> Self {
        Self(born(tag, shard, entropy))
    }

    /// Reads an id that a client sent; `None` unless it has the shape of one.
    pub fn parse(text: &str) -> Option<Self> {
        home(text.as_bytes())?;
        text.as_bytes().try_into().ok().map(Self)
    }

    /// Where the session lives.
    pub fn home(&self) -> (NodeTag, ShardIndex) {
        home(&self.0).unwrap_or((NodeTag([b'A'; TAG_CHARS]), ShardIndex(0)))
    }

    /// The secret itself, for the open packet and for nothing else.
    pub fn expose(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sid(…)")
    }
}

/// The public id of one socket (a Socket.IO socket in one namespace, or one plain
/// WebSocket): what the API calls a connection's id, and the name of its private room.
///
/// A bounded string rather than 20 characters, because an id that was born
/// elsewhere may live here after a recovery: 1 to 255 bytes, no control characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(Arc<str>);

impl SocketId {
    /// A fresh id for a socket that lives on `shard` of the node `tag`.
    pub fn new(tag: NodeTag, shard: ShardIndex, entropy: Entropy) -> Self {
        Self(std::str::from_utf8(&born(tag, shard, entropy)).unwrap_or_default().into())
    }

    /// Reads an id; `None` if it is empty, longer than 255 bytes or has a control character.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.len() <= 255 && !text.chars().any(char::is_control);
        fits.then(|| Self(text.into()))
    }

    /// The node and shard where the id was born, if it has the shape of ours.
    pub fn home(&self) -> Option<(NodeTag, ShardIndex)> {
        home(self.0.as_bytes())
    }

    /// The same for a text that may be an id: a room's name, say.
    pub fn home_of(text: &str) -> Option<(NodeTag, ShardIndex)> {
        home(text.as_bytes())
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for SocketId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SocketId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(i: usize) -> ShardIndex {
        ShardIndex::new(i).expect("below 64")
    }

    #[test]
    fn an_id_has_20_characters_and_knows_its_home() {
        let tag = NodeTag::from_entropy([1, 2, 3]);
        let sid = Sid::new(tag, shard(63), [255; 12]);
        assert_eq!(sid.expose().len(), ID_CHARS);
        assert_eq!(sid.home(), (tag, shard(63)));
        assert_eq!(Sid::parse(sid.expose()), Some(sid));
        let id = SocketId::new(tag, shard(7), [9; 12]);
        assert_eq!(id.home(), Some((tag, shard(7))));
        assert_eq!(NodeTag::parse(tag.as_str()), Some(tag));
        for text in ["", "AAA", "AAAAA", "AA A", "AAé"] {
            assert_eq!(NodeTag::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_has_not_the_shape_of_an_id_is_refused() {
        for text in ["", "short", "AAAAAAAAAAAAAAAAAAA!", "AAAAAAAAAAAAAAAAAAAAA", "__proto__"] {
            assert_eq!(Sid::parse(text), None, "{text}");
        }
        assert_eq!(SocketId::parse("a\nb"), None);
        assert_eq!(SocketId::parse(&"x".repeat(256)), None);
        assert_eq!(ShardIndex::new(64), None);
    }

    #[test]
    fn a_session_id_does_not_leak_through_debug() {
        let sid = Sid::new(NodeTag::from_entropy([0; 3]), shard(0), [7; 12]);
        assert!(!format!("{sid:?}").contains(sid.expose()));
    }
}
