//! Figures of the adapter over a Redis of its own, for `docs/benchmarks.md`: what the hop between
//! nodes adds, publications a second, resubscribing, and how much a node hears that is not for it.
//!
//! Each figure is a ratio of one run, or says what it was measured beside. Nothing here judges.

#![allow(clippy::print_stdout, clippy::panic, clippy::cast_precision_loss, reason = "a program that prints figures")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use roomcast_adapter_redis::{Format, Mode, RedisAdapter, Servers};
use roomcast_core::adapter::{Adapter, AdapterCount, Event, Events, LinkState};
use roomcast_core::publication::{Audience, Payload, Publication};
use roomcast_core::room::{Namespace, Room};
use tokio::runtime::Handle;

#[path = "../tests/support/support.rs"]
mod support;

use support::node::config;
use support::server::Server;
use support::wait::until_async;

const HOPS: usize = 5_000;
const SECONDS: u64 = 5;
const IN_FLIGHT: usize = 64;
const ROOMS: usize = 20_000;
const BUSY: usize = 10_000;
const HOSTED: usize = 100;
const PATIENCE: Duration = Duration::from_secs(30);

struct Node {
    adapter: Arc<RedisAdapter>,
    events: Events,
}

impl Node {
    async fn start(index: usize, server: &Server, format: Format) -> Self {
        let servers = Servers::Standalone(server.address());
        let (adapter, events) = RedisAdapter::start(config(index, servers, format), Handle::current());
        let node = Self { adapter, events };
        until_async("the link is sound", PATIENCE, || node.sound()).await;
        let _ = node.adapter.open(&Namespace::root()).wait().await;
        node
    }

    fn sound(&self) -> Result<(), String> {
        let links = self.adapter.links();
        let up = links.iter().all(|link| link.state == LinkState::Up);
        if up { Ok(()) } else { Err(format!("{links:?}")) }
    }

    async fn want(&self, rooms: impl Iterator<Item = Room>) {
        let wishes: Vec<_> = rooms.map(|room| self.adapter.want(&Namespace::root(), &room)).collect();
        for wish in wishes {
            let _ = wish.wait().await;
        }
    }

    async fn delivered(&mut self) {
        loop {
            if let Some(Event::Delivery(_)) = self.events.recv().await {
                return;
            }
        }
    }

    fn unwanted(&self) -> u64 {
        let counts = self.adapter.counts();
        counts.iter().filter(|(count, _)| *count == AdapterCount::Unwanted).map(|(_, n)| n).sum()
    }
}

fn room(name: &str) -> Room {
    Room::new(name).expect("a room's name")
}

fn publication(to: &Room) -> Publication {
    let payload = Payload::from_data(r#"["tick","0123456789012345678901234567890123456789"]"#, Vec::new());
    let payload = payload.expect("an event");
    Publication::new("1".into(), Namespace::root(), Audience::room(to.clone()), payload, support::node::now())
}

/// The time that so many of a hundred are within.
fn quantile(times: &mut [Duration], of: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() - 1) * of / 100]
}

/// From publishing on one node to the delivery on another, in round trips of a bare `PING`, taken in turns.
async fn hop(server: &Server, format: Format) {
    let publisher = Node::start(0, server, format).await;
    let mut receiver = Node::start(1, server, format).await;
    let to = room("hop");
    receiver.want(std::iter::once(to.clone())).await;
    let mut bare = TcpStream::connect(server.address()).expect("Redis");
    bare.set_nodelay(true).expect("a socket");
    let (mut hops, mut pings) = (Vec::new(), Vec::new());
    for _ in 0..HOPS {
        let began = Instant::now();
        bare.write_all(b"PING\r\n").expect("Redis reads");
        bare.read_exact(&mut [0; 7]).expect("Redis answers");
        pings.push(began.elapsed());
        let began = Instant::now();
        let receipt = publisher.adapter.publish(publication(&to));
        receiver.delivered().await;
        hops.push(began.elapsed());
        receipt.await.expect("Redis took it");
    }
    let ratio = |of| quantile(&mut hops.clone(), of).as_secs_f64() / quantile(&mut pings.clone(), of).as_secs_f64();
    println!(
        "{format:?}: hop p50 {:?}, PING p50 {:?}: {:.2} round trips; p99 {:.2}",
        quantile(&mut hops.clone(), 50),
        quantile(&mut pings.clone(), 50),
        ratio(50),
        ratio(99)
    );
}

