//! The turn: what came since the last flush, and where the flusher stands.

use std::collections::VecDeque;
use std::rc::Rc;

use bytes::Bytes;
use roomcast_core::delivery::Variant;

use super::item::Item;
use super::rooms::RoomIndex;

/// The turn: what is dirty, and where the flusher stands.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// Number of the latest publication.
    pub(crate) number: u64,
    pub(crate) rooms: VecDeque<RoomIndex>,
    pub(crate) conns: VecDeque<u32>,
    pub(super) current: Option<Current>,
}

/// A room in the middle of its flush. Members are written from the last to the first, so
/// that a leave (a swap with the last) never hides one that is not written yet.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) room: RoomIndex,
    /// Members below this are not written yet.
    pub(super) below: usize,
    /// Numbers of the first and last publication that go out.
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) items: Vec<Rc<Item>>,
    pub(super) frames: [Option<Bytes>; Variant::COUNT],
    pub(super) delivered: [u64; 2],
    pub(super) sent: [u64; 2],
}
