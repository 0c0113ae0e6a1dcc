//! Other nodes of this gateway: asking them, and proving who asks. What they are asked for is in
//! [`crate::internal`], on the other side.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `signature` | the proof that a request is a node's: pure |
//! | `nonces` | that it comes once: pure |
//! | `headers` | the proof as headers |
//! | `directory` | which node has a tag |
//! | `pool` | connections to one node |
//! | `body` | bodies at hand, and bodies that are read from a socket |
//! | `polls` | polls of sessions that live elsewhere |
//! | `tunnel` | WebSockets of sessions that live elsewhere |
//!
//! A request goes to the node that is meant and no further: whoever answers it has no way to pass it
//! on, and refuses one that says it has come further than one hop.
//!
//! Deliberately absent: TLS between nodes, and anything in the way of publications, which is the
//! adapter's.

pub(crate) mod body;
mod directory;
pub(crate) mod headers;
pub(crate) mod nonces;
pub(crate) mod polls;
pub(crate) mod pool;
pub(crate) mod signature;
pub(crate) mod tunnel;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use roomcast_core::adapter::Adapter;
use roomcast_core::cluster::NodeInfo;
use roomcast_core::id::{NodeTag, Sid};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

use crate::clock::Clock;
use crate::limits::{PEER_CALL_BYTES_MAX, PEER_CALL_MS, PEER_NONCES_MAX, PEER_NOTICES_MAX};
use crate::metrics::{Counter, Direction, ForwardResult, Metrics};
use crate::node::Node;
use crate::settings::{Cluster, Network};
use body::Body;
use directory::Directory;
use nonces::Nonces;
use pool::{Lease, Pool};
use signature::{Claim, Key};

/// How many nodes a request may come through.
pub(crate) const HOPS: u8 = 1;

/// A call that asks who is there.
pub const HELLO: &str = "/internal/hello";
/// A call that asks whether the links between nodes are sound there.
pub const SOUND: &str = "/internal/sound";

/// What is wrong between nodes is said so often at most.
const WARN_EVERY_MS: u64 = 10_000;

/// Why another node gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallError {
    /// There is no such node, or another one in its place.
    Unknown,
    /// Its address is in none of the networks in which nodes may be, or there is no secret to prove
    /// anything with.
    NotAllowed,
    /// No connection came up, or it ended before anything was sent: it has done nothing.
    Unreachable,
    /// Nothing more can be asked of it at the moment; it has done nothing.
    Overloaded,
    /// The connection ended, and perhaps it has done it.
    Broken,
    /// It refused, with that status.
    Refused(u16),
    /// It took too long, and perhaps it has done it.
    TimedOut,
    /// Its answer is larger than it may be.
    TooLarge,
}

impl CallError {
    /// Whether the other node certainly has done nothing about it.
    fn is_unheard(self) -> bool {
        matches!(self, Self::Unknown | Self::NotAllowed | Self::Unreachable | Self::Overloaded | Self::Refused(_))
    }

    /// Whether it has done nothing and may do it before long: it comes back, or somebody mends its settings.
    fn may_pass(self) -> bool {
        matches!(self, Self::Unreachable | Self::Overloaded | Self::Refused(403))
    }

    /// What it counts as.
    pub(crate) fn result(self) -> ForwardResult {
        match self {
            Self::Unknown => ForwardResult::UnknownNode,
            Self::NotAllowed | Self::Refused(_) => ForwardResult::Refused,
            Self::Unreachable | Self::Broken | Self::TooLarge => ForwardResult::Unreachable,
            Self::Overloaded => ForwardResult::Overloaded,
            Self::TimedOut => ForwardResult::TimedOut,
        }
    }
}

impl std::fmt::Display for CallError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown => f.write_str("there is no such node"),
            Self::NotAllowed => f.write_str("its address is not within cluster.peers_allowed"),
            Self::Unreachable => f.write_str("no connection to it comes up"),
            Self::Overloaded => f.write_str("too many requests are on their way to it"),
            Self::Broken => f.write_str("the connection to it broke"),
            Self::Refused(403) => {
                f.write_str("it refused our proof: is cluster.secret the same there, and do the clocks agree to 30 s?")
            }
            Self::Refused(421) => {
                f.write_str("another node answers at the address it advertises: see cluster.advertise")
            }
            Self::Refused(status) => write!(f, "it refused with status {status}"),
            Self::TimedOut => f.write_str("it did not answer in time"),
            Self::TooLarge => f.write_str("its answer is too large"),
        }
    }
}

impl std::error::Error for CallError {}

