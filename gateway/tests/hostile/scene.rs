//! A program with its bystanders, and the rows that are played before them.

use std::collections::BTreeMap;

use crate::bystanders::{Bystanders, POLLING};
use crate::node::Node;
use crate::{SECRET, wait_until};

/// Repetitions of a row whose action is small.
pub(crate) const TIMES: usize = 250;
/// Rows of fewer repetitions send megabytes, or open hundreds of connections.
pub(crate) const TIMES_OF_SMALL_MIN: usize = 60;
/// Bytes that a row of small actions may leave behind, after a quarter of its repetitions was the
/// warm-up: what the allocator keeps is 100 KB, seldom 400 KB.
const MEMORY_BYTES_MAX: u64 = 256 << 10;
/// The same, more for each action: a leak of 9 KiB each shows in 60 repetitions, one of 6 KiB in 250.
const MEMORY_BYTES_MAX_EACH: u64 = 4 << 10;
/// The same for rows of fewer repetitions, whatever their number.
const MEMORY_BYTES_MAX_OF_FEW: u64 = 8 << 20;
/// Rows that fail before the others are left out.
const FAILED_MAX: usize = 3;
/// Connections that wait for a request while nobody is hostile: those of polls, for a moment.
const WAITING_MAX: u8 = 12;
/// Sockets of bystanders that poll come and go.
const FILES_MORE_MAX: usize = 2 * POLLING;

/// One hostile action, and what is to come of it.
pub(crate) struct Row<'a> {
    /// What is sent, for whoever reads the failure.
    pub(crate) name: &'a str,
    /// How often it is measured: [`TIMES_OF_SMALL_MIN`] at least if the action is small, or memory
    /// is compared as if it were large; fewer if it sends megabytes or opens hundreds of connections.
    pub(crate) times: usize,
    /// Counters and by how much each action raises them, exactly: the sum of all series that
    /// have the labels given.
    pub(crate) grows: &'a [(&'a str, i64)],
    /// The action. It checks the answer.
    pub(crate) act: &'a dyn Fn(&Node),
}

/// A program and 200 bystanders.
pub(crate) struct Scene {
    // In this order they go: bystanders first, or they would be closed.
    bystanders: Bystanders,
    node: Node,
    series: usize,
    /// Rows that failed, and how.
    failed: Vec<String>,
}

impl Scene {
    /// Starts both, with settings as in `("limits.header_timeout_ms", "500")`.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        Self::with(Node::start(settings), POLLING)
    }

    /// The same with bystanders on WebSockets alone, for what whoever opens a connection has to notice.
    pub(crate) fn without_polls(settings: &[(&str, &str)]) -> Self {
        Self::with(Node::start(settings), 0)
    }

    /// The same with the example `echo` as the program.
    pub(crate) fn start_echo(settings: &[(&str, &str)]) -> Self {
        Self::with(Node::start_echo(settings), POLLING)
    }

    fn with(node: Node, polls: usize) -> Self {
        let bystanders = Bystanders::join(&node, polls);
        bystanders.catch_up();
        let series = node.series().len();
        Self { bystanders, node, series, failed: Vec::new() }
    }

    /// Plays a row whose action is small.
    pub(crate) fn row(&mut self, name: &str, grows: &[(&str, i64)], act: impl Fn(&Node)) {
        self.play(&Row { name, times: TIMES, grows, act: &act });
    }

    /// Plays a row, then checks everything. A failure is kept until [`Scene::end`].
    pub(crate) fn play(&mut self, row: &Row<'_>) {
        // One fault fails many rows, each after its deadline: some of them say enough.
        if self.failed.len() >= FAILED_MAX {
            return;
        }
        let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.played(row)));
        assert_eq!(self.node.ended(), None, "{}: the program ended", row.name);
        if let Err(cause) = played {
            let text = cause.downcast_ref::<String>().map(String::as_str).or(cause.downcast_ref::<&str>().copied());
            self.failed.push(format!("{}: {}", row.name, text.unwrap_or("no reason")));
        }
    }

    fn played(&self, row: &Row<'_>) {
        let node = &self.node;
        let (files, before) = (node.files(), node.series());
        let warm_up = row.times.div_ceil(4);
        (0..warm_up).for_each(|_| (row.act)(node));
        self.settled(files);
        let memory = node.memory();
        (0..row.times).for_each(|_| (row.act)(node));
        self.settled(files);
        wait_until(|| {
            // The allocator gives it back some seconds later.
            memory_is_back(node.memory().saturating_sub(memory), row.times)
        });
        println!("{}: {} times, {} bytes more", row.name, row.times, node.memory().saturating_sub(memory));
        let times = (warm_up + row.times).cast_signed() as i64;
        wait_until(|| grown(&before, &node.series(), row.grows, times));
        self.bystanders.catch_up();
        let now = node.series();
        // Once more: they may have grown further meanwhile.
        let all = grown(&before, &now, row.grows, times).and_then(|()| series_are_sound(&now, self.series));
        assert_eq!(all, Ok(()));
        assert_eq!(node.backend().get("/livez").status, 200);
    }

    /// Waits until the sockets of a row are gone. Bystanders that poll come and go.
    fn settled(&self, files: usize) {
        wait_until(|| files_are_back(files, self.node.files()));
    }

    /// Ends the scene: no row failed, every bystander has everything, the log has no secret.
    pub(crate) fn end(self) {
        self.bystanders.catch_up();
        let (failed, mut secrets) = (self.failed, self.bystanders.sids());
        drop(self.bystanders);
        let log = self.node.stop();
        assert!(log.contains("started"), "the log was captured: {log}");
        secrets.push(SECRET.to_owned());
        assert_eq!(shown(&log, &secrets), None, "the log shows a secret");
        assert!(failed.is_empty(), "{} rows failed:\n{}", failed.len(), failed.join("\n"));
    }
}

