//! Polls of sessions that live on other nodes: asked of their owner, answered as if they lived here.
//!
//! What a stock client does with an answer decides what it gets when the owner gives none. Anything
//! but 200 ends its session, and it makes a new one. So a GET that the owner certainly has not heard
//! of is answered with a noop after a pause, and the client polls again: the session lives on as soon
//! as its owner answers, and the client itself gives it up when it hears no ping. So it is with an
//! owner that does not take our proof: while nodes get a new secret one by one, sessions live on where
//! some polls reach their owner. A POST waits a few seconds for its owner. What the owner may have
//! heard, and answered in vain, is lost: then the answer is that there is no such session, which is
//! what the client makes true. While its node is not known at all, a session is not known either.
//!
//! A node that goes away has the owners let go of the GETs that it carries: their sessions live on,
//! through other nodes.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use roomcast_core::id::Sid;

use super::body::Body;
use super::headers::ANSWER;
use super::{Ask, CallError, signature, whole};
use crate::mail::Answer;
use crate::metrics::{Counter, Direction, ForwardResult, Histogram};
use crate::node::Node;

/// How much longer than the client an owner may take to say anything on a GET.
const GET_GRACE: Duration = Duration::from_secs(5);
/// How long a GET is kept whose owner cannot be asked.
const GET_PAUSE: Duration = Duration::from_secs(1);
/// How long a POST waits for an owner that cannot be asked, and how often it asks.
const POST_PATIENCE: Duration = Duration::from_secs(5);
const POST_PAUSE: Duration = Duration::from_millis(500);
/// How long an owner may take to answer what it need not wait for.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// How often an owner is asked to let a GET go.
const RELEASE_EVERY: Duration = Duration::from_millis(100);

/// What is asked of the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// A GET.
    Get,
    /// A POST with its body.
    Post,
    /// A POST is over without a usable body, and so is the session.
    Failed,
    /// The client hung up on its GET.
    Aborted,
    /// The node that carries a GET goes away: let it go.
    Release,
}

impl Op {
    const ALL: [Self; 5] = [Self::Get, Self::Post, Self::Failed, Self::Aborted, Self::Release];

    /// Where it is asked.
    pub(crate) fn target(self) -> &'static str {
        match self {
            Self::Get => "/internal/poll/get",
            Self::Post => "/internal/poll/post",
            Self::Failed => "/internal/poll/failed",
            Self::Aborted => "/internal/poll/aborted",
            Self::Release => "/internal/poll/release",
        }
    }

    /// What is asked there.
    pub(crate) fn at(target: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|op| op.target() == target)
    }
}

/// An answer as one word, beside the packets that it may have.
pub(crate) fn word(answer: &Answer) -> &'static str {
    match answer {
        Answer::Packets(_) => "packets",
        Answer::Ok => "ok",
        Answer::Unknown => "unknown",
        Answer::Upgraded => "upgraded",
        Answer::Duplicate => "duplicate",
        Answer::Garbage => "garbage",
    }
}

/// The answer that it stands for.
pub(super) fn answer(word: &[u8], packets: Bytes) -> Option<Answer> {
    let answers =
        [Answer::Packets(packets), Answer::Ok, Answer::Unknown, Answer::Upgraded, Answer::Duplicate, Answer::Garbage];
    answers.into_iter().find(|answer| self::word(answer).as_bytes() == word)
}

/// Who polls.
#[derive(Clone)]
pub(crate) struct Poller {
    pub(crate) node: Arc<Node>,
    pub(crate) sid: Sid,
    pub(crate) client: SocketAddr,
}

impl Poller {
    /// A GET.
    pub(crate) async fn get(&self) -> Answer {
        let _carried = Carried::new(&self.node);
        let mut notice = Notice { poller: self, op: Some(Op::Aborted) };
        let settings = self.node.settings();
        let silence = settings.socket_io.ping_interval_ms + settings.socket_io.ping_timeout_ms;
        let asked = self.let_go(self.ask(Op::Get, Bytes::new()));
        let asked = tokio::time::timeout(Duration::from_millis(silence) + GET_GRACE, asked).await;
        let asked = asked.unwrap_or(Err(CallError::TimedOut));
        self.count(&asked);
        if asked.as_ref().map_or_else(|error| error.is_unheard(), |_| true) {
            notice.op = None;
        }
        match asked {
            Ok(answer) => answer,
            Err(error) if error.may_pass() => {
                tokio::time::sleep(GET_PAUSE).await;
                Answer::Packets(Bytes::from_static(b"6"))
            }
            Err(_) => Answer::Unknown,
        }
    }

