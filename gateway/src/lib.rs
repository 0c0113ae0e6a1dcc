//! Roomcast: a realtime gateway, as a library and a thin binary.
//!
//! A publication's way: HTTP or a client → [`roomcast_core::adapter`] → [`cluster`] → the
//! mailboxes of the shards that have a member → room table → sockets.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`boot`] | settings → adapter → node → listeners and shards: the only place an adapter is made |
//! | [`node`] | what all threads share |
//! | `public` | the clients' port: HTTP, long polling, the upgrade to WebSocket |
//! | `http` | HTTP/1.1 as both ports serve it |
//! | `internal` | the backends' port: API, metrics, health |
//! | [`shard`] | a thread with its connections, rooms and the write path |
//! | [`mail`] | what threads ask of a shard |
//! | [`lists`] | what the API asks of a shard: parts of lists, counts |
//! | `polls` | asking the shard of a session that is polled |
//! | [`peers`] | the other nodes: asking them, and polls and WebSockets of their sessions |
//! | [`mailbox`] | what other threads want of a shard |
//! | [`cluster`] | from the adapter to the shards |
//! | [`gaps`], `losses` | what clients are told when publications may have been lost; those that were lost here |
//! | [`interest`] | which shards have members of which room |
//! | [`client_events`] | the backend in process |
//! | [`links`] | the adapter's links, and which other nodes there are |
//! | [`listener`] | listening sockets |
//! | [`clock`] | the one reader of clocks |
//! | [`settings`] | defaults, file and environment; the only reader of the environment |
//! | [`limits`] | caps that are not settings, and the bounds of those that are |
//! | [`metrics`] | every metric: hot counters of the shards, summed when scraped |
//! | [`mod@run`] | what every program around a gateway does, from settings to stop |
//! | [`reload`] | settings that are read again while the node runs |
//! | [`cli`] | the commands beside running: checking and printing settings, asking for health |
//! | [`healthcheck`] | asking a running gateway for its health |
//! | [`telemetry`] | logs |
//! | [`os`] | the limits of the operating system: files and memory |
//! | [`docs`] | the pages of `docs/` that are generated from the code |
//! | `fuzzing` | doors for the checks of `gateway/fuzz`; no API |

pub mod boot;
pub mod cli;
pub mod client_events;
pub mod clock;
pub mod cluster;
pub mod docs;
#[doc(hidden)]
pub mod fuzzing;
pub mod gaps;
pub mod healthcheck;
mod http;
pub mod interest;
mod internal;
pub mod limits;
pub mod links;
pub mod listener;
pub mod lists;
mod losses;
pub mod mail;
pub mod mailbox;
pub mod metrics;
pub mod node;
pub mod os;
pub mod peers;
mod polls;
mod public;
pub mod reload;
pub mod run;
pub mod settings;
pub mod shard;
pub mod telemetry;

pub use boot::{Gateway, Handle, StartError};
pub use client_events::{Client, ClientEvents, Decision, Refusal};
pub use run::run;
