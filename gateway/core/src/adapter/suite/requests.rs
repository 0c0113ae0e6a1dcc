//! Cases: asking every node, and hearing from every node.
//!
//! An adapter may join or cut the lists that a node answers with, so lists are
//! compared by what is in them.

use std::time::Duration;

use super::tools::{ensure, namespace, nodes, opened, room};
use super::{Fixture, Node, Outcome};
use crate::adapter::Answers;
use crate::cluster::{Answer, Request, RoomInfo, Select};
use crate::publication::Audience;
use crate::room::Namespace;

/// Longer than any case may take: a case that needs it to pass fails.
const NEVER: Duration = Duration::from_hours(1);
/// Answers of one node in the long case.
const MANY: usize = 1_000;

async fn ask(node: &Node, request: Request) -> Result<Answers, String> {
    let answers = node.adapter.request(request, NEVER).await;
    answers.map_err(|error| format!("request: {error}"))
}

fn list_rooms() -> Request {
    Request::ListRooms { namespace: Namespace::root(), servers: false }
}

/// The part of a list that stands for the number `n`.
fn part(n: usize) -> Result<Answer, String> {
    let room = room(&format!("é\"{n}"))?;
    Ok(Answer::Rooms(vec![RoomInfo { room, members: n }]))
}

/// Waits until the receiver ends, and fails the case unless it brought exactly the
/// parts that stand for these numbers, in any order.
async fn brings(mut answers: Answers, numbers: impl Iterator<Item = usize>) -> Outcome {
    let mut came = Vec::new();
    while let Some(answer) = answers.recv().await {
        match answer {
            Answer::Rooms(rooms) => came.extend(rooms),
            other => return Err(format!("nobody answered {other:?}")),
        }
    }
    came.sort_by_key(|info| info.members);
    let mut expected = Vec::new();
    for n in numbers {
        if let Answer::Rooms(rooms) = part(n)? {
            expected.extend(rooms);
        }
    }
    ensure(came == expected, || format!("answers were {came:?} instead of {expected:?}"))
}

/// A request reaches every node, the asking one included, as it was asked; all
/// answers arrive, and then the receiver ends, long before the deadline.
pub async fn a_request_reaches_every_node(fixture: &impl Fixture) -> Outcome {
    let mut nodes = opened::<3>(fixture).await?;
    let [first, ..] = &nodes;
    let answers = ask(first, list_rooms()).await?;
    for (n, node) in nodes.iter_mut().enumerate() {
        let (_, responder) = node.request().await?;
        responder.send(part(n)?).await;
    }
    brings(answers, 0..3).await?;
    let select = Select {
        namespace: Namespace::root(),
        audience: Audience { rooms: vec![room("a")?, room("b")?], except: vec![room("x")?] },
    };
    let order = Request::Join(select, vec![room("c")?]);
    let asked = format!("{order:?}");
    let [_, second, _] = &nodes;
    let mut answers = ask(second, order).await?;
    for (n, node) in nodes.iter_mut().enumerate() {
        let (request, responder) = node.request().await?;
        let came = format!("{request:?}");
        ensure(came == asked, || format!("{came} came instead of {asked}"))?;
        responder.send(Answer::Matched(1 << n)).await;
        responder.send(Answer::Refused(n)).await;
    }
    let (mut sum, mut refusals) = (0, 0);
    while let Some(answer) = answers.recv().await {
        match answer {
            Answer::Matched(matched) => sum += matched,
            Answer::Refused(refused) => refusals += refused,
            other => return Err(format!("nobody answered {other:?}")),
        }
    }
    ensure(sum == 0b111, || format!("1, 2 and 4 sockets became {sum}"))?;
    ensure(refusals == 3, || format!("0, 1 and 2 refusals became {refusals}"))
}

/// Only nodes that take part in the namespace are asked.
pub async fn a_request_keeps_to_its_namespace(fixture: &impl Fixture) -> Outcome {
    let [mut first, mut second] = nodes::<2>(fixture).await?;
    let (shared, own) = (namespace("/shared")?, namespace("/own")?);
    first.open(&own).await?;
    first.open(&shared).await?;
    second.open(&shared).await?;
    let answers = ask(&first, Request::ListRooms { namespace: own, servers: false }).await?;
    let (_, responder) = first.request().await?;
    responder.send(part(1)?).await;
    drop(responder);
    brings(answers, 1..2).await?;
    // The second node was not asked: the next that comes is the fence.
    first.publish_in("fence", &shared).await?;
    second.gets("a node outside of the namespace", &["fence"]).await
}

/// A node that lets go without an answer holds up nothing, and cuts nothing off: the
/// answer of a node that takes its time still arrives.
pub async fn a_node_that_does_not_answer_ends_nothing_early(fixture: &impl Fixture) -> Outcome {
    let [mut first, mut second, mut third] = opened::<3>(fixture).await?;
    let answers = ask(&first, list_rooms()).await?;
    drop(first.request().await?);
    drop(second.request().await?);
    let (_, responder) = third.request().await?;
    // Time for the silence of the others to get about.
    first.publish("fence", &[]).await?;
    third.gets("the node that takes its time", &["fence"]).await?;
    responder.send(part(1)?).await;
    drop(responder);
    brings(answers, 1..2).await
}

/// A node may answer more often than fits any queue, and nothing is lost.
pub async fn many_answers_of_one_node_all_arrive(fixture: &impl Fixture) -> Outcome {
    let [mut first, mut second] = opened::<2>(fixture).await?;
    let answers = ask(&first, list_rooms()).await?;
    drop(first.request().await?);
    let (_, responder) = second.request().await?;
    let answering = async {
        for n in 0..MANY {
            responder.send(part(n)?).await;
        }
        drop(responder);
        Ok(())
    };
    tokio::try_join!(answering, brings(answers, 0..MANY)).map(|_| ())
}
