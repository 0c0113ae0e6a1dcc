//! The load harness: drives any server that speaks the protocols, beside the *limit*.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`cli`] | the command line |
//! | [`limit`] | the server that no other can beat without sending several messages in one write |
//! | [`scenario`] | `fanout`, `idle`, `handshake`, `hold`: options in, report out |
//! | [`bench`] | the gateway and the limit in interleaved pairs: ratios beside their budgets |
//! | [`protocols`] | plain, Socket.IO and polling on one gateway in interleaved rounds: what each costs |
//! | [`nodes`] | one node in memory and two over one Redis, in turns: what the way over Redis adds |
//! | [`drive`] | the loop of a scenario: publish when due, account for what comes |
//! | [`swarm`], [`publisher`], [`link`] | thousands of connections on one thread |
//! | [`walk`] | one client step by step, every byte counted |
//! | [`client`], [`protocol`], [`http`], [`frames`] | what goes over a connection; no I/O |
//! | [`pacing`], [`clock`] | when to publish |
//! | [`ping`] | round trips to a Redis, in between |
//! | [`stamp`], [`ledger`] | what arrived: once, in order, how late |
//! | [`stats`], [`report`], [`proc`], [`target`], [`error`] | numbers, terminal, Linux, children, failures |
//!
//! One process is one generator on one core. Ratios of one run are its results: an
//! absolute time says more about the machine than about the server.

pub mod bench;
pub mod cli;
pub mod client;
pub mod clock;
pub mod drive;
pub mod error;
pub mod frames;
pub mod http;
pub mod ledger;
pub mod limit;
pub mod link;
pub mod nodes;
pub mod pacing;
pub mod ping;
pub mod proc;
pub mod protocol;
pub mod protocols;
pub mod publisher;
pub mod report;
pub mod scenario;
pub mod stamp;
pub mod stats;
pub mod swarm;
pub mod target;
pub mod walk;
