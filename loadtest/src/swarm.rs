//! The generator's loop: thousands of clients on one thread and one read buffer.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::event::Event as Readiness;
use mio::{Events, Poll, Token};

use crate::client::{Client, Event, Purpose};
use crate::clock::Clock;
use crate::error::Error;
use crate::link::Link;
use crate::protocol::Protocol;
use crate::publisher::Publisher;
use crate::stamp::Stamp;

/// Clients of one process; the file limit is 20,000 on many machines, and a few more files are open.
pub const CLIENTS_MAX: usize = 19_500;

/// Handshakes under way at once.
const CONNECTING_MAX: usize = 128;

/// Nothing moves for this long while connecting: give up.
const CONNECT_STALL: Duration = Duration::from_secs(15);

/// Sockets per turn: few enough that publications that fall due are sent within half a millisecond.
const EVENTS_PER_TURN: usize = 256;

const READ_BUFFER_BYTES: usize = 256 * 1024;

const PUBLISHER: Token = Token(usize::MAX - 1);

/// What happened to a member.
#[derive(Debug)]
pub enum Signal {
    /// It received a publication.
    Delivery {
        /// Which member.
        member: usize,
        /// What the publication carried.
        stamp: Stamp,
        /// When it was read.
        now_ns: u64,
    },
    /// Its connection ended; it receives nothing any more.
    Lost {
        /// Why.
        why: String,
    },
}

#[derive(Debug)]
struct Member {
    link: Option<Link>,
    client: Client,
}

/// Who connects where.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    /// The server's public address.
    pub address: SocketAddr,
    /// What to speak there.
    pub protocol: Protocol,
    /// How many members.
    pub clients: usize,
    /// In how many rooms; member i is in room i modulo this.
    pub rooms: u32,
}

impl Crowd {
    /// The room of a member.
    pub fn room_of(&self, member: usize) -> u32 {
        // Rooms are counted in u32, so the remainder fits.
        (member % self.rooms as usize) as u32
    }
}

/// All connections of the generator.
#[derive(Debug)]
pub struct Swarm {
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    answer: Vec<u8>,
    clock: Clock,
    members: Vec<Member>,
    publisher: Option<Publisher>,
    ready: usize,
}

impl Swarm {
    /// No connections yet.
    pub fn new(clock: Clock) -> Result<Self, Error> {
        Ok(Self {
            poll: Poll::new().map_err(Error::io("make an epoll"))?,
            events: Events::with_capacity(EVENTS_PER_TURN),
            buffer: vec![0; READ_BUFFER_BYTES],
            answer: Vec::new(),
            clock,
            members: Vec::new(),
            publisher: None,
            ready: 0,
        })
    }

    /// Connects all members of a crowd, beside those that are there, and waits until each is in its room.
    pub fn join(&mut self, crowd: &Crowd) -> Result<(), Error> {
        let first = self.members.len();
        let all = first + crowd.clients;
        if all > CLIENTS_MAX || crowd.rooms == 0 {
            return Err(Error::Options(format!(
                "one process holds at most {CLIENTS_MAX} clients, in at least one room"
            )));
        }
        let host = crowd.address.to_string();
        let request = crowd.protocol.first_request(&host);
        let mut moved = (Instant::now(), 0);
        while self.ready < all {
            while self.members.len() < all && self.members.len() - self.ready < CONNECTING_MAX {
                let token = Token(self.members.len());
                let mut link = Link::connect(crowd.address, self.poll.registry(), token)
                    .map_err(Error::io(format!("connect to {}", crowd.address)))?;
                link.pending().extend_from_slice(request.as_bytes());
                let client = Client::new(crowd.protocol, Purpose::Member(crowd.room_of(token.0 - first)), &host);
                let link = Some(link);
                self.members.push(Member { link, client });
            }
            let mut lost = None;
            self.turn(Some(Duration::from_millis(100)), &mut |signal| {
                if let Signal::Lost { why } = signal {
                    lost = Some(why);
                }
            })?;
            if let Some(why) = lost {
                return Err(Error::Target(format!("a client could not connect after {} others: {why}", self.ready)));
            }
            if self.ready > moved.1 {
                moved = (Instant::now(), self.ready);
            } else if moved.0.elapsed() > CONNECT_STALL {
                return Err(Error::Timeout(format!("connecting stopped at {} clients", self.ready)));
            }
        }
        Ok(())
    }

