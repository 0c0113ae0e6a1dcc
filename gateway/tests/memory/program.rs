//! The program in a process of its own, so that its memory is its own; HTTP towards it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take, on a machine that has much else to do.
pub(crate) const DEADLINE: Duration = Duration::from_mins(2);

/// A running gateway, killed when it goes.
pub(crate) struct Program {
    child: Child,
    pub(crate) public: SocketAddr,
    internal: SocketAddr,
    http: Option<(BufReader<TcpStream>, Instant)>,
}

/// For how long an idle connection is trusted: the gateway lets go of it after 5 s.
const FRESH: Duration = Duration::from_secs(2);

impl Program {
    /// Starts it in open mode, with nothing else in its environment. Clients that read nothing answer no pings: none are due here.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_roomcast"))
            .env_clear()
            .env("ROOMCAST__PUBLIC__ADDRESS", "127.0.0.1:0")
            .env("ROOMCAST__INTERNAL__ADDRESS", "127.0.0.1:0")
            .env("ROOMCAST__SOCKET_IO__PING_INTERVAL_MS", "3600000")
            .env("ROOMCAST__WEBSOCKET__PING_INTERVAL_MS", "3600000")
            .env("ROOMCAST__LIMITS__OUTBOX_AGE_MS_MAX", "3600000")
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut address = |name: &str| -> SocketAddr {
            let prefix = format!("  {name}");
            let line = lines.by_ref().map(|line| line.expect("text")).find(|line| line.starts_with(&prefix));
            let line = line.expect("it says where it listens");
            let address = line.split("http://").nth(1).and_then(|rest| rest.split(' ').next());
            address.expect("an address").parse().expect("an address")
        };
        let (public, internal) = (address("public"), address("internal"));
        // Whatever it still prints is to find a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, public, internal, http: None }
    }

    /// The connection of the last request, or a new one.
    fn http(&mut self) -> BufReader<TcpStream> {
        if let Some((http, used)) = self.http.take()
            && used.elapsed() < FRESH
        {
            return http;
        }
        let http = TcpStream::connect(self.internal).expect("it listens");
        http.set_read_timeout(Some(DEADLINE)).expect("a socket");
        http.set_nodelay(true).expect("a socket");
        BufReader::new(http)
    }

    fn request(&mut self, head: &str, body: &str) -> (u16, String) {
        let length = body.len();
        let host = self.internal;
        let text = format!(
            "{head} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let mut http = self.http();
        http.get_mut().write_all(text.as_bytes()).expect("it reads");
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            http.read_line(&mut line).expect("a line in time");
            if let Some(code) = line.strip_prefix("HTTP/1.1 ") {
                status = code[..3].parse().expect("a status");
            } else if let Some(bytes) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                length = bytes.trim().parse().expect("a length");
            } else if line.trim().is_empty() {
                break;
            }
        }
        let mut answer = vec![0; length];
        http.read_exact(&mut answer).expect("the body");
        self.http = Some((http, Instant::now()));
        (status, String::from_utf8(answer).expect("text"))
    }

    /// Publishes several, all of which have to be taken.
    pub(crate) fn publish(&mut self, items: &[String]) {
        // The shards may be behind by as much as their mailboxes hold.
        let deadline = Instant::now() + DEADLINE;
        for item in items {
            loop {
                let (status, answer) = self.request("POST /v1/publish", item);
                if status == 202 {
                    break;
                }
                assert!(status == 503 && Instant::now() < deadline, "{status} {answer}");
            }
        }
    }

    /// All metrics: `name{labels}` to value.
    pub(crate) fn metrics(&mut self) -> HashMap<String, f64> {
        let (status, text) = self.request("GET /metrics", "");
        assert_eq!(status, 200);
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let pairs = lines.filter_map(|line| line.rsplit_once(' '));
        pairs.map(|(name, value)| (name.to_owned(), value.parse().expect("a number"))).collect()
    }

    /// The sum of all series whose names contain all of `parts`.
    pub(crate) fn metric(&mut self, parts: &[&str]) -> f64 {
        let metrics = self.metrics();
        let chosen = metrics.iter().filter(|(name, _)| parts.iter().all(|part| name.contains(part)));
        let mut values = chosen.map(|(_, value)| *value).peekable();
        assert!(values.peek().is_some(), "no series has {parts:?}");
        values.sum()
    }

    /// Resident memory in megabytes.
    pub(crate) fn resident(&mut self) -> f64 {
        self.metric(&["process_resident_memory_bytes"]) / 1e6
    }

    /// Waits until a sum of series is what is waited for.
    pub(crate) fn until(&mut self, parts: &[&str], value: f64) {
        let is = |seen: f64| (seen - value).abs() < 0.5;
        self.wait(&format!("{parts:?} to be {value}"), |program| {
            let seen = program.metric(parts);
            (is(seen), seen)
        });
    }

    /// Waits until something holds; it says, too, what it saw.
    pub(crate) fn wait(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> (bool, f64)) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let (done, seen) = holds(self);
            if done {
                return;
            }
            assert!(Instant::now() < deadline, "waited for {what}, seen last: {seen}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
