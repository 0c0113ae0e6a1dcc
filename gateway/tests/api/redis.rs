//! Gateways in this process that are joined over a Redis server of the test's own.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use roomcast::settings::{AdapterKind, Secret, Settings};

use super::gateway::{Running, gateway};
use super::nodes::SECRET;

#[path = "../../../adapter-redis/tests/support/alone.rs"]
mod alone;

pub(crate) use alone::Server;
pub(crate) use alone::until;

/// Starts gateways on one server, and waits until their links are proven and each knows all.
pub(crate) fn start<const N: usize>(server: &Server, change: impl Fn(&mut Settings)) -> [Running; N] {
    let start = |_| {
        Running::of(gateway(|settings| {
            settings.adapter.kind = AdapterKind::Redis;
            settings.redis.addresses = vec![server.address()];
            settings.cluster.secret = Secret::new(SECRET.into());
            change(settings);
        }))
    };
    let nodes = std::array::from_fn(start);
    nodes.iter().for_each(until_up);
    for node in &nodes {
        until("it knows all nodes", || {
            let nodes = node.get("/v1/nodes").json();
            let known = nodes["items"].as_array().map(Vec::len);
            if known == Some(N) { Ok(()) } else { Err(nodes) }
        });
    }
    nodes
}

/// Waits until a gateway's link is proven.
pub(crate) fn until_up(node: &Running) {
    until("its link is up", || {
        let ready = node.get("/readyz").json();
        if ready["adapter"]["up"] == true { Ok(()) } else { Err(ready) }
    });
}

/// A long way to a server: all that goes there, and all that comes from there, takes its time.
pub(crate) struct Far {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
}

impl Far {
    /// How long it takes, one way.
    const LATENCY: Duration = Duration::from_millis(10);

    pub(crate) fn to(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let ended = Arc::new(AtomicBool::new(false));
        let (server, ending) = (server.address(), Arc::clone(&ended));
        thread::spawn(move || {
            while let Ok((near, _)) = listener.accept() {
                if ending.load(Ordering::SeqCst) {
                    return;
                }
                // Nobody is there: whoever came finds the connection closed.
                let Ok(far) = TcpStream::connect(&server) else { continue };
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (from, to) = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
                    thread::spawn(move || Self::carry(from, to));
                }
            }
        });
        Self { address, ended }
    }

    fn carry(mut from: TcpStream, mut to: TcpStream) {
        let _ = to.set_nodelay(true);
        let mut bytes = vec![0; 65_536];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            thread::sleep(Self::LATENCY);
            if to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        for end in [from, to] {
            // One side may be gone already.
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // Its listener looks up once more, and ends.
        let _ = TcpStream::connect(self.address);
    }
}