    /// Connects the publisher: by HTTP to `internal` if given, else as a client of the crowd's address.
    pub fn join_publisher(
        &mut self,
        crowd: &Crowd,
        internal: Option<SocketAddr>,
        payload_bytes: usize,
    ) -> Result<(), Error> {
        if internal.is_none() && crowd.protocol == Protocol::Polling {
            return Err(Error::Options("polling clients do not publish here: give --internal".to_owned()));
        }
        let registry = self.poll.registry();
        let publisher = match internal {
            Some(address) => Publisher::http(address, payload_bytes, registry, PUBLISHER),
            None => Publisher::socket(crowd.protocol, crowd.address, payload_bytes, registry, PUBLISHER),
        };
        self.publisher = Some(publisher.map_err(Error::io("connect to publish"))?);
        let start = Instant::now();
        while !self.publisher.as_ref().is_some_and(Publisher::is_ready) {
            if start.elapsed() > CONNECT_STALL {
                return Err(Error::Timeout("connecting the publisher".to_owned()));
            }
            self.turn(Some(Duration::from_millis(100)), &mut |_| {})?;
        }
        Ok(())
    }

    /// Queues a publication; [`Self::flush`] sends it.
    pub fn publish(&mut self, stamp: &Stamp) {
        if let Some(publisher) = &mut self.publisher {
            publisher.publish(stamp);
        }
    }

    /// Sends what is queued.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.publisher.as_mut().map_or(Ok(()), Publisher::flush)
    }

    /// Waits at most `timeout` (for ever if `None`) and handles what came.
    pub fn turn(&mut self, timeout: Option<Duration>, on: &mut impl FnMut(Signal)) -> Result<(), Error> {
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => return Ok(()),
            result => result.map_err(Error::io("wait for events"))?,
        }
        for event in &self.events {
            if event.token() == PUBLISHER {
                if let Some(publisher) = &mut self.publisher {
                    publisher.turn(event.is_readable(), event.is_writable(), &mut self.buffer)?;
                }
                continue;
            }
            let Some(member) = self.members.get_mut(event.token().0) else {
                continue;
            };
            let mut reader = Reader {
                number: event.token().0,
                buffer: &mut self.buffer,
                answer: &mut self.answer,
                clock: self.clock,
            };
            let was_ready = member.client.is_ready();
            if let Err(why) = reader.turn(member, event, on) {
                member.link = None;
                on(Signal::Lost { why });
            } else if !was_ready && member.client.is_ready() {
                self.ready += 1;
            }
        }
        Ok(())
    }
}

/// What all members share while they read.
struct Reader<'a> {
    number: usize,
    buffer: &'a mut [u8],
    answer: &'a mut Vec<u8>,
    clock: Clock,
}

impl Reader<'_> {
    fn turn(&mut self, member: &mut Member, event: &Readiness, on: &mut impl FnMut(Signal)) -> Result<(), String> {
        let Some(link) = &mut member.link else {
            return Ok(());
        };
        if event.is_writable() {
            link.writable().map_err(|error| error.to_string())?;
        }
        if !event.is_readable() {
            return Ok(());
        }
        while let Some(count) = link.read(self.buffer).map_err(|error| error.to_string())? {
            let now_ns = self.clock.now_ns();
            let number = self.number;
            let receive = member.client.receive(&mut self.buffer[..count], self.answer, |event| {
                if let Event::Text(text) = event
                    && let Some(stamp) = Stamp::find(text.as_bytes())
                {
                    on(Signal::Delivery { member: number, stamp, now_ns });
                }
            });
            receive.map_err(|error| error.to_string())?;
            if !self.answer.is_empty() {
                link.pending().append(self.answer);
                link.flush().map_err(|error| error.to_string())?;
            }
            // Less than asked for: drained, unless the other side closed as well.
            if count < self.buffer.len() && !event.is_read_closed() {
                break;
            }
        }
        Ok(())
    }
}
