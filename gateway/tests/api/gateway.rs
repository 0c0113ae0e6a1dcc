//! A gateway in this process on free ports, and plain HTTP towards it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use roomcast::settings::{Secret, Settings};
use roomcast::{ClientEvents, Gateway, Handle};
use roomcast_core::adapter::MemoryBus;
use roomcast_core::id::NodeTag;
use roomcast_core::publication::{Admission, Audience};
use roomcast_core::room::{Namespace, Room};
use serde_json::Value;

use super::scripted::{self, Scripted};

/// How long anything may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// A running gateway, stopped when it goes.
pub(crate) struct Running(Option<Handle>);

/// Starts one in open mode, after a change of its settings.
pub(crate) fn start_with(change: impl FnOnce(&mut Settings)) -> Running {
    Running(Some(gateway(change).start().expect("it starts")))
}

/// Starts one with a backend in process.
pub(crate) fn start_embedded(events: Arc<dyn ClientEvents>) -> Running {
    Running(Some(gateway(|_| {}).events(events).start().expect("it starts")))
}

/// Starts one whose adapter does what the test says.
pub(crate) fn start_scripted(
    private_rooms_wanted: bool,
    change: impl FnOnce(&mut Settings),
) -> (Running, Arc<Scripted>) {
    let (adapter, events) = Scripted::new(private_rooms_wanted);
    let gateway = gateway(change).adapter(scripted::tag(), Arc::<Scripted>::clone(&adapter), events);
    (Running(Some(gateway.start().expect("it starts"))), adapter)
}

/// Starts several that know each other, on one bus. Their tags are in the order of their numbers.
pub(crate) fn start_several(count: u8) -> Vec<(Running, Arc<Scripted>)> {
    let bus = MemoryBus::new();
    let start = |number| {
        let tag = NodeTag::from_entropy([number, 0, 0]);
        let (adapter, events) = Scripted::on(&bus, tag);
        let secret = |settings: &mut Settings| settings.cluster.secret = Secret::new("s".repeat(32));
        let gateway = gateway(secret).adapter(tag, Arc::<Scripted>::clone(&adapter), events);
        (Running(Some(gateway.start().expect("it starts"))), adapter)
    };
    // In base64 these digits are in the order of their bytes too.
    let nodes: Vec<(Running, Arc<Scripted>)> = (0..count).map(|number| start(number * 4)).collect();
    let infos: Vec<_> = nodes.iter().map(|(gateway, _)| gateway.handle().node().info()).collect();
    for (own, (_, adapter)) in infos.iter().zip(&nodes) {
        adapter.script().peers = infos.iter().filter(|info| info.tag != own.tag).cloned().collect();
    }
    nodes
}

/// One that is about to start, in open mode, after a change of its settings.
pub(crate) fn gateway(change: impl FnOnce(&mut Settings)) -> Gateway {
    let mut settings = Settings::default();
    let free: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    (settings.public.address, settings.internal.address) = (free, free);
    settings.node.shards = 2;
    settings.drain.deadline_ms = 2000;
    change(&mut settings);
    Gateway::new(settings)
}

pub(crate) fn start() -> Running {
    start_with(|_| {})
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(handle) = self.0.take() {
            handle.stop();
        }
    }
}

impl Running {
    /// Starts it.
    pub(crate) fn of(gateway: Gateway) -> Self {
        Self(Some(gateway.start().expect("it starts")))
    }

    pub(crate) fn handle(&self) -> &Handle {
        self.0.as_ref().expect("it runs")
    }

    /// Connects to the public port.
    pub(crate) fn public(&self) -> TcpStream {
        connect(self.handle().public_address())
    }

    /// Connects to the internal port.
    pub(crate) fn internal(&self) -> Http {
        Http(BufReader::new(connect(self.handle().internal_address())))
    }

    /// Connects to the public port, to speak HTTP.
    pub(crate) fn polls(&self) -> Http {
        Http(BufReader::new(self.public()))
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.internal().request("GET", path, &[], None)
    }

