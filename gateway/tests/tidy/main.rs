//! The house rules: what the compiler and clippy cannot know about this repository.
//!
//! Each rule is a function from a text to its violations, tried first on a text that
//! breaks it, then on the repository. To allow something, add a line with its reason
//! to the rule's table.

mod arrows;
mod crates;
mod pages;
mod shape;
mod source;
mod text;
mod tree;

use tree::File;

/// Fails with all violations of `rule` over `files`.
fn assert_none<'a>(files: impl Iterator<Item = &'a File>, rule: impl Fn(&File) -> Vec<String>) {
    let found: Vec<String> = files
        .flat_map(|file| {
            let violations = rule(file);
            violations.into_iter().map(move |what| format!("{}: {what}", file.path))
        })
        .collect();
    assert!(found.is_empty(), "\n  {}\n", found.join("\n  "));
}
