//! What pages say is complete: the change log's head, the reasons for dependencies.

use std::collections::BTreeSet;

use crate::arrows::dependencies;
use crate::tree::file;

/// The first heading below the title.
fn first_head(changelog: &str) -> Option<&str> {
    changelog.lines().find_map(|line| line.strip_prefix("## ")).map(str::trim)
}

/// The names in the first column of a page's tables: each row begins with "| `name` |".
fn rows(page: &str) -> BTreeSet<&str> {
    page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |")).map(|(name, _)| name).collect()
}

/// Foreign crates of a manifest.
fn foreign(manifest: &str) -> BTreeSet<String> {
    let all = dependencies(manifest).into_iter();
    all.filter(|dependency| !dependency.says.contains("path = ")).map(|dependency| dependency.name).collect()
}

/// What the page lacks, and what it has too much.
fn differences(manifest: &str, page: &str) -> Vec<String> {
    let (needed, present) = (foreign(manifest), rows(page));
    let missing = needed.iter().filter(|name| !present.contains(name.as_str()));
    let stale = present.iter().filter(|name| !needed.contains(**name));
    missing
        .map(|name| format!("no row for `{name}`"))
        .chain(stale.map(|name| format!("`{name}` is no dependency")))
        .collect()
}

#[test]
fn the_change_log_has_a_head_for_the_next_release() {
    assert_eq!(first_head("# Changes\n\n## 1.0.0\n\n## Unreleased\n"), Some("1.0.0"));
    assert_eq!(first_head("# Changes\n"), None);

    assert_eq!(first_head(&file("CHANGELOG.md").text), Some("Unreleased"));
}

#[test]
fn every_dependency_has_a_reason() {
    let manifest = "[workspace.dependencies]\nours = { path = \"ours\" }\na = \"1\"\nb = { version = \"2\" }\n";
    let page = "| crate | for |\n| --- | --- |\n| `a` | x |\n| `c` | y |\n";
    assert_eq!(differences(manifest, page), ["no row for `b`", "`c` is no dependency"]);

    let found = differences(&file("Cargo.toml").text, &file("docs/decisions/0001-dependencies.md").text);
    assert!(found.is_empty(), "docs/decisions/0001-dependencies.md: {found:?}");
}
