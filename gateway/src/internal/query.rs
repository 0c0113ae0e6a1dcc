//! Queries of the lists: their parameters, read strictly.

use std::borrow::Cow;

use roomcast_core::id::{NodeTag, ShardIndex};

use super::problem::Problem;
use super::siblings::{self, Sibling};
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

/// How many items a page may have: the parameter `limit`.
pub(super) fn limit(node: &Node, text: Option<&str>) -> Result<usize, Problem> {
    let most = node.settings().limits.list_items_max;
    let Some(text) = text else {
        return Ok(LIST_ITEMS_DEFAULT.min(most));
    };
    let limit = whole_number(text).filter(|limit| (1..=most).contains(limit));
    limit.ok_or_else(|| Problem::invalid("limit", format!("expected a whole number from 1 to {most}")))
}

/// What of the gateway is listed: the parameters `node` and `shard`.
pub(super) struct Where {
    /// In the order of the list.
    pub(super) nodes: Vec<Sibling>,
    /// Of each of them this shard only.
    pub(super) shard: Option<ShardIndex>,
}

impl Where {
    /// A shard alone is one of this node.
    pub(super) fn read(here: &Node, node: Option<&str>, shard: Option<&str>) -> Result<Self, Problem> {
        let mut nodes = siblings::all(here);
        let only = match node {
            Some(text) => {
                let known = NodeTag::parse(text).filter(|tag| nodes.iter().any(|sibling| sibling.tag == *tag));
                let unknown = || Problem::invalid("node", "not the tag of a node that is known: /v1/nodes lists them");
                Some(known.ok_or_else(unknown)?)
            }
            None => shard.map(|_| here.tag),
        };
        nodes.retain(|sibling| only.is_none_or(|only| sibling.tag == only));
        let shard = if only == Some(here.tag) { of_here(here, shard)? } else { of_others(shard)? };
        Ok(Self { nodes, shard })
    }
}

/// A parameter that is true or false, and true only of `whole` lists.
pub(super) fn flag(name: &'static str, text: Option<&str>, whole: bool) -> Result<bool, Problem> {
    match text {
        None | Some("false") => Ok(false),
        Some("true") if whole => Ok(true),
        Some("true") => Err(Problem::invalid(name, "not together with `node` or `shard`")),
        Some(_) => Err(Problem::invalid(name, "expected true or false")),
    }
}

/// A shard of another node, which may have more of them or fewer.
fn of_others(text: Option<&str>) -> Result<Option<ShardIndex>, Problem> {
    let Some(text) = text else {
        return Ok(None);
    };
    let expected = || Problem::invalid("shard", "expected a whole number from 0 to 63");
    whole_number(text).and_then(ShardIndex::new).map(Some).ok_or_else(expected)
}

/// A shard of this node.
fn of_here(node: &Node, text: Option<&str>) -> Result<Option<ShardIndex>, Problem> {
    let Some(text) = text else {
        return Ok(None);
    };
    let shard = whole_number(text).and_then(ShardIndex::new).filter(|shard| node.has_shard(*shard));
    let last = node.mailboxes().len() - 1;
    let expected = || Problem::invalid("shard", format!("expected a whole number from 0 to {last}"));
    shard.map(Some).ok_or_else(expected)
}

/// Digits and nothing else.
fn whole_number(text: &str) -> Option<usize> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits() {
        assert_eq!([whole_number("0"), whole_number("1000")], [Some(0), Some(1000)]);
        for text in ["", "+1", "-1", "1.0", " 1", "1e3", "99999999999999999999", "\u{661}"] {
            assert_eq!(whole_number(text), None, "{text}");
        }
    }

    #[test]
    fn parameters_are_strict() {
        let read = |query| parameters(Some(query), ["a", "b"]);
        assert_eq!(read("b=%7Ex&&a="), Ok([Some("".into()), Some("~x".into())]));
        assert!(read("c=1").is_err());
        assert!(read("a=1&a=2").is_err());
    }
}
