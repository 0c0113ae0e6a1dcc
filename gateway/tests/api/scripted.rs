//! An adapter that does what a test says: links, peers and counts that are made up, rooms that become
//! live when told, a backend that is away. What it publishes goes through the one in memory.

use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use roomcast_core::adapter::{
    Adapter, AdapterCount, AdapterError, Answers, BoxFuture, Capabilities, EVENTS_MAX, Event, Events, LinkState,
    LinkStatus, Live, MemoryAdapter, MemoryBus, PublishError, Receipt,
};
use roomcast_core::cluster::{Answer, NodeInfo, Request};
use roomcast_core::id::NodeTag;
use roomcast_core::publication::{Fallback, Publication};
use roomcast_core::room::{Namespace, Room};
use tokio::sync::{mpsc, watch};

/// What rooms become when they are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rooms {
    Live,
    /// Live when the script says so.
    Soon,
    /// Not live, which is known at once.
    Unavailable,
}

/// What it says of itself.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) links: Vec<LinkStatus>,
    pub(crate) peers: Vec<NodeInfo>,
    pub(crate) counts: Vec<(AdapterCount, u64)>,
    /// Whether the backend is away.
    pub(crate) away: bool,
    /// Wishes that were made, and with a minus taken back, of rooms.
    pub(crate) wishes: Vec<String>,
    pub(crate) draining: bool,
    /// What servers that are no nodes answer.
    pub(crate) servers: Vec<Answer>,
}

/// See the module.
pub(crate) struct Scripted {
    inner: MemoryAdapter,
    private_rooms_wanted: bool,
    script: Mutex<Script>,
    rooms: watch::Sender<Rooms>,
    events: mpsc::Sender<Event>,
}

/// The tag of its node.
pub(crate) fn tag() -> NodeTag {
    NodeTag::from_entropy([1, 2, 3])
}

impl Scripted {
    /// A node by itself.
    pub(crate) fn new(private_rooms_wanted: bool) -> (Arc<Self>, Events) {
        Self::around(MemoryAdapter::alone(tag()), private_rooms_wanted)
    }

    /// One node of several.
    pub(crate) fn on(bus: &MemoryBus, tag: NodeTag) -> (Arc<Self>, Events) {
        Self::around(bus.join(tag), false)
    }

    fn around((inner, mut own): (MemoryAdapter, Events), private_rooms_wanted: bool) -> (Arc<Self>, Events) {
        let (events, taken) = mpsc::channel(EVENTS_MAX);
        let forwarded = events.clone();
        // Ends with the adapter.
        std::thread::spawn(move || {
            while let Some(event) = own.blocking_recv() {
                if forwarded.blocking_send(event).is_err() {
                    return;
                }
            }
        });
        let (rooms, _) = watch::channel(Rooms::Live);
        let script = Mutex::default();
        (Arc::new(Self { inner, private_rooms_wanted, script, rooms, events }), taken)
    }

    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().expect("no test panics with it")
    }

    pub(crate) fn set_rooms(&self, rooms: Rooms) {
        self.rooms.send_replace(rooms);
    }

    /// Has the node handle an event.
    pub(crate) fn report(&self, event: Event) {
        self.events.blocking_send(event).expect("the node runs");
    }

    /// The only link is in this state from now on.
    pub(crate) fn set_link(&self, state: LinkState, trouble: &str) {
        let proven_at = Some(1_700_000_000_500);
        let (name, trouble) = ("redis:6379".into(), trouble.into());
        self.script().links = vec![LinkStatus { name, state, proven_at, replica: false, trouble }];
        self.report(Event::State(state));
    }
}

impl Adapter for Scripted {
    fn capabilities(&self) -> Capabilities {
        Capabilities { positions: false, cluster: true, private_rooms_wanted: self.private_rooms_wanted }
    }

    fn open(&self, namespace: &Namespace) -> Live {
        self.inner.open(namespace)
    }

    fn close(&self, namespace: &Namespace) {
        self.inner.close(namespace);
    }

    fn want(&self, namespace: &Namespace, room: &Room) -> Live {
        self.script().wishes.push(room.as_str().to_owned());
        drop(self.inner.want(namespace, room));
        let mut rooms = self.rooms.subscribe();
        let now = *rooms.borrow();
        match now {
            Rooms::Live => Live::Now,
            Rooms::Unavailable => Live::Soon(Box::pin(ready(Err(AdapterError::Unavailable)))),
            Rooms::Soon => Live::Soon(Box::pin(async move {
                let live = rooms.wait_for(|rooms| *rooms == Rooms::Live).await;
                live.map(|_| ()).map_err(|_| AdapterError::Closed)
            })),
        }
    }

    fn unwant(&self, namespace: &Namespace, room: &Room) {
        self.script().wishes.push(format!("-{}", room.as_str()));
        self.inner.unwant(namespace, room);
    }

    fn publish(&self, publication: Publication) -> BoxFuture<'static, Result<Receipt, PublishError>> {
        if !self.script().away {
            return self.inner.publish(publication);
        }
        if publication.fallback == Fallback::Refuse {
            return Box::pin(ready(Err(PublishError::Unavailable)));
        }
        let here = self.inner.publish(publication);
        Box::pin(async move { here.await.map(|_| Receipt::THIS_NODE) })
    }

    fn request(&self, request: Request, deadline: Duration) -> BoxFuture<'static, Result<Answers, PublishError>> {
        let servers = match &request {
            Request::FetchSockets { servers: true, .. } | Request::ListRooms { servers: true, .. } => {
                self.script().servers.clone()
            }
            _ => Vec::new(),
        };
        let asked = self.inner.request(request, deadline);
        Box::pin(async move {
            let mut nodes = asked.await?;
            let (sender, answers) = mpsc::channel(64);
            tokio::spawn(async move {
                for answer in servers {
                    let _ = sender.send(answer).await;
                }
                while let Some(answer) = nodes.recv().await {
                    let _ = sender.send(answer).await;
                }
            });
            Ok(answers)
        })
    }

    fn links(&self) -> Vec<LinkStatus> {
        self.script().links.clone()
    }

    fn peers(&self) -> Vec<NodeInfo> {
        self.script().peers.clone()
    }

    fn counts(&self) -> Vec<(AdapterCount, u64)> {
        self.script().counts.clone()
    }

    fn announce_draining(&self) {
        self.script().draining = true;
    }
}
