//! Requests between gateways, publications included.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use roomcast_core::cluster::{Request, Select};
use roomcast_core::publication::{Audience, Class, Origin, Payload, Publication, UnixMillis};
use roomcast_core::room::Namespace;
use serde::{Deserialize, Serialize};

use super::{millis, names, rooms};

/// [`Request`] in plain types.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Asked {
    BroadcastWithAcks { publication: Event, timeout_ms: u64 },
    Join(Selected, Vec<String>),
    Leave(Selected, Vec<String>),
    Disconnect { select: Selected, reconnect: bool },
    FetchSockets { select: Selected, servers: bool },
    ListRooms { namespace: String, servers: bool },
    ServerSideEmit { namespace: String, data: String, ack: bool },
}

/// [`Select`] in plain types.
#[derive(Serialize, Deserialize)]
pub(super) struct Selected {
    namespace: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rooms: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    except: Vec<String>,
}

/// [`Publication`] in plain types.
#[derive(Serialize, Deserialize)]
pub(super) struct Event {
    id: String,
    to: Selected,
    /// JSON text.
    data: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<String>,
    class: Rank,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<UnixMillis>,
    published_at: UnixMillis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ack: Option<u64>,
    client: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
    remember: bool,
}

/// [`Class`] in plain types.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Rank {
    Reliable,
    Volatile,
    Latest,
}

impl From<&Request> for Asked {
    fn from(request: &Request) -> Self {
        match request {
            Request::BroadcastWithAcks { publication, timeout } => {
                Self::BroadcastWithAcks { publication: publication.into(), timeout_ms: millis(*timeout) }
            }
            Request::Join(select, rooms) => Self::Join(select.into(), names(rooms)),
            Request::Leave(select, rooms) => Self::Leave(select.into(), names(rooms)),
            Request::Disconnect { select, reconnect } => {
                Self::Disconnect { select: select.into(), reconnect: *reconnect }
            }
            Request::FetchSockets { select, servers } => {
                Self::FetchSockets { select: select.into(), servers: *servers }
            }
            Request::ListRooms { namespace, servers } => {
                Self::ListRooms { namespace: namespace.to_string(), servers: *servers }
            }
            Request::ServerSideEmit { namespace, data, ack } => {
                Self::ServerSideEmit { namespace: namespace.to_string(), data: data.clone(), ack: *ack }
            }
        }
    }
}

impl Asked {
    pub(super) fn into_request(self) -> Option<Request> {
        Some(match self {
            Self::BroadcastWithAcks { publication, timeout_ms } => Request::BroadcastWithAcks {
                publication: publication.into_publication()?,
                timeout: Duration::from_millis(timeout_ms),
            },
            Self::Join(select, names) => Request::Join(select.into_select()?, rooms(&names)?),
            Self::Leave(select, names) => Request::Leave(select.into_select()?, rooms(&names)?),
            Self::Disconnect { select, reconnect } => Request::Disconnect { select: select.into_select()?, reconnect },
            Self::FetchSockets { select, servers } => Request::FetchSockets { select: select.into_select()?, servers },
            Self::ListRooms { namespace, servers } => {
                Request::ListRooms { namespace: Namespace::new(&namespace).ok()?, servers }
            }
            Self::ServerSideEmit { namespace, data, ack } => {
                Request::ServerSideEmit { namespace: Namespace::new(&namespace).ok()?, data, ack }
            }
        })
    }
}

impl Selected {
    fn new(namespace: &Namespace, audience: &Audience) -> Self {
        Self { namespace: namespace.to_string(), rooms: names(&audience.rooms), except: names(&audience.except) }
    }

    fn into_select(self) -> Option<Select> {
        let audience = Audience { rooms: rooms(&self.rooms)?, except: rooms(&self.except)? };
        Some(Select { namespace: Namespace::new(&self.namespace).ok()?, audience })
    }
}

impl From<&Select> for Selected {
    fn from(select: &Select) -> Self {
        Self::new(&select.namespace, &select.audience)
    }
}

impl From<&Publication> for Event {
    fn from(publication: &Publication) -> Self {
        Self {
            id: publication.id.to_string(),
            to: Selected::new(&publication.namespace, &publication.audience),
            data: publication.payload.data().to_owned(),
            attachments: spelled(publication.payload.attachments()),
            class: match publication.class {
                Class::Reliable => Rank::Reliable,
                Class::Volatile => Rank::Volatile,
                Class::Latest => Rank::Latest,
            },
            key: publication.key.as_ref().map(ToString::to_string),
            expires_at: publication.expires_at,
            published_at: publication.published_at,
            ack: publication.ack,
            client: publication.origin == Origin::Client,
            trace: publication.trace.as_ref().map(ToString::to_string),
            remember: publication.remember,
        }
    }
}

impl Event {
    fn into_publication(self) -> Option<Publication> {
        let Select { namespace, audience } = self.to.into_select()?;
        let payload = Payload::from_data(&self.data, binaries(&self.attachments)?).ok()?;
        let mut publication = Publication::new(self.id.into(), namespace, audience, payload, self.published_at);
        publication.class = match self.class {
            Rank::Reliable => Class::Reliable,
            Rank::Volatile => Class::Volatile,
            Rank::Latest => Class::Latest,
        };
        publication.key = self.key.map(Into::into);
        publication.expires_at = self.expires_at;
        publication.ack = self.ack;
        publication.origin = if self.client { Origin::Client } else { Origin::Cluster };
        publication.trace = self.trace.map(Into::into);
        publication.remember = self.remember;
        Some(publication)
    }
}

/// Binary values as base64.
pub(super) fn spelled(attachments: &[Bytes]) -> Vec<String> {
    attachments.iter().map(|bytes| STANDARD.encode(bytes)).collect()
}

/// Binary values from base64.
pub(super) fn binaries(texts: &[String]) -> Option<Vec<Bytes>> {
    texts.iter().map(|text| STANDARD.decode(text).ok().map(Bytes::from)).collect()
}
