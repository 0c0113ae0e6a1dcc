//! Every reason for which a connection ends, in one table: WebSocket close code,
//! text, whether the client should come back, metric label.
//!
//! Source of the codes: RFC 6455 section 7.4.1 and the IANA registry (1012, 1013).
//! Stock Socket.IO clients ignore codes; where the reference server closes without
//! one (Engine.IO and Socket.IO parser errors, heartbeat), so do we over Socket.IO.

/// Who ended a connection: a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Initiator {
    /// The other side closed.
    Client,
    /// This node closed.
    Server,
    /// The connection broke or fell silent.
    Network,
}

impl Initiator {
    /// All of them, in the order of [`Initiator::index`].
    pub const ALL: [Self; 3] = [Self::Client, Self::Server, Self::Network];

    /// Position in [`Initiator::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Metric label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Network => "network",
        }
    }
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// The client closed, or left its last namespace and went.
    Normal,
    /// The node shuts down and asks its clients to come back elsewhere.
    Drain,
    /// The drain's deadline passed.
    DrainForced,
    /// No pong in time.
    PingTimeout,
    /// No namespace was joined in time.
    ConnectTimeout,
    /// A message that began to arrive was not finished in time.
    MessageTimeout,
    /// The client read so slowly that its outbox reached its bound.
    SlowConsumer,
    /// Bytes that are not the protocol.
    ProtocolError,
    /// A binary frame on the plain protocol, which has none.
    UnsupportedData,
    /// Text that is not UTF-8.
    InvalidText,
    /// A message, or the fragments of one, beyond the limit.
    TooLarge,
    /// Not the plain protocol: a frame that is not one JSON object.
    PolicyViolation,
    /// Two polls, or two posts, of one session at a time.
    DuplicateRequest,
    /// A backend asked for it, and does not want the client back.
    Kicked,
    /// A backend asked for it, and wants the client to connect anew.
    Reconnect,
    /// Publications may have been lost between nodes, and the namespace has its clients start afresh then.
    Gap,
    /// The socket broke.
    TransportError,
    /// A fault of ours.
    Internal,
}

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseLine {
    /// WebSocket close code on the plain protocol and on `/echo`.
    pub code: u16,
    /// Whether the code is sent to Socket.IO clients too, or their WebSocket is closed without one.
    pub code_on_socket_io: bool,
    /// Text beside the code: at most 123 bytes.
    pub text: &'static str,
    /// Whether the client should connect again by itself.
    pub reconnect: bool,
    /// Metric label.
    pub label: &'static str,
}

impl CloseReason {
    /// All of them, in the order of [`CloseReason::index`].
    pub const ALL: [Self; 18] = [
        Self::Normal,
        Self::Drain,
        Self::DrainForced,
        Self::PingTimeout,
        Self::ConnectTimeout,
        Self::MessageTimeout,
        Self::SlowConsumer,
        Self::ProtocolError,
        Self::UnsupportedData,
        Self::InvalidText,
        Self::TooLarge,
        Self::PolicyViolation,
        Self::DuplicateRequest,
        Self::Kicked,
        Self::Reconnect,
        Self::Gap,
        Self::TransportError,
        Self::Internal,
    ];

    /// Position in [`CloseReason::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// This reason's line of the table.
    pub fn line(self) -> CloseLine {
        let (code, code_on_socket_io, text, reconnect, label) = match self {
            Self::Normal => (1000, true, "bye", false, "normal"),
            Self::Drain => (1012, true, "this node is going away, connect again", true, "drain"),
            Self::DrainForced => (1012, true, "this node is gone, connect again", true, "drain_forced"),
            Self::PingTimeout => (1001, false, "no pong in time", true, "ping_timeout"),
            Self::ConnectTimeout => (1008, false, "no namespace joined in time", true, "connect_timeout"),
            Self::MessageTimeout => (1013, true, "message not finished in time", true, "message_timeout"),
            Self::SlowConsumer => (1013, true, "reading too slowly", true, "slow_consumer"),
            Self::ProtocolError => (1002, false, "protocol error", true, "protocol_error"),
            Self::UnsupportedData => (1003, true, "binary frames are not spoken here", false, "unsupported_data"),
            Self::InvalidText => (1007, true, "text is not UTF-8", false, "invalid_text"),
            Self::TooLarge => (1009, true, "message too large", false, "too_large"),
            Self::PolicyViolation => (1008, true, "a frame holds one JSON object", false, "policy_violation"),
            Self::DuplicateRequest => (1002, false, "overlapping requests", true, "duplicate_request"),
            Self::Kicked => (1008, true, "closed by the application", false, "kicked"),
            Self::Reconnect => (1012, true, "connect again", true, "reconnect"),
            Self::Gap => (1012, true, "messages may be missing, connect again", true, "gap"),
            Self::TransportError => (1006, false, "transport error", true, "transport_error"),
            Self::Internal => (1011, true, "internal error", true, "internal"),
        };
        CloseLine { code, code_on_socket_io, text, reconnect, label }
    }

    /// Who ends a connection for this reason.
    pub fn initiator(self) -> Initiator {
        match self {
            Self::Normal => Initiator::Client,
            Self::PingTimeout | Self::TransportError => Initiator::Network,
            _ => Initiator::Server,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        let mut labels = std::collections::HashSet::new();
        for (i, reason) in CloseReason::ALL.into_iter().enumerate() {
            assert_eq!(reason.index(), i);
            let line = reason.line();
            assert!(labels.insert(line.label), "{} twice", line.label);
            assert!(line.text.len() <= 123, "RFC 6455 5.5: a control frame has at most 125 bytes");
        }
        for (i, initiator) in Initiator::ALL.into_iter().enumerate() {
            assert_eq!(initiator.index(), i);
        }
    }
}
