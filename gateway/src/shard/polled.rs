//! The state of a transport that is polled: what is pending of HTTP.

use roomcast_core::id::Sid;
use roomcast_core::session::Millis;
use tokio::sync::oneshot;

use crate::mail::Answer;

#[derive(Debug, Default)]
pub(crate) struct Polling {
    pub(super) get: Option<oneshot::Sender<Answer>>,
    pub(super) posting: bool,
    /// A WebSocket is offering to take over.
    pub(crate) probing: bool,
    /// Set once the server has closed.
    pub(super) closed: Option<Closed>,
}

/// A session that is over, but whose client does not know it yet.
#[derive(Debug)]
pub(super) struct Closed {
    pub(super) sid: Sid,
    /// Until when the next GET may still learn of it.
    pub(super) until: Millis,
    /// Whether by a close packet. Where the client is to come back it is not: some stock
    /// clients (python-socketio) stay away after one, and all come back to a session that is gone.
    pub(super) farewell: bool,
}

impl Polling {
    /// Whether a GET is pending.
    pub(crate) fn is_waiting(&self) -> bool {
        self.get.is_some()
    }

    pub(crate) fn closed_until(&self) -> Option<Millis> {
        self.closed.as_ref().map(|closed| closed.until)
    }
}