/// What one node has to do with the others.
pub(crate) struct Peers {
    tag: NodeTag,
    clock: Clock,
    metrics: Arc<Metrics>,
    cluster: bool,
    /// Where connections to other nodes live: not on shards.
    pub(crate) runtime: Handle,
    pub(crate) key: Option<Key>,
    allowed: Vec<Network>,
    connections_max: usize,
    directory: Arc<Directory>,
    pools: Mutex<HashMap<SocketAddr, Arc<Pool>>>,
    /// Nonces of other nodes' requests.
    pub(crate) nonces: Mutex<Nonces>,
    /// Places for WebSockets of other nodes' sessions.
    tunnels: Arc<Semaphore>,
    /// Places for what is told another node while nobody waits.
    notices: Arc<Semaphore>,
    /// Set once: what is carried for other nodes ends within that time.
    drain: watch::Sender<Option<Duration>>,
    /// When it was last said that something is wrong.
    warned: AtomicU64,
}

/// One question to one node.
#[derive(Clone, Copy)]
struct Ask<'a> {
    peer: &'a NodeInfo,
    target: &'a str,
    sid: Option<Sid>,
    client: &'a str,
    /// Whether it may come twice.
    twice: bool,
}

impl Peers {
    /// Nobody is spoken to yet.
    pub(crate) fn new(
        tag: NodeTag,
        clock: Clock,
        settings: &Cluster,
        adapter: &Arc<dyn Adapter>,
        metrics: &Arc<Metrics>,
        runtime: Handle,
    ) -> Self {
        Self {
            tag,
            clock,
            metrics: Arc::clone(metrics),
            cluster: adapter.capabilities().cluster,
            key: Key::new(settings.secret.expose()),
            allowed: settings.peers_allowed.clone(),
            connections_max: settings.peer_connections_max,
            directory: Directory::new(Arc::clone(adapter), clock, runtime.clone()),
            runtime,
            pools: Mutex::default(),
            nonces: Mutex::new(Nonces::new(PEER_NONCES_MAX)),
            tunnels: Arc::new(Semaphore::new(settings.tunnels_max)),
            notices: Arc::new(Semaphore::new(PEER_NOTICES_MAX)),
            drain: watch::Sender::new(None),
            warned: AtomicU64::new(0),
        }
    }

    /// Whether a session may live on that node, which is another one.
    pub(crate) fn may_own(&self, tag: NodeTag) -> bool {
        self.cluster && self.key.is_some() && tag != self.tag
    }

    /// What this node carries for others ends within that time.
    pub(crate) fn start_draining(&self, within: Duration) {
        self.drain.send_replace(Some(within));
    }

    /// Asks another node, and once more over a fresh connection if it has not heard of it, or may
    /// hear of it twice. The lease is to be kept until the answer's body has been read.
    async fn send(
        &self,
        ask: Ask<'_>,
        digest: signature::Digest,
        mut body: impl FnMut() -> Body,
    ) -> Result<(Response<Incoming>, Lease), CallError> {
        let address = ask.peer.internal;
        if !is_allowed(&self.allowed, address.ip()) {
            self.warn(ask.peer.tag, address, CallError::NotAllowed);
            return Err(CallError::NotAllowed);
        }
        let pool = self.pool(address);
        let mut after = 0;
        let heard = match self.send_once(&pool, ask, digest, body(), &mut after).await {
            Err(CallError::Unreachable) => false,
            Err(CallError::Broken) if ask.twice => true,
            other => return other,
        };
        let again = self.send_once(&pool, ask, digest, body(), &mut after).await;
        // It may have heard it the first time.
        again.map_err(|error| if heard && error.is_unheard() { CallError::Broken } else { error })
    }

    async fn send_once(
        &self,
        pool: &Arc<Pool>,
        ask: Ask<'_>,
        digest: signature::Digest,
        body: Body,
        after: &mut u64,
    ) -> Result<(Response<Incoming>, Lease), CallError> {
        let Some(request) = self.request(ask, digest, body) else {
            return Err(CallError::NotAllowed);
        };
        let mut lease = pool.lease(*after).await?;
        *after = lease.number;
        match lease.sender.try_send_request(request).await {
            Ok(response) => match response.status() {
                StatusCode::OK => Ok((response, lease)),
                StatusCode::MISDIRECTED_REQUEST => {
                    self.warn(ask.peer.tag, ask.peer.internal, CallError::Refused(421));
                    Err(CallError::Unknown)
                }
                // It has no room for it, and has done nothing.
                StatusCode::SERVICE_UNAVAILABLE => Err(CallError::Overloaded),
                status => {
                    let refused = CallError::Refused(status.as_u16());
                    self.warn(ask.peer.tag, ask.peer.internal, refused);
                    Err(refused)
                }
            },
            Err(mut failed) => {
                pool.forget(lease.number);
                let unsent = failed.take_message().is_some();
                tracing::debug!(peer = %ask.peer.tag, error = %failed.error(), unsent, "request to another node failed");
                Err(if unsent { CallError::Unreachable } else { CallError::Broken })
            }
        }
    }

