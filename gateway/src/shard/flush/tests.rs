//! The write path against a model: whatever happens between two writes, every publication
//! reaches exactly those who were members when it came, once and in order.

mod slow;

use std::collections::BTreeSet;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use roomcast_core::close::CloseReason;
use roomcast_core::delivery::{Delivery, Variant};
use roomcast_core::id::ShardIndex;
use roomcast_core::publication::{Audience, Class, Payload, Publication};
use roomcast_core::room::{Namespace, Room};
use roomcast_core::session::heartbeat::Heartbeat;
use roomcast_core::websocket::{Decoder, Limits, Message, Role};

use crate::metrics::{Counter, DropReason, Gauge, Protocol};
use crate::node::{Node, Parts};
use crate::shard::Shard;
use crate::shard::connection::{Connection, Peer, Speech, Transport};
use crate::shard::io::Io;
use crate::shard::outbox::Bounds;

const CLIENTS: usize = 70;
const ROOMS: usize = 3;

#[derive(Clone, Debug)]
enum Op {
    Join(usize, usize),
    Part(usize, usize),
    ToRoom(usize),
    ToEverybody,
    ToClient(usize),
    ToRooms(usize, usize),
    ToRoomExcept(usize, usize),
    /// Something of our own to one client.
    Tell(usize),
    /// A few members are written, then others run.
    Step,
    Flush,
}

/// Something that happens to one of the first `clients`.
fn op(clients: usize) -> impl Strategy<Value = Op> {
    let (client, room) = (0..clients, 0..ROOMS);
    prop_oneof![
        4 => (client.clone(), room.clone()).prop_map(|(c, r)| Op::Join(c, r)),
        3 => (client.clone(), room.clone()).prop_map(|(c, r)| Op::Part(c, r)),
        6 => room.clone().prop_map(Op::ToRoom),
        1 => Just(Op::ToEverybody),
        2 => client.clone().prop_map(Op::ToClient),
        1 => (room.clone(), room.clone()).prop_map(|(a, b)| Op::ToRooms(a, b)),
        1 => (room, client.clone()).prop_map(|(r, c)| Op::ToRoomExcept(r, c)),
        1 => client.prop_map(Op::Tell),
        6 => Just(Op::Step),
        1 => Just(Op::Flush),
    ]
}

fn node() -> Arc<Node> {
    Node::new(Parts { limit: crate::os::ConnectionLimit::of(CLIENTS as u64), ..Parts::small() })
}

/// A shard with plain clients in no room, and the clients' ends of their sockets.
struct World {
    shard: Rc<Shard>,
    ends: Vec<std::net::TcpStream>,
    sockets: Vec<u32>,
    members: Vec<BTreeSet<usize>>,
    expected: Vec<Vec<u64>>,
    latest: u64,
    padding: usize,
    class: Class,
}

impl World {
    fn new(padding: usize) -> Self {
        let shard = Shard::new(ShardIndex::new(0).expect("below 64"), node());
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback");
        let mut world = Self {
            shard,
            ends: Vec::new(),
            sockets: Vec::new(),
            members: vec![BTreeSet::new(); ROOMS],
            expected: vec![Vec::new(); CLIENTS],
            latest: 0,
            padding,
            class: Class::Reliable,
        };
        for _ in 0..CLIENTS {
            world.connect(&listener);
        }
        world
    }

