//! The same with outboxes that overflow: clients read a little now and then, volatile publications
//! are among the others. Whoever stays gets everything but volatile ones; whoever is closed has
//! all of it up to there, and learns why.

use std::cell::Cell;

use super::*;

/// Clients that are members; the others are in no room.
const READERS: usize = 8;
/// Bytes that are read at a time: about one message.
const LITTLE: usize = 20_000;
/// Cases of which some, together, close, drop, and keep.
const CASES: u32 = 24;

/// What happens, and who reads a little behind it.
#[derive(Clone, Debug)]
struct Beat {
    op: Op,
    class: Class,
    reader: Option<usize>,
}

fn beat() -> impl Strategy<Value = Beat> {
    let op = op(READERS).prop_filter("others do not read", |op| !matches!(op, Op::ToEverybody));
    let class = prop_oneof![1 => Just(Class::Volatile), 4 => Just(Class::Reliable)];
    let reader = prop::option::weighted(0.4, 0..READERS);
    (op, class, reader).prop_map(|(op, class, reader)| Beat { op, class, reader })
}

/// What a client has read.
struct Reader {
    client: usize,
    conn: u32,
    decoder: Decoder,
    received: Vec<u64>,
    code: Option<u16>,
}

impl Reader {
    fn new(world: &World, client: usize) -> Self {
        let conn = world.shard.state.borrow().sockets[world.sockets[client] as usize].conn;
        Self { client, conn, decoder: Decoder::new(Role::Client), received: Vec::new(), code: None }
    }

    /// Reads once, and lets the shard write; whether anything came.
    fn read(&mut self, world: &mut World) -> bool {
        let limits = Limits { message_bytes_max: 1 << 20, fragments_max: 1 };
        let mut bytes = vec![0; LITTLE];
        let read = world.ends[self.client].read(&mut bytes).unwrap_or(0);
        self.code = take(&mut self.decoder, &mut bytes[..read], &limits, &mut self.received).or(self.code);
        let mut state = world.shard.state.borrow_mut();
        if state.conns.contains(self.conn as usize) {
            state.writable(self.conn);
        }
        read > 0
    }

    /// How many volatile ones it did not get; everything else is as it should be.
    fn missed(&self, world: &World, volatile: &BTreeSet<u64>) -> Result<u64, TestCaseError> {
        let (client, open) = (self.client, is_open(world, self.client));
        prop_assert_eq!(self.code, (!open).then_some(1013), "client {}", client);
        let last = if open { u64::MAX } else { self.received.last().copied().unwrap_or(0) };
        let due = world.expected[client].iter().filter(|number| **number <= last);
        let (got, missed): (Vec<u64>, Vec<u64>) =
            due.partition(|number| self.received.contains(number) || !volatile.contains(number));
        prop_assert_eq!(&self.received, &got, "client {}, open: {}", client, open);
        Ok(missed.len() as u64)
    }
}

fn is_open(world: &World, client: usize) -> bool {
    world.shard.state.borrow().sockets.contains(world.sockets[client] as usize)
}

/// Whether an operation is about a client that has been closed.
fn is_void(world: &World, op: &Op) -> bool {
    match op {
        Op::Join(about, _)
        | Op::Part(about, _)
        | Op::ToClient(about)
        | Op::ToRoomExcept(_, about)
        | Op::Tell(about) => !is_open(world, *about),
        _ => false,
    }
}

/// What came of the cases.
#[derive(Default)]
struct Seen {
    closed: Cell<u64>,
    kept: Cell<u64>,
    dropped: Cell<u64>,
}

fn run(beats: &[Beat], bytes_max: usize, seen: &Seen) -> Result<(), TestCaseError> {
    with_world(LITTLE, async |mut world| {
        world.shard.state.borrow_mut().rules.outbox = Bounds { bytes_max, age_max: 1 << 30 };
        let mut readers: Vec<Reader> = (0..READERS).map(|client| Reader::new(&world, client)).collect();
        let mut volatile = BTreeSet::new();
        for Beat { op, class, reader } in beats {
            if !is_void(&world, op) {
                let before = world.latest;
                world.class = *class;
                world.apply(op);
                // What is told to one client is no publication, and has no class.
                if *class == Class::Volatile && !matches!(op, Op::Tell(_)) {
                    volatile.extend(before + 1..=world.latest);
                }
            }
            if let Some(reader) = reader {
                readers[*reader].read(&mut world);
                // The runtime learns of writability only when it gets to run.
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        }
        let mut quiet = 0;
        while quiet < 20 {
            while world.shard.state.borrow_mut().flush() {}
            let moved = readers.iter_mut().filter_map(|reader| reader.read(&mut world).then_some(())).count() > 0;
            quiet = if moved { 0 } else { quiet + 1 };
            tokio::time::sleep(std::time::Duration::from_millis(if moved { 1 } else { 5 })).await;
        }
        let mut missed = 0;
        for reader in &readers {
            missed += reader.missed(&world, &volatile)?;
        }
        let metrics = &world.shard.node.metrics;
        let dropped = metrics.counter(Counter::MessagesDropped(DropReason::Volatile));
        let open = (0..READERS).filter(|client| is_open(&world, *client)).count();
        // Who was closed may have missed some behind the last that it got.
        prop_assert!(if open == READERS { missed == dropped } else { missed <= dropped }, "{missed}, {dropped}");
        prop_assert_eq!(metrics.gauge(Gauge::ConnectionsBackpressured), 0);
        prop_assert_eq!(metrics.gauge(Gauge::OutboxBytes), 0);
        prop_assert_eq!(world.shard.mailbox.bytes(), 0, "every publication is paid back");
        seen.closed.set(seen.closed.get() + (READERS - open) as u64);
        seen.kept.set(seen.kept.get() + open as u64);
        seen.dropped.set(seen.dropped.get() + dropped);
        Ok(())
    })
}

#[test]
fn who_stays_misses_only_volatile_ones_and_who_is_closed_learns_why() {
    let (seen, cases) = (Seen::default(), Cell::new(0));
    let beats = (prop::collection::vec(beat(), 60..200), 60_000_usize..400_000);
    check(CASES, 30, &beats, |(beats, bytes_max)| {
        cases.set(cases.get() + 1);
        run(&beats, bytes_max, &seen)
    });
    let (closed, kept, dropped) = (seen.closed.get(), seen.kept.get(), seen.dropped.get());
    let all = closed > 0 && kept > 0 && dropped > 0;
    assert!(all || cases.get() < CASES, "{closed} closed, {kept} kept, {dropped} dropped: too little to say anything");
}
