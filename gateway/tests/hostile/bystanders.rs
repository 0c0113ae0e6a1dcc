//! The clients that must not notice: 200 of them in one room, of every kind, and the
//! publisher of the numbered stream that each must get whole and in order.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Notify;

use crate::link::{Link, Socket};
use crate::node::Node;
use crate::peer::Peer;
use crate::wait_until;

/// How many there are.
pub(crate) const BYSTANDERS: usize = 200;
/// Those of them that poll, if any do; the others are WebSockets, plain and Socket.IO by turns.
pub(crate) const POLLING: usize = 6;
/// The room of all of them.
const ROOM: &str = "hall";
/// From one number of the stream to the next.
const PACE: Duration = Duration::from_millis(40);

/// What the bystanders have got, and what went wrong with any.
struct Seen {
    /// The last number that each got; the first is 1.
    last: Vec<AtomicU64>,
    /// Who is in the room.
    joined: AtomicU64,
    faults: Mutex<Vec<String>>,
    /// Session ids of Socket.IO: whoever has one is that client.
    sids: Mutex<Vec<String>>,
    published: AtomicU64,
    /// The publisher has to stop, then the clients.
    stopping: AtomicBool,
    stopped: Notify,
}

/// 200 clients, until they go.
pub(crate) struct Bystanders {
    seen: Arc<Seen>,
    clients: Option<JoinHandle<()>>,
    publisher: Option<JoinHandle<()>>,
}

impl Bystanders {
    /// Connects all of them, of which `polls` poll, then starts their stream.
    pub(crate) fn join(node: &Node, polls: usize) -> Self {
        let seen = Arc::new(Seen {
            last: (0..BYSTANDERS).map(|_| AtomicU64::new(0)).collect(),
            joined: AtomicU64::new(0),
            faults: Mutex::default(),
            sids: Mutex::default(),
            published: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            stopped: Notify::new(),
        });
        let (public, internal) = (node.public, node.internal);
        let clients = {
            let seen = Arc::clone(&seen);
            std::thread::spawn(move || run(public, &seen, polls))
        };
        let mut bystanders = Self { seen: Arc::clone(&seen), clients: Some(clients), publisher: None };
        wait_until(|| {
            bystanders.check();
            let joined = seen.joined.load(SeqCst);
            (joined as usize == BYSTANDERS).then_some(()).ok_or_else(|| format!("{joined} have joined"))
        });
        bystanders.publisher = Some(std::thread::spawn(move || publish(internal, &seen)));
        bystanders
    }

    /// Fails if any of them lost, repeated or reordered a number, or was closed.
    pub(crate) fn check(&self) {
        let faults = self.seen.faults.lock().expect("no panic").clone();
        assert!(faults.is_empty(), "{} bystanders noticed: {:?}", faults.len(), &faults[..faults.len().min(3)]);
    }

    /// Waits until every one has every number published so far.
    pub(crate) fn catch_up(&self) {
        // One more than now, so that the stream is seen to go on.
        let target = self.seen.published.load(SeqCst) + 1;
        wait_until(|| {
            self.check();
            let behind = self.seen.last.iter().filter(|last| last.load(SeqCst) < target).count();
            (behind == 0).then_some(()).ok_or_else(|| format!("{behind} bystanders wait for number {target}"))
        });
    }

    /// What lets others speak for them, and so may not be logged.
    pub(crate) fn sids(&self) -> Vec<String> {
        self.seen.sids.lock().expect("no panic").clone()
    }
}

impl Drop for Bystanders {
    fn drop(&mut self) {
        self.seen.stopping.store(true, SeqCst);
        if let Some(publisher) = self.publisher.take() {
            // Its own failure is among the faults.
            let _ = publisher.join();
        }
        self.seen.stopped.notify_one();
        if let Some(clients) = self.clients.take() {
            let _ = clients.join();
        }
    }
}

/// Publishes the stream over one connection, until told to stop.
fn publish(internal: SocketAddr, seen: &Seen) {
    let mut backend = Peer::connect(internal);
    for number in 1.. {
        if seen.stopping.load(SeqCst) {
            return;
        }
        let body = format!(r#"{{"to":{{"rooms":["{ROOM}"]}},"event":"n","args":[{number}]}}"#);
        let answer = backend.post_json("/v1/publish", &body);
        if answer.status != 202 {
            return seen.fault(format!("publication {number} was refused: {answer:?}"));
        }
        seen.published.store(number, SeqCst);
        std::thread::sleep(PACE);
    }
}

/// The thread of the clients.
fn run(public: SocketAddr, seen: &Arc<Seen>, polls: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        for who in 0..BYSTANDERS {
            let seen = Arc::clone(seen);
            tokio::spawn(async move {
                let ended = match who {
                    _ if who < polls => polling(public, &seen, who).await,
                    _ if who % 2 == 0 => plain(public, &seen, who).await,
                    _ => socket_io(public, &seen, who).await,
                };
                if let Err(error) = ended {
                    seen.fault(format!("bystander {who} is gone: {error}"));
                }
            });
        }
        seen.stopped.notified().await;
    });
}

