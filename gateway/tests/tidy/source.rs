//! Looks at Rust text: what of it is code, and which paths it names.

/// The text without `#[cfg(test)] mod … { … }` blocks (formatted by rustfmt: each ends
/// at the first `}` as far to the left as its `mod`).
pub(crate) fn without_tests(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let indent = &line[..line.len() - line.trim_start().len()];
        let opens = |next: &&str| next.trim_start().starts_with("mod ") && next.ends_with('{');
        if line.trim() == "#[cfg(test)]" && lines.next_if(opens).is_some() {
            let end = format!("{indent}}}");
            lines.by_ref().find(|line| *line == end);
        } else {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// The lines that are code, with their numbers from 1: no comments, no tests, no blank lines.
pub(crate) fn code_lines(text: &str) -> Vec<(usize, String)> {
    let kept = without_tests(text);
    let code = kept.lines().map(|line| line.split("//").next().unwrap_or_default().trim_end());
    let mut original = text.lines().enumerate();
    code.zip(kept.lines())
        .filter_map(|(code, whole)| {
            let (index, _) = original.find(|(_, line)| *line == whole)?;
            (!code.is_empty()).then(|| (index + 1, code.to_owned()))
        })
        .collect()
}

/// Whether the code names the crate or path `name`: `name::…`, `use name;`, `use name as`.
/// A path that goes on before it (`crate::name::`) is another one.
pub(crate) fn names(code: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].trim_end_matches("::");
        let alone = !code[..at].ends_with(is_word)
            && (before.len() == at || before.is_empty() || !before.ends_with(|c| is_word(c) || c == '>'));
        let after = &code[at + name.len()..];
        let used = code.trim_start().trim_start_matches("pub ").starts_with("use ");
        alone
            && (after.starts_with("::") || (used && (after.starts_with([';', ',', '}']) || after.starts_with(" as "))))
    })
}

#[test]
fn tests_inside_a_file_are_left_out() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {\n    }\n}\nfn c() {}\n#[cfg(test)]\nmod suite;\n";
    assert_eq!(without_tests(text), "fn a() {}\nfn c() {}\n#[cfg(test)]\nmod suite;\n");
}

#[test]
fn code_lines_keep_their_numbers() {
    let text = "//! Doc.\n\nfn a() {} // why\n#[cfg(test)]\nmod tests {\n}\nfn c() {}\n";
    let expected = [(3, "fn a() {}".to_owned()), (7, "fn c() {}".to_owned())];
    assert_eq!(code_lines(text), expected);
}

#[test]
fn a_named_path_is_seen_and_a_longer_one_is_not() {
    for code in [
        "use redis::Client;",
        "use redis;",
        "use redis as r;",
        "pub use redis::Client;",
        "let c = redis::Client::open()?;",
        "let c = ::redis::Client::open()?;",
        "fn f(c: &redis::Client) {}",
        "use {redis, slab};",
    ] {
        assert!(names(code, "redis"), "{code}");
    }
    for code in [
        "use crate::redis::Client;",
        "use roomcast_adapter_redis::Redis;",
        "let redis = settings.redis;",
        "match kind { Kind::redis => {} }",
        "use hyper::{body, redis_like};",
        "redis_like::call();",
    ] {
        assert!(!names(code, "redis"), "{code}");
    }
}
