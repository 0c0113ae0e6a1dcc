//! One page of a list: its items as they come, `{"items":[…],"next":…}` at its end.

use super::answer::{self, Body};
use crate::limits::LIST_REPLY_BYTES_MAX;
use hyper::{Response, StatusCode};
use roomcast_core::id::NodeTag;

/// A page that is being written. It holds its text and nothing else.
pub(super) struct Page {
    text: String,
    items: usize,
    items_max: usize,
    silent: Vec<NodeTag>,
}

impl Page {
    /// An empty page for at most so many items.
    pub(super) fn new(items_max: usize) -> Self {
        Self { text: String::from(r#"{"items":["#), items: 0, items_max, silent: Vec::new() }
    }

    /// How many items to ask for: one more than still fit tells whether there is a next page.
    pub(super) fn wanted(&self) -> usize {
        self.items_max - self.items + 1
    }

    /// Adds an item. `false`: the page is full, and the next one begins with it. A page takes
    /// any one item, however large.
    pub(super) fn push(&mut self, item: &str) -> bool {
        let fits = self.items == 0 || self.text.len() + item.len() <= LIST_REPLY_BYTES_MAX;
        if self.items == self.items_max || !fits {
            return false;
        }
        if self.items > 0 {
            self.text.push(',');
        }
        self.text.push_str(item);
        self.items += 1;
        true
    }

    /// What a node has is missing: it did not answer.
    pub(super) fn miss(&mut self, node: NodeTag) {
        self.silent.push(node);
    }

    /// The answer. `next`: the cursor of the next page, in JSON.
    pub(super) fn end(mut self, next: Option<&str>) -> Response<Body> {
        self.text.push_str(r#"],"next":"#);
        self.text.push_str(next.unwrap_or("null"));
        self.text.push_str(&missing(&mut self.silent));
        self.text.push('}');
        answer::json(StatusCode::OK, self.text)
    }
}

/// `,"unreachable":[…]` of nodes that did not answer, if there are any.
pub(super) fn missing(silent: &mut Vec<NodeTag>) -> String {
    if silent.is_empty() {
        return String::new();
    }
    silent.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    silent.dedup();
    let tags: Vec<String> = silent.iter().map(|tag| format!("\"{tag}\"")).collect();
    format!(r#","unreachable":[{}]"#, tags.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_with_its_last_item_or_when_it_is_large() {
        let mut page = Page::new(2);
        assert_eq!((page.wanted(), page.push("1"), page.push("2"), page.push("3")), (3, true, true, false));
        assert_eq!((page.text.as_str(), page.wanted()), (r#"{"items":[1,2"#, 1));
        let mut page = Page::new(1000);
        let large = "x".repeat(LIST_REPLY_BYTES_MAX);
        assert_eq!((page.push(&large), page.push("2")), (true, false), "any one item, and no other beside it");
        let mut page = Page::new(1000);
        let item = "x".repeat(LIST_REPLY_BYTES_MAX / 8);
        let taken = (0..1000).take_while(|_| page.push(&item)).count();
        assert_eq!((taken, page.text.len() <= LIST_REPLY_BYTES_MAX), (7, true));
    }
}
