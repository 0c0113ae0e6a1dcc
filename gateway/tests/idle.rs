//! What an idle connection costs: bytes on the heap and live tasks.
//!
//! Gateway and clients share this process and its counting allocator; the clients are bare
//! sockets, which have nothing on the heap.

use std::alloc::System;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use roomcast::metrics::Gauge;
use roomcast::settings::Settings;
use roomcast::{Gateway, Handle};
use roomcast_core::websocket::{Opcode, encode_masked};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static MEMORY: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const CONNECTIONS: usize = 1_000;
/// The budget of an idle Socket.IO connection over WebSocket.
const BYTES_MAX: usize = 4096;
/// Tasks that a shard has without any connection: accepting, flushing, timers, lag.
const FIXED_TASKS: usize = 4;
const DEADLINE: Duration = Duration::from_secs(30);

const UPGRADE: &[u8] = b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: gateway\r\n\
    upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n\
    sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A client that has joined `/`.
fn join(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("the gateway listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    stream.write_all(UPGRADE).expect("sent");
    let mut last = [0; 4];
    while last != *b"\r\n\r\n" {
        last.rotate_left(1);
        stream.read_exact(&mut last[3..]).expect("an answer");
    }
    assert!(frame(&mut stream).starts_with(b"0{\"sid\":"));
    let mut connect = Vec::new();
    encode_masked(Opcode::Text, b"40", [1, 2, 3, 4], &mut connect);
    stream.write_all(&connect).expect("sent");
    assert!(frame(&mut stream).starts_with(b"40{\"sid\":"));
    stream
}

fn frame(stream: &mut TcpStream) -> Vec<u8> {
    let mut header = [0; 2];
    stream.read_exact(&mut header).expect("a frame");
    let mut payload = vec![0; usize::from(header[1])];
    stream.read_exact(&mut payload).expect("a short frame");
    payload
}

/// Bytes that are allocated now.
fn bytes() -> usize {
    let stats = MEMORY.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// Live tasks of the shard, as it counted them last.
fn tasks(gateway: &Handle) -> usize {
    usize::try_from(gateway.node().metrics.gauge(Gauge::RuntimeTasks)).expect("not negative")
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_idle_connection_is_one_task_and_few_bytes() {
    let mut settings = Settings::default();
    settings.public.address = ([127, 0, 0, 1], 0).into();
    settings.internal.address = ([127, 0, 0, 1], 0).into();
    settings.node.shards = 1;
    let gateway = Gateway::new(settings).start().expect("a gateway");
    let address = gateway.public_address();

    // What only the first connection brings about is not what each costs.
    drop(join(address));
    wait_until("the shard is alone again", || tasks(&gateway) == FIXED_TASKS);
    let bytes_before = bytes();

    let mut clients = Vec::with_capacity(CONNECTIONS);
    let own = CONNECTIONS * size_of::<TcpStream>();
    clients.resize_with(CONNECTIONS, || join(address));
    wait_until("one task each, and not fewer", || tasks(&gateway) == FIXED_TASKS + CONNECTIONS);
    let each = (bytes() - bytes_before - own) / CONNECTIONS;
    println!("idle Socket.IO connection over WebSocket: {each} bytes on the heap, 1 task");
    assert!(each <= BYTES_MAX, "{each} bytes a connection, {BYTES_MAX} are the budget");

    drop(clients);
    wait_until("all tasks are gone", || tasks(&gateway) == FIXED_TASKS);
    gateway.stop();
}
