//! Asking the shards of this node: a question by mail, its answer in time.

use roomcast_core::id::{SHARDS_MAX, ShardIndex};
use tokio::sync::oneshot;

use super::ask::DEADLINE;
use super::problem::{Code, Problem};
use crate::lists::Query;
use crate::mail::{MAIL_BYTES, Mail};
use crate::node::Node;

/// The shards of the node, in order.
pub(super) fn all(node: &Node) -> impl Iterator<Item = ShardIndex> {
    (0..usize::from(SHARDS_MAX)).filter_map(ShardIndex::new).take(node.mailboxes().len())
}

/// Puts a question into a shard's mailbox. What it answers is waited for with [`answer`], so that
/// several can be asked at once.
pub(super) fn ask<T>(
    node: &Node,
    shard: ShardIndex,
    question: impl FnOnce(oneshot::Sender<T>) -> Query,
) -> Result<oneshot::Receiver<T>, Problem> {
    let (reply, answer) = oneshot::channel();
    let posted = node.mailbox(shard).post(Mail::Query(question(reply)), MAIL_BYTES);
    let full = |_| Problem::new(Code::Overloaded, format!("shard {} is behind: its mailbox is full", shard.get()));
    posted.map(|()| answer).map_err(full)
}

/// Waits for the answer of a shard.
pub(super) async fn answer<T>(answer: oneshot::Receiver<T>) -> Result<T, Problem> {
    answer.await.map_err(|_| Problem::new(Code::NotAlive, "a shard went away instead of answering"))
}

/// Waits for the outcome of `asked`, however many questions that are, for [`DEADLINE`] at most.
pub(super) async fn in_time<T>(asked: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    tokio::time::timeout(DEADLINE, asked)
        .await
        .unwrap_or_else(|_| Err(Problem::new(Code::NotAlive, "not every shard answered within 5 s")))
}
