//! `GET /v1/connections` and `/v1/connections/{id}`: who is connected.
//!
//! Never shown: session ids, cookies, credentials.

use hyper::{Response, StatusCode};
use roomcast_core::cluster::{Answer, Request, Select, SocketInfo};
use roomcast_core::id::SocketId;
use roomcast_core::publication::Audience;
use roomcast_core::room::Room;

use super::answer::{self, Body};
use super::ask::ask;
use super::audience::{namespace, room};
use super::problem::{Code, Problem, json};
use super::query::{Page, parameters};
use crate::node::Node;

/// Lists connections by id: all of a namespace, or the members of a room.
pub(super) async fn list(node: &Node, query: Option<&str>) -> Result<Response<Body>, Problem> {
    let [name, of, cursor, limit] = parameters(query, ["namespace", "room", "cursor", "limit"])?;
    let audience = match of {
        Some(of) => Audience::room(room(&of).map_err(|problem| problem.at("room"))?),
        None => Audience::everybody(),
    };
    let select = Select { namespace: namespace(&node.namespaces, name.as_deref())?, audience };
    let mut page = Page::new(node, cursor.as_deref(), limit.as_deref())?;
    each(node, select, |info| {
        let id = info.id.clone();
        page.offer(id.as_str(), info, |held, other| *held = other);
    })
    .await?;
    let body = page.document(|_, info| object(info));
    Ok(answer::json(StatusCode::OK, body))
}

/// Shows one connection.
pub(super) async fn show(node: &Node, id: &str, query: Option<&str>) -> Result<Response<Body>, Problem> {
    let [name] = parameters(query, ["namespace"])?;
    let namespace = namespace(&node.namespaces, name.as_deref())?;
    let unknown = || {
        let detail = "nobody in the namespace is connected with this id";
        Problem::new(Code::UnknownConnection, detail)
    };
    let id = SocketId::parse(id).ok_or_else(unknown)?;
    let select = Select { namespace, audience: Audience::room(Room::of_socket(&id)) };
    let mut found = None;
    // A room may bear the same name: its members are not meant.
    each(node, select, |info| {
        if info.id == id {
            found = Some(info);
        }
    })
    .await?;
    let body = found.as_ref().map(object).ok_or_else(unknown)?;
    Ok(answer::json(StatusCode::OK, body))
}

async fn each(node: &Node, select: Select, mut take: impl FnMut(SocketInfo)) -> Result<(), Problem> {
    ask(node, Request::FetchSockets(select), Code::AdapterUnavailable, |answer| {
        if let Answer::Sockets(sockets) = answer {
            sockets.into_iter().for_each(&mut take);
        }
    })
    .await
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
