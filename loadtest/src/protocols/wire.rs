//! Bytes on the wire of one event and of one heartbeat. They do not depend on the machine, so
//! one reading is enough.

use std::path::Path;

use serde::Serialize;

use crate::error::Error;
use crate::http;
use crate::protocol::publish_body;
use crate::stamp::Stamp;
use crate::target::Target;
use crate::walk::socket::Socket;
use crate::walk::{Cost, Walk, Way};

/// Bytes of an event's argument.
pub(super) const PAYLOAD_BYTES: usize = 128;

/// A heartbeat that comes soon: its bytes are those of any other.
const SOON: [(&str, &str); 2] =
    [("ROOMCAST__SOCKET_IO__PING_INTERVAL_MS", "1000"), ("ROOMCAST__WEBSOCKET__PING_INTERVAL_MS", "1000")];

/// What one member of a room sends and receives.
#[derive(Debug, Serialize)]
pub(super) struct Wire {
    pub(super) way: Way,
    /// From the backend to the client, until the client waits for the next one.
    pub(super) event_to_client: Cost,
    /// From the client, without an acknowledgement.
    pub(super) event_from_client: Cost,
    /// A ping of the server with its answer.
    pub(super) heartbeat: Cost,
}

/// Measures a client that comes this way.
pub(super) fn measure(program: &Path, way: Way) -> Result<Wire, Error> {
    let gateway = Target::gateway(program, None)?;
    let mut walk = Walk::join(way, gateway.public, 0)?;
    let before = walk.cost();
    publish(&gateway)?;
    walk.event()?;
    let received = walk.cost();
    let payload = "x".repeat(PAYLOAD_BYTES);
    walk.publish(way, 1, &payload)?;
    let published = walk.cost();

    let gateway = Target::gateway_with(program, None, &SOON)?;
    let mut walk = Walk::join(way, gateway.public, 0)?;
    let quiet = walk.cost();
    walk.heartbeat()?;
    Ok(Wire {
        way,
        event_to_client: received.since(&before),
        event_from_client: published.since(&received),
        heartbeat: walk.cost().since(&quiet),
    })
}

/// As a backend does, to the room that the client is in.
fn publish(gateway: &Target) -> Result<(), Error> {
    let address = gateway.internal.ok_or_else(|| Error::Target("the gateway has no internal address".to_owned()))?;
    let stamp = Stamp { room: 0, room_sequence: 0, sequence: 0, intended_ns: 0 };
    let (mut body, mut request) = (Vec::new(), Vec::new());
    publish_body(&stamp, PAYLOAD_BYTES, &mut body);
    http::post(&address.to_string(), &body, &mut request);
    let mut socket = Socket::connect(address)?;
    socket.write(&request)?;
    socket.answer(202).map(drop)
}
