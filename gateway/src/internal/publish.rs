//! `POST /v1/publish`: one publication, read strictly, admitted, handed to the adapter.
//!
//! Deliberately absent: idempotency (an `id` is carried along, a repeat is another
//! publication) and history.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::{Response, StatusCode};
use roomcast_core::adapter::{BoxFuture, PublishError, Reach, Receipt};
use roomcast_core::publication::{
    ATTACHMENTS_MAX, AckRequest, Class, Fallback, Payload, PayloadError, Publication, UnixMillis,
};
use roomcast_core::room::NAME_BYTES_MAX;
use serde_json::value::RawValue;

use super::answer::{self, Body};
use super::object::{Field, fields};
use super::outcome::count_receipt;
use super::problem::Problem;
use super::{acks, audience};
use crate::limits::{ACK_TIMEOUT_MS_DEFAULT, ACK_TIMEOUT_MS_MAX, LIST_ITEMS_DEFAULT, NUMBER_MAX};
use crate::node::{NamespaceEntry, Node};

/// What a body asks for.
pub(crate) struct Wish {
    pub(crate) publication: Publication,
    pub(crate) ack: Option<AckRequest>,
}

/// Answers a request.
pub(super) async fn serve(node: &Node, body: &str) -> Result<Response<Body>, Problem> {
    let wish = read(node, body)?;
    if let Some(ack) = wish.ack {
        return acks::serve(node, wish.publication, ack).await;
    }
    let id = Arc::clone(&wish.publication.id);
    let handed = match hand_over(node, wish.publication) {
        Ok(receipt) => receipt.await,
        Err(_) => Err(PublishError::Overloaded),
    };
    let receipt = count_receipt(node, handed)?;
    let mut out = Vec::from(b"{");
    accepted(&id, receipt, &mut out);
    Ok(answer::json(StatusCode::ACCEPTED, out))
}

/// `"id":…,"position":…}`, and before its end `"reach":"node"` if it went no further.
pub(super) fn accepted(id: &str, receipt: Receipt, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\"id\":");
    // Writing a string to a vector cannot fail.
    let _ = serde_json::to_writer(&mut *out, id);
    out.extend_from_slice(b",\"position\":");
    match receipt.position {
        Some(position) => out.extend_from_slice(format!("\"{position}\"").as_bytes()),
        None => out.extend_from_slice(b"null"),
    }
    if receipt.reach == Reach::ThisNode {
        out.extend_from_slice(b",\"reach\":\"node\"");
    }
    out.push(b'}');
}

/// Reserves room in the shards concerned and hands the publication to the adapter: its place
/// in the order is taken when this returns. Gives it back if there is no room.
pub(super) fn hand_over(
    node: &Node,
    mut publication: Publication,
) -> Result<BoxFuture<'static, Result<Receipt, PublishError>>, Box<Publication>> {
    let bytes = publication.payload.bytes();
    match node.admit(&publication.namespace, &publication.audience, bytes) {
        Ok(admission) => {
            publication.admission = Some(admission);
            Ok(node.adapter.publish(publication))
        }
        Err(_) => Err(Box::new(publication)),
    }
}

/// Fields of a publish object.
pub(super) const FIELDS: [&str; 13] = [
    "namespace",
    "to",
    "except",
    "event",
    "args",
    "data",
    "attachments",
    "id",
    "key",
    "ttl_ms",
    "delivery",
    "fallback",
    "ack",
];

/// Fields of its `ack`.
pub(super) const ACK_FIELDS: [&str; 3] = ["timeout_ms", "want", "limit"];

/// Reads a publish object.
pub(super) fn read(node: &Node, text: &str) -> Result<Wish, Problem> {
    let given = Given {
        namespaces: &node.namespaces,
        list_items_max: node.settings().limits.list_items_max,
        now: node.clock.unix(),
        next_id: &|| node.publication_id(),
    };
    read_with(&given, text)
}

/// What the reading of a publish object depends on beside its text.
pub(crate) struct Given<'a> {
    pub(crate) namespaces: &'a [NamespaceEntry],
    /// `limits.list_items_max`
    pub(crate) list_items_max: usize,
    pub(crate) now: UnixMillis,
    /// Names a publication whose publisher did not.
    pub(crate) next_id: &'a dyn Fn() -> Arc<str>,
}

