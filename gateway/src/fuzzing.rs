//! Doors for the checks of `gateway/fuzz`: what reads foreign text, without a node around it.
//!
//! No API: nothing here is promised to anybody.

use roomcast_core::publication::{AckRequest, Publication, UnixMillis};

use crate::internal::{Given, Problem, Wish, read_publication};
use crate::node::NamespaceEntry;
use crate::settings::Settings;

/// Why a publish body is refused.
#[derive(Debug)]
pub struct Refused {
    /// HTTP status.
    pub status: u16,
    /// Stable code.
    pub code: &'static str,
    /// The whole answer, problem+json.
    pub document: String,
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self { status: problem.code.status().as_u16(), code: problem.code.text(), document: problem.document() }
    }
}

/// The namespaces that the settings declare.
pub fn namespaces(settings: &Settings) -> Vec<NamespaceEntry> {
    crate::boot::namespaces(settings)
}

/// Reads a body as `POST /v1/publish` does; whoever gives no id is named `id`.
pub fn publication(
    namespaces: &[NamespaceEntry],
    settings: &Settings,
    id: &str,
    now: UnixMillis,
    body: &str,
) -> Result<(Publication, Option<AckRequest>), Refused> {
    let list_items_max = settings.limits.list_items_max;
    let given = Given { namespaces, list_items_max, now, next_id: &|| id.into() };
    let Wish { publication, ack } = read_publication(&given, body)?;
    Ok((publication, ack))
}
