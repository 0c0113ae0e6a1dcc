//! `GET /v1/connections` and `/v1/connections/{id}`: who is connected.
//!
//! Never shown: session ids, cookies, credentials.

use hyper::{Response, StatusCode};
use roomcast_core::cluster::{Answer, Request, Select, SocketInfo};
use roomcast_core::id::{ShardIndex, SocketId};
use roomcast_core::publication::Audience;
use roomcast_core::room::{Namespace, Room};

use super::answer::{self, Body};
use super::ask::ask;
use super::audience::{declared, room};
use super::cursor::Place;
use super::page::Page;
use super::problem::{Code, Problem, json};
use super::query::{limit, parameters, shard};
use super::shards;
use crate::lists::{ConnectionsQuery, Query};
use crate::node::Node;

/// Parameters of the list.
pub(super) const LIST_PARAMETERS: [&str; 5] = ["namespace", "room", "shard", "cursor", "limit"];
/// Parameters of one connection.
pub(super) const SHOW_PARAMETERS: [&str; 1] = ["namespace"];

/// Lists connections, all of a namespace or the members of a room: shard by shard, and on each
/// by their place there, which says nothing to clients and never changes.
pub(super) async fn list(node: &Node, query: Option<&str>) -> Result<Response<Body>, Problem> {
    let [name, of, on, cursor, count] = parameters(query, LIST_PARAMETERS)?;
    let (namespace, _) = declared(&node.namespaces, name.as_deref())?;
    let room = of.map(|of| room(&of).map_err(|problem| problem.at("room"))).transpose()?;
    let only = shard(node, on.as_deref())?;
    let page = Page::new(limit(node, count.as_deref())?);
    let from = cursor.map(|cursor| Place::read(node, &cursor)).transpose()?;
    let query = ConnectionsQuery { namespace, room, from: 0, items_max: 1 };
    shards::in_time(walk(node, only, from, query, page)).await
}

/// Fills a page from the shards, one after the other.
async fn walk(
    node: &Node,
    only: Option<ShardIndex>,
    from: Option<Place>,
    mut query: ConnectionsQuery,
    mut page: Page,
) -> Result<Response<Body>, Problem> {
    let walked =
        |shard: &ShardIndex| only.is_none_or(|only| *shard == only) && from.is_none_or(|from| *shard >= from.shard);
    for shard in shards::all(node).filter(walked) {
        let mut next = Some(from.filter(|from| from.shard == shard).map_or(0, |from| from.index));
        while let Some(from) = next {
            query = ConnectionsQuery { from, items_max: page.wanted(), ..query };
            let part =
                shards::answer(shards::ask(node, shard, |reply| Query::Connections(query.clone(), reply))?).await?;
            for (index, info) in part.items {
                if !page.push(&object(&info)) {
                    let next = Place { node: node.tag, shard, index };
                    return Ok(page.end(Some(&next.json())));
                }
            }
            next = part.next;
        }
    }
    Ok(page.end(None))
}

/// Shows one connection.
pub(super) async fn show(node: &Node, id: &str, query: Option<&str>) -> Result<Response<Body>, Problem> {
    let [name] = parameters(query, SHOW_PARAMETERS)?;
    let (namespace, name) = declared(&node.namespaces, name.as_deref())?;
    let unknown = || {
        let detail = "nobody in the namespace is connected with this id";
        Problem::new(Code::UnknownConnection, detail)
    };
    let id = SocketId::parse(id).ok_or_else(unknown)?;
    let found = match node.home_of(&id) {
        Some(shard) => {
            let asked = shards::ask(node, shard, |reply| Query::Connection(namespace, id, reply))?;
            shards::in_time(shards::answer(asked)).await?
        }
        None => anywhere(node, name, id).await?,
    };
    let body = found.as_ref().map(object).ok_or_else(unknown)?;
    Ok(answer::json(StatusCode::OK, body))
}

/// Looks for a connection that was born elsewhere, on all nodes.
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

fn object(info: &SocketInfo) -> String {
    let mut rooms: Vec<String> = info.rooms.iter().map(|room| json(room.as_str())).collect();
    rooms.sort_unstable();
    format!(
        r#"{{"id":{},"namespace":{},"rooms":[{}],"protocol":"{}","transport":"{}","address":{},"connected_at_ms":{},"shard":{}}}"#,
        json(info.id.as_str()),
        json(info.namespace.as_str()),
        rooms.join(","),
        info.protocol,
        info.transport,
        json(&info.address),
        info.connected_at,
        info.shard
    )
}
