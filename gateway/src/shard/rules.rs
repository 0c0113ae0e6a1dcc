//! What a shard needs of the settings, in its own units.

use roomcast_core::session;
use roomcast_core::websocket;

use super::outbox::Bounds;
use crate::settings::Settings;

#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// Of Socket.IO sessions.
    pub(crate) socket_io: session::Rules,
    /// Of plain WebSockets and of `/echo`.
    pub(crate) plain: session::Rules,
    pub(crate) frames: websocket::Limits,
    pub(crate) outbox: Bounds,
    pub(crate) rooms_per_connection_max: usize,
    pub(crate) namespaces_per_connection_max: usize,
    pub(crate) acks_pending_max: usize,
    pub(crate) upgrade: bool,
    pub(crate) events: EventNames,
}

/// Names of the events that the gateway itself understands, as JSON text.
#[derive(Clone, Debug)]
pub(crate) struct EventNames {
    pub(crate) subscribe: String,
    pub(crate) unsubscribe: String,
    pub(crate) publish: String,
    /// Not JSON: the name of the event that tells of a refusal nobody waits for.
    pub(crate) error: String,
}

impl Rules {
    pub(crate) fn new(settings: &Settings) -> Self {
        let (limits, socket_io, plain) = (&settings.limits, &settings.socket_io, &settings.websocket);
        let message_bytes_max = limits.message_bytes_max;
        let rules = |ping_interval, ping_timeout, connect_timeout| session::Rules {
            ping_interval,
            ping_timeout,
            connect_timeout,
            message_bytes_max,
            message_timeout: limits.message_timeout_ms,
        };
        let json = |name: &str| serde_json::Value::from(name).to_string();
        Self {
            socket_io: rules(socket_io.ping_interval_ms, socket_io.ping_timeout_ms, socket_io.connect_timeout_ms),
            plain: rules(plain.ping_interval_ms, plain.ping_timeout_ms, u64::MAX),
            frames: websocket::Limits { message_bytes_max, fragments_max: limits.message_fragments_max },
            outbox: Bounds { bytes_max: limits.outbox_bytes_max, age_max: limits.outbox_age_ms_max },
            rooms_per_connection_max: limits.rooms_per_connection_max,
            namespaces_per_connection_max: limits.namespaces_per_connection_max,
            acks_pending_max: limits.acks_pending_max,
            upgrade: socket_io.websocket,
            events: EventNames {
                subscribe: json(&socket_io.event_subscribe),
                unsubscribe: json(&socket_io.event_unsubscribe),
                publish: json(&socket_io.event_publish),
                error: socket_io.event_error.clone(),
            },
        }
    }
}
