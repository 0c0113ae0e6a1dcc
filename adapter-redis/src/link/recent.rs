//! What this node has published on a link since the link was last proven: what others may miss, if it turns
//! out that the server deceived us. Bounded; beyond the bound it is everything.

use std::collections::HashMap;

use roomcast_core::cluster::Gap;
use roomcast_core::publication::{Audience, UnixMillis};
use roomcast_core::room::{Namespace, Room};

use crate::proof::Span;

/// Rooms and namespaces that are told apart.
const RECENT_MAX: usize = 1000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Recent {
    /// A room, or everybody in a namespace, and when something was last published there.
    last: HashMap<(Namespace, Option<Room>), UnixMillis>,
    /// When something was last published for which there was no place.
    beyond: Option<UnixMillis>,
}

impl Recent {
    /// Something goes out.
    pub(super) fn note(&mut self, namespace: &Namespace, audience: &Audience, now: UnixMillis) {
        let key = (namespace.clone(), audience.single_room().cloned());
        if self.last.len() < RECENT_MAX || self.last.contains_key(&key) {
            self.last.insert(key, now);
        } else {
            self.beyond = Some(now);
        }
    }

    /// The link was proven at an instant: what was published before it has arrived.
    pub(super) fn proven(&mut self, at: UnixMillis) {
        self.last.retain(|_, last| *last >= at);
        self.beyond.take_if(|beyond| *beyond < at);
    }

    /// The gaps that a span makes for others: none if nothing was published in it.
    pub(super) fn gaps(&self, Span { from, until }: Span) -> Vec<Gap> {
        if self.beyond.is_some_and(|beyond| beyond >= from) {
            return vec![Gap { namespace: None, rooms: Vec::new(), from, until }];
        }
        let mut rooms: HashMap<&Namespace, Option<Vec<Room>>> = HashMap::new();
        for ((namespace, room), _) in self.last.iter().filter(|(_, last)| **last >= from) {
            let named = rooms.entry(namespace).or_insert_with(|| Some(Vec::new()));
            match (room, named) {
                (Some(room), Some(named)) => named.push(room.clone()),
                (None, named) => *named = None,
                (Some(_), None) => {}
            }
        }
        let gap = |(namespace, rooms): (&Namespace, Option<Vec<Room>>)| {
            let namespace = Some(namespace.clone());
            Gap { namespace, rooms: rooms.unwrap_or_default(), from, until }
        };
        rooms.into_iter().map(gap).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps(recent: &Recent, from: UnixMillis) -> Vec<(Option<Namespace>, usize)> {
        let gaps = recent.gaps(Span { from, until: 100 });
        gaps.into_iter().map(|gap| (gap.namespace, gap.rooms.len())).collect()
    }

    #[test]
    fn others_are_told_of_what_was_published_and_of_nothing_else() {
        let (root, room) = (Namespace::root(), |name: &str| Audience::room(Room::new(name).expect("a name")));
        let mut recent = Recent::default();
        assert_eq!(gaps(&recent, 0), []);
        recent.note(&root, &room("a"), 10);
        recent.note(&root, &room("b"), 20);
        assert_eq!(gaps(&recent, 5), [(Some(root.clone()), 2)]);
        assert_eq!(gaps(&recent, 15), [(Some(root.clone()), 1)]);
        recent.note(&root, &Audience::everybody(), 30);
        assert_eq!(gaps(&recent, 5), [(Some(root.clone()), 0)], "everybody: all rooms");
        recent.proven(31);
        assert_eq!(gaps(&recent, 0), []);
        for n in 0..=RECENT_MAX {
            recent.note(&root, &room(&n.to_string()), 40);
        }
        assert_eq!(gaps(&recent, 0), [(None, 0)]);
    }
}
