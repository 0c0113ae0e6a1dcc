//! What the operating system allows: files and memory, and the connection limit that
//! follows.
//!
//! Deliberately absent: kernel settings (`docs/operations.md` says which matter) and
//! watching the limits: they are read at the start and at a reload.

use std::fmt;
use std::io;
use std::path::Path;

use crate::limits::FILES_RESERVED;
use crate::settings::Limits;

/// How many connections the settings, open files and memory allow, as of now.
pub fn connection_limit(limits: &Limits) -> ConnectionLimit {
    let files = raise_file_limit().unwrap_or_else(|error| {
        tracing::warn!(%error, "the file limit cannot be raised; assuming 1024");
        1024
    });
    ConnectionLimit::new(limits, files, memory_limit())
}

/// Raises the soft limit of open files to the hard one; returns the limit now in force.
pub fn raise_file_limit() -> io::Result<u64> {
    rlimit::increase_nofile_limit(u64::MAX)
}

/// The memory this process may use, in bytes: the least of its control groups (version
/// 2 and 1) and the machine's memory. `None` where the system says nothing.
pub fn memory_limit() -> Option<u64> {
    memory_limit_at(Path::new("/"))
}

fn memory_limit_at(root: &Path) -> Option<u64> {
    let read = |path: &str| std::fs::read_to_string(root.join(path)).ok();
    let groups = read("proc/self/cgroup").unwrap_or_default();
    let mut limits: Vec<u64> = read("proc/meminfo").and_then(|text| memory_total(&text)).into_iter().collect();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(group)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let (mount, file) = if controllers.is_empty() {
            ("sys/fs/cgroup", "memory.max")
        } else if controllers.split(',').any(|controller| controller == "memory") {
            ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
        } else {
            continue;
        };
        // A limit of any group above holds too. In a container the own group is often mounted as the root.
        for above in Path::new(group.trim_start_matches('/')).ancestors() {
            let path = Path::new(mount).join(above).join(file);
            let text = path.to_str().and_then(read);
            // `max` is no number: no limit.
            limits.extend(text.and_then(|text| text.trim().parse::<u64>().ok()));
        }
    }
    limits.into_iter().min()
}

/// `MemTotal:  16384 kB` in bytes.
fn memory_total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// What keeps the connection limit where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// `limits.connections_max`.
    Setting,
    /// Open files.
    Files,
    /// Memory.
    Memory,
}

/// How many connections a node takes, and why not more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimit {
    /// Connections at most; at least 1.
    pub connections: u64,
    /// HTTP connections of the public listener that may wait for a request, besides; at least 1.
    pub http_connections: u64,
    /// What binds; the setting on a tie.
    pub binding: Binding,
}

impl ConnectionLimit {
    /// As many of both, by the setting.
    #[cfg(test)]
    pub(crate) fn of(connections: u64) -> Self {
        Self { connections, http_connections: connections, binding: Binding::Setting }
    }

    /// The least of the setting, the files (all but a reserve, and those of HTTP connections)
    /// and the memory in portions of `limits.connection_memory_bytes`. HTTP connections may
    /// take a quarter of files and of memory at most.
    pub fn new(limits: &Limits, files: u64, memory: Option<u64>) -> Self {
        let files = files.saturating_sub(FILES_RESERVED);
        let by_memory = memory.map_or(u64::MAX, |bytes| bytes / limits.connection_memory_bytes.max(1));
        let http_connections = limits.http_connections_max.min(files / 4).min(by_memory / 4).max(1);
        let setting = limits.connections_max;
        let by_files = files.saturating_sub(http_connections);
        let (connections, binding) =
            [(setting, Binding::Setting), (by_files, Binding::Files), (by_memory, Binding::Memory)]
                .into_iter()
                .min_by_key(|(connections, _)| *connections)
                .unwrap_or((setting, Binding::Setting));
        Self { connections: connections.max(1), http_connections, binding }
    }
}

impl fmt::Display for ConnectionLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = match self.binding {
            Binding::Setting => "limits.connections_max",
            Binding::Files => "the limit of open files (ulimit -n)",
            Binding::Memory => "the memory limit (limits.connection_memory_bytes for each)",
        };
        write!(f, "{} connections, bound by {by}", self.connections)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_binds() {
        let mib = 1 << 20;
        let limits = |connections_max, connection_memory_bytes| Limits {
            connections_max,
            connection_memory_bytes,
            ..Limits::default()
        };
        let cases = [
            ((1000, 65_536, Some(1024 * mib), 16_384), 1000, 10_000, Binding::Setting),
            ((100_000, 1024, Some(1024 * mib), 16_384), 1024 - FILES_RESERVED - 224, 224, Binding::Files),
            ((100_000, 1_048_576, Some(64 * mib), 16_384), 4096, 1024, Binding::Memory),
            ((100_000, 1_048_576, None, 16_384), 100_000, 10_000, Binding::Setting),
            ((100_000, 64, None, 16_384), 1, 1, Binding::Files),
            ((100_000, u64::MAX, Some(0), 0), 1, 1, Binding::Memory),
        ];
        for ((setting, files, memory, each), connections, http_connections, binding) in cases {
            let limit = ConnectionLimit::new(&limits(setting, each), files, memory);
            assert_eq!(limit, ConnectionLimit { connections, http_connections, binding });
        }
        let limit = ConnectionLimit::new(&Limits::default(), 1024, None);
        assert_eq!(limit.to_string(), "672 connections, bound by the limit of open files (ulimit -n)");
    }

    fn machine(name: &str, files: &[(&str, &str)]) -> Option<u64> {
        let root = std::env::temp_dir().join(format!("roomcast-os-{}-{name}", std::process::id()));
        for (path, text) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
            std::fs::write(path, text).expect("writable");
        }
        let limit = memory_limit_at(&root);
        std::fs::remove_dir_all(&root).expect("was written");
        limit
    }

    #[test]
    fn control_groups_of_both_versions_and_the_machine_bound_the_memory() {
        let total = ("proc/meminfo", "MemTotal:       16384 kB\nMemFree: 1 kB\n");
        assert_eq!(machine("none", &[total]), Some(16_384 * 1024));
        let v2 = ("proc/self/cgroup", "0::/a/b\n");
        let unlimited = ("sys/fs/cgroup/a/b/memory.max", "max\n");
        assert_eq!(machine("max", &[total, v2, unlimited]), Some(16_384 * 1024));
        let above = ("sys/fs/cgroup/a/memory.max", "4096\n");
        assert_eq!(machine("above", &[total, v2, unlimited, above]), Some(4096));
        let container = ("sys/fs/cgroup/memory.max", "8192\n");
        assert_eq!(machine("container", &[total, ("proc/self/cgroup", "0::/\n"), container]), Some(8192));
        let v1 = ("proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/x\n");
        let limited = ("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "2048\n");
        assert_eq!(machine("v1", &[total, v1, limited]), Some(2048));
        let huge = ("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(machine("v1-huge", &[total, v1, huge]), Some(16_384 * 1024));
    }

    #[test]
    fn this_machine_answers() {
        assert!(raise_file_limit().expect("a limit") >= 256);
        assert!(memory_limit().expect("Linux says") > 1 << 20);
    }
}
