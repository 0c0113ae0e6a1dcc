//! The requests of the probe, in the order of its rows.

use std::io::{Read, Write};
use std::net::SocketAddr;

use crate::http::{self, Answer, Head};

/// One answer, under its row's name.
pub(crate) struct Row {
    /// As in the capture; `then …` is a row's name only together with the one before it.
    pub(crate) name: &'static str,
    /// `None`: not asked, or held open as in the capture.
    pub(crate) answer: Option<Answer>,
    /// Whether the request had an Origin.
    pub(crate) origin: bool,
}

/// Sends the requests of one run and keeps the answers.
pub(crate) struct Rows {
    address: SocketAddr,
    /// Whether the run's server speaks CORS; a request that nobody allows has no Origin then.
    cors: bool,
    kept: Vec<Row>,
}

const BASE: &str = "/socket.io/?EIO=4&transport=polling";
const POLLING: &str = "/socket.io/?transport=polling";
const UNKNOWN: &str = "/socket.io/?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA";
const ORIGIN: &str = "origin: http://a.com";

impl Rows {
    pub(crate) fn of(address: SocketAddr, cors: bool) -> Vec<Row> {
        let mut rows = Self { address, cors, kept: Vec::new() };
        rows.handshakes();
        rows.one_session();
        rows.bad_posts();
        rows.duplicates();
        rows.ends();
        rows.upgrades();
        rows.kept
    }

    fn keep(&mut self, name: &'static str, answer: Answer) {
        self.kept.push(Row { name, answer: Some(answer), origin: false });
    }

    fn skip(&mut self, name: &'static str) {
        self.kept.push(Row { name, answer: None, origin: false });
    }

    fn ask(&mut self, name: &'static str, method: &str, target: &str, body: &str) {
        let answer = http::send(self.address, method, target, &[], body).answer();
        self.keep(name, answer);
    }

    fn ask_from_page(&mut self, name: &'static str, method: &str, headers: &[&str]) {
        let mut all = headers.to_vec();
        if self.cors {
            all.push(ORIGIN);
        }
        let answer = http::send(self.address, method, BASE, &all, "").answer();
        self.kept.push(Row { name, answer: Some(answer), origin: self.cors });
    }

    /// The target of a fresh session.
    fn session(&self) -> String {
        let open = http::send(self.address, "GET", BASE, &[], "").answer().body;
        let sid = open.split('"').nth(3).expect("0{\"sid\":\"…\"");
        format!("{BASE}&sid={sid}")
    }

    fn handshakes(&mut self) {
        self.ask_from_page("handshake GET", "GET", &[]);
        let preflight = ["access-control-request-method: POST", "access-control-request-headers: content-type"];
        self.ask_from_page("OPTIONS preflight", "OPTIONS", &preflight);
        for (name, query) in [
            ("no transport", "EIO=4"),
            ("bad transport", "EIO=4&transport=foo"),
            ("webtransport via http", "EIO=4&transport=webtransport"),
            ("transport=constructor", "EIO=4&transport=constructor"),
            ("transport=websocket without upgrade", "EIO=4&transport=websocket"),
            ("no EIO", "transport=polling"),
            ("EIO=5", "EIO=5&transport=polling"),
            ("EIO=3", "EIO=3&transport=polling"),
        ] {
            self.ask(name, "GET", &format!("/socket.io/?{query}"), "");
        }
        self.ask("POST handshake", "POST", BASE, "40");
        self.ask("unknown sid GET", "GET", UNKNOWN, "");
        self.ask("unknown sid POST", "POST", UNKNOWN, "40");
        // `allowRequest`, a hook of the captured application; there is none here.
        self.skip("deny");
    }

    fn one_session(&mut self) {
        let session = self.session();
        let sid = session.strip_prefix(BASE).expect("the base").to_owned();
        self.ask("PUT with sid", "PUT", &session, "");
        self.ask("OPTIONS with sid", "OPTIONS", &session, "");
        self.ask("DELETE with sid", "DELETE", &session, "");
        self.ask("sid with EIO=3", "GET", &format!("{POLLING}&EIO=3{sid}"), "");
        let websocket = format!("/socket.io/?EIO=4&transport=websocket{sid}");
        self.ask("sid with transport=websocket non-upgrade", "GET", &websocket, "");
        self.ask("POST ok", "POST", &session, "40");
        self.ask("GET connect reply", "GET", &session, "");
        let octets = ["content-type: application/octet-stream"];
        let answer = http::send(self.address, "POST", &session, &octets, "40").answer();
        self.keep("POST octet-stream", answer);
        self.ask("then GET", "GET", &session, "");
    }

