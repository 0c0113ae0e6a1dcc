//! Accounts for every publication at every member: once, and in order.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::stamp::Stamp;
use crate::stats::Latencies;

/// What went wrong between publication and delivery.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Faults {
    /// Due at a member, and not there when the run ended.
    pub missing: u64,
    /// Received again.
    pub duplicated: u64,
    /// Received after a later one of the same room.
    pub out_of_order: u64,
    /// Received by a member of another room, or never published.
    pub misrouted: u64,
    /// Connections that ended during the run.
    pub closed: u64,
}

impl Faults {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.missing + self.duplicated + self.out_of_order + self.misrouted + self.closed
    }
}

/// One publication under way.
#[derive(Debug)]
struct Publication {
    outstanding: usize,
    intended_ns: u64,
}

#[derive(Debug)]
struct Member {
    crowd: usize,
    room: u32,
    /// The room's sequence number that is due next.
    next: u64,
    /// Skipped numbers: missing unless they still come. Empty unless something is wrong.
    holes: Vec<u64>,
}

#[derive(Debug, Default)]
struct Room {
    members: usize,
    published: u64,
}

/// The books of one run.
#[derive(Debug)]
pub struct Ledger {
    members: Vec<Member>,
    rooms: Vec<Room>,
    /// Publications from number `first` on that are not complete (or follow one that is not).
    publications: VecDeque<Publication>,
    first: u64,
    incomplete: usize,
    next_room: usize,
    /// What is measured since [`Self::begin`].
    pub tally: Tally,
    /// What went wrong since the start, warm-up included.
    pub faults: Faults,
}

/// What a measured phase counts.
#[derive(Debug)]
pub struct Tally {
    /// Publications sent.
    pub publications: u64,
    /// Deliveries received, each counted once.
    pub deliveries: u64,
    /// From intended send time to each delivery, for each crowd.
    pub crowds: Vec<Latencies>,
    /// From intended send time to each publication's last delivery.
    pub last_receiver: Latencies,
    /// When the last delivery was read.
    pub last_ns: u64,
}

impl Tally {
    fn new(crowds: usize) -> Self {
        Self {
            publications: 0,
            deliveries: 0,
            crowds: (0..crowds).map(|_| Latencies::new()).collect(),
            last_receiver: Latencies::new(),
            last_ns: 0,
        }
    }

    /// From intended send time to each delivery, all crowds together.
    pub fn latencies(&self) -> Latencies {
        Latencies::merged(&self.crowds)
    }
}

impl Ledger {
    /// Books for members whose rooms are given, of `rooms` rooms.
    pub fn new(rooms: u32, members: impl Iterator<Item = u32>) -> Self {
        Self::of_crowds(rooms, [members])
    }

    /// The same for members of several crowds, in their order; latencies are told for each.
    pub fn of_crowds(rooms: u32, crowds: impl IntoIterator<Item = impl Iterator<Item = u32>>) -> Self {
        let mut table: Vec<Room> = (0..rooms).map(|_| Room::default()).collect();
        let (mut members, mut count) = (Vec::new(), 0);
        for crowd in crowds {
            for room in crowd {
                table[room as usize].members += 1;
                members.push(Member { crowd: count, room, next: 0, holes: Vec::new() });
            }
            count += 1;
        }
        Self {
            members,
            rooms: table,
            publications: VecDeque::new(),
            first: 0,
            incomplete: 0,
            next_room: 0,
            tally: Tally::new(count),
            faults: Faults::default(),
        }
    }

    /// Begins a measured phase: counts and latencies from zero, sequences go on.
    pub fn begin(&mut self) {
        self.tally = Tally::new(self.tally.crowds.len());
    }

    /// Publications that some member has not received.
    pub fn in_flight(&self) -> usize {
        self.incomplete
    }

    /// Enters the next publication, to the next room in turn.
    pub fn publish(&mut self, intended_ns: u64) -> Stamp {
        let index = self.next_room;
        self.next_room = (index + 1) % self.rooms.len();
        let room = &mut self.rooms[index];
        let stamp = Stamp {
            room: u32::try_from(index).unwrap_or(u32::MAX),
            room_sequence: room.published,
            sequence: self.first + self.publications.len() as u64,
            intended_ns,
        };
        room.published += 1;
        self.incomplete += usize::from(room.members > 0);
        self.publications.push_back(Publication { outstanding: room.members, intended_ns });
        self.tally.publications += 1;
        stamp
    }

    /// Enters a delivery.
    pub fn delivered(&mut self, member: usize, stamp: &Stamp, now_ns: u64) {
        let published = self.rooms.get(stamp.room as usize).map(|room| room.published);
        let Some(member) = self.members.get_mut(member) else {
            return;
        };
        if stamp.room != member.room || published.is_none_or(|count| stamp.room_sequence >= count) {
            self.faults.misrouted += 1;
            return;
        }
        if stamp.room_sequence >= member.next {
            member.holes.extend(member.next..stamp.room_sequence);
            member.next = stamp.room_sequence + 1;
        } else if let Some(hole) = member.holes.iter().position(|&hole| hole == stamp.room_sequence) {
            member.holes.swap_remove(hole);
            self.faults.out_of_order += 1;
        } else {
            self.faults.duplicated += 1;
            return;
        }
        self.tally.deliveries += 1;
        self.tally.last_ns = now_ns;
        self.tally.crowds[member.crowd].record(now_ns.saturating_sub(stamp.intended_ns));
        self.complete(stamp.sequence, now_ns);
    }

