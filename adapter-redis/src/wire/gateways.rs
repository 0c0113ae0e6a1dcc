//! What Roomcast nodes say to each other, on channels that no Node server hears: JSON, versioned.
//!
//! Texts that are JSON themselves (events, answers) travel as strings, so that whatever is in them
//! arrives as it was. Of a publication everything travels but its fallback and its admission.
//!
//! Names of channels begin with `roomcast:`, because Node's adapters fail on payloads that they do
//! not know on channels of theirs. Deliberately absent: who hears what, and when.

mod answers;
mod requests;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use roomcast_core::cluster::{Answer, Gap, NodeInfo, Request};
use roomcast_core::id::NodeTag;
use roomcast_core::publication::UnixMillis;
use roomcast_core::room::{Namespace, Room};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Raised when nodes of before could misread it.
const VERSION: u64 = 1;

/// A message of a node of this gateway.
#[derive(Clone, Debug)]
pub(crate) enum Own {
    /// A question or an order.
    Ask {
        /// Of the asking node's choice.
        id: u64,
        /// Who asks.
        from: NodeTag,
        /// What.
        request: Request,
        /// How long it waits for answers.
        timeout: Duration,
    },
    /// Answers to it.
    Answers {
        /// Of which question.
        id: u64,
        /// Who answers.
        from: NodeTag,
        /// What.
        answers: Vec<Answer>,
        /// Whether no more come.
        last: bool,
    },
    /// A proof that a link carries.
    Canary {
        /// Whose.
        from: NodeTag,
        /// Which.
        sequence: u64,
        /// When the connections began on which it was sent: it names them.
        life: UnixMillis,
        /// Whether the link was sound then.
        sound: bool,
    },
    /// What was published in a span may not have arrived.
    Gap {
        /// Who noticed.
        from: NodeTag,
        /// When and where.
        gap: Gap,
    },
    /// A node is there, or is not what it was.
    Joined(NodeInfo),
    /// A node has gone.
    Left(NodeTag),
}

/// The channel of canaries; of several masters one each.
pub(crate) fn canary(prefix: &str, n: Option<u16>) -> String {
    match n {
        Some(n) => format!("{}canary:{n}", ours(prefix)),
        None => format!("{}canary", ours(prefix)),
    }
}

/// The channel of what concerns all nodes.
pub(crate) fn all(prefix: &str) -> String {
    format!("{}all", ours(prefix))
}

/// The channel of requests to the nodes that take part in a namespace.
pub(crate) fn namespace(prefix: &str, namespace: &Namespace) -> String {
    format!("{}namespace:{namespace}", ours(prefix))
}

/// The channel of answers to one node.
pub(crate) fn node(prefix: &str, tag: NodeTag) -> String {
    format!("{}node:{tag}", ours(prefix))
}

/// The key under which a node is registered.
pub(crate) fn node_key(prefix: &str, tag: NodeTag) -> String {
    format!("{}{tag}", node_keys(prefix))
}

/// What the keys of all registered nodes begin with.
pub(crate) fn node_keys(prefix: &str) -> String {
    format!("{}nodes:", ours(prefix))
}

/// Two prefixes never have a name in common: what separates the parts is escaped in them.
fn ours(prefix: &str) -> String {
    format!("roomcast:{}:", prefix.replace('%', "%25").replace(':', "%3A"))
}

/// The bytes of a message.
pub(crate) fn encode(own: &Own) -> Bytes {
    // These types hold nothing that JSON cannot.
    serde_json::to_vec(&Envelope { v: VERSION, own: Message::from(own) }).unwrap_or_default().into()
}

/// A message; `None` if it is none, or one of a version or kind that is not known here.
pub(crate) fn decode(bytes: &[u8]) -> Option<Own> {
    read::<Message>(std::str::from_utf8(bytes).ok()?)?.into_own()
}

/// The text of a node's entry in the registry.
pub(crate) fn encode_node(node: &NodeInfo) -> String {
    serde_json::to_string(&Envelope { v: VERSION, own: Node::from(node) }).unwrap_or_default()
}

