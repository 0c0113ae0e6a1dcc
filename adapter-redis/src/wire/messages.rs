//! What both formats say in the same words: packets, broadcasts with acknowledgements, answers.

use std::time::Duration;

use roomcast_core::cluster::{ClientAck, Select};
use roomcast_core::id::SocketId;
use roomcast_core::publication::{Audience, Origin, Payload, Publication, UnixMillis};
use roomcast_core::room::Namespace;
use serde_json::value::RawValue;

use super::item::{Fields, Item};
use super::part::Part;
use super::{Answered, SOMEONE, Unreadable, opts};

/// The field by which gateways know a request that they got on their own channel.
pub(super) const MARK: &str = "rc";
/// The types of Socket.IO packets that are events; old emitters send the second one.
pub(super) const EVENT: u64 = 2;
const BINARY_EVENT: u64 = 5;
/// How long clients may take to answer where a server does not say.
const ACK_TIMEOUT: Duration = Duration::from_secs(5);

/// A packet without its namespace.
pub(super) fn packet_of(publication: &Publication) -> Part<'_> {
    Part::Map(vec![("type", Part::Number(EVENT)), ("data", Part::event(&publication.payload))])
}

/// What Node servers pass on of a client's answer; `None` where it has no arguments.
pub(super) fn first_argument(ack: &ClientAck) -> Option<Part<'_>> {
    let arguments: Vec<&RawValue> = serde_json::from_str(&ack.args).ok()?;
    arguments.first().map(|first| Part::Json(first.get(), &ack.attachments))
}

/// A packet of which nothing but its frame is read yet.
#[derive(Debug)]
pub(super) struct Packet<'a> {
    kind: u64,
    data: Option<Item<'a>>,
    pub(super) nsp: Option<String>,
}

impl<'a> Packet<'a> {
    pub(super) fn read(item: Option<Item<'a>>) -> Result<Self, Unreadable> {
        let mut fields = item.and_then(Item::fields).ok_or(Unreadable::Malformed)?;
        let kind = fields.integer("type").ok_or(Unreadable::Malformed)?;
        Ok(Self { kind, data: fields.take("data"), nsp: fields.text("nsp") })
    }

    /// Its event. Binary values are where they are in the data, whatever the type says of them.
    pub(super) fn payload(self) -> Result<Payload, Unreadable> {
        match self.kind {
            EVENT | BINARY_EVENT => self.data.ok_or(Unreadable::Malformed)?.event(),
            _ => Err(Unreadable::Unsupported),
        }
    }
}

/// A publication and the time that clients have; `None`: it goes to nobody here.
pub(super) fn broadcast_with_acks(
    namespace: &Namespace,
    fields: &mut Fields<'_>,
    now: UnixMillis,
) -> Result<Option<(Publication, Duration)>, Unreadable> {
    let packet = Packet::read(fields.take("packet"))?;
    let opts = opts::read(fields.take("opts"))?;
    let Some(audience) = opts.audience else {
        return Ok(None);
    };
    let timeout = opts.flags.timeout.unwrap_or(ACK_TIMEOUT);
    let mut publication = Publication::new("".into(), namespace.clone(), audience, packet.payload()?, now);
    publication.origin = Origin::Cluster;
    opts.flags.apply(&mut publication);
    Ok(Some((publication, timeout)))
}

/// The JSON text of `[event,arg,…]`.
pub(super) fn emitted(item: Option<Item<'_>>) -> Result<String, Unreadable> {
    item.filter(Item::is_list).ok_or(Unreadable::Malformed)?.spelled()
}

/// Sockets of a namespace.
pub(super) fn select(namespace: &Namespace, audience: Audience) -> Select {
    Select { namespace: namespace.clone(), audience }
}

/// How many clients a server asked.
pub(super) fn client_count(fields: &mut Fields<'_>) -> Result<Answered, Unreadable> {
    let count = fields.integer("clientCount").and_then(|count| usize::try_from(count).ok());
    count.map(Answered::ClientCount).ok_or(Unreadable::Malformed)
}

/// What a client answered: its first argument, or none.
pub(super) fn acknowledged(argument: Option<Item<'_>>) -> Result<Answered, Unreadable> {
    let (argument, attachments) = match argument {
        Some(argument) => argument.value()?,
        None => (String::new(), Vec::new()),
    };
    let connection = SocketId::parse(SOMEONE).ok_or(Unreadable::Malformed)?;
    Ok(Answered::Ack(ClientAck { connection, args: format!("[{argument}]"), attachments }))
}

/// JSON text of a value; JavaScript's `undefined` is left out on the way.
pub(super) fn value_or_null(item: Option<Item<'_>>) -> Result<String, Unreadable> {
    item.map_or_else(|| Ok("null".to_owned()), |item| item.spelled())
}
