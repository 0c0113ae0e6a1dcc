//! Caps that are not settings, and the bounds that settings keep to, with the
//! relations between them checked by the compiler. [`FIXED`] has what others notice of
//! them, and of the caps in core, for the reference.
//!
//! Deliberately absent: what an operator can change (`settings::Limits`), and sizes that
//! nobody outside can notice.

use roomcast_core::id::SHARDS_MAX;
use roomcast_core::publication::ATTACHMENTS_MAX;
use roomcast_core::room::NAME_BYTES_MAX;
use roomcast_core::{plain, socket_io, websocket};

/// Longest duration a setting accepts, in milliseconds: one day.
pub const DURATION_MS_MAX: u64 = 24 * 60 * 60 * 1000;
/// Largest size in bytes a setting accepts: 4 GiB.
pub const BYTES_MAX: u64 = 4 << 30;
/// Largest count a setting accepts.
pub const COUNT_MAX: u64 = 10_000_000;
/// Smallest bound on a request's head in bytes: hyper refuses to work with less.
pub const HEADER_BYTES_MIN: u64 = 8192;
/// Largest bound on a request's head in bytes: every accepted connection may fill it.
pub const HEADER_BYTES_MAX: u64 = 1 << 20;
/// Items of a list of the API when the request names no number.
pub const LIST_ITEMS_DEFAULT: usize = 100;
/// Items of a list of the API at most, whatever the settings say.
pub const LIST_ITEMS_MAX: u64 = 1000;
/// Bytes of a list of the API after which a page ends early: a connection may be in many rooms.
pub const LIST_REPLY_BYTES_MAX: usize = 8 << 20;
/// Rooms, users and connections that one request of the API may name.
pub const AUDIENCE_ROOMS_MAX: usize = 1000;
/// Time that clients have to acknowledge a publication of the API, if it does not say.
pub const ACK_TIMEOUT_MS_DEFAULT: u64 = 5_000;
/// Time that a publication of the API may give clients to acknowledge.
pub const ACK_TIMEOUT_MS_MAX: u64 = 60_000;
/// Largest number that the API takes where nothing smaller bounds it: up to here JSON's numbers
/// are whole and exact in every language.
pub const NUMBER_MAX: u64 = (1 << 53) - 1;
/// Bytes of collected acknowledgements after which no more are listed.
pub const ACK_REPLY_BYTES_MAX: usize = 8 << 20;
/// Connections of the internal listener; more wait in the backlog.
pub const INTERNAL_CONNECTIONS_MAX: usize = 1024;
/// Requests of one node that another has open on one connection: nearly all are GETs that wait.
pub const PEER_STREAMS_MAX: u32 = 16_384;
/// Bytes of one request or answer between nodes that are on their way: beyond it the sender waits.
pub const PEER_STREAM_WINDOW_BYTES: u32 = 64 << 10;
/// Bytes that are on their way on one connection between nodes. Never the bound that counts: one slow
/// WebSocket must not hold up the others, and each has its own window.
pub const PEER_CONNECTION_WINDOW_BYTES: u32 = 1 << 30;
/// Bytes of the headers of a request between nodes.
pub const PEER_HEAD_BYTES_MAX: u32 = 16 << 10;
/// Bytes of a call between nodes, and of its answer.
pub const PEER_CALL_BYTES_MAX: usize = 1 << 20;
/// How long a node may take to answer a call of another, in milliseconds.
pub const PEER_CALL_MS: u64 = 5_000;
/// Requests of other nodes within a minute or so: beyond it none is taken that could come twice.
pub const PEER_NONCES_MAX: usize = 1 << 20;
/// Owners that are told at once of clients that hung up.
pub const PEER_NOTICES_MAX: usize = 1024;
/// Nodes whose addresses are remembered, among them those that are not there.
pub const PEERS_KNOWN_MAX: usize = 4096;
/// Nodes that the adapter is asked for at once. A session of one more is not known.
pub const PEERS_ASKED_MAX: usize = 64;
/// Bytes of an answer that `roomcast healthcheck` reads.
pub const HEALTH_ANSWER_BYTES_MAX: usize = 16 << 10;
/// Bytes of one connection's handshake that other servers may know.
pub const HANDSHAKE_BYTES_MAX: usize = 4096;
/// Rooms that a gap names to clients, one notice each; the members of more rooms are told without names.
pub const GAP_ROOMS_MAX: usize = 1000;
/// How long a room may take to be live between nodes before its subscribers are answered, in milliseconds.
pub const SUBSCRIBE_LIVE_MS: u64 = 2_000;
/// Streams of publications among them. They may take any time, and leave places to whoever asks for less.
pub const INTERNAL_STREAMS_MAX: usize = 512;
/// Bytes of a settings file.
pub const SETTINGS_BYTES_MAX: u64 = 1 << 20;
/// Bytes of a configured text, such as a path or the name of an event.
pub const TEXT_BYTES_MAX: usize = 255;
/// Rooms that one request of a client to subscribe or unsubscribe may name.
pub const SUBSCRIBE_ROOMS_MAX: usize = plain::ROOMS_MAX;
/// Packets of one answer to a poll; the rest follows in the next.
pub const POLL_PACKETS_MAX: usize = 1024;
/// How long a closed session that polls is kept for the GET that learns of it, in milliseconds.
pub const LINGER_MS: u64 = 30_000;
/// How long a peer may take to close after our close frame, in milliseconds.
pub const CLOSING_MS: u64 = 2_000;
/// Bytes of a request id that a client of the API may give.
pub const REQUEST_ID_BYTES_MAX: usize = 64;
/// Publications of a batch whose receipts are waited for, give or take a frame of the body.
pub const BATCH_WAITING_MAX: usize = 256;
/// Bytes that are thrown away of a body that is too large, so that its sender comes to read the answer.
pub const BODY_WASTE_BYTES_MAX: usize = 4 << 20;
/// How long the shards of all nodes may take to answer a request of the API, in milliseconds.
pub const NODES_ANSWER_MS: u64 = 5_000;
/// How long another node may take for its part of a list, in milliseconds.
pub const LIST_PEER_MS: u64 = 2_000;
/// Bytes of connections after which a node's part of a list ends.
pub const LIST_PART_BYTES_MAX: usize = 256 << 10;
/// File descriptors kept back for everything but clients: listeners, the API,
/// logs, scrapes, the runtimes' own.
pub const FILES_RESERVED: u64 = 128;

