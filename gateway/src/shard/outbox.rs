//! What waits for one connection: bounded in bytes and age.
//!
//! A connection that keeps up has no outbox. One that is blocked, that polls, or that is
//! owed bytes of its own has one until the flusher has emptied it. Entries of shared
//! publications are handles; nothing is copied per receiver. A partly written entry is
//! always completed.

use std::collections::VecDeque;
use std::rc::Rc;

use bytes::Bytes;
use roomcast_core::delivery::Variant;
use roomcast_core::engine_io::{self, Framing};
use roomcast_core::publication::Class;
use roomcast_core::session::Millis;

use super::item::Item;
use super::latest::Latest;

/// A message of our own to one connection, framed when it is written: a polling session
/// may have become a WebSocket by then.
#[derive(Debug)]
pub(crate) enum Packet {
    /// An Engine.IO message with its attachments.
    Message(String, Vec<Bytes>),
    /// One Engine.IO packet as text, such as `2`.
    Engine(&'static str),
    /// Complete WebSocket frames.
    Frames(Bytes),
}

/// Memory of an entry beside its bytes: its place in the queue, and what the allocator adds.
const ENTRY_BYTES: usize = size_of::<Waiting>() + 32;

/// What an outbox may hold. An empty one accepts any one entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) bytes_max: usize,
    /// How long the oldest entry may wait.
    pub(crate) age_max: Millis,
}

#[derive(Debug)]
struct Waiting {
    entry: Entry,
    since: Millis,
}

#[derive(Debug)]
enum Entry {
    Shared(Rc<Item>),
    Own(Packet),
    /// The unwritten rest of an entry; of a publication, if `publication`.
    Rest {
        bytes: Bytes,
        publication: bool,
    },
}

/// What came of putting a publication in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// It waits.
    Queued,
    /// It waits in place of an earlier one of its key.
    Superseded,
    /// Dropped: volatile, and the client is not keeping up.
    Dropped,
    /// The bound is reached: unless writing helps, the connection is to be closed.
    Overflow,
    /// There is no outbox: the connection is closed.
    Closed,
}

#[derive(Debug)]
pub(crate) struct Outbox {
    entries: VecDeque<Waiting>,
    bytes: usize,
    /// When writing got stuck; `None`: it is not.
    blocked_since: Option<Millis>,
    /// Since when the client is not read from because of all that waits; `None`: it is.
    pub(crate) unread_since: Option<Millis>,
    /// Made when a client that is behind is owed a `latest` publication.
    latest: Option<Box<Latest>>,
}

