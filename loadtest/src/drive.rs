//! Drives a swarm through a phase: publish when due, account for what comes.

use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::error::Error;
use crate::ledger::Ledger;
use crate::pacing::Pacing;
use crate::ping::Ping;
use crate::swarm::{Crowd, Signal, Swarm};

/// How long the last deliveries may take after the last publication.
const DRAIN_MAX: Duration = Duration::from_secs(15);

/// The loop looks at its clock at least this often.
const LOOK: Duration = Duration::from_millis(100);

/// A connected swarm with its books.
#[derive(Debug)]
pub struct Drive {
    /// The connections.
    pub swarm: Swarm,
    /// The books.
    pub ledger: Ledger,
    clock: Clock,
    /// What is asked in between, while no publication is under way.
    pub ping: Option<Ping>,
    /// The first reason for which a connection was lost.
    pub first_loss: Option<String>,
}

/// How often to publish.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// So many a second, whatever the server does.
    Rate(f64),
    /// The next one when the last receiver has the one this many before.
    InFlight(usize),
}

impl Drive {
    /// Connects the members.
    pub fn join(crowd: &Crowd) -> Result<Self, Error> {
        Self::join_all(std::slice::from_ref(crowd))
    }

    /// Connects the members of several crowds, which are in the same rooms.
    pub fn join_all(crowds: &[Crowd]) -> Result<Self, Error> {
        let clock = Clock::start();
        let mut swarm = Swarm::new(clock)?;
        for crowd in crowds {
            swarm.join(crowd)?;
        }
        let rooms = crowds.iter().map(|crowd| crowd.rooms).max().unwrap_or(0);
        let rooms_of_members = crowds.iter().map(|crowd| (0..crowd.clients).map(|member| crowd.room_of(member)));
        let ledger = Ledger::of_crowds(rooms, rooms_of_members);
        Ok(Self { swarm, ledger, clock, ping: None, first_loss: None })
    }

    /// Publishes for so long, then waits for the last deliveries. Returns the seconds from
    /// the first publication to the last delivery.
    pub fn phase(&mut self, pace: Pace, length: Duration) -> Result<f64, Error> {
        self.ledger.begin();
        let start_ns = self.clock.now_ns();
        let end_ns = start_ns + u64::try_from(length.as_nanos()).unwrap_or(u64::MAX / 2);
        let mut pacing = match pace {
            Pace::Rate(per_second) => Pacing::rate(per_second, start_ns),
            Pace::InFlight(count) => Pacing::InFlight(count.max(1)),
        };
        if let Some(ping) = &mut self.ping {
            ping.begin(start_ns);
        }
        let mut now_ns = start_ns;
        while now_ns < end_ns {
            while let Some(intended_ns) = pacing.due(now_ns, self.ledger.in_flight()) {
                let stamp = self.ledger.publish(intended_ns);
                self.swarm.publish(&stamp);
            }
            self.swarm.flush()?;
            let look = self.ask_in_between(now_ns)?;
            let wait = pacing.wait(self.clock.now_ns()).map_or(look, |wait| wait.min(look));
            self.turn(wait)?;
            now_ns = self.clock.now_ns();
        }
        let drain = Instant::now();
        while self.ledger.in_flight() > 0 && drain.elapsed() < DRAIN_MAX {
            self.turn(LOOK)?;
        }
        let last_ns = self.ledger.tally.last_ns.max(start_ns);
        Ok(Duration::from_nanos(last_ns - start_ns).as_secs_f64())
    }

    /// Lets time pass: answers pings, accounts for what comes.
    pub fn wait(&mut self, length: Duration) -> Result<(), Error> {
        let start = Instant::now();
        while let Some(left) = length.checked_sub(start.elapsed()) {
            self.turn(left.min(LOOK))?;
            if left.is_zero() {
                break;
            }
        }
        Ok(())
    }

    /// How long the loop may wait with the next ping in view.
    fn ask_in_between(&mut self, now_ns: u64) -> Result<Duration, Error> {
        match &mut self.ping {
            Some(ping) if self.ledger.in_flight() == 0 => Ok(ping.turn(now_ns)?.min(LOOK)),
            _ => Ok(LOOK),
        }
    }

    fn turn(&mut self, timeout: Duration) -> Result<(), Error> {
        let Self { swarm, ledger, first_loss, .. } = self;
        swarm.turn(Some(timeout), &mut |signal| match signal {
            Signal::Delivery { member, stamp, now_ns } => ledger.delivered(member, &stamp, now_ns),
            Signal::Lost { why } => {
                ledger.lost();
                first_loss.get_or_insert(why);
            }
        })
    }
}
