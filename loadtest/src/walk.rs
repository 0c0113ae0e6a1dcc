//! One client step by step, over blocking sockets: how many connections, requests, round
//! trips and bytes it takes to become a member of a room.
//!
//! It takes the steps of a browser: long polling posts on a second connection beside the
//! pending GET, and the upgrade opens a third. Its requests have the headers that must be
//! there and no others.

pub(crate) mod socket;

use std::net::SocketAddr;

use roomcast_core::websocket::Opcode;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::protocol::{ACCEPT, Protocol, poll, post, room_name, sid_of, upgrade};
use socket::{Said, Socket};

/// A way to become a member of a room.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// The plain protocol.
    Plain,
    /// Socket.IO, by WebSocket from the start.
    SocketIo,
    /// Socket.IO as its clients do without options: polling, then the upgrade.
    Upgrade,
    /// Socket.IO by polling alone.
    Polling,
}

/// What it took so far.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// TCP connections that were opened.
    pub connections: u64,
    /// HTTP requests, upgrades and the GET that stays pending included.
    pub requests: u64,
    /// Times that the client had to wait for the server, without those of TCP.
    pub round_trips: u64,
    /// Bytes to the server, heads and frames included.
    pub bytes_up: u64,
    /// Bytes from the server.
    pub bytes_down: u64,
}

impl Cost {
    /// What came on top of an earlier reading.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            connections: self.connections - earlier.connections,
            requests: self.requests - earlier.requests,
            round_trips: self.round_trips - earlier.round_trips,
            bytes_up: self.bytes_up - earlier.bytes_up,
            bytes_down: self.bytes_down - earlier.bytes_down,
        }
    }
}

/// A member of a room.
#[derive(Debug)]
pub struct Walk {
    host: String,
    address: SocketAddr,
    cost: Cost,
    wire: Wire,
}

/// What its messages go over.
#[derive(Debug)]
enum Wire {
    /// Not connected yet.
    Nothing,
    WebSocket(Socket),
    /// The connection whose GET is pending, and the one that posts.
    Polling {
        get: Socket,
        post: Socket,
        sid: String,
    },
}

impl Walk {
    /// Connects, and subscribes to a room.
    pub fn join(way: Way, address: SocketAddr, room: u32) -> Result<Self, Error> {
        let mut walk = Self { host: address.to_string(), address, cost: Cost::default(), wire: Wire::Nothing };
        match way {
            Way::Plain => {
                walk.websocket("/ws")?;
                walk.expect("{\"type\":\"hello\"")?;
                walk.step(&Protocol::Plain.subscribe(room), "{\"type\":\"ok\"")?;
            }
            Way::SocketIo => {
                walk.websocket("/socket.io/?EIO=4&transport=websocket")?;
                walk.expect("0{")?;
                walk.step("40", "40{")?;
                walk.step(&Protocol::SocketIo.subscribe(room), "430[{\"ok\":true")?;
            }
            Way::Polling => walk.polling(room, false)?,
            Way::Upgrade => walk.polling(room, true)?,
        }
        Ok(walk)
    }

    /// What it took so far.
    pub fn cost(&self) -> Cost {
        let (up, down) = match &self.wire {
            Wire::Nothing => (0, 0),
            Wire::WebSocket(socket) => (socket.up, socket.down),
            Wire::Polling { get, post, .. } => (get.up + post.up, get.down + post.down),
        };
        Cost { bytes_up: self.cost.bytes_up + up, bytes_down: self.cost.bytes_down + down, ..self.cost }
    }

    /// Waits for the next event, and asks for the one after it if that is how events come.
    pub fn event(&mut self) -> Result<String, Error> {
        let text = self.hear()?;
        self.ask()?;
        Ok(text)
    }

    /// Publishes to a room, asking for no acknowledgement.
    pub fn publish(&mut self, way: Way, room: u32, payload: &str) -> Result<(), Error> {
        let room = room_name(room);
        let text = match way {
            Way::Plain => {
                format!("{{\"type\":\"publish\",\"room\":\"{room}\",\"event\":\"bench\",\"args\":[\"{payload}\"]}}")
            }
            _ => format!("42[\"publish\",\"{room}\",\"bench\",\"{payload}\"]"),
        };
        self.say(&text)
    }

    /// Waits for a ping and answers it.
    pub fn heartbeat(&mut self) -> Result<(), Error> {
        if let Wire::WebSocket(socket) = &mut self.wire {
            return match socket.said()? {
                Said::Ping(body) => socket.frame(Opcode::Pong, &body),
                Said::Text(text) if text == "2" => socket.frame(Opcode::Text, b"3"),
                Said::Text(text) => Err(unexpected("a ping", &text)),
            };
        }
        self.expect("2")?;
        self.ask()?;
        self.say("3")
    }

