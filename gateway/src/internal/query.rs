//! Queries of the lists: their parameters, read strictly.

use std::borrow::Cow;

use roomcast_core::id::ShardIndex;

use super::problem::Problem;
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

/// The one shard that is listed: the parameter `shard`.
pub(super) fn shard(node: &Node, text: Option<&str>) -> Result<Option<ShardIndex>, Problem> {
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
