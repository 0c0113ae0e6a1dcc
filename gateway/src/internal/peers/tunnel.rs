//! WebSockets of sessions that live here, which came in elsewhere: bytes both ways over one stream.
//! The session's shard gets one end of a pair of sockets, and probes and serves it as any other.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use hyper::Response;
use hyper::body::Incoming;
use roomcast_core::id::Sid;
use tokio::net::UnixStream;

use super::{Open, polls};
use crate::mail::{Adopted, Answer, Carrier, MAIL_BYTES, Mail, Poll};
use crate::metrics::ForwardResult;
use crate::node::Node;
use crate::peers::body::{Body, Pipe, Source, pump};
use crate::peers::headers::ANSWER;
use crate::peers::tunnel::silence;

/// Lets a WebSocket offer to take its session over, if it may; `body` is what its client says.
pub(super) async fn open(
    node: &Arc<Node>,
    sid: Sid,
    base64: bool,
    body: Incoming,
    open: Open,
) -> (ForwardResult, Response<Body>) {
    match crate::polls::ask(node, sid, Poll::Offer).await {
        Answer::Ok => {}
        Answer::Unknown => return (ForwardResult::UnknownSession, polls::told(Answer::Unknown)),
        other => return (ForwardResult::Answered, polls::told(other)),
    }
    match adopt(node, sid, base64) {
        Ok(stream) => {
            let mut response = Response::new(carry(node, stream, body, open));
            response.headers_mut().insert(ANSWER, polls::word_of(&Answer::Ok));
            (ForwardResult::Answered, response)
        }
        Err(error) => {
            tracing::warn!(%error, "a WebSocket of another node was not taken");
            (ForwardResult::Overloaded, polls::told(Answer::Upgraded))
        }
    }
}

/// Hands one end of a pair to the session's shard.
fn adopt(node: &Arc<Node>, sid: Sid, base64: bool) -> io::Result<UnixStream> {
    let (ours, theirs) = crate::shard::io::pair()?;
    let adopted = Adopted { sid, stream: Carrier::Tunnel(theirs), rest: Bytes::new(), base64 };
    let posted = node.mailbox(sid.home().1).post(Mail::Adopt(adopted), MAIL_BYTES);
    posted.map_err(|_| io::Error::other("the shard's mailbox is full"))?;
    UnixStream::from_std(ours)
}

/// Carries bytes between our end and the stream; the answer's body is one of the ways.
fn carry(node: &Arc<Node>, stream: UnixStream, body: Incoming, open: Open) -> Body {
    let (read, write) = stream.into_split();
    let (pipe, mut hold) = Pipe::new(Source { first: Bytes::new(), from: Box::new(read) });
    let silence = silence(node);
    tokio::spawn(async move {
        match pump(body, write, silence).await {
            // The client says nothing more: what it is told may still be on its way.
            Ok(()) => hold.released().await,
            Err(error) => tracing::debug!(%error, "a tunnel of another node broke"),
        }
        drop(open);
    });
    Body::Pipe(pipe)
}
