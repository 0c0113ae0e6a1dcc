//! Signals that come before the program has started: it hears them before it serves anybody.

use std::path::Path;

use super::program::{FREE, Program, Written};

/// How often a start may be too quick to be watched.
const STARTS_MAX: usize = 40;

/// SIGHUP, SIGINT and SIGTERM in the kernel's mask of signals that are caught.
const HEARD: u64 = 1 << 0 | 1 << 1 | 1 << 14;

/// The mask of signals that a process catches; `None`: it is gone.
fn caught(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

/// Whether a process has a shard's thread.
fn has_shard(process: u32) -> bool {
    let threads = std::fs::read_dir(Path::new("/proc").join(process.to_string()).join("task"));
    let names = threads.into_iter().flatten().flatten();
    let names = names.filter_map(|thread| std::fs::read_to_string(thread.path().join("comm")).ok());
    names.into_iter().any(|name| name.starts_with("shard-"))
}

/// Waits until the signals are caught; whether there was no shard yet.
fn is_heard_first(process: u32) -> bool {
    while caught(process).is_some_and(|mask| mask & HEARD != HEARD) {
        std::hint::spin_loop();
    }
    !has_shard(process)
}

#[test]
fn signals_are_heard_before_anybody_is_served() {
    for _ in 0..STARTS_MAX {
        let mut first = false;
        let program = Program::start_from(Written::new(FREE), |process| first = is_heard_first(process));
        program.signal("HUP");
        program.logged("settings reloaded: nothing changed", 1);
        if first {
            return;
        }
    }
    panic!("{STARTS_MAX} starts, and never were signals caught before there was a shard");
}
