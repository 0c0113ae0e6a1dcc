//! One `redis-server` process on a free port, in a folder of its own, without persistence.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::{ports, wait};

const START_ATTEMPTS: usize = 5;
const PING_TIMEOUT: Duration = Duration::from_millis(500);
/// Seconds that `redis-cli` may take: a server that is stopped for a while never answers.
const CLI_SECONDS: &str = "15";

/// A running server; it is killed and its folder removed on drop.
pub(crate) struct Server {
    port: u16,
    folder: PathBuf,
    arguments: Vec<String>,
    child: Child,
}

/// Why a server did not come up.
#[derive(Debug)]
enum Failed {
    /// Somebody else was faster.
    PortTaken,
    Otherwise(String),
}

impl Server {
    /// A server by itself; `options` are more words of its command line, such as `["--maxclients", "100"]`.
    pub(crate) fn start(options: &[&str]) -> Self {
        Self::start_as(ports::free, |port, folder| {
            let mut arguments = plain(port, folder);
            arguments.extend(options.iter().map(|word| (*word).to_owned()));
            arguments
        })
    }

    /// A server on which `user` has all rights with `password`; the default user needs none.
    pub(crate) fn with_user(user: &str, password: &str) -> Self {
        Self::start(&["--user", user, "on", &format!(">{password}"), "~*", "&*", "+@all"])
    }

    /// A server whose command line `arguments` makes of its port and its folder.
    pub(crate) fn start_as(port: fn() -> u16, arguments: impl Fn(u16, &Path) -> Vec<String>) -> Self {
        for _ in 0..START_ATTEMPTS {
            let (port, folder) = (port(), new_folder());
            let arguments = arguments(port, &folder);
            match launch(port, &folder, &arguments) {
                Ok(child) => return Self { port, folder, arguments, child },
                Err(Failed::PortTaken) => drop(fs::remove_dir_all(&folder)),
                Err(Failed::Otherwise(why)) => panic!("redis-server {arguments:?}: {why}"),
            }
        }
        panic!("redis-server: no free port in {START_ATTEMPTS} attempts");
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, as `kill -9`: nothing is said to its clients.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again on the same port, with the same options; what it knew is gone.
    pub(crate) fn start_again(&mut self) {
        self.kill();
        self.child = wait::until("restart of redis-server", || launch(self.port, &self.folder, &self.arguments));
    }

    /// Stops it for a while (SIGSTOP): its connections stay open, and nothing is answered.
    pub(crate) fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets it go on (SIGCONT).
    pub(crate) fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let order = format!("kill -{name} {}", self.process_id());
        let sent = Command::new("sh").args(["-c", &order]).status().expect("a shell");
        assert!(sent.success(), "{order}: {sent}");
    }

    /// Gives an order through `redis-cli`, and its answer. An error fails the test.
    pub(crate) fn cli(&self, words: &[&str]) -> String {
        self.try_cli(words).unwrap_or_else(|why| panic!("redis-cli -p {} {words:?}: {why}", self.port))
    }

    /// The same, where an error may be.
    pub(crate) fn try_cli(&self, words: &[&str]) -> Result<String, String> {
        let output = Command::new("timeout")
            .args([CLI_SECONDS, "redis-cli", "-e", "-p", &self.port.to_string()])
            .args(words)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("timeout redis-cli: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
        if output.status.success() {
            Ok(text)
        } else {
            Err(format!("{}: {text} {}", output.status, String::from_utf8_lossy(&output.stderr)))
        }
    }

    /// Publishes any bytes; gives how many heard them.
    pub(crate) fn publish(&self, channel: &str, payload: &[u8]) -> usize {
        let exchange = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
            stream.set_read_timeout(Some(wait::DEADLINE))?;
            let head = format!("*3\r\n$7\r\nPUBLISH\r\n${}\r\n{channel}\r\n${}\r\n", channel.len(), payload.len());
            stream.write_all(&[head.as_bytes(), payload, b"\r\n"].concat())?;
            let mut line = String::new();
            BufReader::new(stream).read_line(&mut line)?;
            Ok(line)
        };
        let answer = exchange().expect("an answer");
        answer.trim().strip_prefix(':').and_then(|heard| heard.parse().ok()).expect(&answer)
    }

    /// The value of one line `name:value` of INFO or CLUSTER INFO.
    pub(crate) fn info(&self, words: &[&str], name: &str) -> Option<String> {
        let text = self.try_cli(words).ok()?;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.map(|value| value.trim().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The command line of a server by itself.
pub(crate) fn plain(port: u16, folder: &Path) -> Vec<String> {
    let folder = folder.to_str().expect("a folder in UTF-8");
    let port = port.to_string();
    ["--port", &port, "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no"]
        .into_iter()
        .chain(["--repl-diskless-sync-delay", "0", "--daemonize", "no"])
        .map(str::to_owned)
        .collect()
}

fn new_folder() -> PathBuf {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let name = format!("redis-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    // A test program of another run, long gone, may have had the same process id.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder for redis-server");
    folder
}

/// A server that has not answered yet: it is killed if it never does.
struct Unready(Option<Child>);

impl Unready {
    fn process(&mut self) -> &mut Child {
        self.0.as_mut().expect("it is taken out once, at the end")
    }

    fn ready(mut self) -> Child {
        self.0.take().expect("it is taken out once, at the end")
    }
}

impl Drop for Unready {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn launch(port: u16, folder: &Path, arguments: &[String]) -> Result<Child, Failed> {
    let log = folder.join("log");
    let printed = File::create(&log).expect("a file in our folder");
    let child = Command::new("redis-server")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(printed.try_clone().expect("a second handle"))
        .stderr(printed)
        .spawn();
    let mut child = Unready(Some(child.expect("redis-server is not installed: `make setup` installs it")));
    let ended = wait::until("redis-server answers", || match child.process().try_wait() {
        Ok(Some(status)) => Ok(Some(status)),
        _ if answers(port) => Ok(None),
        _ => Err(()),
    });
    match ended {
        None => Ok(child.ready()),
        Some(status) => {
            let text = fs::read_to_string(&log).unwrap_or_default();
            if text.contains("already in use") {
                Err(Failed::PortTaken)
            } else {
                Err(Failed::Otherwise(format!("ended with {status}; it printed:\n{text}")))
            }
        }
    }
}

/// Whether a server is ready for orders.
fn answers(port: u16) -> bool {
    let ping = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(PING_TIMEOUT))?;
        stream.write_all(b"PING\r\n")?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        Ok(line)
    };
    ping().is_ok_and(|line| line.starts_with("+PONG"))
}
