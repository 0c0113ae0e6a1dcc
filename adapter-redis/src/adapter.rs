//! The adapter as core wants it: wishes become subscriptions, publications become messages.
//! Requests are asked in `asking`.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use roomcast_core::adapter::{
    Adapter, AdapterCount, AdapterError, Answers, BoxFuture, Capabilities, EVENTS_MAX, Event, Events, LinkStatus, Live,
    PublishError, Receipt,
};
use roomcast_core::cluster::{NodeInfo, Request};
use roomcast_core::delivery::Delivery;
use roomcast_core::id::NodeTag;
use roomcast_core::publication::{Fallback, Publication};
use roomcast_core::room::{Namespace, Room};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use crate::asking::ask;
use crate::options::{Config, Format, Mode, Servers};
use crate::shared::Shared;
use crate::wire::gateways::{self, Own};
use crate::wire::{Outgoing, Wire};
use crate::wishes::{Kind, Owner};
use crate::{links, registry};

/// How long a node may take to say that it is gone.
const FAREWELL: Duration = Duration::from_millis(500);
/// How long the registry may take to say where a node is.
const FIND: Duration = Duration::from_secs(2);

/// A node's place in a gateway of many, over Redis; it leaves when this is dropped.
pub struct RedisAdapter {
    shared: Arc<Shared>,
    runtime: Handle,
    tasks: tokio::task::JoinHandle<()>,
}

impl RedisAdapter {
    /// Joins by these settings: connects for as long as it takes, on `runtime`. The events are the node's to
    /// handle.
    pub fn start(config: Config, runtime: Handle) -> (Arc<Self>, Events) {
        let (events, receiver) = mpsc::channel(EVENTS_MAX);
        let wire = Wire::new(config.format, &config.prefix, entropy());
        let ingest = config.ingest.as_ref().map(|ingest| Wire::new(ingest.format, &ingest.prefix, entropy()));
        let shared = Arc::new(Shared::new(config, wire, ingest, events));
        let adapter = {
            let shared = Arc::clone(&shared);
            let tasks = runtime.spawn(links::run(Arc::clone(&shared)));
            Self { shared, runtime, tasks }
        };
        adapter.want_own();
        (Arc::new(adapter), receiver)
    }

    /// What the node itself wants to hear.
    fn want_own(&self) {
        let (shared, tag) = (&self.shared, self.shared.tag());
        for link in shared.links.all() {
            let canary = link.canary.clone();
            drop(link.want(&canary, shared.links.kind(), Owner::Node, shared.clock.now()));
        }
        let prefix = &shared.config.prefix;
        if matches!(shared.config.servers, Servers::Cluster(_)) && shared.links.is_sharded() {
            for canary in links::canaries(prefix) {
                drop(shared.want(&canary, shared.links.kind(), &Owner::Node));
            }
        }
        for channel in [gateways::all(prefix), gateways::node(prefix, tag)] {
            drop(shared.want(&channel, shared.links.kind(), &Owner::Node));
        }
        for wire in std::iter::once(&shared.wire).chain(&shared.ingest) {
            if let Some(pattern) = wire.private_rooms(tag) {
                drop(shared.want(&pattern, Kind::Pattern, &Owner::Node));
            }
        }
    }

    /// The channels on which a namespace is heard, in which way, and what comes there.
    fn channels(&self, namespace: &Namespace) -> Vec<(String, Kind, Owner)> {
        let shared = &self.shared;
        let kind = shared.links.kind();
        let (everybody, requests) = (Owner::Namespace(namespace.clone()), Owner::Requests(namespace.clone()));
        // The first of a format's channels is that of everybody; the others are for requests.
        let owners = std::iter::once(&everybody).chain(std::iter::repeat(&requests));
        let theirs = shared.wire.channels(namespace).into_iter().zip(owners);
        let mut channels: Vec<_> = theirs.map(|(channel, owner)| (channel, kind, owner.clone())).collect();
        channels.push((gateways::namespace(&shared.config.prefix, namespace), kind, requests.clone()));
        if let Some((ingest, kind)) = self.ingest() {
            let first = ingest.channels(namespace).into_iter().next();
            channels.extend(first.map(|channel| (channel, kind, everybody)));
        }
        channels
    }

