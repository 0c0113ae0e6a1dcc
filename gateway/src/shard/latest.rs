//! Where in an outbox the newest publication of each key waits, so that the next one of its
//! key finds its place without a look at what else waits.
//!
//! There is one only from the moment in which a client that is behind is owed a `latest`
//! publication until its outbox is gone: whoever keeps up, or gets none, pays nothing for it.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use roomcast_core::publication::Class;

use super::item::Item;

/// The places of `latest` publications, by namespace and key.
#[derive(Debug, Default)]
pub(super) struct Latest {
    /// Places are counted from the first entry that was there when this was made, so that they
    /// stay the same when entries go from the front.
    places: HashMap<Name, u64>,
    /// Entries that have gone from the front since.
    gone: u64,
}

/// What replaces each other has the same name. Borrowed from the publication that waits.
#[derive(Debug)]
struct Name(Rc<Item>);

impl Latest {
    /// Takes note of a publication at `index` of the entries that are there.
    pub(super) fn note(&mut self, item: &Rc<Item>, index: usize) {
        #[cfg(test)]
        STEPS.set(STEPS.get() + 1);
        if item.delivery.publication.class != Class::Latest {
            return;
        }
        let name = Name(Rc::clone(item));
        // An insertion alone would keep the older publication for its name.
        self.places.remove(&name);
        self.places.insert(name, self.gone + index as u64);
    }

    /// The index of the newest entry with the name of `item`.
    pub(super) fn find(&self, item: &Rc<Item>) -> Option<usize> {
        let place = self.places.get(&Name(Rc::clone(item)))?;
        place.checked_sub(self.gone).map(|index| index as usize)
    }

    /// The first entry, a publication `item` if it is one, goes: it is written or begun.
    /// `stays`: what is left of it keeps its place.
    pub(super) fn begun(&mut self, item: Option<&Rc<Item>>, stays: bool) {
        if let Some(item) = item.filter(|item| item.delivery.publication.class == Class::Latest)
            && self.find(item) == Some(0)
        {
            self.places.remove(&Name(Rc::clone(item)));
        }
        self.gone += u64::from(!stays);
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        #[cfg(test)]
        STEPS.set(STEPS.get() + 1);
        let (a, b) = (&self.0.delivery.publication, &other.0.delivery.publication);
        a.key == b.key && a.namespace == b.namespace
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let publication = &self.0.delivery.publication;
        (&publication.key, &publication.namespace).hash(state);
    }
}

#[cfg(test)]
thread_local! {
    /// Entries looked at and names compared so far.
    static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
mod tests;