    fn bad_posts(&mut self) {
        let session = self.session();
        let large = format!("4{}", "x".repeat(2000));
        self.ask("POST too large", "POST", &session, &large);
        // Held open, and alive: it gets what the client's next packet brings about.
        let held = http::held_get(self.address, &session);
        let posted = http::send(self.address, "POST", &session, &[], "40").answer();
        assert_eq!(posted.body, "ok");
        assert!(held.answer().body.starts_with("40{"));
        self.skip("then GET same sid");
        for (name, body) in [("POST garbage", "garbage"), ("POST empty body", "")] {
            let session = self.session();
            self.ask(name, "POST", &session, body);
            self.ask("then GET", "GET", &session, "");
        }
    }

    fn duplicates(&mut self) {
        let session = self.session();
        let first = http::held_get(self.address, &session);
        let second = http::send(self.address, "GET", &session, &[], "").answer();
        self.keep("dup GET first", first.answer());
        self.keep("dup GET second", second);
        self.ask("dup GET after", "GET", &session, "");

        let session = self.session();
        let first = http::begun_post(self.address, &session, 2);
        self.ask("dup POST second", "POST", &session, "40");
        self.keep("first POST got", first.finish("40"));
        self.ask("then GET", "GET", &session, "");
    }

    fn ends(&mut self) {
        let session = self.session();
        let pending = http::held_get(self.address, &session);
        self.ask("POST close '1'", "POST", &session, "1");
        self.keep("pending GET", pending.answer());
        self.ask("then GET", "GET", &session, "");
        let session = self.session();
        self.ask("POST pong unexpected '3'", "POST", &session, "3");
        for (name, body) in
            [("POST ping '2' (wrong direction)", "2"), ("POST event before CONNECT 42[..]", "42[\"x\"]")]
        {
            let session = self.session();
            self.ask(name, "POST", &session, body);
            self.ask("then GET", "GET", &session, "");
        }
    }

    fn upgrades(&mut self) {
        for (name, target) in [
            ("ws ok", "/socket.io/?EIO=4&transport=websocket"),
            ("ws no EIO", "/socket.io/?transport=websocket"),
            ("ws EIO=3", "/socket.io/?EIO=3&transport=websocket"),
            ("ws bad transport", "/socket.io/?EIO=4&transport=foo"),
            ("ws transport=polling", BASE),
            ("ws unknown sid", "/socket.io/?EIO=4&transport=websocket&sid=AAAAAAAAAAAAAAAAAAAA"),
            ("ws deny", ""),
            ("ws other path", "/other/?EIO=4&transport=websocket"),
            ("ws path w/o slash", "/socket.io?EIO=4&transport=websocket"),
        ] {
            if target.is_empty() {
                self.skip(name);
            } else {
                let answer = upgrade(self.address, target);
                self.keep(name, answer);
            }
        }
    }
}

/// The answer to an upgrade request; after 101 the first frame is its body.
fn upgrade(address: SocketAddr, target: &str) -> Answer {
    let mut stream = http::connect(address);
    let request = http::upgrade_request(target, &[]);
    stream.write_all(request.as_bytes()).expect("sent");
    let (head, mut rest) = http::read_head(&mut stream).expect("an answer");
    let length = if head.status == 101 {
        let mut header = [0; 2];
        stream.read_exact(&mut header).expect("a frame");
        assert!(header[1] < 126, "a short text frame");
        usize::from(header[1])
    } else {
        head.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0)
    };
    rest.resize(length, 0);
    stream.read_exact(&mut rest).expect("a body");
    Answer { head, body: String::from_utf8(rest).expect("text") }
}

/// The answer in a capture of raw bytes; `None` if the server left the client waiting.
pub(crate) fn raw_answer(raw: &str) -> Option<Answer> {
    let (head, body) = raw.split_once("\r\n\r\n")?;
    let head = Head::parse(head);
    let body = body.strip_suffix(" <still open>").unwrap_or(body);
    let body = match head.status {
        // Behind the two bytes of the frame's header, each a character of the capture.
        101 => body.chars().skip(2).collect(),
        _ => body.to_owned(),
    };
    Some(Answer { head, body })
}
