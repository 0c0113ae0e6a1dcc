//! What a server refuses: one channel of many, a publication, a password; and what is shown of it.

use std::time::Duration;

use roomcast_adapter_redis::{Config, Format, RedisAdapter, Servers};
use roomcast_core::adapter::{Adapter, Event, Events, LinkState, PublishError};
use roomcast_core::publication::{Audience, Payload, Publication};
use roomcast_core::room::{Namespace, Room};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::time::timeout;

#[path = "support/support.rs"]
mod support;

use support::node::{config, now, room};
use support::proxy::Proxy;
use support::server::Server;
use support::wait::{DEADLINE, until_async};

/// Everything but one room's channel: as an operator's mistake would have it.
const ALLOWED: [&str; 4] = ["&roomcast:*", "&socket.io#/#", "&socket.io#/#allowed#", "&socket.io-re*"];
const SECRET: &str = "a secret of some length";

fn standalone(address: &str, user: &str, password: &str) -> Config {
    let servers = Servers::Standalone(address.to_owned());
    Config { username: user.to_owned(), password: password.to_owned(), ..config(0, servers, Format::Classic) }
}

async fn up(adapter: &RedisAdapter) {
    until_async("the link is sound", DEADLINE, || {
        let links = adapter.links();
        if links.iter().all(|link| link.state == LinkState::Up) { Ok(()) } else { Err(links) }
    })
    .await;
}

