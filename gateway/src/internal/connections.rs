//! `GET /v1/connections` and `/v1/connections/{id}`: who is connected, on all nodes.
//!
//! The order is nodes by their tags, then shards, then places on the shard, which say nothing to clients
//! and never change; servers that are no nodes come last, by id. A node that does not answer is left out,
//! and the page says so.
//!
//! Never shown: session ids, cookies, credentials.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::{Response, StatusCode};
use roomcast_core::cluster::{Answer, NodeInfo, Request, Select, SocketInfo};
use roomcast_core::id::{NodeTag, ShardIndex, SocketId};
use roomcast_core::publication::Audience;
use roomcast_core::room::{Namespace, Room};

use super::answer::{self, Body};
use super::ask::ask;
use super::audience::{declared, room};
use super::cursor::{self, Begin, Place};
use super::here::{self, Connections};
use super::page::Page;
use super::problem::{Code, Problem};
use super::query::{Where, flag, limit, parameters};
use super::siblings::{self, Sibling};
use super::{servers, shards};
use crate::limits::{LIST_PEER_MS, NODES_ANSWER_MS};
use crate::node::Node;

/// Parameters of the list.
pub(super) const LIST_PARAMETERS: [&str; 7] = ["namespace", "room", "node", "shard", "servers", "cursor", "limit"];
/// Parameters of one connection.
pub(super) const SHOW_PARAMETERS: [&str; 1] = ["namespace"];

/// Lists connections, all of a namespace or the members of a room.
pub(super) async fn list(node: &Arc<Node>, query: Option<&str>) -> Result<Response<Body>, Problem> {
    let [name, of, on, shard, servers, cursor, count] = parameters(query, LIST_PARAMETERS)?;
    let (index, namespace) = declared(&node.namespaces, name.as_deref())?;
    let room = of.map(|of| room(&of).map_err(|problem| problem.at("room"))).transpose()?;
    let whole = on.is_none() && shard.is_none();
    let Where { nodes, shard } = Where::read(node, on.as_deref(), shard.as_deref())?;
    let servers = flag("servers", servers.as_deref(), whole)?;
    let page = Page::new(limit(node, count.as_deref())?);
    let begin = cursor.map(|cursor| Begin::read(node, &nodes, &cursor)).transpose()?;
    let walk = Walk { node, namespace, index, room, nodes, shard, servers, page, started: Instant::now() };
    shards::in_time(walk.run(begin)).await
}

/// A page in the making.
struct Walk<'a> {
    node: &'a Arc<Node>,
    namespace: Namespace,
    /// The namespace's index.
    index: u32,
    room: Option<Room>,
    nodes: Vec<Sibling>,
    shard: Option<ShardIndex>,
    servers: bool,
    page: Page,
    started: Instant,
}

