//! What became of a publication: counted, and as the answer shows it.

use roomcast_core::adapter::{PublishError, Reach, Receipt};

use super::problem::Problem;
use crate::metrics::{Counter, Direction, PublicationOrigin, PublicationResult};
use crate::node::Node;

/// Counts what became of a publication, and whether it went to other nodes.
pub(super) fn count_receipt(node: &Node, result: Result<Receipt, PublishError>) -> Result<Receipt, Problem> {
    if result.is_ok_and(|receipt| receipt.reach == Reach::AllNodes) {
        node.metrics.inc(Counter::AdapterMessages(Direction::Out));
    }
    count(node, result)
}

/// Counts what became of a publication.
pub(super) fn count<T>(node: &Node, result: Result<T, PublishError>) -> Result<T, Problem> {
    let outcome = match result {
        Ok(_) => PublicationResult::Accepted,
        Err(_) => PublicationResult::Refused,
    };
    node.metrics.inc(Counter::Publications(PublicationOrigin::Http, outcome));
    result.map_err(Problem::from)
}
