//! Every setting: type, default, allowed range and meaning. The documentation pages
//! and the example file are generated from here.
//!
//! Names carry the unit of what has one; addresses carry the port.

use std::net::{Ipv4Addr, SocketAddr};

use super::kinds::{AdapterKind, LogFormat, OnGap, Readiness, RedisFormat, RedisTopology, Scope, SubscriptionMode};
use super::network::Network;
use super::origin::OriginRule;
use super::secret::Secret;
use super::section::section;
use super::value::Rule;
use crate::limits::{BYTES_MAX, COUNT_MAX, DURATION_MS_MAX, HEADER_BYTES_MAX, HEADER_BYTES_MIN, LIST_ITEMS_MAX};
use roomcast_core::id::SHARDS_MAX;

/// SHA-256 of a key's secret. Masked like the secret itself: it is what an attacker would test guesses against.
pub type KeyDigest = Secret<[u8; 32]>;

const DURATION: Rule = Rule::Between(1, DURATION_MS_MAX);
const BYTES: Rule = Rule::Between(1, BYTES_MAX);
const COUNT: Rule = Rule::Between(1, COUNT_MAX);

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

section! {
    /// All settings of a node.
    Settings {
        /// The listener for clients: Socket.IO and plain WebSocket.
        public: Public = Public::default();
        /// The listener for backends and operators: API, metrics, health.
        internal: Internal = Internal::default();
        /// This process.
        node: Node = Node::default();
        /// The Socket.IO protocol.
        socket_io: SocketIo = SocketIo::default();
        /// The plain protocol, for a bare WebSocket.
        websocket: WebSocket = WebSocket::default();
        /// Bounds of everything that a client or a backend could make grow.
        limits: Limits = Limits::default();
        /// The namespaces that exist, one table each; naming any replaces the default list, which is `/` alone.
        namespaces: Vec<Namespace> = vec![Namespace::default()];
        /// Who clients are.
        auth: Auth = Auth::default();
        /// What moves publications between nodes.
        adapter: Adapter = Adapter::default();
        /// Redis, with `adapter.kind = "redis"`.
        redis: Redis = Redis::default();
        /// What nodes know of each other, with an adapter between nodes.
        cluster: Cluster = Cluster::default();
        /// How a node stops.
        drain: Drain = Drain::default();
        /// Logs; they go to the standard error stream.
        log: Log = Log::default();
    }
}

section! {
    /// The listener for clients.
    Public {
        /// Where clients connect. Beyond loopback it needs `auth.anonymous`. Port 0 takes any free one.
        address: SocketAddr = loopback(8080);
        /// Web origins that may connect, besides a page's own host and, in open mode, loopback: exact ones,
        /// `https://*.example.com` for any one label, or `*` for all. In open mode the Host of a request has
        /// to be loopback, a name without a dot, or of one of these.
        origins: Vec<OriginRule> = Vec::new() => Reload;
        /// Whether pages of the listed origins may send cookies along with polling requests. Not together with `*`.
        cors_credentials: bool = false => Reload;
    }
}

section! {
    /// The listener for backends and operators.
    Internal {
        /// Where the API, metrics and health checks are. Beyond loopback it needs `internal.keys`. Port 0 takes any free one.
        address: SocketAddr = loopback(9090);
        /// Keys of the API. With none the API is open, and so for loopback only.
        keys: Vec<Key> = Vec::new() => Reload;
    }
}

section! {
    /// One key of the API: a bearer token, of which only the hash is kept here.
    Key {
        /// Name of the key, for the operator; it may appear in logs. Required.
        id: String = String::new(), Rule::Token => Reload;
        /// SHA-256 of the secret, in hexadecimal: `printf %s "$SECRET" | sha256sum`. Required.
        sha256: KeyDigest = Secret::new([0; 32]) => Reload;
        /// What the key opens. Required.
        scopes: Vec<Scope> = Vec::new() => Reload;
    }
}

section! {
    /// This process.
    Node {
        /// Threads that serve clients; 0 takes one for each core.
        shards: usize = 0, Rule::Between(0, SHARDS_MAX.into());
        /// A label of your own for this node; the log shows it at the start and at the stop.
        name: String = String::new(), Rule::Label;
    }
}

section! {
    /// The Socket.IO protocol.
    SocketIo {
        /// Path of the Engine.IO endpoint; clients set the same one.
        path: String = "/socket.io/".into(), Rule::Path;
        /// Time from one ping to the next. Told to clients in the handshake.
        ping_interval_ms: u64 = 25_000, DURATION;
        /// Time a client has to answer a ping. Told to clients in the handshake.
        ping_timeout_ms: u64 = 20_000, DURATION;
        /// Time an upgrade from polling to WebSocket may take.
        upgrade_timeout_ms: u64 = 10_000, DURATION;
        /// Time a client has to join its first namespace.
        connect_timeout_ms: u64 = 45_000, DURATION;
        /// Whether clients may use HTTP long polling.
        polling: bool = true;
        /// Whether clients may use WebSocket, at once or by an upgrade.
        websocket: bool = true;
        /// Event by which clients subscribe to rooms.
        event_subscribe: String = "subscribe".into(), Rule::Event;
        /// Event by which clients unsubscribe from rooms.
        event_unsubscribe: String = "unsubscribe".into(), Rule::Event;
        /// Event by which clients publish to a room.
        event_publish: String = "publish".into(), Rule::Event;
        /// Event by which clients learn of a refusal that they asked no acknowledgement for.
        event_error: String = "roomcast:error".into(), Rule::Event;
    }
}

