//! `GET /v1/rooms` and `/v1/rooms/{room}`: rooms with members, and how many.
//!
//! A room without members does not exist; asking for it is no error, and says 0.

use hyper::{Response, StatusCode};
use roomcast_core::cluster::{Answer, Request, Select};
use roomcast_core::publication::Audience;

use super::answer::{self, Body};
use super::ask::ask;
use super::audience::{namespace, room};
use super::problem::{Code, Problem, json};
use super::query::{Page, parameters};
use crate::node::Node;

/// Lists rooms by name. The gateway's own rooms are left out.
pub(super) async fn list(node: &Node, query: Option<&str>) -> Result<Response<Body>, Problem> {
    let [name, prefix, cursor, limit] = parameters(query, ["namespace", "prefix", "cursor", "limit"])?;
    let namespace = namespace(&node.namespaces, name.as_deref())?;
    let mut page: Page<usize> = Page::new(node, cursor.as_deref(), limit.as_deref())?;
    let prefix = prefix.unwrap_or_default();
    ask(node, Request::ListRooms(namespace), Code::AdapterUnavailable, |answer| {
        let Answer::Rooms(rooms) = answer else { return };
        for info in rooms {
            let name = info.room.as_str();
            if name.starts_with(&*prefix) && !info.room.is_reserved() {
                page.offer(name, info.members, |held, more| *held += more);
            }
        }
    })
    .await?;
    let body = page.document(|room, members| item(room, *members));
    Ok(answer::json(StatusCode::OK, body))
}

/// Shows one room.
pub(super) async fn show(node: &Node, name: &str, query: Option<&str>) -> Result<Response<Body>, Problem> {
    let [namespace_name] = parameters(query, ["namespace"])?;
    let select = Select {
        namespace: namespace(&node.namespaces, namespace_name.as_deref())?,
        audience: Audience::room(room(name)?),
    };
    let mut members = 0;
    ask(node, Request::FetchSockets(select), Code::AdapterUnavailable, |answer| {
        if let Answer::Sockets(sockets) = answer {
            members += sockets.len();
        }
    })
    .await?;
    Ok(answer::json(StatusCode::OK, item(name, members)))
}

fn item(room: &str, members: usize) -> String {
    format!(r#"{{"room":{},"members":{members}}}"#, json(room))
}
