//! The one table of metrics: variant, labels, exposed name, help. The exposition, the
//! slots of the cells and `docs/metrics.md` all come from here.

use roomcast_core::close::CloseReason;

use super::labels::{
    AckResult, AdapterFault, ClientErrorCode, CodeClass, DeliveryMatch, DeliveryPath, Direction, DropReason,
    ForwardResult, HandshakeResult, HttpRefusal, Label, Listener, MessageKind, PayloadFault, Protocol,
    PublicationOrigin, PublicationResult, ReadyCheck, ReconnectCause, ReloadResult, Route, SubscribeResult, Transport,
    TunnelResult, UpgradeResult, Version,
};

/// What a family counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// One family of series.
#[derive(Clone, Copy)]
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) kind: Kind,
    pub(super) labels: &'static [LabelSet],
}

/// One dimension of a family.
#[derive(Clone, Copy)]
pub(super) struct LabelSet {
    pub(super) names: &'static [&'static str],
    pub(super) count: usize,
    pub(super) values: fn(usize) -> Vec<&'static str>,
}

impl Family {
    /// Series of the family: the product of its labels.
    pub(super) const fn series(&self) -> usize {
        let (mut series, mut i) = (1, 0);
        while i < self.labels.len() {
            series *= self.labels[i].count;
            i += 1;
        }
        series
    }

    /// Names and values of the labels of series `index`.
    pub(super) fn label_values(&self, mut index: usize) -> Vec<(&'static str, &'static str)> {
        let mut pairs = Vec::new();
        for set in self.labels.iter().rev() {
            let values = (set.values)(index % set.count);
            index /= set.count;
            pairs.splice(0..0, set.names.iter().copied().zip(values));
        }
        pairs
    }
}

/// Where each family's series begin; the last entry is the number of all.
const fn offsets<const N: usize>(families: &[Family]) -> [usize; N] {
    let mut offsets = [0; N];
    let mut i = 0;
    while i < families.len() {
        offsets[i + 1] = offsets[i] + families[i].series();
        i += 1;
    }
    offsets
}

