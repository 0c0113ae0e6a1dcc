//! What no text of the repository has in it, and what every Rust file has.
//!
//! Words that this file looks for are put together from parts, or it would find itself.

use crate::assert_none;
use crate::tree::{File, files};

/// Marks of unfinished work: a thing is done, or it is an issue.
const MARKS: [&str; 5] =
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("db", "g!("), concat!("to", "do!(")];

/// A test runs, or it goes: a skipped one says nothing.
const IGNORE: &str = concat!("#[ig", "nore");

/// Folders of somebody's machine.
const MACHINE_PATHS: [&str; 4] =
    [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];

/// Hosts of package registries: clients know them, and may be told others.
const REGISTRY_HOSTS: [&str; 8] = [
    concat!("://crates", ".io"),
    concat!("index.crates", ".io"),
    concat!("static.crates", ".io"),
    concat!("registry.npm", "js."),
    concat!("npmjs", ".com"),
    concat!("pypi", ".org"),
    concat!("python", "hosted.org"),
    concat!("deb.deb", "ian.org"),
];

fn lines_with<'a>(file: &'a File, has: impl Fn(&str) -> Option<&'a str>) -> Vec<String> {
    let found = file.text.lines().enumerate();
    found.filter_map(|(index, line)| Some(format!("line {} has `{}`", index + 1, has(line)?))).collect()
}

/// Whether `line` has `word` with no letter, digit or `_` around it.
fn has_word(line: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let word_goes_on = |rest: &str| word.ends_with(is_word) && rest.starts_with(is_word);
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(is_word) && !word_goes_on(&line[at + word.len()..]))
}

/// Whether `line` has the absolute path `path`, not one that only goes on with it.
fn has_path(line: &str, path: &str) -> bool {
    let goes_on = |c: char| c.is_alphanumeric() || "_-.~}".contains(c);
    line.match_indices(path).any(|(at, _)| !line[..at].ends_with(goes_on))
}

fn is_finished(file: &File) -> Vec<String> {
    lines_with(file, |line| MARKS.into_iter().find(|mark| has_word(line, mark)))
}

fn ignores_no_test(file: &File) -> Vec<String> {
    lines_with(file, |line| line.contains(IGNORE).then_some(IGNORE))
}

fn is_of_no_machine(file: &File) -> Vec<String> {
    lines_with(file, |line| MACHINE_PATHS.into_iter().find(|path| has_path(line, path)))
}

fn names_no_registry(file: &File) -> Vec<String> {
    lines_with(file, |line| REGISTRY_HOSTS.into_iter().find(|host| line.contains(host)))
}

fn locks_no_address(file: &File) -> Vec<String> {
    lines_with(file, |line| line.trim_start().starts_with("\"resolved\": \"http").then_some("resolved"))
}

fn begins_with_its_doc(file: &File) -> Vec<String> {
    if file.text.starts_with("//! ") {
        return Vec::new();
    }
    vec!["does not begin with a `//!` doc of the module".to_owned()]
}

fn is_named_after_itself(file: &File) -> Vec<String> {
    if file.path.ends_with("/mod.rs") {
        return vec!["is a `mod.rs`; write `name.rs` beside `name/`".to_owned()];
    }
    Vec::new()
}

/// All texts but the lock file of cargo, which only cargo writes.
fn written() -> impl Iterator<Item = &'static File> {
    files().iter().filter(|file| !file.path.ends_with("Cargo.lock"))
}

fn rust() -> impl Iterator<Item = &'static File> {
    files().iter().filter(|file| file.is_rust())
}

fn breaks(rule: impl Fn(&File) -> Vec<String>, text: &str) -> bool {
    !rule(&File::new("gateway/src/x.rs", text)).is_empty()
}

#[test]
fn nothing_is_left_unfinished() {
    for mark in MARKS {
        assert!(breaks(is_finished, &format!("// {mark} later")), "{mark}");
    }
    assert!(!breaks(is_finished, concat!("let AUTO", "DOT = 1; // MAXX", "X")));

    assert_none(written(), is_finished);
}

#[test]
fn no_test_is_ignored() {
    assert!(breaks(ignores_no_test, &format!("    {IGNORE} = \"slow\"]")));
    assert!(breaks(ignores_no_test, &format!("{IGNORE}]")));

    assert_none(rust(), ignores_no_test);
}

#[test]
fn no_path_of_a_machine() {
    for path in MACHINE_PATHS {
        assert!(breaks(is_of_no_machine, &format!("see {path}x")), "{path}");
        assert!(breaks(is_of_no_machine, &format!("\"{path}x\"")), "{path}");
        assert!(!breaks(is_of_no_machine, &format!("docs{path}x")), "{path}");
    }

    assert_none(written(), is_of_no_machine);
}

#[test]
fn no_host_of_a_registry() {
    for host in REGISTRY_HOSTS {
        assert!(breaks(names_no_registry, &format!("get https{host}/x")), "{host}");
    }

    assert_none(written(), names_no_registry);
}

#[test]
fn lock_files_have_no_download_addresses() {
    assert!(breaks(locks_no_address, "      \"resolved\": \"https://example.com/a.tgz\","));
    assert!(!breaks(locks_no_address, "      \"integrity\": \"sha512-x\","));

    let locks = || files().iter().filter(|file| file.path.ends_with("package-lock.json"));
    assert!(locks().count() > 0, "no lock file of npm");
    assert_none(locks(), locks_no_address);
}

#[test]
fn every_file_says_what_it_is() {
    assert!(breaks(begins_with_its_doc, "use std::fmt;\n"));
    assert!(!breaks(begins_with_its_doc, "//! The hub.\n"));

    assert_none(rust(), begins_with_its_doc);
}

#[test]
fn modules_are_named_after_themselves() {
    assert_eq!(is_named_after_itself(&File::new("gateway/src/hub/mod.rs", "")).len(), 1);

    assert_none(rust(), is_named_after_itself);
}
