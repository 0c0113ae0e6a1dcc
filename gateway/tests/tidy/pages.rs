//! What pages say is complete and leads somewhere: the change log's head, the reasons for
//! dependencies, links, and files that are named.

use std::collections::BTreeSet;
use std::path::Path;

use crate::arrows::dependencies;
use crate::assert_none;
use crate::tree::{File, file, files, root};

/// What names of files in the text of a page begin with.
const FOLDERS: [&str; 7] = ["gateway/", "adapter-redis/", "deploy/", "loadtest/", "docs/", ".ci/", ".github/"];

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

/// The targets of a page's links to files: without the part behind `#`, without other hosts.
fn links(page: &str) -> impl Iterator<Item = &str> {
    let targets = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets
        .map(|target| target.split('#').next().unwrap_or_default())
        .filter(|path| !path.is_empty() && !path.contains(':'))
}

/// Files and folders of the repository that a page names as code.
fn named(page: &str) -> impl Iterator<Item = &str> {
    let is_path = |word: &&str| {
        FOLDERS.iter().any(|folder| word.starts_with(folder)) && !word.contains(['*', ' ', '{', '<', '…'])
    };
    page.lines().flat_map(|line| line.split('`').skip(1).step_by(2)).filter(is_path)
}

/// What a page leads to and is not there.
fn leads_nowhere(page: &File) -> Vec<String> {
    let folder = root().join(&page.path);
    let folder = folder.parent().unwrap_or(root());
    let broken = links(&page.text).filter(|path| !folder.join(path).exists()).map(|path| format!("links to {path}"));
    let gone = named(&page.text).filter(|path| !root().join(path).exists()).map(|path| format!("names {path}"));
    broken.chain(gone).map(|what| format!("{what}, which is not there")).collect()
}

#[test]
fn pages_lead_to_what_is_there() {
    let text =
        "[a](README.md#x) [b](none.md) [c](https://x.example/) `docs/README.md`\n`gateway/gone.rs`, `gateway/src/*`\n";
    let found = leads_nowhere(&File::new("docs/page.md", text));
    assert_eq!(found, ["links to none.md, which is not there", "names gateway/gone.rs, which is not there"]);

    let is_page = |file: &&File| Path::new(&file.path).extension().is_some_and(|end| end == "md");
    assert_none(files().iter().filter(is_page), leads_nowhere);
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