impl Seen {
    fn fault(&self, what: String) {
        self.faults.lock().expect("no panic").push(what);
    }

    fn joined(&self) {
        self.joined.fetch_add(1, SeqCst);
    }

    /// One more number for one of them.
    fn number(&self, who: usize, number: Option<u64>, text: &str) -> io::Result<()> {
        let before = self.last[who].load(SeqCst);
        if number != Some(before + 1) {
            return Err(io::Error::other(format!("after {before} came {text}")));
        }
        self.last[who].store(before + 1, SeqCst);
        Ok(())
    }

    /// A packet of Socket.IO, once in the room.
    fn event(&self, who: usize, packet: &str) -> io::Result<()> {
        let number = packet.strip_prefix(r#"42["n","#).and_then(|rest| rest.strip_suffix(']'));
        self.number(who, number.and_then(|number| number.parse().ok()), packet)
    }
}

/// Waits for the message that has `part` in it. A backend may greet its clients before, and
/// the server may ping.
async fn until(socket: &mut Socket, part: &str) -> io::Result<()> {
    loop {
        match socket.next().await? {
            text if text.contains(part) => return Ok(()),
            ping if ping == "2" => socket.send("3").await?,
            text => assert!(text.contains(r#""auth""#), "{text}"),
        }
    }
}

async fn plain(public: SocketAddr, seen: &Seen, who: usize) -> io::Result<()> {
    let mut socket = Socket::open(public, "/ws").await?;
    socket.next().await?;
    socket.send(&format!(r#"{{"type":"subscribe","id":"1","rooms":["{ROOM}"]}}"#)).await?;
    until(&mut socket, r#""type":"ok""#).await?;
    seen.joined();
    loop {
        let text = socket.next().await?;
        let event: Value = serde_json::from_str(&text)?;
        seen.number(who, event["args"][0].as_u64(), &text)?;
    }
}

/// The id that is the session's, from its first packet.
fn sid(open: &str) -> io::Result<String> {
    let open: Value = serde_json::from_str(open.strip_prefix('0').unwrap_or_default())?;
    Ok(open["sid"].as_str().expect("an id").to_owned())
}

async fn socket_io(public: SocketAddr, seen: &Seen, who: usize) -> io::Result<()> {
    let mut socket = Socket::open(public, "/socket.io/?EIO=4&transport=websocket").await?;
    let sid = sid(&socket.next().await?)?;
    seen.sids.lock().expect("no panic").push(sid);
    socket.send("40").await?;
    until(&mut socket, r#"40{"sid""#).await?;
    socket.send(&format!(r#"421["subscribe","{ROOM}"]"#)).await?;
    until(&mut socket, r#"431[{"ok":true"#).await?;
    seen.joined();
    loop {
        match socket.next().await?.as_str() {
            "2" => socket.send("3").await?,
            packet => seen.event(who, packet)?,
        }
    }
}

async fn polling(public: SocketAddr, seen: &Seen, who: usize) -> io::Result<()> {
    let mut poll = Poll { public, path: "/socket.io/?EIO=4&transport=polling".to_owned() };
    let sid = sid(&poll.request("GET", "").await?)?;
    poll.path = format!("{}&sid={sid}", poll.path);
    seen.sids.lock().expect("no panic").push(sid);
    poll.request("POST", "40").await?;
    poll.request("POST", &format!(r#"421["subscribe","{ROOM}"]"#)).await?;
    while !poll.request("GET", "").await?.contains(r#"431[{"ok":true"#) {}
    seen.joined();
    loop {
        for packet in poll.request("GET", "").await?.split('\x1e') {
            match packet {
                "2" => drop(poll.request("POST", "3").await?),
                packet => seen.event(who, packet)?,
            }
        }
    }
}

/// A session that is polled, each time over a connection of its own: any shard may take it.
struct Poll {
    public: SocketAddr,
    path: String,
}

impl Poll {
    async fn request(&self, method: &str, body: &str) -> io::Result<String> {
        let mut link = Link::connect(self.public).await?;
        let length = body.len();
        let path = &self.path;
        let request = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n{body}");
        link.write(request.as_bytes()).await?;
        let (head, body) = link.answer().await?;
        if head.starts_with("http/1.1 200") { Ok(body) } else { Err(io::Error::other(format!("{head}{body}"))) }
    }
}
