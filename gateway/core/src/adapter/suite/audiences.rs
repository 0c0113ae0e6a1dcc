//! Cases: who gets a publication, and that nobody else does.

use super::tools::{ensure, expect, namespace, nodes, opened, publication, room};
use super::{Fixture, Node, Outcome};
use crate::id::{ShardIndex, SocketId};
use crate::publication::Audience;
use crate::room::{Namespace, Room};

const NAMES: [&str; 3] = ["the publisher", "the second node", "the third node"];

/// Publishes to everybody from the first node: whatever came before the fence has
/// come by now, so a node that should have got nothing more gets the fence next.
async fn fence(nodes: &mut [Node; 3]) -> Outcome {
    let [first, ..] = nodes;
    first.publish("fence", &[]).await?;
    for (who, node) in NAMES.iter().zip(nodes) {
        node.gets(who, &["fence"]).await?;
    }
    Ok(())
}

/// A publication to one room reaches the nodes that want it, own included, once and
/// in order, and no other node.
pub async fn a_room_reaches_the_nodes_that_want_it(fixture: &impl Fixture) -> Outcome {
    let mut nodes = opened::<3>(fixture).await?;
    let [first, second, _] = &mut nodes;
    first.want("here").await?;
    second.want("here").await?;
    second.want("there").await?;
    for id in ["1", "2", "3"] {
        first.publish(id, &["here"]).await?;
    }
    first.gets("a node that wants it", &["1", "2", "3"]).await?;
    second.gets("another that wants it", &["1", "2", "3"]).await?;
    first.publish("4", &["there"]).await?;
    second.gets("the only one that wants it", &["4"]).await?;
    first.publish("5", &["nobody's"]).await?;
    fence(&mut nodes).await
}

/// A publication without rooms reaches every node of the namespace.
pub async fn everybody_is_everywhere(fixture: &impl Fixture) -> Outcome {
    let mut nodes = opened::<3>(fixture).await?;
    let [first, ..] = &nodes;
    first.publish("1", &[]).await?;
    for (who, node) in NAMES.iter().zip(&mut nodes) {
        node.gets(who, &["1"]).await?;
    }
    fence(&mut nodes).await
}

/// A publication to several rooms comes once to a node that wants one of them, or
/// several, with all rooms in their order. Others may get it as well, once.
pub async fn several_rooms_reach_each_node_once(fixture: &impl Fixture) -> Outcome {
    let mut nodes = opened::<3>(fixture).await?;
    let [first, second, third] = &mut nodes;
    first.want("a").await?;
    second.want("a").await?;
    second.want("b").await?;
    first.publish("1", &["b", "a"]).await?;
    for (who, node) in [("a node with one", &mut *first), ("a node with both", &mut *second)] {
        let delivery = node.delivery().await?;
        expect(who, std::slice::from_ref(&delivery), &["1"])?;
        let rooms = &delivery.publication.audience.rooms;
        ensure(*rooms == [room("b")?, room("a")?], || format!("{who} got rooms {rooms:?}"))?;
    }
    first.publish("fence", &[]).await?;
    first.gets("a node with one", &["fence"]).await?;
    second.gets("a node with both", &["fence"]).await?;
    let came = third.until("fence").await?;
    ensure(came.len() <= 1, || "a node with none got it twice".to_owned())
}

/// Rooms that are left out are known wherever the publication arrives.
pub async fn excepted_rooms_stay_with_the_publication(fixture: &impl Fixture) -> Outcome {
    let mut nodes = opened::<3>(fixture).await?;
    let except = vec![room("x")?, room("~user:7")?];
    for rooms in [vec![], vec![room("a")?], vec![room("a")?, room("b")?]] {
        for node in &nodes {
            node.want("a").await?;
        }
        let [first, ..] = &nodes;
        let audience = Audience { rooms, except: except.clone() };
        let sent = publication("1", &Namespace::root(), audience.clone())?;
        first.send(sent).await?;
        for (who, node) in NAMES.iter().zip(&mut nodes) {
            let came = &node.delivery().await?.publication;
            ensure(came.audience == audience, || format!("{who} got {:?} instead of {audience:?}", came.audience))?;
        }
    }
    Ok(())
}

