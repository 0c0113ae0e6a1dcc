//! Cursors: where the next page of a list begins. To clients they are opaque texts.
//!
//! A list goes on behind a place that stays where it is: a room's name, or a connection's
//! place on its shard. So a cursor is valid while rooms and connections come and go, as
//! long as it may take to use it. Nothing is kept for it here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use roomcast_core::id::{NodeTag, ShardIndex};
use roomcast_core::room::Room;

use super::problem::{Problem, json};
use super::siblings::Sibling;
use crate::node::Node;

/// The first byte says of which list it is.
const CONNECTIONS: u8 = b'c';
const ROOMS: u8 = b'r';
const SERVERS: u8 = b's';

/// Where a page of connections begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// At a place on a node.
    At(Place),
    /// Behind this id, among the connections of servers that are no nodes.
    Server(String),
}

impl Begin {
    /// Reads a cursor of the connections of these nodes.
    pub(super) fn read(node: &Node, nodes: &[Sibling], cursor: &str) -> Result<Self, Problem> {
        if let Some(id) = decode(SERVERS, cursor) {
            return String::from_utf8(id).map(Self::Server).map_err(|_| broken());
        }
        Place::read(node, nodes, cursor).map(Self::At)
    }
}

/// The cursor of what comes behind a connection of a server, in JSON.
pub(super) fn behind_server(id: &str) -> String {
    let mut bytes = vec![SERVERS];
    bytes.extend(id.bytes());
    encode(&bytes)
}

/// Where connections go on. The order is nodes, then shards, then places on the shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) node: NodeTag,
    pub(super) shard: ShardIndex,
    pub(super) index: u32,
}

impl Place {
    /// The place as a cursor, in JSON.
    pub(super) fn json(self) -> String {
        let mut bytes = vec![CONNECTIONS];
        bytes.extend(self.node.as_str().bytes());
        bytes.push(self.shard.get() as u8);
        bytes.extend(self.index.to_be_bytes());
        encode(&bytes)
    }

    /// Where other nodes may be, one that is gone is passed over: the list goes on with the next one.
    fn read(node: &Node, nodes: &[Sibling], cursor: &str) -> Result<Self, Problem> {
        let place = decode(CONNECTIONS, cursor).and_then(|bytes| Self::parse(&bytes)).ok_or_else(broken)?;
        let is_here = place.node == node.tag && node.has_shard(place.shard);
        let may_be_elsewhere = place.node != node.tag && node.adapter.capabilities().cluster;
        let is_meant = nodes.len() > 1 || nodes.iter().any(|sibling| sibling.tag == place.node);
        if !(is_here || may_be_elsewhere && is_meant) {
            let detail = "the node that gave it has restarted, or is another one: begin the list anew";
            return Err(Problem::invalid("cursor", detail));
        }
        Ok(place)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let [tag @ .., shard, a, b, c, d] = bytes else { return None };
        let node = NodeTag::parse(std::str::from_utf8(tag).ok()?)?;
        Some(Self { node, shard: ShardIndex::new(usize::from(*shard))?, index: u32::from_be_bytes([*a, *b, *c, *d]) })
    }
}

/// The cursor of what comes behind a room, in JSON.
pub(super) fn behind(room: &str) -> String {
    let mut bytes = vec![ROOMS];
    bytes.extend(room.bytes());
    encode(&bytes)
}

/// The room that a page comes behind.
pub(super) fn room(cursor: &str) -> Result<Room, Problem> {
    let name = decode(ROOMS, cursor).and_then(|bytes| String::from_utf8(bytes).ok());
    name.and_then(|name| Room::new(&name).ok()).ok_or_else(broken)
}

fn encode(bytes: &[u8]) -> String {
    json(&URL_SAFE_NO_PAD.encode(bytes))
}

/// What follows the kind.
fn decode(kind: u8, cursor: &str) -> Option<Vec<u8>> {
    let mut bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    if bytes.first() != Some(&kind) {
        return None;
    }
    Some(bytes.split_off(1))
}

fn broken() -> Problem {
    Problem::invalid("cursor", "not the `next` of an earlier page of this list")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> &str {
        json.trim_matches('"')
    }

    #[test]
    fn a_cursor_says_what_it_was_made_of() {
        for (tag, shard, index) in [([0; 3], 0, 0), ([255; 3], 63, u32::MAX), ([1, 2, 3], 7, 300)] {
            let node = NodeTag::from_entropy(tag);
            let place = Place { node, shard: ShardIndex::new(shard).expect("below 64"), index };
            let read = decode(CONNECTIONS, text(&place.json())).and_then(|bytes| Place::parse(&bytes));
            assert_eq!(read, Some(place));
            assert!(room(text(&place.json())).is_err(), "it is of the other list");
        }
        for name in ["a", "ü/ %2F\"", &"x".repeat(255)] {
            assert_eq!(room(text(&behind(name))).map(|room| room.as_str().to_owned()), Ok(name.to_owned()));
            assert_eq!(decode(CONNECTIONS, text(&behind(name))), None);
        }
    }

    #[test]
    fn what_is_not_a_cursor_is_refused() {
        let place = Place { node: NodeTag::from_entropy([9; 3]), shard: ShardIndex::new(0).expect("0"), index: 5 };
        let whole = place.json();
        let whole = text(&whole);
        for end in 0..whole.len() {
            let cut = &whole[..end];
            assert_eq!(decode(CONNECTIONS, cut).and_then(|bytes| Place::parse(&bytes)), None, "{cut}");
        }
        for bytes in [&b"c"[..], b"cAAAA\x40\0\0\0\0", b"cAA!A\0\0\0\0\0", b"cAAAA\0\0\0\0\0\0"] {
            let cursor = encode(bytes);
            assert_eq!(decode(CONNECTIONS, text(&cursor)).and_then(|bytes| Place::parse(&bytes)), None, "{bytes:?}");
        }
        for bytes in [&b"r"[..], b"r\n", b"r\xff", b"", b"Rab"] {
            assert!(room(text(&encode(bytes))).is_err(), "{bytes:?}");
        }
    }
}
