//! The *limit*: what no server that sends each delivery on its own can beat.
//!
//! One thread holds N plain WebSocket connections. A message `P<room> <payload>` is framed
//! once and sent with exactly one `send` per member of the room; nothing else is done.
//! A connection whose first message is `J<room>` is a member.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use mio::event::Event as Readiness;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use roomcast_core::websocket::{Message, Opcode, Role};
use slab::Slab;
use socket2::SockRef;

use crate::error::Error;
use crate::frames::{Decoder, encode};
use crate::protocol::{ACCEPT, KEY};

const LISTENER: Token = Token(usize::MAX - 1);

const READ_BUFFER_BYTES: usize = 256 * 1024;

/// Bytes that wait for one member at most: the limit is no hub, a member this far behind is cut off.
const BACKLOG_BYTES_MAX: usize = 64 << 20;

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    decoder: Decoder,
    /// An incomplete request; unused after the upgrade.
    head: Vec<u8>,
    upgraded: bool,
    room: Option<usize>,
    /// What a full socket did not take.
    backlog: Vec<u8>,
}

/// What a client's message asks for.
enum Order {
    Join(String),
    Publish { room: String, frame: Vec<u8> },
}

/// The server.
#[derive(Debug)]
pub struct Limit {
    poll: Poll,
    listener: TcpListener,
    connections: Slab<Connection>,
    rooms: Vec<Vec<usize>>,
    room_by_name: HashMap<String, usize>,
    buffer: Vec<u8>,
    events: Option<Events>,
}

