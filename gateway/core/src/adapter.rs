//! The contract of a backend between nodes.
//!
//! An adapter moves [`crate::cluster`] messages and reports deliveries, requests,
//! gaps and its state. It never sees a connection. Every publication goes in through
//! [`Adapter::publish`] and comes back, our own included, as [`Event::Delivery`]:
//! the one door through which anything reaches a client.
//!
//! Deliberately absent: history and session records, which will be small traits of
//! their own; and any knowledge of wire formats towards clients.

mod memory;
#[cfg(any(test, feature = "conformance"))]
pub mod suite;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

pub use memory::{MemoryAdapter, MemoryBus};

use crate::cluster::{Answer, Gap, NodeInfo, Request};
use crate::delivery::Delivery;
use crate::id::NodeTag;
use crate::publication::{Position, Publication, UnixMillis};
use crate::room::{Namespace, Room};

/// A boxed future that any runtime may drive.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Events that wait for the node at most; an adapter that finds the queue full
/// waits (publications of this node) or drops, counts and declares a gap (others').
pub const EVENTS_MAX: usize = 4096;

/// What an adapter does. All methods may be called from any thread.
pub trait Adapter: Send + Sync + 'static {
    /// What this adapter can do.
    fn capabilities(&self) -> Capabilities;

    /// Starts to take part in a namespace. Idempotent. Resolves when it is live.
    fn open(&self, namespace: &Namespace) -> Live;

    /// Stops taking part in a namespace. Cannot fail.
    fn close(&self, namespace: &Namespace);

    /// Deliveries to this room are wanted here. Idempotent, and recorded at once: a
    /// later [`Adapter::unwant`] cancels it even before it is live.
    fn want(&self, namespace: &Namespace, room: &Room) -> Live;

    /// They no longer are. Cannot fail; deliveries may still trickle in.
    fn unwant(&self, namespace: &Namespace, room: &Room);

    /// Hands over a publication. Resolves when the backend took it; the delivery to
    /// this node's members comes back as an event of its own. On an error nobody got
    /// it, except for [`PublishError::OutcomeUnknown`].
    ///
    /// Publications of one caller that waits for each receipt, or that polls its
    /// futures in order, are delivered in that order.
    fn publish(&self, publication: Publication) -> BoxFuture<'static, Result<Receipt, PublishError>>;

    /// Asks every node, this one included. Answers arrive until every node has let go
    /// of its [`Responder`] or the deadline has passed; then the receiver ends.
    fn request(&self, request: Request, deadline: Duration) -> BoxFuture<'static, Result<Answers, PublishError>>;

    /// What operators see of the links to the backend; empty where there is none.
    fn links(&self) -> Vec<LinkStatus> {
        Vec::new()
    }

    /// What it has counted since it was made, for operators. A count may be given in several parts.
    fn counts(&self) -> Vec<(AdapterCount, u64)> {
        Vec::new()
    }

    /// The other nodes of this gateway, as far as this one knows.
    fn peers(&self) -> Vec<NodeInfo> {
        Vec::new()
    }

    /// The node of that tag, asked of the backend if it is not among [`Adapter::peers`]: one question at a
    /// time for each tag, however many ask.
    fn find(&self, _tag: NodeTag) -> BoxFuture<'static, Option<NodeInfo>> {
        Box::pin(std::future::ready(None))
    }

    /// Tells the other nodes that this one is going away.
    fn announce_draining(&self) {}

    /// Tells the other nodes that this one is gone. Resolves when they may have heard, or cannot.
    fn leave(&self) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// Answers of all nodes to one request.
pub type Answers = mpsc::Receiver<Answer>;

/// Whether a wish is live already or will be.
pub enum Live {
    /// It is.
    Now,
    /// It will be when the future resolves.
    Soon(BoxFuture<'static, Result<(), AdapterError>>),
}

impl Live {
    /// Waits until it is live.
    pub async fn wait(self) -> Result<(), AdapterError> {
        match self {
            Self::Now => Ok(()),
            Self::Soon(future) => future.await,
        }
    }
}

/// What an adapter can do beyond the least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Receipts and deliveries carry positions.
    pub positions: bool,
    /// Reaches other nodes.
    pub cluster: bool,
    /// Private rooms of sockets are wanted one by one, like any room; else the adapter knows by their
    /// names that they are here.
    pub private_rooms_wanted: bool,
}

/// Proof that the backend took a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its place in the namespace's order; `None` where the adapter keeps none.
    pub position: Option<Position>,
    /// Whom it reached.
    pub reach: Reach,
}

impl Receipt {
    /// The backend took it, and keeps no order.
    pub const TAKEN: Self = Self { position: None, reach: Reach::AllNodes };
    /// The backend does not answer; members on this node got it, because the publisher wished so.
    pub const THIS_NODE: Self = Self { position: None, reach: Reach::ThisNode };
}

