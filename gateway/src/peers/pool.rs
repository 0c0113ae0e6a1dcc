//! Connections to one other node: HTTP/2 with prior knowledge, few of them, made when they are needed.
//!
//! One is dialled at a time, and whoever wants one meanwhile waits for it and for its failure. A
//! further one is made beside those that are busy, up to the setting. Idle ones are closed.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use hyper::client::conn::http2::{Builder, Connection, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::OwnedMutexGuard;

use super::CallError;
use super::body::Body;
use crate::limits::{PEER_CONNECTION_WINDOW_BYTES, PEER_HEAD_BYTES_MAX, PEER_STREAM_WINDOW_BYTES, PEER_STREAMS_MAX};
use crate::metrics::{Direction, Gauge, Metrics};

/// How long a connection may take to come up.
const DIAL_TIME: Duration = Duration::from_secs(2);
/// How often a connection is asked for a sign of life, and how long that may take.
pub(crate) const PING_EVERY: Duration = Duration::from_secs(10);
pub(crate) const PING_TIME: Duration = Duration::from_secs(10);
/// A connection that nobody has used from one of these looks to the next is closed.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// How long the system may have bytes that the peer does not acknowledge.
const SILENCE: Duration = Duration::from_secs(20);
/// Requests on every connection from which on another one is made.
const BUSY: usize = 64;

/// The connections to one node.
pub(super) struct Pool {
    address: SocketAddr,
    max: usize,
    runtime: Handle,
    metrics: Arc<Metrics>,
    links: Mutex<Vec<Link>>,
    made: AtomicU64,
    dialing: Arc<tokio::sync::Mutex<()>>,
    /// Dials that have ended, one way or the other.
    dialed: AtomicU64,
}

struct Link {
    number: u64,
    sender: SendRequest<Body>,
    usage: Arc<Usage>,
}

#[derive(Default)]
struct Usage {
    /// Requests on it now.
    streams: AtomicUsize,
    /// Requests ever.
    leases: AtomicU64,
}

/// A place for one request on a connection.
pub(super) struct Lease {
    pub(super) number: u64,
    pub(super) sender: SendRequest<Body>,
    usage: Arc<Usage>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.usage.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

enum Picked {
    Lease(Lease),
    /// It is busy: another connection may be made.
    Busy(Lease),
    /// There is none.
    None,
    /// All have as many requests as they may.
    Full,
}

impl Pool {
    pub(super) fn new(address: SocketAddr, max: usize, runtime: Handle, metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self {
            address,
            max,
            runtime,
            metrics,
            links: Mutex::default(),
            made: AtomicU64::new(0),
            dialing: Arc::default(),
            dialed: AtomicU64::new(0),
        })
    }

    /// Whether nobody would miss it.
    pub(super) fn is_idle(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) == 1 && self.links.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// A place on a connection that came after number `after`.
    pub(super) async fn lease(self: &Arc<Self>, after: u64) -> Result<Lease, CallError> {
        match self.pick(after) {
            Picked::Lease(lease) => return Ok(lease),
            Picked::Busy(lease) => {
                if let Ok(turn) = Arc::clone(&self.dialing).try_lock_owned() {
                    self.runtime.spawn(Arc::clone(self).dial(turn));
                }
                return Ok(lease);
            }
            Picked::Full => return Err(CallError::Overloaded),
            Picked::None => {}
        }
        let dialed = self.dialed.load(Ordering::Acquire);
        let turn = Arc::clone(&self.dialing).lock_owned().await;
        if let Picked::Lease(lease) | Picked::Busy(lease) = self.pick(after) {
            return Ok(lease);
        }
        if self.dialed.load(Ordering::Acquire) != dialed {
            // Somebody else has tried meanwhile, in vain.
            return Err(CallError::Unreachable);
        }
        // In a task of its own: whoever waits may give up, and others wait too.
        let _ = self.runtime.spawn(Arc::clone(self).dial(turn)).await;
        match self.pick(after) {
            Picked::Lease(lease) | Picked::Busy(lease) => Ok(lease),
            Picked::None => Err(CallError::Unreachable),
            Picked::Full => Err(CallError::Overloaded),
        }
    }

