//! Round trips of a bare `PING` to a Redis, over a blocking socket: what the way over that Redis
//! is measured in. No pipelining, no client library: nothing is left out that would make it shorter.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::stats::Latencies;

/// A server that says nothing for so long is stuck.
const PATIENCE: Duration = Duration::from_secs(15);

const ASK: &[u8] = b"PING\r\n";
const ANSWER: &[u8; 7] = b"+PONG\r\n";

/// A connection that asks at fixed times, and how long the answers took.
#[derive(Debug)]
pub struct Ping {
    stream: TcpStream,
    interval_ns: u64,
    next_ns: u64,
    /// From asking to the answer, since [`Self::begin`].
    pub latencies: Latencies,
}

impl Ping {
    /// Connects, to ask so many times a second.
    pub fn connect(address: SocketAddr, per_second: f64) -> Result<Self, Error> {
        let connect = || {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            Ok(stream)
        };
        let stream = connect().map_err(Error::io(format!("connect to {address}")))?;
        let interval = Duration::from_secs_f64(1.0 / per_second.clamp(1e-3, 1e6));
        let interval_ns = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX);
        Ok(Self { stream, interval_ns, next_ns: 0, latencies: Latencies::new() })
    }

    /// Begins a phase that publishes at `start_ns` and every so often from then on: asks half way
    /// between, if the rates are the same.
    pub fn begin(&mut self, start_ns: u64) {
        self.next_ns = start_ns + self.interval_ns / 2;
        self.latencies = Latencies::new();
    }

    /// Asks if it is time. What was missed is not made up for: a Redis that has just answered
    /// answers sooner. Returns how long there is nothing to do.
    pub fn turn(&mut self, now_ns: u64) -> Result<Duration, Error> {
        if now_ns >= self.next_ns {
            self.next_ns += ((now_ns - self.next_ns) / self.interval_ns + 1) * self.interval_ns;
            self.ask()?;
        }
        Ok(Duration::from_nanos(self.next_ns.saturating_sub(now_ns)))
    }

    fn ask(&mut self) -> Result<(), Error> {
        let mut answer = [0; ANSWER.len()];
        let start = Instant::now();
        let asked = self.stream.write_all(ASK).and_then(|()| self.stream.read_exact(&mut answer));
        asked.map_err(Error::io("ask Redis"))?;
        self.latencies.record(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
        if answer == *ANSWER {
            Ok(())
        } else {
            Err(Error::Target(format!("PING was answered by {}", String::from_utf8_lossy(&answer))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    /// Answers every six bytes with seven, until the other side closes.
    fn server(answer: [u8; ANSWER.len()]) -> (SocketAddr, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("address");
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            while stream.read_exact(&mut [0; ASK.len()]).is_ok() {
                stream.write_all(&answer).expect("write");
            }
        });
        (address, thread)
    }

    #[test]
    fn it_asks_half_way_and_makes_up_for_nothing() {
        let (address, thread) = server(*ANSWER);
        let mut ping = Ping::connect(address, 100.0).expect("connect");
        ping.begin(1_000_000);
        let mut at = |now_ns| (ping.turn(now_ns).expect("an answer"), ping.latencies.summary().count);
        assert_eq!(at(5_999_999), (Duration::from_nanos(1), 0));
        assert_eq!(at(6_000_000), (Duration::from_millis(10), 1));
        assert_eq!(at(7_000_000), (Duration::from_millis(9), 1));
        assert_eq!(at(48_000_000), (Duration::from_millis(8), 2));
        ping.begin(0);
        assert_eq!(ping.latencies.summary().count, 0);
        drop(ping);
        thread.join().expect("the server's thread");
    }

    #[test]
    fn another_answer_is_an_error() {
        let (address, thread) = server(*b"-ERR x\n");
        let mut ping = Ping::connect(address, 100.0).expect("connect");
        let error = ping.turn(0).expect_err("no PONG").to_string();
        assert!(error.contains("-ERR"), "{error}");
        drop(ping);
        thread.join().expect("the server's thread");
    }
}
