//! The program in a process of its own, and what can be seen of it from outside.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crate::peer::Peer;

/// A running program, stopped by its own process id when it goes.
pub(crate) struct Node {
    child: Child,
    log: Arc<Mutex<String>>,
    logging: Option<JoinHandle<()>>,
    /// Where clients connect.
    pub(crate) public: SocketAddr,
    /// Where backends connect.
    pub(crate) internal: SocketAddr,
}

impl Node {
    /// Starts it on free ports, with settings as in `("limits.header_timeout_ms", "500")`.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_program(Path::new(env!("CARGO_BIN_EXE_roomcast")), settings)
    }

    /// Starts the example `echo` in its place: the same gateway with a backend in process and `/echo`.
    pub(crate) fn start_echo(settings: &[(&str, &str)]) -> Self {
        // `cargo test` builds the examples beside the program; `cargo test --test` does not.
        let program = Path::new(env!("CARGO_BIN_EXE_roomcast")).with_file_name("examples").join("echo");
        assert!(program.exists(), "build it first: cargo build -p roomcast --example echo");
        Self::start_program(&program, settings)
    }

    fn start_program(program: &Path, settings: &[(&str, &str)]) -> Self {
        let always = [("public.address", "127.0.0.1:0"), ("internal.address", "127.0.0.1:0"), ("node.shards", "2")];
        let always = always.into_iter().chain([("log.level", "debug"), ("log.format", "json")]);
        let mut command = Command::new(program);
        // Settings that are exported here are not its.
        command.env_clear();
        for (key, value) in always.chain(settings.iter().copied()) {
            command.env(format!("ROOMCAST__{}", key.to_uppercase().replace('.', "__")), value);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let (log, logging) = capture(child.stderr.take().expect("piped"));
        let mut greeting = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut address = |of: &str| loop {
            let Some(Ok(line)) = greeting.next() else {
                panic!("it said nothing about {of}: {}", log.lock().expect("no panic"));
            };
            let mut words = line.split_whitespace();
            if words.next() == Some(of) {
                let url = words.next().and_then(|url| url.strip_prefix("http://"));
                break url.and_then(|address| address.parse().ok()).expect("an address");
            }
        };
        let (public, internal) = (address("public"), address("internal"));
        Self { child, log, logging: Some(logging), public, internal }
    }

    /// A hostile peer on the public port.
    pub(crate) fn peer(&self) -> Peer {
        Peer::connect(self.public)
    }

    /// A hostile peer on the internal port.
    pub(crate) fn backend(&self) -> Peer {
        Peer::connect(self.internal)
    }

    /// Everything logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("no panic").clone()
    }

    /// What is scraped: every series with its value.
    pub(crate) fn series(&self) -> BTreeMap<String, f64> {
        let answer = self.backend().get("/metrics");
        assert_eq!(answer.status, 200, "{answer:?}");
        let lines = answer.body.lines().filter(|line| !line.starts_with('#'));
        lines
            .filter_map(|line| line.rsplit_once(' '))
            .map(|(series, value)| (series.to_owned(), value.parse().expect("a number")))
            .collect()
    }

    /// Bytes of memory that are its own: neither files nor shared.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it lives");
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("Linux says");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    /// Its open files, sockets among them.
    pub(crate) fn files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("it lives").count()
    }

    /// Why it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().expect("a child of ours")?;
        Some(format!("{status}: {}", self.log()))
    }

    /// Stops it and returns everything it logged.
    pub(crate) fn stop(mut self) -> String {
        self.end();
        self.log()
    }

    fn end(&mut self) {
        // It has ended already, or ends now: both are fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(logging) = self.logging.take() {
            logging.join().expect("the log was read to its end");
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.end();
    }
}

/// Reads the log all the time, or the program would wait for its reader.
fn capture(mut from: impl Read + Send + 'static) -> (Arc<Mutex<String>>, JoinHandle<()>) {
    let log = Arc::new(Mutex::new(String::new()));
    let into = Arc::clone(&log);
    let reader = std::thread::spawn(move || {
        let mut buffer = vec![0; 65536];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            into.lock().expect("no panic").push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    });
    (log, reader)
}
