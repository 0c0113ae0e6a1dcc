//! Bodies of `POST /v1/publish`: a publication within its bounds that every wire variant
//! can carry, or problem+json with a stable code.

use std::sync::LazyLock;

use bytes::Bytes;
use roomcast::fuzzing::{self, Refused};
use roomcast::limits::{ACK_TIMEOUT_MS_MAX, AUDIENCE_ROOMS_MAX};
use roomcast::node::NamespaceEntry;
use roomcast::settings::{Namespace, Settings};
use roomcast_core::delivery::{Delivery, Variant};
use roomcast_core::publication::{AckRequest, Class, Payload, Publication};
use roomcast_core::room::{NAME_BYTES_MAX, RESERVED_PREFIX, Room};
use roomcast_core::websocket::{Decoder, Limits, Message, Role};
use roomcast_core::{engine_io, socket_io};
use serde_json::Value;

use super::tools;

static SETTINGS: LazyLock<Settings> = LazyLock::new(|| {
    let mut settings = Settings::default();
    settings.namespaces.push(Namespace { name: "/chat".into(), ..Namespace::default() });
    settings
});
static NAMESPACES: LazyLock<Vec<NamespaceEntry>> = LazyLock::new(|| fuzzing::namespaces(&SETTINGS));

const NOW: u64 = 1_700_000_000_000;

/// See the module.
pub fn check(data: &[u8]) -> bool {
    let text = tools::text(data);
    match fuzzing::publication(&NAMESPACES, &SETTINGS, "made", NOW, text) {
        Ok((publication, ack)) => {
            assert!(tools::is_json(text), "what is accepted is JSON");
            bounded(&publication, ack);
            delivered(publication);
            true
        }
        Err(refused) => {
            explained(&refused);
            false
        }
    }
}

fn explained(Refused { status, code, document }: &Refused) {
    assert!([400, 404, 413, 422].contains(status), "{status}: reading alone finds the sender at fault");
    let document: Value = serde_json::from_str(document).expect("problem+json");
    assert_eq!(document["status"], *status);
    assert_eq!(document["code"], *code);
    assert!(document["title"].is_string() && document["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    assert!(*code != "unsupported_field" || document["field"].is_string(), "{document}");
}

fn bounded(publication: &Publication, ack: Option<AckRequest>) {
    assert!(NAMESPACES.iter().any(|entry| entry.name == publication.namespace));
    assert!((1..=NAME_BYTES_MAX).contains(&publication.id.len()));
    assert!(publication.key.as_ref().is_none_or(|key| (1..=NAME_BYTES_MAX).contains(&key.len())));
    assert!(publication.class != Class::Latest || publication.key.is_some());
    assert!(publication.expires_at.is_none_or(|at| at > NOW));
    assert_eq!(publication.published_at, NOW);
    for rooms in [&publication.audience.rooms, &publication.audience.except] {
        assert!(rooms.len() <= AUDIENCE_ROOMS_MAX);
        assert!(rooms.iter().all(is_addressable), "{rooms:?}");
    }
    if let Some(ack) = ack {
        assert!((1..=u128::from(ACK_TIMEOUT_MS_MAX)).contains(&ack.timeout.as_millis()));
        assert!(ack.collect_max <= SETTINGS.limits.list_items_max);
    }
    let payload = &publication.payload;
    assert_eq!(socket_io::check_event(payload.data(), payload.attachments().len()), Ok(()));
    assert!(tools::depth(payload.data()) <= socket_io::DEPTH_MAX);
}

/// The gateway's own rooms are reached as users, and in no other way.
fn is_addressable(room: &Room) -> bool {
    let name = room.as_str();
    Room::new(name).is_ok() && (!name.starts_with(RESERVED_PREFIX) || name.len() > "~user:".len())
}

/// Every variant is something that its receivers read, and read the same from.
fn delivered(publication: Publication) {
    let payload = publication.payload.clone();
    let namespace = publication.namespace.clone();
    let delivery = Delivery::new(publication, None);

    let plain = messages(delivery.encoded(Variant::PlainWebSocket));
    let [(text, _)] = &plain[..] else { unreachable!("one text frame, not {plain:?}") };
    assert!(tools::is_json(text), "{text}");

    for variant in [Variant::SocketIoWebSocket, Variant::SocketIoWebSocketBase64] {
        let mut packets = Vec::new();
        for (text, binary) in messages(delivery.encoded(variant)) {
            packets.push(binary.map_or_else(|| owned(&engine_io::decode(&text)), Ok));
        }
        received(&packets, &payload, namespace.as_str());
    }
    let polled = std::str::from_utf8(delivery.encoded(Variant::SocketIoPolling)).expect("a payload is text");
    let packets: Vec<_> = engine_io::decode_payload(polled).map(|packet| owned(&packet)).collect();
    received(&packets, &payload, namespace.as_str());
}

/// The text of a message, or the bytes of a binary one.
fn owned(packet: &Result<engine_io::Packet<'_>, engine_io::DecodeError>) -> Result<Bytes, String> {
    match packet {
        Ok(engine_io::Packet::Message(text)) => Err((*text).to_owned()),
        Ok(engine_io::Packet::Binary(bytes)) => Ok(Bytes::copy_from_slice(bytes)),
        other => unreachable!("{other:?}"),
    }
}

fn messages(frames: &Bytes) -> Vec<(String, Option<Bytes>)> {
    let mut stream = frames.to_vec();
    let limits = Limits { message_bytes_max: stream.len(), fragments_max: 1 };
    let mut decoder = Decoder::new(Role::Client);
    let mut rest = &mut stream[..];
    let mut found = Vec::new();
    while !rest.is_empty() {
        let step = decoder.next(rest, &limits).expect("frames");
        let consumed = step.consumed;
        found.push(match step.message.expect("whole frames") {
            Message::Text(text) => (text.to_owned(), None),
            Message::Binary(bytes) => (String::new(), Some(Bytes::copy_from_slice(bytes))),
            other => unreachable!("{other:?}"),
        });
        rest = rest.get_mut(consumed..).expect("no more is used than there was");
    }
    found
}

/// A client puts the packet together and has what was published.
fn received(packets: &[Result<Bytes, String>], payload: &Payload, namespace: &str) {
    let Some((Err(text), binary)) = packets.split_first() else {
        unreachable!("text first, not {packets:?}");
    };
    let packet = socket_io::decode(text).expect("a packet");
    let expected = payload.attachments();
    let announced = expected.len();
    let event = socket_io::Packet::Event { namespace, ack: None, data: payload.data(), attachments: announced };
    assert_eq!(packet, event);
    assert!(binary.iter().map(Result::as_ref).eq(expected.iter().map(Ok)));
}
