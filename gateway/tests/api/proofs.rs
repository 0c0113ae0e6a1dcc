//! Requests between nodes, made by hand: which are served, and which are not.
//!
//! The proof is put together here once more, from its description: what both sides of the product got
//! wrong in the same way would show.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hmac::{Hmac, Mac};
use http_body_util::{BodyExt, Full};
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use roomcast::peers;
use sha2::{Digest, Sha256};

use super::gateway::Running;
use super::nodes::{self, SECRET, Session, info};

/// What a request says and proves; tests change what they are about.
#[derive(Clone)]
struct Claim {
    target: &'static str,
    to: String,
    sid: String,
    body: &'static str,
    at: u64,
    nonce: u64,
    hop: u8,
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as u64
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

impl Claim {
    fn hello(node: &Running, nonce: u64) -> Self {
        let to = node.handle().node().tag.to_string();
        Self { target: "/internal/hello", to, sid: String::new(), body: "{}", at: now(), nonce, hop: 1 }
    }

    fn signature(&self, secret: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
        let digest = Sha256::digest(self.body.as_bytes());
        let (at, nonce, hop) = (self.at.to_be_bytes(), self.nonce.to_be_bytes(), [self.hop]);
        let (target, to, sid) = (self.target.as_bytes(), self.to.as_bytes(), self.sid.as_bytes());
        let parts: [&[u8]; 10] =
            [b"roomcast node to node 1", b"POST", target, to, sid, b"127.0.0.1:1", &digest, &at, &nonce, &hop];
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        hexadecimal(&mac.finalize().into_bytes())
    }

    fn request(&self, signature: &str, body: &'static str) -> Request<Full<Bytes>> {
        let mut request = Request::post(format!("http://node{}", self.target))
            .header("roomcast-to", &self.to)
            .header("roomcast-client", "127.0.0.1:1")
            .header("roomcast-digest", hexadecimal(&Sha256::digest(self.body.as_bytes())))
            .header("roomcast-time", self.at)
            .header("roomcast-nonce", format!("{:x}", self.nonce))
            .header("roomcast-hop", u16::from(self.hop))
            .header("roomcast-signature", signature);
        if !self.sid.is_empty() {
            request = request.header("roomcast-sid", &self.sid);
        }
        request.body(Full::from(body)).expect("a request")
    }
}

/// Sends requests over one connection; what each is answered.
fn asked(node: &Running, requests: Vec<Request<Full<Bytes>>>) -> Vec<(StatusCode, String)> {
    let address = node.handle().internal_address();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let stream = TokioIo::new(tokio::net::TcpStream::connect(address).await.expect("it listens"));
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.expect("HTTP/2");
        tokio::spawn(connection);
        let mut answers = Vec::new();
        for request in requests {
            let answer = sender.send_request(request).await.expect("an answer");
            let status = answer.status();
            let body = answer.into_body().collect().await.expect("a body").to_bytes();
            answers.push((status, String::from_utf8_lossy(&body).into_owned()));
        }
        answers
    })
}

fn status(node: &Running, claim: &Claim) -> StatusCode {
    asked(node, vec![claim.request(&claim.signature(SECRET), claim.body)])[0].0
}

#[test]
fn a_proof_counts_once() {
    let ([node], _) = nodes::start(|_, _| {});
    let claim = Claim::hello(&node, 1);
    let request = || claim.request(&claim.signature(SECRET), claim.body);
    let answers = asked(&node, vec![request(), request()]);
    assert_eq!(answers[0].0, StatusCode::OK);
    assert!(answers[0].1.contains(&claim.to), "{answers:?}");
    assert_eq!(answers[1].0, StatusCode::FORBIDDEN, "a replay");
    assert_eq!(status(&node, &claim), StatusCode::FORBIDDEN, "a replay over another connection");
    let stale = r#"roomcast_peer_calls_total{direction="in",result="stale"}"#;
    nodes::until(&node, stale, 2);
}

