//! Bad input: what hostile peers send, beside 200 clients that must not notice.
//!
//! Every group of rows runs the real program in a process of its own, with 200 bystanders in
//! one room that get a numbered stream published over HTTP the whole time. A row is a
//! hostile action, repeated; the action itself checks the answer it gets (status, close code).
//! Around it, `scene` checks what holds for every row: the program is alive, no bystander
//! lost, reordered or repeated a number or was closed, memory and sockets are back, the
//! counters that the row names grew by as much as it says, nothing panicked, the number of
//! series is what it was. At the end of a group the log has no secret in it.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `node` | the program in its own process: settings, log, memory, files, metrics |
//! | `bystanders` | the 200 clients, and the publisher of their stream |
//! | `link` | how a bystander reads and writes without blocking the others |
//! | `peer` | a hostile peer: bytes as they are, answers and close codes read back |
//! | `scene` | a row, and everything that is checked around each |
//! | `harness` | one row of each kind, and proof that the checks can fail |
//! | `api` | the API: JSON at its edges, names, headers, streams |
//! | `handshakes` | handshakes that are none: queries, headers, other protocols, origins |
//! | `heads` | request lines and headers: too many, too large, too slow, contradicting |
//! | `table` | rows of one shape over WebSocket: closed for a reason, or refused by an answer |
//! | `frames` | WebSocket frames |
//! | `packets` | packets of Engine.IO and Socket.IO, over WebSocket and polling |
//! | `messages` | messages of the plain protocol, names of rooms |
//! | `json` | JSON that is deep, wide, long or odd, wherever clients send it |
//! | `floods` | too much of what is fine |
//! | `unfinished` | messages that do not end |
//! | `echoes` | every byte of an echo |
//! | `half_open` | connections that take places and say nothing |
//! | `polls` | polling requests: bodies, overlaps, ends |
//! | `upgrades` | upgrades that never finish, happen twice, or are none |

#![allow(clippy::panic, clippy::print_stdout)] // Clippy allows them in the `#[test]` functions only.

mod api;
mod bystanders;
mod echoes;
mod floods;
mod frames;
mod half_open;
mod handshakes;
mod harness;
mod heads;
mod json;
mod link;
mod messages;
mod node;
mod packets;
mod peer;
mod polls;
mod scene;
mod table;
mod unfinished;
mod upgrades;

use std::time::{Duration, Instant};

/// How long anything may take, on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// What no log may ever have in it: rows put it into headers, cookies, queries and payloads.
const SECRET: &str = "s3cret-that-no-log-may-show";

/// Waits until `holds` says nothing more; fails with what it said last.
fn wait_until(mut holds: impl FnMut() -> Result<(), String>) {
    let deadline = Instant::now() + DEADLINE;
    while let Err(what) = holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
