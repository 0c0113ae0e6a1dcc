//! The lists of other nodes: what is asked of one, and what it is answered, as JSON over the internal
//! port. Both sides of each question stand beside each other.
//!
//! A node that does not answer in time, or says what is no answer, is [`Silent`]: its part of a list is
//! missing, and the list says so.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use roomcast_core::cluster::{NodeInfo, RoomInfo};
use roomcast_core::id::{NodeTag, ShardIndex, SocketId};
use roomcast_core::room::{Namespace, Room};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::audience::declared;
use super::here::{self, Connections, ConnectionsPart};
use super::problem::Problem;
use super::shards;
use crate::limits::{LIST_ITEMS_MAX, LIST_PEER_MS};
use crate::lists::{Part, RoomsPart, RoomsQuery};
use crate::node::Node;

const CONNECTIONS: &str = "/internal/connections";
const CONNECTION: &str = "/internal/connection";
const ROOMS: &str = "/internal/rooms";
const MEMBERS: &str = "/internal/members";

/// A node that did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Silent;

/// One node of a list.
#[derive(Clone, Debug)]
pub(super) struct Sibling {
    pub(super) tag: NodeTag,
    /// `None`: this node.
    pub(super) other: Option<NodeInfo>,
}

/// All nodes, in the order of lists: by their tags.
pub(super) fn all(node: &Node) -> Vec<Sibling> {
    let mut all = vec![Sibling { tag: node.tag, other: None }];
    let others = node.adapter.peers().into_iter().filter(|peer| peer.tag != node.tag);
    all.extend(others.map(|peer| Sibling { tag: peer.tag, other: Some(peer) }));
    all.sort_by(|a, b| a.tag.as_str().cmp(b.tag.as_str()));
    all
}

#[derive(Serialize, Deserialize)]
struct ConnectionsWish {
    namespace: String,
    room: Option<String>,
    shard: Option<usize>,
    from: (usize, u32),
    items_max: usize,
}

#[derive(Serialize, Deserialize)]
struct ConnectionsReply {
    items: Vec<(usize, u32, Box<RawValue>)>,
    next: Option<(usize, u32)>,
}

#[derive(Serialize, Deserialize)]
struct ConnectionWish {
    namespace: String,
    id: String,
}

#[derive(Serialize, Deserialize)]
struct RoomsWish {
    namespace: String,
    after: Option<String>,
    prefix: String,
    shard: Option<usize>,
    items_max: usize,
}

#[derive(Serialize, Deserialize)]
struct RoomsReply {
    items: Vec<(String, usize)>,
    next: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct MembersWish {
    namespace: String,
    room: String,
}

async fn ask<T: DeserializeOwned>(
    node: &Arc<Node>,
    peer: &NodeInfo,
    target: &'static str,
    wish: &impl Serialize,
) -> Result<T, Silent> {
    let body = serde_json::to_vec(wish).map_err(|_| Silent)?;
    let within = Duration::from_millis(LIST_PEER_MS);
    let called = crate::peers::call_within(within, node, peer, target, body.into()).await;
    let failed = |why: &dyn std::fmt::Display| {
        tracing::warn!(node = %peer.tag, target, error = %why, "a node's part of a list is missing");
        Silent
    };
    let answer = called.map_err(|error| failed(&error))?;
    serde_json::from_slice(&answer).map_err(|error| failed(&error))
}

/// Part of the connections of another node; `asked.namespace` is called `namespace`.
pub(super) async fn connections(
    node: &Arc<Node>,
    peer: &NodeInfo,
    namespace: &Namespace,
    asked: &Connections,
) -> Result<ConnectionsPart, Silent> {
    let wish = ConnectionsWish {
        namespace: namespace.as_str().to_owned(),
        room: asked.room.as_ref().map(|room| room.as_str().to_owned()),
        shard: asked.only.map(ShardIndex::get),
        from: (asked.from.0.get(), asked.from.1),
        items_max: asked.items_max,
    };
    let reply: ConnectionsReply = ask(node, peer, CONNECTIONS, &wish).await?;
    let at = |(shard, index)| Ok((ShardIndex::new(shard).ok_or(Silent)?, index));
    let item = |(shard, index, text): (usize, u32, Box<RawValue>)| Ok((at((shard, index))?, text.get().to_owned()));
    let items = reply.items.into_iter().map(item).collect::<Result<_, Silent>>()?;
    Ok(Part { items, next: reply.next.map(at).transpose()? })
}

/// A connection of another node.
pub(super) async fn connection(
    node: &Arc<Node>,
    peer: &NodeInfo,
    namespace: &Namespace,
    id: &SocketId,
) -> Result<Option<String>, Silent> {
    let wish = ConnectionWish { namespace: namespace.as_str().to_owned(), id: id.as_str().to_owned() };
    let found: Option<Box<RawValue>> = ask(node, peer, CONNECTION, &wish).await?;
    Ok(found.map(|text| text.get().to_owned()))
}

/// Part of the rooms of another node.
pub(super) async fn rooms(
    node: &Arc<Node>,
    peer: &NodeInfo,
    namespace: &Namespace,
    only: Option<ShardIndex>,
    query: &RoomsQuery,
) -> Result<RoomsPart, Silent> {
    let wish = RoomsWish {
        namespace: namespace.as_str().to_owned(),
        after: query.after.as_ref().map(|room| room.as_str().to_owned()),
        prefix: query.prefix.clone(),
        shard: only.map(ShardIndex::get),
        items_max: query.items_max,
    };
    let reply: RoomsReply = ask(node, peer, ROOMS, &wish).await?;
    let name = |name: &str| Room::new(name).map_err(|_| Silent);
    let item = |(room, members): (String, usize)| Ok(RoomInfo { room: name(&room)?, members });
    let items = reply.items.into_iter().map(item).collect::<Result<_, Silent>>()?;
    Ok(Part { items, next: reply.next.as_deref().map(name).transpose()? })
}

/// Members of a room on another node.
pub(super) async fn members(
    node: &Arc<Node>,
    peer: &NodeInfo,
    namespace: &Namespace,
    room: &Room,
) -> Result<usize, Silent> {
    let wish = MembersWish { namespace: namespace.as_str().to_owned(), room: room.as_str().to_owned() };
    ask(node, peer, MEMBERS, &wish).await
}

/// Answers another node; `None`: that is no question, or there is no answer to it now.
pub(super) async fn answer(node: &Arc<Node>, target: &str, body: &[u8]) -> Option<Bytes> {
    let answered = shards::in_time(async {
        Ok(match target {
            CONNECTIONS => text(&connections_of_here(node, read(body)?).await?),
            CONNECTION => text(&connection_of_here(node, read(body)?).await?),
            ROOMS => text(&rooms_of_here(node, read(body)?).await?),
            MEMBERS => text(&members_of_here(node, read(body)?).await?),
            _ => None,
        })
    });
    answered.await.unwrap_or_else(|problem| {
        tracing::warn!(target, error = problem.document(), "another node was not answered");
        None
    })
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::invalid("body", error.to_string()))
}

