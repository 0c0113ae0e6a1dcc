//! Several gateways in this process: one bus between them, and an adapter that tells each of the others.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use roomcast::settings::{Secret, Settings};
use roomcast_core::adapter::{
    Adapter, Answers, BoxFuture, Capabilities, Live, MemoryAdapter, MemoryBus, PublishError, Receipt,
};
use roomcast_core::cluster::{NodeInfo, Request};
use roomcast_core::id::NodeTag;
use roomcast_core::publication::Publication;
use roomcast_core::room::{Namespace, Room};
use serde_json::Value;

use super::gateway::{Answer, Running, gateway};

pub(crate) const SECRET: &str = "what nodes of one test have in common";
pub(crate) const PATH: &str = "/socket.io/?EIO=4&transport=polling";

/// What nodes know of each other.
#[derive(Default)]
pub(crate) struct Table {
    /// Those that all know.
    peers: Mutex<Vec<NodeInfo>>,
    /// Those that are found when they are asked for.
    hidden: Mutex<Vec<NodeInfo>>,
    pub(crate) asked: AtomicUsize,
    /// How long an answer is held back.
    pub(crate) hold: Mutex<Option<tokio::sync::watch::Receiver<bool>>>,
}

/// An adapter over the bus that knows the table.
struct Knowing {
    bus: MemoryAdapter,
    table: Arc<Table>,
}

impl Adapter for Knowing {
    fn capabilities(&self) -> Capabilities {
        self.bus.capabilities()
    }

    fn open(&self, namespace: &Namespace) -> Live {
        self.bus.open(namespace)
    }

    fn close(&self, namespace: &Namespace) {
        self.bus.close(namespace);
    }

    fn want(&self, namespace: &Namespace, room: &Room) -> Live {
        self.bus.want(namespace, room)
    }

    fn unwant(&self, namespace: &Namespace, room: &Room) {
        self.bus.unwant(namespace, room);
    }

    fn publish(&self, publication: Publication) -> BoxFuture<'static, Result<Receipt, PublishError>> {
        self.bus.publish(publication)
    }

    fn request(&self, request: Request, deadline: Duration) -> BoxFuture<'static, Result<Answers, PublishError>> {
        self.bus.request(request, deadline)
    }

    fn peers(&self) -> Vec<NodeInfo> {
        self.table.peers.lock().expect("no panic").clone()
    }

    fn find(&self, tag: NodeTag) -> BoxFuture<'static, Option<NodeInfo>> {
        self.table.asked.fetch_add(1, Ordering::SeqCst);
        let hold = self.table.hold.lock().expect("no panic").clone();
        let table = Arc::clone(&self.table);
        Box::pin(async move {
            if let Some(mut hold) = hold {
                let _ = hold.wait_for(|released| *released).await;
            }
            let hidden = table.hidden.lock().expect("no panic");
            hidden.iter().find(|node| node.tag == tag).cloned()
        })
    }
}

impl Table {
    /// All know that a node is there.
    pub(crate) fn set(&self, node: &Running, internal: SocketAddr) {
        let info = info(node, internal);
        let mut peers = self.peers.lock().expect("no panic");
        peers.retain(|peer| peer.tag != info.tag);
        peers.push(info);
    }

    /// Nobody knows it, until it is asked for.
    pub(crate) fn hide(&self, node: &Running) {
        let info = info(node, node.handle().internal_address());
        self.peers.lock().expect("no panic").retain(|peer| peer.tag != info.tag);
        self.hidden.lock().expect("no panic").push(info);
    }
}

/// A node as others are told of it.
pub(crate) fn info(node: &Running, internal: SocketAddr) -> NodeInfo {
    let (name, version) = (String::new(), String::new());
    let tag = node.handle().node().tag;
    NodeInfo { tag, name, internal, version, draining: false, started_at: 0, heard_at: 0 }
}

/// Nodes that know each other.
pub(crate) fn start<const N: usize>(change: impl Fn(usize, &mut Settings)) -> ([Running; N], Arc<Table>) {
    // Another one for each node of the process: tests run beside each other.
    static NUMBER: AtomicU8 = AtomicU8::new(0);
    let (bus, table) = (MemoryBus::new(), Arc::<Table>::default());
    let nodes = std::array::from_fn(|index| {
        let tag = NodeTag::from_entropy([7, 7, NUMBER.fetch_add(1, Ordering::Relaxed)]);
        let (bus, events) = bus.join(tag);
        let adapter = Knowing { bus, table: Arc::clone(&table) };
        let gateway = gateway(|settings| {
            settings.cluster.secret = Secret::new(SECRET.into());
            change(index, settings);
        });
        let node = Running::of(gateway.adapter(tag, Arc::new(adapter), events));
        table.set(&node, node.handle().internal_address());
        node
    });
    (nodes, table)
}

/// A session that was opened on one node, by polling.
pub(crate) struct Session {
    pub(crate) path: String,
    pub(crate) sid: String,
}

impl Session {
    /// Opens one.
    pub(crate) fn open(node: &Running) -> Self {
        let open = node.polls().request("GET", PATH, &[], None);
        let open: Value = serde_json::from_str(&open.body[1..]).expect("JSON");
        let sid = open["sid"].as_str().expect("an id").to_owned();
        Self { path: format!("{PATH}&sid={sid}"), sid }
    }

    /// Opens one that has joined `/`, and a room, through `by`.
    pub(crate) fn member(node: &Running, by: &Running, room: &str) -> Self {
        let session = Self::open(node);
        session.posts(by, "40");
        assert!(session.get(by).body.starts_with("40"));
        session.posts(by, &format!(r#"420["subscribe","{room}"]"#));
        assert!(session.get(by).body.starts_with("430"));
        session
    }

    pub(crate) fn get(&self, by: &Running) -> Answer {
        by.polls().request("GET", &self.path, &[], None)
    }

    pub(crate) fn post(&self, by: &Running, body: &str) -> Answer {
        by.polls().request("POST", &self.path, &[], Some(body))
    }

    pub(crate) fn posts(&self, by: &Running, body: &str) {
        let answer = self.post(by, body);
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok"), "{answer:?}");
    }

    /// A GET that is pending when this returns: the node took it in the same breath as the one before it
    /// on this connection, which is answered.
    pub(crate) fn getting(&self, by: &Running) -> super::gateway::Http {
        let mut http = by.polls();
        let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        http.send(&(get("/nothing-here") + &get(&self.path)));
        assert_eq!(http.answer(false).status, 404);
        http
    }

    /// The path of its upgrade.
    pub(crate) fn websocket(&self) -> String {
        format!("/socket.io/?EIO=4&transport=websocket&sid={}", self.sid)
    }

    /// Waits until its node has let it go. A pong is welcome at any time.
    pub(crate) fn until_gone(&self, home: &Running) {
        let started = std::time::Instant::now();
        while self.post(home, "3").status == 200 {
            assert!(started.elapsed() < super::gateway::DEADLINE, "it is still there");
            std::thread::sleep(Duration::from_millis(10));
        }
        is_unknown(&self.get(home));
    }
}

/// The answer to a session that is not there.
pub(crate) fn is_unknown(answer: &Answer) {
    assert_eq!((answer.status, answer.body.as_str()), (400, r#"{"code":1,"message":"Session ID unknown"}"#));
}

/// Waits until a series of a node's has a value.
pub(crate) fn until(node: &Running, series: &str, value: u64) {
    let line = format!("\n{series} {value}\n");
    node.until("/metrics", |answer| answer.body.contains(&line));
}
