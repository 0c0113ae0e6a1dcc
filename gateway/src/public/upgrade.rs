//! From HTTP to WebSocket: the handshake is fastwebsockets', the socket is ours from then on.
//!
//! Before it, everything is checked that the crate does not look at (RFC 6455 section
//! 4.2.1). After it, the raw TCP stream and what was read beyond the request are taken
//! back, and the memory of the HTTP connection is freed.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use fastwebsockets::upgrade::UpgradeFut;
use hyper::body::{Body as _, Incoming};
use hyper::header::{
    CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::{Method, Request, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;
use roomcast_core::engine_io;
use roomcast_core::session::probe::{Probe, Step};
use roomcast_core::websocket::{self, Decoder, Message, Opcode, Role};
use tokio::net::TcpStream;

use super::{Body, answer};
use crate::mail::Adopted;
use crate::metrics::{Counter, UpgradeResult};
use crate::shard::connection::{ConnKey, Transport};
use crate::shard::io::Io;
use crate::shard::{Shard, spawn_reader};

/// How often the pending GET of a session that is being probed is let go.
const RELEASE_EVERY: Duration = Duration::from_millis(100);

/// Bytes of a WebSocket's key.
const KEY_BYTES: usize = 16;

/// A WebSocket that is about to be ours.
pub(super) struct Upgraded(UpgradeFut);

/// Whether a request asks to become a WebSocket.
pub(super) fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Whether a request asks to become something else, such as HTTP/2.
pub(super) fn is_foreign_upgrade(headers: &HeaderMap) -> bool {
    headers.contains_key(UPGRADE) && !is_upgrade(headers)
}

/// Whether the key is 16 bytes, as base64 (RFC 6455 section 4.1), given once.
fn has_key(headers: &HeaderMap) -> bool {
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
    let (key, further) = (keys.next(), keys.next());
    let key = key.and_then(|key| STANDARD.decode(key.as_bytes()).ok());
    further.is_none() && key.is_some_and(|key| key.len() == KEY_BYTES)
}

/// Answers a WebSocket handshake. The answer 101 comes with the socket to be.
pub(super) fn accept(
    request: &mut Request<Incoming>,
    subprotocol: Option<&'static str>,
) -> Result<(Response<Body>, Upgraded), Response<Body>> {
    let bad = || answer::text(StatusCode::BAD_REQUEST, "not a WebSocket handshake (RFC 6455 section 4.2.1)\n");
    let names_upgrade = |value: &HeaderValue| {
        let text = value.to_str().unwrap_or_default();
        text.split(',').any(|token| token.trim().eq_ignore_ascii_case("upgrade"))
    };
    let connection = request.headers().get_all(CONNECTION).iter().any(names_upgrade);
    // A body would be taken for frames, or frames for a body.
    let whole = request.body().is_end_stream();
    if request.method() != Method::GET || request.version() != Version::HTTP_11 || !connection || !whole {
        return Err(bad());
    }
    if request.headers().get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version.as_bytes() != b"13") {
        let mut response = answer::text(StatusCode::UPGRADE_REQUIRED, "only WebSocket version 13 is spoken here\n");
        response.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return Err(response);
    }
    if !has_key(request.headers()) {
        return Err(bad());
    }
    let (response, upgraded) = fastwebsockets::upgrade::upgrade(request).map_err(|_| bad())?;
    let mut response = response.map(|_| Body::default());
    if let Some(name) = subprotocol {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(name));
    }
    Ok((response, Upgraded(upgraded)))
}

impl Upgraded {
    /// The raw stream once the 101 is out, and what the client sent right behind its request.
    pub(super) async fn stream(self) -> io::Result<(TcpStream, Bytes)> {
        let websocket = self.0.await.map_err(io::Error::other)?;
        let upgraded = websocket.into_inner().into_inner();
        let parts = upgraded
            .downcast::<TokioIo<TcpStream>>()
            .map_err(|_| io::Error::other("the upgraded connection is not a TCP stream"))?;
        // A copy, because even an empty read buffer keeps 8 KiB alive.
        Ok((parts.io.into_inner(), Bytes::copy_from_slice(&parts.read_buf)))
    }
}

/// Starts reading a WebSocket connection, with what was read of it already.
pub(crate) fn begin(shard: &Rc<Shard>, key: ConnKey, rest: &[u8]) {
    if !rest.is_empty() {
        shard.state.borrow_mut().received(key, &mut rest.to_vec());
    }
    spawn_reader(shard, key);
}