/// Whether so much memory may be left of a row.
pub(crate) fn memory_is_back(grown: u64, times: usize) -> Result<(), String> {
    let few = times < TIMES_OF_SMALL_MIN;
    let most = if few { MEMORY_BYTES_MAX_OF_FEW } else { MEMORY_BYTES_MAX + MEMORY_BYTES_MAX_EACH * times as u64 };
    (grown <= most).then_some(()).ok_or_else(|| format!("memory grew by {grown} bytes"))
}

/// Whether no socket of a row is left.
pub(crate) fn files_are_back(before: usize, now: usize) -> Result<(), String> {
    (now <= before + FILES_MORE_MAX).then_some(()).ok_or_else(|| format!("{now} open files, {before} before"))
}

/// Whether nothing panicked, nobody waits, and there are as many series as ever.
pub(crate) fn series_are_sound(now: &BTreeMap<String, f64>, series: usize) -> Result<(), String> {
    let waiting = now["roomcast_http_connections_waiting"];
    if !(0.0..=f64::from(WAITING_MAX)).contains(&waiting) {
        return Err(format!("{waiting} connections wait for a request"));
    }
    let panics = now["roomcast_connection_panics_total"];
    if panics > 0.0 {
        return Err(format!("{panics} panics"));
    }
    (now.len() == series).then_some(()).ok_or_else(|| format!("{} series, {series} before", now.len()))
}

/// The first line that has a secret in it.
pub(crate) fn shown<'a>(log: &'a str, secrets: &[String]) -> Option<&'a str> {
    log.lines().find(|line| secrets.iter().any(|secret| line.contains(secret.as_str())))
}

/// Whether the counters grew by as much as they should, and no more.
pub(crate) fn grown(
    before: &BTreeMap<String, f64>,
    now: &BTreeMap<String, f64>,
    grows: &[(&str, i64)],
    times: i64,
) -> Result<(), String> {
    for (counter, each) in grows {
        let (grown, due) = (sum(now, counter) - sum(before, counter), each * times);
        if grown != due {
            return Err(format!("{counter} grew by {grown}, not by {due}"));
        }
    }
    Ok(())
}

/// `name{label="value"}` of all series that have these labels, whatever others they have.
fn sum(series: &BTreeMap<String, f64>, counter: &str) -> i64 {
    let (name, labels) = counter.split_once('{').unwrap_or((counter, ""));
    let labels: Vec<&str> = labels.trim_end_matches('}').split(',').collect();
    let is_meant = |series: &str| {
        let rest = series.strip_prefix(name);
        rest.is_some_and(|rest| (rest.is_empty() || rest.starts_with('{')) && labels.iter().all(|l| rest.contains(l)))
    };
    let meant: Vec<f64> = series.iter().filter(|(series, _)| is_meant(series)).map(|(_, value)| *value).collect();
    assert!(!meant.is_empty(), "there is no counter {counter}");
    meant.into_iter().sum::<f64>() as i64
}
