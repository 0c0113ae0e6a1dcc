//! Whether a request is another node's, and comes once. Nothing of it is acted upon before, and its
//! body is not read.

use std::sync::PoisonError;

use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use roomcast_core::id::Sid;

use crate::metrics::ForwardResult;
use crate::node::Node;
use crate::peers::headers::Proof;
use crate::peers::signature::{self, Digest};
use crate::peers::{HOPS, nonces};

/// What is certain of a request.
pub(super) struct Proven {
    /// The session that it is for; it would live here.
    pub(super) sid: Option<Sid>,
    /// Of its body.
    pub(super) digest: Digest,
}

/// Why a request is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It does not prove that it is a node's.
    Proof,
    /// Its time is too far from ours, or it came before.
    Stale,
    /// It has come through another node before the one that sent it.
    Hops,
    /// It is meant for another node, or its session lives on another.
    Elsewhere,
    /// Too many came within a minute.
    Full,
}

impl Refused {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Proof | Self::Stale => StatusCode::FORBIDDEN,
            Self::Hops => StatusCode::LOOP_DETECTED,
            Self::Elsewhere => StatusCode::MISDIRECTED_REQUEST,
            Self::Full => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(super) fn result(self) -> ForwardResult {
        match self {
            Self::Proof | Self::Hops => ForwardResult::Refused,
            Self::Stale => ForwardResult::Stale,
            Self::Elsewhere => ForwardResult::UnknownNode,
            Self::Full => ForwardResult::Overloaded,
        }
    }
}

/// Checks it, the proof first: without one nothing is told apart.
pub(super) fn check(node: &Node, request: &Request<Incoming>) -> Result<Proven, Refused> {
    let key = node.peers.key.as_ref().ok_or(Refused::Proof)?;
    let proof = Proof::read(request.headers()).ok_or(Refused::Proof)?;
    let target = request.uri().path_and_query().map_or("", |target| target.as_str());
    if !proof.holds(key, request.method().as_str(), target) {
        return Err(Refused::Proof);
    }
    if !signature::is_fresh(proof.at, node.clock.unix()) {
        return Err(Refused::Stale);
    }
    if proof.to != node.tag || proof.sid.is_some_and(|sid| !is_here(node, sid)) {
        return Err(Refused::Elsewhere);
    }
    if proof.hop != HOPS {
        return Err(Refused::Hops);
    }
    let mut nonces = node.peers.nonces.lock().unwrap_or_else(PoisonError::into_inner);
    match nonces.take(proof.nonce, node.clock.now()) {
        Ok(()) => {}
        Err(nonces::Refused::Used) => return Err(Refused::Stale),
        Err(nonces::Refused::Full) => return Err(Refused::Full),
    }
    tracing::trace!(client = proof.client, target, "a request of another node");
    Ok(Proven { sid: proof.sid, digest: proof.digest })
}

fn is_here(node: &Node, sid: Sid) -> bool {
    let (tag, shard) = sid.home();
    tag == node.tag && node.has_shard(shard)
}
