//! The scenarios: each takes options and gives a report.

pub mod fanout;
pub mod handshake;
pub mod hold;
pub mod idle;