/// Whom a publication reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every node.
    AllNodes,
    /// Members on the publisher's node: see [`crate::publication::Fallback`].
    ThisNode,
}

/// What an adapter reports to its node, over one bounded channel.
#[derive(Debug)]
pub enum Event {
    /// Deliver this to the members of its audience here.
    Delivery(Arc<Delivery>),
    /// Answer this.
    Request(Arc<Request>, Responder),
    /// Tell those concerned.
    Gap(Gap),
    /// The state of a link changed.
    State(LinkState),
}

/// The receiving end of an adapter's events.
pub type Events = mpsc::Receiver<Event>;

/// Where a node's answers to one request go. Letting go of it says: that was all.
#[derive(Clone, Debug)]
pub struct Responder(mpsc::Sender<Answer>);

impl Responder {
    /// Answers sent here arrive at the asking side.
    pub fn new(answers: mpsc::Sender<Answer>) -> Self {
        Self(answers)
    }

    /// Sends an answer, waiting for room. Dropped when nobody listens any more.
    pub async fn send(&self, answer: Answer) {
        let _ = self.0.send(answer).await;
    }

    /// Sends an answer if there is room; gives it back otherwise.
    pub fn try_send(&self, answer: Answer) -> Result<(), Answer> {
        self.0.try_send(answer).map_err(|error| match error {
            mpsc::error::TrySendError::Full(answer) | mpsc::error::TrySendError::Closed(answer) => answer,
        })
    }
}

/// The state of the link to the backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// Proven to carry messages both ways.
    Up,
    /// Not proven.
    Down,
}

/// One link to the backend, as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkStatus {
    /// What it is called in `/readyz`: the backend's address, without credentials.
    pub name: String,
    /// Proven to carry messages both ways, or not.
    pub state: LinkState,
    /// When it was last proven; `None`: never yet.
    pub proven_at: Option<UnixMillis>,
    /// Whether the server says that it is a replica, on which publications reach few.
    pub replica: bool,
    /// Why it is down, for people; empty while it is up.
    pub trouble: String,
}

macro_rules! counts {
    ($( $(#[doc = $what:literal])+ $name:ident, )+) => {
        /// What only an adapter can count, a closed set: see [`Adapter::counts`]. All but
        /// [`AdapterCount::QueueBytes`] only grow.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum AdapterCount {
            $( $(#[doc = $what])+ $name, )+
        }

        impl AdapterCount {
            /// All of them.
            pub const ALL: &'static [Self] = &[$( Self::$name, )+];
        }
    };
}

counts! {
    /// Payloads that are not the wire format.
    PayloadsMalformed,
    /// Payloads of a kind that is not carried out.
    PayloadsUnsupported,
    /// Payloads beyond a limit, or not allowed.
    PayloadsRefused,
    /// Links made anew after their end.
    ReconnectsEof,
    /// Links made anew after silence.
    ReconnectsTimeout,
    /// Links made anew because the server was no longer a master.
    ReconnectsRole,
    /// Links made anew because what they serve had moved.
    ReconnectsMoved,
    /// Links made anew after their credentials were refused.
    ReconnectsAuth,
    /// Links made anew because the server held other subscriptions than wanted.
    ReconnectsCounts,
    /// Links made anew for any other reason.
    ReconnectsOther,
    /// Publications refused because the queue to the backend was full.
    QueueFullDrops,
    /// Publications whose answer never came.
    OutcomesUnknown,
    /// Requests refused because as many were under way as there may be.
    RequestsRefused,
    /// Publications of other nodes dropped because the queue of events was full.
    EventsFullDrops,
    /// Times that all subscriptions of a link were made anew.
    Resubscribes,
    /// Publications of other nodes that came, and that nobody here wants: there is no member.
    Unwanted,
    /// Bytes of publications that wait for the backend now.
    QueueBytes,
}

/// Why a wish could not be made live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdapterError {
    /// The backend does not answer; the wish stands and is carried out when it does.
    Unavailable,
    /// The adapter was shut down.
    Closed,
}

impl fmt::Display for AdapterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unavailable => "the backend between nodes does not answer",
            Self::Closed => "the adapter was shut down",
        })
    }
}

impl std::error::Error for AdapterError {}

/// Why a publication or a request was not handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishError {
    /// Nobody got it; try again later.
    Unavailable,
    /// Nobody got it: a queue on this node is full.
    Overloaded,
    /// The backend's answer never came: some may have got it.
    OutcomeUnknown,
    /// The adapter was shut down; nobody got it.
    Closed,
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unavailable => "the backend between nodes does not answer; nobody got it",
            Self::Overloaded => "a queue on this node is full; nobody got it",
            Self::OutcomeUnknown => "the backend's answer never came; some may have got it",
            Self::Closed => "this node is shutting down; nobody got it",
        })
    }
}

impl std::error::Error for PublishError {}
