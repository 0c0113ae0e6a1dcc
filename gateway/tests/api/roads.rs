//! Polls for other nodes when the way there is not what it should be.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use roomcast::settings::{Network, Secret};
use roomcast_core::id::NodeTag;

use super::gateway::{DEADLINE, Running};
use super::nodes::{self, PATH, Session, Table, is_unknown, until};
use super::public::metric;

/// A way to a node that can be cut.
struct Road {
    address: SocketAddr,
    ends: Arc<Mutex<Option<Vec<TcpStream>>>>,
    /// Bytes that have gone to the node.
    carried: Arc<AtomicUsize>,
}

impl Road {
    fn to(node: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let ends = Arc::new(Mutex::new(Some(Vec::new())));
        let carried = Arc::new(AtomicUsize::new(0));
        let (shared, counted) = (Arc::clone(&ends), Arc::clone(&carried));
        std::thread::spawn(move || {
            while let Ok((near, _)) = listener.accept() {
                let mut ends = shared.lock().expect("no panic");
                let Some(ends) = ends.as_mut() else { return };
                let far = TcpStream::connect(node).expect("it listens");
                for (from, to, towards) in [(&near, &far, true), (&far, &near, false)] {
                    let counted = Arc::clone(&counted);
                    let (mut from, mut to) = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
                    std::thread::spawn(move || {
                        let mut buffer = [0; 4096];
                        while let Ok(count @ 1..) = from.read(&mut buffer) {
                            if to.write_all(&buffer[..count]).is_err() {
                                break;
                            }
                            counted.fetch_add(if towards { count } else { 0 }, Ordering::SeqCst);
                        }
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
                ends.extend([near, far]);
            }
        });
        Self { address, ends, carried }
    }

    /// Whoever is on it falls off, and nobody gets on.
    fn cut(&self) {
        let ends = self.ends.lock().expect("no panic").take();
        for end in ends.into_iter().flatten() {
            // One side may be gone already.
            let _ = end.shutdown(Shutdown::Both);
        }
        // Its listener looks up once more, and ends.
        let _ = TcpStream::connect(self.address);
    }
}

/// An address where nobody listens.
fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port")
}

/// In a node's place: it answers that it has no room.
struct Full {
    address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Full {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("bound");
        let answer = service_fn(|_| async {
            Response::builder().status(StatusCode::SERVICE_UNAVAILABLE).body(Empty::<Bytes>::new())
        });
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = http2::Builder::new(TokioExecutor::new());
                tokio::spawn(server.serve_connection(TokioIo::new(stream), answer));
            }
        });
        Self { address, _runtime: runtime }
    }
}

