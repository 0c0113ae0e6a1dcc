//! The real binary: started on free ports with a settings file of its own, and stopped when it goes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long anything may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Secrets of the keys in these tests: neither they nor their hashes may be printed.
pub(crate) const SECRETS: [(&str, &str); 2] = [
    ("s3cret", "1ec1c26b50d5d3c58d9583181af8076655fe00756bf7285940ba3670f99fcba0"),
    ("hunter2", "f52fbd32b2b3b86ff88ef6c490628285f482af15ddcb29541f94bcf526a3f6c7"),
];

/// A key of the API with that secret, as TOML.
pub(crate) fn key(secret: usize) -> String {
    let digest = SECRETS[secret].1;
    format!("[[internal.keys]]\nid = \"key{secret}\"\nsha256 = \"{digest}\"\nscopes = [\"publish\"]\n")
}

/// Listens on free ports.
pub(crate) const FREE: &str = "public.address = \"127.0.0.1:0\"\ninternal.address = \"127.0.0.1:0\"\n";

/// A file that goes away with the test.
pub(crate) struct Written(PathBuf);

impl Written {
    pub(crate) fn new(text: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("roomcast-process-{}-{n}.toml", std::process::id()));
        let file = Self(path);
        file.write(text);
        file
    }

    pub(crate) fn write(&self, text: &str) {
        std::fs::write(&self.0, text).expect("writable");
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn text(&self) -> &str {
        self.0.to_str().expect("UTF-8")
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// What a command printed, and how it exited.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The binary, with nothing in its environment but `env`: what is exported here is not its.
fn binary(arguments: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roomcast"));
    command.args(arguments).env_clear().envs(env.iter().copied()).stdin(Stdio::null());
    command
}

/// Runs it to its end, and looks for secrets in what it printed.
pub(crate) fn run(arguments: &[&str], env: &[(&str, &str)]) -> Ran {
    let output = binary(arguments, env).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let ran = Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
    has_no_secret(&ran.out);
    has_no_secret(&ran.err);
    ran
}

/// Asserts that a text has no secret and no hash of one.
pub(crate) fn has_no_secret(text: &str) {
    for (secret, digest) in SECRETS {
        assert!(!text.contains(secret) && !text.contains(digest), "a secret in: {text}");
    }
}

/// A running gateway.
pub(crate) struct Program {
    child: Child,
    pub(crate) file: Written,
    pub(crate) public: SocketAddr,
    pub(crate) internal: SocketAddr,
    log: Arc<Mutex<String>>,
    /// Reads the log to its end.
    logging: Option<JoinHandle<()>>,
}

impl Program {
    /// Starts one with [`FREE`] and further settings.
    pub(crate) fn start(settings: &str) -> Self {
        Self::start_from(Written::new(&format!("{FREE}{settings}")), |_| {})
    }

    /// Starts one with that file, does something to its process, and waits for its greeting.
    pub(crate) fn start_from(file: Written, meanwhile: impl FnOnce(u32)) -> Self {
        let mut command = binary(&["--config", file.text()], &[]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let log = Arc::new(Mutex::new(String::new()));
        meanwhile(child.id());
        let (stderr, lines) = (child.stderr.take().expect("a pipe"), Arc::clone(&log));
        let logging = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                lines.lock().expect("no panic").extend([&line, "\n"]);
            }
        });
        let mut greeting = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut address = |name: &str| loop {
            let mut line = String::new();
            let n = greeting.read_line(&mut line).expect("text");
            assert!(n > 0, "it ended: {}", log.lock().expect("no panic"));
            if let Some(rest) = line.trim().strip_prefix(name) {
                let address = rest.trim_start().trim_start_matches("http://").split(' ').next();
                return address.and_then(|address| address.parse().ok()).expect("an address");
            }
        };
        let (public, internal) = (address("public "), address("internal "));
        // The rest is read and thrown away, or a full pipe would hold it up.
        std::thread::spawn(move || greeting.read_to_end(&mut Vec::new()));
        Self { child, file, public, internal, log, logging: Some(logging) }
    }

    /// Changes its further settings and has it read them.
    pub(crate) fn reload(&self, settings: &str) {
        self.file.write(&format!("{FREE}{settings}"));
        self.signal("HUP");
    }

    pub(crate) fn signal(&self, name: &str) {
        send_signal(self.child.id(), name);
    }

    /// Waits until it has logged a line with these words for the `nth` time; returns the line.
    pub(crate) fn logged(&self, words: &str, nth: usize) -> String {
        let line = wait(|| self.log().lines().filter(|line| line.contains(words)).nth(nth - 1).map(str::to_owned));
        line.ok_or_else(|| self.log()).expect(words)
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("no panic").clone()
    }

    /// Waits until it has ended; returns its whole log.
    pub(crate) fn ended(mut self) -> String {
        let status = wait(|| self.child.try_wait().expect("a child")).expect("it ends");
        self.logging.take().map(JoinHandle::join).transpose().expect("no panic");
        assert!(status.success(), "{status}: {}", self.log());
        has_no_secret(&self.log());
        self.log()
    }

    /// One sample of its metrics.
    pub(crate) fn metric(&self, series: &str) -> String {
        let page = ask(self.internal, "GET", "/metrics", "", "").1;
        let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.expect(series).to_owned()
    }

    /// Waits until a metric is what is waited for.
    pub(crate) fn until(&self, series: &str, is: impl Fn(f64) -> bool) {
        let seen = wait(|| self.metric(series).parse().is_ok_and(&is).then_some(()));
        seen.ok_or_else(|| self.metric(series)).expect(series);
    }

    /// Publishes to everybody with a key, if one is named; returns the status.
    pub(crate) fn publish(&self, secret: Option<usize>, bytes: usize) -> u16 {
        let key = secret.map_or(String::new(), |i| format!("Authorization: Bearer rk_key{i}_{}\r\n", SECRETS[i].0));
        let body = format!(r#"{{"to":{{"all":true}},"event":"x","args":["{}"]}}"#, "x".repeat(bytes));
        let headers = format!("Content-Type: application/json\r\n{key}");
        ask(self.internal, "POST", "/v1/publish", &headers, &body).0
    }

    /// A handshake by polling; returns status and body.
    pub(crate) fn handshake(&self, headers: &str) -> (u16, String) {
        ask(self.public, "GET", "/socket.io/?EIO=4&transport=polling", headers, "")
    }
}

/// Sends a signal to a process of ours.
pub(crate) fn send_signal(process: u32, name: &str) {
    shell(&format!("kill -{name} {process}"));
}

/// Runs a command line.
pub(crate) fn shell(line: &str) {
    assert!(Command::new("sh").args(["-c", line]).status().expect("a shell").success(), "{line}");
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a request with further header lines; returns status and body.
pub(crate) fn ask(address: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a socket");
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer in time");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, body.to_owned())
}

/// Asks until there is an answer.
fn wait<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        let answer = ask();
        if answer.is_some() || started.elapsed() > DEADLINE {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