    /// The channels of a room that no other subscription covers.
    fn room_channels(&self, namespace: &Namespace, room: &Room) -> Vec<(String, Kind, Owner)> {
        let shared = &self.shared;
        let owner = || Owner::Room(namespace.clone(), room.clone());
        let own = shared.wire.room(namespace, room, shared.tag());
        let own = own.map(|channel| (channel, shared.links.kind(), owner()));
        let taken = self.ingest().and_then(|(ingest, kind)| {
            ingest.room(namespace, room, shared.tag()).map(|channel| (channel, kind, owner()))
        });
        own.into_iter().chain(taken).collect()
    }

    fn ingest(&self) -> Option<(&Wire, Kind)> {
        let ingest = self.shared.config.ingest.as_ref()?;
        let kind = if matches!(ingest.format, Format::Sharded(_)) { Kind::Shard } else { Kind::Exact };
        Some((self.shared.ingest.as_ref()?, kind))
    }

    fn want_all(&self, channels: Vec<(String, Kind, Owner)>) -> Live {
        let want = |(channel, kind, owner): (String, Kind, Owner)| self.shared.want(&channel, kind, &owner);
        let soon: Vec<oneshot::Receiver<()>> = channels.into_iter().filter_map(want).collect();
        if soon.is_empty() {
            return Live::Now;
        }
        Live::Soon(Box::pin(async move {
            for live in soon {
                // Let go of without a word: it is not wanted any more, and nobody waits.
                let _ = live.await;
            }
            Ok::<(), AdapterError>(())
        }))
    }
}

impl Shared {
    /// A channel may go to another link meanwhile: what then came to the one before is taken back.
    fn want(&self, channel: &str, kind: Kind, owner: &Owner) -> Option<oneshot::Receiver<()>> {
        loop {
            let link = self.links.of(channel);
            let told = link.want(channel, kind, owner.clone(), self.clock.now());
            if self.links.is_of(&link, channel) {
                return told;
            }
            link.unwant(channel, owner, self.clock.now());
        }
    }

    fn unwant(&self, channel: &str, owner: &Owner) {
        loop {
            let link = self.links.of(channel);
            link.unwant(channel, owner, self.clock.now());
            if self.links.is_of(&link, channel) {
                return;
            }
        }
    }
}

impl Adapter for RedisAdapter {
    fn capabilities(&self) -> Capabilities {
        let private_rooms_wanted = self.shared.config.format == Format::Sharded(Mode::DynamicPrivate);
        Capabilities { positions: false, cluster: true, private_rooms_wanted }
    }

    fn open(&self, namespace: &Namespace) -> Live {
        self.shared.wants.open(namespace);
        self.want_all(self.channels(namespace))
    }

    fn close(&self, namespace: &Namespace) {
        for room in self.shared.wants.close(namespace) {
            self.let_go_of(namespace, &room);
        }
        for (channel, _, owner) in self.channels(namespace) {
            self.shared.unwant(&channel, &owner);
        }
    }

    fn want(&self, namespace: &Namespace, room: &Room) -> Live {
        self.shared.wants.want(namespace, room);
        let channels = self.room_channels(namespace, room);
        if channels.is_empty() {
            // It is heard on the namespace's channels.
            return self.want_all(self.channels(namespace));
        }
        self.want_all(channels)
    }

    fn unwant(&self, namespace: &Namespace, room: &Room) {
        if self.shared.wants.unwant(namespace, room) {
            self.let_go_of(namespace, room);
        }
    }