/// Publications a second through one Redis, each node publishing to a room of its own that the next one wants.
async fn rate(server: &Server, format: Format, nodes: usize) -> f64 {
    let mut publishing = Vec::new();
    let mut all = Vec::new();
    for index in 0..nodes {
        all.push(Node::start(index, server, format).await);
    }
    for index in 0..nodes {
        all[(index + 1) % nodes].want(std::iter::once(room(&format!("rate:{index}")))).await;
    }
    for (index, node) in all.into_iter().enumerate() {
        let Node { adapter, mut events } = node;
        let hearing = tokio::spawn(async move { while events.recv().await.is_some() {} });
        let to = room(&format!("rate:{index}"));
        let until = Instant::now() + Duration::from_secs(SECONDS);
        for _ in 0..IN_FLIGHT {
            let (adapter, to) = (Arc::clone(&adapter), to.clone());
            publishing.push(tokio::spawn(async move {
                let mut taken = 0_u64;
                while Instant::now() < until {
                    taken += u64::from(adapter.publish(publication(&to)).await.is_ok());
                }
                taken
            }));
        }
        publishing.push(tokio::spawn(async move {
            tokio::time::sleep_until((until + Duration::from_millis(200)).into()).await;
            hearing.abort();
            0
        }));
    }
    let mut taken = 0;
    for task in publishing {
        taken += task.await.expect("it ends");
    }
    taken as f64 / SECONDS as f64
}

/// From the end of a subscription to a link that is sound again, with so many rooms.
async fn resubscribe(server: &Server, format: Format) {
    let node = Node::start(0, server, format).await;
    node.want((0..ROOMS).map(|n| room(&format!("many:{n}")))).await;
    let mut took = Vec::new();
    for _ in 0..5 {
        let began = Instant::now();
        server.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        until_async("it is noticed", PATIENCE, || node.sound().map_or(Ok(()), |()| Err("sound"))).await;
        until_async("the link is sound", PATIENCE, || node.sound()).await;
        took.push(began.elapsed());
    }
    let (least, most) = (took.iter().min().expect("some"), took.iter().max().expect("some"));
    println!(
        "{format:?}: {ROOMS} rooms subscribed anew in {least:?} to {most:?}, the pause before connecting included"
    );
}

/// The share of publications to single busy rooms that a node hears which hosts one in a hundred of them.
async fn share(server: &Server, format: Format) {
    let publisher = Node::start(0, server, format).await;
    let mut host = Node::start(1, server, format).await;
    host.want((0..HOSTED).map(|n| room(&format!("busy:{n}")))).await;
    let mut receipts = Vec::new();
    for n in 0..BUSY {
        receipts.push(publisher.adapter.publish(publication(&room(&format!("busy:{n}")))));
        if receipts.len() == 500 {
            for receipt in receipts.drain(..) {
                receipt.await.expect("Redis took it");
            }
        }
    }
    for _ in 0..HOSTED {
        host.delivered().await;
    }
    let heard = HOSTED as u64 + host.unwanted();
    println!("{format:?}: {heard} of {BUSY} publications heard: {:.2} %", heard as f64 * 100.0 / BUSY as f64);
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let formats = [Format::Classic, Format::Sharded(Mode::Dynamic)];
    for format in formats {
        hop(&Server::start(&[]), format).await;
    }
    for format in formats {
        let (mut one, mut three) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            one.push(rate(&Server::start(&[]), format, 1).await);
            three.push(rate(&Server::start(&[]), format, 3).await);
        }
        println!("{format:?}: publications a second, one node {one:.0?}, three nodes {three:.0?}");
    }
    for format in formats {
        resubscribe(&Server::start(&[]), format).await;
        share(&Server::start(&[]), format).await;
    }
}
