//! Asking all nodes, this one included, and waiting for all they answer.

use std::time::Duration;

use roomcast_core::cluster::{Answer, Request};

use super::problem::{Code, Problem};
use crate::limits::NODES_ANSWER_MS;
use crate::node::Node;

/// How long nodes, and shards of this one, may take.
pub(super) const DEADLINE: Duration = Duration::from_millis(NODES_ANSWER_MS);

/// Hands `request` to all nodes and every answer to `each`. If not all have answered in time
/// that is an error with the code `late`.
pub(super) async fn ask(
    node: &Node,
    request: Request,
    late: Code,
    mut each: impl FnMut(Answer),
) -> Result<(), Problem> {
    let asked = async {
        let mut answers = node.adapter.request(request, DEADLINE).await?;
        while let Some(answer) = answers.recv().await {
            each(answer);
        }
        Ok(())
    };
    tokio::time::timeout(DEADLINE, asked)
        .await
        .unwrap_or_else(|_| Err(Problem::new(late, "not every shard answered within 5 s")))
}
