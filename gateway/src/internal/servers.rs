//! Servers that are no Roomcast nodes: they are asked only when a list's parameter `servers` says so, for
//! each page anew, as they know no pages.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use roomcast_core::cluster::{Answer, Request, RoomInfo, Select, SocketInfo};
use roomcast_core::id::{NodeTag, SocketId};
use roomcast_core::publication::Audience;
use roomcast_core::room::{Namespace, Room};

use super::ask::ask;
use super::problem::{Code, Problem};
use super::siblings::Sibling;
use crate::lists::RoomsQuery;
use crate::node::Node;

/// Connections of servers, by id: the first `items_max` behind `after`.
pub(super) async fn connections(
    node: &Node,
    (namespace, room): (Namespace, Option<Room>),
    nodes: &[Sibling],
    after: Option<&str>,
    items_max: usize,
) -> Result<Vec<SocketInfo>, Problem> {
    let ours: HashSet<NodeTag> = nodes.iter().map(|sibling| sibling.tag).collect();
    let is_ours = |id: &SocketId| id.home().is_some_and(|(tag, _)| ours.contains(&tag));
    let audience = room.map_or_else(Audience::everybody, Audience::room);
    let request = Request::FetchSockets { select: Select { namespace, audience }, servers: true };
    let mut found: BTreeMap<String, SocketInfo> = BTreeMap::new();
    ask(node, request, Code::AdapterUnavailable, |answer| {
        let Answer::Sockets(sockets) = answer else { return };
        for info in sockets.into_iter().filter(|info| !is_ours(&info.id)) {
            let id = info.id.as_str().to_owned();
            if after.is_none_or(|after| id.as_str() > after) {
                found.insert(id, info);
            }
            if found.len() > items_max {
                found.pop_last();
            }
        }
    })
    .await?;
    Ok(found.into_values().collect())
}

/// Rooms of servers, by name: the first that a query wants. They tell no sizes.
pub(super) async fn rooms(node: &Node, namespace: Namespace, query: &RoomsQuery) -> Result<Vec<RoomInfo>, Problem> {
    let mut found: BTreeSet<Room> = BTreeSet::new();
    let request = Request::ListRooms { namespace, servers: true };
    ask(node, request, Code::AdapterUnavailable, |answer| {
        let Answer::Rooms(rooms) = answer else { return };
        // Nodes tell sizes, and list no rooms without members.
        for RoomInfo { room, .. } in rooms.into_iter().filter(|info| info.members == 0) {
            let wanted =
                room.as_str().starts_with(&query.prefix) && query.after.as_ref().is_none_or(|after| room > *after);
            if wanted && !room.is_reserved() {
                found.insert(room);
            }
            if found.len() > query.items_max {
                found.pop_last();
            }
        }
    })
    .await?;
    Ok(found.into_iter().map(|room| RoomInfo { room, members: 0 }).collect())
}