impl Limit {
    /// Listens.
    pub fn bind(address: SocketAddr) -> Result<Self, Error> {
        let fail = || Error::io(format!("listen on {address}"));
        let mut listener = TcpListener::bind(address).map_err(fail())?;
        let poll = Poll::new().map_err(fail())?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE).map_err(fail())?;
        Ok(Self {
            poll,
            listener,
            connections: Slab::new(),
            rooms: Vec::new(),
            room_by_name: HashMap::new(),
            buffer: vec![0; READ_BUFFER_BYTES],
            events: Some(Events::with_capacity(1_024)),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> Result<SocketAddr, Error> {
        self.listener.local_addr().map_err(Error::io("ask for the address"))
    }

    /// Serves until the process ends.
    pub fn run(&mut self) -> Result<(), Error> {
        loop {
            self.turn(None)?;
        }
    }

    /// Waits at most `timeout` and serves what came.
    pub fn turn(&mut self, timeout: Option<Duration>) -> Result<(), Error> {
        // Taken out for the loop, so that the loop may borrow the rest.
        let mut events = self.events.take().unwrap_or_else(|| Events::with_capacity(1_024));
        let polled = match self.poll.poll(&mut events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            polled => polled,
        };
        for event in &events {
            if event.token() == LISTENER {
                self.accept();
            } else if self.connections.contains(event.token().0) && self.serve(event).is_err() {
                self.remove(event.token().0);
            }
        }
        self.events = Some(events);
        polled.map_err(Error::io("wait for events"))
    }

    fn accept(&mut self) {
        while let Ok((mut stream, _)) = self.listener.accept() {
            let entry = self.connections.vacant_entry();
            let _ = stream.set_nodelay(true);
            // The budgets are defined with cubic; where it is not available the default has to do.
            let _ = SockRef::from(&stream).set_tcp_congestion(b"cubic");
            let interest = Interest::READABLE | Interest::WRITABLE;
            let token = Token(entry.key());
            if self.poll.registry().register(&mut stream, token, interest).is_ok() {
                entry.insert(Connection {
                    stream,
                    decoder: Decoder::new(Role::Server),
                    head: Vec::new(),
                    upgraded: false,
                    room: None,
                    backlog: Vec::new(),
                });
            }
        }
    }

    fn remove(&mut self, key: usize) {
        let connection = self.connections.try_remove(key);
        if let Some(room) = connection.and_then(|connection| connection.room) {
            self.rooms[room].retain(|&member| member != key);
        }
    }

    fn serve(&mut self, event: &Readiness) -> io::Result<()> {
        let key = event.token().0;
        let mut orders = Vec::new();
        if event.is_writable() {
            self.connections[key].flush()?;
        }
        while event.is_readable() {
            // Its own publication may have ended it.
            let Some(connection) = self.connections.get_mut(key) else {
                break;
            };
            let count = match connection.stream.read(&mut self.buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            connection.receive(&mut self.buffer[..count], &mut orders)?;
            for order in orders.drain(..) {
                match order {
                    Order::Join(room) => self.join(key, room)?,
                    Order::Publish { room, frame } => self.publish(&room, &frame),
                }
            }
            if count < self.buffer.len() && !event.is_read_closed() {
                break;
            }
        }
        Ok(())
    }

    fn join(&mut self, key: usize, name: String) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(key) else {
            return Ok(());
        };
        if connection.room.is_some() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let room = *self.room_by_name.entry(name).or_insert(self.rooms.len());
        if room == self.rooms.len() {
            self.rooms.push(Vec::new());
        }
        self.rooms[room].push(key);
        connection.room = Some(room);
        let mut frame = Vec::new();
        encode(Opcode::Text, b"joined", &mut frame);
        connection.send(&frame)
    }

    fn publish(&mut self, room: &str, frame: &[u8]) {
        let Some(&room) = self.room_by_name.get(room) else {
            return;
        };
        let mut broken = Vec::new();
        for &key in &self.rooms[room] {
            if self.connections[key].send(frame).is_err() {
                broken.push(key);
            }
        }
        for key in broken {
            self.remove(key);
        }
    }
}

impl Connection {
    /// One `send`, unless the socket was full before.
    fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        let mut written = 0;
        if self.backlog.is_empty() {
            match self.stream.write(frame) {
                Ok(count) if count == frame.len() => return Ok(()),
                Ok(count) => written = count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        self.backlog.extend_from_slice(&frame[written..]);
        if self.backlog.len() > BACKLOG_BYTES_MAX {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.backlog.is_empty() {
            match self.stream.write(&self.backlog) {
                Ok(count) => {
                    self.backlog.drain(..count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes what was read; appends what is to be done.
    fn receive(&mut self, input: &mut [u8], orders: &mut Vec<Order>) -> io::Result<()> {
        let invalid = || io::Error::from(io::ErrorKind::InvalidData);
        let mut at = 0;
        if !self.upgraded {
            let held = self.head.len();
            self.head.extend_from_slice(input);
            let Some(end) = self.head.windows(4).position(|window| window == b"\r\n\r\n") else {
                return Ok(());
            };
            let head = std::mem::take(&mut self.head);
            // Only the harness's own clients come here: they all send one key.
            if !String::from_utf8_lossy(&head).contains(KEY) {
                return Err(invalid());
            }
            self.upgraded = true;
            at = end + 4 - held;
            self.send(
                format!(
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                     Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
                )
                .as_bytes(),
            )?;
        }
        loop {
            let step = self.decoder.next(&mut input[at..]).map_err(|_| invalid())?;
            at += step.consumed;
            match step.message {
                None => return Ok(()),
                Some(Message::Text(text)) => orders.extend(order(text)),
                Some(Message::Close(_)) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Some(_) => {}
            }
        }
    }
}

fn order(text: &str) -> Option<Order> {
    if let Some(room) = text.strip_prefix('J') {
        return Some(Order::Join(room.to_owned()));
    }
    let (room, payload) = text.strip_prefix('P')?.split_once(' ')?;
    let mut frame = Vec::with_capacity(payload.len() + 10);
    encode(Opcode::Text, payload.as_bytes(), &mut frame);
    Some(Order::Publish { room: room.to_owned(), frame })
}
