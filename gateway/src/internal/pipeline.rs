//! Publications one after the other: each is handed over before the receipt of the one
//! before it has come, and answers keep the order of the items.
//!
//! Bounded: the caller settles the oldest when [`Pipeline::is_full`] says so. When a
//! shard's mailbox is full, the pipeline waits for room before it refuses: whoever sends
//! is then held up by TCP, and the order is kept.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use roomcast_core::adapter::{BoxFuture, PublishError, Receipt};
use roomcast_core::publication::Publication;

use super::outcome::{count, count_receipt};
use super::problem::Problem;
use super::publish::{accepted, hand_over, read};
use crate::limits::BATCH_WAITING_MAX;
use crate::node::Node;

/// How long an item waits for room in the mailboxes.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(1);

/// How items of the answer are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separation {
    /// A comma between two.
    Comma,
    /// A line feed behind each.
    Line,
}

/// See the module.
pub(super) struct Pipeline {
    node: Arc<Node>,
    separation: Separation,
    waiting: VecDeque<Slot>,
    /// Answers that are complete.
    pub(super) out: Vec<u8>,
    /// Whether any item was refused.
    pub(super) failed: bool,
    /// Whether the last item that waited for room got it.
    patient: bool,
}

enum Slot {
    Refused(Problem),
    Handed(Arc<str>, BoxFuture<'static, Result<Receipt, PublishError>>),
}

impl Pipeline {
    pub(super) fn new(node: Arc<Node>, separation: Separation) -> Self {
        Self { node, separation, waiting: VecDeque::new(), out: Vec::new(), failed: false, patient: true }
    }

    /// Whether receipts are waited for.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether the oldest receipt has to come before the next item.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= BATCH_WAITING_MAX
    }

    /// Reads a publish object and hands it over.
    pub(super) async fn publish(&mut self, text: &str) {
        match read(&self.node, text) {
            Ok(wish) if wish.ack.is_some() => {
                self.refuse(Problem::invalid("ack", "a batch does not wait for acknowledgements"));
            }
            Ok(wish) => self.hand_over(wish.publication).await,
            Err(problem) => self.refuse(problem),
        }
    }

    /// Answers the next item with an error.
    pub(super) fn refuse(&mut self, problem: Problem) {
        if self.waiting.is_empty() {
            self.write(Err(problem));
        } else {
            self.waiting.push_back(Slot::Refused(problem));
        }
    }

    async fn hand_over(&mut self, publication: Publication) {
        let id = Arc::clone(&publication.id);
        let mut receipt = match hand_over(&self.node, publication) {
            Ok(receipt) => receipt,
            Err(publication) => match self.wait_for_room(publication).await {
                Ok(receipt) => receipt,
                Err(problem) => return self.refuse(problem),
            },
        };
        if self.waiting.is_empty()
            && let Poll::Ready(result) = pin!(&mut receipt).poll(&mut Context::from_waker(Waker::noop()))
        {
            return self.receipt(&id, result);
        }
        self.waiting.push_back(Slot::Handed(id, receipt));
    }

    /// The mailboxes are full: waits for room, unless waiting has just been in vain.
    async fn wait_for_room(
        &mut self,
        mut publication: Box<Publication>,
    ) -> Result<BoxFuture<'static, Result<Receipt, PublishError>>, Problem> {
        let since = Instant::now();
        while self.patient && since.elapsed() < PATIENCE {
            // Those that wait hold room themselves, and move only when they are polled.
            while self.is_waiting() {
                self.settle().await;
            }
            tokio::time::sleep(PAUSE).await;
            match hand_over(&self.node, *publication) {
                Ok(receipt) => return Ok(receipt),
                Err(back) => publication = back,
            }
        }
        let handed = hand_over(&self.node, *publication);
        self.patient = handed.is_ok();
        handed.or_else(|_| count(&self.node, Err(PublishError::Overloaded)))
    }

    /// Waits for the oldest receipt. Nothing is lost if the future is dropped before that.
    pub(super) async fn settle(&mut self) {
        let result = match self.waiting.front_mut() {
            Some(Slot::Handed(_, receipt)) => Some(receipt.await),
            _ => None,
        };
        match (self.waiting.pop_front(), result) {
            (Some(Slot::Handed(id, _)), Some(result)) => self.receipt(&id, result),
            (Some(Slot::Refused(problem)), _) => self.write(Err(problem)),
            _ => {}
        }
    }

    fn receipt(&mut self, id: &str, result: Result<Receipt, PublishError>) {
        let result = count_receipt(&self.node, result);
        self.write(result.map(|receipt| (id, receipt)));
    }

    fn write(&mut self, result: Result<(&str, Receipt), Problem>) {
        if self.separation == Separation::Comma && !self.out.is_empty() {
            self.out.push(b',');
        }
        match result {
            Ok((id, receipt)) => {
                self.out.extend_from_slice(b"{\"status\":202,");
                accepted(id, receipt, &mut self.out);
            }
            Err(problem) => {
                self.failed = true;
                problem.item(&mut self.out);
            }
        }
        if self.separation == Separation::Line {
            self.out.push(b'\n');
        }
    }
}
