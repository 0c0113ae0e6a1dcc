//! The program itself: its commands, its exit codes, and what signals do to it.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `program` | starting, signalling and asking the real binary |
//! | `commands` | check-config, print-config, healthcheck, help |
//! | `reload` | SIGHUP |
//! | `early` | signals that come before it has started |
//! | `secrets` | nodes that do not have the same secret |
//! | `streams` | streams of publications while settings change |

mod commands;
mod early;
mod program;
mod reload;
mod secrets;
mod streams;
