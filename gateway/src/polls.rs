//! Asking the shard of a session that is polled, from whatever thread a request came in on.

use std::sync::Arc;

use roomcast_core::id::Sid;
use tokio::sync::oneshot;

use crate::mail::{Answer, MAIL_BYTES, Mail, Poll};
use crate::node::Node;

/// Asks the session's shard.
pub(crate) async fn ask(node: &Node, sid: Sid, poll: Poll) -> Answer {
    let (reply, answer) = oneshot::channel();
    let mail = Mail::Poll(sid, poll, reply);
    let bytes = mail.bytes();
    node.mailbox(sid.home().1).post_admitted(mail, bytes);
    answer.await.unwrap_or(Answer::Unknown)
}

/// Says that the client hung up, unless it got its answer.
pub(crate) struct HangUp {
    node: Arc<Node>,
    sid: Sid,
    poll: Option<Poll>,
}

impl HangUp {
    /// Says `poll` when it is dropped.
    pub(crate) fn new(node: &Arc<Node>, sid: Sid, poll: Poll) -> Self {
        Self { node: Arc::clone(node), sid, poll: Some(poll) }
    }

    /// There is nothing to say any more.
    pub(crate) fn take_back(mut self) {
        self.poll = None;
    }
}

impl Drop for HangUp {
    fn drop(&mut self) {
        if let Some(poll) = self.poll.take() {
            let (reply, _) = oneshot::channel();
            let mail = Mail::Poll(self.sid, poll, reply);
            self.node.mailbox(self.sid.home().1).post_admitted(mail, MAIL_BYTES);
        }
    }
}
