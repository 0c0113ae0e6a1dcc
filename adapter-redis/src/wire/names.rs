//! Names of the Node formats' channels, and the pattern of private rooms.
//!
//! A room's name may hold anything, `#` included, so a channel does not tell its parts: the
//! room `x` of `/` and the namespace `/#x` share one. What a message is about, it says itself.

use roomcast_core::id::NodeTag;
use roomcast_core::room::{Namespace, Room};

/// Bytes of a socket's id after the tag of its node.
const ID_REST: usize = 16;
/// Length by which the sharded adapter takes a room for the private one of a socket.
const ID_UNITS: usize = 20;

/// Broadcasts of a namespace; in the sharded format also its requests.
pub(super) fn namespace(prefix: &str, namespace: &Namespace) -> String {
    format!("{prefix}#{namespace}#")
}

/// Broadcasts to one room, or, in the sharded format, answers to one server.
pub(super) fn below(prefix: &str, namespace: &Namespace, last: &str) -> String {
    format!("{prefix}#{namespace}#{last}#")
}

/// Requests in the classic format.
pub(super) fn request(prefix: &str, namespace: &Namespace) -> String {
    format!("{prefix}-request#{namespace}#")
}

/// Answers in the classic format, heard by all.
pub(super) fn response(prefix: &str, namespace: &Namespace) -> String {
    format!("{prefix}-response#{namespace}#")
}

/// Answers in the classic format, to one server.
pub(super) fn response_to(prefix: &str, namespace: &Namespace, uid: &str) -> String {
    format!("{prefix}-response#{namespace}#{uid}#")
}

/// Whether a channel is the namespace's, or one of a room of it.
pub(super) fn is_within(prefix: &str, namespace: &str, channel: &str) -> bool {
    let rest = channel.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('#'));
    rest.and_then(|rest| rest.strip_prefix(namespace)).is_some_and(|rest| rest.starts_with('#'))
}

/// Whether the sharded adapter takes this room for a socket's.
pub(super) fn is_like_an_id(room: &Room) -> bool {
    room.as_str().encode_utf16().take(ID_UNITS + 1).count() == ID_UNITS
}

/// The pattern of the private rooms of all sockets born on one node, in all namespaces.
pub(super) fn private_rooms(prefix: &str, tag: NodeTag) -> String {
    let mut pattern = String::with_capacity(prefix.len() + 32);
    escape(prefix, &mut pattern);
    pattern.push_str("#/*#");
    escape(tag.as_str(), &mut pattern);
    pattern.extend(std::iter::repeat_n('?', ID_REST));
    pattern.push('#');
    pattern
}

/// Whether that pattern takes this channel in. A `?` stands for one byte.
pub(super) fn is_private(prefix: &str, tag: NodeTag, channel: &str) -> bool {
    let rest = channel.strip_prefix(prefix).and_then(|rest| rest.strip_prefix("#/")).map(str::as_bytes);
    let end = format!("#{tag}");
    rest.and_then(|rest| rest.strip_suffix(b"#")).is_some_and(|rest| {
        let cut = rest.len().checked_sub(end.len() + ID_REST);
        cut.and_then(|cut| rest.get(cut..)).is_some_and(|rest| rest.starts_with(end.as_bytes()))
    })
}

/// Text that a pattern of Redis takes for itself.
fn escape(text: &str, pattern: &mut String) {
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '^' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
}
