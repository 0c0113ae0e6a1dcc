//! Errors of the API: problem+json (RFC 9457) with stable codes, all of them in one enum.

use std::fmt::Write as _;

use hyper::StatusCode;
use roomcast_core::adapter::PublishError;
use roomcast_core::room::NameError;

macro_rules! codes {
    ($( $(#[doc = $what:literal])+ $name:ident = $code:literal, $status:ident, $title:literal; )+) => {
        /// What is wrong, for programs. The codes are stable; titles and details are for people.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Code {
            $( $(#[doc = $what])+ $name, )+
        }

        impl Code {
            /// All of them.
            pub(super) const ALL: &'static [Self] = &[$( Self::$name, )+];

            /// When it is the answer.
            pub(super) fn meaning(self) -> &'static str {
                match self { $( Self::$name => concat!($( $what ),+).trim_ascii(), )+ }
            }

            /// The stable code.
            pub(crate) fn text(self) -> &'static str {
                match self { $( Self::$name => $code, )+ }
            }

            /// The HTTP status that it always goes with.
            pub(crate) fn status(self) -> StatusCode {
                match self { $( Self::$name => StatusCode::$status, )+ }
            }

            pub(super) fn title(self) -> &'static str {
                match self { $( Self::$name => $title, )+ }
            }
        }
    };
}

codes! {
    /// Not JSON, a wrong type, a value out of range.
    InvalidRequest = "invalid_request", BAD_REQUEST, "The request is not valid";
    /// A field, parameter or header that this version does not carry out.
    UnsupportedField = "unsupported_field", BAD_REQUEST, "This version does not carry that field out";
    /// No key, an unknown one or a wrong one.
    Unauthorized = "unauthorized", UNAUTHORIZED, "A valid key is needed";
    /// A key that does not open this route.
    ScopeDenied = "scope_denied", FORBIDDEN, "The key does not have the scope";
    /// A web page, while the API is open.
    OriginDenied = "origin_denied", FORBIDDEN, "Web pages may not use the API";
    /// A Host that is not this machine, while the API is open.
    HostDenied = "host_denied", FORBIDDEN, "The open API serves loopback host names only";
    /// No such path.
    NotFound = "not_found", NOT_FOUND, "There is nothing at this path";
    /// No such namespace.
    UnknownNamespace = "unknown_namespace", NOT_FOUND, "There is no such namespace";
    /// No such connection.
    UnknownConnection = "unknown_connection", NOT_FOUND, "There is no such connection";
    /// Another method is meant.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "The path has no such method";
    /// The body did not come in time.
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT, "The body took too long";
    /// A body, a line or a batch beyond its limit.
    PayloadTooLarge = "payload_too_large", PAYLOAD_TOO_LARGE, "The body is too large";
    /// Not a type, or an encoding, that is read here.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The body's type is not read here";
    /// Not the name of a room, or a reserved one.
    RoomNameInvalid = "room_name_invalid", UNPROCESSABLE_ENTITY, "The name cannot be a room's";
    /// No capacity at the moment; nobody got it.
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "The node is overloaded";
    /// The backend between nodes does not answer; nobody got it.
    AdapterUnavailable = "adapter_unavailable", SERVICE_UNAVAILABLE, "The adapter is not available";
    /// The answer never came: some may have got it.
    OutcomeUnknown = "outcome_unknown", SERVICE_UNAVAILABLE, "The outcome is not known";
    /// The node is going down; nobody got it.
    ShuttingDown = "shutting_down", SERVICE_UNAVAILABLE, "The node is shutting down";
    /// A shard does not run.
    NotAlive = "not_alive", SERVICE_UNAVAILABLE, "A shard is stuck";
}

/// One error, with what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    detail: String,
    /// JSON path, parameter or header that is at fault.
    field: Option<String>,
    /// Room that is at fault.
    room: Option<String>,
}

impl Problem {
    pub(super) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), field: None, room: None }
    }

    /// A value at `field` is not what it has to be.
    pub(super) fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Code::InvalidRequest, detail).at(field)
    }

    /// This version does not carry `field` out.
    pub(super) fn unsupported(field: impl Into<String>) -> Self {
        let field = field.into();
        Self::new(Code::UnsupportedField, format!("`{field}` is not in this version")).at(field)
    }

    /// `name` cannot be the name of a room.
    pub(super) fn room(name: &str, error: NameError) -> Self {
        let mut problem = Self::new(Code::RoomNameInvalid, error.to_string());
        problem.room = Some(name.into());
        problem
    }

    /// `name` begins with `~`.
    pub(super) fn reserved(name: &str) -> Self {
        let detail = "rooms that begin with `~` are the gateway's own; users are addressed by `users`";
        let mut problem = Self::new(Code::RoomNameInvalid, detail);
        problem.room = Some(name.into());
        problem
    }

    /// `name` is a connection's id.
    pub(super) fn private(name: &str) -> Self {
        let detail = "this room is the own room of a connection: nobody else joins it";
        let mut problem = Self::new(Code::RoomNameInvalid, detail);
        problem.room = Some(name.into());
        problem
    }

    pub(super) fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// The document of an answer by itself.
    pub(crate) fn document(&self) -> String {
        let mut text = format!(r#"{{"type":"about:blank","title":{}"#, json(self.code.title()));
        self.members(&mut text);
        text
    }

    /// One item of a batch's answer.
    pub(super) fn item(&self, out: &mut Vec<u8>) {
        let mut text = String::from("{");
        self.members(&mut text);
        // Without a title `status` is the first member, and the comma in front of it goes.
        out.push(b'{');
        out.extend_from_slice(text.as_bytes().get(2..).unwrap_or_default());
    }

    /// `,"status":…,…}`
    fn members(&self, text: &mut String) {
        let (status, code) = (self.code.status().as_u16(), self.code.text());
        // Writing to a string cannot fail.
        let _ = write!(text, r#","status":{status},"code":"{code}","detail":{}"#, json(&self.detail));
        for (name, value) in [("field", &self.field), ("room", &self.room)] {
            if let Some(value) = value {
                let _ = write!(text, r#","{name}":{}"#, json(value));
            }
        }
        text.push('}');
    }
}

impl From<PublishError> for Problem {
    fn from(error: PublishError) -> Self {
        let code = match error {
            PublishError::Unavailable => Code::AdapterUnavailable,
            PublishError::Overloaded => Code::Overloaded,
            PublishError::OutcomeUnknown => Code::OutcomeUnknown,
            PublishError::Closed => Code::ShuttingDown,
        };
        Self::new(code, error.to_string())
    }
}

/// A text as JSON.
pub(super) fn json(text: &str) -> String {
    // A string is always JSON.
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_says_what_is_wrong_and_where() {
        let problem = Problem::invalid("to.rooms[1]", "expected a \"string\"");
        assert_eq!(
            problem.document(),
            r#"{"type":"about:blank","title":"The request is not valid","status":400,"code":"invalid_request","detail":"expected a \"string\"","field":"to.rooms[1]"}"#
        );
        let mut item = Vec::new();
        Problem::reserved("~a").item(&mut item);
        let item: serde_json::Value = serde_json::from_slice(&item).expect("JSON");
        assert_eq!(item["status"], 422);
        assert_eq!(item["room"], "~a");
    }
}
