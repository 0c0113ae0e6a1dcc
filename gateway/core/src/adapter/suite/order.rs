//! Cases: what arrives is what was published, all of it, in its order.

use std::sync::Arc;

use bytes::Bytes;

use super::tools::{ensure, opened, publication};
use super::{Fixture, Node, Outcome};
use crate::publication::{Audience, Class, Payload, Publication};
use crate::room::Namespace;

/// Publications of the long cases.
const MANY: usize = 1_000;
/// Publications whose futures are held at once: few enough for any queue.
const HELD: usize = 100;

fn full(id: &str, class: Class) -> Result<Publication, String> {
    let data = r#"["é\n",{"z":1,"a":[null,true,"\"x\""]},{"_placeholder":true,"num":0},{"b":{"_placeholder":true,"num":1}},-7]"#;
    let binaries = vec![Bytes::from_static(&[0, 255, 30, 10]), Bytes::new()];
    let payload = Payload::from_data(data, binaries).map_err(|error| error.to_string())?;
    let mut publication = publication(id, &Namespace::root(), Audience::everybody())?;
    publication.payload = payload;
    publication.class = class;
    publication.key = (class == Class::Latest).then(|| "price:é".into());
    publication.expires_at = Some(4_102_444_800_123);
    publication.trace = Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into());
    Ok(publication)
}

/// Id, namespace, payload with attachments, class, key, times and trace come as they
/// were published, to the publisher's node and to others.
pub async fn everything_arrives_unchanged(fixture: &impl Fixture) -> Outcome {
    let mut nodes = opened::<2>(fixture).await?;
    let plain = publication("plain", &Namespace::root(), Audience::everybody())?;
    let all = [
        plain,
        full("reliable-é", Class::Reliable)?,
        full("volatile", Class::Volatile)?,
        full("latest", Class::Latest)?,
    ];
    for sent in all {
        let [first, _] = &nodes;
        first.send(sent.clone()).await?;
        for (who, node) in ["the publisher", "another node"].iter().zip(&mut nodes) {
            let delivery = node.delivery().await?;
            let (before, after) = (travelling(&sent), travelling(&delivery.publication));
            ensure(before == after, || format!("{who} got {after:?} instead of {before:?}"))?;
        }
    }
    Ok(())
}

/// What of a publication travels, as text. Its `origin` is another's from there on,
/// and its `admission` never leaves the node.
fn travelling(publication: &Publication) -> String {
    let Publication { id, namespace, audience, payload, class, key, expires_at, published_at, trace, .. } = publication;
    let binaries = payload.attachments();
    format!(
        "{id:?} {namespace:?} {audience:?} {} {binaries:?} {class:?} {key:?} {expires_at:?} {published_at} {trace:?}",
        payload.data()
    )
}

/// A thousand publications of one publisher reach a node that reads slowly, all of
/// them and in order, while the publisher's own node reads as well.
pub async fn a_slow_reader_loses_nothing(fixture: &impl Fixture) -> Outcome {
    let [Node { adapter, mut events, tag }, mut slow] = opened::<2>(fixture).await?;
    // The publisher's half and the reading half of the first node run side by side.
    let publisher = async {
        for n in 0..MANY {
            let sent = publication(&n.to_string(), &Namespace::root(), Audience::everybody())?;
            let receipt = adapter.publish(sent).await;
            receipt.map_err(|error| format!("publish {n}: {error}"))?;
        }
        Ok::<_, String>(())
    };
    let own = async {
        let mut count = 0;
        while count < MANY {
            match events.recv().await {
                Some(crate::adapter::Event::Delivery(_)) => count += 1,
                Some(_) => {}
                None => return Err(format!("the events of node {tag} ended")),
            }
        }
        Ok(())
    };
    let reader = async {
        for n in 0..MANY {
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            let id = Arc::clone(&slow.delivery().await?.publication.id);
            ensure(*id == *n.to_string(), || format!("{id} came in the place of {n}"))?;
        }
        Ok(())
    };
    tokio::try_join!(publisher, own, reader).map(|_| ())
}

/// Publications whose futures are polled in the order of their calls, without
/// waiting for each receipt, arrive in that order, at every node.
pub async fn futures_polled_in_order_keep_it(fixture: &impl Fixture) -> Outcome {
    let mut nodes = opened::<2>(fixture).await?;
    let [first, _] = &nodes;
    let mut futures = Vec::new();
    for n in 0..HELD {
        let sent = publication(&n.to_string(), &Namespace::root(), Audience::everybody())?;
        futures.push(Some(first.adapter.publish(sent)));
    }
    std::future::poll_fn(|context| {
        for slot in &mut futures {
            if slot.as_mut().is_some_and(|future| future.as_mut().poll(context).is_ready()) {
                *slot = None;
            }
        }
        if futures.iter().all(Option::is_none) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    for (who, node) in ["the publisher", "another node"].iter().zip(&mut nodes) {
        for n in 0..HELD {
            let id = Arc::clone(&node.delivery().await?.publication.id);
            ensure(*id == *n.to_string(), || format!("at {who} {id} came in the place of {n}"))?;
        }
    }
    Ok(())
}