async fn publish(adapter: &RedisAdapter, to: &Room) -> Result<(), PublishError> {
    let payload = Payload::from_data(r#"["tick",1]"#, Vec::new()).expect("an event");
    let audience = Audience::room(to.clone());
    let publication = Publication::new("1".into(), Namespace::root(), audience, payload, now());
    adapter.publish(publication).await.map(|_| ())
}

async fn delivered(events: &mut Events) -> String {
    let delivered = async {
        loop {
            if let Some(Event::Delivery(delivery)) = events.recv().await {
                let to = delivery.publication.audience.single_room().map(|room| room.as_str().to_owned());
                break to.expect("a room");
            }
        }
    };
    timeout(DEADLINE, delivered).await.expect("a delivery")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_may_not_be_heard_does_not_keep_the_others_from_it() {
    let server = Server::start(&[]);
    let user = ["ACL", "SETUSER", "limited", "on", ">word", "~*", "+@all", "resetchannels"];
    server.cli(&[&user[..], &ALLOWED].concat());
    let (adapter, mut events) =
        RedisAdapter::start(standalone(&server.address(), "limited", "word"), Handle::current());
    let root = Namespace::root();
    let open = adapter.open(&root);
    let (allowed, refused) = (room("allowed"), room("refused"));
    let (one, other) = (adapter.want(&root, &allowed), adapter.want(&root, &refused));
    timeout(DEADLINE, one.wait()).await.expect("live").expect("live");
    timeout(DEADLINE, open.wait()).await.expect("live").expect("live");
    up(&adapter).await;
    publish(&adapter, &allowed).await.expect("allowed");
    assert_eq!(delivered(&mut events).await, "allowed");
    assert_eq!(
        publish(&adapter, &refused).await,
        Err(PublishError::Unavailable),
        "it was refused, and is not called sent"
    );
    // Who waits for it is not told that it is live, until it is: with the next connection after the mistake is mended.
    let mut waiting = std::pin::pin!(other.wait());
    assert!(timeout(Duration::from_millis(500), &mut waiting).await.is_err(), "it is not live");
    up(&adapter).await;
    server.cli(&["ACL", "SETUSER", "limited", "&*"]);
    server.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    timeout(DEADLINE, waiting).await.expect("live").expect("live");
    up(&adapter).await;
    publish(&adapter, &refused).await.expect("allowed now");
    assert_eq!(delivered(&mut events).await, "refused");
}

/// What operators are shown once the link has an explanation that holds `word`.
async fn explanation(adapter: &RedisAdapter, word: &str) -> String {
    until_async("an explanation", DEADLINE, || {
        let links = adapter.links();
        let text = links.iter().map(|link| link.trouble.clone()).collect::<String>();
        if text.contains(word) { Ok(text) } else { Err(text) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_explained_and_not_shown() {
    let server = Server::start(&[]);
    server.cli(&["ACL", "SETUSER", "default", ">another"]);
    let (adapter, _events) = RedisAdapter::start(standalone(&server.address(), "", SECRET), Handle::current());
    let text = explanation(&adapter, "WRONGPASS").await;
    assert!(!text.contains(SECRET), "{text}");
}

/// An old server repeats the words of a command that it does not know.
async fn old_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut words = vec![0; 1024];
            let _ = stream.read(&mut words).await;
            let answer = format!(
                "-ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `default`, `{SECRET}`, \r\n"
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_server_that_repeats_the_password_is_not_repeated() {
    let address = old_server().await;
    let (adapter, _events) = RedisAdapter::start(standalone(&address, "", SECRET), Handle::current());
    let text = explanation(&adapter, "Redis 6").await;
    assert!(!text.contains(SECRET), "{text}");
}

/// Gaps that came within a while.
async fn gaps_within(events: &mut Events, while_: Duration) -> usize {
    let mut gaps = 0;
    let count = async {
        while let Some(event) = events.recv().await {
            gaps += usize::from(matches!(event, Event::Gap(_)));
        }
    };
    let _ = timeout(while_, count).await;
    gaps
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_do_not_answer_each_other_are_not_taken_for_elsewhere() {
    let server = Server::start(&[]);
    // Their probes have no answer.
    let start = |index| {
        let servers = Servers::Standalone(server.address());
        RedisAdapter::start(config(index, servers, Format::Classic), Handle::current())
    };
    let ((one, mut hears_one), (other, mut hears_other)) = (start(0), start(1));
    until_async("they know each other", DEADLINE, || {
        if one.peers().len() == 1 && other.peers().len() == 1 { Ok(()) } else { Err(()) }
    })
    .await;
    server.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    let (gaps, others) = tokio::join!(
        gaps_within(&mut hears_one, Duration::from_secs(4)),
        gaps_within(&mut hears_other, Duration::from_secs(4))
    );
    assert!((1..=2).contains(&gaps) && (1..=2).contains(&others), "the one fault: {gaps} and {others} gaps");
    up(&one).await;
    up(&other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_is_disconnected_from_a_server_that_takes_over() {
    let (mut first, second) = (Server::start(&[]), Server::start(&[]));
    let proxy = Proxy::start(&first.address()).await;
    let (adapter, _events) = RedisAdapter::start(standalone(&proxy.address(), "", ""), Handle::current());
    up(&adapter).await;
    // Among them the one with the number that the node's connection has at the first server.
    let mut bystanders = Vec::new();
    for _ in 0..50 {
        bystanders.push(TcpStream::connect(second.address()).await.expect("a connection"));
    }
    proxy.lead_to(&second.address());
    first.kill();
    until_async("it has moved", DEADLINE, || {
        let clients = second.cli(&["CLIENT", "LIST", "TYPE", "pubsub"]);
        if clients.contains("roomcast") { Ok(()) } else { Err(clients) }
    })
    .await;
    up(&adapter).await;
    for stream in &mut bystanders {
        stream.write_all(b"PING\r\n").await.expect("open");
        let mut answer = [0; 7];
        timeout(DEADLINE, stream.read_exact(&mut answer)).await.expect("an answer").expect("still connected");
    }
}

/// A server that greets as a master does, and answers nothing else.
async fn hung_after_the_greeting() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    tokio::spawn(async move {
        let mut streams = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut words = vec![0; 1024];
            let _ = stream.read(&mut words).await;
            let _ = stream.write_all(b"%2\r\n$2\r\nid\r\n:7\r\n$4\r\nrole\r\n$6\r\nmaster\r\n").await;
            streams.push(stream);
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_after_the_greeting_is_let_go() {
    let address = hung_after_the_greeting().await;
    let (adapter, _events) = RedisAdapter::start(standalone(&address, "", ""), Handle::current());
    explanation(&adapter, "came back for 5 s").await;
}
