//! Answers between gateways.

use std::sync::Arc;

use roomcast_core::cluster::{Answer, ClientAck, Handshake, RoomInfo, SocketInfo};
use roomcast_core::id::SocketId;
use roomcast_core::publication::{ATTACHMENTS_MAX, UnixMillis};
use roomcast_core::room::{Namespace, Room};
use serde::{Deserialize, Serialize};

use super::requests::{binaries, spelled};
use super::{names, rooms};

/// [`Answer`] in plain types.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answered {
    Matched(usize),
    Refused(usize),
    Degraded(usize),
    Asked(usize),
    Acknowledged {
        connection: String,
        args: String,
        attachments: Vec<String>,
    },
    Sockets(Vec<Socket>),
    /// Names and members.
    Rooms(Vec<(String, usize)>),
    Emitted(String),
}

/// [`SocketInfo`] in plain types.
#[derive(Serialize, Deserialize)]
pub(super) struct Socket {
    id: String,
    namespace: String,
    rooms: Vec<String>,
    protocol: Protocol,
    transport: Transport,
    address: String,
    connected_at: UnixMillis,
    shard: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    handshake: Option<Shaken>,
}

/// [`Handshake`] in plain types.
#[derive(Serialize, Deserialize)]
struct Shaken {
    path: String,
    headers: Vec<(String, String)>,
    query: Vec<(String, String)>,
    auth: Vec<(String, String)>,
}

/// The closed set that [`SocketInfo::protocol`] is of.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Protocol {
    SocketIo,
    Plain,
}

/// The closed set that [`SocketInfo::transport`] is of.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Transport {
    WebSocket,
    Polling,
}

impl From<&Answer> for Answered {
    fn from(answer: &Answer) -> Self {
        match answer {
            Answer::Matched(count) => Self::Matched(*count),
            Answer::Refused(count) => Self::Refused(*count),
            Answer::Degraded(count) => Self::Degraded(*count),
            Answer::Asked(count) => Self::Asked(*count),
            Answer::Acknowledged(ClientAck { connection, args, attachments }) => Self::Acknowledged {
                connection: connection.to_string(),
                args: args.clone(),
                attachments: spelled(attachments),
            },
            Answer::Sockets(sockets) => Self::Sockets(sockets.iter().map(Into::into).collect()),
            Answer::Rooms(list) => Self::Rooms(list.iter().map(|info| (info.room.to_string(), info.members)).collect()),
            Answer::Emitted(text) => Self::Emitted(text.clone()),
        }
    }
}

impl Answered {
    pub(super) fn into_answer(self) -> Option<Answer> {
        Some(match self {
            Self::Matched(count) => Answer::Matched(count),
            Self::Refused(count) => Answer::Refused(count),
            Self::Degraded(count) => Answer::Degraded(count),
            Self::Asked(count) => Answer::Asked(count),
            Self::Acknowledged { connection, args, attachments } => {
                let attachments = binaries(&attachments).filter(|list| list.len() <= ATTACHMENTS_MAX)?;
                Answer::Acknowledged(ClientAck { connection: SocketId::parse(&connection)?, args, attachments })
            }
            Self::Sockets(sockets) => {
                Answer::Sockets(sockets.into_iter().map(Socket::into_info).collect::<Option<_>>()?)
            }
            Self::Rooms(list) => {
                let info = |(name, members): (String, usize)| Some(RoomInfo { room: Room::new(&name).ok()?, members });
                Answer::Rooms(list.into_iter().map(info).collect::<Option<_>>()?)
            }
            Self::Emitted(text) => Answer::Emitted(text),
        })
    }
}

impl From<&SocketInfo> for Socket {
    fn from(info: &SocketInfo) -> Self {
        let handshake = info.handshake.as_deref().cloned();
        Self {
            id: info.id.to_string(),
            namespace: info.namespace.to_string(),
            rooms: names(&info.rooms),
            protocol: if info.protocol == "plain" { Protocol::Plain } else { Protocol::SocketIo },
            transport: if info.transport == "polling" { Transport::Polling } else { Transport::WebSocket },
            address: info.address.clone(),
            connected_at: info.connected_at,
            shard: info.shard,
            handshake: handshake.map(|Handshake { path, headers, query, auth }| Shaken { path, headers, query, auth }),
        }
    }
}

impl Socket {
    fn into_info(self) -> Option<SocketInfo> {
        let handshake = self.handshake;
        Some(SocketInfo {
            id: SocketId::parse(&self.id)?,
            namespace: Namespace::new(&self.namespace).ok()?,
            rooms: rooms(&self.rooms)?,
            protocol: match self.protocol {
                Protocol::SocketIo => "socketio",
                Protocol::Plain => "plain",
            },
            transport: match self.transport {
                Transport::WebSocket => "websocket",
                Transport::Polling => "polling",
            },
            address: self.address,
            connected_at: self.connected_at,
            shard: self.shard,
            handshake: handshake
                .map(|Shaken { path, headers, query, auth }| Arc::new(Handshake { path, headers, query, auth })),
        })
    }
}
