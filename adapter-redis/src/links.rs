//! Which link a channel belongs to: the only one, or in a Cluster with the sharded format the
//! one to the master of the channel's slot.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use roomcast_core::cluster::Gap;
use tokio::sync::Notify;

use crate::connection::{ConnectError, Endpoint, Secure};
use crate::link::{Link, Queue, Target, Waiting};
use crate::locate::{self, Master};
use crate::options::{Config, Format, Servers};
use crate::proof::{ACKNOWLEDGED_AFTER_MS, Span};
use crate::shared::{Shared, lock};
use crate::slots::{SLOTS, slot};
use crate::wire::gateways;
use crate::wishes::{Kind, Owner};

/// From one look at the Cluster's masters to the next, if nothing says that they have changed.
const LOOK: std::time::Duration = std::time::Duration::from_secs(30);
/// How many of them there are: enough for each of many masters to have one.
const CANARIES: u16 = 256;
/// At least so long between two looks.
const LOOK_AT_MOST: std::time::Duration = std::time::Duration::from_millis(100);

/// See the module.
pub(crate) struct Links {
    sharded: bool,
    queue_bytes_max: usize,
    table: RwLock<Table>,
    /// Of the first links, until they run.
    waiting: Mutex<Vec<(Arc<Link>, Waiting)>>,
    look: Notify,
    secure: Option<Result<Secure, ConnectError>>,
}

#[derive(Clone)]
struct Table {
    links: Vec<Arc<Link>>,
    /// For each slot the place in `links`; empty: the first has all.
    slots: Vec<u16>,
}

impl Table {
    fn of(&self, channel: &str) -> &Arc<Link> {
        let place = self.slots.get(usize::from(slot(channel.as_bytes()))).copied().unwrap_or_default();
        // There always is a first link, and places are those of links.
        self.links.get(usize::from(place)).unwrap_or(&self.links[0])
    }
}

impl Links {
    /// One link, for now.
    pub(crate) fn new(config: &Config) -> Self {
        let sharded = matches!(config.format, Format::Sharded(_));
        let spread = sharded && matches!(config.servers, Servers::Cluster(_));
        let target = if spread { Target::Unknown } else { Target::Master };
        let (queue, waiting) = Queue::new(config.publish_queue_bytes_max);
        let link = Arc::new(Link::new(target, gateways::canary(&config.prefix, None), queue));
        let table = Table { links: vec![Arc::clone(&link)], slots: Vec::new() };
        Self {
            sharded,
            queue_bytes_max: config.publish_queue_bytes_max,
            table: RwLock::new(table),
            waiting: Mutex::new(vec![(link, waiting)]),
            look: Notify::new(),
            secure: config.tls.as_ref().map(Secure::new),
        }
    }

    fn table(&self) -> Table {
        self.table.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The link that a channel or a key belongs to.
    pub(crate) fn of(&self, channel: &str) -> Arc<Link> {
        Arc::clone(self.table.read().unwrap_or_else(PoisonError::into_inner).of(channel))
    }

    /// Whether a channel or a key belongs to this link.
    pub(crate) fn is_of(&self, link: &Link, channel: &str) -> bool {
        std::ptr::eq(Arc::as_ptr(&self.of(channel)), link)
    }

    pub(crate) fn all(&self) -> Vec<Arc<Link>> {
        self.table().links
    }

    /// Addresses of the Cluster's masters, as far as they are known.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let address = |link: &Arc<Link>| match &link.target {
            Target::Node(address) => Some(address.clone()),
            Target::Master | Target::Unknown => None,
        };
        self.table().links.iter().filter_map(address).collect()
    }

    /// The command by which everything is published.
    pub(crate) fn publish_verb(&self) -> &'static str {
        if self.sharded { "SPUBLISH" } else { "PUBLISH" }
    }

    /// How channels are subscribed to.
    pub(crate) fn kind(&self) -> Kind {
        if self.sharded { Kind::Shard } else { Kind::Exact }
    }

    /// Whether the sharded format is spoken.
    pub(crate) fn is_sharded(&self) -> bool {
        self.sharded
    }

    /// A server, and how it is greeted.
    pub(crate) fn endpoint(&self, config: &Config, address: String) -> Result<Endpoint, ConnectError> {
        Ok(Endpoint {
            address,
            username: config.username.clone(),
            password: config.password.clone(),
            secure: self.secure.clone().transpose()?,
            name: format!("roomcast-{}", config.node.tag),
            timeout: config.connect_timeout,
        })
    }

    /// The Cluster may have changed.
    pub(crate) fn look_again(&self) {
        self.look.notify_one();
    }

    /// A server said that a slot is elsewhere: `MOVED slot host:port`. Where there is a link to that server,
    /// it is the slot's from now on.
    pub(crate) fn slot_moved(&self, why: &str) {
        tracing::debug!(why, "a slot has moved");
        let mut words = why.split_ascii_whitespace().skip(1);
        let slot = words.next().and_then(|slot| slot.parse::<usize>().ok());
        if let (Some(slot), Some(address)) = (slot, words.next()) {
            let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
            let is_there = |link: &Arc<Link>| link.target == Target::Node(address.to_owned());
            let place = table.links.iter().position(is_there).and_then(|place| u16::try_from(place).ok());
            if let (Some(place), Some(of_slot)) = (place, table.slots.get_mut(slot)) {
                *of_slot = place;
            }
        }
        self.look_again();
    }
}

