//! What the tests of the adapter stand on: Redis servers of their own, and ways to break them.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`server`] | one `redis-server` process: started, killed, stopped for a while, ordered about |
//! | [`cluster`] | three masters as a Redis Cluster, and moving a slot |
//! | [`sentinel`] | a master, its replica and the sentinels that watch them |
//! | [`proxy`] | a TCP link that stalls or is cut |
//! | [`ports`], [`wait`] | free ports, waiting with a deadline |
//! | [`ledger`], [`verdict`] | what was published and what arrived, and the judgement over it |
//! | [`node`], [`stream`], [`run`] | nodes of the adapter, the numbered stream through them, and the run of a test |
//!
//! Nothing is skipped: without `redis-server` on this machine the tests fail. A server is ended by its own
//! process id when its value goes, also when a test panics.

#![allow(dead_code, reason = "each test program includes this file and uses its own part of it")]
#![allow(clippy::panic, clippy::print_stdout, reason = "all of this is tests")]

pub(crate) mod cluster;
pub(crate) mod ledger;
pub(crate) mod node;
pub(crate) mod ports;
pub(crate) mod proxy;
pub(crate) mod run;
pub(crate) mod sentinel;
pub(crate) mod server;
pub(crate) mod stream;
pub(crate) mod verdict;
pub(crate) mod wait;
