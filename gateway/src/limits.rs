//! Caps that are not settings, and the bounds that settings keep to, with the
//! relations between them checked by the compiler.
//!
//! Deliberately absent: what an operator can change (`settings::Limits`) and what a
//! protocol fixes (the modules of core).

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
/// Bytes of a configured text, such as a path or the name of an event.
pub const TEXT_BYTES_MAX: usize = 255;
/// File descriptors kept back for everything but clients: listeners, the API,
/// logs, scrapes, the runtimes' own.
pub const FILES_RESERVED: u64 = 128;

const _: () = assert!(HEADER_BYTES_MIN < HEADER_BYTES_MAX);
const _: () = assert!(LIST_ITEMS_DEFAULT as u64 <= LIST_ITEMS_MAX);
const _: () = assert!(ACK_TIMEOUT_MS_DEFAULT <= ACK_TIMEOUT_MS_MAX);
const _: () = assert!(TEXT_BYTES_MAX <= roomcast_core::room::NAME_BYTES_MAX);
const _: () = assert!(FILES_RESERVED >= 100);
