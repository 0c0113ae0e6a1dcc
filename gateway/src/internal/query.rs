//! Queries of the lists: strict parameters, pages and their cursors.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use roomcast_core::room::NAME_BYTES_MAX;

use super::problem::{Problem, json};
use crate::limits::LIST_ITEMS_DEFAULT;
use crate::node::Node;
use crate::public::decode;

/// The values of the parameters that are `known`, in that order.
pub(super) fn parameters<'a, const N: usize>(
    query: Option<&'a str>,
    known: [&'static str; N],
) -> Result<[Option<Cow<'a, str>>; N], Problem> {
    let mut found = [const { None }; N];
    let pairs = query.unwrap_or_default().split('&');
    for pair in pairs.filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name);
        let slot = known
            .iter()
            .position(|known| *known == name)
            .and_then(|index| found.get_mut(index))
            .ok_or_else(|| Problem::unsupported(name.clone()))?;
        if slot.replace(decode(value)).is_some() {
            return Err(Problem::invalid(name, "given twice"));
        }
    }
    Ok(found)
}

/// One page of a list, in the order of names. Of what is offered it keeps the first entries
/// behind the cursor, so that a long list takes no more memory than its page.
pub(super) struct Page<T> {
    limit: usize,
    after: Option<String>,
    /// One more than the page shows: it tells whether there is a next one.
    items: BTreeMap<String, T>,
}

impl<T> Page<T> {
    /// The page that the parameters `cursor` and `limit` ask for.
    pub(super) fn new(node: &Node, cursor: Option<&str>, limit: Option<&str>) -> Result<Self, Problem> {
        let most = node.settings().limits.list_items_max;
        let limit = match limit {
            None => LIST_ITEMS_DEFAULT.min(most),
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=most).contains(limit))
                .ok_or_else(|| Problem::invalid("limit", format!("expected a whole number from 1 to {most}")))?,
        };
        let after = cursor.map(after).transpose()?;
        let items = BTreeMap::new();
        Ok(Self { limit, after, items })
    }

    /// Offers an entry; `merge` joins it with what other shards have offered under its name.
    pub(super) fn offer(&mut self, name: &str, value: T, merge: impl FnOnce(&mut T, T)) {
        if self.after.as_deref().is_some_and(|after| name <= after) {
            return;
        }
        if let Some(held) = self.items.get_mut(name) {
            return merge(held, value);
        }
        let full = self.items.len() > self.limit;
        if full && self.items.last_key_value().is_some_and(|(last, _)| name > last.as_str()) {
            return;
        }
        self.items.insert(name.to_owned(), value);
        if full {
            self.items.pop_last();
        }
    }

    /// `{"items":[…],"next":…}`
    pub(super) fn document(mut self, item: impl Fn(&str, &T) -> String) -> String {
        let more = self.items.len() > self.limit;
        if more {
            self.items.pop_last();
        }
        let next = self.items.last_key_value().filter(|_| more);
        let next = next.map_or("null".into(), |(name, _)| json(&URL_SAFE_NO_PAD.encode(name)));
        let items: Vec<String> = self.items.iter().map(|(name, value)| item(name, value)).collect();
        format!(r#"{{"items":[{}],"next":{next}}}"#, items.join(","))
    }
}

/// The name that a page comes after.
fn after(cursor: &str) -> Result<String, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let name = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    name.filter(|name| (1..=NAME_BYTES_MAX).contains(&name.len()))
        .ok_or_else(|| Problem::invalid("cursor", "not the `next` of an earlier page"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_keeps_the_first_names_and_adds_up_what_shards_offer() {
        let names = ["d", "b", "e", "a", "c", "a", "e"];
        let page = |limit, after: Option<&str>| {
            let mut page = Page { limit, after: after.map(Into::into), items: BTreeMap::new() };
            for name in names {
                page.offer(name, 1, |held, more| *held += more);
            }
            page.document(|name, count| format!("\"{name}{count}\""))
        };
        assert_eq!(page(2, None), r#"{"items":["a2","b1"],"next":"Yg"}"#);
        assert_eq!(page(2, Some("b")), r#"{"items":["c1","d1"],"next":"ZA"}"#);
        assert_eq!(page(2, Some("d")), r#"{"items":["e2"],"next":null}"#);
        assert_eq!(page(9, None), r#"{"items":["a2","b1","c1","d1","e2"],"next":null}"#);
    }

    #[test]
    fn parameters_are_strict() {
        let read = |query| parameters(Some(query), ["a", "b"]);
        assert_eq!(read("b=%7Ex&&a="), Ok([Some("".into()), Some("~x".into())]));
        assert!(read("c=1").is_err());
        assert!(read("a=1&a=2").is_err());
    }
}
