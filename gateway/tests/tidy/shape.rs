//! The repository's shape: folders, sizes of files. (Functions are clippy's business.)

use std::collections::BTreeSet;

use crate::assert_none;
use crate::source::without_tests;
use crate::tree::{File, files};

const FOLDERS: [&str; 5] = ["adapter-redis", "deploy", "docs", "gateway", "loadtest"];

/// Lines of a source file without its tests: nearly all stay under the first, all under the second.
const LINES_AIM: usize = 450;
const LINES_MAX: usize = 600;

/// (file that may be longer, why)
const LONGER: [(&str, &str); 0] = [];

fn lines(file: &File) -> usize {
    without_tests(&file.text).lines().count()
}

fn is_short(file: &File) -> Vec<String> {
    let lines = lines(file);
    let excused = LONGER.iter().any(|(path, _)| *path == file.path);
    if lines <= LINES_MAX || excused {
        return Vec::new();
    }
    vec![format!("has {lines} lines without tests, {LINES_MAX} are the most: one idea a file")]
}

/// At most one file in ten is over the aim.
fn too_many_over_the_aim(lines: &[usize]) -> bool {
    lines.iter().filter(|lines| **lines > LINES_AIM).count() * 10 > lines.len()
}

fn top_folder_is_known(file: &File) -> Vec<String> {
    match file.path.split_once('/') {
        Some((folder, _)) if !folder.starts_with('.') && !FOLDERS.contains(&folder) => {
            vec![format!("is in `{folder}/`; at the top there are only {FOLDERS:?} and dotted folders")]
        }
        _ => Vec::new(),
    }
}

#[test]
fn files_are_short() {
    let long = "x\n".repeat(LINES_MAX + 1);
    assert_eq!(is_short(&File::new("gateway/src/hub.rs", &long)).len(), 1);
    assert!(is_short(&File::new("gateway/src/hub.rs", &format!("#[cfg(test)]\nmod tests {{\n{long}}}\n"))).is_empty());

    assert_none(files().iter().filter(|file| file.is_product()), is_short);
}

#[test]
fn nearly_all_files_are_within_the_aim() {
    assert!(too_many_over_the_aim(&[LINES_AIM + 1, 1, 1, 1, 1, 1, 1, 1, 1]));
    assert!(!too_many_over_the_aim(&[LINES_AIM + 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]));

    let product: Vec<&File> = files().iter().filter(|file| file.is_product()).collect();
    let over: Vec<_> = product.iter().filter(|file| lines(file) > LINES_AIM).map(|file| &file.path).collect();
    let lines: Vec<_> = product.iter().map(|file| lines(file)).collect();
    assert!(!too_many_over_the_aim(&lines), "too many files over {LINES_AIM} lines: {over:?}");
}

#[test]
fn reasons_for_longer_files_are_still_needed() {
    for (path, why) in LONGER {
        let file = crate::tree::file(path);
        assert!(lines(file) > LINES_MAX, "{path} is short by now; no need for: {why}");
    }
}

#[test]
fn the_top_level_is_the_designs() {
    assert_eq!(top_folder_is_known(&File::new("utils/x.rs", "")).len(), 1);
    assert!(top_folder_is_known(&File::new(".ci/run", "")).is_empty());
    assert!(top_folder_is_known(&File::new("Makefile", "")).is_empty());

    assert_none(files().iter(), top_folder_is_known);
    let seen: BTreeSet<_> = files().iter().filter_map(|file| file.path.split_once('/')).map(|(top, _)| top).collect();
    assert!(seen.contains("gateway") && seen.contains("docs"), "{seen:?}");
}
