//! To whom: `{"rooms","users","connections","all"}` of `to`, `select` and `except`.

use roomcast_core::id::SocketId;
use roomcast_core::publication::Audience;
use roomcast_core::room::{Namespace, RESERVED_PREFIX, Room};

use super::object::{Field, fields};
use super::problem::{Code, Problem};
use crate::limits::AUDIENCE_ROOMS_MAX;
use crate::node::NamespaceEntry;

/// Fields of `to` and `select`.
pub(super) const TO_FIELDS: [&str; 4] = ["rooms", "users", "connections", "all"];
/// Fields of `except`.
pub(super) const EXCEPT_FIELDS: [&str; 3] = ["rooms", "users", "connections"];

/// Reads whom `to` names, without those whom `except` names. `name` is what `to` is called.
pub(super) fn audience(
    name: &'static str,
    to: Option<Field<'_>>,
    except: Option<Field<'_>>,
) -> Result<Audience, Problem> {
    let nobody = || {
        let detail = format!("`{name}` names nobody: give rooms, users or connections, or \"all\":true");
        Problem::invalid(name, detail)
    };
    let to = to.ok_or_else(nobody)?;
    let [rooms, users, connections, all] = fields(to.text(), name, TO_FIELDS)?;
    let named = targets(name, rooms, users, connections)?;
    let everybody = all.map(|all| all.boolean()).transpose()?.unwrap_or_default();
    if named.is_empty() && !everybody {
        return Err(nobody());
    }
    let except = match except {
        Some(except) => {
            let [rooms, users, connections] = fields(except.text(), "except", EXCEPT_FIELDS)?;
            targets("except", rooms, users, connections)?
        }
        None => Vec::new(),
    };
    let rooms = if everybody { Vec::new() } else { named };
    Ok(Audience { rooms, except })
}

/// Rooms, users' rooms and private rooms as one list.
fn targets(
    name: &'static str,
    rooms: Option<Field<'_>>,
    users: Option<Field<'_>>,
    connections: Option<Field<'_>>,
) -> Result<Vec<Room>, Problem> {
    let mut targets = match rooms {
        Some(rooms) => room_list(&rooms)?,
        None => Vec::new(),
    };
    if let Some(users) = users {
        for (index, user) in users.strings(AUDIENCE_ROOMS_MAX)?.iter().enumerate() {
            let room = Room::of_user(user).ok().filter(|_| !user.is_empty());
            let invalid = || Problem::invalid(format!("{}[{index}]", users.path()), "not the name of a user");
            targets.push(room.ok_or_else(invalid)?);
        }
    }
    if let Some(connections) = connections {
        for (index, id) in connections.strings(AUDIENCE_ROOMS_MAX)?.iter().enumerate() {
            let id = SocketId::parse(id).filter(|id| !id.as_str().starts_with(RESERVED_PREFIX));
            let invalid = || {
                let at = format!("{}[{index}]", connections.path());
                Problem::invalid(at, "not the id of a connection")
            };
            targets.push(Room::of_socket(&id.ok_or_else(invalid)?));
        }
    }
    if targets.len() > AUDIENCE_ROOMS_MAX {
        let detail = format!("names more than {AUDIENCE_ROOMS_MAX} rooms, users and connections");
        return Err(Problem::invalid(name, detail));
    }
    Ok(targets)
}

/// A list of rooms, none of them reserved.
pub(super) fn room_list(field: &Field<'_>) -> Result<Vec<Room>, Problem> {
    let names = field.strings(AUDIENCE_ROOMS_MAX)?;
    names
        .iter()
        .enumerate()
        .map(|(index, name)| room(name).map_err(|problem| problem.at(format!("{}[{index}]", field.path()))))
        .collect()
}

/// A room that backends may name.
pub(super) fn room(name: &str) -> Result<Room, Problem> {
    match Room::new(name) {
        Ok(room) if room.is_reserved() => Err(Problem::reserved(name)),
        Ok(room) => Ok(room),
        Err(error) => Err(Problem::room(name, error)),
    }
}

/// A declared namespace by its name, `/` if none is given.
pub(super) fn namespace(namespaces: &[NamespaceEntry], name: Option<&str>) -> Result<Namespace, Problem> {
    declared(namespaces, name).map(|(_, namespace)| namespace)
}

/// The same with its index, which is its name on the shards.
pub(super) fn declared(namespaces: &[NamespaceEntry], name: Option<&str>) -> Result<(u32, Namespace), Problem> {
    let name = name.unwrap_or("/");
    let mut entries = namespaces.iter().zip(0..);
    let found = entries.find(|(entry, _)| entry.name.as_str() == name);
    found.map(|(entry, index)| (index, entry.name.clone())).ok_or_else(|| {
        let detail = "this namespace is not declared in the settings";
        Problem::new(Code::UnknownNamespace, detail).at("namespace")
    })
}
