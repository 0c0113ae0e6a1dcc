//! `/socket.io/`: Engine.IO 4 handshakes and polls, with the reference server's order of
//! checks and its answers (Engine.IO protocol v4; engine.io 6.6 `verify`).
//!
//! Where the reference server has a fault, this does better: a request that does not
//! speak revision 4 is refused before its WebSocket is accepted, methods that mean
//! nothing get 405 and not 500, a body that is no payload gets 400 and not `ok`.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use roomcast_core::delivery::Variant;
use roomcast_core::engine_io::{self, Open};
use roomcast_core::id::Sid;
use roomcast_core::session::Session;
use roomcast_core::websocket::{Decoder, Role};
use tokio::sync::oneshot;

use super::answer::EngineError;
use super::origin::Origin;
use super::query::Query;
use super::{Body, answer, body, foreign, upgrade};
use crate::mail::{Adopted, Answer, Carrier, MAIL_BYTES, Mail, Poll};
use crate::metrics::{Counter, HandshakeResult, Protocol, UpgradeResult};
use crate::polls::{self, HangUp};
use crate::shard::Shard;
use crate::shard::connection::{Connection, Peer, Speech, Transport};
use crate::shard::io::Io;
use crate::shard::state::State;

/// Answers a request.
pub(super) async fn serve(shard: &Rc<Shard>, request: Request<Incoming>, address: SocketAddr) -> Response<Body> {
    let origin = Origin::of(request.headers(), &shard.node.settings());
    if request.method() == Method::OPTIONS && origin.speaks_cors() {
        return origin.preflight(request.headers());
    }
    let mut response = answer_to(shard, request, address, &origin).await;
    origin.dress(&mut response);
    response
}

async fn answer_to(
    shard: &Rc<Shard>,
    request: Request<Incoming>,
    address: SocketAddr,
    origin: &Origin,
) -> Response<Body> {
    let foreign = upgrade::is_foreign_upgrade(request.headers());
    let upgrading = foreign || upgrade::is_upgrade(request.headers());
    let refuse = |error: EngineError| {
        if upgrading { error.to_upgrade() } else { error.to_poll() }
    };
    let checked = check(shard, &request, upgrading, origin);
    let checked = if foreign { checked.and(Err(EngineError::BadRequest)) } else { checked };
    match checked {
        Err(error) => {
            let result = match error {
                EngineError::Forbidden => HandshakeResult::OriginDenied,
                _ => HandshakeResult::BadRequest,
            };
            shard.state.borrow().cells.inc(Counter::Handshakes(Protocol::SocketIo, result));
            refuse(error)
        }
        Ok(Wish::Session { sid }) if upgrading => offer(shard, request, sid).await,
        Ok(Wish::Foreign { sid }) if upgrading => foreign::offer(shard, request, sid, address).await,
        Ok(Wish::Session { sid }) => match *request.method() {
            Method::GET => get(shard, sid).await,
            Method::POST => post(shard, sid, request).await,
            _ => no_method(),
        },
        Ok(Wish::Foreign { sid }) => match *request.method() {
            Method::GET => foreign::get(shard, sid, address).await,
            Method::POST => foreign::post(shard, sid, address, request).await,
            _ => no_method(),
        },
        Ok(Wish::Handshake { base64 }) => handshake(shard, request, address, base64),
    }
}

fn no_method() -> Response<Body> {
    let mut response = answer::empty(StatusCode::METHOD_NOT_ALLOWED);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST"));
    response
}

/// What a request that passed the checks wants.
enum Wish {
    Handshake {
        base64: bool,
    },
    Session {
        sid: Sid,
    },
    /// The same, of a session that lives on another node if anywhere.
    Foreign {
        sid: Sid,
    },
}