/// [`read`] without a node.
pub(crate) fn read_with(given: &Given<'_>, text: &str) -> Result<Wish, Problem> {
    let [namespace, to, except, event, args, data, attachments, id, key, ttl, delivery, otherwise, ack] =
        fields(text, "", FIELDS)?;
    let namespace = namespace.map(|name| name.string()).transpose()?;
    let namespace = audience::namespace(given.namespaces, namespace.as_deref())?;
    let audience = audience::audience("to", to, except)?;
    let payload = payload(event, args, data, attachments)?;
    let id = match id {
        Some(id) => id.name(NAME_BYTES_MAX)?.into(),
        None => (given.next_id)(),
    };
    let mut publication = Publication::new(id, namespace, audience, payload, given.now);
    publication.key = key.map(|key| key.name(NAME_BYTES_MAX)).transpose()?.map(Arc::from);
    publication.class = match delivery {
        Some(delivery) => class(&delivery, publication.key.is_some())?,
        None => Class::Reliable,
    };
    let ttl = ttl.map(|ttl| ttl.number(1, NUMBER_MAX)).transpose()?;
    publication.expires_at = ttl.map(|ttl| given.now.saturating_add(ttl));
    if let Some(otherwise) = otherwise {
        publication.fallback = fallback(&otherwise, ack.is_some())?;
    }
    let ack = ack.map(|ack| ack_request(given.list_items_max, &ack)).transpose()?;
    Ok(Wish { publication, ack })
}

fn class(delivery: &Field<'_>, has_key: bool) -> Result<Class, Problem> {
    match &*delivery.string()? {
        "default" => Ok(Class::Reliable),
        "volatile" => Ok(Class::Volatile),
        "latest" if has_key => Ok(Class::Latest),
        "latest" => {
            Err(Problem::invalid("key", "delivery \"latest\" needs a `key`: the latest one of each key is kept"))
        }
        _ => Err(delivery.invalid("expected \"default\", \"volatile\" or \"latest\"")),
    }
}

/// What is done while the backend between nodes does not answer.
fn fallback(otherwise: &Field<'_>, with_ack: bool) -> Result<Fallback, Problem> {
    match &*otherwise.string()? {
        "refuse" => Ok(Fallback::Refuse),
        "node" if with_ack => Err(otherwise.invalid("not together with `ack`: all nodes are asked, or none")),
        "node" => Ok(Fallback::ThisNode),
        _ => Err(otherwise.invalid("expected \"refuse\" or \"node\"")),
    }
}

fn payload(
    event: Option<Field<'_>>,
    args: Option<Field<'_>>,
    data: Option<Field<'_>>,
    attachments: Option<Field<'_>>,
) -> Result<Payload, Problem> {
    let event = event.ok_or_else(|| Problem::invalid("event", "the event's name is missing"))?;
    let name = event.string()?;
    if name.is_empty() {
        return Err(event.invalid("the event's name is empty"));
    }
    let attachments = match attachments {
        Some(attachments) => binary(&attachments)?,
        None => Vec::new(),
    };
    // The text of `args` has been read once already and is not read again.
    let wrapped;
    let (args, at) = match (args, data) {
        (Some(_), Some(data)) => {
            return Err(data.invalid("`data` is short for one argument: give it or `args`, not both"));
        }
        (Some(args), None) if !args.text().starts_with('[') => {
            return Err(args.invalid("expected an array of arguments"));
        }
        (Some(args), None) => (args.raw(), "args"),
        (None, data) => {
            let data = data.map_or("", |data| data.text());
            wrapped = RawValue::from_string(format!("[{data}]"))
                .map_err(|error| Problem::invalid("data", error.to_string()))?;
            (&*wrapped, "data")
        }
    };
    Payload::new(&name, args, attachments).map_err(|error| {
        let at = match error {
            PayloadError::ReservedEvent => "event",
            PayloadError::TooManyAttachments => "attachments",
            PayloadError::NotAnEvent | PayloadError::Placeholder | PayloadError::TooDeep => at,
        };
        Problem::invalid(at, error.to_string())
    })
}

fn binary(attachments: &Field<'_>) -> Result<Vec<Bytes>, Problem> {
    let texts = attachments.strings(ATTACHMENTS_MAX)?;
    let decode = |(index, text): (usize, &std::borrow::Cow<'_, str>)| {
        STANDARD.decode(text.as_bytes()).map(Bytes::from).map_err(|error| {
            let at = format!("{}[{index}]", attachments.path());
            Problem::invalid(at, format!("not base64: {error}"))
        })
    };
    texts.iter().enumerate().map(decode).collect()
}

fn ack_request(most: usize, ack: &Field<'_>) -> Result<AckRequest, Problem> {
    let [timeout, want, limit] = fields(ack.text(), "ack", ACK_FIELDS)?;
    let timeout = timeout.map(|timeout| timeout.number(1, ACK_TIMEOUT_MS_MAX)).transpose()?;
    let collect = match &want {
        None => false,
        Some(want) => match &*want.string()? {
            "count" => false,
            "collect" => true,
            _ => return Err(want.invalid("expected \"count\" or \"collect\"")),
        },
    };
    let collect_max = match limit {
        Some(limit) if !collect => return Err(limit.invalid("`limit` is for \"want\":\"collect\"")),
        Some(limit) => limit.number(1, most as u64)? as usize,
        None if collect => LIST_ITEMS_DEFAULT.min(most),
        None => 0,
    };
    Ok(AckRequest { timeout: Duration::from_millis(timeout.unwrap_or(ACK_TIMEOUT_MS_DEFAULT)), collect_max })
}
