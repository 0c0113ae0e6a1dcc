//! Answering what others ask: gateways with everything that this node answers, Node servers in
//! their format. Every request that is counted is answered, always, also with nothing.

use std::sync::Arc;
use std::time::Duration;

use roomcast_core::adapter::{Event, Responder};
use roomcast_core::cluster::{Answer, Request, SocketInfo};
use roomcast_core::id::NodeTag;
use roomcast_core::room::Room;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::link::Link;
use crate::shared::Shared;
use crate::wire::gateways::{self, Own};
use crate::wire::{Reply, ReplyTo};

/// Answers that wait for this node's shards.
const ANSWERS_MAX: usize = 256;
/// Answers of one message.
const BATCH: usize = 128;
/// How long the shards may take, beyond the time that clients have.
const PATIENCE: Duration = Duration::from_secs(4);

/// Has this node carry out a request; what it answers comes from the receiver, which ends with the last.
/// `None`: the node cannot take it now.
fn ask_here(shared: &Shared, link: &Link, request: Request) -> Option<mpsc::Receiver<Answer>> {
    let (sender, answers) = mpsc::channel(ANSWERS_MAX);
    let delivers = matches!(request, Request::BroadcastWithAcks { .. });
    let asked = shared.events.try_send(Event::Request(Arc::new(request), Responder::new(sender)));
    if asked.is_err() {
        shared.counts.requests_refused.inc();
        if delivers {
            link.dropped(shared.clock.now());
        }
    }
    asked.ok().map(|()| answers)
}

/// A place among the requests that are answered at the same time.
fn place(shared: &Shared) -> Option<OwnedSemaphorePermit> {
    let place = Arc::clone(&shared.answering).try_acquire_owned().ok();
    if place.is_none() {
        shared.counts.requests_refused.inc();
    }
    place
}

/// How long the answers to a request may take.
fn patience(request: &Request) -> Duration {
    match request {
        Request::BroadcastWithAcks { timeout, .. } => *timeout + PATIENCE,
        _ => PATIENCE,
    }
}

/// Answers another gateway.
pub(crate) fn gateway(shared: &Arc<Shared>, link: &Link, to: NodeTag, id: u64, request: Request) {
    let patience = patience(&request);
    let channel = gateways::node(&shared.config.prefix, to);
    let send = move |shared: &Shared, answers: Vec<Answer>, last| {
        let own = Own::Answers { id, from: shared.tag(), answers, last };
        shared.links.of(&channel).post_own(shared, &channel, gateways::encode(&own));
    };
    if !shared.wants.takes_part(request.namespace()) {
        return send(shared, Vec::new(), true);
    }
    // Whoever asks for answers is told that some are missing.
    let delivers = matches!(request, Request::BroadcastWithAcks { .. });
    let missing = || if delivers { vec![Answer::Refused(1)] } else { Vec::new() };
    // Carried out in any case: a place is for the answers.
    let asked = ask_here(shared, link, request).and_then(|answers| Some((place(shared)?, answers)));
    let Some((place, mut answers)) = asked else {
        return send(shared, missing(), true);
    };
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let _place = place;
        let _ = tokio::time::timeout(patience, async {
            let mut batch = Vec::new();
            while answers.recv_many(&mut batch, BATCH).await > 0 {
                send(&shared, std::mem::take(&mut batch), false);
            }
        })
        .await;
        send(&shared, Vec::new(), true);
    });
}

/// Carries out what a Node server or an emitter asks, and answers if it waits for that.
pub(crate) fn server(shared: &Arc<Shared>, link: &Link, request: Request, reply: Option<ReplyTo>) {
    if !shared.wants.takes_part(request.namespace()) {
        return;
    }
    let Some(to) = reply else {
        drop(ask_here(shared, link, request));
        return;
    };
    let asked = ask_here(shared, link, request.clone()).and_then(|answers| Some((place(shared)?, answers)));
    let Some((place, answers)) = asked else {
        return say_nothing(shared, &to, &request);
    };
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let _place = place;
        let patience = patience(&request);
        match request {
            Request::BroadcastWithAcks { .. } => {
                let _ = tokio::time::timeout(patience, acks(&shared, &to, answers)).await;
            }
            _ => whole(&shared, &to, &request, answers, patience).await,
        }
    });
}

fn send(shared: &Shared, to: &ReplyTo, reply: &Reply<'_>) {
    let outgoing = shared.wire.reply(to, reply);
    shared.links.of(&outgoing.channel).post_own(shared, &outgoing.channel, outgoing.payload);
}

/// How many clients were asked, once all shards have said; then each one's answer.
async fn acks(shared: &Shared, to: &ReplyTo, mut answers: mpsc::Receiver<Answer>) {
    let (mut shards, mut asked, mut told) = (0, 0, false);
    while let Some(answer) = answers.recv().await {
        match answer {
            Answer::Asked(count) => {
                shards += 1;
                asked += count;
                if shards == shared.config.shards {
                    told = true;
                    send(shared, to, &Reply::ClientCount(asked));
                }
            }
            Answer::Acknowledged(ack) => send(shared, to, &Reply::Ack(&ack)),
            _ => {}
        }
    }
    if !told {
        send(shared, to, &Reply::ClientCount(asked));
    }
}

/// One answer, of all that the shards say.
async fn whole(
    shared: &Shared,
    to: &ReplyTo,
    request: &Request,
    mut answers: mpsc::Receiver<Answer>,
    patience: Duration,
) {
    let mut all: Vec<Answer> = Vec::new();
    let _ = tokio::time::timeout(patience, async {
        while let Some(answer) = answers.recv().await {
            all.push(answer);
        }
    })
    .await;
    match request {
        Request::FetchSockets { .. } => {
            let lists = all.into_iter().filter_map(|answer| match answer {
                Answer::Sockets(sockets) => Some(sockets),
                _ => None,
            });
            let sockets: Vec<SocketInfo> = lists.flatten().take(shared.config.fetch_sockets_max).collect();
            send(shared, to, &Reply::Sockets(&sockets));
        }
        Request::ListRooms { .. } => {
            let lists = all.into_iter().filter_map(|answer| match answer {
                Answer::Rooms(rooms) => Some(rooms),
                _ => None,
            });
            let mut rooms: Vec<Room> = lists.flatten().map(|info| info.room).collect();
            rooms.sort_unstable();
            rooms.dedup();
            send(shared, to, &Reply::Rooms(&rooms));
        }
        Request::ServerSideEmit { .. } => {
            let said = all.iter().find_map(|answer| match answer {
                Answer::Emitted(value) => Some(value.as_str()),
                _ => None,
            });
            send(shared, to, &Reply::Emitted(said.unwrap_or("null")));
        }
        Request::Join(..) | Request::Leave(..) | Request::Disconnect { .. } => {
            let any = all.iter().any(|answer| matches!(answer, Answer::Matched(matched) if *matched > 0));
            if any {
                send(shared, to, &Reply::Done);
            }
        }
        Request::BroadcastWithAcks { .. } => {}
    }
}

/// The least that a request is answered with, so that whoever counts does not wait.
fn say_nothing(shared: &Shared, to: &ReplyTo, request: &Request) {
    match request {
        Request::FetchSockets { .. } => send(shared, to, &Reply::Sockets(&[])),
        Request::ListRooms { .. } => send(shared, to, &Reply::Rooms(&[])),
        Request::BroadcastWithAcks { .. } => send(shared, to, &Reply::ClientCount(0)),
        Request::ServerSideEmit { .. } => send(shared, to, &Reply::Emitted("null")),
        Request::Join(..) | Request::Leave(..) | Request::Disconnect { .. } => {}
    }
}