/// The reference server's checks, in its order.
fn check(shard: &Shard, request: &Request<Incoming>, upgrading: bool, origin: &Origin) -> Result<Wish, EngineError> {
    let settings = shard.node.settings();
    let settings = &settings.socket_io;
    let query = Query::parse(request.uri().query());
    let websocket = match query.transport.as_deref() {
        Some("polling") if settings.polling => false,
        Some("websocket") if settings.websocket => true,
        _ => return Err(EngineError::TransportUnknown),
    };
    if !origin.allowed {
        return Err(EngineError::Forbidden);
    }
    let revision_4 = query.eio.as_deref() == Some("4");
    if let Some(sid) = query.sid.as_deref() {
        let sid = Sid::parse(sid).ok_or(EngineError::SessionUnknown)?;
        let foreign = shard.node.peers.may_own(sid.home().0);
        if !foreign && !is_known(shard, &sid) {
            return Err(EngineError::SessionUnknown);
        }
        if websocket != upgrading || !revision_4 {
            return Err(EngineError::BadRequest);
        }
        return Ok(if foreign { Wish::Foreign { sid } } else { Wish::Session { sid } });
    }
    if request.method() != Method::GET {
        return Err(EngineError::BadHandshakeMethod);
    }
    if websocket != upgrading {
        return Err(EngineError::BadRequest);
    }
    if !revision_4 {
        return Err(EngineError::UnsupportedVersion);
    }
    Ok(Wish::Handshake { base64: query.base64 })
}

/// Whether the session may exist: here for certain, on another shard by its id's shape.
fn is_known(shard: &Shard, sid: &Sid) -> bool {
    let (tag, home) = sid.home();
    if tag != shard.node.tag || !shard.node.has_shard(home) {
        return false;
    }
    home != shard.index || shard.state.borrow().sids.contains_key(sid)
}

fn handshake(shard: &Rc<Shard>, mut request: Request<Incoming>, address: SocketAddr, base64: bool) -> Response<Body> {
    let count = |result| {
        shard.state.borrow().cells.inc(Counter::Handshakes(Protocol::SocketIo, result));
    };
    if shard.node.is_draining() {
        count(HandshakeResult::Draining);
        return answer::unavailable("this node is going away\n");
    }
    let Some(permit) = shard.node.admit_connection() else {
        count(HandshakeResult::AtCapacity);
        return answer::unavailable("too many connections\n");
    };
    let kept = super::kept(shard, &request);
    let peer = Peer { address, permit, kept };
    if !upgrade::is_upgrade(request.headers()) {
        count(HandshakeResult::Accepted);
        let mut state = shard.state.borrow_mut();
        let (speech, open) = open(&state, state.rules.upgrade);
        let polling = Transport::Polling(Box::default());
        state.insert(Connection::new(polling, speech, Variant::SocketIoPolling, peer));
        return answer::payload(open);
    }
    match upgrade::accept(&mut request, None) {
        Ok((response, upgraded)) => {
            count(HandshakeResult::Accepted);
            tokio::task::spawn_local(connect(Rc::clone(shard), upgraded, peer, base64));
            response
        }
        Err(response) => {
            count(HandshakeResult::BadRequest);
            response
        }
    }
}

/// A fresh session, and its open packet.
fn open(state: &State, upgrade: bool) -> (Speech, String) {
    let sid = Sid::new(state.node.tag, state.index, State::entropy());
    let settings = state.node.settings();
    let settings = &settings.socket_io;
    let open = engine_io::encode_open(&Open {
        sid,
        upgrade,
        ping_interval: Duration::from_millis(settings.ping_interval_ms),
        ping_timeout: Duration::from_millis(settings.ping_timeout_ms),
        max_payload: state.rules.frames.message_bytes_max,
    });
    let session = Session::new(state.now(), &state.rules.socket_io);
    (Speech::SocketIo { sid, session }, open)
}

async fn connect(shard: Rc<Shard>, upgraded: upgrade::Upgraded, peer: Peer, base64: bool) {
    let Ok((stream, rest)) = upgraded.stream().await else {
        return;
    };
    let key = {
        let mut state = shard.state.borrow_mut();
        let (speech, open) = open(&state, false);
        let variant = if base64 { Variant::SocketIoWebSocketBase64 } else { Variant::SocketIoWebSocket };
        let transport = Transport::WebSocket { io: Io::Tcp(stream), decoder: Decoder::new(Role::Server) };
        let key = state.insert(Connection::new(transport, speech, variant, peer));
        state.send_open(key.index, &open);
        key
    };
    upgrade::begin(&shard, key, &rest);
}

