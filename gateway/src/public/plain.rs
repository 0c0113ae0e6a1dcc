//! `/ws`, the plain protocol; and `/echo`, raw messages for embedding programs.

use std::net::SocketAddr;
use std::rc::Rc;

use hyper::body::Incoming;
use hyper::header::{HeaderMap, SEC_WEBSOCKET_PROTOCOL};
use hyper::{Request, Response, StatusCode};
use roomcast_core::delivery::Variant;
use roomcast_core::plain;
use roomcast_core::session::heartbeat::Heartbeat;
use roomcast_core::websocket::{Decoder, Role};

use super::origin::Origin;
use super::{Body, answer, query, upgrade};
use crate::metrics::{Counter, HandshakeResult, Protocol};
use crate::shard::Shard;
use crate::shard::connection::{Connection, Peer, Speech, Transport};
use crate::shard::io::Io;

/// Answers a request for `/ws` or, with `echo`, for the echo path.
pub(super) fn serve(
    shard: &Rc<Shard>,
    mut request: Request<Incoming>,
    address: SocketAddr,
    echo: bool,
) -> Response<Body> {
    let protocol = if echo { Protocol::Raw } else { Protocol::Plain };
    let refuse = |result, response| {
        shard.state.borrow().cells.inc(Counter::Handshakes(protocol, result));
        response
    };
    let origin = Origin::of(request.headers(), &shard.node.settings());
    if !origin.allowed {
        return refuse(
            HandshakeResult::OriginDenied,
            answer::text(
                StatusCode::FORBIDDEN,
                "this origin, or in open mode this Host, is not listed in public.origins\n",
            ),
        );
    }
    if upgrade::is_foreign_upgrade(request.headers()) {
        let text = "this path speaks WebSocket, and no other protocol to upgrade to\n";
        return refuse(HandshakeResult::BadRequest, answer::text(StatusCode::BAD_REQUEST, text));
    }
    if !upgrade::is_upgrade(request.headers()) {
        let text = "this path speaks WebSocket: connect with new WebSocket(\"ws://…\")\n";
        return refuse(HandshakeResult::BadRequest, answer::text(StatusCode::UPGRADE_REQUIRED, text));
    }
    let named = if echo { Ok(None) } else { query::namespace(request.uri().query()) };
    let namespace = match &named {
        Ok(named) => shard.node.namespace_index(named.as_deref().unwrap_or("/")),
        Err(text) => {
            return refuse(HandshakeResult::BadRequest, answer::text(StatusCode::BAD_REQUEST, text.clone()));
        }
    };
    let Some(namespace) = namespace else {
        return refuse(HandshakeResult::BadRequest, answer::text(StatusCode::NOT_FOUND, "no such namespace\n"));
    };
    if shard.node.is_draining() {
        return refuse(HandshakeResult::Draining, answer::unavailable("this node is going away\n"));
    }
    let Some(permit) = shard.node.admit_connection() else {
        return refuse(HandshakeResult::AtCapacity, answer::unavailable("too many connections\n"));
    };
    let kept = super::kept(shard, &request);
    let subprotocol = (!echo && offers(request.headers())).then_some(plain::SUBPROTOCOL);
    let (mut response, upgraded) = match upgrade::accept(&mut request, subprotocol) {
        Ok(accepted) => accepted,
        Err(response) => return refuse(HandshakeResult::BadRequest, response),
    };
    origin.dress(&mut response);
    let peer = Peer { address, permit, kept };
    tokio::task::spawn_local(connect(Rc::clone(shard), upgraded, peer, namespace, echo));
    refuse(HandshakeResult::Accepted, response)
}

/// Whether the client offers our subprotocol. It may offer none.
fn offers(headers: &HeaderMap) -> bool {
    let all = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    all.filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|name| name.trim() == plain::SUBPROTOCOL)
}

async fn connect(shard: Rc<Shard>, upgraded: upgrade::Upgraded, peer: Peer, namespace: u32, echo: bool) {
    let Ok((stream, rest)) = upgraded.stream().await else {
        return;
    };
    let key = {
        let mut state = shard.state.borrow_mut();
        let rules = state.rules.plain;
        let heartbeat = Heartbeat::new(state.now(), &rules);
        let transport = Transport::WebSocket { io: Io::Tcp(stream), decoder: Decoder::new(Role::Server) };
        // A plain connection's socket has its index only once the connection has one.
        let speech = if echo { Speech::Echo { heartbeat } } else { Speech::Plain { heartbeat, socket: u32::MAX } };
        let key = state.insert(Connection::new(transport, speech, Variant::PlainWebSocket, peer));
        if !echo {
            state.greet(key, namespace);
        }
        key
    };
    upgrade::begin(&shard, key, &rest);
}
