//! The backend in process: what an embedding program implements to hear its clients.
//!
//! Methods run on the shard's own thread and must not block; whoever has to wait
//! keeps the [`Client`] and answers later, from any thread. Deliberately absent:
//! room broadcasts, which go through [`crate::Handle::publish`] like everybody's.

use std::sync::Arc;

use bytes::Bytes;
use roomcast_core::adapter::BoxFuture;
use roomcast_core::close::CloseReason;
use roomcast_core::id::SocketId;
use roomcast_core::publication::Payload;
use roomcast_core::room::Namespace;

use crate::mail::{Mail, SocketKey, ToSocket};
use crate::mailbox::Mailbox;

/// A backend that hears what clients do.
pub trait ClientEvents: Send + Sync + 'static {
    /// May this client join its namespace? `auth` is the JSON object of its CONNECT, or empty.
    fn connect(&self, client: &Client, auth: &str) -> Decision {
        let _ = (client, auth);
        Decision::Accept
    }

    /// The client has joined and was told so. What is emitted here arrives after that answer.
    fn connected(&self, client: &Client, auth: &str) {
        let _ = (client, auth);
    }

    /// The client sent an event; with an ack id it waits for [`Client::ack`].
    fn event(&self, client: &Client, payload: Payload, ack: Option<u64>);

    /// The client is gone from its namespace.
    fn disconnected(&self, client: &Client, reason: CloseReason) {
        let _ = (client, reason);
    }
}

/// Whether a client may join a namespace.
pub enum Decision {
    /// It may.
    Accept,
    /// It may not; it is told why and may try again on the same connection.
    Refuse(Refusal),
    /// It will be known later.
    Later(BoxFuture<'static, Result<(), Refusal>>),
}

/// Why a client may not join, as its `connect_error` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// For people.
    pub message: String,
    /// For programs: JSON text, left out if there is none.
    pub data: Option<String>,
}

/// One client in one namespace, wherever it is held. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    mailbox: Arc<Mailbox>,
    key: SocketKey,
    id: SocketId,
    namespace: Namespace,
}

impl Client {
    pub(crate) fn new(mailbox: Arc<Mailbox>, key: SocketKey, id: SocketId, namespace: Namespace) -> Self {
        Self { mailbox, key, id, namespace }
    }

    /// The id that the API knows it by.
    pub fn id(&self) -> &SocketId {
        &self.id
    }

    /// The namespace.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Sends it an event. Lost without a trace to the caller if the client is gone.
    pub fn emit(&self, payload: Payload) {
        self.post(ToSocket::Emit(payload));
    }

    /// Answers an event: `args` is the text of a JSON array.
    pub fn ack(&self, id: u64, args: String, attachments: Vec<Bytes>) {
        self.post(ToSocket::Ack { id, args, attachments });
    }

    /// Ends its membership of the namespace; it stays away unless `reconnect`.
    pub fn disconnect(&self, reconnect: bool) {
        self.post(ToSocket::Disconnect { reconnect });
    }

    fn post(&self, what: ToSocket) {
        let mail = Mail::ToSocket(self.key, what);
        let bytes = mail.bytes();
        self.mailbox.post_admitted(mail, bytes);
    }
}