    /// A WebSocket, up to its 101.
    fn websocket(&mut self, path: &str) -> Result<(), Error> {
        let mut socket = self.open()?;
        socket.write(upgrade(path, &self.host).as_bytes())?;
        self.cost.requests += 1;
        switched(&mut socket)?;
        self.cost.round_trips += 1;
        self.wire = Wire::WebSocket(socket);
        Ok(())
    }

    /// Polling, up to the pending GET; with the upgrade, up to the WebSocket alone.
    fn polling(&mut self, room: u32, upgrades: bool) -> Result<(), Error> {
        let mut get = self.open()?;
        get.write(poll(&self.host, None).as_bytes())?;
        let open = get.answer(200)?;
        self.cost.requests += 1;
        self.cost.round_trips += 1;
        let sid = sid_of(&open).ok_or_else(|| unexpected("an open packet", &open))?.to_owned();
        let mut probe = if upgrades { Some(self.open()?) } else { None };
        if let Some(probe) = &mut probe {
            let path = format!("/socket.io/?EIO=4&transport=websocket&sid={sid}");
            probe.write(upgrade(&path, &self.host).as_bytes())?;
            self.cost.requests += 1;
        }
        self.wire = Wire::Polling { get, post: self.open()?, sid };
        self.ask()?;
        self.step("40", "40{")?;
        self.ask()?;
        self.step(&Protocol::Polling.subscribe(room), "430[{\"ok\":true")?;
        match probe {
            Some(probe) => self.take_over(probe),
            None => self.ask(),
        }
    }

    /// The probe, and the end of polling: no GET is pending that the server would have to let go.
    fn take_over(&mut self, mut probe: Socket) -> Result<(), Error> {
        switched(&mut probe)?;
        probe.frame(Opcode::Text, b"2probe")?;
        match probe.said()? {
            Said::Text(text) if text == "3probe" => {}
            other => return Err(unexpected("3probe", &format!("{other:?}"))),
        }
        self.cost.round_trips += 1;
        probe.frame(Opcode::Text, b"5")?;
        let before = self.cost();
        (self.cost.bytes_up, self.cost.bytes_down) = (before.bytes_up, before.bytes_down);
        self.wire = Wire::WebSocket(probe);
        Ok(())
    }

    fn open(&mut self) -> Result<Socket, Error> {
        self.cost.connections += 1;
        Socket::connect(self.address)
    }

    /// Says something and waits for what answers it.
    fn step(&mut self, text: &str, answer: &str) -> Result<(), Error> {
        self.say(text)?;
        self.expect(answer)?;
        self.cost.round_trips += 1;
        Ok(())
    }

    fn say(&mut self, text: &str) -> Result<(), Error> {
        match &mut self.wire {
            Wire::Nothing => Ok(()),
            Wire::WebSocket(socket) => socket.frame(Opcode::Text, text.as_bytes()),
            Wire::Polling { post: socket, sid, .. } => {
                socket.write(post(&self.host, sid, text).as_bytes())?;
                self.cost.requests += 1;
                socket.answer(200).map(drop)
            }
        }
    }

    /// Over polling: the next GET.
    fn ask(&mut self) -> Result<(), Error> {
        let Wire::Polling { get, sid, .. } = &mut self.wire else { return Ok(()) };
        self.cost.requests += 1;
        get.write(poll(&self.host, Some(sid)).as_bytes())
    }

    fn hear(&mut self) -> Result<String, Error> {
        match &mut self.wire {
            Wire::Nothing => Ok(String::new()),
            Wire::Polling { get, .. } => get.answer(200),
            Wire::WebSocket(socket) => match socket.said()? {
                Said::Text(text) => Ok(text),
                Said::Ping(_) => Err(unexpected("a message", "a ping")),
            },
        }
    }

    fn expect(&mut self, start: &str) -> Result<(), Error> {
        let text = self.hear()?;
        if text.starts_with(start) { Ok(()) } else { Err(unexpected(start, &text)) }
    }
}

fn switched(socket: &mut Socket) -> Result<(), Error> {
    let head = socket.answer(101)?;
    if head.contains(ACCEPT) { Ok(()) } else { Err(unexpected("the key's answer", &head)) }
}

fn unexpected(wanted: &str, found: &str) -> Error {
    Error::Target(format!("waited for {wanted}, and the server said: {found}"))
}
