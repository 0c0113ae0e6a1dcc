//! The tasks of a shard's thread: accepting, mail, flushing, timers, and one small read
//! task a connection.

use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use roomcast_core::close::CloseReason;
use roomcast_core::id::ShardIndex;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::Notify;

use super::Shard;
use super::connection::ConnKey;
use crate::mail::{MAIL_BYTES, Mail};
use crate::metrics::{Counter, Gauge, Histogram};
use crate::node::Node;

/// How long the timer task sleeps while nothing is due.
const IDLE: Duration = Duration::from_hours(1);
/// How often the loop's lateness is measured.
const LAG_PERIOD: Duration = Duration::from_millis(250);
/// After how many of these periods tables give back what they no longer need: 5 s.
const UPKEEP_PERIODS: u32 = 20;
/// Mail, and timers, for which room is kept between two batches.
const BATCH_KEPT: usize = 1024;

/// Starts a shard's thread. It ends at [`Mail::Stop`].
pub(crate) fn start(
    index: ShardIndex,
    node: Arc<Node>,
    listener: std::net::TcpListener,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    let runtime = || Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    std::thread::Builder::new().name(format!("shard-{}", index.get())).spawn(move || match runtime() {
        Ok(runtime) => runtime.block_on(run(Shard::new(index, node), listener)),
        Err(error) => tracing::error!(%error, shard = index.get(), "shard has no runtime"),
    })
}

async fn run(shard: Rc<Shard>, listener: std::net::TcpListener) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, shard = shard.index.get(), "shard cannot listen"),
    };
    let drained = Rc::new(Notify::new());
    let flusher = tokio::task::spawn_local(flush(Rc::clone(&shard)));
    let timers = tokio::task::spawn_local(timers(Rc::clone(&shard)));
    tokio::task::spawn_local(lag(Rc::clone(&shard)));
    tokio::task::spawn_local(accept(Rc::clone(&shard), listener, Rc::clone(&drained)));
    let index = shard.index.get();
    // Without one of these the shard would look alive and deliver nothing: its thread ends, and
    // `/livez` says so.
    let died = tokio::select! {
        () = mail(shard, drained) => return,
        died = flusher => died,
        died = timers => died,
    };
    tracing::error!(shard = index, ?died, "a task of the shard has died, and the shard with it");
}

