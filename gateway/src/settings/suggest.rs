//! The valid keys that are nearest to a wrong one.

/// What to say about a key that nobody knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    /// These are near: misspelt, or in another section.
    Near(Vec<String>),
    /// Nothing is near. The section, empty for the top, and what it has.
    Valid(String, Vec<String>),
}

/// Costs more than a near miss of one letter, and less than any two of them.
const MOVED: usize = 2;
/// Differences at most, however long the name is.
const DIFFERENCES_MAX: usize = 3;

/// What is near `wrong` among `known`, both written `section.key`.
pub(super) fn hint<'a>(wrong: &str, known: impl Iterator<Item = &'a str> + Clone) -> Hint {
    let meant = wrong.to_lowercase().replace('-', "_");
    let costs: Vec<(usize, &str)> = known.clone().filter_map(|key| Some((cost(&meant, key)?, key))).collect();
    if let Some(least) = costs.iter().map(|(cost, _)| *cost).min() {
        let nearest = costs.into_iter().filter(|(cost, _)| *cost == least);
        return Hint::Near(nearest.map(|(_, key)| key.to_owned()).collect());
    }
    let of = |section: &str| -> Vec<String> {
        let keys = known.clone().map(split).filter(|(of, _)| *of == section);
        keys.map(|(_, name)| name.to_owned()).collect()
    };
    // A key may be a section itself, where only settings can be.
    for section in [wrong, split(wrong).0] {
        let valid = of(section);
        if !section.is_empty() && !valid.is_empty() {
            return Hint::Valid(section.to_owned(), valid);
        }
    }
    // Of keys alone, the sections are what stands before them.
    let mut sections: Vec<String> = Vec::new();
    for key in known {
        let top = key.split(['.', '[']).next().unwrap_or(key).to_owned();
        if !sections.contains(&top) {
            sections.push(top);
        }
    }
    Hint::Valid(String::new(), sections)
}

/// How far `key` is from `wrong`; `None`: too far to be what was meant.
fn cost(wrong: &str, key: &str) -> Option<usize> {
    let ((wrong_section, wrong_name), (section, name)) = (split(wrong), split(key));
    let there = near(wrong_section, section).and_then(|cost| Some(cost + near(wrong_name, name)?));
    there.or_else(|| (wrong_name == name).then_some(MOVED))
}

/// `section.name` as section and name.
fn split(key: &str) -> (&str, &str) {
    key.rsplit_once('.').unwrap_or(("", key))
}

/// The differences between two names, if they are few for their length.
pub(super) fn near(wrong: &str, name: &str) -> Option<usize> {
    if wrong == name {
        return Some(0);
    }
    let most = (name.len() / 3).clamp(1, DIFFERENCES_MAX);
    if wrong.is_empty() || wrong.chars().count().abs_diff(name.chars().count()) > most {
        return None;
    }
    if sorted(wrong) == sorted(name) {
        return Some(1);
    }
    Some(distance(wrong, name)).filter(|differences| *differences <= most)
}

/// The words of a name: `max_connections` has those of `connections_max`.
fn sorted(name: &str) -> Vec<&str> {
    let mut words: Vec<&str> = name.split('_').collect();
    words.sort_unstable();
    words
}

/// Letters to insert, to take out, to replace or to exchange with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_textbook() {
        let cases =
            [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("é", "e", 1), ("x", "x", 0), ("lgo", "log", 1)];
        for (a, b, d) in cases {
            assert_eq!(distance(a, b), d, "{a} {b}");
        }
    }

    #[test]
    fn a_misspelt_key_and_a_misplaced_one_are_found_and_nothing_odd() {
        let known = [
            "public",
            "public.address",
            "internal",
            "internal.address",
            "limits",
            "limits.connections_max",
            "limits.headers_max",
            "log",
            "log.level",
            "namespaces",
            "namespaces[].name",
        ];
        let near = |keys: &[&str]| Hint::Near(keys.iter().map(|key| (*key).to_owned()).collect());
        for (wrong, nearest) in [
            ("limits.conections_max", &["limits.connections_max"][..]),
            ("limits.connectoins_max", &["limits.connections_max"]),
            ("limits.max-connections", &["limits.connections_max"]),
            ("limits.Headers_Max", &["limits.headers_max"]),
            ("limit.headers_max", &["limits.headers_max"]),
            ("public.connections_max", &["limits.connections_max"]),
            ("address", &["public.address", "internal.address"]),
            ("log.address", &["public.address", "internal.address"]),
            ("lgo", &["log"]),
            ("log.leevl", &["log.level"]),
            ("namespaces[].nam", &["namespaces[].name"]),
        ] {
            assert_eq!(hint(wrong, known.into_iter()), near(nearest), "{wrong}");
        }
        let valid = |section: &str, keys: &[&str]| {
            Hint::Valid(section.into(), keys.iter().map(|key| (*key).to_owned()).collect())
        };
        let sections = ["public", "internal", "limits", "log", "namespaces"];
        for (wrong, expected) in [
            ("redis", valid("", &sections)),
            ("redis.url", valid("", &sections)),
            ("", valid("", &sections)),
            ("limits.rate", valid("limits", &["connections_max", "headers_max"])),
            ("log.file", valid("log", &["level"])),
        ] {
            assert_eq!(hint(wrong, known.into_iter()), expected, "{wrong}");
        }
        let variables = ["public.address", "log.level"];
        assert_eq!(hint("log", variables.into_iter()), valid("log", &["level"]));
        assert_eq!(hint("redis.url", variables.into_iter()), valid("", &["public", "log"]));
        assert_eq!(hint("a", [].into_iter()), valid("", &[]));
    }
}
