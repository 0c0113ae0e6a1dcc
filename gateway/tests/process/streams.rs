//! Streams of publications that are open while settings change.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use super::program::{DEADLINE, Program, SECRETS, key};

/// An open stream.
struct Stream {
    socket: BufReader<TcpStream>,
}

impl Stream {
    /// Opens one with that key.
    fn open(program: &Program, secret: usize) -> Self {
        let socket = TcpStream::connect(program.internal).expect("it listens");
        socket.set_read_timeout(Some(DEADLINE)).expect("a socket");
        let mut stream = Self { socket: BufReader::new(socket) };
        let head = format!(
            "POST /v1/publish/batch HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer rk_key{secret}_{}\r\n\
             Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n",
            SECRETS[secret].0
        );
        stream.write(&head);
        assert!(stream.line().starts_with("HTTP/1.1 200"));
        while stream.line() != "\r\n" {}
        stream
    }

    fn write(&mut self, text: &str) {
        self.socket.get_mut().write_all(text.as_bytes()).expect("it reads");
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.socket.read_line(&mut line).expect("a line in time");
        line
    }

    /// The next chunk of the answer, which has one line; `None` at its end.
    fn answer(&mut self) -> Option<String> {
        let bytes = self.line();
        if bytes == "0\r\n" {
            return None;
        }
        let answer = self.line();
        assert_eq!((self.line().as_str(), usize::from_str_radix(bytes.trim(), 16)), ("\r\n", Ok(answer.len())));
        Some(answer)
    }

    /// Publishes one line; returns the answer.
    fn publish(&mut self) -> String {
        let line = "{\"to\":{\"all\":true},\"event\":\"x\"}\n";
        self.write(&format!("{:x}\r\n{line}\r\n", line.len()));
        self.answer().expect("the stream goes on")
    }
}

#[test]
fn a_stream_ends_with_its_key() {
    let program = Program::start(&format!("{}{}", key(0), key(1)));
    let (mut kept, mut revoked, mut idle) =
        (Stream::open(&program, 1), Stream::open(&program, 0), Stream::open(&program, 0));
    assert!(kept.publish().contains("202") && revoked.publish().contains("202"));
    let taken = "roomcast_publications_total{origin=\"http\",result=\"accepted\"}";
    assert_eq!(program.metric(taken), "2");
    program.reload(&key(1));
    program.logged("settings reloaded", 1);
    let answer = revoked.publish();
    assert!(answer.contains(r#""status":401,"code":"unauthorized""#), "{answer}");
    assert_eq!(revoked.answer(), None);
    assert!(kept.publish().contains("202"));
    assert_eq!(program.metric(taken), "3");
    idle.write("0\r\n\r\n");
    assert_eq!(idle.answer(), None, "who publishes no more is told nothing");
}

#[test]
fn a_stream_follows_the_scopes_and_the_limits() {
    let program = Program::start(&key(0));
    let mut stream = Stream::open(&program, 0);
    assert!(stream.publish().contains("202"));
    program.reload(&format!("{}[limits]\npublish_body_bytes_max = 10\n", key(0)));
    program.logged("settings reloaded", 1);
    assert!(stream.publish().contains("a line may have 10 bytes"));
    program.reload(&key(0));
    program.logged("settings reloaded", 2);
    assert!(stream.publish().contains("202"));
    program.reload(&key(0).replace("publish", "read"));
    program.logged("settings reloaded", 3);
    assert!(stream.publish().contains("scope_denied"));
    assert_eq!(stream.answer(), None);
}