    /// Posts JSON.
    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        self.internal().request("POST", path, &[("Content-Type", "application/json")], Some(body))
    }

    /// Publishes and has it accepted.
    pub(crate) fn publish(&self, body: &str) {
        let answer = self.post("/v1/publish", body);
        assert_eq!(answer.status, 202, "{}", answer.body);
    }

    /// Takes room in the mailboxes of a room's shards, as a publication of `bytes` bytes does.
    pub(crate) fn hold(&self, room: &str, bytes: usize) -> Admission {
        let node = self.handle().node();
        let audience = Audience::room(Room::new(room).expect("a name"));
        let started = Instant::now();
        loop {
            match node.admit(&Namespace::root(), &audience, bytes) {
                Ok(held) => return held,
                Err(error) => assert!(started.elapsed() < DEADLINE, "{error}"),
            }
        }
    }

    /// Waits until a path answers what is waited for.
    pub(crate) fn until(&self, path: &str, is: impl Fn(&Answer) -> bool) -> Answer {
        let started = Instant::now();
        loop {
            let answer = self.get(path);
            if is(&answer) {
                return answer;
            }
            assert!(started.elapsed() < DEADLINE, "{path} still says {}", answer.body);
        }
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a socket");
    stream.set_write_timeout(Some(DEADLINE)).expect("a socket");
    stream.set_nodelay(true).expect("a socket");
    stream
}

/// One connection that speaks HTTP.
pub(crate) struct Http(BufReader<TcpStream>);

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.head.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// Asserts that this is a problem document; returns its `field`, or its `room`.
    pub(crate) fn problem(&self, status: u16, code: &str) -> String {
        let json = self.json();
        assert_eq!((self.status, json["code"].as_str()), (status, Some(code)), "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(json["status"], status);
        assert!(json["title"].is_string() && json["detail"].is_string(), "{json}");
        assert!(self.header("x-request-id").is_some());
        let at = json["field"].as_str().or(json["room"].as_str());
        at.unwrap_or_default().to_owned()
    }
}

impl Http {
    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).expect("it reads");
    }

    /// Sends a request and reads the answer. Without a Host among `headers` it names loopback.
    pub(crate) fn request(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Answer {
        let mut text = format!("{method} {path} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            text.push_str("Host: 127.0.0.1\r\n");
        }
        for (name, value) in headers {
            text.extend([name, ": ", value, "\r\n"]);
        }
        if let Some(body) = body {
            let length = body.len().to_string();
            text.extend(["Content-Length: ", &length, "\r\n\r\n", body]);
        } else {
            text.push_str("\r\n");
        }
        self.send(&text);
        self.answer(method == "HEAD")
    }

    /// Reads an answer to its end.
    pub(crate) fn answer(&mut self, bare: bool) -> Answer {
        let mut answer = self.head();
        if let Some(length) = answer.header("content-length").filter(|_| !bare) {
            let mut body = vec![0; length.parse().expect("a number")];
            self.0.read_exact(&mut body).expect("the body");
            answer.body = String::from_utf8(body).expect("UTF-8");
        } else if answer.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk() {
                answer.body.push_str(&chunk);
            }
        }
        answer
    }

    /// Reads an answer as far as its head.
    pub(crate) fn head(&mut self) -> Answer {
        let status = self.line();
        let status = status.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.expect("a status line");
        let mut head = Vec::new();
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(": ") else {
                break;
            };
            head.push((name.to_owned(), value.to_owned()));
        }
        let body = String::new();
        Answer { status, head, body }
    }

    /// Reads one chunk of a body; `None`: it has ended.
    pub(crate) fn chunk(&mut self) -> Option<String> {
        let length = usize::from_str_radix(&self.line(), 16).expect("a chunk");
        let mut chunk = vec![0; length + 2];
        self.0.read_exact(&mut chunk).expect("the chunk");
        chunk.truncate(length);
        (length > 0).then(|| String::from_utf8(chunk).expect("UTF-8"))
    }

    /// Sends one chunk of a body.
    pub(crate) fn send_chunk(&mut self, text: &str) {
        self.send(&format!("{:x}\r\n{text}\r\n", text.len()));
    }

    /// What comes until the connection ends.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).expect("it ends in time");
        rest
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line in time");
        line.trim_end().to_owned()
    }
}