/// A WebSocket with a session's id: it offers to take the session over, on its own shard.
async fn offer(shard: &Rc<Shard>, mut request: Request<Incoming>, sid: Sid) -> Response<Body> {
    let refused = |result| {
        shard.state.borrow().cells.inc(result);
    };
    match ask(shard, sid, Poll::Offer).await {
        Answer::Ok => {}
        Answer::Unknown => {
            refused(Counter::Handshakes(Protocol::SocketIo, HandshakeResult::BadRequest));
            return EngineError::SessionUnknown.to_upgrade();
        }
        _ => {
            refused(Counter::TransportUpgrades(UpgradeResult::Failed));
            return EngineError::BadRequest.to_upgrade();
        }
    }
    let base64 = Query::parse(request.uri().query()).base64;
    let (response, upgraded) = match upgrade::accept(&mut request, None) {
        Ok(accepted) => accepted,
        Err(response) => {
            refused(Counter::TransportUpgrades(UpgradeResult::Failed));
            return response;
        }
    };
    let shard = Rc::clone(shard);
    tokio::task::spawn_local(async move {
        let Ok((stream, rest)) = upgraded.stream().await else {
            return;
        };
        let home = sid.home().1;
        if home == shard.index {
            return upgrade::probe(shard, sid, Io::Tcp(stream), rest, base64).await;
        }
        let Ok(stream) = stream.into_std() else { return };
        let adopted = Adopted { sid, stream: Carrier::Tcp(stream), rest, base64 };
        // Refused only when the other shard is overloaded; the client then goes on polling.
        let _ = shard.node.mailbox(home).post(Mail::Adopt(adopted), MAIL_BYTES);
    });
    response
}

/// Asks the session's shard, this one or another.
async fn ask(shard: &Rc<Shard>, sid: Sid, poll: Poll) -> Answer {
    if sid.home().1 != shard.index {
        return polls::ask(&shard.node, sid, poll).await;
    }
    let (reply, answer) = oneshot::channel();
    shard.state.borrow_mut().poll(&sid, poll, reply);
    answer.await.unwrap_or(Answer::Unknown)
}

async fn get(shard: &Rc<Shard>, sid: Sid) -> Response<Body> {
    let guard = HangUp::new(&shard.node, sid, Poll::GetAborted);
    let answer = ask(shard, sid, Poll::Get).await;
    guard.take_back();
    respond(shard, answer)
}

async fn post(shard: &Rc<Shard>, sid: Sid, request: Request<Incoming>) -> Response<Body> {
    match ask(shard, sid, Poll::PostBegin).await {
        Answer::Ok => {}
        other => return respond(shard, other),
    }
    let guard = HangUp::new(&shard.node, sid, Poll::PostFailed { fatal: true });
    let body = body::read(request, &shard.node.settings().limits).await;
    guard.take_back();
    match body {
        Ok(body) => respond(shard, ask(shard, sid, Poll::Post(body)).await),
        Err(unread) => {
            ask(shard, sid, Poll::PostFailed { fatal: unread.is_fatal() }).await;
            unread.answer()
        }
    }
}

pub(super) fn respond(shard: &Shard, answer: Answer) -> Response<Body> {
    if matches!(answer, Answer::Unknown) {
        // Its own shard says so in `check`; here another one did.
        shard.state.borrow().cells.inc(Counter::Handshakes(Protocol::SocketIo, HandshakeResult::BadRequest));
    }
    match answer {
        Answer::Packets(body) => answer::payload(body),
        Answer::Ok => answer::ok(),
        Answer::Unknown => EngineError::SessionUnknown.to_poll(),
        Answer::Upgraded | Answer::Garbage => EngineError::BadRequest.to_poll(),
        Answer::Duplicate => answer::empty(StatusCode::BAD_REQUEST),
    }
}
