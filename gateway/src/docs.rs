//! The pages of `docs/` that are generated from the code.
//!
//! `cargo run -p roomcast --example docs-write` writes them; a test compares.

use std::fmt::Write as _;

use roomcast_core::close::CloseReason;

use crate::{internal, metrics, settings};

/// One generated file.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its path from the top of the repository.
    pub path: &'static str,
    /// Its whole text.
    pub text: String,
}

/// All of them.
pub fn pages() -> Vec<Page> {
    vec![
        Page { path: "docs/configuration.md", text: settings::reference::configuration() },
        Page { path: "docs/roomcast.example.toml", text: settings::reference::example() },
        Page { path: "docs/metrics.md", text: metrics::reference::page() },
        Page { path: "docs/close-codes.md", text: close_codes() },
        Page { path: "docs/openapi.json", text: internal::openapi::page() },
    ]
}

const CLOSE_HEAD: &str = "\
<!-- Generated from gateway/core/src/close.rs by `make docs-write`; do not edit. -->
# Why a connection ends

Every close has one reason; it is the label `reason` of `roomcast_connections_closed_total`. *Code* is the WebSocket
close code on the plain protocol. On Socket.IO the WebSocket is closed with the same code where *on Socket.IO* says
so, and without one otherwise, as the reference server does; stock clients ignore the code. *Come back* says whether
a client should connect again by itself.

| reason | code | on Socket.IO | text | come back | ended by |
| --- | --- | --- | --- | --- | --- |
";

fn close_codes() -> String {
    let yes = |b: bool| if b { "yes" } else { "no" };
    let mut page = CLOSE_HEAD.to_owned();
    for reason in CloseReason::ALL {
        let line = reason.line();
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | {} | {} |",
            line.label,
            line.code,
            yes(line.code_on_socket_io),
            line.text,
            yes(line.reconnect),
            reason.initiator().label(),
        );
    }
    page
}