#[test]
fn an_owner_that_is_lost_in_the_middle_of_a_get_ends_the_session() {
    let ([home, away], table) = nodes::start(|_, _| {});
    let road = Road::to(home.handle().internal_address());
    table.set(&home, road.address);
    let (session, other) = (Session::member(&home, &away, "a"), Session::member(&home, &away, "b"));
    let before = road.carried.load(Ordering::SeqCst);
    let mut pending = session.getting(&away);
    let started = Instant::now();
    while road.carried.load(Ordering::SeqCst) < before + 150 {
        assert!(started.elapsed() < DEADLINE, "the GET does not go to its owner");
        std::thread::yield_now();
    }
    // What comes behind the GET on the same way is answered: so the owner has the GET.
    other.posts(&away, "3");
    road.cut();
    is_unknown(&pending.answer(false));
    session.until_gone(&home);
    // Nobody had asked for this one, and a client that asks again finds it alive.
    assert_eq!(other.get(&away).body, "6");
    table.set(&home, home.handle().internal_address());
    home.publish(r#"{"to":{"rooms":["b"]},"event":"x","args":[1]}"#);
    let mut answer = other.get(&away);
    while answer.body == "6" {
        answer = other.get(&away);
    }
    assert_eq!(answer.body, r#"42["x",1]"#);
}

#[test]
fn a_session_outlives_a_way_that_is_closed_for_a_while() {
    let ([home, away], table) = nodes::start(|_, _| {});
    let session = Session::member(&home, &home, "a");
    table.set(&home, nowhere());
    let answer = session.get(&away);
    assert_eq!((answer.status, answer.body.as_str()), (200, "6"), "{answer:?}");
    let (posted, opened) = std::thread::scope(|scope| {
        let posting = scope.spawn(|| session.post(&away, "3"));
        until(&away, r#"roomcast_forwarded_requests_total{direction="out",result="unreachable"}"#, 2);
        table.set(&home, home.handle().internal_address());
        (posting.join().expect("no panic"), ())
    });
    assert_eq!((posted.status, posted.body.as_str(), opened), (200, "ok", ()));
    home.publish(r#"{"to":{"rooms":["a"]},"event":"x","args":[1]}"#);
    let mut answer = session.get(&away);
    while answer.body == "6" {
        answer = session.get(&away);
    }
    assert_eq!(answer.body, r#"42["x",1]"#);
}

#[test]
fn an_unknown_node_is_asked_for_once_however_many_want_it() {
    let ([home, away], table) = nodes::start(|_, _| {});
    let (release, held) = tokio::sync::watch::channel(false);
    *table.hold.lock().expect("no panic") = Some(held);
    let tag = NodeTag::from_entropy([9, 9, 9]);
    let path = format!("{PATH}&sid={tag}AAAAAAAAAAAAAAAA");
    let mut asking: Vec<_> = (0..20).map(|_| away.polls()).collect();
    for http in &mut asking {
        http.send(&format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
    }
    release.send_replace(true);
    for http in &mut asking {
        is_unknown(&http.answer(false));
    }
    assert_eq!(table.asked.load(Ordering::SeqCst), 1);
    // One that is only found by asking.
    let session = Session::open(&home);
    table.hide(&home);
    session.posts(&away, "40");
    assert!(session.get(&away).body.starts_with("40"));
    assert!(table.asked.load(Ordering::SeqCst) > 1);
}

#[test]
fn an_address_that_is_not_allowed_is_never_spoken_to() {
    let allowed = Network::parse("10.0.0.0/8").expect("a network");
    let ([home, away], table) = nodes::start(|_, settings| settings.cluster.peers_allowed = vec![allowed]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    table.set(&home, listener.local_addr().expect("bound"));
    let session = Session::open(&home);
    is_unknown(&session.get(&away));
    is_unknown(&session.post(&away, "3"));
    assert_eq!(listener.accept().expect_err("nobody came").kind(), ErrorKind::WouldBlock);
    until(&away, r#"roomcast_forwarded_requests_total{direction="out",result="refused"}"#, 2);
    session.posts(&home, "3");
}

/// A node whose owner's place is taken by somebody for a while: what its clients see.
fn is_outlived(home: &Running, away: &Running, table: &Table, (address, result): (SocketAddr, &str)) {
    let session = Session::member(home, home, "a");
    table.set(home, address);
    let answer = session.get(away);
    assert_eq!((answer.status, answer.body.as_str()), (200, "6"), "{result}: {answer:?}");
    let series = format!(r#"roomcast_forwarded_requests_total{{direction="out",result="{result}"}}"#);
    let posted = std::thread::scope(|scope| {
        let posting = scope.spawn(|| session.post(away, "3"));
        away.until("/metrics", |_| metric(away, &series) >= 2);
        table.set(home, home.handle().internal_address());
        posting.join().expect("no panic")
    });
    assert_eq!((posted.status, posted.body.as_str()), (200, "ok"), "{result}");
    home.publish(r#"{"to":{"rooms":["a"]},"event":"x","args":[1]}"#);
    let mut answer = session.get(away);
    while answer.body == "6" {
        answer = session.get(away);
    }
    assert_eq!(answer.body, r#"42["x",1]"#, "{result}");
}

#[test]
fn a_session_outlives_an_owner_that_takes_nothing_for_a_while() {
    let ([home, away, stranger], table) = nodes::start(|index, settings| {
        if index == 2 {
            settings.cluster.secret = Secret::new("another secret of another cluster".into());
        }
    });
    is_outlived(&home, &away, &table, (stranger.handle().internal_address(), "refused"));
    assert!(metric(&stranger, r#"roomcast_forwarded_requests_total{direction="in",result="refused"}"#) >= 2);
    let (([home, away], table), full) = (nodes::start(|_, _| {}), Full::start());
    is_outlived(&home, &away, &table, (full.address, "overloaded"));
}

#[test]
fn nodes_with_different_secrets_do_not_answer_for_each_other() {
    let ([home, away], _) = nodes::start(|index, settings| {
        if index == 1 {
            settings.cluster.secret = Secret::new("another secret of another cluster".into());
        }
    });
    let session = Session::open(&home);
    let answer = session.get(&away);
    assert_eq!((answer.status, answer.body.as_str()), (200, "6"), "it may be mended before the client gives up");
    is_unknown(&session.post(&away, "40"));
    let refused = metric(&away, r#"roomcast_forwarded_requests_total{direction="out",result="refused"}"#);
    assert!(refused >= 3, "the POST is tried for a while: {refused}");
    assert_eq!(metric(&home, r#"roomcast_forwarded_requests_total{direction="in",result="refused"}"#), refused);
    session.posts(&home, "3");
}
