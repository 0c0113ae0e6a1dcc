//! Why a client's request is refused: a stable code, and what to do about it.

use roomcast_core::adapter::PublishError;
use roomcast_core::room::NameError;

use crate::limits::SUBSCRIBE_ROOMS_MAX;
use crate::metrics::ClientErrorCode;

#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) code: ClientErrorCode,
    pub(crate) message: String,
    pub(crate) room: Option<String>,
}

impl Refused {
    pub(crate) fn new(code: ClientErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), room: None }
    }

    pub(crate) fn about(mut self, room: &str) -> Self {
        self.room = Some(room.to_owned());
        self
    }

    pub(crate) fn names() -> Self {
        let message = format!("name one room, or an array of 1 to {SUBSCRIBE_ROOMS_MAX} rooms");
        Self::new(ClientErrorCode::InvalidRequest, message)
    }

    pub(crate) fn no_room() -> Self {
        Self::new(ClientErrorCode::InvalidRequest, "name the room first, then the event and its arguments")
    }

    pub(crate) fn room(name: &str, error: NameError) -> Self {
        let refused = Self::new(ClientErrorCode::RoomNameInvalid, error.to_string());
        // A name that is too long is not repeated: the answer stays small.
        if error == NameError::TooLong { refused } else { refused.about(name) }
    }

    pub(crate) fn reserved(name: &str) -> Self {
        Self::new(ClientErrorCode::Forbidden, "rooms that begin with '~' belong to the gateway").about(name)
    }

    pub(crate) fn forbidden(name: &str, what: &str) -> Self {
        Self::new(ClientErrorCode::Forbidden, format!("this namespace does not let clients {what}")).about(name)
    }

    pub(crate) fn too_many_rooms(max: usize) -> Self {
        Self::new(ClientErrorCode::TooManyRooms, format!("at most {max} rooms on one connection"))
    }

    pub(crate) fn no_backend() -> Self {
        Self::new(
            ClientErrorCode::NoBackend,
            "no backend takes client events here; subscribe and publish are understood",
        )
    }

    pub(crate) fn invalid(message: String) -> Self {
        Self::new(ClientErrorCode::InvalidRequest, message)
    }

    pub(crate) fn to_json(&self) -> serde_json::Value {
        let mut error = serde_json::json!({ "code": self.code.label(), "message": self.message });
        if let (Some(room), Some(members)) = (&self.room, error.as_object_mut()) {
            members.insert("room".into(), room.as_str().into());
        }
        error
    }
}

impl From<PublishError> for Refused {
    fn from(error: PublishError) -> Self {
        let code = match error {
            PublishError::Overloaded => ClientErrorCode::Overloaded,
            PublishError::Unavailable | PublishError::Closed => ClientErrorCode::AdapterUnavailable,
            PublishError::OutcomeUnknown => ClientErrorCode::OutcomeUnknown,
        };
        Self::new(code, error.to_string())
    }
}