fn text(reply: &impl Serialize) -> Option<Bytes> {
    serde_json::to_vec(reply).ok().map(Bytes::from)
}

fn shard(index: usize) -> Result<ShardIndex, Problem> {
    ShardIndex::new(index).ok_or_else(|| Problem::invalid("shard", "no such shard"))
}

fn name(name: &str) -> Result<Room, Problem> {
    Room::new(name).map_err(|error| Problem::room(name, error))
}

fn bounded(items_max: usize) -> usize {
    items_max.clamp(1, LIST_ITEMS_MAX as usize + 1)
}

async fn connections_of_here(node: &Node, wish: ConnectionsWish) -> Result<ConnectionsReply, Problem> {
    let asked = Connections {
        namespace: declared(&node.namespaces, Some(&wish.namespace))?.0,
        room: wish.room.as_deref().map(name).transpose()?,
        only: wish.shard.map(shard).transpose()?,
        from: (shard(wish.from.0)?, wish.from.1),
        items_max: bounded(wish.items_max),
    };
    let part = here::connections(node, &asked).await?;
    // The texts are objects that were written a moment ago.
    let item = |((shard, index), text): (here::At, String)| {
        RawValue::from_string(text).ok().map(|text| (shard.get(), index, text))
    };
    let items = part.items.into_iter().filter_map(item).collect();
    Ok(ConnectionsReply { items, next: part.next.map(|(shard, index)| (shard.get(), index)) })
}

async fn connection_of_here(node: &Node, wish: ConnectionWish) -> Result<Option<Box<RawValue>>, Problem> {
    let (namespace, _) = declared(&node.namespaces, Some(&wish.namespace))?;
    let Some(id) = SocketId::parse(&wish.id) else { return Ok(None) };
    let Some(home) = node.home_of(&id) else { return Ok(None) };
    let found = here::connection(node, namespace, (id, home)).await?;
    Ok(found.and_then(|text| RawValue::from_string(text).ok()))
}

async fn rooms_of_here(node: &Node, wish: RoomsWish) -> Result<RoomsReply, Problem> {
    let query = RoomsQuery {
        namespace: declared(&node.namespaces, Some(&wish.namespace))?.0,
        after: wish.after.as_deref().map(name).transpose()?,
        prefix: wish.prefix,
        items_max: bounded(wish.items_max),
    };
    let part = here::rooms(node, wish.shard.map(shard).transpose()?, query).await?;
    let items = part.items.into_iter().map(|info| (info.room.as_str().to_owned(), info.members)).collect();
    Ok(RoomsReply { items, next: part.next.map(|room| room.as_str().to_owned()) })
}

async fn members_of_here(node: &Node, wish: MembersWish) -> Result<usize, Problem> {
    let (namespace, declared) = declared(&node.namespaces, Some(&wish.namespace))?;
    here::members(node, (namespace, &declared), &name(&wish.room)?).await
}
