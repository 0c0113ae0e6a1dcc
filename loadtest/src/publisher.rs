//! The one connection that publishes.

use std::io;
use std::net::SocketAddr;

use mio::{Registry, Token};
use roomcast_core::websocket::Opcode;

use crate::client::{Client, Purpose};
use crate::error::Error;
use crate::frames::encode_masked;
use crate::http::{self, Answers};
use crate::link::Link;
use crate::protocol::{Protocol, publish_body};
use crate::stamp::Stamp;

/// Publishes over a connection of its own, so that the server sees publications in one order.
#[derive(Debug)]
pub struct Publisher {
    link: Link,
    kind: Kind,
    payload_bytes: usize,
    message: Vec<u8>,
    answer: Vec<u8>,
}

#[derive(Debug)]
enum Kind {
    Http { host: String, answers: Answers },
    Socket { protocol: Protocol, client: Client },
}

impl Publisher {
    /// Through `POST /v1/publish`.
    pub fn http(address: SocketAddr, payload_bytes: usize, registry: &Registry, token: Token) -> io::Result<Self> {
        let kind = Kind::Http { host: address.to_string(), answers: Answers::default() };
        Ok(Self::new(Link::connect(address, registry, token)?, kind, payload_bytes))
    }

    /// Through a client connection that is a member of no room.
    pub fn socket(
        protocol: Protocol,
        address: SocketAddr,
        payload_bytes: usize,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        let mut link = Link::connect(address, registry, token)?;
        let host = address.to_string();
        link.pending().extend_from_slice(protocol.first_request(&host).as_bytes());
        let client = Client::new(protocol, Purpose::Publisher, &host);
        Ok(Self::new(link, Kind::Socket { protocol, client }, payload_bytes))
    }

    fn new(link: Link, kind: Kind, payload_bytes: usize) -> Self {
        Self { link, kind, payload_bytes, message: Vec::new(), answer: Vec::new() }
    }

    /// Whether it may publish.
    pub fn is_ready(&self) -> bool {
        match &self.kind {
            Kind::Http { .. } => true,
            Kind::Socket { client, .. } => client.is_ready(),
        }
    }

    /// Queues one publication for the next [`Self::flush`].
    pub fn publish(&mut self, stamp: &Stamp) {
        self.message.clear();
        match &self.kind {
            Kind::Http { host, .. } => {
                publish_body(stamp, self.payload_bytes, &mut self.message);
                http::post(host, &self.message, self.link.pending());
            }
            Kind::Socket { protocol, .. } => {
                protocol.publish(stamp, self.payload_bytes, &mut self.message);
                encode_masked(Opcode::Text, &self.message, self.link.pending());
            }
        }
    }

    /// Writes what is queued: publications that are due together leave in one write.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.link.flush().map_err(Error::io("publish"))
    }

    /// The socket has news.
    pub fn turn(&mut self, readable: bool, writable: bool, buffer: &mut [u8]) -> Result<(), Error> {
        if writable {
            self.link.writable().map_err(Error::io("connect to publish"))?;
        }
        if readable {
            while let Some(count) = self.link.read(buffer).map_err(Error::io("read a publication's answer"))? {
                self.receive(&mut buffer[..count])?;
            }
        }
        self.link.pending().append(&mut self.answer);
        self.flush()
    }

    fn receive(&mut self, input: &mut [u8]) -> Result<(), Error> {
        match &mut self.kind {
            Kind::Socket { client, .. } => client.receive(input, &mut self.answer, |_| {})?,
            Kind::Http { answers, .. } => {
                answers.receive(input);
                if let Some(refusal) = answers.refusal.take() {
                    return Err(Error::Refused(refusal));
                }
            }
        }
        Ok(())
    }
}