section! {
    /// The plain protocol.
    WebSocket {
        /// Path of the endpoint.
        path: String = "/ws".into(), Rule::Path;
        /// Time from one WebSocket ping to the next.
        ping_interval_ms: u64 = 25_000, DURATION;
        /// Time a client has to answer a ping.
        ping_timeout_ms: u64 = 20_000, DURATION;
    }
}

section! {
    /// Bounds of everything that a client or a backend could make grow.
    Limits {
        /// Connections of this node; fewer if files or memory allow fewer. Beyond it handshakes get 503.
        /// One that polls and was closed counts until it has fetched its end, 30 s at most.
        connections_max: u64 = 100_000, COUNT => Reload;
        /// HTTP connections of the public listener that wait for a request: handshakes that have not begun,
        /// and idle ones. Each shard has its part, and a quarter of files and memory is the most. Beyond it the
        /// one that has waited longest is closed.
        http_connections_max: u64 = 10_000, COUNT;
        /// Memory set aside for one connection when the connection limit is derived from the memory limit.
        connection_memory_bytes: u64 = 16_384, BYTES => Reload;
        /// Bytes of one message of a client, all fragments together, and of one polling request; told to
        /// Socket.IO clients as `maxPayload`.
        message_bytes_max: usize = 1_000_000, BYTES => Reload;
        /// Fragments of one WebSocket message.
        message_fragments_max: usize = 1024, COUNT => Reload;
        /// Time a client has to send one message: all fragments and, in Socket.IO, all binary attachments. While so much waits for it that it is not read from, that time stands still.
        message_timeout_ms: u64 = 30_000, DURATION => Reload;
        /// Bytes that may wait for one client that reads slowly. With more than a quarter of them waiting it is not
        /// heard until it has read.
        outbox_bytes_max: usize = 1_048_576, BYTES => Reload;
        /// Time that the oldest message may wait for one client that reads slowly.
        outbox_age_ms_max: u64 = 10_000, DURATION => Reload;
        /// Rooms of one connection, in all its namespaces together.
        rooms_per_connection_max: usize = 1000, COUNT => Reload;
        /// Namespaces that one Socket.IO connection may join.
        namespaces_per_connection_max: usize = 16, COUNT => Reload;
        /// Acknowledgements that clients owe this node, all connections together.
        acks_pending_max: usize = 10_000, COUNT => Reload;
        /// Bytes of publications that may wait for one shard. Beyond it publishing gets 503.
        mailbox_bytes_max: usize = 67_108_864, BYTES;
        /// Bytes of the body of one publish request, and of one item of a streamed batch.
        publish_body_bytes_max: usize = 1_048_576, BYTES => Reload;
        /// Publications of one batch.
        batch_items_max: usize = 1000, COUNT => Reload;
        /// Items of one page of a list of the API.
        list_items_max: usize = 1000, Rule::Between(1, LIST_ITEMS_MAX) => Reload;
        /// Bytes of the request line and headers of a request.
        header_bytes_max: usize = 16_384, Rule::Between(HEADER_BYTES_MIN, HEADER_BYTES_MAX) => Reload;
        /// Headers of a request.
        headers_max: usize = 64, Rule::Between(16, 1024) => Reload;
        /// Time a client has to send the request line and headers.
        header_timeout_ms: u64 = 5000, DURATION => Reload;
        /// Time a client has to send the body of a request; a streamed batch may take any time. As long may a
        /// backend leave its answers unread.
        body_timeout_ms: u64 = 30_000, DURATION => Reload;
    }
}

section! {
    /// One namespace.
    Namespace {
        /// Name of the namespace.
        name: String = "/".into(), Rule::Namespace;
        /// Whether clients may subscribe to rooms by themselves.
        client_subscribe: bool = true;
        /// Whether clients may publish to rooms by themselves. In open mode they may anyhow.
        client_publish: bool = false;
        /// What clients are told when publications may have been lost between nodes.
        on_gap: OnGap = OnGap::Event;
    }
}

section! {
    /// Who clients are.
    Auth {
        /// Whether clients without credentials are served beyond loopback. This version has no client
        /// authentication, so that a public address needs it; on loopback they are served anyhow.
        anonymous: bool = false;
    }
}

