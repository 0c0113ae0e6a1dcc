//! A publication on one shard: the handle that its receivers share. One atomic count a shard
//! and publication; receivers count within the thread.

use std::sync::Arc;

use roomcast_core::delivery::Delivery;

/// A publication on this shard, with its number.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) number: u64,
    pub(crate) delivery: Arc<Delivery>,
    /// What it is charged in the mailbox while it is pending.
    pub(crate) bytes: usize,
}
