//! `GET /v1/rooms` and `/v1/rooms/{room}`: rooms with members, and how many.
//!
//! A room without members does not exist; asking for it is no error, and says 0.

use std::collections::VecDeque;

use hyper::{Response, StatusCode};
use roomcast_core::cluster::RoomInfo;
use roomcast_core::id::ShardIndex;
use roomcast_core::publication::Audience;
use roomcast_core::room::Room;
use tokio::sync::oneshot;

use super::answer::{self, Body};
use super::audience::{declared, room};
use super::page::Page;
use super::problem::{Problem, json};
use super::query::{limit, parameters, shard};
use super::{cursor, shards};
use crate::lists::{Query, RoomsPart, RoomsQuery};
use crate::node::Node;

/// Parameters of the list.
pub(super) const LIST_PARAMETERS: [&str; 5] = ["namespace", "prefix", "shard", "cursor", "limit"];
/// Parameters of one room.
pub(super) const SHOW_PARAMETERS: [&str; 1] = ["namespace"];

/// Lists rooms in the order of the bytes of their names. The gateway's own are left out.
pub(super) async fn list(node: &Node, query: Option<&str>) -> Result<Response<Body>, Problem> {
    let [name, prefix, of, cursor, count] = parameters(query, LIST_PARAMETERS)?;
    let (namespace, _) = declared(&node.namespaces, name.as_deref())?;
    let shards = shard(node, of.as_deref())?.map_or_else(|| shards::all(node).collect(), |shard| vec![shard]);
    let mut page = Page::new(limit(node, count.as_deref())?);
    let mut query = RoomsQuery {
        namespace,
        after: cursor.map(|cursor| cursor::room(&cursor)).transpose()?,
        prefix: prefix.unwrap_or_default().into_owned(),
        items_max: page.wanted(),
    };
    shards::in_time(async {
        let mut sources = Vec::new();
        for shard in shards {
            sources.push(Source::ask(node, shard, &query)?);
        }
        loop {
            query.items_max = page.wanted();
            for source in &mut sources {
                source.fill(node, &query).await?;
            }
            let Some(info) = take_first(&mut sources) else {
                return Ok(page.end(None));
            };
            if !page.push(&item(info.room.as_str(), info.members)) {
                return Ok(page.end(query.after.map(|last| cursor::behind(last.as_str())).as_deref()));
            }
            query.after = Some(info.room);
        }
    })
    .await
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

/// The first room of all, with its members of all shards.
fn take_first(sources: &mut [Source]) -> Option<RoomInfo> {
    let heads = sources.iter().filter_map(|source| source.rooms.front());
    let room = heads.map(|info| &info.room).min()?.clone();
    let mut members = 0;
    for source in sources {
        if let Some(info) = source.rooms.pop_front_if(|info| info.room == room) {
            members += info.members;
        }
    }
    Some(RoomInfo { room, members })
}

/// Shows one room: counted by the shards that have members of it, described by none.
pub(super) async fn show(node: &Node, name: &str, query: Option<&str>) -> Result<Response<Body>, Problem> {
    let [namespace_name] = parameters(query, SHOW_PARAMETERS)?;
    let (namespace, namespace_name) = declared(&node.namespaces, namespace_name.as_deref())?;
    let room = room(name)?;
    let mask = node.interest.mask(&namespace_name, &Audience::room(room.clone()));
    let members = shards::in_time(async {
        let mut coming = Vec::new();
        for shard in shards::all(node).filter(|shard| mask & shard.bit() != 0) {
            coming.push(shards::ask(node, shard, |reply| Query::Members(namespace, room.clone(), reply))?);
        }
        let mut members = 0;
        for answer in coming {
            members += shards::answer(answer).await?;
        }
        Ok(members)
    })
    .await?;
    Ok(answer::json(StatusCode::OK, item(name, members)))
}

fn item(room: &str, members: usize) -> String {
    format!(r#"{{"room":{},"members":{members}}}"#, json(room))
}

#[cfg(test)]
mod tests;