section! {
    /// What moves publications between nodes.
    Adapter {
        /// The kind of adapter: `memory` is one node by itself, `redis` any number of nodes over one Redis.
        kind: AdapterKind = AdapterKind::Memory;
        /// When `/readyz` says that the node is ready: once the backend between nodes has answered for the first
        /// time, or only while it answers. With `always` an outage takes all nodes out of their balancer at once.
        readiness: Readiness = Readiness::Startup;
    }
}

section! {
    /// Redis.
    Redis {
        /// How the master is found.
        topology: RedisTopology = RedisTopology::Standalone;
        /// Where Redis is, each as `host:port`: the server itself, or the sentinels, or some of the cluster's nodes.
        addresses: Vec<String> = vec!["127.0.0.1:6379".into()], Rule::Address;
        /// With `topology = "sentinel"`: the name of the master.
        master_name: String = "mymaster".into(), Rule::Label;
        /// User of Redis' access control list; empty for the default user.
        username: String = String::new(), Rule::Label;
        /// Its password; empty for none.
        password: Secret<String> = Secret::new(String::new());
        /// User of the sentinels, if they ask for one.
        sentinel_username: String = String::new(), Rule::Label;
        /// Password of the sentinels; empty for none.
        sentinel_password: Secret<String> = Secret::new(String::new());
        /// Whether links are encrypted. Certificates are always verified.
        tls: bool = false;
        /// A PEM file of certificates of authorities to trust, instead of the public ones.
        tls_ca_file: String = String::new(), Rule::Label;
        /// Whose wire format is spoken. All servers on one prefix speak one format.
        format: RedisFormat = RedisFormat::Classic;
        /// In the sharded format: which rooms have a channel of their own. All servers agree on it.
        subscription_mode: SubscriptionMode = SubscriptionMode::Dynamic;
        /// Beginning of the channels' names: what Node servers call `key` or `channelPrefix`. Applications that
        /// share a Redis need different ones.
        prefix: String = "socket.io".into(), Rule::Token;
        /// A second prefix from which publications are only taken in; empty for none.
        ingest_prefix: String = String::new(), Rule::Label;
        /// The format that is spoken on the second prefix. In a Cluster the sharded one needs `format = "sharded"` too.
        ingest_format: RedisFormat = RedisFormat::Classic;
        /// Time that connecting may take.
        connect_timeout_ms: u64 = 2000, DURATION;
        /// Time that a publication may wait for Redis' answer, before its outcome is called unknown.
        publish_timeout_ms: u64 = 2000, DURATION;
        /// Time for which a room without members is still subscribed to: somebody may come back.
        linger_ms: u64 = 5000, Rule::Between(0, DURATION_MS_MAX);
        /// Bytes of publications that may wait for Redis. Beyond it publishing gets 503.
        publish_queue_bytes_max: usize = 16_777_216, BYTES;
        /// Requests of this node whose answers are waited for.
        requests_max: usize = 1000, COUNT;
        /// Connections that one answer to a Node server's `fetchSockets` may list.
        fetch_sockets_max: usize = 10_000, COUNT;
    }
}

section! {
    /// What nodes know of each other.
    Cluster {
        /// What nodes prove to each other that they belong together with: the same 32 or more characters on all of
        /// them. Required with `adapter.kind = "redis"`.
        secret: Secret<String> = Secret::new(String::new());
        /// Where other nodes reach this node's internal listener, as `ip:port`; empty for `internal.address` itself.
        advertise: String = String::new(), Rule::Label;
        /// Networks in which other nodes may be, as `10.0.0.0/8`; empty: loopback, and the private networks of
        /// RFC 1918 and RFC 4193.
        peers_allowed: Vec<Network> = Vec::new();
        /// Connections to one other node over which requests of clients are forwarded.
        peer_connections_max: usize = 2, Rule::Between(1, 16);
        /// WebSockets of other nodes' sessions that this node may carry. Beyond it such sessions go on polling.
        tunnels_max: usize = 1000, Rule::Between(0, COUNT_MAX);
        /// Headers of a client's handshake that other servers may know, in lower case.
        handshake_headers: Vec<String> = Vec::new(), Rule::Token;
        /// Query parameters of a client's handshake that other servers may know.
        handshake_query: Vec<String> = Vec::new(), Rule::Token;
        /// Members of a client's auth object that other servers may know.
        handshake_auth: Vec<String> = Vec::new(), Rule::Token;
    }
}

section! {
    /// How a node stops.
    Drain {
        /// Time between reporting not ready and closing the first connection, for balancers to notice.
        delay_ms: u64 = 0, Rule::Between(0, DURATION_MS_MAX) => Reload;
        /// Time from the signal to the exit, the delay included; what is still open then is closed.
        deadline_ms: u64 = 10_000, DURATION => Reload;
    }
}

section! {
    /// Logs.
    Log {
        /// How a line looks: `auto` is text on a terminal and JSON otherwise.
        format: LogFormat = LogFormat::Auto;
        /// The least level that is logged: `error`, `warn`, `info`, `debug` or `trace`, also by target:
        /// `info,roomcast=debug`.
        level: String = "info".into(), Rule::Filter => Reload;
    }
}
