//! A publication on its way to sockets: encoded at most once per wire variant and
//! node, lazily, and then shared by all receivers.
//!
//! What varies per connection never enters these bytes: acknowledgement ids come
//! from one counter per namespace and node, and the plain protocol's `room` is the
//! published room when exactly one was addressed.

use std::sync::OnceLock;

use bytes::Bytes;

use crate::publication::{Position, Publication};
use crate::{engine_io, plain, socket_io, websocket};

/// How a publication looks on the wire: parser × framing × revision.
///
/// An open index: further variants are further numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variant {
    /// Socket.IO packets over Engine.IO 4 over WebSocket: complete frames, attachments included.
    SocketIoWebSocket,
    /// The same for a client that asked for `b64=1`: attachments as base64 text.
    SocketIoWebSocketBase64,
    /// Socket.IO packets as part of a polling payload: packets joined by 0x1e.
    SocketIoPolling,
    /// The plain protocol: one text frame with one JSON object.
    PlainWebSocket,
}

impl Variant {
    /// How many there are.
    pub const COUNT: usize = 4;
    /// All of them, in the order of [`Variant::index`].
    pub const ALL: [Self; Self::COUNT] =
        [Self::SocketIoWebSocket, Self::SocketIoWebSocketBase64, Self::SocketIoPolling, Self::PlainWebSocket];

    /// Position in [`Variant::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}

/// A publication as the adapter handed it back, with its place in the order.
#[derive(Debug)]
pub struct Delivery {
    /// What to deliver.
    pub publication: Publication,
    /// Its place in the namespace's order; `None` where the adapter keeps none.
    pub position: Option<Position>,
    /// What the plain protocol says instead of the event, where it has a message of its own.
    plain: Option<String>,
    encoded: [OnceLock<Bytes>; Variant::COUNT],
}

impl Delivery {
    /// Nothing is encoded yet.
    pub fn new(publication: Publication, position: Option<Position>) -> Self {
        Self { publication, position, plain: None, encoded: Default::default() }
    }

    /// What the gateway itself has to say: an event for Socket.IO clients, and the text of a message of its
    /// own for plain ones.
    pub fn notice(publication: Publication, plain: String) -> Self {
        Self { publication, position: None, plain: Some(plain), encoded: Default::default() }
    }

    /// The bytes of this publication for `variant`: one group that is never split by other packets.
    pub fn encoded(&self, variant: Variant) -> &Bytes {
        let cell = &self.encoded[variant.index()];
        cell.get_or_init(|| self.encode(variant))
    }

    fn encode(&self, variant: Variant) -> Bytes {
        let publication = &self.publication;
        let payload = &publication.payload;
        let namespace = publication.namespace.as_str();
        let mut out = Vec::with_capacity(payload.bytes() + 64);
        if variant == Variant::PlainWebSocket {
            let event = || plain::event(publication.audience.single_room().map(crate::room::Room::as_str), payload);
            let text = self.plain.clone().unwrap_or_else(event);
            websocket::encode(websocket::Opcode::Text, text.as_bytes(), &mut out);
        } else {
            let framing = match variant {
                Variant::SocketIoPolling => engine_io::Framing::Polling,
                Variant::SocketIoWebSocketBase64 => engine_io::Framing::WebSocketBase64,
                Variant::SocketIoWebSocket | Variant::PlainWebSocket => engine_io::Framing::WebSocket,
            };
            let text = socket_io::encode_event(namespace, publication.ack, payload);
            engine_io::encode_message(framing, &text, payload.attachments(), &mut out);
        }
        out.into()
    }
}
