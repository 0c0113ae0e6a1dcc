//! The numbered stream: every 20 ms one publication, from each node in turn, to each room in turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use roomcast_core::adapter::{Adapter, PublishError};
use roomcast_core::publication::{Audience, Payload, Publication};
use roomcast_core::room::{Namespace, Room};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::MissedTickBehavior;

use super::ledger::{NodeIndex, Outcome};
use super::node::{Node, Shared, now};

const EVERY: Duration = Duration::from_millis(20);

/// Publishes until it is told to stop.
pub(crate) struct Stream {
    numbers: Arc<AtomicU64>,
    publishers: Vec<(NodeIndex, Arc<dyn Adapter>)>,
    ledger: Shared,
    stop: watch::Sender<bool>,
    running: JoinHandle<()>,
}

impl Stream {
    /// Publishes through all of these nodes.
    pub(crate) fn start(nodes: &[Node], rooms: Vec<Room>, ledger: &Shared) -> Self {
        let publishers: Vec<_> = nodes.iter().map(|node| (node.index, Arc::clone(&node.adapter))).collect();
        let numbers = Arc::new(AtomicU64::new(0));
        let (stop, stopped) = watch::channel(false);
        let running =
            tokio::spawn(publish_all(publishers.clone(), rooms, Arc::clone(&numbers), ledger.clone(), stopped));
        Self { numbers, publishers, ledger: ledger.clone(), stop, running }
    }

    /// Publishes so many more through the first node, at once, each of so many bytes.
    pub(crate) async fn flood(&self, room: &Room, count: usize, bytes: usize) {
        let mut waiting = JoinSet::new();
        for _ in 0..count {
            let number = self.numbers.fetch_add(1, Ordering::Relaxed);
            waiting.spawn(publish(self.publishers[0].clone(), number, room.clone(), bytes, self.ledger.clone()));
        }
        waiting.join_all().await;
    }

    /// Stops, and waits until the last publication is answered.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        self.running.await.expect("the stream does not panic");
    }
}

async fn publish_all(
    publishers: Vec<(NodeIndex, Arc<dyn Adapter>)>,
    rooms: Vec<Room>,
    numbers: Arc<AtomicU64>,
    ledger: Shared,
    mut stopped: watch::Receiver<bool>,
) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut waiting = JoinSet::new();
    // Each publisher comes to each room.
    let mut ways = (0..rooms.len()).flat_map(|room| (0..publishers.len()).map(move |node| (node, room))).cycle();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stopped.wait_for(|stop| *stop) => break,
        }
        let Some((node, room)) = ways.next() else { break };
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        waiting.spawn(publish(publishers[node].clone(), number, rooms[room].clone(), 0, ledger.clone()));
        while waiting.try_join_next().is_some() {}
    }
    waiting.join_all().await;
}

async fn publish(
    (index, adapter): (NodeIndex, Arc<dyn Adapter>),
    number: u64,
    room: Room,
    bytes: usize,
    ledger: Shared,
) {
    let data = if bytes == 0 {
        format!("[\"tick\",{number}]")
    } else {
        format!("[\"tick\",{number},{{\"_placeholder\":true,\"num\":0}}]")
    };
    let attachments = if bytes == 0 { Vec::new() } else { vec![Bytes::from(vec![7; bytes])] };
    let payload = Payload::from_data(&data, attachments).expect("an event");
    let sent_at = now();
    let audience = Audience::room(room.clone());
    let publication = Publication::new(format!("n{number}").into(), Namespace::root(), audience, payload, sent_at);
    ledger.lock().sent(number, index, room, sent_at);
    let outcome = match adapter.publish(publication).await {
        Ok(_) => Outcome::Accepted,
        Err(PublishError::OutcomeUnknown) => Outcome::Unknown,
        Err(PublishError::Unavailable | PublishError::Overloaded | PublishError::Closed) => Outcome::Unavailable,
    };
    ledger.lock().answered(number, outcome, now());
}
