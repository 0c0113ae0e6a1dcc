//! A publication whose clients are to answer: how many were asked, how many answered in
//! time, and what.

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::{Response, StatusCode};
use roomcast_core::adapter::{Answers, PublishError};
use roomcast_core::cluster::{Answer, ClientAck, Request};
use roomcast_core::publication::{AckRequest, Publication};

use super::answer::{self, Body};
use super::outcome::count;
use super::problem::{Problem, json};
use crate::limits::ACK_REPLY_BYTES_MAX;
use crate::metrics::{Counter, Direction};
use crate::node::Node;

/// What nodes may take beyond the time that clients have.
const GRACE: Duration = Duration::from_millis(250);
/// What the adapter may take to hand the publication over.
const HAND_OVER: Duration = Duration::from_secs(5);

#[derive(Default)]
struct Summary {
    matched: usize,
    acked: usize,
    listed: usize,
    /// Whether some members did not get it, or were not asked, because their node had no room.
    degraded: bool,
    /// The replies as JSON, joined by commas.
    replies: String,
}

/// Publishes, waits for the answers and sums them up.
pub(super) async fn serve(
    node: &Node,
    mut publication: Publication,
    ack: AckRequest,
) -> Result<Response<Body>, Problem> {
    let id = json(&publication.id);
    let bytes = publication.payload.bytes();
    let admitted = node.admit(&publication.namespace, &publication.audience, bytes);
    publication.admission = Some(count_refusal(node, admitted)?);
    let timeout = ack.timeout;
    let request = Request::BroadcastWithAcks { publication, timeout };
    let handed = tokio::time::timeout(HAND_OVER, node.adapter.request(request, timeout + GRACE))
        .await
        .unwrap_or(Err(PublishError::OutcomeUnknown));
    let mut answers = count(node, handed)?;
    node.metrics.inc(Counter::AdapterMessages(Direction::Out));
    let mut summary = Summary::default();
    // An elapsed deadline is no error: who has not answered by now has timed out.
    let _ = tokio::time::timeout(timeout + GRACE, summary.collect(&mut answers, ack.collect_max)).await;
    let Summary { matched, acked, replies, degraded, .. } = summary;
    let timed_out = matched.saturating_sub(acked);
    let degraded = if degraded { r#","degraded":true"# } else { "" };
    let body = format!(
        r#"{{"id":{id},"matched":{matched},"acked":{acked},"timed_out":{timed_out},"replies":[{replies}]{degraded}}}"#
    );
    Ok(answer::json(StatusCode::OK, body))
}

/// What was admitted is counted when it is handed over, not before.
fn count_refusal<T>(node: &Node, admitted: Result<T, PublishError>) -> Result<T, Problem> {
    match admitted {
        Ok(admission) => Ok(admission),
        refused => count(node, refused),
    }
}

impl Summary {
    async fn collect(&mut self, answers: &mut Answers, collect_max: usize) {
        while let Some(answer) = answers.recv().await {
            match answer {
                Answer::Asked(asked) => self.matched += asked,
                Answer::Refused(_) => self.degraded = true,
                Answer::Acknowledged(ack) => {
                    self.acked += 1;
                    if self.listed < collect_max && self.replies.len() < ACK_REPLY_BYTES_MAX {
                        self.list(&ack);
                    }
                }
                _ => {}
            }
        }
    }

    fn list(&mut self, ack: &ClientAck) {
        if self.listed > 0 {
            self.replies.push(',');
        }
        self.listed += 1;
        let replies = &mut self.replies;
        let connection = json(ack.connection.as_str());
        // Writing to a string cannot fail.
        let _ = write!(replies, r#"{{"connection":{connection},"args":{}"#, ack.args);
        if !ack.attachments.is_empty() {
            let quoted = |bytes| format!("\"{}\"", STANDARD.encode(bytes));
            let texts: Vec<String> = ack.attachments.iter().map(quoted).collect();
            let _ = write!(replies, r#","attachments":[{}]"#, texts.join(","));
        }
        replies.push('}');
    }
}
