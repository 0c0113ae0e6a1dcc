//! One run of a fault test: nodes under the stream, the fault, and the end with its judgement.

use std::time::Duration;

use roomcast_core::publication::UnixMillis;
use roomcast_core::room::Room;

use super::ledger::{Ledger, Outcome};
use super::node::{Node, Shared, now};
use super::stream::Stream;
use super::verdict::{Fault, Violation, judge};
use super::wait::until_async;

/// Time in which delivery has to be back once the fault is over. Far more than it should take.
const RESUME_DEADLINE: Duration = Duration::from_mins(1);
/// How long wishes are waited for while there is no backend: they become live later.
const PATIENCE: Duration = Duration::from_secs(1);
/// Time in which every loss has to be told.
const TOLD_DEADLINE: Duration = Duration::from_secs(30);
/// Time after that in which nothing else may go wrong: more than the proof of a link takes.
const CALM: Duration = Duration::from_secs(6);

/// Nodes under a numbered stream.
pub(crate) struct Run {
    name: &'static str,
    pub(crate) nodes: Vec<Node>,
    pub(crate) ledger: Shared,
    pub(crate) stream: Stream,
}

impl Run {
    /// Each node wants the rooms, and the stream flows through all nodes to all of those.
    pub(crate) async fn start(name: &'static str, nodes: Vec<Node>, rooms: Vec<Room>, ledger: Shared) -> Self {
        let stream = Stream::start(&nodes, rooms.clone(), &ledger);
        let mut run = Self { name, nodes: Vec::new(), ledger, stream };
        for node in nodes {
            run.join(node, &rooms).await;
        }
        run.flows_since(now(), "the stream flows").await;
        run
    }

    /// A node takes part once its rooms are live: from then on it is owed everything.
    pub(crate) async fn join(&mut self, node: Node, rooms: &[Room]) {
        assert!(node.want(rooms, RESUME_DEADLINE).await, "{}: the rooms are not live", self.name);
        self.ledger.lock().joined(node.index, now());
        self.nodes.push(node);
    }

    /// The same where nothing can flow yet.
    pub(crate) async fn start_without_backend(
        name: &'static str,
        nodes: Vec<Node>,
        rooms: Vec<Room>,
        ledger: Shared,
    ) -> Self {
        let stream = Stream::start(&nodes, rooms.clone(), &ledger);
        for node in &nodes {
            let live = node.want(&rooms, PATIENCE).await;
            assert!(!live, "{name}: nothing can be live yet");
            ledger.lock().joined(node.index, now());
        }
        Self { name, nodes, ledger, stream }
    }

    /// Waits until everything that was sent since then flows everywhere; gives when it did.
    pub(crate) async fn flows_since(&self, since: UnixMillis, what: &str) -> UnixMillis {
        let what = format!("{}: {what}", self.name);
        until_async(&what, RESUME_DEADLINE, || self.ledger.lock().flowed(since).ok_or("not everywhere")).await
    }

    /// The end of every run: the fault was over at `healed_at`; delivery comes back, all losses get told,
    /// and then nothing else goes wrong. Gives the facts of the run.
    pub(crate) async fn end(self, healed_at: UnixMillis, fault: Fault) -> Ledger {
        let flowed_at = self.flows_since(healed_at, "delivery is back").await;
        // What is still on its way is judged when it has been answered.
        let told = || {
            let ledger = self.ledger.lock();
            let answered = ledger.published.values().filter(|published| published.sent_at < flowed_at);
            if answered.clone().any(|published| published.answered.is_none()) {
                return Err(Vec::new());
            }
            judge(&before(&ledger, flowed_at), fault).map_err(|violations| explained(&ledger, &violations))
        };
        until_async(&format!("{}: every loss is told", self.name), TOLD_DEADLINE, told).await;
        tokio::time::sleep(CALM).await;
        assert!(self.nodes.iter().all(Node::lives), "{}: an adapter ended", self.name);
        self.stream.stop().await;
        let settled = || judge(&self.ledger.lock(), fault).map_err(|violations| shown(&violations));
        let summary = until_async(&format!("{}: the judgement", self.name), TOLD_DEADLINE, settled).await;
        if fault == Fault::None {
            let ledger = self.ledger.lock();
            let mut since = ledger.published.iter().filter(|(_, published)| published.sent_at >= healed_at);
            let refused =
                since.find(|(_, published)| published.answered.is_none_or(|(how, _)| how != Outcome::Accepted));
            assert!(refused.is_none(), "{}: refused without a fault: {refused:?}", self.name);
        }
        let noticed = summary.gaps + summary.refused + summary.unknown > 0;
        assert!(noticed || fault == Fault::None, "{}: the fault did nothing, so that nothing was tested", self.name);
        println!("{}: resumed after {} ms; {summary}", self.name, flowed_at.saturating_sub(healed_at));
        std::mem::take(&mut self.ledger.lock())
    }
}

/// The facts about what was sent before `until`.
fn before(ledger: &Ledger, until: UnixMillis) -> Ledger {
    let mut facts = Ledger { gaps: ledger.gaps.clone(), joined: ledger.joined.clone(), ..Ledger::default() };
    for (number, published) in ledger.published.iter().filter(|(_, published)| published.sent_at < until) {
        facts.published.insert(*number, published.clone());
    }
    let known = ledger.deliveries.iter().filter(|((_, number), _)| facts.published.contains_key(number));
    facts.deliveries = known.map(|(key, times)| (*key, times.clone())).collect();
    facts
}

/// The first violations, what is known of their numbers, and the gaps that there are.
fn explained(ledger: &Ledger, violations: &[Violation]) -> Vec<String> {
    let with_facts = |found: &Violation| {
        let Violation::Lost(node, number) = found else { return format!("{found:?}") };
        let (published, joined) = (ledger.published.get(number), ledger.joined.get(node));
        let times: Vec<_> = (0..ledger.joined.len()).map(|node| ledger.deliveries.get(&(node, *number))).collect();
        format!("\n{found:?}: {published:?}, joined at {joined:?}, delivered at {times:?}")
    };
    let gaps = ledger.gaps.iter().map(|(node, gap)| format!("\nnode {node}: {gap:?}"));
    violations.iter().take(5).map(with_facts).chain(gaps).collect()
}

/// The first violations, and how many there are.
fn shown<T: std::fmt::Debug>(violations: &[T]) -> String {
    format!("{} violations, the first: {:?}", violations.len(), &violations[..violations.len().min(5)])
}
