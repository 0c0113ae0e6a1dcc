//! Labels: closed sets of values, so that no peer can make a series.

use roomcast_core::close::CloseReason;

/// A closed set of label values.
pub trait Label: Copy + 'static {
    /// Names of the labels that one member gives; nearly always one.
    const NAMES: &'static [&'static str];
    /// How many members there are.
    const COUNT: usize;
    /// Position among the members, below [`Label::COUNT`].
    fn index(self) -> usize;
    /// The member at `index`, as one value for each name.
    fn values(index: usize) -> Vec<&'static str>;
}

macro_rules! labels {
    ($(
        $(#[$about:meta])+
        $name:ident, $label:literal {
            $( $(#[doc = $what:literal])+ $variant:ident = $value:expr, )+
        }
    )+) => {$(
        $(#[$about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $( $(#[doc = $what])+ $variant, )+
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )+];

            /// Value of the label.
            pub fn label(self) -> &'static str {
                match self {
                    $( Self::$variant => $value, )+
                }
            }
        }

        impl Label for $name {
            const NAMES: &'static [&'static str] = &[$label];
            const COUNT: usize = Self::ALL.len();

            #[inline]
            fn index(self) -> usize {
                self as usize
            }

            fn values(index: usize) -> Vec<&'static str> {
                Self::ALL.get(index).map(|member| member.label()).into_iter().collect()
            }
        }
    )+};
}

/// Two labels: `reason`, and the `initiator` that follows from it.
impl Label for CloseReason {
    const NAMES: &'static [&'static str] = &["reason", "initiator"];
    const COUNT: usize = Self::ALL.len();

    #[inline]
    fn index(self) -> usize {
        Self::index(self)
    }

    fn values(index: usize) -> Vec<&'static str> {
        let reason = Self::ALL.get(index);
        reason.map(|reason| vec![reason.line().label, reason.initiator().label()]).unwrap_or_default()
    }
}