/// Accepts until the node drains; then the listener closes.
async fn accept(shard: Rc<Shard>, listener: TcpListener, drained: Rc<Notify>) {
    let settings = shard.node.settings();
    let (socket_io, plain) = (&settings.socket_io, &settings.websocket);
    let silence =
        (socket_io.ping_interval_ms + socket_io.ping_timeout_ms).max(plain.ping_interval_ms + plain.ping_timeout_ms);
    crate::listener::let_go_after(&listener, Duration::from_millis(silence));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = drained.notified() => return,
        };
        match accepted {
            Ok((stream, address)) => {
                // A socket that is gone already fails at its first read.
                let _ = stream.set_nodelay(true);
                tokio::task::spawn_local(crate::public::serve(Rc::clone(&shard), stream, address));
            }
            Err(error) => {
                tracing::warn!(%error, "accept failed; is the file limit reached?");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn mail(shard: Rc<Shard>, drained: Rc<Notify>) {
    let mut taken = VecDeque::new();
    loop {
        shard.mailbox.ready().await;
        shard.mailbox.take(&mut taken);
        for mail in taken.drain(..) {
            match mail {
                Mail::Deliver(delivery, bytes) => shard.state.borrow_mut().deliver(delivery, bytes),
                Mail::Stop => return end(&shard),
                Mail::Drain(within) => {
                    drained.notify_one();
                    tokio::task::spawn_local(drain(Rc::clone(&shard), within));
                    shard.mailbox.release(MAIL_BYTES);
                }
                other => handle(&shard, other),
            }
        }
        // The mailbox gets it next: what a flood needed is not kept for ever.
        taken.shrink_to(BATCH_KEPT);
    }
}

fn handle(shard: &Rc<Shard>, mail: Mail) {
    let bytes = mail.bytes();
    match mail {
        Mail::Order(request, delivery, responder) => {
            shard.state.borrow_mut().order(&request, delivery, responder);
        }
        Mail::StartAfresh(select) => shard.state.borrow_mut().start_afresh(&select),
        Mail::Query(query) => shard.state.borrow().look_up(query),
        Mail::Poll(sid, poll, reply) => shard.state.borrow_mut().poll(&sid, poll, reply),
        Mail::Adopt(adopted) => crate::public::adopt(shard, adopted),
        Mail::ToSocket(key, what) => shard.state.borrow_mut().socket_order(key, what),
        Mail::Reload => shard.state.borrow_mut().reload(),
        Mail::Deliver(..) | Mail::Drain(_) | Mail::Stop => {}
    }
    shard.mailbox.release(bytes);
}

/// Runs after everything that was runnable when the first connection became dirty.
async fn flush(shard: Rc<Shard>) {
    loop {
        shard.flusher.notified().await;
        while shard.state.borrow_mut().flush() {
            tokio::task::yield_now().await;
        }
    }
}

async fn timers(shard: Rc<Shard>) {
    let mut due: Vec<ConnKey> = Vec::new();
    loop {
        let next = {
            let state = shard.state.borrow();
            [state.wheel.next_at(), state.acks.next_at()].into_iter().flatten().min()
        };
        let at = next.map_or_else(|| Instant::now() + IDLE, |at| shard.node.clock.instant(at));
        tokio::select! {
            () = tokio::time::sleep_until(at.into()) => {}
            () = shard.timer.notified() => continue,
        }
        let mut state = shard.state.borrow_mut();
        let now = state.now();
        state.wheel.take_due(now, &mut due);
        due.drain(..).for_each(|key| state.timer(key));
        due.shrink_to(BATCH_KEPT);
        state.expire_acks();
    }
}

/// The loop's lateness, how much later than asked a timer of this thread fires, and its tasks;
/// now and then, the tables' upkeep.
async fn lag(shard: Rc<Shard>) {
    let mut before = 0;
    for period in (0..UPKEEP_PERIODS).cycle() {
        if period == 0 {
            shard.state.borrow_mut().give_back();
        }
        let at = Instant::now() + LAG_PERIOD;
        tokio::time::sleep_until(at.into()).await;
        let state = shard.state.borrow();
        state.cells.observe(Histogram::SchedulingDelay, at.elapsed());
        let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks() as u64;
        state.cells.gauge_add(Gauge::RuntimeTasks, tasks);
        state.cells.gauge_sub(Gauge::RuntimeTasks, before);
        before = tasks;
        shard.node.stamp(shard.index);
    }
}

/// Closes what is still open at the end of the drain.
fn end(shard: &Shard) {
    let mut state = shard.state.borrow_mut();
    let open: Vec<u32> = state.conns.iter().map(|(index, _)| index as u32).collect();
    for conn in open {
        state.close_index(conn, CloseReason::DrainForced);
    }
}

/// Closes all connections, evenly over `within` milliseconds when there are many.
async fn drain(shard: Rc<Shard>, within: u64) {
    const STEP_MS: u64 = 10;
    const LEAST: usize = 20;
    let keys: Vec<ConnKey> = {
        let state = shard.state.borrow();
        state.conns.iter().map(|(i, c)| ConnKey { index: i as u32, generation: c.generation }).collect()
    };
    let steps = (within / STEP_MS).max(1) as usize;
    for part in keys.chunks(keys.len().div_ceil(steps).max(LEAST)) {
        for key in part {
            let mut state = shard.state.borrow_mut();
            state.close(*key, CloseReason::Drain);
            state.shorten_linger(*key);
        }
        tokio::time::sleep(Duration::from_millis(STEP_MS)).await;
    }
}

/// The one task of a connection: it reads, and wakes for writability while blocked.
struct Reader {
    shard: Rc<Shard>,
    key: ConnKey,
}

impl Future for Reader {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let step = catch_unwind(AssertUnwindSafe(|| self.shard.state.borrow_mut().poll_connection(self.key, cx)));
        step.unwrap_or_else(|_| {
            // A fault in one connection ends that connection and no other.
            let mut state = self.shard.state.borrow_mut();
            state.cells.inc(Counter::ConnectionPanics);
            state.scratch.resize(super::state::SCRATCH_BYTES, 0);
            state.close(self.key, CloseReason::Internal);
            Poll::Pending
        })
    }
}

/// Starts the read task of a connection.
pub(crate) fn spawn_reader(shard: &Rc<Shard>, key: ConnKey) {
    tokio::task::spawn_local(Reader { shard: Rc::clone(shard), key });
}
