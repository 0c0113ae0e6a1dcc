//! YAML's aliases, which are not read: a few lines of them stand for gigabytes, and the parser
//! writes them out before anybody can count.
//!
//! An alias `*name` needs an anchor `&name`. Where a text has both, it is refused, whether they stand in
//! quotes and comments or not: no setting needs a star and an ampersand before the same word, and what
//! does not look into quotes cannot be misled by them. `*` and `https://*.example.com` are origins as ever.

use std::collections::HashSet;

/// The first alias of `text` whose anchor is there too, and its line, counted from 1.
pub(super) fn first(text: &str) -> Option<(usize, &str)> {
    let anchors: HashSet<&str> = names(text, '&').collect();
    (1..).zip(text.lines()).find_map(|(line, text)| Some((line, names(text, '*').find(|name| anchors.contains(name))?)))
}

/// What follows each `mark` of `text`, as far as a name of YAML can go.
fn names(text: &str, mark: char) -> impl Iterator<Item = &str> {
    let ends = |c: char| c.is_whitespace() || ",[]{}".contains(c);
    let name = move |(at, _)| text.get(at + 1..)?.split(ends).next().filter(|name| !name.is_empty());
    text.match_indices(mark).filter_map(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_found_and_stars_are_not_aliases() {
        for (text, found) in [
            ("a: &a [x]\nb: [*a,*a]\n", Some((2, "a"))),
            ("a: &a x\n# it's\nb: \"\n\", *a\n", Some((4, "a"))),
            ("<<: *é\nx: &é {}\n", Some((1, "é"))),
            ("public:\n  origins: ['*', \"https://*.example.com\"] # R&D, *all* of it\n", None),
            ("a: *a\nb: &b x\n&\n*\n", None),
            ("", None),
        ] {
            assert_eq!(first(text), found, "{text}");
        }
    }
}
