//! Orders about sockets of a polled session, which needs no network.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use roomcast_core::delivery::Variant;
use roomcast_core::id::{ShardIndex, Sid};
use roomcast_core::publication::Payload;
use roomcast_core::room::Namespace;
use roomcast_core::session::{Request as Wish, Session};
use tokio::sync::oneshot;

use super::*;
use crate::client_events::{Client, ClientEvents, Decision};
use crate::mail::{Answer, Mail, Poll};
use crate::node::{Node, Parts};
use crate::shard::Shard;
use crate::shard::connection::{ConnKey, Connection, Peer, Transport};

/// The place of the only socket.
const SOCKET: u32 = 0;

/// Decides when it is told to.
#[derive(Default)]
struct Undecided(Mutex<VecDeque<oneshot::Sender<()>>>);

impl ClientEvents for Undecided {
    fn connect(&self, _: &Client, _: &str) -> Decision {
        let (decide, decided) = oneshot::channel();
        self.0.lock().expect("one thread").push_back(decide);
        Decision::Later(Box::pin(async move {
            let _ = decided.await;
            Ok(())
        }))
    }

    fn event(&self, _: &Client, _: Payload, _: Option<u64>) {}
}

fn shard(events: Option<Arc<dyn ClientEvents>>) -> Rc<Shard> {
    let node = Node::new(Parts { events, ..Parts::small() });
    Shard::new(ShardIndex::new(0).expect("below 64"), node)
}

/// A polled session that has asked to join `/`.
fn connect(shard: &Shard) -> (ConnKey, Sid) {
    let mut state = shard.state.borrow_mut();
    let sid = Sid::new(shard.node.tag, shard.index, [7; 12]);
    let session = Session::new(state.now(), &state.rules.socket_io);
    let peer = Peer {
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, 1)),
        permit: shard.node.admit_connection().expect("the first"),
        kept: None,
    };
    let speech = Speech::SocketIo { sid, session };
    let polling = Transport::Polling(Box::default());
    let key = state.insert(Connection::new(polling, speech, Variant::SocketIoPolling, peer));
    ask(&mut state, key);
    (key, sid)
}

fn ask(state: &mut State, key: ConnKey) {
    let (namespace, auth) = ("/", "");
    state.request(key, Wish::Connect { namespace, auth });
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .expect("a runtime")
        .block_on(test);
}

#[test]
fn what_was_published_before_a_disconnect_arrives_before_it() {
    run(async {
        let shard = shard(None);
        let (_, sid) = connect(&shard);
        let mut state = shard.state.borrow_mut();
        let room = Room::new("a").expect("a name");
        state.join(SOCKET, &room);
        let payload = Payload::from_data(r#"["bye"]"#, Vec::new()).expect("an event");
        let publication = Publication::new("id".into(), Namespace::root(), Audience::room(room), payload, 0);
        shard.mailbox.post_admitted(Mail::Stop, 1);
        state.deliver(Arc::new(Delivery::new(publication, None)), 1);
        state.disconnect(SOCKET, false);
        let (reply, mut answer) = oneshot::channel();
        state.poll(&sid, Poll::Get, reply);
        let Ok(Answer::Packets(packets)) = answer.try_recv() else { panic!("there is something to say") };
        let packets = String::from_utf8(packets.to_vec()).expect("text");
        let packets: Vec<&str> = packets.split('\u{1e}').skip(1).collect();
        assert_eq!(packets, [r#"42["bye"]"#, "41"]);
    });
}

#[test]
fn a_late_decision_is_about_its_own_socket() {
    run(async {
        let events = Arc::new(Undecided::default());
        let shard = shard(Some(Arc::clone(&events) as Arc<dyn ClientEvents>));
        let (key, _) = connect(&shard);
        {
            let mut state = shard.state.borrow_mut();
            state.disconnect(SOCKET, false);
            ask(&mut state, key);
            assert_eq!(state.sockets.len(), 1, "the second has the place of the first");
        }
        let decide = |events: &Undecided| events.0.lock().expect("one thread").pop_front();
        for joined in [false, true] {
            let decide = decide(&events).expect("two were asked");
            decide.send(()).expect("it is waited for");
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            assert_eq!(shard.state.borrow().sockets[SOCKET as usize].joined, joined);
        }
    });
}
