//! The life of a link: connect, live until a fault, let go, connect again; for ever.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::{Link, Target, Waiting, lock, prober, publisher, subscriber};
use crate::connection::{ConnectError, Connection, Nobody, text};
use crate::inbox::Inbox;
use crate::locate;
use crate::proof::Fault;
use crate::shared::Shared;

/// Pauses between attempts: from the first, twice as long each time, up to the last; each a random part of it.
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Both connections of a link.
struct Pair {
    publishes: Arc<Connection>,
    hears: Connection,
    /// The one that hears, for whoever replaces it.
    named: Option<Named>,
}

/// Runs until the link is closed.
pub(crate) async fn run(shared: Arc<Shared>, link: Arc<Link>, mut waiting: Waiting) {
    tokio::select! {
        () = live(&shared, &link, &mut waiting) => {}
        () = link.closed.notified() => {}
    }
    link.failed(&shared, &Fault::Lost);
    *lock(&link.connection) = None;
    waiting.refuse_all();
}

async fn live(shared: &Arc<Shared>, link: &Arc<Link>, waiting: &mut Waiting) {
    if link.target == Target::Unknown {
        loop {
            // Rooms come and go meanwhile: what is not wanted any more is forgotten.
            tokio::time::sleep(PAUSE_MAX).await;
            lock(&link.wishes).begin_anew();
        }
    }
    let mut pause = PAUSE_FIRST;
    // The connection that heard last: the server may not know yet that it is gone.
    let mut stale = None;
    loop {
        match connect(shared, link, stale.take()).await {
            Ok(mut pair) => {
                stale = pair.named.take();
                let (fault, was_up) = session(shared, link, waiting, pair).await;
                count(shared, &fault);
                // What parts nodes is not mended by haste.
                if was_up && !matches!(fault, Fault::Split(_)) {
                    pause = PAUSE_FIRST;
                }
            }
            Err(error) => {
                count_error(shared, &error);
                link.set_trouble(error.to_string(), error == ConnectError::Replica);
                lock(&link.wishes).begin_anew();
            }
        }
        // Posts that came before it was known that the link is down.
        waiting.refuse_all();
        if link.target != Target::Master {
            shared.links.look_again();
        }
        tokio::time::sleep(part_of(pause)).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

async fn connect(shared: &Arc<Shared>, link: &Arc<Link>, stale: Option<Named>) -> Result<Pair, ConnectError> {
    let address = match &link.target {
        Target::Node(address) => address.clone(),
        Target::Master | Target::Unknown => locate::master(shared).await?,
    };
    lock(&link.trouble).address.clone_from(&address);
    let endpoint = shared.links.endpoint(&shared.config, address)?;
    let publishes = endpoint.connect(Nobody).await?;
    if !publishes.master {
        return Err(ConnectError::Replica);
    }
    if let Some(stale) = stale {
        // While it is counted as a subscriber, Node servers wait for its answers. It is nobody's error if
        // it is gone, or if we may not do this.
        let mut kill = redis::cmd("CLIENT");
        kill.arg("KILL").arg("ID").arg(stale.id).arg("ADDR").arg(stale.address);
        let _ = timeout(endpoint.timeout, publishes.call(&kill)).await;
    }
    let hears = endpoint.connect(Inbox::new(shared, link)).await?;
    // A server that hangs from here on is found out by its canaries.
    let named = timeout(endpoint.timeout, named(&hears)).await.ok().flatten();
    Ok(Pair { publishes: Arc::new(publishes), hears, named })
}

/// A connection as its server knows it. By its number alone another server, or the same after a restart,
/// would know somebody else's.
struct Named {
    id: i64,
    address: String,
}

/// `None`: the server does not say.
async fn named(connection: &Connection) -> Option<Named> {
    let info = connection.call(redis::cmd("CLIENT").arg("INFO")).await.ok()?;
    let info = text(&info)?;
    let address = info.split_ascii_whitespace().find_map(|pair| pair.strip_prefix("addr="))?;
    Some(Named { id: connection.id, address: address.to_owned() })
}

/// Lives until a fault. Also: whether the link was sound meanwhile.
async fn session(shared: &Arc<Shared>, link: &Arc<Link>, waiting: &mut Waiting, pair: Pair) -> (Fault, bool) {
    let Pair { publishes, hears, .. } = pair;
    link.begin(shared);
    *lock(&link.connection) = Some(Arc::clone(&publishes));
    let fault = tokio::select! {
        fault = publisher::publish(shared, link, waiting, &publishes) => fault,
        fault = subscriber::subscribe(shared, link, &hears) => fault,
        fault = prober::probe(shared, link, &publishes, &hears) => fault,
        () = publishes.gone() => Fault::Lost,
        () = hears.gone() => Fault::Lost,
    };
    let was_up = link.failed(shared, &fault);
    *lock(&link.connection) = None;
    (fault, was_up)
}

impl Link {
    fn begin(&self, shared: &Shared) {
        let now = shared.clock.now();
        self.subscribed.send_replace(false);
        lock(&self.heard).clear();
        lock(&self.wishes).begin_anew();
        lock(&self.proof).connected(now);
    }
}

fn count(shared: &Shared, fault: &Fault) {
    let counts = &shared.counts;
    match fault {
        Fault::Lost => counts.lost.inc(),
        Fault::Silent => counts.silent.inc(),
        Fault::Replica => counts.replica.inc(),
        Fault::Split(_) => counts.split.inc(),
        Fault::Subscriptions => counts.miscounted.inc(),
        Fault::TagTaken => counts.connect_unfit.inc(),
    }
}

fn count_error(shared: &Shared, error: &ConnectError) {
    let counts = &shared.counts;
    match error {
        ConnectError::Unreachable(_) => counts.connect_unreachable.inc(),
        ConnectError::Denied(_) => counts.connect_denied.inc(),
        ConnectError::Replica => counts.connect_replica.inc(),
        ConnectError::Unfit(_) => counts.connect_unfit.inc(),
    }
}

/// A random part of a pause, so that nodes do not come back in step.
fn part_of(pause: Duration) -> Duration {
    let mut random = [0; 2];
    // The kernel's generator does not fail once it is seeded, which it is before we run.
    let _ = getrandom::fill(&mut random);
    pause.mul_f64(f64::from(u16::from_ne_bytes(random)) / f64::from(u16::MAX)).max(Duration::from_millis(5))
}
