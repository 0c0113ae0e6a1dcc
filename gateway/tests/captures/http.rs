//! An HTTP/1.1 client: one connection a request, what is sent is what is written here.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::DEADLINE;

/// The key of RFC 6455 section 1.3, and the answer to it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Status and headers, names in lower case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
}

impl Head {
    pub(crate) fn parse(text: &str) -> Self {
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        };
        Self {
            status: status.and_then(|status| status.parse().ok()).expect("a status line"),
            headers: lines.filter_map(header).collect(),
        }
    }

    /// All values of a header, as one; `None` if there is none.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let values: Vec<&str> =
            self.headers.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) head: Head,
    pub(crate) body: String,
}

/// A request whose answer is still to come.
pub(crate) struct Pending(TcpStream);

impl Pending {
    pub(crate) fn answer(mut self) -> Answer {
        read_answer(&mut self.0).expect("an answer")
    }

    /// Sends what was announced and is still missing.
    pub(crate) fn finish(mut self, body: &str) -> Answer {
        // The server may have closed for good: then this, or the reading, fails.
        let _ = self.0.write_all(body.as_bytes());
        self.answer()
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the gateway listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    stream
}

/// Sends a request; `headers` and the body's length are added to it.
pub(crate) fn send(address: SocketAddr, method: &str, target: &str, headers: &[&str], body: &str) -> Pending {
    let mut stream = connect(address);
    let length = if method == "GET" || method == "OPTIONS" {
        String::new()
    } else {
        format!("content-length: {}\r\n", body.len())
    };
    let request = format!("{method} {target} HTTP/1.1\r\nhost: gateway\r\n{length}{}\r\n{body}", lines(headers));
    stream.write_all(request.as_bytes()).expect("sent");
    Pending(stream)
}

/// Sends a GET that the server holds. It is pending when this returns: the server took it
/// in the same breath as the one before it on this connection, which is answered.
pub(crate) fn held_get(address: SocketAddr, target: &str) -> Pending {
    let mut stream = connect(address);
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nhost: gateway\r\n\r\n");
    let both = get("/nothing-here") + &get(target);
    stream.write_all(both.as_bytes()).expect("sent");
    let first = read_answer(&mut stream).expect("an answer");
    assert_eq!(first.head.status, 404);
    Pending(stream)
}

/// Begins a POST whose body does not come yet. The server waits for it when this returns.
pub(crate) fn begun_post(address: SocketAddr, target: &str, length: usize) -> Pending {
    let mut stream = connect(address);
    let request =
        format!("POST {target} HTTP/1.1\r\nhost: gateway\r\ncontent-length: {length}\r\nexpect: 100-continue\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let (go, _) = read_head(&mut stream).expect("an answer");
    assert_eq!(go.status, 100);
    Pending(stream)
}

pub(crate) fn upgrade_request(target: &str, headers: &[&str]) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nhost: gateway\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: {KEY}\r\n{}\r\n",
        lines(headers)
    )
}

fn lines(headers: &[&str]) -> String {
    let mut lines = headers.join("\r\n");
    if !lines.is_empty() {
        lines.push_str("\r\n");
    }
    lines
}

/// Reads up to the end of the head; gives what was read beyond it too.
pub(crate) fn read_head(stream: &mut TcpStream) -> io::Result<(Head, Vec<u8>)> {
    let mut received = Vec::new();
    loop {
        if let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = received.split_off(end + 4);
            let text = String::from_utf8(received).map_err(io::Error::other)?;
            return Ok((Head::parse(&text), rest));
        }
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        received.push(byte[0]);
    }
}

fn read_answer(stream: &mut TcpStream) -> io::Result<Answer> {
    let (head, _) = read_head(stream)?;
    let length = head.get("content-length").and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body)?;
    let body = String::from_utf8(body).map_err(io::Error::other)?;
    Ok(Answer { head, body })
}