    fn complete(&mut self, sequence: u64, now_ns: u64) {
        let index = sequence.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        let Some(publication) = index.and_then(|index| self.publications.get_mut(index)) else {
            return;
        };
        publication.outstanding = publication.outstanding.saturating_sub(1);
        if publication.outstanding == 0 {
            let latency = now_ns.saturating_sub(publication.intended_ns);
            self.tally.last_receiver.record(latency);
            self.incomplete -= 1;
        }
        while self.publications.front().is_some_and(|publication| publication.outstanding == 0) {
            self.publications.pop_front();
            self.first += 1;
        }
    }

    /// Enters the end of a connection.
    pub fn lost(&mut self) {
        self.faults.closed += 1;
    }

    /// Closes the books: what is not there now is missing.
    pub fn close(&mut self) -> Faults {
        let rooms = &self.rooms;
        let missing = |member: &Member| rooms[member.room as usize].published - member.next + member.holes.len() as u64;
        self.faults.missing = self.members.iter().map(missing).sum();
        self.faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two rooms: members 0 and 2 in room 0, member 1 in room 1.
    fn ledger() -> Ledger {
        Ledger::new(2, [0, 1, 0].into_iter())
    }

    #[test]
    fn a_publication_ends_at_its_last_receiver() {
        let mut ledger = ledger();
        let to_room_0 = ledger.publish(100);
        let to_room_1 = ledger.publish(200);
        assert_eq!((to_room_0.room, to_room_1.room, ledger.in_flight()), (0, 1, 2));
        ledger.delivered(1, &to_room_1, 1_000_200);
        ledger.delivered(0, &to_room_0, 2_000_100);
        assert_eq!(ledger.in_flight(), 1);
        ledger.delivered(2, &to_room_0, 3_000_100);
        assert_eq!(ledger.in_flight(), 0);
        assert_eq!(ledger.tally.deliveries, 3);
        let summary = ledger.tally.last_receiver.summary();
        assert_eq!(summary.count, 2);
        assert!((summary.max_us / 3_000.0 - 1.0).abs() < 0.002);
        assert_eq!(ledger.close(), Faults::default());
    }

    #[test]
    fn crowds_are_told_apart() {
        let mut ledger = Ledger::of_crowds(1, [[0, 0].into_iter(), [0, 0].into_iter()]);
        let stamp = ledger.publish(0);
        for (member, now_ns) in [(0, 1_000_000), (1, 1_000_000), (2, 5_000_000), (2, 9_000_000)] {
            ledger.delivered(member, &stamp, now_ns);
        }
        let summaries: Vec<_> = ledger.tally.crowds.iter().map(Latencies::summary).collect();
        assert_eq!((summaries[0].count, summaries[1].count), (2, 1));
        assert!((summaries[1].p50_us / 5_000.0 - 1.0).abs() < 0.002);
        assert_eq!(ledger.tally.latencies().summary().count, 3);
        assert_eq!(ledger.close(), Faults { missing: 1, duplicated: 1, ..Faults::default() });
    }

    #[test]
    fn every_kind_of_fault_is_told_apart() {
        let mut ledger = Ledger::new(2, [0, 1].into_iter());
        let stamps: Vec<Stamp> = (0..8).map(|_| ledger.publish(0)).collect();
        let room_0: Vec<&Stamp> = stamps.iter().filter(|stamp| stamp.room == 0).collect();
        ledger.delivered(0, room_0[1], 1); // skips number 0
        ledger.delivered(0, room_0[0], 1); // which comes late
        ledger.delivered(0, room_0[0], 1); // and again
        ledger.delivered(1, room_0[2], 1); // to the wrong room
        ledger.delivered(0, room_0[3], 1); // number 2 never comes
        ledger.lost();
        let faults = ledger.close();
        assert_eq!(faults, Faults { missing: 1 + 4, duplicated: 1, out_of_order: 1, misrouted: 1, closed: 1 });
        assert_eq!(faults.total(), 9);
    }

    #[test]
    fn sequences_go_on_over_phases() {
        let mut ledger = Ledger::new(1, [0].into_iter());
        let stamp = ledger.publish(0);
        ledger.delivered(0, &stamp, 1);
        ledger.begin();
        let stamp = ledger.publish(5);
        assert_eq!((stamp.sequence, stamp.room_sequence), (1, 1));
        ledger.delivered(0, &stamp, 6);
        assert_eq!(ledger.tally.deliveries, 1);
        assert_eq!(ledger.close().total(), 0);
    }
}
