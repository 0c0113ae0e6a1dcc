//! What all parts of one adapter share, and what the node wants.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use roomcast_core::adapter::Event;
use roomcast_core::cluster::{Gap, NodeInfo};
use roomcast_core::id::{NodeTag, SocketId};
use roomcast_core::publication::{Audience, UnixMillis};
use roomcast_core::room::{Namespace, Room};
use roomcast_core::spare::is_ample;
use tokio::sync::{Semaphore, mpsc};

use crate::counts::Counts;
use crate::links::Links;
use crate::options::Config;
use crate::peers::Peers;
use crate::proof::Span;
use crate::requests::Requests;
use crate::untold::Untold;
use crate::wire::Wire;

/// Requests of others that are answered at the same time; more are answered with nothing.
const ANSWERING_MAX: usize = 1024;

/// See the module.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) wire: Wire,
    pub(crate) ingest: Option<Wire>,
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) links: Links,
    pub(crate) peers: Peers,
    pub(crate) requests: Requests,
    pub(crate) answering: Arc<Semaphore>,
    pub(crate) counts: Counts,
    pub(crate) wants: Wants,
    /// Whether this node is going away.
    pub(crate) draining: AtomicBool,
    /// Whether it is gone: nothing is said of it any more.
    pub(crate) left: AtomicBool,
    /// The span of the last gap that was declared for everything.
    pub(crate) declared: Mutex<Option<Span>>,
    pub(crate) untold: Untold,
}

impl Shared {
    pub(crate) fn new(config: Config, wire: Wire, ingest: Option<Wire>, events: mpsc::Sender<Event>) -> Self {
        Self {
            clock: Clock::start(),
            wire,
            ingest,
            events,
            links: Links::new(&config),
            peers: Peers::default(),
            requests: Requests::new(config.requests_max),
            answering: Arc::new(Semaphore::new(ANSWERING_MAX)),
            counts: Counts::default(),
            wants: Wants::new(config.node.tag),
            draining: AtomicBool::new(false),
            left: AtomicBool::new(false),
            declared: Mutex::default(),
            untold: Untold::default(),
            config,
        }
    }

    /// This process start's name.
    pub(crate) fn tag(&self) -> NodeTag {
        self.config.node.tag
    }

    /// This node, as the others are told of it.
    pub(crate) fn me(&self) -> NodeInfo {
        let draining = self.draining.load(Ordering::Relaxed);
        NodeInfo { draining, heard_at: self.clock.now(), ..self.config.node.clone() }
    }

    /// Declares a gap to the node.
    pub(crate) fn declare(&self, gap: Gap) {
        self.report(Event::Gap(gap));
    }

    /// Reports something that must not be lost, from where nothing may wait.
    pub(crate) fn report(&self, event: Event) {
        if let Err(mpsc::error::TrySendError::Full(event)) = self.events.try_send(event) {
            let events = self.events.clone();
            // Few: states and gaps of links.
            tokio::spawn(async move {
                let _ = events.send(event).await;
            });
        }
    }
}

/// Locks something of which nothing is ever half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Unix time that never goes back.
#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    unix: UnixMillis,
}

impl Clock {
    fn start() -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), unix: unix.as_millis() as UnixMillis }
    }

    pub(crate) fn now(&self) -> UnixMillis {
        self.unix + self.started.elapsed().as_millis() as UnixMillis
    }
}

/// What the node takes part in, and which rooms have members here.
pub(crate) struct Wants {
    tag: NodeTag,
    rooms: Mutex<HashMap<Namespace, HashSet<Room>>>,
}

impl Wants {
    fn new(tag: NodeTag) -> Self {
        Self { tag, rooms: Mutex::default() }
    }

    /// `false`: it was open already.
    pub(crate) fn open(&self, namespace: &Namespace) -> bool {
        let mut rooms = lock(&self.rooms);
        let new = !rooms.contains_key(namespace);
        rooms.entry(namespace.clone()).or_default();
        new
    }

    /// The rooms that were wanted in it.
    pub(crate) fn close(&self, namespace: &Namespace) -> HashSet<Room> {
        lock(&self.rooms).remove(namespace).unwrap_or_default()
    }

    pub(crate) fn want(&self, namespace: &Namespace, room: &Room) {
        lock(&self.rooms).entry(namespace.clone()).or_default().insert(room.clone());
    }

    /// `false`: it was not wanted.
    pub(crate) fn unwant(&self, namespace: &Namespace, room: &Room) -> bool {
        let mut rooms = lock(&self.rooms);
        let Some(named) = rooms.get_mut(namespace) else { return false };
        let was = named.remove(room);
        if is_ample(named.len(), named.capacity()) {
            named.shrink_to(named.len() * 2);
        }
        was
    }

    /// Whether the node takes part in a namespace.
    pub(crate) fn takes_part(&self, namespace: &Namespace) -> bool {
        lock(&self.rooms).contains_key(namespace)
    }

    /// Whether an audience may have members here: in an open namespace everybody and several rooms may,
    /// one room if it is wanted, or if it is the private room of a socket that was born here.
    pub(crate) fn concern(&self, namespace: &Namespace, audience: &Audience) -> bool {
        let rooms = lock(&self.rooms);
        let Some(named) = rooms.get(namespace) else { return false };
        audience.single_room().is_none_or(|room| {
            named.contains(room) || SocketId::home_of(room.as_str()).is_some_and(|(tag, _)| tag == self.tag)
        })
    }
}
