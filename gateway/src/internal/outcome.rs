//! What became of a publication: counted, and as the answer shows it.

use roomcast_core::adapter::PublishError;

use super::problem::Problem;
use crate::metrics::{Counter, PublicationOrigin, PublicationResult};
use crate::node::Node;

/// Counts what became of a publication.
pub(super) fn count<T>(node: &Node, result: Result<T, PublishError>) -> Result<T, Problem> {
    let outcome = match result {
        Ok(_) => PublicationResult::Accepted,
        Err(_) => PublicationResult::Refused,
    };
    node.metrics.inc(Counter::Publications(PublicationOrigin::Http, outcome));
    result.map_err(Problem::from)
}
