//! Replays the corpora of the fuzz targets: what fuzzing found worth keeping, captured and
//! hostile inputs, on every toolchain and in every run of the tests.

#[path = "../fuzz/src/lib.rs"]
mod checks;

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

/// Says whether an input is one that is accepted; panics on a finding.
type Check = fn(&[u8]) -> bool;

/// (target, its check)
const TARGETS: [(&str, Check); 6] = [
    ("frames", checks::frames::check),
    ("engine_io", checks::engine_io::check),
    ("socket_io", checks::socket_io::check),
    ("plain", checks::plain::check),
    ("publish", checks::publish::check),
    ("configuration", checks::configuration::check),
];

/// Inputs of a corpus at least, and those that are accepted and that are refused among them.
const INPUTS_MIN: usize = 100;
const EACH_KIND_MIN: usize = 10;
/// Bytes of all corpora together: they are in every clone of the repository.
const BYTES_MAX: usize = 1 << 20;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The files of a folder, in the order of their names.
fn inputs(of: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(of)
        .unwrap_or_else(|error| unreachable!("{}: {error}", of.display()))
        .map(|entry| entry.expect("readable").path())
        .collect();
    files.sort();
    let name = |path: &Path| path.file_stem().expect("a name").to_string_lossy().into_owned();
    files.into_iter().map(|path| (name(&path), std::fs::read(&path).expect("readable"))).collect()
}

fn replay(target: &str) {
    let (_, check) = TARGETS.into_iter().find(|(name, _)| *name == target).expect("a target");
    let inputs = inputs(&folder().join("corpus").join(target));
    assert!(inputs.len() >= INPUTS_MIN, "{} inputs, {INPUTS_MIN} at least", inputs.len());
    let mut accepted = 0;
    let mut findings = Vec::new();
    for (name, bytes) in &inputs {
        match catch_unwind(|| check(bytes)) {
            Ok(was_accepted) => accepted += usize::from(was_accepted),
            Err(_) => findings.push(name),
        }
    }
    assert!(findings.is_empty(), "findings, explained above: {findings:?}");
    let refused = inputs.len() - accepted;
    assert!(accepted >= EACH_KIND_MIN && refused >= EACH_KIND_MIN, "{accepted} accepted, {refused} refused");
}

#[test]
fn frames() {
    replay("frames");
}

#[test]
fn engine_io() {
    replay("engine_io");
}

#[test]
fn socket_io() {
    replay("socket_io");
}

#[test]
fn plain() {
    replay("plain");
}

#[test]
fn publish() {
    replay("publish");
}

#[test]
fn configuration() {
    replay("configuration");
}

#[test]
fn every_fuzz_target_is_replayed_and_the_corpora_are_small() {
    let replayed: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let targets: BTreeSet<String> = inputs(&folder().join("fuzz_targets")).into_iter().map(|(name, _)| name).collect();
    assert_eq!(targets, replayed);
    let sizes = TARGETS.iter().flat_map(|(name, _)| inputs(&folder().join("corpus").join(name)));
    let bytes: usize = sizes.map(|(_, bytes)| bytes.len()).sum();
    assert!(bytes <= BYTES_MAX, "{bytes} bytes, {BYTES_MAX} at most");
}
