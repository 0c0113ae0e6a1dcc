//! What this node has of the lists: its shards as one, in parts. The pages of the API and the answers
//! to other nodes are made of these.

use std::collections::VecDeque;

use roomcast_core::cluster::{RoomInfo, SocketInfo};
use roomcast_core::id::{NodeTag, ShardIndex, SocketId};
use roomcast_core::publication::Audience;
use roomcast_core::room::{Namespace, Room};
use tokio::sync::oneshot;

use super::problem::{Problem, json};
use super::shards;
use crate::limits::LIST_PART_BYTES_MAX;
use crate::lists::{ConnectionsQuery, Part, Query, RoomsPart, RoomsQuery};
use crate::node::Node;

/// A place on a node: shard, and index there.
pub(super) type At = (ShardIndex, u32);

/// Connections that are asked for.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    /// Its index here.
    pub(super) namespace: u32,
    pub(super) room: Option<Room>,
    /// One shard only.
    pub(super) only: Option<ShardIndex>,
    pub(super) from: At,
    /// At least 1.
    pub(super) items_max: usize,
}

/// Connections as the API shows them, with their places.
pub(super) type ConnectionsPart = Part<(At, String), At>;

/// Part of the connections of this node: shard by shard, and on each by their place there.
pub(super) async fn connections(node: &Node, asked: &Connections) -> Result<ConnectionsPart, Problem> {
    let (mut items, mut bytes) = (Vec::new(), 0);
    let first = asked.from.0;
    let walked = |shard: &ShardIndex| asked.only.is_none_or(|only| *shard == only) && *shard >= first;
    for shard in shards::all(node).filter(walked) {
        let mut next = Some(if shard == first { asked.from.1 } else { 0 });
        while let Some(from) = next {
            if items.len() >= asked.items_max || bytes >= LIST_PART_BYTES_MAX {
                return Ok(Part { items, next: Some((shard, from)) });
            }
            let items_max = asked.items_max - items.len();
            let query = ConnectionsQuery { namespace: asked.namespace, room: asked.room.clone(), from, items_max };
            let part = shards::answer(shards::ask(node, shard, |reply| Query::Connections(query, reply))?).await?;
            next = part.next;
            for (index, info) in part.items {
                if bytes >= LIST_PART_BYTES_MAX {
                    return Ok(Part { items, next: Some((shard, index)) });
                }
                let text = object(node.tag, &info);
                bytes += text.len();
                items.push(((shard, index), text));
            }
        }
    }
    Ok(Part { items, next: None })
}

/// Part of the rooms of this node, in the order of the bytes of their names, with the members of all
/// its shards, or of `only` one.
pub(super) async fn rooms(node: &Node, only: Option<ShardIndex>, mut query: RoomsQuery) -> Result<RoomsPart, Problem> {
    let mut sources = Vec::new();
    for shard in shards::all(node).filter(|shard| only.is_none_or(|only| *shard == only)) {
        sources.push(Source::ask(node, shard, &query)?);
    }
    let (mut items, items_max) = (Vec::new(), query.items_max);
    while items.len() < items_max {
        query.items_max = items_max - items.len();
        for source in &mut sources {
            source.fill(node, &query).await?;
        }
        let Some(info) = take_first(&mut sources, |source| &mut source.rooms) else {
            return Ok(Part { items, next: None });
        };
        query.after = Some(info.room.clone());
        items.push(info);
    }
    Ok(Part { items, next: query.after })
}

/// The rooms of one shard, in order, fetched as they are needed.
struct Source {
    shard: ShardIndex,
    rooms: VecDeque<RoomInfo>,
    coming: Option<oneshot::Receiver<RoomsPart>>,
    next: Option<Room>,
}

impl Source {
    /// Asks for the first part.
    fn ask(node: &Node, shard: ShardIndex, query: &RoomsQuery) -> Result<Self, Problem> {
        let coming = shards::ask(node, shard, |reply| Query::Rooms(query.clone(), reply))?;
        Ok(Self { shard, rooms: VecDeque::new(), coming: Some(coming), next: None })
    }

    /// Fetches until a room is here, or there is none any more.
    async fn fill(&mut self, node: &Node, query: &RoomsQuery) -> Result<(), Problem> {
        while self.rooms.is_empty() {
            let coming = match (self.coming.take(), self.next.take()) {
                (Some(coming), _) => coming,
                (None, Some(after)) => {
                    let query = RoomsQuery { after: Some(after), ..query.clone() };
                    shards::ask(node, self.shard, |reply| Query::Rooms(query, reply))?
                }
                (None, None) => return Ok(()),
            };
            let part = shards::answer(coming).await?;
            (self.rooms, self.next) = (part.items.into(), part.next);
        }
        Ok(())
    }
}

/// The first room of all sources, with its members of all of them.
pub(super) fn take_first<S>(sources: &mut [S], rooms: impl Fn(&mut S) -> &mut VecDeque<RoomInfo>) -> Option<RoomInfo> {
    let heads = sources.iter_mut().filter_map(|source| rooms(source).front().map(|info| info.room.clone()));
    let room = heads.min()?;
    let mut members = 0;
    for source in sources {
        if let Some(info) = rooms(source).pop_front_if(|info| info.room == room) {
            members += info.members;
        }
    }
    Some(RoomInfo { room, members })
}

/// Members of a room on this node: counted by the shards that have any, described by none.
pub(super) async fn members(node: &Node, (namespace, name): (u32, &Namespace), room: &Room) -> Result<usize, Problem> {
    let mask = node.interest.mask(name, &Audience::room(room.clone()));
    let mut coming = Vec::new();
    for shard in shards::all(node).filter(|shard| mask & shard.bit() != 0) {
        coming.push(shards::ask(node, shard, |reply| Query::Members(namespace, room.clone(), reply))?);
    }
    let mut members = 0;
    for answer in coming {
        members += shards::answer(answer).await?;
    }
    Ok(members)
}

/// A connection that was born here, if it is still there.
pub(super) async fn connection(
    node: &Node,
    namespace: u32,
    (id, shard): (SocketId, ShardIndex),
) -> Result<Option<String>, Problem> {
    let asked = shards::ask(node, shard, |reply| Query::Connection(namespace, id, reply))?;
    Ok(shards::answer(asked).await?.map(|info| object(node.tag, &info)))
}

/// A connection of a node as the API shows it.
pub(super) fn object(tag: NodeTag, info: &SocketInfo) -> String {
    shown(info, &format!(r#""node":"{tag}","shard":{}"#, info.shard))
}

/// A connection of a server that is no Roomcast node.
pub(super) fn of_server(info: &SocketInfo) -> String {
    shown(info, r#""server":true"#)
}

fn shown(info: &SocketInfo, place: &str) -> String {
    let mut rooms: Vec<String> = info.rooms.iter().map(|room| json(room.as_str())).collect();
    rooms.sort_unstable();
    format!(
        r#"{{"id":{},"namespace":{},"rooms":[{}],"protocol":"{}","transport":"{}","address":{},"connected_at_ms":{},{place}}}"#,
        json(info.id.as_str()),
        json(info.namespace.as_str()),
        rooms.join(","),
        info.protocol,
        info.transport,
        json(&info.address),
        info.connected_at,
    )
}