    /// A POST, whose body is here.
    pub(crate) async fn post(&self, body: Bytes) -> Answer {
        let started = Instant::now();
        loop {
            let asked = tokio::time::timeout(ANSWER_TIME, self.ask(Op::Post, body.clone())).await;
            let asked = asked.unwrap_or(Err(CallError::TimedOut));
            self.count(&asked);
            match asked {
                Ok(answer) => {
                    self.node.metrics.observe(Histogram::ForwardDuration, started.elapsed());
                    return answer;
                }
                Err(error) if error.may_pass() && started.elapsed() < POST_PATIENCE => {
                    tokio::time::sleep(POST_PAUSE).await;
                }
                Err(_) => return Answer::Unknown,
            }
        }
    }

    /// A POST without a usable body: the session is over.
    pub(crate) async fn post_failed(&self) {
        self.tell(Op::Failed).await;
    }

    /// Says that the client hung up on its POST, unless that is taken back.
    pub(crate) fn posting(&self) -> Notice<'_> {
        Notice { poller: self, op: Some(Op::Failed) }
    }

    async fn tell(&self, op: Op) {
        let asked = tokio::time::timeout(ANSWER_TIME, self.ask(op, Bytes::new())).await;
        self.count(&asked.unwrap_or(Err(CallError::TimedOut)));
    }

    async fn ask(&self, op: Op, body: Bytes) -> Result<Answer, CallError> {
        let peers = &self.node.peers;
        let peer = peers.directory.find(self.sid.home().0).await.ok_or(CallError::Unknown)?;
        let client = self.client.to_string();
        let (sid, twice) = (Some(self.sid), op != Op::Post);
        let ask = Ask { peer: &peer, target: op.target(), sid, client: &client, twice };
        let digest = signature::digest(&body);
        let (response, _lease) = peers.send(ask, digest, || Body::whole(body.clone())).await?;
        let word = response.headers().get(ANSWER).cloned().ok_or(CallError::Broken)?;
        // No publication is larger than what a mailbox takes.
        let packets = whole(response.into_body(), self.node.settings().limits.mailbox_bytes_max).await?;
        answer(word.as_bytes(), packets).ok_or(CallError::Broken)
    }

    /// Waits for a GET's answer; while this node goes away, the owner is asked to give one.
    async fn let_go<T>(&self, asked: impl Future<Output = T>) -> T {
        let mut asked = pin!(asked);
        let mut drain = self.node.peers.drain.subscribe();
        tokio::select! {
            answer = &mut asked => return answer,
            _ = drain.wait_for(Option::is_some) => {}
        }
        loop {
            tokio::select! {
                answer = &mut asked => return answer,
                _ = self.ask(Op::Release, Bytes::new()) => {}
            }
            tokio::select! {
                answer = &mut asked => return answer,
                () = tokio::time::sleep(RELEASE_EVERY) => {}
            }
        }
    }

    fn count(&self, asked: &Result<Answer, CallError>) {
        let result = match asked {
            Ok(Answer::Unknown) => ForwardResult::UnknownSession,
            Ok(_) => ForwardResult::Answered,
            Err(error) => error.result(),
        };
        self.node.metrics.inc(Counter::ForwardedRequests(Direction::Out, result));
    }
}

/// What the owner is told when a request is dropped in the middle: its client hung up.
pub(crate) struct Notice<'a> {
    poller: &'a Poller,
    op: Option<Op>,
}

impl Notice<'_> {
    /// It did not.
    pub(crate) fn take_back(mut self) {
        self.op = None;
    }
}

impl Drop for Notice<'_> {
    fn drop(&mut self) {
        let Some(op) = self.op.take() else { return };
        let poller = self.poller.clone();
        let peers = &poller.node.peers;
        poller.node.metrics.inc(Counter::ForwardedRequests(Direction::Out, ForwardResult::Aborted));
        // With none to be had the owner sees it by the stream's end, or by its heartbeat.
        let Ok(place) = Arc::clone(&peers.notices).try_acquire_owned() else { return };
        peers.runtime.clone().spawn(async move {
            poller.tell(op).await;
            drop(place);
        });
    }
}

/// Something of another node's that a stop waits for.
pub(super) struct Carried(Arc<Node>);

impl Carried {
    pub(super) fn new(node: &Arc<Node>) -> Self {
        node.transport_opened();
        Self(Arc::clone(node))
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        self.0.transport_gone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_questions_are_read_as_they_were_written() {
        for op in Op::ALL {
            assert_eq!(Op::at(op.target()), Some(op));
        }
        assert_eq!(Op::at("/internal/poll"), None);
        let packets = Bytes::from_static(b"4x");
        for given in [
            Answer::Packets(packets.clone()),
            Answer::Ok,
            Answer::Unknown,
            Answer::Upgraded,
            Answer::Duplicate,
            Answer::Garbage,
        ] {
            assert_eq!(answer(word(&given).as_bytes(), packets.clone()), Some(given));
        }
        assert_eq!(answer(b"", packets), None);
    }
}
