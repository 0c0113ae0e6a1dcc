//! `opts.flags.rc`: what the Node formats have no place for. Stock reads only flags that it knows.
//!
//! | key | what |
//! | --- | --- |
//! | `i` | id, unless empty |
//! | `t` | `published_at`, unless 0 |
//! | `l` | `true`: the class is [`Class::Latest`] ([`Class::Volatile`] is stock's own flag) |
//! | `k` | key |
//! | `x` | `expires_at` |
//! | `w` | trace |
//! | `f` | `true`: no history keeps it |
//! | `c` | `true`: a client published it |
//!
//! Deliberately absent: the acknowledgement's id, which each node chooses; what never travels.

use std::sync::Arc;

use roomcast_core::publication::{Class, Origin, Publication, UnixMillis};

use super::item::Item;
use super::part::Part;

/// The flag's name.
pub(super) const NAME: &str = "rc";

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Extras {
    id: Option<String>,
    published_at: Option<UnixMillis>,
    latest: bool,
    key: Option<String>,
    expires_at: Option<UnixMillis>,
    trace: Option<String>,
    forget: bool,
    client: bool,
}

/// What a publication has of it; `None` if it has nothing.
pub(super) fn of(publication: &Publication) -> Option<Part<'_>> {
    let text = |text: &'_ Option<Arc<str>>| text.as_ref().map(|text| Part::Owned(text.to_string()));
    let flag = |is: bool| is.then_some(Part::Bool(true));
    let members = [
        ("i", (!publication.id.is_empty()).then(|| Part::Text(&publication.id))),
        ("t", (publication.published_at > 0).then_some(Part::Number(publication.published_at))),
        ("l", flag(publication.class == Class::Latest)),
        ("k", text(&publication.key)),
        ("x", publication.expires_at.map(Part::Number)),
        ("w", text(&publication.trace)),
        ("f", flag(!publication.remember)),
        ("c", flag(publication.origin == Origin::Client)),
    ];
    let members: Vec<_> = members.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    (!members.is_empty()).then_some(Part::Map(members))
}

/// Reads it; what is not as it should be counts as left out.
pub(super) fn read(item: Option<Item<'_>>) -> Extras {
    let Some(mut fields) = item.and_then(Item::fields) else {
        return Extras::default();
    };
    let mut flag = |name| fields.take(name).is_some_and(|flag| flag.is_true());
    let (latest, forget, client) = (flag("l"), flag("f"), flag("c"));
    Extras {
        id: fields.text("i"),
        published_at: fields.integer("t"),
        latest,
        key: fields.text("k"),
        expires_at: fields.integer("x"),
        trace: fields.text("w"),
        forget,
        client,
    }
}

impl Extras {
    /// Puts it where it belongs.
    pub(super) fn apply(self, publication: &mut Publication) {
        if let Some(id) = self.id {
            publication.id = id.into();
        }
        if let Some(published_at) = self.published_at {
            publication.published_at = published_at;
        }
        if self.latest {
            publication.class = Class::Latest;
        }
        if self.client {
            publication.origin = Origin::Client;
        }
        publication.key = self.key.map(Into::into);
        publication.expires_at = self.expires_at;
        publication.trace = self.trace.map(Into::into);
        publication.remember = !self.forget;
    }
}