    fn pick(&self, after: u64) -> Picked {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|link| !link.sender.is_closed());
        let streams = |link: &&Link| link.usage.streams.load(Ordering::Relaxed);
        let Some(least) = links.iter().filter(|link| link.number > after).min_by_key(streams) else {
            return Picked::None;
        };
        let busy = streams(&least);
        if busy >= PEER_STREAMS_MAX as usize {
            return Picked::Full;
        }
        least.usage.streams.fetch_add(1, Ordering::Relaxed);
        least.usage.leases.fetch_add(1, Ordering::Relaxed);
        let lease = Lease { number: least.number, sender: least.sender.clone(), usage: Arc::clone(&least.usage) };
        if busy >= BUSY && links.len() < self.max { Picked::Busy(lease) } else { Picked::Lease(lease) }
    }

    /// Takes a connection out: what is on it goes on, nothing new comes.
    pub(super) fn forget(&self, number: u64) {
        self.links.lock().unwrap_or_else(PoisonError::into_inner).retain(|link| link.number != number);
    }

    async fn dial(self: Arc<Self>, turn: OwnedMutexGuard<()>) {
        match tokio::time::timeout(DIAL_TIME, connect(self.address)).await {
            Ok(Ok((sender, connection))) => {
                let number = self.made.fetch_add(1, Ordering::Relaxed) + 1;
                let usage = Arc::<Usage>::default();
                let link = Link { number, sender, usage: Arc::clone(&usage) };
                self.links.lock().unwrap_or_else(PoisonError::into_inner).push(link);
                tokio::spawn(run(Arc::downgrade(&self), number, usage, connection, Arc::clone(&self.metrics)));
            }
            Ok(Err(error)) => tracing::debug!(peer = %self.address, %error, "no connection to another node"),
            Err(_) => tracing::debug!(peer = %self.address, "no connection to another node in time"),
        }
        self.dialed.fetch_add(1, Ordering::Release);
        drop(turn);
    }
}

type Http2 = Connection<TokioIo<TcpStream>, Body, TokioExecutor>;

async fn connect(address: SocketAddr) -> Result<(SendRequest<Body>, Http2), Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    crate::listener::let_go_after(&stream, SILENCE);
    let connected = Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_stream_window_size(PEER_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(PEER_CONNECTION_WINDOW_BYTES)
        .initial_max_send_streams(PEER_STREAMS_MAX as usize)
        .max_header_list_size(PEER_HEAD_BYTES_MAX)
        .max_send_buf_size(PEER_STREAM_WINDOW_BYTES as usize)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIME)
        .keep_alive_while_idle(true)
        .handshake(TokioIo::new(stream))
        .await?;
    Ok(connected)
}

/// Drives a connection to its end.
async fn run(pool: Weak<Pool>, number: u64, usage: Arc<Usage>, connection: Http2, metrics: Arc<Metrics>) {
    metrics.gauge_add(Gauge::PeerConnections(Direction::Out), 1);
    let forget = || pool.upgrade().map(|pool| pool.forget(number));
    let mut connection = std::pin::pin!(connection);
    let mut leases = 0;
    loop {
        tokio::select! {
            ended = &mut connection => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection to another node ended");
                }
                break;
            }
            () = tokio::time::sleep(LOOK_EVERY) => {
                let now = usage.leases.load(Ordering::Relaxed);
                if now == leases && usage.streams.load(Ordering::Relaxed) == 0 {
                    // The last one to send lets go of it, and so it ends.
                    forget();
                }
                leases = now;
            }
        }
    }
    forget();
    metrics.gauge_sub(Gauge::PeerConnections(Direction::Out), 1);
}
