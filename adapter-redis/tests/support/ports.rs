//! Free ports on loopback.
//!
//! A port is found, let go and taken by the server a moment later: somebody else may be faster, so that
//! whoever starts a server tries again with another one.

use std::net::{Ipv4Addr, TcpListener};

/// What Redis adds to the port of a cluster's node for the link between nodes.
const BUS_OFFSET: u16 = 10_000;
const ATTEMPTS: usize = 1000;

fn bind(port: u16) -> Option<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
    listener.local_addr().ok().map(|address| address.port())
}

/// A port that was free a moment ago.
pub(crate) fn free() -> u16 {
    bind(0).expect("a free port")
}

/// The same, where the port of the link between a cluster's nodes was free as well.
pub(crate) fn free_with_bus() -> u16 {
    let pair = |_| {
        let port = bind(0)?;
        bind(port.checked_add(BUS_OFFSET)?).map(|_| port)
    };
    (0..ATTEMPTS).find_map(pair).expect("a free port whose bus port is free")
}