const _: () = assert!(HEADER_BYTES_MIN < HEADER_BYTES_MAX);
const _: () = assert!(LIST_ITEMS_DEFAULT as u64 <= LIST_ITEMS_MAX);
const _: () = assert!(ACK_TIMEOUT_MS_DEFAULT <= ACK_TIMEOUT_MS_MAX);
const _: () = assert!(2 * LIST_PEER_MS < NODES_ANSWER_MS && LIST_PART_BYTES_MAX < PEER_CALL_BYTES_MAX / 2);
// Orders to join wait for rooms too.
const _: () = assert!(SUBSCRIBE_LIVE_MS < NODES_ANSWER_MS);
const _: () = assert!(TEXT_BYTES_MAX <= NAME_BYTES_MAX);
const _: () = assert!(FILES_RESERVED >= 100);
const _: () = assert!(INTERNAL_STREAMS_MAX <= INTERNAL_CONNECTIONS_MAX / 2);
// Sets of shards are bits of one number.
const _: () = assert!(SHARDS_MAX as u32 <= u64::BITS);
// A name that is percent-encoded in a path, and a request id, fit into the least request's head.
const _: () = assert!(3 * NAME_BYTES_MAX + REQUEST_ID_BYTES_MAX < HEADER_BYTES_MIN as usize);
const _: () = assert!(ACK_TIMEOUT_MS_MAX <= DURATION_MS_MAX && LINGER_MS <= DURATION_MS_MAX);
// Placeholders lie within the arguments of an event.
const _: () = assert!(socket_io::DEPTH_MAX >= 2);

/// One line of the reference's table of fixed limits.
#[derive(Clone, Copy, Debug)]
pub struct Fixed {
    /// What is limited.
    pub what: &'static str,
    /// The limit.
    pub value: u64,
    /// `bytes`, `ms` or nothing.
    pub unit: &'static str,
    /// What happens beyond it.
    pub beyond: &'static str,
}

const fn fixed(what: &'static str, value: usize, unit: &'static str, beyond: &'static str) -> Fixed {
    Fixed { what, value: value as u64, unit, beyond }
}

