//! What the fuzz targets check: one module a target, each with `check(data)`, which panics
//! on a finding and otherwise says whether `data` was something that is accepted.
//!
//! | module | reads | how `data` is cut |
//! | --- | --- | --- |
//! | `frames` | WebSocket frames | 2 bytes: role and limits, where to split; then the stream |
//! | `engine_io` | a polling payload | whole |
//! | `socket_io` | a packet and its attachments | cut at each byte 0xFF |
//! | `plain` | a text frame of `/ws` | whole |
//! | `publish` | a body of `POST /v1/publish` | whole |
//! | `configuration` | a settings file and variables | 1 byte: TOML or YAML, load twice, do not print; then cut at each byte 0xFF: `KEY=VALUE` |
//!
//! This folder is compiled twice: here for libFuzzer, and as a module of
//! `gateway/tests/corpora.rs`, which replays `corpus/`. Deliberately absent: fuzzing HTTP
//! (hyper's own targets do) and whole sessions (properties and transcripts in core).

#![allow(unreachable_pub, reason = "public for the targets; in the ordinary test a module of it")]

pub mod configuration;
pub mod engine_io;
pub mod frames;
pub mod plain;
pub mod publish;
pub mod socket_io;
pub mod tools;