#[test]
fn what_does_not_prove_anything_is_refused() {
    let ([node], _) = nodes::start(|_, _| {});
    let hello = |nonce| Claim::hello(&node, nonce);
    let forged = hello(1);
    let good = hello(2);
    let bare = Request::post("http://node/internal/hello").body(Full::from("{}")).expect("a request");
    let requests = vec![
        bare,
        forged.request(&forged.signature("another secret of the same length"), forged.body),
        forged.request(&forged.signature(""), forged.body),
        forged.request("", forged.body),
        Claim { target: "/internal/hello?x", ..forged.clone() }.request(&forged.signature(SECRET), forged.body),
        good.request(&good.signature(SECRET), "{ }"),
    ];
    for (index, (status, _)) in asked(&node, requests).into_iter().enumerate() {
        assert_eq!(status, StatusCode::FORBIDDEN, "request {index}");
    }
    for (at, expected) in [(now() - 31_000, StatusCode::FORBIDDEN), (now() + 60_000, StatusCode::FORBIDDEN)] {
        assert_eq!(status(&node, &Claim { at, ..hello(3) }), expected, "{at}");
    }
    assert_eq!(status(&node, &Claim { hop: 2, ..hello(4) }), StatusCode::LOOP_DETECTED);
    assert_eq!(status(&node, &Claim { to: "AAAA".into(), ..hello(5) }), StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(status(&node, &Claim { target: "/internal/nothing", ..hello(6) }), StatusCode::NOT_FOUND);
    assert_eq!(status(&node, &Claim { target: "/v1/rooms", ..hello(7) }), StatusCode::NOT_FOUND);
    assert_eq!(status(&node, &Claim { target: "/metrics", ..hello(8) }), StatusCode::NOT_FOUND);
}

#[test]
fn a_poll_needs_the_session_of_its_proof() {
    let ([node, other], _) = nodes::start(|_, _| {});
    let (session, elsewhere) = (Session::open(&node), Session::open(&other));
    let post = Claim { target: "/internal/poll/post", sid: session.sid, body: "3", ..Claim::hello(&node, 1) };
    assert_eq!(status(&node, &post), StatusCode::OK);
    let another = Claim { sid: elsewhere.sid, nonce: 2, ..post.clone() };
    assert_eq!(status(&node, &another), StatusCode::MISDIRECTED_REQUEST, "it is not passed on");
    let none = Claim { sid: String::new(), nonce: 3, ..post.clone() };
    assert_eq!(status(&node, &none), StatusCode::NOT_FOUND);
    let swapped = Claim { nonce: 4, ..post };
    let mut request = swapped.request(&swapped.signature(SECRET), swapped.body);
    let sid = Session::open(&node).sid.parse().expect("a header");
    request.headers_mut().insert("roomcast-sid", sid);
    assert_eq!(asked(&node, vec![request])[0].0, StatusCode::FORBIDDEN);
}

#[test]
fn a_node_without_a_secret_serves_no_other() {
    let ([node], _) =
        nodes::start(|_, settings| settings.cluster.secret = roomcast::settings::Secret::new(String::new()));
    let claim = Claim::hello(&node, 1);
    assert_eq!(asked(&node, vec![claim.request(&claim.signature(""), claim.body)])[0].0, StatusCode::FORBIDDEN);
}

#[test]
fn nodes_call_each_other() {
    let ([one, other], _) = nodes::start(|_, _| {});
    let node = one.handle().node();
    let peer = info(&other, other.handle().internal_address());
    let call =
        |target: &'static str| one.handle().block_on(peers::call(node, &peer, target, Bytes::from_static(b"{}")));
    let said = call(peers::HELLO).expect("it answers");
    let said: serde_json::Value = serde_json::from_slice(&said).expect("JSON");
    assert_eq!(said["tag"].as_str(), Some(peer.tag.as_str()));
    assert_eq!(call("/internal/nothing"), Err(peers::CallError::Refused(404)));
    drop(other);
    assert_eq!(call(peers::HELLO), Err(peers::CallError::Unreachable));
}

#[test]
fn a_connection_that_proves_nothing_is_closed() {
    use std::io::{Read, Write};
    let ([node], _) = nodes::start(|_, settings| settings.limits.header_timeout_ms = 300);
    for begin in ["", "P", "PRI * HTTP/2.0\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"] {
        let mut stream = std::net::TcpStream::connect(node.handle().internal_address()).expect("it listens");
        stream.set_read_timeout(Some(super::gateway::DEADLINE)).expect("a socket");
        stream.write_all(begin.as_bytes()).expect("it reads");
        let mut rest = Vec::new();
        let ended = stream.read_to_end(&mut rest);
        let timed_out = ended.is_err_and(|error| matches!(error.kind(), std::io::ErrorKind::WouldBlock));
        assert!(!timed_out, "{begin:?} keeps its place");
    }
}