labels! {
    /// What a connection speaks.
    Protocol, "protocol" {
        /// Socket.IO over Engine.IO.
        SocketIo = "socketio",
        /// The plain JSON protocol.
        Plain = "plain",
        /// WebSocket messages as they come, for a backend in process.
        Raw = "raw",
    }

    /// What carries a connection.
    Transport, "transport" {
        /// A WebSocket.
        WebSocket = "websocket",
        /// HTTP long polling.
        Polling = "polling",
    }

    /// How a handshake ended.
    HandshakeResult, "result" {
        /// A connection came of it.
        Accepted = "accepted",
        /// Not a handshake of any protocol spoken here.
        BadRequest = "bad_request",
        /// A web page of an origin that is not allowed.
        OriginDenied = "origin_denied",
        /// The connection limit is reached.
        AtCapacity = "at_capacity",
        /// The node is going away.
        Draining = "draining",
    }

    /// Who is served.
    Listener, "listener" {
        /// Clients.
        Public = "public",
        /// Backends and operators.
        Internal = "internal",
    }

    /// Why a request was refused by the rules of HTTP, or by those for its body.
    HttpRefusal, "reason" {
        /// Not HTTP/1.1, not one Host, or a body that is not what its head says: 400.
        Malformed = "malformed",
        /// A request line or headers beyond `limits.header_bytes_max` or `limits.headers_max`: 431 or 414.
        HeadTooLarge = "head_too_large",
        /// No whole head within `limits.header_timeout_ms`, of a connection that has served none: it is closed.
        HeadTimeout = "head_timeout",
        /// A body beyond its limit: 413.
        BodyTooLarge = "body_too_large",
        /// No whole body within `limits.body_timeout_ms`: 408.
        BodyTimeout = "body_timeout",
        /// A body of another type or encoding than is read here: 415.
        BodyType = "body_type",
        /// Nothing at that path: 404.
        NotFound = "not_found",
        /// Nothing for that method: 405.
        Method = "method",
    }

    /// How an upgrade from polling to WebSocket ended.
    UpgradeResult, "result" {
        /// The connection moved.
        Completed = "completed",
        /// It stayed on polling, or was lost.
        Failed = "failed",
    }

    /// Which way between nodes.
    Direction, "direction" {
        /// From other nodes to this one.
        In = "in",
        /// From this node to others.
        Out = "out",
    }

    /// What became of a request between nodes.
    ForwardResult, "result" {
        /// It was answered.
        Answered = "answered",
        /// Its session was not there.
        UnknownSession = "unknown_session",
        /// There is no such node.
        UnknownNode = "unknown_node",
        /// The other node did not answer.
        Unreachable = "unreachable",
        /// Too many were on their way, or too many came within a minute.
        Overloaded = "overloaded",
        /// It proved nothing, or the other node's address is not allowed.
        Refused = "refused",
        /// Its time is over, or it came before: a replay, or clocks that are too far apart.
        Stale = "stale",
        /// It took too long.
        TimedOut = "timed_out",
        /// The client hung up.
        Aborted = "aborted",
    }

    /// What became of a WebSocket of another node's session.
    TunnelResult, "result" {
        /// It was carried.
        Opened = "opened",
        /// This node carries as many as it may.
        Full = "full",
        /// The owner did not let it in.
        Refused = "refused",
        /// The owner did not answer.
        Failed = "failed",
    }

    /// How a client's request to subscribe, or a backend's to make a connection join rooms, ended.
    SubscribeResult, "result" {
        /// All rooms were subscribed.
        Ok = "ok",
        /// None was.
        Refused = "refused",
    }

    /// What kind of message a client sent.
    MessageKind, "kind" {
        /// An event for the backend.
        Event = "event",
        /// An acknowledgement.
        Ack = "ack",
        /// A request to subscribe.
        Subscribe = "subscribe",
        /// A request to unsubscribe.
        Unsubscribe = "unsubscribe",
        /// A publication.
        Publish = "publish",
        /// Credentials.
        Auth = "auth",
        /// Joining a namespace.
        Connect = "connect",
        /// Leaving a namespace.
        Disconnect = "disconnect",
    }

    /// Why a message did not reach a connection.
    DropReason, "reason" {
        /// The outbox reached its bound, and the connection was closed.
        SlowConsumer = "slow_consumer",
        /// Its time was over.
        Expired = "expired",
        /// It was volatile, and the client was not keeping up.
        Volatile = "volatile",
        /// A later one of the same key took its place.
        Superseded = "superseded",
        /// The shard's mailbox was full.
        MailboxFull = "mailbox_full",
        /// The connection closed before it was written.
        ConnectionClosed = "connection_closed",
    }

    /// Who published.
    PublicationOrigin, "origin" {
        /// A backend over the API.
        Http = "http",
        /// A client.
        Client = "client",
        /// A backend in process.
        Backend = "backend",
    }

    /// What became of a publication.
    PublicationResult, "result" {
        /// The adapter took it.
        Accepted = "accepted",
        /// Nobody got it.
        Refused = "refused",
    }

    /// What became of an acknowledgement that a client owed.
    AckResult, "result" {
        /// It came.
        Answered = "answered",
        /// It did not come in time.
        TimedOut = "timed_out",
    }

    /// Why a client's request was refused: the codes that clients see.
    ClientErrorCode, "code" {
        /// Not a request.
        InvalidRequest = "invalid_request",
        /// A `type` that the plain protocol does not have.
        UnknownType = "unknown_type",
        /// A field that this version does not carry out.
        UnsupportedField = "unsupported_field",
        /// Not the name of a room.
        RoomNameInvalid = "room_name_invalid",
        /// More rooms than a connection may have.
        TooManyRooms = "too_many_rooms",
        /// More namespaces than a connection may join.
        TooManyNamespaces = "too_many_namespaces",
        /// No such namespace.
        UnknownNamespace = "unknown_namespace",
        /// Not allowed by the rules.
        Forbidden = "forbidden",
        /// An event that nobody here handles.
        NoBackend = "no_backend",
        /// No capacity at the moment.
        Overloaded = "overloaded",
        /// The backend between nodes does not answer.
        AdapterUnavailable = "adapter_unavailable",
        /// The backend's answer never came: some may have got it.
        OutcomeUnknown = "outcome_unknown",
        /// A token was shown to a gateway that knows none.
        AuthUnavailable = "auth_unavailable",
        /// Any other code.
        Other = "other",
    }

    /// What a request of the internal listener was for.
    Route, "route" {
        /// `POST /v1/publish`
        Publish = "/v1/publish",
        /// `POST /v1/publish/batch`
        PublishBatch = "/v1/publish/batch",
        /// `POST /v1/rooms/join`
        RoomsJoin = "/v1/rooms/join",
        /// `POST /v1/rooms/leave`
        RoomsLeave = "/v1/rooms/leave",
        /// `POST /v1/disconnect`
        Disconnect = "/v1/disconnect",
        /// `GET /v1/rooms`
        Rooms = "/v1/rooms",
        /// `GET /v1/rooms/{room}`
        Room = "/v1/rooms/{room}",
        /// `GET /v1/connections`
        Connections = "/v1/connections",
        /// `GET /v1/connections/{id}`
        Connection = "/v1/connections/{id}",
        /// `GET /v1/nodes`
        Nodes = "/v1/nodes",
        /// `GET /v1/openapi.json`
        OpenApi = "/v1/openapi.json",
        /// `GET /metrics`
        Metrics = "/metrics",
        /// `GET /livez`
        Live = "/livez",
        /// `GET /readyz`
        Ready = "/readyz",
        /// Anything else.
        Other = "other",
    }

    /// The class of a status code.
    CodeClass, "code" {
        /// Below 400.
        Success = "2xx",
        /// From 400.
        ClientError = "4xx",
        /// From 500.
        ServerError = "5xx",
    }

    /// One condition of readiness.
    ReadyCheck, "check" {
        /// Both listeners are bound.
        Listeners = "listeners",
        /// The node is not going away.
        Drain = "drain",
        /// Every shard runs.
        Shards = "shards",
        /// The backend between nodes has answered; see `adapter.readiness`. Always so without one.
        Adapter = "adapter",
    }

    /// Whether a publication of another node found anybody here.
    DeliveryMatch, "result" {
        /// Its rooms may have members here.
        Matched = "matched",
        /// They have none: it was received for nothing.
        Unmatched = "unmatched",
    }

    /// Why what came from the backend was dropped.
    PayloadFault, "reason" {
        /// Not the wire format.
        Malformed = "malformed",
        /// In the wire format, but of a kind that is not carried out.
        Unsupported = "unsupported",
        /// Beyond a limit, or not allowed.
        Refused = "refused",
    }

    /// Why a link was given up and made anew.
    ReconnectCause, "cause" {
        /// The server closed it, or the network did.
        Eof = "eof",
        /// Silence.
        Timeout = "timeout",
        /// The server is no longer a master.
        Role = "role",
        /// What it serves has moved elsewhere.
        Moved = "moved",
        /// The credentials were refused.
        Auth = "auth",
        /// The server held other subscriptions than wanted.
        Counts = "counts",
        /// Anything else.
        Other = "other",
    }

    /// What the adapter could not do.
    AdapterFault, "kind" {
        /// A publication found the queue to the backend full.
        QueueFull = "queue_full",
        /// The backend's answer to a publication never came.
        OutcomeUnknown = "outcome_unknown",
        /// A request found as many under way as there may be.
        RequestRefused = "request_refused",
        /// A publication of another node found the queue to this node full.
        EventsFull = "events_full",
    }

    /// What came of a reload of the settings.
    ReloadResult, "result" {
        /// They are in force, but for those that need a restart.
        Applied = "applied",
        /// They are wrong, or do not fit those in force: nothing changed.
        Refused = "refused",
    }

    /// How a delivery came to this node.
    DeliveryPath, "path" {
        /// Published on this node.
        Local = "local",
    }

    /// What is running.
    Version, "version" {
        /// This build.
        Current = env!("CARGO_PKG_VERSION"),
    }
}

impl ClientErrorCode {
    /// The member for the code of an error; [`ClientErrorCode::Other`] for one that has no series of its own.
    pub fn of(code: &str) -> Self {
        Self::ALL.iter().copied().find(|member| member.label() == code).unwrap_or(Self::Other)
    }
}

impl HttpRefusal {
    /// The member that goes with an HTTP status, if one does.
    pub fn of(status: u16) -> Option<Self> {
        match status {
            404 => Some(Self::NotFound),
            405 => Some(Self::Method),
            408 => Some(Self::BodyTimeout),
            413 => Some(Self::BodyTooLarge),
            415 => Some(Self::BodyType),
            _ => None,
        }
    }
}

impl CodeClass {
    /// The class of an HTTP status.
    pub fn of(status: u16) -> Self {
        match status {
            500.. => Self::ServerError,
            400.. => Self::ClientError,
            _ => Self::Success,
        }
    }
}