    fn publish(&self, publication: Publication) -> BoxFuture<'static, Result<Receipt, PublishError>> {
        let shared = Arc::clone(&self.shared);
        let fallback = publication.fallback;
        let Outgoing { channel, payload } = shared.wire.publication(&publication);
        let (namespace, audience) = (publication.namespace.clone(), publication.audience.clone());
        let here = shared.wants.concern(&namespace, &audience);
        let delivery = here.then(|| Arc::new(Delivery::new(publication, None)));
        let link = shared.links.of(&channel);
        link.note_published(&namespace, &audience, shared.clock.now());
        let posted = link.post(&shared, channel, payload, delivery.clone());
        Box::pin(async move {
            let outcome = match posted {
                Ok(told) => match tokio::time::timeout(shared.config.publish_timeout, told).await {
                    Ok(Ok(outcome)) => outcome,
                    Ok(Err(_)) | Err(_) => Err(PublishError::OutcomeUnknown),
                },
                Err(error) => Err(error),
            };
            match outcome {
                Err(PublishError::OutcomeUnknown) => shared.counts.outcomes_unknown.inc(),
                Err(PublishError::Overloaded) => shared.counts.queue_full.inc(),
                _ => {}
            }
            match outcome {
                Ok(_) => Ok(Receipt::TAKEN),
                Err(PublishError::Unavailable) if fallback == Fallback::ThisNode => {
                    if let Some(delivery) = delivery {
                        let _ = shared.events.send(Event::Delivery(delivery)).await;
                    }
                    Ok(Receipt::THIS_NODE)
                }
                Err(error) => Err(error),
            }
        })
    }

    fn request(&self, request: Request, deadline: Duration) -> BoxFuture<'static, Result<Answers, PublishError>> {
        let shared = Arc::clone(&self.shared);
        let runtime = self.runtime.clone();
        Box::pin(async move { ask(&shared, &runtime, request, deadline).await })
    }

    fn links(&self) -> Vec<LinkStatus> {
        self.shared.links.all().iter().map(|link| link.status()).collect()
    }

    fn counts(&self) -> Vec<(AdapterCount, u64)> {
        let mut counts = self.shared.counts.list();
        let waiting: usize = self.shared.links.all().iter().map(|link| link.queue.bytes()).sum();
        counts.push((AdapterCount::QueueBytes, waiting as u64));
        counts
    }

    fn peers(&self) -> Vec<NodeInfo> {
        self.shared.peers.all()
    }

    fn find(&self, tag: NodeTag) -> BoxFuture<'static, Option<NodeInfo>> {
        if let Some(info) = self.shared.peers.get(tag) {
            return Box::pin(std::future::ready(Some(info)));
        }
        let (first, answer) = self.shared.peers.ask(tag);
        if first {
            let shared = Arc::clone(&self.shared);
            self.runtime.spawn(async move {
                let found = tokio::time::timeout(FIND, registry::find(&shared, tag)).await.ok().flatten();
                shared.peers.answer(tag, found.as_ref());
                if let Some(info) = found {
                    shared.peers.joined(info, shared.clock.now());
                }
            });
        }
        Box::pin(async move { answer.await.ok().flatten() })
    }

    fn announce_draining(&self) {
        self.shared.draining.store(true, Ordering::Relaxed);
        self.shared.announce(&Own::Joined(self.shared.me()));
    }

    fn leave(&self) -> BoxFuture<'static, ()> {
        let shared = Arc::clone(&self.shared);
        shared.left.store(true, Ordering::Relaxed);
        let channel = gateways::all(&shared.config.prefix);
        let left = gateways::encode(&Own::Left(shared.tag()));
        Box::pin(async move {
            let told = shared.links.of(&channel).post(&shared, channel, left, None);
            let leaving = async {
                if let Ok(told) = told {
                    let _ = told.await;
                }
                registry::remove(&shared).await;
            };
            let _ = tokio::time::timeout(FAREWELL, leaving).await;
        })
    }
}

impl RedisAdapter {
    fn let_go_of(&self, namespace: &Namespace, room: &Room) {
        for (channel, _, owner) in self.room_channels(namespace, room) {
            self.shared.unwant(&channel, &owner);
        }
    }
}

impl Drop for RedisAdapter {
    fn drop(&mut self) {
        self.tasks.abort();
        self.shared.announce(&Own::Left(self.shared.tag()));
        for link in self.shared.links.all() {
            link.retire();
        }
    }
}

impl fmt::Debug for RedisAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisAdapter").field("tag", &self.shared.tag()).finish_non_exhaustive()
    }
}

fn entropy() -> [u8; 8] {
    let mut entropy = [0; 8];
    // The kernel's generator does not fail once it is seeded, which it is before we run.
    let _ = getrandom::fill(&mut entropy);
    entropy
}