    fn connect(&mut self, listener: &std::net::TcpListener) {
        let end = std::net::TcpStream::connect(listener.local_addr().expect("bound")).expect("listening");
        let (stream, _) = listener.accept().expect("connected");
        stream.set_nonblocking(true).expect("a socket");
        // Small, so that large messages are written in parts and connections get blocked.
        socket2::SockRef::from(&stream).set_send_buffer_size(4096).expect("a socket");
        end.set_nonblocking(true).expect("a socket");
        let stream = tokio::net::TcpStream::from_std(stream).expect("a runtime");
        let mut state = self.shard.state.borrow_mut();
        let heartbeat = Heartbeat::new(state.now(), &state.rules.plain);
        let transport = Transport::WebSocket { io: Io::Tcp(stream), decoder: Decoder::new(Role::Server) };
        let peer = Peer {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 1)),
            permit: state.node.admit_connection().expect("room for all"),
            kept: None,
        };
        let speech = Speech::Plain { heartbeat, socket: u32::MAX };
        let key = state.insert(Connection::new(transport, speech, Variant::PlainWebSocket, peer));
        state.greet(key, 0);
        self.sockets.push(state.get(key).expect("inserted").sockets()[0]);
        self.ends.push(end);
    }

    fn room(room: usize) -> Room {
        Room::new(&format!("room {room}")).expect("a name")
    }

    fn own_room(&self, client: usize) -> Room {
        Room::of_socket(&self.shard.state.borrow().sockets[self.sockets[client] as usize].id)
    }

    fn publish(&mut self, audience: Audience, receivers: impl IntoIterator<Item = usize>) {
        self.latest += 1;
        let data = format!(r#"["n",{},"{}"]"#, self.latest, "x".repeat(self.padding));
        let payload = Payload::from_data(&data, Vec::new()).expect("an event");
        let mut publication = Publication::new("id".into(), Namespace::root(), audience, payload, 0);
        publication.class = self.class;
        // Charged as a mail would be, without one: what is delivered pays it back.
        self.shard.mailbox.post_admitted(crate::mail::Mail::Stop, 1);
        self.shard.state.borrow_mut().deliver(Arc::new(Delivery::new(publication, None)), 1);
        for client in receivers.into_iter().collect::<BTreeSet<_>>() {
            self.expected[client].push(self.latest);
        }
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Join(client, room) => {
                self.shard.state.borrow_mut().join(self.sockets[client], &Self::room(room));
                self.members[room].insert(client);
            }
            Op::Part(client, room) => {
                self.shard.state.borrow_mut().part(self.sockets[client], &Self::room(room));
                self.members[room].remove(&client);
            }
            Op::ToRoom(room) => self.publish(Audience::room(Self::room(room)), self.members[room].clone()),
            Op::ToEverybody => self.publish(Audience::everybody(), 0..CLIENTS),
            Op::ToClient(client) => self.publish(Audience::room(self.own_room(client)), [client]),
            Op::ToRooms(a, b) => {
                let audience = Audience { rooms: vec![Self::room(a), Self::room(b)], except: Vec::new() };
                let receivers: Vec<usize> = self.members[a].union(&self.members[b]).copied().collect();
                self.publish(audience, receivers);
            }
            Op::ToRoomExcept(room, client) => {
                let audience = Audience { rooms: vec![Self::room(room)], except: vec![self.own_room(client)] };
                let receivers: Vec<usize> = self.members[room].iter().copied().filter(|c| *c != client).collect();
                self.publish(audience, receivers);
            }
            Op::Tell(client) => {
                self.latest += 1;
                let payload = Payload::from_data(&format!(r#"["n",{}]"#, self.latest), Vec::new()).expect("an event");
                self.shard.state.borrow_mut().emit(self.sockets[client], &payload);
                self.expected[client].push(self.latest);
            }
            Op::Step => self.step(),
            Op::Flush => while self.shard.state.borrow_mut().flush() {},
        }
    }

    fn step(&mut self) {
        let mut state = self.shard.state.borrow_mut();
        if state.turn.current.is_none() {
            let Some(room) = state.turn.rooms.pop_front() else {
                return;
            };
            state.begin_room(room);
        }
        state.write_members();
    }

    /// Flushes and reads until every client has what it expects, or nothing moves any more.
    async fn received(&mut self) -> Vec<Vec<u64>> {
        let limits = Limits { message_bytes_max: 1 << 20, fragments_max: 1 };
        let mut decoders: Vec<Decoder> = (0..CLIENTS).map(|_| Decoder::new(Role::Client)).collect();
        let mut received = vec![Vec::new(); CLIENTS];
        let mut quiet = 0;
        while quiet < 100 {
            while self.shard.state.borrow_mut().flush() {}
            let mut moved = false;
            for client in 0..CLIENTS {
                let mut bytes = vec![0; 65536];
                while let Ok(read) = self.ends[client].read(&mut bytes) {
                    moved = moved || read > 0;
                    let closed = take(&mut decoders[client], &mut bytes[..read], &limits, &mut received[client]);
                    assert_eq!(closed, None, "client {client}");
                    if read == 0 {
                        break;
                    }
                }
                let conn = self.shard.state.borrow().sockets[self.sockets[client] as usize].conn;
                self.shard.state.borrow_mut().writable(conn);
            }
            quiet = if moved || received == self.expected { 0 } else { quiet + 1 };
            if received == self.expected {
                break;
            }
            // The runtime learns of writability only when it gets to run.
            tokio::time::sleep(std::time::Duration::from_millis(if moved { 1 } else { 20 })).await;
        }
        received
    }
}

/// Takes the numbers out of messages; a close frame's code, if one is there.
fn take(decoder: &mut Decoder, mut bytes: &mut [u8], limits: &Limits, into: &mut Vec<u64>) -> Option<u16> {
    loop {
        let step = decoder.next(bytes, limits).expect("frames");
        let text = match step.message? {
            Message::Text(text) => text,
            Message::Close(close) => return close.map(|(code, _)| code),
            other => panic!("neither text nor a close: {other:?}"),
        };
        // Not parsed as a whole: large ones would take most of the test's time.
        if let Some((_, args)) = text.split_once("\"args\":[") {
            assert!(args.ends_with("]}"), "a whole message");
            let digits: String = args.chars().take_while(char::is_ascii_digit).collect();
            into.push(digits.parse().expect("a number"));
        }
        let consumed = step.consumed;
        bytes = &mut bytes[consumed..];
    }
}

/// Runs `test` on a shard's kind of runtime, with clients whose messages have `padding` more bytes.
fn with_world<T>(padding: usize, test: impl AsyncFnOnce(World) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .expect("a runtime");
    runtime.block_on(async {
        let mut world = World::new(padding);
        // Sockets that were registered by hand are known to be writable once the runtime has looked:
        // it does so whenever nothing else is to be done, however short that is.
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        world.apply(&Op::Flush);
        test(world).await
    })
}

#[test]
fn many_small_rooms_are_flushed_in_slices_too() {
    with_world(10, async |mut world| {
        for n in 0..20_000 {
            let room = Room::new(&format!("small {n}")).expect("a name");
            let socket = world.sockets[n % CLIENTS];
            world.shard.state.borrow_mut().join(socket, &room);
            world.publish(Audience::room(room), []);
        }
        let mut state = world.shard.state.borrow_mut();
        assert!(state.flush(), "it yields");
        assert!(!state.turn.rooms.is_empty(), "before the last room");
    });
}

#[test]
fn a_client_that_is_closed_while_it_falls_behind_is_counted_out_again() {
    with_world(700_000, async |mut world| {
        world.apply(&Op::Join(0, 0));
        for _ in 0..3 {
            world.apply(&Op::ToRoom(0));
        }
        world.apply(&Op::Flush);
        let metrics = &world.shard.node.metrics;
        let closed = Counter::ConnectionsClosed(Protocol::Plain, CloseReason::SlowConsumer);
        assert_eq!(metrics.counter(closed), 1);
        assert_eq!(metrics.gauge(Gauge::ConnectionsBackpressured), 0);
        assert_eq!(metrics.gauge(Gauge::OutboxBytes), 0);
    });
}

/// Has a client's socket take a turn of tens of kilobytes at once.
fn widen(world: &World, client: usize) {
    let state = world.shard.state.borrow();
    let conn = &state.conns[state.sockets[world.sockets[client] as usize].conn as usize];
    let Transport::WebSocket { io: Io::Tcp(stream), .. } = &conn.transport else { panic!("{conn:?}") };
    socket2::SockRef::from(stream).set_send_buffer_size(400_000).expect("a socket");
}

#[test]
fn a_client_that_keeps_up_is_not_closed_for_a_turn_larger_than_an_outbox() {
    with_world(10_000, async |mut world| {
        widen(&world, 0);
        world.shard.state.borrow_mut().rules.outbox.bytes_max = 30_000;
        // In two dirty rooms at once: everything goes through its outbox.
        (0..2).for_each(|room| world.apply(&Op::Join(0, room)));
        (0..10).for_each(|n| world.apply(&Op::ToRoom(n % 2)));
        world.apply(&Op::Flush);
        world.apply(&Op::Tell(0));
        assert_eq!(world.received().await, world.expected);
    });
}

#[test]
fn a_slow_reader_that_begins_to_read_learns_why_it_was_closed() {
    with_world(50_000, async |mut world| {
        let conn = world.shard.state.borrow().sockets[world.sockets[0] as usize].conn;
        let key = world.shard.state.borrow().key(conn).expect("connected");
        world.shard.state.borrow_mut().rules.outbox.bytes_max = 200_000;
        world.apply(&Op::Join(0, 0));
        let closed = Counter::ConnectionsClosed(Protocol::Plain, CloseReason::SlowConsumer);
        while world.shard.node.metrics.counter(closed) == 0 {
            assert!(world.latest < 1000, "it takes it, as if it read");
            // Full to the brim: whatever the kernel still takes, it gets.
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            world.shard.state.borrow_mut().writable(conn);
            world.apply(&Op::ToRoom(0));
            world.apply(&Op::Flush);
        }
        let waits = matches!(
            world.shard.state.borrow().conns[conn as usize].transport,
            Transport::Closing { last: Some(_), .. }
        );
        assert!(waits, "the kernel takes nothing more, not even a close frame");
        let (mut decoder, mut received) = (Decoder::new(Role::Client), Vec::new());
        let limits = Limits { message_bytes_max: 1 << 20, fragments_max: 1 };
        let started = std::time::Instant::now();
        let code = loop {
            assert!(started.elapsed().as_secs() < 30, "no reason in time");
            let mut bytes = vec![0; 65536];
            let Ok(read) = world.ends[0].read(&mut bytes) else {
                world.shard.state.borrow_mut().writable(conn);
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                continue;
            };
            assert!(read > 0, "the end of the stream without a reason");
            if let Some(code) = take(&mut decoder, &mut bytes[..read], &limits, &mut received) {
                break code;
            }
        };
        assert_eq!(code, 1013);
        assert_eq!(received, world.expected[0][..received.len()], "whole messages, in order, up to there");
        assert!(!received.is_empty() && received.len() < world.expected[0].len(), "{}", received.len());
        // Nothing of it is left when the deadline is over, whatever the client does.
        let mut state = world.shard.state.borrow_mut();
        state.remove(conn);
        assert!(state.get(key).is_none());
    });
}

#[test]
fn volatile_ones_of_the_turn_in_which_a_client_falls_behind_are_dropped() {
    with_world(200_000, async |mut world| {
        // In two dirty rooms at once: everything goes through its outbox before it is known to be behind.
        (0..2).for_each(|room| world.apply(&Op::Join(0, room)));
        world.class = Class::Volatile;
        (0..4).for_each(|n| world.apply(&Op::ToRoom(n % 2)));
        world.class = Class::Reliable;
        world.apply(&Op::ToRoom(0));
        world.apply(&Op::Flush);
        let dropped = world.shard.node.metrics.counter(Counter::MessagesDropped(DropReason::Volatile));
        assert!((1..=4).contains(&dropped), "{dropped}");
        world.expected[0].drain(4 - dropped as usize..4);
        assert_eq!(world.received().await, world.expected);
        assert_eq!(world.shard.node.metrics.gauge(Gauge::OutboxBytes), 0);
    });
}

#[test]
fn tables_that_have_emptied_give_their_room_back() {
    with_world(10, async |mut world| {
        let socket = world.sockets[0];
        let rooms: Vec<Room> = (0..1000).map(|n| Room::new(&format!("small {n}")).expect("a name")).collect();
        let held = |state: &crate::shard::state::State| {
            (state.rooms.capacity(), state.sockets[socket as usize].places.capacity())
        };
        {
            let mut state = world.shard.state.borrow_mut();
            let before = held(&state);
            for room in &rooms {
                drop(state.join(socket, room));
            }
            assert!(held(&state).0 >= 2000 && held(&state).1 >= 1000, "{:?}", held(&state));
            for room in &rooms {
                state.part(socket, room);
            }
            state.give_back();
            assert!(held(&state).0 <= before.0 + 64 && held(&state).1 <= 64, "{:?}", held(&state));
        }
        // What is left still works.
        world.apply(&Op::Join(0, 0));
        world.apply(&Op::ToRoom(0));
        assert_eq!(world.received().await, world.expected);
    });
}

fn run(ops: &[Op], padding: usize) -> Result<(), TestCaseError> {
    with_world(padding, async |mut world| {
        // Nobody is to be closed for being slow: that is another test's.
        world.shard.state.borrow_mut().rules.outbox = Bounds { bytes_max: 1 << 30, age_max: 1 << 30 };
        for op in ops {
            world.apply(op);
        }
        let received = world.received().await;
        for (client, (got, expected)) in received.iter().zip(&world.expected).enumerate() {
            prop_assert_eq!(got, expected, "client {}", client);
        }
        prop_assert_eq!(world.shard.mailbox.bytes(), 0, "every publication is paid back");
        Ok(())
    })
}

#[test]
fn a_turn_that_overflows_an_outbox_at_once_leaves_no_trace_in_the_gauges() {
    with_world(100_000, async |mut world| {
        world.apply(&Op::Join(0, 0));
        (0..200).for_each(|_| world.apply(&Op::ToRoom(0)));
        world.apply(&Op::Flush);
        let state = world.shard.state.borrow();
        let gone = state.sockets.get(world.sockets[0] as usize).is_none();
        assert!(gone, "20 MB do not fit");
        for gauge in [Gauge::ConnectionsBackpressured, Gauge::OutboxBytes] {
            assert_eq!(state.node.metrics.gauge(gauge), 0, "{gauge:?}");
        }
    });
}

#[test]
fn an_answer_does_not_wait_until_no_room_is_dirty() {
    with_world(300_000, async |mut world| {
        (1..CLIENTS).for_each(|client| world.apply(&Op::Join(client, 0)));
        // More than a slice of work for one room; the answer is for somebody who is not in it.
        (0..3).for_each(|_| world.apply(&Op::ToRoom(0)));
        world.apply(&Op::Tell(0));
        world.shard.state.borrow_mut().flush();
        let state = world.shard.state.borrow();
        let conn = state.sockets[world.sockets[0] as usize].conn;
        assert!(!state.conns[conn as usize].dirty, "written in the first slice");
    });
}

/// Times as many cases as are quick that are run at most: some minutes.
const DEEPER_MAX: u32 = 20;

/// Runs `test` with as many cases as are quick, or with more in proportion to `PROPTEST_CASES`
/// where that is set. Not by the macro: there the variable's 20,000 would take a day of each.
fn check<S: Strategy>(
    quick: u32,
    max_shrink_iters: u32,
    values: &S,
    test: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    // It has read the variable; 256 is what it says without.
    let set = ProptestConfig::default();
    let cases = (quick * set.cases.min(256 * DEEPER_MAX) / 256).max(1);
    let mut runner = TestRunner::new(ProptestConfig { cases, max_shrink_iters, failure_persistence: None, ..set });
    if let Err(fault) = runner.run(values, test) {
        panic!("{fault}");
    }
}

#[test]
fn every_publication_reaches_its_members_once_and_in_order() {
    check(48, 200, &prop::collection::vec(op(CLIENTS), 1..120), |ops| run(&ops, 10));
}

#[test]
fn also_when_sockets_take_only_a_part() {
    // Fewer: a case carries some tens of megabytes.
    check(12, 20, &prop::collection::vec(op(CLIENTS), 20..40), |ops| run(&ops, 60_000));
}

#[tokio::test(flavor = "current_thread")]
async fn one_look_waits_in_the_wheel_however_often_one_is_asked_for() {
    let world = World::new(0);
    let mut state = world.shard.state.borrow_mut();
    assert_eq!(state.wheel.len(), CLIENTS, "the heartbeats");
    let conn = state.sockets[world.sockets[0] as usize].conn;
    let key = state.key(conn).expect("it is there");
    for _ in 0..10 {
        state.conns[conn as usize].outbox().set_blocked(0);
        state.backpressured(conn);
        state.conns[conn as usize].outbox = None;
    }
    assert_eq!(state.wheel.len(), CLIENTS + 1);
    // The time of a message is no shorter: what waits comes before it is due.
    state.rules.plain.message_timeout = state.rules.outbox.age_max;
    for _ in 0..10 {
        state.received(key, &mut [0x01, 0x82, 0, 0, 0, 0, b'{', b'}', 0x89]);
        state.received(key, &mut [0x80, 0, 0, 0, 0, 0x80]);
        state.received(key, &mut [0x80, 0, 0, 0, 0]);
    }
    assert!(state.get(key).is_some_and(|connection| connection.look_at < connection.timer_at));
    assert_eq!(state.wheel.len(), CLIENTS + 1);
    // A message that is whole when a read ends is not looked after.
    let other = state.key(state.sockets[world.sockets[1] as usize].conn).expect("it is there");
    state.received(other, &mut [0x8A, 0x80, 0, 0, 0, 0]);
    assert_eq!(state.wheel.len(), CLIENTS + 1);
}
