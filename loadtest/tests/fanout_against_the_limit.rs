//! The generator and the limit in one process: every publication arrives at every member,
//! once and in order. Nothing here depends on how fast the machine is.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use roomcast_loadtest::drive::{Drive, Pace};
use roomcast_loadtest::ledger::Faults;
use roomcast_loadtest::limit::Limit;
use roomcast_loadtest::protocol::Protocol;
use roomcast_loadtest::scenario::{fanout, idle};
use roomcast_loadtest::swarm::Crowd;

/// A limit that serves until it is dropped.
struct Served {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    fn start() -> Self {
        let mut limit = Limit::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("bind");
        let address = limit.address().expect("address");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                limit.turn(Some(Duration::from_millis(20))).expect("turn");
            }
        });
        Self { address, stop, thread: Some(thread) }
    }

    fn crowd(&self, rooms: u32) -> Crowd {
        Crowd { address: self.address, protocol: Protocol::Limit, clients: 20, rooms }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the limit's thread");
        }
    }
}

fn run(rooms: u32, pace: Pace, payload_bytes: usize) -> fanout::Report {
    let served = Served::start();
    fanout::run(&fanout::Options {
        crowd: served.crowd(rooms),
        internal: None,
        pace,
        length: Duration::from_millis(300),
        warmup: Duration::from_millis(50),
        payload_bytes,
        server_pid: Some(std::process::id()),
    })
    .expect("run")
}

fn assert_complete(report: &fanout::Report, receivers: u64) {
    assert_eq!(report.faults, Faults::default(), "{:?}", report.first_loss);
    assert!(report.publications > 0);
    assert_eq!(report.deliveries, report.publications * receivers);
    assert_eq!(report.latency.count, report.deliveries);
    assert_eq!(report.last_receiver.count, report.publications);
    assert!(report.server.is_some() && report.server_memory.is_some());
}

#[test]
fn one_at_a_time() {
    assert_complete(&run(1, Pace::InFlight(1), 128), 20);
}

#[test]
fn sixteen_in_flight_over_five_rooms() {
    assert_complete(&run(5, Pace::InFlight(16), 128), 4);
}

#[test]
fn an_open_loop_sends_what_was_due() {
    let report = run(1, Pace::Rate(200.0), 128);
    assert_complete(&report, 20);
    assert!(report.publications <= 60, "{}", report.publications);
}

#[test]
fn large_payloads_cross_buffers_whole() {
    assert_complete(&run(1, Pace::InFlight(4), 100_000), 20);
}

#[test]
fn crowds_share_a_room_and_are_told_apart() {
    let served = Served::start();
    let crowd = served.crowd(1);
    let mut drive = Drive::join_all(&[Crowd { clients: 3, ..crowd }, Crowd { clients: 5, ..crowd }]).expect("join");
    drive.swarm.join_publisher(&crowd, None, 128).expect("a publisher");
    drive.phase(Pace::Rate(200.0), Duration::from_millis(300)).expect("run");
    assert_eq!(drive.ledger.close(), Faults::default(), "{:?}", drive.first_loss);
    let tally = &drive.ledger.tally;
    let counts: Vec<u64> = tally.crowds.iter().map(|crowd| crowd.summary().count).collect();
    assert!(tally.publications > 0);
    assert_eq!(counts, [tally.publications * 3, tally.publications * 5]);
}

#[test]
fn idle_connections_hold_while_publications_arrive() {
    let served = Served::start();
    let report = idle::run(&idle::Options {
        crowd: served.crowd(1),
        internal: None,
        settle: Duration::from_millis(10),
        hold: Duration::from_millis(300),
        rate: 50.0,
        payload_bytes: 128,
        server_pid: std::process::id(),
    })
    .expect("run");
    assert_eq!(report.faults, Faults::default(), "{:?}", report.first_loss);
    assert!(report.publications > 0);
    assert_eq!(report.deliveries, report.publications * 20);
}

#[test]
fn a_server_that_is_not_there_is_an_error() {
    let crowd = Served::start().crowd(1);
    let error = Drive::join(&crowd).expect_err("nobody listens");
    assert!(error.to_string().contains("could not connect"), "{error}");
}
