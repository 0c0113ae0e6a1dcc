//! `GET /v1/rooms` and `/v1/rooms/{room}`: rooms with members, and how many, on all nodes.
//!
//! The lists of all nodes are merged by name, page by page. A room without members does not exist;
//! asking for it is no error, and says 0. A node that does not answer is left out, and the answer says so.

use std::collections::VecDeque;
use std::sync::Arc;

use hyper::{Response, StatusCode};
use roomcast_core::cluster::RoomInfo;
use roomcast_core::id::ShardIndex;
use roomcast_core::room::Namespace;
use tokio::task::JoinSet;

use super::answer::{self, Body};
use super::audience::{declared, room};
use super::page::{Page, missing};
use super::problem::{Problem, json};
use super::query::{Where, flag, limit, parameters};
use super::siblings::{self, Sibling, Silent};
use super::{cursor, here, servers, shards};
use crate::lists::{Part, RoomsPart, RoomsQuery};
use crate::node::Node;

/// Parameters of the list.
pub(super) const LIST_PARAMETERS: [&str; 7] = ["namespace", "prefix", "node", "shard", "servers", "cursor", "limit"];
/// Parameters of one room.
pub(super) const SHOW_PARAMETERS: [&str; 1] = ["namespace"];

/// Lists rooms in the order of the bytes of their names. The gateway's own are left out.
pub(super) async fn list(node: &Arc<Node>, query: Option<&str>) -> Result<Response<Body>, Problem> {
    let [name, prefix, on, shard, with_servers, cursor, count] = parameters(query, LIST_PARAMETERS)?;
    let (index, namespace) = declared(&node.namespaces, name.as_deref())?;
    let whole = on.is_none() && shard.is_none();
    let Where { nodes, shard } = Where::read(node, on.as_deref(), shard.as_deref())?;
    let with_servers = flag("servers", with_servers.as_deref(), whole)?;
    let page = Page::new(limit(node, count.as_deref())?);
    let query = RoomsQuery {
        namespace: index,
        after: cursor.map(|cursor| cursor::room(&cursor)).transpose()?,
        prefix: prefix.unwrap_or_default().into_owned(),
        items_max: page.wanted(),
    };
    shards::in_time(async {
        let of_servers: VecDeque<RoomInfo> =
            if with_servers { servers::rooms(node, namespace.clone(), &query).await?.into() } else { VecDeque::new() };
        let sources = nodes.into_iter().map(Source::new).collect();
        Merge { node, namespace, shard, sources, of_servers, page }.run(query).await
    })
    .await
}

/// The rooms of one node, in order, fetched as they are needed.
struct Source {
    sibling: Sibling,
    rooms: VecDeque<RoomInfo>,
    /// There are more behind those that are here.
    more: bool,
}

impl Source {
    fn new(sibling: Sibling) -> Self {
        Self { sibling, rooms: VecDeque::new(), more: true }
    }
}

/// A page in the making.
struct Merge<'a> {
    node: &'a Arc<Node>,
    namespace: Namespace,
    shard: Option<ShardIndex>,
    sources: Vec<Source>,
    /// Names that servers told which are no nodes.
    of_servers: VecDeque<RoomInfo>,
    page: Page,
}

impl Merge<'_> {
    async fn run(mut self, mut query: RoomsQuery) -> Result<Response<Body>, Problem> {
        loop {
            query.items_max = self.page.wanted();
            self.fill(&query).await?;
            let server = self.of_servers.front().map(|info| info.room.clone());
            let first = self.sources.iter().filter_map(|source| source.rooms.front()).map(|info| &info.room).min();
            let is_servers = server.as_ref().is_some_and(|name| first.is_none_or(|first| name <= first));
            let known = if is_servers && server.as_ref() != first {
                self.of_servers.pop_front()
            } else {
                here::take_first(&mut self.sources, |source| &mut source.rooms)
            };
            let Some(info) = known else {
                return Ok(self.page.end(None));
            };
            self.of_servers.pop_front_if(|of| of.room == info.room);
            if !self.page.push(&item(info.room.as_str(), info.members, is_servers)) {
                return Ok(self.page.end(query.after.map(|last| cursor::behind(last.as_str())).as_deref()));
            }
            query.after = Some(info.room);
        }
    }

    /// Has every node that has more show its next room: all are asked at once.
    async fn fill(&mut self, query: &RoomsQuery) -> Result<(), Problem> {
        while self.sources.iter().any(|source| source.more && source.rooms.is_empty()) {
            let mut asked = JoinSet::new();
            for (at, source) in self.sources.iter().enumerate().filter(|(_, s)| s.more && s.rooms.is_empty()) {
                let (node, namespace, only) = (Arc::clone(self.node), self.namespace.clone(), self.shard);
                let (sibling, query) = (source.sibling.clone(), query.clone());
                asked.spawn(async move { (at, part(&node, &sibling, &namespace, only, query).await) });
            }
            for (at, part) in asked.join_all().await {
                let Some(source) = self.sources.get_mut(at) else { continue };
                match part? {
                    Ok(part) => (source.more, source.rooms) = (part.next.is_some(), part.items.into()),
                    Err(Silent) => {
                        source.more = false;
                        self.page.miss(source.sibling.tag);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Part of the rooms of one node. What this node cannot say is an error; what another one does not, is missing.
async fn part(
    node: &Arc<Node>,
    sibling: &Sibling,
    namespace: &Namespace,
    only: Option<ShardIndex>,
    query: RoomsQuery,
) -> Result<Result<RoomsPart, Silent>, Problem> {
    match &sibling.other {
        None => here::rooms(node, only, query).await.map(Ok),
        Some(peer) => {
            let part = siblings::rooms(node, peer, namespace, only, &query).await;
            // One that goes on without saying anything, or says it again, would never end.
            let goes_on =
                |part: &RoomsPart| part.items.last().is_some_and(|last| Some(&last.room) > query.after.as_ref());
            Ok(part.map(|part| if goes_on(&part) { part } else { Part { next: None, ..part } }))
        }
    }
}

/// Shows one room.
pub(super) async fn show(node: &Arc<Node>, name: &str, query: Option<&str>) -> Result<Response<Body>, Problem> {
    let [namespace_name] = parameters(query, SHOW_PARAMETERS)?;
    let (namespace, namespace_name) = declared(&node.namespaces, namespace_name.as_deref())?;
    let room = room(name)?;
    let mut asked = JoinSet::new();
    for peer in siblings::all(node).into_iter().filter_map(|sibling| sibling.other) {
        let (node, namespace, room) = (Arc::clone(node), namespace_name.clone(), room.clone());
        asked.spawn(async move { (peer.tag, siblings::members(&node, &peer, &namespace, &room).await) });
    }
    let here = here::members(node, (namespace, &namespace_name), &room);
    let (mut members, mut silent) = (shards::in_time(here).await?, Vec::new());
    for (tag, told) in asked.join_all().await {
        match told {
            Ok(told) => members += told,
            Err(Silent) => silent.push(tag),
        }
    }
    let text = item(name, members, false);
    let text = text.trim_end_matches('}');
    Ok(answer::json(StatusCode::OK, format!("{text}{}}}", missing(&mut silent))))
}

/// `server`: there are members, nobody says how many, on servers that are no nodes.
fn item(room: &str, members: usize, server: bool) -> String {
    let server = if server { r#","server":true"# } else { "" };
    format!(r#"{{"room":{},"members":{members}{server}}}"#, json(room))
}

#[cfg(test)]
mod tests;
