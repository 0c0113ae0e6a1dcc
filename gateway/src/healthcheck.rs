//! Asks a running gateway for its health: for containers whose image has no shell and no curl.
//!
//! Plain HTTP/1.1 over one blocking socket; time and size of the answer are bounded.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::limits::HEALTH_ANSWER_BYTES_MAX;

/// Why a gateway does not count as healthy.
#[derive(Debug)]
pub enum Unhealthy {
    /// `internal.address` has port 0: any free one, which only the gateway knows.
    AnyPort,
    /// It cannot be reached, or broke off.
    Io(SocketAddr, io::Error),
    /// It did not answer in time.
    Late(SocketAddr, Duration),
    /// It answered something other than 200.
    Answer(SocketAddr, String),
}

impl fmt::Display for Unhealthy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnyPort => f.write_str("unhealthy: port 0 is any free one; name the right one with --address"),
            Self::Io(address, error) => write!(f, "unhealthy: http://{address}: {error}"),
            Self::Late(address, deadline) => {
                write!(f, "unhealthy: http://{address}: no answer within {} ms", deadline.as_millis())
            }
            Self::Answer(address, answer) => write!(f, "unhealthy: http://{address} answered {answer}"),
        }
    }
}

impl std::error::Error for Unhealthy {}

/// Asks for `path`; returns the body of the answer if its status is 200.
pub fn ask(address: SocketAddr, path: &str, deadline: Duration) -> Result<String, Unhealthy> {
    if address.port() == 0 {
        return Err(Unhealthy::AnyPort);
    }
    let address = reachable(address);
    let answer = exchange(address, path, Instant::now() + deadline).map_err(|error| match error.kind() {
        // A socket's own time limit says one or the other.
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Unhealthy::Late(address, deadline),
        _ => Unhealthy::Io(address, error),
    })?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let mut words = head.lines().next().unwrap_or_default().splitn(2, ' ');
    let http = words.next().is_some_and(|word| word.starts_with("HTTP/1."));
    let status = words.next().unwrap_or_default();
    match status.split(' ').next() {
        Some("200") if http => Ok(body.trim().to_owned()),
        _ if http => Err(Unhealthy::Answer(address, format!("{status}: {}", body.trim()))),
        _ => Err(Unhealthy::Answer(address, "something that is not HTTP".into())),
    }
}

/// Where an address that stands for all of the machine's is reached from within.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Sends the request and reads the answer to its end, without control characters other than line ends.
fn exchange(address: SocketAddr, path: &str, until: Instant) -> io::Result<String> {
    let left = || {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut) } else { Ok(left) }
    };
    let mut stream = TcpStream::connect_timeout(&address, left()?)?;
    stream.set_write_timeout(Some(left()?))?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let (mut answer, mut part) = (Vec::new(), [0; 1024]);
    while answer.len() < HEALTH_ANSWER_BYTES_MAX {
        stream.set_read_timeout(Some(left()?))?;
        match stream.read(&mut part) {
            Ok(0) => break,
            Ok(n) => answer.extend_from_slice(&part[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let text = String::from_utf8_lossy(&answer);
    Ok(text.chars().filter(|c| !c.is_control() || matches!(c, '\r' | '\n')).collect())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// What is said of a server that answers these bytes, and then closes.
    fn answered(bytes: &'static [u8]) -> Result<String, String> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a request");
            let mut request = [0; 1024];
            let n = stream.read(&mut request).expect("a request");
            // Whoever reads a bounded part may be gone before the end.
            let _ = stream.write_all(bytes);
            String::from_utf8_lossy(&request[..n]).into_owned()
        });
        let answer = ask(address, "/readyz", Duration::from_secs(10));
        let request = server.join().expect("no panic");
        assert!(request.starts_with("GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:"), "{request}");
        answer.map_err(|error| error.to_string().replace(&address.to_string(), "ADDRESS"))
    }

    #[test]
    fn only_200_is_healthy_and_the_rest_says_why() {
        assert_eq!(answered(b"HTTP/1.1 200 OK\r\n\r\n{\"ready\":true}\n").as_deref(), Ok("{\"ready\":true}"));
        let cases: [(&[u8], &str); 5] = [
            (b"HTTP/1.1 503 Service Unavailable\r\nA: b\r\n\r\nno", "answered 503 Service Unavailable: no"),
            (b"HTTP/1.1 200x\r\n\r\n", "answered 200x: "),
            (b"HTTP/1.1 503\r\n\r\n\x1b[31m", "answered 503: [31m"),
            (b"SSH-2.0\r\n", "answered something that is not HTTP"),
            (b"", "answered something that is not HTTP"),
        ];
        for (bytes, why) in cases {
            assert_eq!(answered(bytes), Err(format!("unhealthy: http://ADDRESS {why}")));
        }
    }

    #[test]
    fn an_endless_answer_and_a_silent_server_end() {
        static ENDLESS: [u8; 4 * HEALTH_ANSWER_BYTES_MAX] = [b'x'; 4 * HEALTH_ANSWER_BYTES_MAX];
        let why = answered(&ENDLESS).expect_err("no HTTP");
        assert!(why.len() < 100, "{why}");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let late = ask(address, "/livez", Duration::from_millis(20)).expect_err("nobody answers");
        assert!(late.to_string().ends_with("no answer within 20 ms"), "{late}");
        drop(listener);
        let refused = ask(address, "/livez", Duration::from_secs(10)).expect_err("nobody listens");
        assert!(refused.to_string().contains("refused"), "{refused}");
    }

    #[test]
    fn a_wildcard_is_asked_by_loopback_and_port_0_nowhere() {
        let at = |text: &str| text.parse::<SocketAddr>().expect("an address");
        for (address, asked) in [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:2", "[::1]:2"), ("10.0.0.1:3", "10.0.0.1:3")] {
            assert_eq!(reachable(at(address)), at(asked));
        }
        assert!(matches!(ask(at("127.0.0.1:0"), "/", Duration::from_secs(1)), Err(Unhealthy::AnyPort)));
    }
}
