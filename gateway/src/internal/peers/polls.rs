//! Polls of sessions that live here, which came in elsewhere: the session's shard is asked exactly as
//! by a shard of this node.

use std::sync::Arc;

use bytes::Bytes;
use hyper::Response;
use hyper::header::HeaderValue;
use roomcast_core::id::Sid;

use crate::mail::{Answer, Poll};
use crate::metrics::ForwardResult;
use crate::node::Node;
use crate::peers::body::Body;
use crate::peers::headers::ANSWER;
use crate::peers::polls::{Op, word};
use crate::polls::{HangUp, ask};

/// Asks, and answers as the shard does.
pub(super) async fn answer(node: &Arc<Node>, sid: Sid, op: Op, body: Bytes) -> (ForwardResult, Response<Body>) {
    let answer = match op {
        Op::Get => {
            // The stream is reset when the client hangs up, and this goes with it.
            let guard = HangUp::new(node, sid, Poll::GetAborted);
            let answer = ask(node, sid, Poll::Get).await;
            guard.take_back();
            answer
        }
        Op::Post => post(node, sid, body).await,
        Op::Failed => ask(node, sid, Poll::PostFailed { fatal: true }).await,
        Op::Aborted => ask(node, sid, Poll::GetAborted).await,
        Op::Release => ask(node, sid, Poll::Release).await,
    };
    let result = if answer == Answer::Unknown { ForwardResult::UnknownSession } else { ForwardResult::Answered };
    (result, told(answer))
}

async fn post(node: &Arc<Node>, sid: Sid, body: Bytes) -> Answer {
    match ask(node, sid, Poll::PostBegin).await {
        Answer::Ok => ask(node, sid, Poll::Post(body)).await,
        other => other,
    }
}

/// An answer as a header.
pub(super) fn word_of(answer: &Answer) -> HeaderValue {
    HeaderValue::from_static(word(answer))
}

/// An answer as a node is told.
pub(super) fn told(answer: Answer) -> Response<Body> {
    let said = word_of(&answer);
    let body = match answer {
        Answer::Packets(packets) => Body::whole(packets),
        _ => Body::Whole(None),
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(ANSWER, said);
    response
}