/// Takes a WebSocket that was upgraded on another shard and offers to take over a session here.
pub(crate) fn adopt(shard: &Rc<Shard>, adopted: Adopted) {
    let shard = Rc::clone(shard);
    tokio::task::spawn_local(async move {
        if let Ok(io) = Io::adopt(adopted.stream).await {
            probe(shard, adopted.sid, io, adopted.rest, adopted.base64).await;
        }
    });
}

/// Drives the probe of a polling session: a task of its own, for as long as the probe takes.
pub(super) async fn probe(shard: Rc<Shard>, sid: roomcast_core::id::Sid, mut io: Io, rest: Bytes, base64: bool) {
    let Some(key) = begin_probe(&shard, &sid) else {
        return shard.state.borrow().cells.inc(Counter::TransportUpgrades(UpgradeResult::Failed));
    };
    let timeout = Duration::from_millis(shard.node.settings().socket_io.upgrade_timeout_ms);
    let handshake = tokio::time::timeout(timeout, converse(&shard, key, &mut io, rest)).await;
    let rest = handshake.ok().flatten();
    let taken = match rest {
        Some(rest) => {
            let taken = shard.state.borrow_mut().take_over(key, io, base64);
            if taken {
                begin(&shard, key, &rest);
            }
            taken
        }
        None => {
            let mut frame = Vec::new();
            websocket::encode_close(None, &mut frame);
            let _ = io.try_write(&frame);
            false
        }
    };
    let mut state = shard.state.borrow_mut();
    if let Some(Transport::Polling(polling)) = state.get_mut(key).map(|c| &mut c.transport) {
        polling.probing = false;
    }
    let result = if taken { UpgradeResult::Completed } else { UpgradeResult::Failed };
    state.cells.inc(Counter::TransportUpgrades(result));
}

/// One probe at a time: `None` if the session is unknown, upgraded, or being probed.
fn begin_probe(shard: &Shard, sid: &roomcast_core::id::Sid) -> Option<ConnKey> {
    let mut state = shard.state.borrow_mut();
    let conn = state.sids.get(sid).copied()?;
    let key = state.key(conn)?;
    match state.get_mut(key).map(|connection| &mut connection.transport) {
        Some(Transport::Polling(polling)) if !polling.probing && polling.closed_until().is_none() => {
            polling.probing = true;
            Some(key)
        }
        _ => None,
    }
}

/// `2probe`, `3probe`, `5`. Returns what was read beyond the `5`; `None`: the probe failed.
async fn converse(shard: &Rc<Shard>, key: ConnKey, io: &mut Io, rest: Bytes) -> Option<Vec<u8>> {
    let limits = shard.state.borrow().rules.frames;
    let (mut decoder, mut probe) = (Decoder::new(Role::Server), Probe::default());
    let mut bytes = rest.to_vec();
    loop {
        let mut at = 0;
        while let Some(input) = bytes.get_mut(at..).filter(|input| !input.is_empty()) {
            let step = decoder.next(input, &limits).ok()?;
            at += step.consumed;
            let Some(message) = step.message else { break };
            let Message::Text(text) = message else { return None };
            match probe.packet(&engine_io::decode(text).ok()?) {
                Step::Answer => {
                    let mut frame = Vec::new();
                    websocket::encode(Opcode::Text, b"3probe", &mut frame);
                    io.try_write(&frame).ok().filter(|written| *written == frame.len())?;
                    shard.state.borrow_mut().release_poll(key);
                }
                Step::TakeOver => return Some(bytes.split_off(at)),
                Step::Fail => return None,
            }
        }
        bytes = read(shard, key, io, probe == Probe::Answered).await?;
        shard.state.borrow().get(key)?;
    }
}

/// Reads more; meanwhile, once the probe is answered, pending GETs are let go so that the client can pause.
async fn read(shard: &Rc<Shard>, key: ConnKey, io: &mut Io, answered: bool) -> Option<Vec<u8>> {
    let mut buffer = vec![0; 4096];
    loop {
        let read = std::future::poll_fn(|cx| io.poll_read(cx, &mut buffer));
        match tokio::time::timeout(RELEASE_EVERY, read).await {
            Err(_) if answered => shard.state.borrow_mut().release_poll(key),
            Err(_) => {}
            Ok(Ok(read)) if read > 0 => {
                buffer.truncate(read);
                return Some(buffer);
            }
            Ok(_) => return None,
        }
    }
}
