//! Requests of this node that others answer: who has answered, and when that was all.
//!
//! Gateways answer on a channel of this node's and say when they are done. Node servers answer
//! in their own format, one message each, or for a broadcast with acknowledgements one that
//! says how many clients were asked and one for each client.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Mutex;

use roomcast_core::cluster::{Answer, RoomInfo, SocketInfo};
use roomcast_core::id::NodeTag;
use roomcast_core::room::Room;
use tokio::sync::mpsc;

use crate::shared::{Shared, lock};
use crate::wire::Answered;

/// Answers that wait for whoever asked; more are dropped and counted.
pub(crate) const ANSWERS_MAX: usize = 65_536;

/// See the module.
pub(crate) struct Requests {
    max: usize,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    pending: HashMap<u64, Pending>,
}

/// A request whose answers are waited for.
struct Pending {
    answers: mpsc::Sender<Answer>,
    /// Whether rooms are asked for: servers that have no list of them tell their sockets.
    lists_rooms: bool,
    /// How many gateways, and how many Node servers, will answer; `None` until Redis has said.
    expected: Option<(usize, usize)>,
    done: HashSet<NodeTag>,
    /// Node servers that have answered, or said how many clients they have asked.
    servers: usize,
    /// Clients of Node servers that were asked, and that have answered.
    asked: usize,
    acked: usize,
}

impl Pending {
    fn is_over(&self) -> bool {
        self.expected.is_some_and(|(gateways, servers)| {
            self.done.len() >= gateways && self.servers >= servers && self.acked >= self.asked
        })
    }

    /// `false`: there was no room for it.
    fn put(&self, answer: Answer) -> bool {
        !matches!(self.answers.try_send(answer), Err(mpsc::error::TrySendError::Full(_)))
    }
}

impl Requests {
    pub(crate) fn new(max: usize) -> Self {
        Self { max, table: Mutex::default() }
    }

    /// A place for a request; `None`: there are too many. Answers go to `answers`.
    pub(crate) fn begin(&self, answers: mpsc::Sender<Answer>, lists_rooms: bool) -> Option<u64> {
        let mut table = lock(&self.table);
        if table.pending.len() >= self.max {
            // Whoever asked may have gone.
            table.pending.retain(|_, pending| !pending.answers.is_closed());
        }
        if table.pending.len() >= self.max {
            return None;
        }
        // By chance: Node servers answer where all nodes hear, and two nodes must not mean the same number.
        let id = std::iter::repeat_with(random_id).find(|id| !table.pending.contains_key(id))?;
        let (expected, done) = (None, HashSet::new());
        table.pending.insert(id, Pending { answers, lists_rooms, expected, done, servers: 0, asked: 0, acked: 0 });
        Some(id)
    }

    /// Redis has said how many will answer.
    pub(crate) fn expect(&self, id: u64, gateways: usize, servers: usize) {
        self.with(id, |pending| pending.expected = Some((gateways, servers)));
    }

    /// It is over, whoever has not answered.
    pub(crate) fn end(&self, id: u64) {
        lock(&self.table).pending.remove(&id);
    }

    fn with<T>(&self, id: u64, change: impl FnOnce(&mut Pending) -> T) -> Option<T> {
        let mut table = lock(&self.table);
        let pending = table.pending.get_mut(&id)?;
        let changed = change(pending);
        if pending.is_over() {
            table.pending.remove(&id);
        }
        Some(changed)
    }

    /// A gateway has answered; `last`: it is done.
    pub(crate) fn gateway_answered(&self, shared: &Shared, from: NodeTag, id: u64, answers: Vec<Answer>, last: bool) {
        let dropped = self.with(id, |pending| {
            let dropped = answers.into_iter().filter(|answer| !pending.put(answer.clone())).count();
            if last {
                pending.done.insert(from);
            }
            dropped
        });
        shared.counts.answers_dropped.add(dropped.unwrap_or_default() as u64);
    }

