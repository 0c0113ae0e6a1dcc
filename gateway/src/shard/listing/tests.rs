//! Lists of a shard against a model: whoever stays is listed once, whatever comes and goes,
//! and a part costs what it shows, however much there is.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

use proptest::prelude::*;
use roomcast_core::close::CloseReason;
use roomcast_core::delivery::{Delivery, Variant};
use roomcast_core::id::{ShardIndex, Sid};
use roomcast_core::publication::{Audience, Payload, Publication};
use roomcast_core::room::Namespace;
use roomcast_core::session::Session;
use tokio::sync::oneshot;

use super::*;
use crate::node::{NamespaceEntry, Node, Parts};
use crate::shard::Shard;
use crate::shard::connection::{Connection, Peer, Transport as Carrier};

/// A shard with one connection, which carries all sockets: lists do not care.
struct World {
    shard: Rc<Shard>,
    conn: u32,
}

fn name(text: &str) -> Room {
    Room::new(text).expect("a name")
}

fn id(socket: u32, state: &State) -> String {
    state.sockets[socket as usize].id.as_str().to_owned()
}

impl World {
    fn new() -> Self {
        let root = NamespaceEntry::new(Namespace::root(), true, true);
        let other = NamespaceEntry::new(Namespace::new("/b").expect("a name"), true, true);
        let node = Node::new(Parts { namespaces: vec![root, other], ..Parts::small() });
        let shard = Shard::new(ShardIndex::new(0).expect("below 64"), node);
        let peer = Peer {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 1)),
            permit: shard.node.admit_connection().expect("the first"),
            kept: None,
        };
        let mut state = shard.state.borrow_mut();
        let session = Session::new(state.now(), &state.rules.socket_io);
        let speech = Speech::SocketIo { sid: Sid::new(shard.node.tag, shard.index, [7; 12]), session };
        let polling = Carrier::Polling(Box::default());
        let conn = state.insert(Connection::new(polling, speech, Variant::SocketIoPolling, peer)).index;
        drop(state);
        Self { shard, conn }
    }

    fn open(&self, namespace: u32) -> u32 {
        let mut state = self.shard.state.borrow_mut();
        let socket = state.open_socket(self.conn, namespace);
        state.join_everybody(socket);
        socket
    }

    fn join(&self, socket: u32, room: &str) {
        let live = self.shard.state.borrow_mut().join(socket, &name(room));
        assert!(live.is_none(), "live at once in memory");
    }

    fn part(&self, socket: u32, room: &str) {
        self.shard.state.borrow_mut().part(socket, &name(room));
    }

    fn rooms(&self, after: Option<&str>, prefix: &str, items_max: usize, budget: &mut Budget) -> RoomsPart {
        let query = RoomsQuery { namespace: 0, after: after.map(name), prefix: prefix.to_owned(), items_max };
        self.shard.state.borrow().list_rooms(&query, budget)
    }

    fn connections(&self, room: Option<&str>, from: u32, items_max: usize, budget: &mut Budget) -> ConnectionsPart {
        let query = ConnectionsQuery { namespace: 0, room: room.map(name), from, items_max };
        self.shard.state.borrow().list_connections(&query, budget)
    }
}

/// Names that sort oddly: case, digits, more than ASCII, one the beginning of another, one of ours.
const ROOMS: [&str; 8] = ["a", "a:1", "a:10", "a:2", "Z", "\u{fc}", "\u{1f600}", "~user:1"];

#[derive(Clone, Debug)]
enum Op {
    Open(u32),
    Close(usize),
    Join(usize, usize),
    Part(usize, usize),
    /// The next part of a listing: which one, items, steps.
    Next(usize, usize, usize),
}

fn op() -> impl Strategy<Value = Op> {
    let (socket, room) = (0..40_usize, 0..ROOMS.len());
    prop_oneof![
        3 => (0..4_u32).prop_map(|n| Op::Open(n / 3)),
        2 => socket.clone().prop_map(Op::Close),
        5 => (socket.clone(), room.clone()).prop_map(|(s, r)| Op::Join(s, r)),
        4 => (socket, room).prop_map(|(s, r)| Op::Part(s, r)),
        8 => (0..5_usize, 1..4_usize, 1..9_usize).prop_map(|(l, i, s)| Op::Next(l, i, s)),
    ]
}

/// A listing under way: what it has shown, and what was there from its beginning until now.
struct Listing {
    of: Of,
    next: Next,
    shown: Vec<String>,
    stayed: BTreeSet<String>,
}