macro_rules! families {
    (
        $(#[$about:meta])+
        $enum:ident, $kind:ident {
            $(
                $(#[doc = $help:literal])+
                $variant:ident $( ( $($arg:ident: $label:ty),+ ) )? = $name:literal;
            )+
        }
    ) => {
        $(#[$about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $enum {
            $( $(#[doc = $help])+ $variant $( ( $($label),+ ) )?, )+
        }

        impl $enum {
            pub(super) const FAMILIES: &'static [Family] = &[$(
                Family {
                    name: $name,
                    help: concat!($($help),+).trim_ascii(),
                    kind: Kind::$kind,
                    labels: &[$($(
                        LabelSet {
                            names: <$label as Label>::NAMES,
                            count: <$label as Label>::COUNT,
                            values: <$label as Label>::values,
                        },
                    )+)?],
                },
            )+];
            const OFFSETS: [usize; Self::FAMILIES.len() + 1] = offsets(Self::FAMILIES);

            /// Series of all families together.
            pub const SERIES: usize = Self::OFFSETS[Self::FAMILIES.len()];

            /// Position of the series among [`Self::SERIES`].
            #[inline]
            pub(super) fn slot(self) -> usize {
                enum At { $( $variant, )+ }
                match self {
                    $( Self::$variant $( ( $($arg),+ ) )? => {
                        let within = 0;
                        $($( let within = within * <$label as Label>::COUNT + Label::index($arg); )+)?
                        Self::OFFSETS[At::$variant as usize] + within
                    } )+
                }
            }
        }
    };
}

families! {
    /// What only grows.
    Counter, Counter {
        /// Connections that came up.
        ConnectionsOpened(protocol: Protocol, transport: Transport) = "roomcast_connections_opened_total";
        /// Connections that ended, by reason and by the side that ended them.
        ConnectionsClosed(protocol: Protocol, reason: CloseReason) = "roomcast_connections_closed_total";
        /// Handshakes, by result.
        Handshakes(protocol: Protocol, result: HandshakeResult) = "roomcast_handshakes_total";
        /// HTTP connections of the public listener that were closed while they waited for a request, to make room.
        HttpConnectionsGivenUp = "roomcast_http_connections_given_up_total";
        /// Times that the internal listener was full, and accepted nobody until a connection ended.
        InternalConnectionsFull = "roomcast_internal_connections_full_total";
        /// Requests that the rules of HTTP, or those for bodies, refused, by listener and reason.
        HttpRefused(listener: Listener, reason: HttpRefusal) = "roomcast_http_refused_total";
        /// Upgrades from polling to WebSocket, by result.
        TransportUpgrades(result: UpgradeResult) = "roomcast_transport_upgrades_total";
        /// Requests of clients to subscribe, and connections that backends made join rooms, by result.
        Subscribes(result: SubscribeResult) = "roomcast_subscribes_total";
        /// Messages from clients.
        MessagesReceived(protocol: Protocol, kind: MessageKind) = "roomcast_messages_received_total";
        /// Messages written to clients' sockets, one for each receiver.
        MessagesDelivered(protocol: Protocol) = "roomcast_messages_delivered_total";
        /// Messages that did not reach a receiver, one for each receiver.
        MessagesDropped(reason: DropReason) = "roomcast_messages_dropped_total";
        /// Bytes from clients: WebSocket frames and polling bodies, without HTTP heads.
        ReceivedBytes(protocol: Protocol) = "roomcast_received_bytes_total";
        /// Bytes to clients: WebSocket frames and polling bodies, without HTTP heads.
        SentBytes(protocol: Protocol) = "roomcast_sent_bytes_total";
        /// Publications, by publisher and result.
        Publications(origin: PublicationOrigin, result: PublicationResult) = "roomcast_publications_total";
        /// Publications that went to other nodes, and that came from them.
        AdapterMessages(direction: Direction) = "roomcast_adapter_messages_total";
        /// Publications of other nodes, by whether their rooms have members here: the rest was sent here for nothing.
        AdapterDeliveries(result: DeliveryMatch) = "roomcast_adapter_deliveries_total";
        /// Publications of other nodes that came over the adapter for rooms without a member here: they were
        /// dropped before anything else. What came is these and the deliveries together.
        AdapterUnwanted = "roomcast_adapter_unwanted_total";
        /// Spans of time in which publications between nodes may have been lost.
        AdapterGaps = "roomcast_adapter_gaps_total";
        /// Notices of gaps to members here, one for each room.
        GapNotices = "roomcast_gap_notices_total";
        /// Messages from the backend between nodes that were dropped, by reason.
        AdapterPayloadsDropped(reason: PayloadFault) = "roomcast_adapter_payloads_dropped_total";
        /// Links to the backend that were made anew, by cause.
        AdapterReconnects(cause: ReconnectCause) = "roomcast_adapter_reconnects_total";
        /// What the adapter could not do, by kind.
        AdapterErrors(kind: AdapterFault) = "roomcast_adapter_errors_total";
        /// Times that all subscriptions of a link were made anew.
        AdapterResubscribes = "roomcast_adapter_resubscribes_total";
        /// Requests to subscribe that were answered before their rooms were live between nodes.
        SubscribesDegraded = "roomcast_subscribes_degraded_total";
        /// Acknowledgements that clients owed, by result.
        Acks(result: AckResult) = "roomcast_acks_total";
        /// Requests of clients that were refused, by the code they got.
        ClientErrors(code: ClientErrorCode) = "roomcast_client_errors_total";
        /// Panics that were confined to one connection.
        ConnectionPanics = "roomcast_connection_panics_total";
        /// Reloads of the settings, by result.
        ConfigReloads(result: ReloadResult) = "roomcast_config_reloads_total";
        /// Polls and upgrades of sessions that live on another node, by direction and result.
        ForwardedRequests(direction: Direction, result: ForwardResult) = "roomcast_forwarded_requests_total";
        /// Questions between nodes, by direction and result.
        PeerCalls(direction: Direction, result: ForwardResult) = "roomcast_peer_calls_total";
        /// WebSockets of sessions that live on another node, and were to be carried here, by result.
        Tunnels(result: TunnelResult) = "roomcast_tunnels_total";
        /// Requests of the internal listener, by route and class of the status.
        ApiRequests(route: Route, code: CodeClass) = "roomcast_api_requests_total";
    }
}

families! {
    /// What goes up and down.
    Gauge, Gauge {
        /// Always 1; the label says what runs.
        BuildInfo(version: Version) = "roomcast_build_info";
        /// Connections that are open.
        Connections(protocol: Protocol, transport: Transport) = "roomcast_connections";
        /// The connection limit in force: by settings, files or memory, whichever is least.
        ConnectionsLimit = "roomcast_connections_limit";
        /// HTTP connections of the public listener that wait for a request.
        HttpConnectionsWaiting = "roomcast_http_connections_waiting";
        /// Memberships of connections in rooms.
        Subscriptions = "roomcast_subscriptions";
        /// Rooms with a member here, counted once for each shard that has one.
        Rooms = "roomcast_rooms";
        /// Bytes that wait in the outboxes of slow clients.
        OutboxBytes = "roomcast_outbox_bytes";
        /// Connections that have something in their outbox.
        ConnectionsBackpressured = "roomcast_connections_backpressured";
        /// Bytes of publications that wait for a shard.
        MailboxBytes = "roomcast_mailbox_bytes";
        /// HTTP connections of the internal listener.
        InternalConnections = "roomcast_internal_connections";
        /// Connections between this node and others, by who made them.
        PeerConnections(direction: Direction) = "roomcast_peer_connections";
        /// WebSockets of sessions that live on another node and are carried here.
        Tunnels = "roomcast_tunnels";
        /// Acknowledgements that clients owe.
        AcksPending = "roomcast_acks_pending";
        /// Whether every link to the backend between nodes carries messages: 1 or 0; 1 without a backend.
        AdapterUp = "roomcast_adapter_up";
        /// When the link that was proven least recently was proven to carry messages: seconds since 1970; 0 if one never was.
        AdapterHeartbeat = "roomcast_adapter_heartbeat_timestamp_seconds";
        /// Links whose server says that it is a replica, on which publications reach few.
        AdapterRoleMismatch = "roomcast_adapter_role_mismatch";
        /// Bytes of publications that wait for the backend between nodes.
        AdapterQueueBytes = "roomcast_adapter_queue_bytes";
        /// Nodes of this gateway, as far as this one knows, itself included.
        Nodes = "roomcast_nodes";
        /// Whether each condition of readiness holds: 1 or 0.
        Ready(check: ReadyCheck) = "roomcast_ready";
        /// Whether the node is going away: 1 or 0.
        Draining = "roomcast_draining";
        /// Whether the settings were read last without fault, at the start or by a reload: 1 or 0.
        ConfigReloadSuccessful = "roomcast_config_last_reload_successful";
        /// When the settings were read last without fault: seconds since 1970.
        ConfigReloadSuccessTime = "roomcast_config_last_reload_success_timestamp_seconds";
        /// Tasks that are alive on the shards: one for each WebSocket, one for each HTTP connection, a few fixed ones.
        RuntimeTasks = "roomcast_runtime_tasks";
    }
}

families! {
    /// How long things take.
    Histogram, Histogram {
        /// Time from accepting a publication to writing it to a receiver's socket.
        DeliveryLatency(path: DeliveryPath) = "roomcast_delivery_latency_seconds";
        /// Length of the spans of time in which publications between nodes may have been lost.
        AdapterGap = "roomcast_adapter_gap_seconds";
        /// Time to answer a request of the internal listener.
        ApiRequestDuration(route: Route) = "roomcast_api_request_duration_seconds";
        /// Time that the owner of a session took to answer a POST, or to let a WebSocket in. GETs wait for
        /// something to say, and are not among them.
        ForwardDuration = "roomcast_forward_duration_seconds";
        /// How late the shards' timers fire: the lag of their event loops.
        SchedulingDelay = "roomcast_runtime_scheduling_delay_seconds";
    }
}

/// Every family.
pub(super) fn all() -> impl Iterator<Item = &'static Family> {
    Counter::FAMILIES.iter().chain(Gauge::FAMILIES).chain(Histogram::FAMILIES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_has_a_slot_of_its_own() {
        let mut slots = std::collections::HashSet::new();
        for protocol in Protocol::ALL {
            for transport in Transport::ALL {
                assert!(slots.insert(Counter::ConnectionsOpened(*protocol, *transport).slot()));
            }
            for reason in CloseReason::ALL {
                assert!(slots.insert(Counter::ConnectionsClosed(*protocol, reason).slot()));
            }
        }
        assert!(slots.insert(Counter::ConnectionPanics.slot()));
        let last = Counter::ApiRequests(Route::Other, CodeClass::ServerError).slot();
        assert_eq!(last, Counter::SERIES - 1);
        assert!(slots.iter().all(|slot| *slot < last));
    }

    #[test]
    fn a_slot_and_its_labels_agree() {
        let family = &Counter::FAMILIES[1];
        assert_eq!(family.name, "roomcast_connections_closed_total");
        let slot = Counter::ConnectionsClosed(Protocol::Plain, CloseReason::PingTimeout).slot();
        let expected = vec![("protocol", "plain"), ("reason", "ping_timeout"), ("initiator", "network")];
        assert_eq!(family.label_values(slot - Counter::OFFSETS[1]), expected);
    }
}