    /// Says what is wrong between this node and another: seldom, because every request of a client may find it.
    fn warn(&self, node: NodeTag, address: SocketAddr, error: CallError) {
        let now = self.clock.now();
        let due = |last: u64| (last == 0 || now >= last + WARN_EVERY_MS).then_some(now.max(1));
        if self.warned.fetch_update(Ordering::Relaxed, Ordering::Relaxed, due).is_ok() {
            tracing::warn!(%node, %address, %error, "another node does not take what is forwarded to it");
        }
    }

    /// The request, with a proof that counts once. `None` without a secret.
    fn request(&self, ask: Ask<'_>, digest: signature::Digest, body: Body) -> Option<Request<Body>> {
        let mut nonce = [0; 8];
        getrandom::fill(&mut nonce).ok()?;
        let claim = Claim {
            method: Method::POST.as_str(),
            target: ask.target,
            to: ask.peer.tag,
            sid: ask.sid,
            client: ask.client,
            digest,
            at: self.clock.unix(),
            nonce: u64::from_ne_bytes(nonce),
            hop: HOPS,
        };
        let uri = format!("http://{}{}", ask.peer.internal, ask.target);
        let mut request = Request::builder().method(Method::POST).uri(uri).body(body).ok()?;
        headers::write(&claim, self.key.as_ref()?, request.headers_mut());
        Some(request)
    }

    fn pool(&self, address: SocketAddr) -> Arc<Pool> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if !pools.contains_key(&address) {
            pools.retain(|_, pool| !pool.is_idle());
        }
        let pool = pools.entry(address).or_insert_with(|| {
            Pool::new(address, self.connections_max, self.runtime.clone(), Arc::clone(&self.metrics))
        });
        Arc::clone(pool)
    }
}

/// Whether a node may be at that address.
fn is_allowed(networks: &[Network], address: IpAddr) -> bool {
    if !networks.is_empty() {
        return networks.iter().any(|network| network.has(address));
    }
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local(),
    }
}

/// Asks a node for what `target`, a path below `/internal/`, stands for there; the bodies are JSON.
/// Questions may come twice: they are no orders.
pub async fn call(node: &Arc<Node>, peer: &NodeInfo, target: &str, body: Bytes) -> Result<Bytes, CallError> {
    call_within(Duration::from_millis(PEER_CALL_MS), node, peer, target, body).await
}

/// The same, for as long as an answer is of use. What comes of it is counted, also when none came in time.
pub(crate) async fn call_within(
    time: Duration,
    node: &Arc<Node>,
    peer: &NodeInfo,
    target: &str,
    body: Bytes,
) -> Result<Bytes, CallError> {
    let asked = node.peers.answer_to(peer, target, body);
    let answer = tokio::time::timeout(time, asked).await;
    let answer = answer.unwrap_or(Err(CallError::TimedOut));
    let result = answer.as_ref().map_or_else(|error| error.result(), |_| ForwardResult::Answered);
    node.metrics.inc(Counter::PeerCalls(Direction::Out, result));
    answer
}

impl Peers {
    async fn answer_to(&self, peer: &NodeInfo, target: &str, body: Bytes) -> Result<Bytes, CallError> {
        let ask = Ask { peer, target, sid: None, client: "", twice: true };
        let digest = signature::digest(&body);
        let (response, _lease) = self.send(ask, digest, || Body::whole(body.clone())).await?;
        whole(response.into_body(), PEER_CALL_BYTES_MAX).await
    }
}

/// All of an answer.
async fn whole(body: Incoming, max: usize) -> Result<Bytes, CallError> {
    match Limited::new(body, max).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(CallError::TooLarge),
        Err(_) => Err(CallError::Broken),
    }
}

impl std::fmt::Debug for Peers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peers").field("tag", &self.tag).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_default_nodes_are_on_this_machine_or_a_private_network() {
        let allowed = |networks: &[Network], address: &str| is_allowed(networks, address.parse().expect("an address"));
        for address in ["127.0.0.1", "::1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "fd00::1", "::ffff:10.0.0.1"] {
            assert!(allowed(&[], address), "{address}");
        }
        for address in ["8.8.8.8", "172.32.0.1", "169.254.169.254", "2001:db8::1", "fe80::1", "0.0.0.0", "::"] {
            assert!(!allowed(&[], address), "{address}");
        }
        let networks = [Network::parse("192.0.2.0/24").expect("a network")];
        assert!(allowed(&networks, "192.0.2.9") && !allowed(&networks, "127.0.0.1"));
    }
}
