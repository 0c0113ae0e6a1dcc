//! A second prefix, from which publications are taken in and to which nothing is sent.

use roomcast_adapter_redis::{Config, Format, Ingest, Mode, RedisAdapter, Servers};
use roomcast_core::adapter::{Adapter, Event, Events};
use roomcast_core::room::Namespace;
use tokio::runtime::Handle;
use tokio::time::timeout;

#[path = "support/support.rs"]
mod support;

use support::node::{config, room};
use support::server::Server;
use support::wait::{DEADLINE, until};

/// `["emitter", {"type": 2, "data": ["tick", 1], "nsp": "/"}, {"rooms": [ROOM], "except": [], "flags": {}}]`
/// in msgpack, where every string is short.
fn classic(to: &str) -> Vec<u8> {
    let text = |text: &str| {
        let length = u8::try_from(text.len()).expect("short");
        let head = if length < 32 { vec![0xa0 | length] } else { vec![0xd9, length] };
        [head, text.as_bytes().to_vec()].concat()
    };
    let packet =
        [&[0x83], &text("type")[..], &[2], &text("data"), &[0x92], &text("tick"), &[1], &text("nsp"), &text("/")];
    let opts = [&[0x83], &text("rooms")[..], &[0x91], &text(to), &text("except"), &[0x90], &text("flags"), &[0x80]];
    [&[0x93], &text("emitter")[..], &packet.concat(), &opts.concat()].concat()
}

async fn delivered(events: &mut Events) -> String {
    let delivered = async {
        loop {
            if let Some(Event::Delivery(delivery)) = events.recv().await {
                break delivery.publication.audience.single_room().expect("a room").as_str().to_owned();
            }
        }
    };
    timeout(DEADLINE, delivered).await.expect("a delivery")
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_and_private_rooms_of_a_second_prefix_are_heard() {
    for format in [Format::Classic, Format::Sharded(Mode::Dynamic)] {
        let server = Server::start(&[]);
        let ingest = Some(Ingest { format: Format::Classic, prefix: "old".to_owned() });
        let config = Config { ingest, ..config(0, Servers::Standalone(server.address()), format) };
        let private = format!("{}AAAAAAAAAAAAAAAA", config.node.tag);
        let (adapter, mut events) = RedisAdapter::start(config, Handle::current());
        let root = Namespace::root();
        timeout(DEADLINE, adapter.open(&root).wait()).await.expect("live").expect("live");
        timeout(DEADLINE, adapter.want(&root, &room("public")).wait()).await.expect("live").expect("live");
        for to in ["public", &private] {
            let channel = format!("old#/#{to}#");
            // The private rooms are the node's own wish, and nobody waits for it.
            until("it is heard, once", || match server.publish(&channel, &classic(to)) {
                1 => Ok(()),
                heard => Err(heard),
            });
            assert_eq!(delivered(&mut events).await, to, "{format:?}");
        }
    }
}
