//! Requests for sessions that live on other nodes: the owner answers, and the client cannot tell.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::{Request, Response};
use roomcast_core::id::Sid;

use super::answer::EngineError;
use super::engine::respond;
use super::query::Query;
use super::{Body, body, upgrade};
use crate::mail::Answer;
use crate::metrics::{Counter, HandshakeResult, Protocol, UpgradeResult};
use crate::peers::polls::Poller;
use crate::peers::tunnel;
use crate::shard::Shard;

fn poller(shard: &Shard, sid: Sid, client: SocketAddr) -> Poller {
    Poller { node: Arc::clone(&shard.node), sid, client }
}

pub(super) async fn get(shard: &Rc<Shard>, sid: Sid, client: SocketAddr) -> Response<Body> {
    let answer = poller(shard, sid, client).get().await;
    leaving(shard, respond(shard, answer))
}

pub(super) async fn post(
    shard: &Rc<Shard>,
    sid: Sid,
    client: SocketAddr,
    request: Request<Incoming>,
) -> Response<Body> {
    let poller = poller(shard, sid, client);
    let posting = poller.posting();
    let body = body::read(request, &shard.node.settings().limits).await;
    posting.take_back();
    let response = match body {
        Ok(body) => respond(shard, poller.post(body).await),
        Err(unread) => {
            if unread.is_fatal() {
                poller.post_failed().await;
            }
            unread.answer()
        }
    };
    leaving(shard, response)
}

/// While this node goes away its clients make their next connection to another.
fn leaving(shard: &Shard, mut response: Response<Body>) -> Response<Body> {
    if shard.node.is_draining() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A WebSocket that offers to take a session over: it is carried to the session's node.
pub(super) async fn offer(
    shard: &Rc<Shard>,
    mut request: Request<Incoming>,
    sid: Sid,
    client: SocketAddr,
) -> Response<Body> {
    let count = |counter| shard.state.borrow().cells.inc(counter);
    let base64 = Query::parse(request.uri().query()).base64;
    let accepted = upgrade::accept(&mut request, None);
    let (response, upgraded) = match accepted {
        Ok(accepted) if !shard.node.is_draining() => accepted,
        Ok(_) => {
            count(Counter::TransportUpgrades(UpgradeResult::Failed));
            return EngineError::BadRequest.to_upgrade();
        }
        Err(response) => {
            count(Counter::TransportUpgrades(UpgradeResult::Failed));
            return response;
        }
    };
    let tunnel = match tunnel::open(&shard.node, sid, client, base64).await {
        Ok(tunnel) => tunnel,
        Err(Some(Answer::Unknown)) => {
            count(Counter::Handshakes(Protocol::SocketIo, HandshakeResult::BadRequest));
            return EngineError::SessionUnknown.to_upgrade();
        }
        Err(_) => {
            count(Counter::TransportUpgrades(UpgradeResult::Failed));
            return EngineError::BadRequest.to_upgrade();
        }
    };
    tokio::task::spawn_local(async move {
        let Ok((stream, rest)) = upgraded.stream().await else { return };
        if let Ok(stream) = stream.into_std() {
            tunnel.carry(stream, rest);
        }
    });
    response
}
