//! Text frames of the plain protocol: a command within its bounds that can be written
//! again, or an answer that is JSON.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roomcast_core::plain::{
    self, Command, DecodeError, ID_BYTES_MAX, INVALID_REQUEST, Kind, ROOMS_MAX, UNKNOWN_TYPE, UNSUPPORTED_FIELD,
};
use roomcast_core::publication::{ATTACHMENTS_MAX, Payload};
use roomcast_core::socket_io::{DEPTH_MAX, check_event};

use super::tools;

/// Bytes of a refusal beside those of the client that it repeats.
const REFUSAL_BYTES_MAX: usize = 1024;

/// See the module.
pub fn check(data: &[u8]) -> bool {
    let text = tools::text(data);
    match plain::decode(text) {
        Ok(command) => {
            accepted(&command);
            true
        }
        Err(DecodeError::NotAnObject) => false,
        Err(DecodeError::Refused { id, code, message }) => {
            assert!(tools::is_json(text), "what is no JSON is no object");
            assert!([INVALID_REQUEST, UNKNOWN_TYPE, UNSUPPORTED_FIELD].contains(&code));
            assert!(message.len() <= REFUSAL_BYTES_MAX && !message.is_empty());
            assert!(id.as_ref().is_none_or(|id| id.trim_matches('"').len() <= ID_BYTES_MAX));
            let answer = plain::error(id.as_deref(), code, &message, None);
            assert!(tools::is_json(&answer), "{answer}");
            false
        }
    }
}

fn accepted(command: &Command<'_>) {
    let id = command.id.map(serde_json::value::RawValue::get);
    assert!(id.is_none_or(|id| id.trim_matches('"').len() <= ID_BYTES_MAX && tools::is_json(id)));
    let answer = plain::ok(id, "");
    assert!(tools::is_json(&answer), "{answer}");

    let members = match &command.kind {
        Kind::Subscribe(rooms) => format!(r#""type":"subscribe","rooms":{}"#, names(rooms)),
        Kind::Unsubscribe(rooms) => format!(r#""type":"unsubscribe","rooms":{}"#, names(rooms)),
        Kind::Publish { room, payload: sent } => {
            let event = plain::event(Some(room), sent);
            assert!(tools::is_json(&event), "{event}");
            format!(r#""type":"publish","room":{},{}"#, quoted(room), payload(sent))
        }
        Kind::Emit(sent) => format!(r#""type":"emit",{}"#, payload(sent)),
        Kind::Auth(token) => format!(r#""type":"auth","token":{}"#, quoted(token)),
    };
    let text = id.map_or_else(|| format!("{{{members}}}"), |id| format!(r#"{{"id":{id},{members}}}"#));
    let again = plain::decode(&text).expect("written again");
    assert_eq!(again.id.map(serde_json::value::RawValue::get), id);
    assert!(same(&again.kind, &command.kind), "{text}");
}

fn names(rooms: &[Cow<'_, str>]) -> String {
    assert!((1..=ROOMS_MAX).contains(&rooms.len()));
    let rooms: Vec<String> = rooms.iter().map(|room| quoted(room)).collect();
    format!("[{}]", rooms.join(","))
}

/// The members of a payload, each within its bounds.
fn payload(payload: &Payload) -> String {
    let attachments = payload.attachments();
    assert!(attachments.len() <= ATTACHMENTS_MAX);
    assert!(tools::depth(payload.data()) <= DEPTH_MAX);
    assert_eq!(check_event(payload.data(), attachments.len()), Ok(()));
    let (event, args) = payload.split();
    let attachments: Vec<String> = attachments.iter().map(|bytes| format!("\"{}\"", STANDARD.encode(bytes))).collect();
    format!(r#""event":{event},"args":[{args}],"attachments":[{}]"#, attachments.join(","))
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("text is JSON")
}

fn same(one: &Kind<'_>, other: &Kind<'_>) -> bool {
    match (one, other) {
        (Kind::Subscribe(one), Kind::Subscribe(other)) | (Kind::Unsubscribe(one), Kind::Unsubscribe(other)) => {
            one == other
        }
        (Kind::Publish { room, payload }, Kind::Publish { room: other_room, payload: other }) => {
            room == other_room && payload == other
        }
        (Kind::Emit(one), Kind::Emit(other)) => one == other,
        (Kind::Auth(one), Kind::Auth(other)) => one == other,
        _ => false,
    }
}