/// The private room of a socket reaches the node where the socket was born, which
/// need not want it, and where it is wanted as well, once.
pub async fn a_private_room_reaches_its_home(fixture: &impl Fixture) -> Outcome {
    let mut nodes = opened::<3>(fixture).await?;
    let [first, second, third] = &mut nodes;
    let shard = ShardIndex::new(0).ok_or("no shard")?;
    let of = |node: &Node| Room::of_socket(&SocketId::new(node.tag, shard, [7; 12]));
    let (own, others) = (of(first), of(second));
    for (home, private) in [(&*first, &own), (&*second, &others)] {
        if home.adapter.capabilities().private_rooms_wanted {
            home.want(private.as_str()).await?;
        }
    }
    first.publish("own", &[own.as_str()]).await?;
    first.gets("the home", &["own"]).await?;
    first.publish("other's", &[others.as_str()]).await?;
    second.gets("the home", &["other's"]).await?;
    second.want(others.as_str()).await?;
    third.want(others.as_str()).await?;
    first.publish("wanted", &[others.as_str()]).await?;
    second.gets("the home", &["wanted"]).await?;
    third.gets("a node that wants it", &["wanted"]).await?;
    fence(&mut nodes).await
}

/// Wanting a room twice neither doubles deliveries nor needs a second unwant.
pub async fn want_is_idempotent(fixture: &impl Fixture) -> Outcome {
    let mut nodes = opened::<3>(fixture).await?;
    let [first, second, _] = &mut nodes;
    second.want("a").await?;
    second.want("a").await?;
    first.publish("1", &["a"]).await?;
    second.gets("a node that wants it twice", &["1"]).await?;
    fence(&mut nodes).await?;
    let [first, second, _] = &mut nodes;
    second.adapter.unwant(&Namespace::root(), &room("a")?);
    eventually_nothing(first, second, "a").await
}

/// A room that is no longer wanted soon brings nothing more, also when it was wanted
/// and unwanted without waiting; wanting it again brings it back.
pub async fn unwant_stops_deliveries(fixture: &impl Fixture) -> Outcome {
    let [first, mut second] = opened::<2>(fixture).await?;
    second.want("a").await?;
    second.adapter.unwant(&Namespace::root(), &room("a")?);
    eventually_nothing(&first, &mut second, "a").await?;
    let live = second.adapter.want(&Namespace::root(), &room("b")?);
    second.adapter.unwant(&Namespace::root(), &room("b")?);
    // Whether the wish that was taken back is still made live is the adapter's to say.
    let _ = live.wait().await;
    eventually_nothing(&first, &mut second, "b").await?;
    second.want("a").await?;
    first.publish("again", &["a"]).await?;
    second.gets("a node that wants it again", &["again"]).await
}

/// Publishes to a room until a publication no longer comes to `node`.
async fn eventually_nothing(publisher: &Node, node: &mut Node, room: &str) -> Outcome {
    loop {
        publisher.publish("stale", &[room]).await?;
        publisher.publish("fence", &[]).await?;
        if node.until("fence").await?.is_empty() {
            return Ok(());
        }
    }
}

/// The same room in another namespace is another room, and a namespace that is not
/// open brings nothing.
pub async fn namespaces_are_separate(fixture: &impl Fixture) -> Outcome {
    let mut nodes = opened::<3>(fixture).await?;
    let other = namespace("/other")?;
    let [first, second, third] = &mut nodes;
    first.open(&other).await?;
    second.open(&other).await?;
    second.want("a").await?;
    let live = first.adapter.want(&other, &room("a")?).wait().await;
    live.map_err(|error| error.to_string())?;
    third.want("a").await?;
    let to_room = Audience::room(room("a")?);
    first.send(publication("other's room", &other, to_room)?).await?;
    first.gets("the node that wants it there", &["other's room"]).await?;
    first.publish_in("all of the other", &other).await?;
    first.gets("the publisher", &["all of the other"]).await?;
    second.gets("another node", &["all of the other"]).await?;
    first.publish("main room", &["a"]).await?;
    second.gets("a node that wants it in /", &["main room"]).await?;
    third.gets("a node that wants it in /", &["main room"]).await?;
    fence(&mut nodes).await
}

/// A namespace that was closed soon brings nothing more; the others go on.
pub async fn a_closed_namespace_stops(fixture: &impl Fixture) -> Outcome {
    let [first, mut second] = nodes::<2>(fixture).await?;
    let (closing, staying) = (namespace("/closing")?, namespace("/staying")?);
    for namespace in [&closing, &staying] {
        first.open(namespace).await?;
        second.open(namespace).await?;
        // Opening is idempotent: one close closes.
        second.open(namespace).await?;
    }
    first.publish_in("open", &closing).await?;
    second.gets("a node that has it open", &["open"]).await?;
    second.adapter.close(&closing);
    loop {
        first.publish_in("stale", &closing).await?;
        first.publish_in("fence", &staying).await?;
        if second.until("fence").await?.is_empty() {
            return Ok(());
        }
    }
}