impl Outbox {
    pub(crate) fn new() -> Self {
        Self { entries: VecDeque::new(), bytes: 0, blocked_since: None, unread_since: None, latest: None }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Publications that wait, a partly written one included.
    pub(crate) fn publications(&self) -> u64 {
        self.entries.iter().filter(|waiting| waiting.entry.is_publication()).count() as u64
    }

    /// What has to go out before anything else may: the rest of an entry that was written in part.
    pub(crate) fn begun(&self) -> Bytes {
        match self.entries.front() {
            Some(Waiting { entry: Entry::Rest { bytes, .. }, .. }) => bytes.clone(),
            _ => Bytes::new(),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn blocked_since(&self) -> Option<Millis> {
        self.blocked_since
    }

    pub(crate) fn set_blocked(&mut self, now: Millis) {
        self.blocked_since.get_or_insert(now);
    }

    pub(crate) fn set_writable(&mut self) {
        self.blocked_since = None;
    }

    /// Whether so much waits that the client should read before it is heard again: a quarter
    /// of the bound, so that answers to what one read brings still fit. Counts what an entry
    /// itself takes too, or a flood of pings would cost a hundred bytes for each byte counted.
    pub(crate) fn is_filling(&self, bounds: Bounds) -> bool {
        self.bytes + self.entries.len() * ENTRY_BYTES > bounds.bytes_max / 4
    }

    /// When the oldest entry will have waited for too long: one that may come `now`, while there is none.
    pub(crate) fn deadline(&self, now: Millis, bounds: Bounds) -> Millis {
        self.entries.front().map_or(now, |oldest| oldest.since).saturating_add(bounds.age_max)
    }

    /// Whether the oldest entry has waited for too long.
    pub(crate) fn is_too_old(&self, now: Millis, bounds: Bounds) -> bool {
        self.entries.front().is_some_and(|oldest| now >= oldest.since.saturating_add(bounds.age_max))
    }

    fn fits(&self, len: usize, now: Millis, bounds: Bounds) -> bool {
        self.entries.is_empty() || (self.bytes + len <= bounds.bytes_max && !self.is_too_old(now, bounds))
    }

    fn push(&mut self, entry: Entry, len: usize, since: Millis) {
        self.bytes += len;
        self.entries.push_back(Waiting { entry, since });
    }

    /// Puts a publication in. `behind`: the connection takes nothing at the moment.
    pub(crate) fn put(&mut self, item: &Rc<Item>, variant: Variant, behind: bool, now: Millis, bounds: Bounds) -> Put {
        let publication = &item.delivery.publication;
        if behind && publication.class == Class::Volatile {
            return Put::Dropped;
        }
        if behind
            && publication.class == Class::Latest
            && let Some(put) = self.supersede(item, variant, bounds)
        {
            return put;
        }
        let len = item.delivery.encoded(variant).len();
        if !self.fits(len, now, bounds) {
            return Put::Overflow;
        }
        if let Some(latest) = &mut self.latest {
            latest.note(item, self.entries.len());
        }
        self.push(Entry::Shared(Rc::clone(item)), len, now);
        Put::Queued
    }

    /// The connection has fallen behind: volatile publications go before anything else has to.
    /// Returns how many.
    pub(crate) fn drop_volatile(&mut self, variant: Variant) -> u64 {
        let (before, mut freed) = (self.entries.len(), 0);
        self.entries.retain(|waiting| match &waiting.entry {
            Entry::Shared(item) if item.delivery.publication.class == Class::Volatile => {
                freed += item.delivery.encoded(variant).len();
                false
            }
            _ => true,
        });
        self.bytes = self.bytes.saturating_sub(freed);
        if self.entries.len() < before {
            // What stays has moved up.
            self.latest = None;
        }
        (before - self.entries.len()) as u64
    }

    /// Puts a publication in the place of the newest one of its key, if one waits.
    fn supersede(&mut self, item: &Rc<Item>, variant: Variant, bounds: Bounds) -> Option<Put> {
        let at = self.latest().find(item)?;
        let alone = self.entries.len() == 1;
        let Some(Waiting { entry: Entry::Shared(old), .. }) = self.entries.get_mut(at) else {
            return None;
        };
        let (gone, new) = (old.delivery.encoded(variant).len(), item.delivery.encoded(variant).len());
        let bytes = self.bytes.saturating_sub(gone) + new;
        if new > gone && bytes > bounds.bytes_max && !alone {
            return Some(Put::Overflow);
        }
        self.bytes = bytes;
        *old = Rc::clone(item);
        self.latest().note(item, at);
        Some(Put::Superseded)
    }

    /// The places of what may be superseded. Made of what waits if it is not there: once, while
    /// the client stays behind.
    fn latest(&mut self) -> &mut Latest {
        self.latest.get_or_insert_with(|| {
            let mut latest = Box::<Latest>::default();
            for (index, waiting) in self.entries.iter().enumerate() {
                if let Some(item) = waiting.entry.item() {
                    latest.note(item, index);
                }
            }
            latest
        })
    }

    /// Puts a packet of our own in. It comes back if the bound is reached.
    pub(crate) fn put_own(&mut self, packet: Packet, now: Millis, bounds: Bounds) -> Result<(), Packet> {
        let len = packet.len();
        if !self.fits(len, now, bounds) {
            return Err(packet);
        }
        self.push(Entry::Own(packet), len, now);
        Ok(())
    }

    /// Puts the unwritten rest of a publication in, ahead of all that follows.
    pub(crate) fn put_rest(&mut self, rest: Bytes, now: Millis) {
        let len = rest.len();
        self.push(Entry::Rest { bytes: rest, publication: true }, len, now);
    }

    /// The first entries as bytes for the wire, at most `slices_max` of them.
    pub(crate) fn front(&self, variant: Variant, slices_max: usize) -> Vec<Bytes> {
        self.entries.iter().take(slices_max).map(|waiting| waiting.entry.wire(variant)).collect()
    }

    /// Forgets what was written: `written` bytes of what [`Outbox::front`] returned.
    /// Returns how many publications are written completely.
    pub(crate) fn advance(&mut self, front: &[Bytes], mut written: usize) -> u64 {
        let mut publications = 0;
        for bytes in front {
            if written == 0 && !bytes.is_empty() {
                break;
            }
            let Some(Waiting { entry, since }) = self.entries.pop_front() else { break };
            if let Some(latest) = &mut self.latest {
                latest.begun(entry.item(), written < bytes.len());
            }
            let publication = entry.is_publication();
            if written < bytes.len() {
                self.bytes = self.bytes.saturating_sub(entry.charge(bytes.len())) + bytes.len() - written;
                let entry = Entry::Rest { bytes: bytes.slice(written..), publication };
                self.entries.push_front(Waiting { entry, since });
                break;
            }
            written -= bytes.len();
            self.bytes = self.bytes.saturating_sub(entry.charge(bytes.len()));
            publications += u64::from(publication);
        }
        if self.entries.is_empty() {
            // What was charged for another transport may have had another length.
            self.bytes = 0;
        }
        publications
    }
}

impl Entry {
    /// The publication, if it is a whole one.
    fn item(&self) -> Option<&Rc<Item>> {
        match self {
            Self::Shared(item) => Some(item),
            Self::Own(_) | Self::Rest { .. } => None,
        }
    }

    fn is_publication(&self) -> bool {
        matches!(self, Self::Shared(_) | Self::Rest { publication: true, .. })
    }

    fn wire(&self, variant: Variant) -> Bytes {
        match self {
            Self::Shared(item) => item.delivery.encoded(variant).clone(),
            Self::Own(packet) => packet.wire(variant),
            Self::Rest { bytes, .. } => bytes.clone(),
        }
    }

    /// What the entry counted for, given its length on the wire.
    fn charge(&self, wire: usize) -> usize {
        match self {
            Self::Own(packet) => packet.len(),
            Self::Shared(_) | Self::Rest { .. } => wire,
        }
    }
}

impl Packet {
    /// Bytes it counts for: its contents, whatever frames will be put around them.
    fn len(&self) -> usize {
        match self {
            Self::Message(text, attachments) => text.len() + 1 + attachments.iter().map(Bytes::len).sum::<usize>(),
            Self::Engine(text) => text.len(),
            Self::Frames(bytes) => bytes.len(),
        }
    }

    fn wire(&self, variant: Variant) -> Bytes {
        let framing = framing(variant);
        let mut out = Vec::new();
        match self {
            Self::Message(text, attachments) => {
                engine_io::encode_message(framing, text, attachments, &mut out);
            }
            Self::Engine(text) if framing == Framing::Polling => out.extend_from_slice(text.as_bytes()),
            Self::Engine(text) => {
                roomcast_core::websocket::encode(roomcast_core::websocket::Opcode::Text, text.as_bytes(), &mut out);
            }
            Self::Frames(bytes) => return bytes.clone(),
        }
        out.into()
    }
}

/// The framing of a variant.
pub(crate) fn framing(variant: Variant) -> Framing {
    match variant {
        Variant::SocketIoPolling => Framing::Polling,
        Variant::SocketIoWebSocketBase64 => Framing::WebSocketBase64,
        Variant::SocketIoWebSocket | Variant::PlainWebSocket => Framing::WebSocket,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use roomcast_core::delivery::Delivery;
    use roomcast_core::publication::{Audience, Payload, Publication};
    use roomcast_core::room::Namespace;

    use super::*;

    const BOUNDS: Bounds = Bounds { bytes_max: 10_000, age_max: 10 };
    const WIRE: Variant = Variant::PlainWebSocket;

    fn item(class: Class, key: Option<&str>, text: &str) -> Rc<Item> {
        let payload = Payload::from_data(&format!(r#"["x","{text}"]"#), Vec::new()).expect("an event");
        let mut publication = Publication::new("id".into(), Namespace::root(), Audience::everybody(), payload, 0);
        (publication.class, publication.key) = (class, key.map(Into::into));
        Rc::new(Item { number: 1, delivery: Arc::new(Delivery::new(publication, None)), bytes: 0 })
    }

    #[test]
    fn the_bounds_are_bytes_and_the_age_of_the_oldest_but_one_entry_always_fits() {
        let (small, large) = (item(Class::Reliable, None, "a"), item(Class::Reliable, None, &"a".repeat(20_000)));
        let mut outbox = Outbox::new();
        assert_eq!(outbox.put(&large, WIRE, true, 0, BOUNDS), Put::Queued);
        assert_eq!(outbox.put(&small, WIRE, true, 0, BOUNDS), Put::Overflow);
        let mut outbox = Outbox::new();
        assert_eq!(outbox.put(&small, WIRE, true, 0, BOUNDS), Put::Queued);
        assert_eq!(outbox.put(&small, WIRE, true, 9, BOUNDS), Put::Queued);
        // Written bytes do not make what is left any younger.
        let front = outbox.front(WIRE, 64);
        assert_eq!(outbox.advance(&front, 1), 0);
        assert_eq!(outbox.put(&small, WIRE, true, 10, BOUNDS), Put::Overflow);
        assert!(outbox.is_too_old(10, BOUNDS));
        assert!(outbox.put_own(Packet::Engine("2"), 10, BOUNDS).is_err());
    }

    #[test]
    fn a_client_that_is_behind_gets_no_volatile_ones_and_only_the_latest_of_a_key() {
        let mut outbox = Outbox::new();
        assert_eq!(outbox.put(&item(Class::Volatile, None, "v"), WIRE, true, 0, BOUNDS), Put::Dropped);
        assert_eq!(outbox.put(&item(Class::Latest, Some("k"), "1"), WIRE, true, 0, BOUNDS), Put::Queued);
        assert_eq!(outbox.put(&item(Class::Latest, Some("l"), "2"), WIRE, true, 0, BOUNDS), Put::Queued);
        assert_eq!(outbox.put(&item(Class::Latest, Some("k"), "3"), WIRE, true, 0, BOUNDS), Put::Superseded);
        let front = outbox.front(WIRE, 64);
        assert_eq!(front.len(), 2);
        assert!(front[0].ends_with(br#""args":["3"]}"#), "{:?}", front[0]);
        // A partly written one is completed, never replaced.
        outbox.advance(&front, 1);
        assert_eq!(outbox.put(&item(Class::Latest, Some("k"), "4"), WIRE, true, 0, BOUNDS), Put::Queued);
        assert_eq!(outbox.front(WIRE, 64).len(), 3);
        // One that keeps up gets them all.
        assert_eq!(outbox.put(&item(Class::Volatile, None, "v"), WIRE, false, 0, BOUNDS), Put::Queued);
        assert_eq!(outbox.put(&item(Class::Latest, Some("l"), "5"), WIRE, false, 0, BOUNDS), Put::Queued);
    }

    #[test]
    fn volatile_ones_that_wait_already_go_when_the_client_falls_behind() {
        let (volatile, reliable) = (item(Class::Volatile, None, "v"), item(Class::Reliable, None, "r"));
        let mut outbox = Outbox::new();
        for item in [&volatile, &reliable, &volatile, &reliable, &volatile] {
            assert_eq!(outbox.put(item, WIRE, false, 0, BOUNDS), Put::Queued);
        }
        // The first is written in part, and is completed whatever it is.
        let front = outbox.front(WIRE, 64);
        outbox.advance(&front, 1);
        assert_eq!(outbox.drop_volatile(WIRE), 2);
        let left = outbox.front(WIRE, 64);
        assert_eq!(left, [front[0].slice(1..), front[1].clone(), front[3].clone()]);
        assert_eq!(outbox.bytes(), left.iter().map(Bytes::len).sum::<usize>());
    }

    #[test]
    fn an_outbox_fills_by_entries_too_long_before_its_bound() {
        let pong = || Packet::Frames(Bytes::from_static(&[0x8A, 0]));
        let bounds = Bounds { bytes_max: 100 * ENTRY_BYTES, age_max: 10 };
        let mut outbox = Outbox::new();
        let mut pongs = 0;
        while !outbox.is_filling(bounds) {
            assert!(outbox.put_own(pong(), 0, bounds).is_ok());
            pongs += 1;
        }
        assert_eq!((pongs, outbox.bytes()), (25, 50));
        let mut outbox = Outbox::new();
        assert!(outbox.put_own(Packet::Frames(vec![0; 25 * ENTRY_BYTES].into()), 0, bounds).is_ok());
        assert!(outbox.is_filling(bounds));
    }

    #[test]
    fn an_outbox_that_changes_its_transport_ends_at_nothing() {
        let data = r#"["x",{"_placeholder":true,"num":0}]"#;
        let payload = Payload::from_data(data, vec![vec![7; 3000].into()]).expect("an event");
        let publication = Publication::new("id".into(), Namespace::root(), Audience::everybody(), payload, 0);
        let item = Rc::new(Item { number: 1, delivery: Arc::new(Delivery::new(publication, None)), bytes: 0 });
        let mut outbox = Outbox::new();
        // As base64 text it is longer than as a binary frame.
        assert_eq!(outbox.put(&item, Variant::SocketIoPolling, false, 0, BOUNDS), Put::Queued);
        let front = outbox.front(Variant::SocketIoWebSocket, 64);
        assert_eq!(outbox.advance(&front, front[0].len()), 1);
        assert_eq!((outbox.is_empty(), outbox.bytes()), (true, 0));
    }
}