    /// A Node server has answered. `false`: the answer was dropped, because too many wait to be read.
    pub(crate) fn server_answered(&self, id: &str, answered: Answered) -> bool {
        let Some(id) = read_id(id) else { return true };
        let put = self.with(id, |pending| {
            let answer = match answered {
                Answered::Ack(ack) => {
                    pending.acked += 1;
                    Answer::Acknowledged(ack)
                }
                Answered::ClientCount(count) => {
                    pending.servers += 1;
                    pending.asked += count;
                    Answer::Asked(count)
                }
                Answered::Sockets(sockets) => {
                    pending.servers += 1;
                    if pending.lists_rooms { rooms_of(sockets) } else { Answer::Sockets(sockets) }
                }
                Answered::Rooms(rooms) => {
                    pending.servers += 1;
                    Answer::Rooms(rooms.into_iter().map(|room| RoomInfo { room, members: 0 }).collect())
                }
                Answered::Emitted(value) => {
                    pending.servers += 1;
                    Answer::Emitted(value)
                }
            };
            pending.put(answer)
        });
        // Nobody waits any more: it came late.
        put.unwrap_or(true)
    }
}

/// The rooms in which these sockets are: names alone, as from servers that have a list of them.
fn rooms_of(sockets: Vec<SocketInfo>) -> Answer {
    let named = |socket: SocketInfo| {
        let SocketInfo { id, rooms, .. } = socket;
        rooms.into_iter().filter(move |room| room.as_str() != id.as_str())
    };
    let rooms: BTreeSet<Room> = sockets.into_iter().flat_map(named).collect();
    Answer::Rooms(rooms.into_iter().map(|room| RoomInfo { room, members: 0 }).collect())
}

/// 24 bits: what 6 characters hold.
fn random_id() -> u64 {
    let mut random = [0; 3];
    // The kernel's generator does not fail once it is seeded, which it is before we run.
    let _ = getrandom::fill(&mut random);
    let [a, b, c] = random.map(u64::from);
    a << 16 | b << 8 | c
}

/// A request's number as the formats write it: 6 characters, or 16 hexadecimal digits.
pub(crate) fn write_id(id: u64, digits: usize) -> String {
    format!("{id:0digits$x}")
}

fn read_id(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(n: u8) -> NodeTag {
        NodeTag::from_entropy([n; 3])
    }

    #[test]
    fn a_request_ends_with_the_last_of_those_who_answer() {
        let requests = Requests::new(1);
        let (sender, mut answers) = mpsc::channel(8);
        let id = requests.begin(sender.clone(), false).expect("a place");
        assert_eq!(requests.begin(sender, false), None, "there is one place");
        requests.with(id, |pending| pending.done.insert(tag(1)));
        requests.expect(id, 2, 1);
        requests.server_answered(&write_id(id, 6), Answered::ClientCount(1));
        requests.with(id, |pending| pending.done.insert(tag(1)));
        requests.with(id, |pending| pending.done.insert(tag(2)));
        assert!(matches!(answers.try_recv(), Ok(Answer::Asked(1))));
        assert!(matches!(answers.try_recv(), Err(mpsc::error::TryRecvError::Empty)), "a client still owes an answer");
        requests.server_answered("zz", Answered::ClientCount(1));
        requests.with(id, |pending| pending.acked += 1);
        assert!(matches!(answers.try_recv(), Err(mpsc::error::TryRecvError::Disconnected)));
    }

    #[test]
    fn an_answer_without_a_place_is_told_apart() {
        let requests = Requests::new(1);
        let (sender, _unread) = mpsc::channel(1);
        let id = write_id(requests.begin(sender, false).expect("a place"), 6);
        assert!(requests.server_answered(&id, Answered::ClientCount(2)));
        assert!(!requests.server_answered(&id, Answered::ClientCount(2)));
    }

    #[test]
    fn nobody_to_wait_for_is_the_end() {
        let requests = Requests::new(1);
        let (sender, mut answers) = mpsc::channel(8);
        let id = requests.begin(sender, false).expect("a place");
        requests.expect(id, 0, 0);
        assert!(matches!(answers.try_recv(), Err(mpsc::error::TryRecvError::Disconnected)));
        requests.end(id);
        assert!(requests.server_answered(&write_id(id, 6), Answered::ClientCount(1)), "late, and not lost");
        assert_eq!(read_id(&write_id(0xabc, 16)), Some(0xabc));
    }
}
