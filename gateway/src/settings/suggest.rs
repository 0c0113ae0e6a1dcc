//! The valid key that is nearest to a wrong one.

/// The key of `known` nearest to `wrong`, both written `section.key`.
///
/// A key that was put into the wrong section counts as a near miss; otherwise the
/// edit distance of the whole path decides, and the earlier key wins a tie.
pub(super) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known.into_iter().min_by_key(|key| {
        let whole = distance(wrong, key);
        let moved = wrong.contains('.') && leaf(wrong) == leaf(key);
        if moved { whole.min(2) } else { whole }
    })
}

fn leaf(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// Levenshtein distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let above = row[j + 1];
            let replaced = diagonal + usize::from(ca != *cb);
            row[j + 1] = replaced.min(above + 1).min(row[j] + 1);
            diagonal = above;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_textbook() {
        for (a, b, d) in [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("é", "e", 1), ("x", "x", 0)] {
            assert_eq!(distance(a, b), d, "{a} {b}");
        }
    }

    #[test]
    fn a_misspelt_key_and_a_misplaced_one_are_found() {
        let known = ["log", "log.level", "limits.connections_max", "limits.headers_max", "public.address"];
        assert_eq!(nearest("limits.conections_max", known), Some("limits.connections_max"));
        assert_eq!(nearest("limit.headers_max", known), Some("limits.headers_max"));
        assert_eq!(nearest("public.connections_max", known), Some("limits.connections_max"));
        assert_eq!(nearest("lgo", known), Some("log"));
        assert_eq!(nearest("anything", []), None);
    }
}
