//! What Linux tells of a process: CPU time and memory.

use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Nanoseconds of one tick of `/proc/PID/stat`: USER_HZ is 100 on every Linux platform.
const TICK_NS: u64 = 10_000_000;

/// CPU time used up so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cpu {
    /// Both together, exact: what the scheduler gave all threads.
    pub total_ns: u64,
    /// In user mode, as accounted in ticks.
    pub user_ns: u64,
    /// In the kernel, as accounted in ticks.
    pub system_ns: u64,
    /// Not used: ready to run, but something else had the core. Beside an otherwise quiet
    /// server it tells that the run was disturbed.
    pub waiting_ns: u64,
}

impl Cpu {
    /// What was used since an earlier reading.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            total_ns: self.total_ns.saturating_sub(earlier.total_ns),
            user_ns: self.user_ns.saturating_sub(earlier.user_ns),
            system_ns: self.system_ns.saturating_sub(earlier.system_ns),
            waiting_ns: self.waiting_ns.saturating_sub(earlier.waiting_ns),
        }
    }

    /// Microseconds (total, user, system) of each of `count` units. The exact total is
    /// divided by the ratio of the ticks.
    #[expect(clippy::cast_precision_loss, reason = "times of minutes, shown with four digits")]
    pub fn microseconds_each(&self, count: u64) -> (f64, f64, f64) {
        let each = self.total_ns as f64 / 1_000.0 / count.max(1) as f64;
        let ticks = (self.user_ns + self.system_ns).max(1) as f64;
        let user = each * self.user_ns as f64 / ticks;
        (each, user, each - user)
    }
}

/// Resident memory, bytes.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// All resident pages.
    pub rss_bytes: u64,
    /// Those that belong to no file: heap and stacks.
    pub anonymous_bytes: u64,
}

impl Memory {
    /// Growth of all resident memory since an earlier reading, bytes for each client.
    pub fn rss_growth_each(&self, before: &Self, clients: usize) -> f64 {
        growth(before.rss_bytes, self.rss_bytes, clients)
    }

    /// The same of user memory.
    pub fn anonymous_growth_each(&self, before: &Self, clients: usize) -> f64 {
        growth(before.anonymous_bytes, self.anonymous_bytes, clients)
    }
}

#[expect(clippy::cast_precision_loss, reason = "memory has far less than 52 bits")]
fn growth(before: u64, after: u64, clients: usize) -> f64 {
    (after as f64 - before as f64) / clients.max(1) as f64
}

/// A process that is watched.
#[derive(Clone, Debug)]
pub struct Process {
    folder: PathBuf,
}

impl Process {
    /// The process of this id.
    pub fn new(pid: u32) -> Self {
        Self { folder: PathBuf::from(format!("/proc/{pid}")) }
    }

    /// The generator itself.
    pub fn own() -> Self {
        Self::new(std::process::id())
    }

    fn read(&self, name: &str) -> Result<String, Error> {
        let path = self.folder.join(name);
        fs::read_to_string(&path).map_err(Error::io(format!("read {}", path.display())))
    }

    /// CPU time of all its threads so far.
    pub fn cpu(&self) -> Result<Cpu, Error> {
        let stat = self.read("stat")?;
        let (user, system) =
            stat_ticks(&stat).ok_or_else(|| Error::Target("/proc/PID/stat has an unknown form".to_owned()))?;
        let ticks = Cpu {
            total_ns: (user + system) * TICK_NS,
            user_ns: user * TICK_NS,
            system_ns: system * TICK_NS,
            waiting_ns: 0,
        };
        let tasks = self.folder.join("task");
        let entries = fs::read_dir(&tasks).map_err(Error::io(format!("read {}", tasks.display())))?;
        let (exact, waiting_ns) = entries
            .flatten()
            .filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok())
            .filter_map(|text| schedstat_ns(&text))
            .fold((0, 0), |sum, task| (sum.0 + task.0, sum.1 + task.1));
        // Without scheduler statistics in the kernel the ticks have to do.
        let total_ns = if exact > 0 { exact } else { ticks.total_ns };
        Ok(Cpu { total_ns, waiting_ns, ..ticks })
    }

    /// Its memory now.
    pub fn memory(&self) -> Result<Memory, Error> {
        let status = self.read("status")?;
        let line =
            |name| status_bytes(&status, name).ok_or_else(|| Error::Target(format!("/proc/PID/status has no {name}")));
        Ok(Memory { rss_bytes: line("VmRSS:")?, anonymous_bytes: line("RssAnon:")? })
    }
}

/// Fields 14 and 15. The command's name (field 2) may hold spaces and brackets.
fn stat_ticks(stat: &str) -> Option<(u64, u64)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// Time on a CPU, and time waiting for one.
fn schedstat_ns(text: &str) -> Option<(u64, u64)> {
    let mut fields = text.split_ascii_whitespace();
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

fn status_bytes(status: &str, name: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = value.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_past_any_name() {
        let stat = "42 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 1234 56 0 0 20 0 1 0 99";
        assert_eq!(stat_ticks(stat), Some((1_234, 56)));
        assert_eq!(stat_ticks("42 (a"), None);
        assert_eq!(schedstat_ns("123456 78 9\n"), Some((123_456, 78)));
    }

    #[test]
    fn status_is_read_in_bytes() {
        let status = "Name:\tx\nVmRSS:\t    1024 kB\nRssAnon:\t     100 kB\n";
        assert_eq!(status_bytes(status, "VmRSS:"), Some(1 << 20));
        assert_eq!(status_bytes(status, "RssAnon:"), Some(102_400));
        assert_eq!(status_bytes(status, "VmSwap:"), None);
    }

    #[test]
    fn this_process_can_be_watched() {
        let own = Process::own();
        let before = own.cpu().expect("cpu");
        let memory = own.memory().expect("memory");
        assert!(memory.rss_bytes >= memory.anonymous_bytes && memory.anonymous_bytes > 0);
        let used = own.cpu().expect("cpu").since(&before);
        assert!(used.total_ns < 60_000_000_000);
    }

    #[test]
    fn the_exact_total_is_divided_by_the_ticks() {
        let cpu = Cpu { total_ns: 10_000_000, user_ns: 20_000_000, system_ns: 60_000_000, waiting_ns: 0 };
        let (total, user, system) = cpu.microseconds_each(1_000);
        assert!((total - 10.0).abs() < 1e-9 && (user - 2.5).abs() < 1e-9 && (system - 7.5).abs() < 1e-9);
    }
}