/// The gaps that a span in doubt on one link makes: of everything if there is no other link; else of the
/// namespaces and rooms whose channels are there.
pub(crate) fn gaps(link: &Link, span: Span) -> Vec<Gap> {
    let Span { from, until } = span;
    let all = || vec![Gap { namespace: None, rooms: Vec::new(), from, until }];
    if link.target == Target::Master {
        return all();
    }
    let mut gaps: Vec<Gap> = Vec::new();
    link.with_wishes(|wishes| {
        for owner in wishes.owners() {
            let Owner::Namespace(namespace) = owner else { continue };
            if !gaps.iter().any(|gap| gap.namespace.as_ref() == Some(namespace)) {
                gaps.push(Gap { namespace: Some(namespace.clone()), rooms: Vec::new(), from, until });
            }
        }
        let whole = gaps.len();
        for owner in wishes.owners() {
            let Owner::Room(namespace, room) = owner else { continue };
            match gaps.iter_mut().position(|gap| gap.namespace.as_ref() == Some(namespace)) {
                Some(at) if at < whole => {}
                Some(at) => gaps[at].rooms.push(room.clone()),
                None => {
                    gaps.push(Gap { namespace: Some(namespace.clone()), rooms: vec![room.clone()], from, until });
                }
            }
        }
    });
    gaps
}

/// Names of canaries' channels of which every node hears all, wherever their slots are: so nodes hear each
/// other also when they have seen the slots at different times.
pub(crate) fn canaries(prefix: &str) -> impl Iterator<Item = String> {
    (0..CANARIES).map(|n| gateways::canary(prefix, Some(n)))
}

/// Runs the links, and in a Cluster follows its masters; until the adapter is dropped.
pub(crate) async fn run(shared: Arc<Shared>) {
    for (link, waiting) in std::mem::take(&mut *lock(&shared.links.waiting)) {
        tokio::spawn(crate::link::run(Arc::clone(&shared), link, waiting));
    }
    let spread = shared.links.sharded && matches!(shared.config.servers, Servers::Cluster(_));
    if !spread {
        return;
    }
    loop {
        match locate::masters(&shared).await {
            Ok(masters) => follow(&shared, &masters),
            Err(error) => tracing::warn!(%error, "the Cluster does not say who its masters are"),
        }
        tokio::time::sleep(LOOK_AT_MOST).await;
        let _ = tokio::time::timeout(LOOK, shared.links.look.notified()).await;
    }
}

/// Makes a link for each master, closes those that are none any more, and gives each what its slots make its own.
fn follow(shared: &Arc<Shared>, masters: &[Master]) {
    let links = &shared.links;
    let before = links.table();
    let mut after = Table { links: Vec::new(), slots: vec![0; usize::from(SLOTS)] };
    let mut new = Vec::new();
    for (place, master) in masters.iter().enumerate() {
        let own = |slot: u16| master.ranges.iter().any(|(first, last)| (*first..=*last).contains(&slot));
        for (slot, at) in after.slots.iter_mut().enumerate() {
            if own(slot as u16) {
                *at = place as u16;
            }
        }
        let known = before.links.iter().find(|link| link.target == Target::Node(master.address.clone()));
        let fits = |link: &&Arc<Link>| own(slot(link.canary.as_bytes()));
        if let Some(link) = known.filter(fits) {
            after.links.push(Arc::clone(link));
        } else {
            let (link, waiting) = make(shared, &master.address, own);
            new.push((Arc::clone(&link), waiting));
            after.links.push(link);
        }
    }
    let table = after.clone();
    *links.table.write().unwrap_or_else(PoisonError::into_inner) = after;
    for link in &before.links {
        let stays = table.links.iter().any(|other| Arc::ptr_eq(link, other));
        // The canary of a link that ends may be another link's from now on, and then all nodes are to hear it there.
        let keeps = stays || canaries(&shared.config.prefix).all(|common| common != link.canary);
        let moves = |channel: &str| !(Arc::ptr_eq(table.of(channel), link) || keeps && channel == link.canary);
        // What was wanted before the masters were known is in doubt once it may have been acknowledged.
        let waited = |from: &u64| shared.clock.now().saturating_sub(*from) >= ACKNOWLEDGED_AFTER_MS;
        let hole_from = link.doubt().filter(|from| link.target != Target::Unknown || waited(from));
        let moving = link.with_wishes(|wishes| wishes.leave(moves, hole_from));
        for moving in moving {
            let target = table.of(moving.channel());
            target.with_wishes(|wishes| wishes.arrive(moving));
        }
        if !stays {
            link.retire();
        }
    }
    // Not before they have all that is wanted there: what comes later does not keep them from being sound.
    for (link, waiting) in new {
        tokio::spawn(crate::link::run(Arc::clone(shared), link, waiting));
    }
}

/// A link to one master of a Cluster, whose canaries are in a slot of its own.
fn make(shared: &Shared, address: &str, own: impl Fn(u16) -> bool) -> (Arc<Link>, Waiting) {
    let prefix = &shared.config.prefix;
    let canary = canaries(prefix).find(|channel| own(slot(channel.as_bytes())));
    // A master with so few slots that none of the names is there: what comes back proves the link all the
    // same, and the others' canaries are not looked for.
    let own_only = || (0..=u16::MAX).map(|n| gateways::canary(prefix, Some(n)));
    let canary = canary.or_else(|| own_only().find(|channel| own(slot(channel.as_bytes()))));
    let canary = canary.unwrap_or_else(|| gateways::canary(prefix, None));
    let (queue, waiting) = Queue::new(shared.links.queue_bytes_max);
    let link = Arc::new(Link::new(Target::Node(address.to_owned()), canary, queue));
    let canary = link.canary.clone();
    drop(link.want(&canary, shared.links.kind(), Owner::Node, shared.clock.now()));
    (link, waiting)
}
