//! `POST /v1/rooms/join`, `/v1/rooms/leave` and `/v1/disconnect`: what is done to the
//! connections of an audience, answered with how many they were.

use hyper::{Response, StatusCode};
use roomcast_core::cluster::{Answer, Request, Select};
use roomcast_core::room::Room;

use super::answer::{self, Body};
use super::ask::ask;
use super::audience::{audience, namespace, room_list};
use super::object::{Field, fields};
use super::problem::{Code, Problem};
use crate::limits::AUDIENCE_ROOMS_MAX;
use crate::node::Node;

/// Fields of a body that joins or leaves.
pub(super) const ROOMS_FIELDS: [&str; 4] = ["namespace", "rooms", "select", "except"];
/// Fields of a body that disconnects.
pub(super) const DISCONNECT_FIELDS: [&str; 4] = ["namespace", "select", "except", "reconnect"];

/// Makes a selection join rooms.
pub(super) async fn join(node: &Node, body: &str) -> Result<Response<Body>, Problem> {
    let (select, rooms) = rooms_of(node, body)?;
    // Who joined it would get what is published to that connection, and be disconnected with it.
    if let Some((index, private)) = rooms.iter().enumerate().find(|(_, room)| node.is_private(room)) {
        return Err(Problem::private(private.as_str()).at(format!("rooms[{index}]")));
    }
    let done = carry_out(node, Request::Join(select, rooms)).await?;
    let degraded = if done.degraded { r#","degraded":true"# } else { "" };
    let body = format!(r#"{{"matched":{},"refused":{}{degraded}}}"#, done.matched, done.refused);
    Ok(answer::json(StatusCode::OK, body))
}

/// Makes a selection leave rooms.
pub(super) async fn leave(node: &Node, body: &str) -> Result<Response<Body>, Problem> {
    let (select, rooms) = rooms_of(node, body)?;
    Ok(matched(&carry_out(node, Request::Leave(select, rooms)).await?))
}

/// Disconnects a selection.
pub(super) async fn disconnect(node: &Node, body: &str) -> Result<Response<Body>, Problem> {
    let [name, to, except, reconnect] = fields(body, "", DISCONNECT_FIELDS)?;
    let select = select(node, name, to, except)?;
    let reconnect = reconnect.map(|field| field.boolean()).transpose()?;
    let reconnect = reconnect.unwrap_or_default();
    Ok(matched(&carry_out(node, Request::Disconnect { select, reconnect }).await?))
}

fn rooms_of(node: &Node, body: &str) -> Result<(Select, Vec<Room>), Problem> {
    let [name, rooms, to, except] = fields(body, "", ROOMS_FIELDS)?;
    let select = select(node, name, to, except)?;
    let rooms = rooms.map(|rooms| room_list(&rooms)).transpose()?;
    match rooms {
        Some(rooms) if (1..=AUDIENCE_ROOMS_MAX).contains(&rooms.len()) => Ok((select, rooms)),
        _ => {
            let detail = format!("expected 1 to {AUDIENCE_ROOMS_MAX} rooms");
            Err(Problem::invalid("rooms", detail))
        }
    }
}

fn select(
    node: &Node,
    name: Option<Field<'_>>,
    to: Option<Field<'_>>,
    except: Option<Field<'_>>,
) -> Result<Select, Problem> {
    let name = name.map(|name| name.string()).transpose()?;
    Ok(Select { namespace: namespace(&node.namespaces, name.as_deref())?, audience: audience("select", to, except)? })
}

/// How many connections an order was about, on all nodes.
#[derive(Default)]
struct Done {
    matched: usize,
    /// Of these: joined none of the rooms.
    refused: usize,
    /// Some rooms do not get yet what is published on other nodes.
    degraded: bool,
}

async fn carry_out(node: &Node, request: Request) -> Result<Done, Problem> {
    let mut done = Done::default();
    ask(node, request, Code::OutcomeUnknown, |answer| match answer {
        Answer::Matched(count) => done.matched += count,
        Answer::Refused(count) => done.refused += count,
        Answer::Degraded(rooms) => done.degraded |= rooms > 0,
        _ => {}
    })
    .await?;
    Ok(done)
}

fn matched(done: &Done) -> Response<Body> {
    answer::json(StatusCode::OK, format!(r#"{{"matched":{}}}"#, done.matched))
}
