//! Just enough HTTP/1.1 to publish and to poll, on kept-alive connections.

use std::io::Write;

/// Bytes of one answer at most.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Appends one GET.
pub fn get(host: &str, path: &str, out: &mut Vec<u8>) {
    // Writing to a vector cannot fail.
    let _ = write!(out, "GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
}

/// Appends one `POST /v1/publish`.
pub fn post(host: &str, body: &[u8], out: &mut Vec<u8>) {
    // Writing to a vector cannot fail.
    let _ = write!(
        out,
        "POST /v1/publish HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    out.extend_from_slice(body);
}

/// Takes answers apart and counts them.
#[derive(Debug, Default)]
pub struct Answers {
    partial: Vec<u8>,
    /// Answers of 200 to 299.
    pub accepted: u64,
    /// The first other answer.
    pub refusal: Option<String>,
}

impl Answers {
    /// Takes what was read.
    pub fn receive(&mut self, input: &[u8]) {
        self.partial.extend_from_slice(input);
        let mut at = 0;
        while let Some(answer) = Answer::first(&self.partial[at..]) {
            if (200..300).contains(&answer.status) {
                self.accepted += 1;
            } else if self.refusal.is_none() {
                let text = &self.partial[at..at + answer.end];
                self.refusal = Some(String::from_utf8_lossy(text).into_owned());
            }
            at += answer.end;
        }
        self.partial.drain(..at);
        if self.partial.len() > ANSWER_BYTES_MAX {
            self.refusal = Some("an endless answer".to_owned());
            self.partial.clear();
        }
    }
}

/// Where the parts of an answer are in what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status; 0 if there is none.
    pub status: u16,
    /// Where its head ends and its body begins.
    pub body: usize,
    /// Where it ends.
    pub end: usize,
}

impl Answer {
    /// The first answer, if it is all there.
    pub fn first(input: &[u8]) -> Option<Self> {
        let body = input.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        let head = String::from_utf8_lossy(&input[..body]).to_ascii_lowercase();
        let status = head.get(9..12).and_then(|digits| digits.parse().ok()).unwrap_or(0);
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"))
            .and_then(|value| value.trim().parse::<usize>().ok())
            .unwrap_or(0);
        let end = body.checked_add(length)?;
        (input.len() >= end).then_some(Self { status, body, end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_whatever_the_split() {
        let stream = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 204 No Content\r\n\r\n\
            HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbusy";
        for size in [1, 7, stream.len()] {
            let mut answers = Answers::default();
            for piece in stream.chunks(size) {
                answers.receive(piece);
            }
            assert_eq!(answers.accepted, 2);
            assert!(answers.refusal.is_some_and(|text| text.ends_with("busy")));
        }
    }

    #[test]
    fn a_request_is_complete() {
        let mut out = Vec::new();
        post("a:1", b"{}", &mut out);
        let text = String::from_utf8(out).expect("UTF-8");
        assert!(text.starts_with("POST /v1/publish HTTP/1.1\r\nhost: a:1\r\n"));
        assert!(text.ends_with("content-length: 2\r\n\r\n{}"));
    }
}
