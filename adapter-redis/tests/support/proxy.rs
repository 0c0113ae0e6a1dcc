//! A TCP link between a node and a server that passes, stalls, or is cut.
//!
//! It stalls as a network does whose cable was pulled: both sides stay open, bytes go nowhere, and nobody
//! is told. What was held back goes on its way when the link passes again. It forgets connections as a
//! router does that was replaced: the old ones stall for good, new ones pass.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Pass,
    Stall,
    /// Links are closed, and new ones as soon as they come.
    Cut,
}

/// What all connections are told.
#[derive(Clone, Debug)]
struct Orders {
    mode: Mode,
    /// How often connections were forgotten: those accepted before the last time stall for good.
    forgotten: u64,
    /// Where new connections lead to.
    target: String,
}

/// The link; its connections end on drop.
pub(crate) struct Proxy {
    address: SocketAddr,
    orders: watch::Sender<Orders>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Passes everything to `target`, a `host:port`.
    pub(crate) async fn start(target: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener");
        let (orders, told) = watch::channel(Orders { mode: Mode::Pass, forgotten: 0, target: target.to_owned() });
        let accepting = tokio::spawn(accept(listener, told));
        Self { address, orders, accepting }
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Carries bytes again.
    pub(crate) fn pass(&self) {
        self.orders.send_modify(|orders| orders.mode = Mode::Pass);
    }

    /// Keeps all connections open and carries nothing.
    pub(crate) fn stall(&self) {
        self.orders.send_modify(|orders| orders.mode = Mode::Stall);
    }

    /// Closes all connections, and new ones at once.
    pub(crate) fn cut(&self) {
        self.orders.send_modify(|orders| orders.mode = Mode::Cut);
    }

    /// Stalls the connections that there are for good; new ones pass.
    pub(crate) fn forget(&self) {
        self.orders.send_modify(|orders| orders.forgotten += 1);
    }

    /// Leads new connections somewhere else.
    pub(crate) fn lead_to(&self, target: &str) {
        self.orders.send_modify(|orders| target.clone_into(&mut orders.target));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, told: watch::Receiver<Orders>) {
    while let Ok((client, _)) = listener.accept().await {
        let born = told.borrow().forgotten;
        tokio::spawn(carry(client, Told { born, orders: told.clone() }));
    }
}

async fn carry(client: TcpStream, mut told: Told) {
    if !told.passes().await {
        return;
    }
    let target = told.orders.borrow().target.clone();
    let Ok(server) = TcpStream::connect(target).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = pump(from_client, to_server, told.clone()) => {}
        () = pump(from_server, to_client, told.clone()) => {}
        // Both sides are closed when this returns.
        _ = told.orders.wait_for(|orders| orders.mode == Mode::Cut) => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut told: Told) {
    let mut buffer = vec![0; 16 * 1024];
    while told.passes().await {
        tokio::select! {
            read = from.read(&mut buffer) => match read {
                Ok(bytes) if bytes > 0 => {
                    // The link may have stalled meanwhile.
                    if !told.passes().await || to.write_all(&buffer[..bytes]).await.is_err() {
                        return;
                    }
                }
                _ => return,
            },
            changed = told.orders.changed() => if changed.is_err() { return },
        }
    }
}

/// What one connection is told.
#[derive(Clone)]
struct Told {
    born: u64,
    orders: watch::Receiver<Orders>,
}

impl Told {
    /// Waits while the connection is stalled; false once it is cut or the proxy gone.
    async fn passes(&mut self) -> bool {
        let born = self.born;
        let stalls = |orders: &Orders| orders.mode == Mode::Stall || orders.forgotten > born;
        let free = self.orders.wait_for(|orders| orders.mode == Mode::Cut || !stalls(orders)).await;
        free.is_ok_and(|orders| orders.mode == Mode::Pass)
    }
}