impl Walk<'_> {
    async fn run(mut self, begin: Option<Begin>) -> Result<Response<Body>, Problem> {
        let (from, after) = match begin {
            None => (None, None),
            Some(Begin::At(place)) => (Some(place), None),
            Some(Begin::Server(id)) => (None, Some(id)),
        };
        let first = ShardIndex::default();
        if after.is_none() {
            for sibling in self.nodes.clone() {
                let (tag, at) = (sibling.tag.as_str(), from.map(|place| place.node));
                if at.is_some_and(|at| tag < at.as_str()) {
                    continue;
                }
                let from = from.filter(|place| place.node == sibling.tag);
                let from = from.map_or((first, 0), |place| (place.shard, place.index));
                if sibling.other.is_some() && self.is_late() {
                    let next = Place { node: sibling.tag, shard: from.0, index: from.1 };
                    return Ok(self.page.end(Some(&next.json())));
                }
                if let Some(next) = self.take(&sibling, from).await? {
                    return Ok(self.page.end(Some(&next.json())));
                }
            }
        }
        if self.servers {
            return self.of_servers(after).await;
        }
        Ok(self.page.end(None))
    }

    /// Whether no further node could be asked and still answer in time: the next page begins with it.
    fn is_late(&self) -> bool {
        self.started.elapsed() + Duration::from_millis(LIST_PEER_MS) > Duration::from_millis(NODES_ANSWER_MS)
    }

    /// Takes what fits of one node; returns where the next page begins if not all did.
    async fn take(&mut self, sibling: &Sibling, from: here::At) -> Result<Option<Place>, Problem> {
        let mut next = Some(from);
        while let Some(from) = next {
            let place = |(shard, index)| Place { node: sibling.tag, shard, index };
            let (namespace, room, items_max) = (self.index, self.room.clone(), self.page.wanted());
            let asked = Connections { namespace, room, only: self.shard, from, items_max };
            let part = match &sibling.other {
                None => here::connections(self.node, &asked).await?,
                Some(_) if self.is_late() => return Ok(Some(place(from))),
                Some(peer) => match siblings::connections(self.node, peer, &self.namespace, &asked).await {
                    Ok(part) => part,
                    Err(siblings::Silent) => {
                        self.page.miss(sibling.tag);
                        return Ok(None);
                    }
                },
            };
            for (at, text) in part.items {
                if !self.page.push(&text) {
                    return Ok(Some(place(at)));
                }
            }
            // Another node that says the same again would never end.
            next = part.next.filter(|next| *next > from);
        }
        Ok(None)
    }

    async fn of_servers(mut self, after: Option<String>) -> Result<Response<Body>, Problem> {
        let about = (self.namespace, self.room);
        let wanted = self.page.wanted();
        let found = servers::connections(self.node, about, &self.nodes, after.as_deref(), wanted).await?;
        // The first place of all: a cursor behind the empty id.
        let mut last = after.unwrap_or_default();
        for info in found {
            if !self.page.push(&here::of_server(&info)) {
                return Ok(self.page.end(Some(&cursor::behind_server(&last))));
            }
            info.id.as_str().clone_into(&mut last);
        }
        Ok(self.page.end(None))
    }
}

/// Shows one connection.
pub(super) async fn show(node: &Arc<Node>, id: &str, query: Option<&str>) -> Result<Response<Body>, Problem> {
    let [name] = parameters(query, SHOW_PARAMETERS)?;
    let (namespace, name) = declared(&node.namespaces, name.as_deref())?;
    let unknown = || {
        let detail = "nobody in the namespace is connected with this id";
        Problem::new(Code::UnknownConnection, detail)
    };
    let id = SocketId::parse(id).ok_or_else(unknown)?;
    // Only servers that are no nodes have others.
    let (tag, _) = id.home().ok_or_else(unknown)?;
    let found = if let Some(shard) = node.home_of(&id) {
        shards::in_time(here::connection(node, namespace, (id, shard))).await?
    } else if let Some(peer) = peer_of(node, tag) {
        siblings::connection(node, &peer, &name, &id).await.map_err(|siblings::Silent| {
            let detail = format!("the node {}, where it would be, does not answer", peer.tag);
            Problem::new(Code::AdapterUnavailable, detail)
        })?
    } else {
        anywhere(node, name, id).await?.map(|info| here::object(tag, &info))
    };
    let body = found.ok_or_else(unknown)?;
    Ok(answer::json(StatusCode::OK, body))
}

fn peer_of(node: &Node, tag: NodeTag) -> Option<NodeInfo> {
    node.adapter.peers().into_iter().find(|peer| peer.tag == tag)
}

/// Looks for a connection of a node that is not known yet: the nodes are asked, whoever they are.
async fn anywhere(node: &Node, namespace: Namespace, id: SocketId) -> Result<Option<SocketInfo>, Problem> {
    let select = Select { namespace, audience: Audience::room(Room::of_socket(&id)) };
    let mut found = None;
    ask(node, Request::FetchSockets { select, servers: false }, Code::AdapterUnavailable, |answer| {
        if let Answer::Sockets(sockets) = answer {
            // A room may bear the same name: its members are not meant.
            found = found.take().or_else(|| sockets.into_iter().find(|info| info.id == id));
        }
    })
    .await?;
    Ok(found)
}