/// Limits that no setting changes, as clients, backends and operators meet them.
pub const FIXED: &[Fixed] = &[
    fixed(
        "name of a room, a user or a namespace",
        NAME_BYTES_MAX,
        "bytes",
        "`room_name_invalid`: to clients as an error, to backends with 422; settings with one are refused",
    ),
    fixed("id and key of a publication", NAME_BYTES_MAX, "bytes", "400 `invalid_request`"),
    fixed(
        "binary values of one message",
        ATTACHMENTS_MAX,
        "",
        "400 `invalid_request`; a client is closed as `protocol_error`",
    ),
    fixed(
        "arrays and objects within each other",
        socket_io::DEPTH_MAX,
        "",
        "400 `invalid_request`; a Socket.IO client is closed as `protocol_error`",
    ),
    fixed(
        "digits of a Socket.IO acknowledgement id",
        socket_io::ACK_DIGITS_MAX,
        "",
        "the client is closed as `protocol_error`",
    ),
    fixed("id of a command of the plain protocol", plain::ID_BYTES_MAX, "bytes", "`invalid_request`"),
    fixed("rooms of one subscribe or unsubscribe", SUBSCRIBE_ROOMS_MAX, "", "`invalid_request`"),
    fixed(
        "payload of a WebSocket control frame",
        websocket::CONTROL_BYTES_MAX,
        "bytes",
        "the client is closed as `protocol_error`",
    ),
    fixed("packets of one answer to a poll", POLL_PACKETS_MAX, "", "the rest comes with the next poll"),
    fixed("time a closed session that polls is kept", LINGER_MS as usize, "ms", "its next poll finds no session"),
    fixed("time a client has to answer a close frame", CLOSING_MS as usize, "ms", "the socket is closed"),
    fixed(
        "what other servers may know of one handshake",
        HANDSHAKE_BYTES_MAX,
        "bytes",
        "headers, parameters and members of auth that do not fit are left out",
    ),
    fixed("rooms that a gap names", GAP_ROOMS_MAX, "", "members of more rooms are told of it without names"),
    fixed(
        "time a room has to be live between nodes",
        SUBSCRIBE_LIVE_MS as usize,
        "ms",
        "the answer says `degraded`: the membership stands, and is live later",
    ),
    fixed("connections to the internal listener", INTERNAL_CONNECTIONS_MAX, "", "more wait to be accepted"),
    fixed("streams of publications among them", INTERNAL_STREAMS_MAX, "", "503 `overloaded`"),
    fixed("rooms, users and connections that one request names", AUDIENCE_ROOMS_MAX, "", "400 `invalid_request`"),
    fixed("time to acknowledge, `ack.timeout_ms`", ACK_TIMEOUT_MS_MAX as usize, "ms", "400 `invalid_request`"),
    fixed("acknowledgements that are collected", ACK_REPLY_BYTES_MAX, "bytes", "the rest is counted, not listed"),
    fixed("items of one page of a list", LIST_ITEMS_MAX as usize, "", "400 `invalid_request`"),
    fixed("bytes of one page of a list", LIST_REPLY_BYTES_MAX, "bytes", "the page ends there; `next` goes on"),
    fixed("publications of a batch that are under way", BATCH_WAITING_MAX, "", "the body is read on as they are done"),
    fixed(
        "time all nodes have to answer a request of the API",
        NODES_ANSWER_MS as usize,
        "ms",
        "503, with the code that the route says",
    ),
    fixed(
        "time another node has for its part of a list",
        LIST_PEER_MS as usize,
        "ms",
        "its part is missing, and `unreachable` names it",
    ),
    fixed(
        "body read beyond its limit",
        BODY_WASTE_BYTES_MAX,
        "bytes",
        "the connection breaks off, perhaps before 413 was read",
    ),
    fixed("request id, `X-Request-Id`", REQUEST_ID_BYTES_MAX, "bytes", "it gets an id of ours"),
    fixed("answer that `roomcast healthcheck` reads", HEALTH_ANSWER_BYTES_MAX, "bytes", "the rest is not read"),
    fixed(
        "settings file",
        SETTINGS_BYTES_MAX as usize,
        "bytes",
        "it is refused, and so is one that is no regular file",
    ),
    fixed("text of a setting", TEXT_BYTES_MAX, "bytes", "the settings are refused"),
    fixed(
        "shards of a node",
        SHARDS_MAX as usize,
        "",
        "the settings are refused; a machine with more cores uses as many",
    ),
    fixed("files kept back from connections", FILES_RESERVED as usize, "", "the connection limit is lower by them"),
];
