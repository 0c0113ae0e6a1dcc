//! Rooms of several shards as one list, from shards that answer in parts of any size.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value;

use roomcast_core::room::Room;

use super::*;
use crate::lists::Query;
use crate::mail::Mail;
use crate::node::Parts;

fn node(shards: usize) -> Arc<Node> {
    Node::new(Parts { shards, ..Parts::small() })
}

/// A shard's rooms with their members; one without members is passed over, as shards do.
type Rooms = BTreeMap<String, usize>;

/// Answers for one shard, and looks at `looked_at` rooms a part.
async fn shard(node: Arc<Node>, index: usize, rooms: Rooms, looked_at: usize) {
    let mut mails = VecDeque::new();
    loop {
        node.mailboxes()[index].ready().await;
        node.mailboxes()[index].take(&mut mails);
        for mail in mails.drain(..) {
            let Mail::Query(Query::Rooms(query, reply)) = mail else { unreachable!("only rooms are listed") };
            let behind = |room: &&String| query.after.as_ref().is_none_or(|after| room.as_str() > after.as_str());
            let all: Vec<&String> = rooms.keys().filter(behind).take(looked_at).collect();
            let info = |room: &&String| RoomInfo { room: room_of(room), members: rooms[*room] };
            let items = all.iter().map(info).filter(|info| info.members > 0).take(query.items_max).collect();
            let next = all.last().filter(|_| all.len() == looked_at).map(|room| room_of(room));
            // Who asked is gone when the test has failed.
            let _ = reply.send(RoomsPart { items, next });
        }
    }
}

fn room_of(name: &str) -> Room {
    Room::new(name).expect("a name")
}

/// All pages of the list, as one.
async fn pages(node: &Arc<Node>, limit: usize) -> Vec<(String, usize)> {
    let mut listed = Vec::new();
    let mut cursor = String::new();
    loop {
        let answer = list(node, Some(&format!("limit={limit}{cursor}"))).await.expect("a page");
        let Body::Whole(Some(body)) = answer.into_body() else { unreachable!("a page is whole") };
        let page: Value = serde_json::from_slice(&body).expect("JSON");
        let items = page["items"].as_array().expect("a list");
        assert!((1..=limit).contains(&items.len()) || listed.is_empty(), "no page but the first is empty");
        let member = |item: &Value| item["members"].as_u64().expect("a number") as usize;
        listed.extend(items.iter().map(|item| (item["room"].as_str().expect("a name").to_owned(), member(item))));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return listed,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn shards_that_answer_in_parts_are_one_list_in_order(
        shards in proptest::collection::vec((proptest::collection::btree_map("[a-c]{1,2}", 0..3_usize, 0..12), 1..5_usize), 1..4),
        limit in 1..6_usize,
    ) {
        let mut expected = Rooms::new();
        for (room, members) in shards.iter().flat_map(|(rooms, _)| rooms) {
            *expected.entry(room.clone()).or_default() += members;
        }
        let expected: Vec<(String, usize)> = expected.into_iter().filter(|(_, members)| *members > 0).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let listed = runtime.block_on(async {
            let node = node(shards.len());
            for (index, (rooms, looked_at)) in shards.into_iter().enumerate() {
                tokio::spawn(shard(Arc::clone(&node), index, rooms, looked_at));
            }
            pages(&node, limit).await
        });
        prop_assert_eq!(listed, expected);
    }
}
