//! Sessions as text files: what a client sends and when, what the session makes of it.
//!
//! Each file in `tests/transcripts` is a run of one Socket.IO session. Lines that begin
//! with `>` are input, those with `=` what came of it; `#` is a comment. Instants are
//! milliseconds since the session opened:
//!
//! ```text
//! > 0 text 40            an Engine.IO text packet
//! > 5 binary 010203      a binary message, in hex
//! > 25000 timer          the deadline has come
//! > 30000 unread 4000    nothing was read for the last four seconds
//! = connect / {}         the request, or `nothing`, `ping`, `close <reason>`
//! ```
//!
//! The application of these files accepts every namespace but `/nope`, at once.
//! A file that comes out otherwise is printed whole, to be read against the one here.

use std::fmt::Write as _;
use std::path::PathBuf;

use roomcast_core::engine_io::{self, Packet};
use roomcast_core::room::Namespace;
use roomcast_core::session::{Due, Request, Rules, Session};

const RULES: Rules = Rules {
    ping_interval: 25_000,
    ping_timeout: 20_000,
    connect_timeout: 45_000,
    message_bytes_max: 1_000,
    message_timeout: 30_000,
};

struct Run {
    session: Session<u32>,
    sockets: u32,
}

impl Run {
    fn step(&mut self, line: &str) -> String {
        let mut words = line.splitn(3, ' ');
        let (at, kind, rest) =
            (words.next().unwrap_or_default(), words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let now = at.parse().expect("an instant begins each input");
        match kind {
            "timer" => match self.session.due(now, &RULES) {
                Due::Nothing => "nothing".into(),
                Due::Ping => "ping".into(),
                Due::Close(reason) => format!("close {}", reason.line().label),
            },
            "text" => match engine_io::decode(rest) {
                Ok(packet) => self.packet(packet, now),
                Err(_) => "close protocol_error".into(),
            },
            "binary" => self.packet(Packet::Binary(hex(rest).into()), now),
            "unread" => {
                self.session.forgive(rest.parse().expect("milliseconds"), now, &RULES);
                "nothing".into()
            }
            _ => format!("unknown input {line:?}"),
        }
    }

    fn packet(&mut self, packet: Packet<'_>, now: u64) -> String {
        match self.session.packet(packet, now, &RULES) {
            Ok(None) => "nothing".into(),
            Ok(Some(request)) => self.request(&request),
            Err(reason) => format!("close {}", reason.line().label),
        }
    }

    fn request(&mut self, request: &Request<'_, u32>) -> String {
        match request {
            Request::Connect { namespace, auth } => {
                let text = format!("connect {namespace} {auth}").trim_end().to_owned();
                if *namespace != "/nope" {
                    self.sockets += 1;
                    let name = Namespace::new(namespace).expect("the files name namespaces");
                    self.session.namespaces.begin(name, self.sockets);
                    assert!(self.session.namespaces.accept(self.sockets));
                }
                text
            }
            Request::Leave(socket) => format!("leave #{socket}"),
            Request::Event { socket, ack, data, attachments } => {
                let ack = ack.map_or(String::new(), |ack| format!(" ack {ack}"));
                format!("event #{socket}{ack} {data}{}", shown(attachments))
            }
            Request::Ack { socket, id, data, attachments } => {
                format!("ack #{socket} {id} {data}{}", shown(attachments))
            }
        }
    }
}

fn shown(attachments: &[bytes::Bytes]) -> String {
    attachments.iter().fold(String::new(), |mut text, bytes| {
        text.push_str(" +");
        for byte in bytes {
            let _ = write!(text, "{byte:02x}");
        }
        text
    })
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("hex")).collect()
}

/// The file with its `=` lines as they come out now.
fn replay(file: &str) -> String {
    let mut run = Run { session: Session::new(0, &RULES), sockets: 0 };
    let mut out = String::new();
    let mut closed = false;
    for line in file.lines().filter(|line| !line.starts_with('=')) {
        out.push_str(line);
        out.push('\n');
        if let Some(input) = line.strip_prefix("> ") {
            assert!(!closed, "input after the close: {line}");
            let result = run.step(input);
            closed = result.starts_with("close");
            let _ = writeln!(out, "= {result}");
        }
    }
    out
}

#[test]
fn every_transcript_comes_out_as_written() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let (mut names, mut faults) = (Vec::new(), String::new());
    for entry in std::fs::read_dir(&folder).expect("the folder is there") {
        let path = entry.expect("readable").path();
        let written = std::fs::read_to_string(&path).expect("text");
        let now = replay(&written);
        if now != written {
            let _ = write!(faults, "{} comes out as\n{now}\n", path.display());
        }
        names.push(path);
    }
    assert!(faults.is_empty(), "{faults}");
    assert!(names.len() >= 8, "only {} transcripts", names.len());
}