#[derive(Clone, Copy)]
enum Of {
    Connections(Option<&'static str>),
    Rooms(&'static str),
}

#[derive(Clone)]
enum Next {
    Place(u32),
    Behind(Option<Room>),
    Over,
}

impl Listing {
    fn new(of: Of, world: &World) -> Self {
        let next = match of {
            Of::Connections(_) => Next::Place(0),
            Of::Rooms(_) => Next::Behind(None),
        };
        Self { of, next, shown: Vec::new(), stayed: Self::there(of, world) }
    }

    /// All that is there now, found without the code under test.
    fn there(of: Of, world: &World) -> BTreeSet<String> {
        let state = world.shard.state.borrow();
        let sockets = state.sockets.iter().filter(|(_, socket)| socket.namespace == 0);
        let of_socket = |index: usize| state.describe(index as u32).expect("it is there");
        match of {
            Of::Connections(room) => sockets
                .map(|(index, _)| of_socket(index))
                .filter(|info| room.is_none_or(|room| info.rooms.contains(&name(room))))
                .map(|info| info.id.as_str().to_owned())
                .collect(),
            Of::Rooms(prefix) => sockets
                .flat_map(|(index, _)| of_socket(index).rooms)
                .map(|room| room.as_str().to_owned())
                .filter(|room| room.starts_with(prefix) && !room.starts_with('~'))
                .collect(),
        }
    }

    /// Goes on by one part, and begins anew where it is over.
    fn step(&mut self, world: &World, items_max: usize, budget: &mut Budget) {
        let there = Self::there(self.of, world);
        let before = self.shown.len();
        self.next = match (self.of, self.next.clone()) {
            (Of::Connections(room), Next::Place(from)) => {
                let part = world.connections(room, from, items_max, budget);
                self.shown.extend(part.items.iter().map(|(_, info)| info.id.as_str().to_owned()));
                part.next.map_or(Next::Over, Next::Place)
            }
            (Of::Rooms(prefix), Next::Behind(after)) => {
                let part = world.rooms(after.as_ref().map(Room::as_str), prefix, items_max, budget);
                self.shown.extend(part.items.iter().map(|info| info.room.as_str().to_owned()));
                part.next.map_or(Next::Over, |room| Next::Behind(Some(room)))
            }
            (_, _) => Next::Over,
        };
        assert!(self.shown.len() - before <= items_max);
        assert!(self.shown[before..].iter().all(|shown| there.contains(shown)), "shown, and not there");
        if matches!(self.next, Next::Over) {
            let once: BTreeSet<_> = self.shown.iter().cloned().collect();
            assert_eq!(once.len(), self.shown.len(), "shown twice: {:?}", self.shown);
            assert!(self.stayed.is_subset(&once), "{:?} stayed, {once:?} were shown", self.stayed);
            *self = Self::new(self.of, world);
        }
    }
}

const LISTINGS: [Of; 5] =
    [Of::Connections(None), Of::Connections(Some("a")), Of::Connections(Some("Z")), Of::Rooms(""), Of::Rooms("a:")];

fn whoever_stays_is_listed_once(ops: Vec<Op>, members_max: usize) {
    let world = World::new();
    let mut sockets = Vec::new();
    let mut listings = LISTINGS.map(|of| Listing::new(of, &world));
    let next = (0..200).map(|n| Op::Next(n % LISTINGS.len(), 2, 8));
    for op in ops.into_iter().chain(next) {
        match op {
            Op::Open(namespace) => sockets.push(world.open(namespace)),
            Op::Close(at) if at < sockets.len() => {
                world.shard.state.borrow_mut().close_socket(sockets.swap_remove(at), CloseReason::Kicked);
            }
            Op::Join(at, room) if at < sockets.len() => world.join(sockets[at], ROOMS[room]),
            Op::Part(at, room) if at < sockets.len() => world.part(sockets[at], ROOMS[room]),
            Op::Next(listing, items_max, steps) => {
                listings[listing].step(&world, items_max, &mut Budget { steps, members_max });
            }
            _ => {}
        }
        for listing in &mut listings {
            let there = Listing::there(listing.of, &world);
            listing.stayed.retain(|stayed| there.contains(stayed));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn whoever_stays_is_listed_once_whatever_comes_and_goes(
        ops in proptest::collection::vec(op(), 1..200),
        members_max in prop_oneof![Just(0_usize), Just(3), Just(MEMBERS_MAX)],
    ) {
        whoever_stays_is_listed_once(ops, members_max);
    }
}

/// The steps that a part has cost.
fn cost(list: impl FnOnce(&mut Budget)) -> usize {
    let mut budget = Budget::new();
    list(&mut budget);
    STEPS_MAX - budget.steps
}

#[test]
fn a_part_of_the_rooms_costs_what_it_shows() {
    let costs = [100, 10_000].map(|rooms| {
        let world = World::new();
        // A join looks through the rooms of its socket: many sockets are quicker than one.
        let sockets: Vec<u32> = (0..rooms / 50).map(|_| world.open(0)).collect();
        for n in 0..rooms {
            let socket = sockets[n % sockets.len()];
            world.join(socket, &format!("r{n:05}"));
            world.join(socket, &format!("~user:{n}"));
        }
        world.join(world.open(1), "of another namespace");
        let middle = cost(|budget| {
            let part = world.rooms(Some("r00049"), "", 10, budget);
            assert_eq!(part.items[0], RoomInfo { room: name("r00050"), members: 1 });
            assert_eq!((part.items.len(), part.next), (10, Some(name("r00059"))));
        });
        let prefix = cost(|budget| {
            let part = world.rooms(None, "r0002", 100, budget);
            assert_eq!((part.items.len(), part.next), (10, None));
        });
        // The prefix may be another one than that of the page before.
        assert_eq!(world.rooms(Some("a longer name"), "r0002", 100, &mut Budget::new()).items.len(), 10);
        let none = cost(|budget| assert!(world.rooms(None, "~", 100, budget).items.is_empty()));
        [middle, prefix, none]
    });
    assert_eq!(costs, [[10, 10, 0]; 2]);
}

#[test]
fn a_part_of_the_connections_costs_what_it_shows() {
    let costs = [100, MEMBERS_MAX + 100].map(|count| {
        let world = World::new();
        let sockets: Vec<u32> = (0..count).map(|_| world.open(0)).collect();
        for at in [80, 5, 50] {
            world.join(sockets[at], "few");
        }
        let everybody = cost(|budget| {
            let part = world.connections(None, 60, 10, budget);
            let expected: Vec<u32> = (60..70).collect();
            assert_eq!(part.items.iter().map(|(index, _)| *index).collect::<Vec<_>>(), expected);
            assert_eq!(part.next, Some(70));
        });
        let few = cost(|budget| {
            let part = world.connections(Some("few"), 6, 10, budget);
            assert_eq!(part.items.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [50, 80]);
            assert_eq!(part.next, None);
        });
        [everybody, few]
    });
    // A socket and its place among everybody; a socket and two places.
    assert_eq!(costs, [[20, 6]; 2]);
}

#[test]
fn a_part_ends_when_its_steps_are_spent() {
    let world = World::new();
    let sockets = [world.open(0), world.open(0)];
    for n in 0..STEPS_MAX + 10 {
        world.join(sockets[0], &format!("r{n:05}"));
    }
    let part = world.connections(None, 0, 10, &mut Budget::new());
    assert_eq!((part.items.len(), part.next), (1, Some(1)), "one in so many rooms is enough for a part");
    let part = world.rooms(None, "", STEPS_MAX + 10, &mut Budget::new());
    assert_eq!((part.items.len(), part.next), (STEPS_MAX, Some(name(&format!("r{:05}", STEPS_MAX - 1)))));
}

#[test]
fn a_room_that_only_waits_for_its_flush_is_not_listed() {
    let world = World::new();
    let socket = world.open(0);
    for room in ["a", "b", "c"] {
        world.join(socket, room);
    }
    let payload = Payload::from_data(r#"["bye"]"#, Vec::new()).expect("an event");
    let publication = Publication::new("id".into(), Namespace::root(), Audience::room(name("b")), payload, 0);
    world.shard.state.borrow_mut().deliver(Arc::new(Delivery::new(publication, None)), 0);
    world.part(socket, "b");
    let mut budget = Budget::new();
    let part = world.rooms(None, "", 10, &mut budget);
    let names: Vec<&str> = part.items.iter().map(|info| info.room.as_str()).collect();
    assert_eq!((names, STEPS_MAX - budget.steps), (vec!["a", "c"], 3));
}

#[test]
fn one_connection_is_found_and_a_room_counted_where_they_are() {
    let world = World::new();
    let [here, there] = [world.open(0), world.open(1)];
    world.join(here, "a");
    let state = world.shard.state.borrow();
    let shown = |namespace, socket| {
        let (reply, mut answer) = oneshot::channel();
        let id = state.sockets[socket as usize].id.clone();
        state.look_up(Query::Connection(namespace, id, reply));
        answer.try_recv().expect("an answer").map(|info| info.id.as_str().to_owned())
    };
    assert_eq!([shown(0, here), shown(1, here)], [Some(id(here, &state)), None]);
    assert_eq!([shown(0, there), shown(1, there)], [None, Some(id(there, &state))]);
    let counted = |namespace, room: &str| {
        let (reply, mut answer) = oneshot::channel();
        state.look_up(Query::Members(namespace, name(room), reply));
        answer.try_recv().expect("an answer")
    };
    assert_eq!([counted(0, "a"), counted(1, "a"), counted(0, "none"), counted(7, "a")], [1, 0, 0, 0]);
    assert_eq!([counted(0, &id(here, &state)), counted(1, &id(here, &state))], [1, 0]);
}
