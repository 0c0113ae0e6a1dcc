//! Asking everybody: gateways on a channel of their own, Node servers in their format, and this node.
//!
//! Deliberately absent: who has answered (`requests`), and answering (`answering`).

use std::sync::Arc;
use std::time::Duration;

use redis::Value;
use roomcast_core::adapter::{Answers, Event, PublishError, Responder};
use roomcast_core::cluster::Request;
use roomcast_core::room::Namespace;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::connection::number;
use crate::links::Links;
use crate::options::{Config, Servers};
use crate::requests::{ANSWERS_MAX, write_id};
use crate::shared::Shared;
use crate::wire::Outgoing;
use crate::wire::gateways::{self, Own};

/// Asks everybody, this node last: what Redis refused is done nowhere.
pub(crate) async fn ask(
    shared: &Arc<Shared>,
    runtime: &Handle,
    request: Request,
    deadline: Duration,
) -> Result<Answers, PublishError> {
    let (sender, answers) = mpsc::channel(ANSWERS_MAX);
    let own_channel = gateways::namespace(&shared.config.prefix, request.namespace());
    if !shared.links.of(&own_channel).is_up() {
        return Err(PublishError::Unavailable);
    }
    let lists_rooms = matches!(request, Request::ListRooms { .. });
    let Some(id) = shared.requests.begin(sender.clone(), lists_rooms) else {
        shared.counts.requests_refused.inc();
        return Err(PublishError::Overloaded);
    };
    let servers = match &request {
        Request::FetchSockets { servers, .. } | Request::ListRooms { servers, .. } => *servers,
        _ => true,
    };
    // Let go of if this future is dropped, until the task below takes it over.
    let place = Place { shared: Arc::clone(shared), id };
    let own = Own::Ask { id, from: shared.tag(), request: request.clone(), timeout: deadline };
    let told = shared.links.of(&own_channel).post(shared, own_channel.clone(), gateways::encode(&own), None)?;
    // This node is asked when Redis has passed it on: what is refused there is done nowhere.
    let heard = match tokio::time::timeout(shared.config.publish_timeout, told).await {
        Ok(Ok(heard)) => heard?,
        Ok(Err(_)) | Err(_) => return Err(PublishError::OutcomeUnknown),
    };
    // One of those who hear is this node. In a Cluster with the classic format a server knows of its own clients
    // alone.
    let few = shared.links.hears_few(&shared.config);
    let others = if few { shared.peers.all().len() } else { heard.saturating_sub(1) };
    // Node servers are asked in their own format. They are counted first: who comes later is not waited for.
    let asking = async { if servers { ask_servers(shared, &request, id).await } else { 0 } };
    let expected_servers = tokio::time::timeout(deadline, asking).await.unwrap_or(0);
    let _ = shared.events.send(Event::Request(Arc::new(request), Responder::new(sender))).await;
    shared.requests.expect(id, others, expected_servers);
    runtime.spawn(async move {
        tokio::time::sleep(deadline).await;
        drop(place);
    });
    Ok(answers)
}

/// A request's place in the table, given back on drop.
struct Place {
    shared: Arc<Shared>,
    id: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.requests.end(self.id);
    }
}

/// Asks Node servers; gives how many of them will answer.
async fn ask_servers(shared: &Arc<Shared>, request: &Request, id: u64) -> usize {
    let digits = if shared.links.is_sharded() { 16 } else { 6 };
    let Outgoing { channel, payload } = shared.wire.request(request, &write_id(id, digits));
    let answered = !matches!(request, Request::Join(..) | Request::Leave(..) | Request::Disconnect { .. })
        && !matches!(request, Request::ServerSideEmit { ack: false, .. });
    let counted = if answered { count_servers(shared, request.namespace()).await } else { 0 };
    shared.links.of(&channel).post_own(shared, &channel, payload);
    counted
}

/// Node servers in a namespace: who is subscribed to the counted channel and is no gateway.
async fn count_servers(shared: &Shared, namespace: &Namespace) -> usize {
    let verb = if shared.links.is_sharded() { "SHARDNUMSUB" } else { "NUMSUB" };
    let channels = [shared.wire.counted(namespace), gateways::namespace(&shared.config.prefix, namespace)];
    let mut counts = [0; 2];
    for (channel, count) in channels.iter().zip(&mut counts) {
        let Some(connection) = shared.links.of(channel).connection() else { return 0 };
        let reply = connection.call(redis::cmd("PUBSUB").arg(verb).arg(channel)).await;
        if let Ok(Value::Array(pairs)) = reply {
            *count = pairs.get(1).and_then(number).unwrap_or_default();
        } else if let Ok(Value::Map(pairs)) = reply {
            *count = pairs.first().and_then(|(_, count)| number(count)).unwrap_or_default();
        }
    }
    let [all, gateways] = counts;
    usize::try_from(all - gateways).unwrap_or_default()
}

impl Links {
    /// Whether the number of those who heard a publication is that of one server of several.
    fn hears_few(&self, config: &Config) -> bool {
        matches!(config.servers, Servers::Cluster(_)) && !self.is_sharded()
    }
}
