//! WebSockets of sessions that live on other nodes: this node answers the upgrade, and from then on
//! carries bytes both ways over one stream to the owner, without looking at them.
//!
//! Nothing piles up here: a client that does not read stops the stream, and the owner's outbox is what
//! fills. A tunnel ends with either side, when its client takes nothing for too long, and when this
//! node goes away; its client comes back elsewhere.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::Incoming;
use roomcast_core::id::Sid;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use super::body::{Body, Feed, Hold, Pipe, Source, pump};
use super::headers::ANSWER;
use super::polls::{self, Carried};
use super::pool::Lease;
use super::{Ask, CallError, signature};
use crate::limits::CLOSING_MS;
use crate::mail::Answer;
use crate::metrics::{Counter, Direction, ForwardResult, Gauge, Histogram, TunnelResult};
use crate::node::Node;

/// Where an owner is asked for one; the second for clients that cannot take binary frames.
pub(crate) const TARGET: &str = "/internal/tunnel";
pub(crate) const TARGET_BASE64: &str = "/internal/tunnel?b64=1";

/// How long the owner may take to let one in.
const OPEN_TIME: Duration = Duration::from_secs(5);
/// Parts of the drain over which tunnels end.
const DRAIN_PARTS: u32 = 64;

/// A way to the owner, for a WebSocket that is about to be there.
pub(crate) struct Tunnel {
    node: Arc<Node>,
    answer: Incoming,
    feed: Feed,
    hold: Hold,
    _lease: Lease,
    place: Place,
}

/// A place among the tunnels of this node, given back on drop.
struct Place {
    node: Arc<Node>,
    _permit: OwnedSemaphorePermit,
    _carried: Carried,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.node.metrics.gauge_sub(Gauge::Tunnels, 1);
    }
}

/// How long a side that takes nothing is waited for: longer than the owner's own patience, which knows
/// more and says why.
pub(crate) fn silence(node: &Node) -> Duration {
    Duration::from_millis(node.settings().limits.outbox_age_ms_max + 2 * CLOSING_MS)
}

/// Asks the owner to let a WebSocket in; `Err` is what it answered, or `None` if there is no tunnel to be had.
pub(crate) async fn open(
    node: &Arc<Node>,
    sid: Sid,
    client: SocketAddr,
    base64: bool,
) -> Result<Tunnel, Option<Answer>> {
    let count = |result| node.metrics.inc(Counter::Tunnels(result));
    let Ok(permit) = Arc::clone(&node.peers.tunnels).try_acquire_owned() else {
        count(TunnelResult::Full);
        return Err(None);
    };
    node.metrics.gauge_add(Gauge::Tunnels, 1);
    let place = Place { node: Arc::clone(node), _permit: permit, _carried: Carried::new(node) };
    let started = Instant::now();
    let asked = tokio::time::timeout(OPEN_TIME, ask(node, sid, client, base64)).await;
    let asked = asked.unwrap_or(Err(CallError::TimedOut));
    let forwarded = |result| node.metrics.inc(Counter::ForwardedRequests(Direction::Out, result));
    match asked {
        Ok((Answer::Ok, parts)) => {
            forwarded(ForwardResult::Answered);
            count(TunnelResult::Opened);
            node.metrics.observe(Histogram::ForwardDuration, started.elapsed());
            let Parts { answer, feed, hold, lease } = parts;
            Ok(Tunnel { node: Arc::clone(node), answer, feed, hold, _lease: lease, place })
        }
        Ok((other, _)) => {
            let unknown = other == Answer::Unknown;
            forwarded(if unknown { ForwardResult::UnknownSession } else { ForwardResult::Answered });
            count(TunnelResult::Refused);
            Err(Some(other))
        }
        Err(error) => {
            forwarded(error.result());
            count(TunnelResult::Failed);
            Err((error == CallError::Unknown).then_some(Answer::Unknown))
        }
    }
}

struct Parts {
    answer: Incoming,
    feed: Feed,
    hold: Hold,
    lease: Lease,
}

async fn ask(node: &Arc<Node>, sid: Sid, client: SocketAddr, base64: bool) -> Result<(Answer, Parts), CallError> {
    let peers = &node.peers;
    let peer = peers.directory.find(sid.home().0).await.ok_or(CallError::Unknown)?;
    let client = client.to_string();
    let target = if base64 { TARGET_BASE64 } else { TARGET };
    let ask = Ask { peer: &peer, target, sid: Some(sid), client: &client, twice: true };
    let mut ends = None;
    let (response, lease) = peers
        .send(ask, signature::digest(b""), || {
            let (pipe, feed, hold) = Pipe::later();
            ends = Some((feed, hold));
            Body::Pipe(pipe)
        })
        .await?;
    let answer = response.headers().get(ANSWER).and_then(|word| polls::answer(word.as_bytes(), Bytes::new()));
    let (answer, (feed, hold)) = answer.zip(ends).ok_or(CallError::Broken)?;
    Ok((answer, Parts { answer: response.into_body(), feed, hold, lease }))
}

impl Tunnel {
    /// Carries a WebSocket, of which `rest` was read already, until it ends.
    pub(crate) fn carry(self, stream: std::net::TcpStream, rest: Bytes) {
        self.node.peers.runtime.clone().spawn(async move {
            if let Err(error) = self.run(stream, rest).await {
                tracing::debug!(%error, "a tunnel broke");
            }
        });
    }

    async fn run(self, stream: std::net::TcpStream, rest: Bytes) -> io::Result<()> {
        let Self { node, answer, feed, mut hold, _lease, place } = self;
        let (read, write) = TcpStream::from_std(stream)?.into_split();
        feed.give(Source { first: rest, from: Box::new(read) });
        let mut drain = node.peers.drain.subscribe();
        tokio::select! {
            pumped = pump(answer, write, silence(&node)) => {
                pumped?;
                // The client closes next; one that does not is not waited for.
                let _ = tokio::time::timeout(Duration::from_millis(CLOSING_MS), hold.released()).await;
            }
            () = drained(&mut drain) => {}
        }
        drop(place);
        Ok(())
    }
}

/// Resolves when the node goes away, at this tunnel's turn: not all clients come back at once.
async fn drained(drain: &mut tokio::sync::watch::Receiver<Option<Duration>>) {
    let within = drain.wait_for(Option::is_some).await.ok().and_then(|within| *within);
    let mut part = [0; 1];
    let _ = getrandom::fill(&mut part);
    let part = u32::from(part[0]) % DRAIN_PARTS;
    tokio::time::sleep(within.unwrap_or_default() * part / DRAIN_PARTS).await;
}
