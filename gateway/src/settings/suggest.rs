//! The valid key that is nearest to a wrong one.

/// The key of `known` nearest to `wrong`, both written `section.key`.
///
/// A key that was put into the wrong section counts as a near miss; otherwise the
/// edit distance of the whole path decides, and the earlier key wins a tie. Of `wrong`
/// only the first [`CHARS_MAX`] characters are looked at.
pub(super) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let end = wrong.char_indices().nth(CHARS_MAX).map_or(wrong.len(), |(at, _)| at);
    let wrong = &wrong[..end];
    let mut best = (None, usize::MAX);
    for key in known {
        let moved = wrong.contains('.') && leaf(wrong) == leaf(key);
        let found = distance(wrong, key, best.1).or(moved.then_some(usize::MAX));
        let found = if moved { found.map(|whole| whole.min(2)) } else { found };
        if let Some(found) = found.filter(|found| *found < best.1) {
            best = (Some(key), found);
        }
    }
    best.0
}

/// Characters of a wrong key that are compared: more than any key has.
const CHARS_MAX: usize = 64;

fn leaf(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// Levenshtein distance in characters, if it is below `limit`.
fn distance(a: &str, b: &str, limit: usize) -> Option<usize> {
    let b: Vec<char> = b.chars().collect();
    if a.chars().count().abs_diff(b.len()) >= limit {
        return None;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        // No later row has anything smaller than the smallest of this one.
        if row.iter().all(|so_far| *so_far >= limit) {
            return None;
        }
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let above = row[j + 1];
            let replaced = diagonal + usize::from(ca != *cb);
            row[j + 1] = replaced.min(above + 1).min(row[j] + 1);
            diagonal = above;
        }
    }
    Some(row[b.len()]).filter(|distance| *distance < limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_textbook() {
        for (a, b, d) in [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("é", "e", 1), ("x", "x", 0)] {
            assert_eq!(distance(a, b, usize::MAX), Some(d), "{a} {b}");
            assert_eq!(distance(a, b, d + 1), Some(d), "{a} {b}");
            assert_eq!(distance(a, b, d), None, "{a} {b}");
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
        assert_eq!(nearest(&"é".repeat(100_000), known), Some("log"), "only its beginning is compared");
    }
}