/// A node's entry in the registry.
pub(crate) fn decode_node(text: &str) -> Option<NodeInfo> {
    read::<Node>(text)?.into_info()
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    let envelope: Envelope<&RawValue> = serde_json::from_str(text).ok()?;
    if envelope.v != VERSION {
        return None;
    }
    serde_json::from_str(envelope.own.get()).ok()
}

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    v: u64,
    own: T,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Message {
    Ask { id: u64, from: String, request: requests::Asked, timeout_ms: u64 },
    Answers { id: u64, from: String, answers: Vec<answers::Answered>, last: bool },
    Canary { from: String, sequence: u64, life: UnixMillis, sound: bool },
    Gap { from: String, namespace: Option<String>, rooms: Vec<String>, since: UnixMillis, until: UnixMillis },
    Joined(Node),
    Left(String),
}

#[derive(Serialize, Deserialize)]
struct Node {
    tag: String,
    name: String,
    internal: SocketAddr,
    version: String,
    draining: bool,
    started_at: UnixMillis,
    heard_at: UnixMillis,
}

impl From<&Own> for Message {
    fn from(own: &Own) -> Self {
        match own {
            Own::Ask { id, from, request, timeout } => {
                Self::Ask { id: *id, from: from.to_string(), request: request.into(), timeout_ms: millis(*timeout) }
            }
            Own::Answers { id, from, answers, last } => Self::Answers {
                id: *id,
                from: from.to_string(),
                answers: answers.iter().map(Into::into).collect(),
                last: *last,
            },
            Own::Canary { from, sequence, life, sound } => {
                Self::Canary { from: from.to_string(), sequence: *sequence, life: *life, sound: *sound }
            }
            Own::Gap { from, gap } => Self::Gap {
                from: from.to_string(),
                namespace: gap.namespace.as_ref().map(ToString::to_string),
                rooms: names(&gap.rooms),
                since: gap.from,
                until: gap.until,
            },
            Own::Joined(node) => Self::Joined(node.into()),
            Own::Left(tag) => Self::Left(tag.to_string()),
        }
    }
}

impl Message {
    fn into_own(self) -> Option<Own> {
        Some(match self {
            Self::Ask { id, from, request, timeout_ms } => Own::Ask {
                id,
                from: NodeTag::parse(&from)?,
                request: request.into_request()?,
                timeout: Duration::from_millis(timeout_ms),
            },
            Self::Answers { id, from, answers, last } => {
                let answers: Option<Vec<_>> = answers.into_iter().map(answers::Answered::into_answer).collect();
                Own::Answers { id, from: NodeTag::parse(&from)?, answers: answers?, last }
            }
            Self::Canary { from, sequence, life, sound } => {
                Own::Canary { from: NodeTag::parse(&from)?, sequence, life, sound }
            }
            Self::Gap { from, namespace, rooms, since, until } => {
                let namespace = match namespace {
                    Some(name) => Some(Namespace::new(&name).ok()?),
                    None => None,
                };
                let gap = Gap { namespace, rooms: self::rooms(&rooms)?, from: since, until };
                Own::Gap { from: NodeTag::parse(&from)?, gap }
            }
            Self::Joined(node) => Own::Joined(node.into_info()?),
            Self::Left(tag) => Own::Left(NodeTag::parse(&tag)?),
        })
    }
}

impl From<&NodeInfo> for Node {
    fn from(node: &NodeInfo) -> Self {
        let NodeInfo { tag, name, internal, version, draining, started_at, heard_at } = node.clone();
        Self { tag: tag.to_string(), name, internal, version, draining, started_at, heard_at }
    }
}

impl Node {
    fn into_info(self) -> Option<NodeInfo> {
        let Self { tag, name, internal, version, draining, started_at, heard_at } = self;
        Some(NodeInfo { tag: NodeTag::parse(&tag)?, name, internal, version, draining, started_at, heard_at })
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn names(rooms: &[Room]) -> Vec<String> {
    rooms.iter().map(ToString::to_string).collect()
}

/// All of them, or none: a list that lost a name is another list.
fn rooms(names: &[String]) -> Option<Vec<Room>> {
    names.iter().map(|name| Room::new(name).ok()).collect()
}
