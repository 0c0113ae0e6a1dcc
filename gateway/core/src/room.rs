//! Names: rooms and namespaces.
//!
//! A name is a shared string, checked once when it is made, so that holders need
//! not check again. Deliberately absent: membership (the gateway's room table) and
//! permission (the gateway's rules).

use std::fmt;
use std::sync::Arc;

use crate::id::SocketId;

/// Longest name of a room, a user or a namespace, in bytes of UTF-8.
pub const NAME_BYTES_MAX: usize = 255;
/// Rooms that begin so are the gateway's own: clients may not name them.
pub const RESERVED_PREFIX: char = '~';

/// Why a text is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// No characters at all.
    Empty,
    /// More than [`NAME_BYTES_MAX`] bytes.
    TooLong,
    /// A control character, such as a line break or NUL.
    Control,
    /// A namespace that does not begin with `/`, or has a `,` or `?` in it.
    NotANamespace,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a name needs at least one character",
            Self::TooLong => "a name has at most 255 bytes",
            Self::Control => "a name has no control characters",
            Self::NotANamespace => "a namespace begins with '/' and has neither ',' nor '?'",
        })
    }
}

impl std::error::Error for NameError {}

fn check(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        Err(NameError::Empty)
    } else if text.len() > NAME_BYTES_MAX {
        Err(NameError::TooLong)
    } else if text.chars().any(char::is_control) {
        Err(NameError::Control)
    } else {
        Ok(())
    }
}

/// The name of a room: 1 to 255 bytes of UTF-8 without control characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Room(Arc<str>);

impl Room {
    /// Checks and takes a name.
    pub fn new(text: &str) -> Result<Self, NameError> {
        check(text).map(|()| Self(text.into()))
    }

    /// The reserved room of all connections of the user `user`.
    pub fn of_user(user: &str) -> Result<Self, NameError> {
        Self::new(&format!("{RESERVED_PREFIX}user:{user}"))
    }

    /// The private room of one socket: the room named after its id.
    pub fn of_socket(id: &SocketId) -> Self {
        Self(id.as_str().into())
    }

    /// Whether the name belongs to the gateway, so that clients may not use it.
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with(RESERVED_PREFIX)
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a namespace: a room's rules, begins with `/`, no `,` and no `?`
/// (Socket.IO's packet grammar ends a namespace at the comma).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Namespace(Arc<str>);

impl Namespace {
    /// Checks and takes a name.
    pub fn new(text: &str) -> Result<Self, NameError> {
        check(text)?;
        if !text.starts_with('/') || text.contains([',', '?']) {
            return Err(NameError::NotANamespace);
        }
        Ok(Self(text.into()))
    }

    /// The main namespace, `/`.
    pub fn root() -> Self {
        Self("/".into())
    }

    /// Whether this is `/`, which Socket.IO leaves out of its packets.
    pub fn is_root(&self) -> bool {
        &*self.0 == "/"
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! name {
    ($name:ident) => {
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), self.0)
            }
        }
    };
}

name!(Room);
name!(Namespace);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_are_1_to_255_bytes_without_control_characters() {
        assert!(Room::new("orders:42").is_ok());
        assert!(Room::new(&"é".repeat(127)).is_ok());
        assert_eq!(Room::new(""), Err(NameError::Empty));
        assert_eq!(Room::new(&"é".repeat(128)), Err(NameError::TooLong));
        assert_eq!(Room::new("a\u{7f}"), Err(NameError::Control));
        assert_eq!(Room::new("a\0"), Err(NameError::Control));
    }

    #[test]
    fn a_users_room_is_reserved() {
        let room = Room::of_user("7").expect("a name");
        assert_eq!(room.as_str(), "~user:7");
        assert!(room.is_reserved());
        assert!(!Room::new("user:7").expect("a name").is_reserved());
    }

    #[test]
    fn namespaces_follow_the_packet_grammar() {
        assert!(Namespace::new("/").expect("root").is_root());
        assert!(Namespace::new("/custom").is_ok());
        for text in ["custom", "/a,b", "/a?b"] {
            assert_eq!(Namespace::new(text), Err(NameError::NotANamespace), "{text}");
        }
    }
}
