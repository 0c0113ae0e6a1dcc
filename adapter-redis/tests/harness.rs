//! The servers that the other tests stand on do what they are told.

use std::process::Command;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

#[path = "support/support.rs"]
mod support;

use support::cluster::Cluster;
use support::proxy::Proxy;
use support::sentinel::Watched;
use support::server::Server;
use support::wait;

/// Long enough for an answer that comes, short enough to wait for one that does not.
const SILENCE: Duration = Duration::from_millis(300);

fn runs(process: u32) -> bool {
    Command::new("sh").args(["-c", &format!("kill -0 {process} 2>/dev/null")]).status().expect("a shell").success()
}

#[test]
fn a_server_forgets_and_keeps_its_port_when_it_is_killed() {
    let mut server = Server::start(&["--client-output-buffer-limit", "pubsub", "32kb", "16kb", "1"]);
    assert_eq!(server.cli(&["SET", "a", "1"]), "OK");
    assert_eq!(
        server
            .cli(&["CONFIG", "GET", "client-output-buffer-limit"])
            .lines()
            .nth(1)
            .map(|limits| { limits.split_once("pubsub ").expect("a class").1.to_owned() }),
        Some("32768 16384 1".to_owned())
    );
    let (first, address) = (server.process_id(), server.address());
    server.kill();
    assert!(!runs(first));
    assert!(server.try_cli(&["PING"]).is_err());
    server.start_again();
    assert_eq!(server.address(), address);
    assert_eq!(server.cli(&["GET", "a"]), "");
}

#[test]
fn a_server_ends_with_its_test() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let panicked = std::thread::spawn(move || {
        let server = Server::start(&[]);
        sender.send(server.process_id()).expect("somebody listens");
        panic!("on purpose");
    });
    let process = receiver.recv().expect("a process");
    assert!(panicked.join().is_err());
    assert!(!runs(process));
}

#[test]
fn an_order_that_is_refused_is_an_error() {
    let server = Server::start(&[]);
    let refused = server.try_cli(&["NO-SUCH-ORDER"]).expect_err("unknown to Redis");
    assert!(refused.contains("ERR unknown command"), "{refused}");
}

#[test]
fn a_user_needs_the_password() {
    let server = Server::with_user("roomcast", "secret");
    assert_eq!(server.cli(&["AUTH", "roomcast", "secret"]), "OK");
    assert!(server.try_cli(&["AUTH", "roomcast", "wrong"]).expect_err("wrong").contains("WRONGPASS"));
    // As an operator would make it right.
    server.cli(&["ACL", "SETUSER", "roomcast", ">wrong"]);
    assert_eq!(server.cli(&["AUTH", "roomcast", "wrong"]), "OK");
}

/// Asks a server by hand, and waits for the answer as long as it may take.
async fn pinged(stream: &mut BufReader<TcpStream>, patience: Duration) -> Option<String> {
    stream.write_all(b"PING\r\n").await.ok()?;
    let mut line = String::new();
    timeout(patience, stream.read_line(&mut line)).await.ok()?.ok()?;
    Some(line)
}

#[tokio::test]
async fn a_paused_server_keeps_its_links_and_is_silent() {
    let server = Server::start(&[]);
    let mut link = BufReader::new(TcpStream::connect(server.address()).await.expect("a server"));
    assert_eq!(pinged(&mut link, wait::DEADLINE).await.as_deref(), Some("+PONG\r\n"));
    server.pause();
    assert_eq!(pinged(&mut link, SILENCE).await, None);
    server.resume();
    // The answer to the second, late.
    let mut line = String::new();
    timeout(wait::DEADLINE, link.read_line(&mut line)).await.expect("in time").expect("an answer");
    assert_eq!(line, "+PONG\r\n");
}

#[tokio::test]
async fn a_proxy_passes_stalls_and_cuts() {
    let server = Server::start(&[]);
    let proxy = Proxy::start(&server.address()).await;
    let connect = || async { BufReader::new(TcpStream::connect(proxy.address()).await.expect("the proxy")) };
    let mut link = connect().await;
    assert_eq!(pinged(&mut link, wait::DEADLINE).await.as_deref(), Some("+PONG\r\n"));

    proxy.stall();
    assert_eq!(pinged(&mut link, SILENCE).await, None, "held back, and open");
    let mut new = connect().await;
    assert_eq!(pinged(&mut new, SILENCE).await, None, "a new one is held as well");
    proxy.pass();
    let mut line = String::new();
    timeout(wait::DEADLINE, link.read_line(&mut line)).await.expect("in time").expect("an answer");
    assert_eq!(line, "+PONG\r\n", "what was held back goes on");

    proxy.cut();
    assert_eq!(timeout(wait::DEADLINE, link.read_line(&mut line)).await.expect("in time").unwrap_or(0), 0, "closed");
    let mut new = connect().await;
    assert_eq!(pinged(&mut new, wait::DEADLINE).await.unwrap_or_default(), "", "closed as it came");
    proxy.pass();
    assert_eq!(pinged(&mut connect().await, wait::DEADLINE).await.as_deref(), Some("+PONG\r\n"));
}

#[test]
fn a_cluster_moves_a_slot_with_its_keys() {
    let cluster = Cluster::start();
    let slot = cluster.slot("a");
    let from = Cluster::first_owner(slot);
    let to = (from + 1) % cluster.masters.len();
    let set = |server: &Server| server.try_cli(&["SET", "a", "1"]);
    assert_eq!(set(&cluster.masters[from]), Ok("OK".to_owned()));
    assert!(set(&cluster.masters[to]).expect_err("not its slot").contains("MOVED"));
    cluster.migrate(slot, from, to);
    assert_eq!(cluster.masters[to].cli(&["GET", "a"]), "1");
    for (index, master) in cluster.masters.iter().enumerate().filter(|(index, _)| *index != to) {
        let moved = set(master).expect_err("not its slot any more");
        assert!(moved.contains(&format!("MOVED {slot} {}", cluster.masters[to].address())), "{index}: {moved}");
    }
    cluster.wait_until_whole();
}

#[test]
fn sentinels_replace_a_master_that_was_killed() {
    for sentinels in [1, 3] {
        let mut watched = Watched::start(sentinels);
        assert_eq!(watched.master(), Some(0));
        watched.servers[0].kill();
        watched.wait_for_master(1);
    }
}

#[tokio::test]
async fn a_proxy_forgets_links_and_leads_new_ones_elsewhere() {
    let (first, second) = (Server::start(&[]), Server::start(&[]));
    let proxy = Proxy::start(&first.address()).await;
    let connect = || async { BufReader::new(TcpStream::connect(proxy.address()).await.expect("the proxy")) };
    let mut old = connect().await;
    assert_eq!(pinged(&mut old, wait::DEADLINE).await.as_deref(), Some("+PONG\r\n"));
    proxy.forget();
    assert_eq!(pinged(&mut old, SILENCE).await, None);
    assert_eq!(pinged(&mut connect().await, wait::DEADLINE).await.as_deref(), Some("+PONG\r\n"));
    assert_eq!(pinged(&mut old, SILENCE).await, None, "for good");

    first.pause();
    proxy.lead_to(&second.address());
    assert_eq!(pinged(&mut connect().await, wait::DEADLINE).await.as_deref(), Some("+PONG\r\n"));
}
