//! Publications on their way to Redis: one queue a link, in order, in batches as large as
//! what has gathered while the batch before was on its way.
//!
//! A publication that Redis took is delivered on this node by the answer, and its echo on the
//! subscription is dropped: so nobody gets what Redis refused. Who published is answered when
//! Redis has; if it never does, the outcome is unknown.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use redis::Value;
use roomcast_core::adapter::{Event, PublishError};
use roomcast_core::delivery::Delivery;
use roomcast_core::publication::UnixMillis;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use super::Link;
use crate::connection::{Connection, number, refusal};
use crate::proof::Fault;
use crate::shared::Shared;

/// Publications that may wait, whatever their size.
const POSTS_MAX: usize = 65_536;
/// Of one batch.
const BATCH_POSTS_MAX: usize = 512;
const BATCH_BYTES_MAX: usize = 1 << 20;
/// Counted for a publication beside its bytes.
const POST_BYTES: usize = 256;
/// How often a publication is sent to where its slot has moved.
const MOVES_MAX: u8 = 5;

/// One message to publish.
pub(crate) struct Post {
    pub(crate) channel: String,
    pub(crate) payload: Bytes,
    /// What is delivered here when Redis has taken it.
    pub(crate) delivery: Option<Arc<Delivery>>,
    /// Told how many heard it.
    pub(crate) reply: oneshot::Sender<Result<usize, PublishError>>,
    /// Not sent after that.
    pub(crate) until: UnixMillis,
    pub(crate) moves: u8,
}

/// The way in.
#[derive(Debug)]
pub(crate) struct Queue {
    posts: mpsc::Sender<Post>,
    bytes: Arc<AtomicUsize>,
    bytes_max: usize,
}

/// The way out: the link's.
#[derive(Debug)]
pub(crate) struct Waiting {
    posts: mpsc::Receiver<Post>,
    bytes: Arc<AtomicUsize>,
}

impl Post {
    fn bytes(&self) -> usize {
        self.payload.len() + self.channel.len() + POST_BYTES
    }
}

impl Queue {
    /// A queue that holds so many bytes.
    pub(crate) fn new(bytes_max: usize) -> (Self, Waiting) {
        let (posts, waiting) = mpsc::channel(POSTS_MAX);
        let bytes = Arc::new(AtomicUsize::new(0));
        (Self { posts, bytes: Arc::clone(&bytes), bytes_max }, Waiting { posts: waiting, bytes })
    }

    /// Takes a publication; an empty queue takes any one. `false`: it is full.
    pub(crate) fn push(&self, post: Post) -> Result<(), PublishError> {
        let bytes = post.bytes();
        let fits = |waiting: usize| (waiting == 0 || waiting + bytes <= self.bytes_max).then_some(waiting + bytes);
        self.bytes.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits).map_err(|_| PublishError::Overloaded)?;
        self.posts.try_send(post).map_err(|error| {
            self.bytes.fetch_sub(bytes, Ordering::AcqRel);
            match error {
                TrySendError::Full(_) => PublishError::Overloaded,
                TrySendError::Closed(_) => PublishError::Closed,
            }
        })
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Acquire)
    }
}

impl Waiting {
    fn took(&self, post: &Post) {
        self.bytes.fetch_sub(post.bytes(), Ordering::AcqRel);
    }

    /// Refuses everything that waits: nobody got it.
    pub(super) fn refuse_all(&mut self) {
        while let Ok(post) = self.posts.try_recv() {
            self.took(&post);
            let _ = post.reply.send(Err(PublishError::Unavailable));
        }
    }

    async fn batch(&mut self) -> Option<Vec<Post>> {
        let first = self.posts.recv().await?;
        self.took(&first);
        let mut bytes = first.bytes();
        let mut batch = vec![first];
        while batch.len() < BATCH_POSTS_MAX && bytes < BATCH_BYTES_MAX {
            let Ok(post) = self.posts.try_recv() else { break };
            self.took(&post);
            bytes += post.bytes();
            batch.push(post);
        }
        Some(batch)
    }
}

/// Publishes until the connection is gone.
pub(super) async fn publish(shared: &Shared, link: &Link, waiting: &mut Waiting, connection: &Connection) -> Fault {
    let verb = shared.links.publish_verb();
    while let Some(mut batch) = waiting.batch().await {
        let now = shared.clock.now();
        for late in batch.extract_if(.., |post| post.until < now) {
            let _ = late.reply.send(Err(PublishError::Unavailable));
        }
        let mut bytes = Vec::new();
        for post in &batch {
            redis::cmd(verb).arg(&post.channel).arg(&post.payload[..]).write_packed_command(&mut bytes);
        }
        let Ok(replies) = connection.pipeline(bytes, batch.len()).await else {
            // Whoever published learns that the outcome is unknown when its post is dropped.
            return Fault::Lost;
        };
        for (post, reply) in batch.into_iter().zip(&replies) {
            settle(shared, link, post, reply).await;
        }
    }
    // The adapter is being shut down.
    std::future::pending().await
}

/// What Redis answered to one publication.
async fn settle(shared: &Shared, link: &Link, mut post: Post, reply: &Value) {
    if let Some(heard) = number(reply) {
        shared.counts.published.inc();
        if let Some(delivery) = post.delivery.take() {
            let _ = shared.events.send(Event::Delivery(delivery)).await;
        }
        let _ = post.reply.send(Ok(usize::try_from(heard).unwrap_or_default()));
        return;
    }
    let why = refusal(reply).unwrap_or_default();
    if moved(&why) && post.moves < MOVES_MAX {
        // Nobody got it: it goes to where the slot is now.
        shared.counts.moved.inc();
        shared.links.slot_moved(&why);
        post.moves += 1;
        let target = shared.links.of(&post.channel);
        if let Err(error) = resend(&target, post) {
            tracing::debug!(?error, "a publication whose slot has moved was refused");
        }
        return;
    }
    link.set_trouble_of_publishing(&why);
    let _ = post.reply.send(Err(PublishError::Unavailable));
}

fn resend(target: &Link, post: Post) -> Result<(), PublishError> {
    if target.is_up() {
        return target.queue.push(post);
    }
    let _ = post.reply.send(Err(PublishError::Unavailable));
    Ok(())
}

/// Whether an error says that the slot is elsewhere.
pub(super) fn moved(why: &str) -> bool {
    ["MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN"].iter().any(|code| why.starts_with(code))
}

impl Link {
    fn set_trouble_of_publishing(&self, why: &str) {
        tracing::warn!(channel_link = self.canary, why, "Redis refused a publication");
    }

    /// Publishes; the receiver is told how many heard it.
    pub(crate) fn post(
        &self,
        shared: &Shared,
        channel: String,
        payload: Bytes,
        delivery: Option<Arc<Delivery>>,
    ) -> Result<oneshot::Receiver<Result<usize, PublishError>>, PublishError> {
        if !self.is_up() {
            return Err(PublishError::Unavailable);
        }
        let (reply, told) = oneshot::channel();
        let until = shared.clock.now() + shared.config.publish_timeout.as_millis() as UnixMillis;
        self.queue.push(Post { channel, payload, delivery, reply, until, moves: 0 })?;
        Ok(told)
    }

    /// Publishes something of the gateway's own, for which nobody waits.
    pub(crate) fn post_own(&self, shared: &Shared, channel: &str, payload: Bytes) {
        if let Err(error) = self.post(shared, channel.to_owned(), payload, None) {
            tracing::debug!(%error, channel, "not said to the other nodes");
        }
    }
}
