//! Listening sockets: one a shard on the public port, shared by `SO_REUSEPORT`; one for
//! the internal port.
//!
//! Every port is bound once without `SO_REUSEPORT` first: a port that another program
//! has is an error that names port and setting, never a silent half of the traffic.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that wait to be accepted, per listener.
const BACKLOG: i32 = 4096;
/// Bytes the kernel may hold unsent for one connection beyond what is on its way.
const NOT_SENT_LOW_WATER: u32 = 64 * 1024;

/// A port that cannot be listened on.
#[derive(Debug)]
pub struct ListenError {
    setting: &'static str,
    address: SocketAddr,
    source: io::Error,
}

impl std::fmt::Display for ListenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { setting, address, source } = self;
        let variable = format!("ROOMCAST__{}", setting.to_uppercase().replace('.', "__"));
        match source.kind() {
            io::ErrorKind::AddrInUse => write!(
                f,
                "port {} on {} is taken by another program: stop it, or set {setting} ({variable}) to another port",
                address.port(),
                address.ip()
            ),
            _ => write!(f, "cannot listen on {address} ({source}): see the setting {setting} ({variable})"),
        }
    }
}

impl std::error::Error for ListenError {}

/// Binds `count` listeners to one address; port 0 is the same free port for all of them.
pub fn bind(address: SocketAddr, count: usize, setting: &'static str) -> Result<Vec<TcpListener>, ListenError> {
    let fail = |source| ListenError { setting, address, source };
    let probe = listen(address, false).map_err(fail)?;
    if count == 1 {
        return Ok(vec![probe]);
    }
    let address = probe.local_addr().map_err(fail)?;
    drop(probe);
    (0..count).map(|_| listen(address, true).map_err(fail)).collect()
}

fn listen(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    // Inherited by accepted sockets: a slow reader's backlog stays where it can be judged.
    socket.set_tcp_notsent_lowat(NOT_SENT_LOW_WATER)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Has a socket, or all that a listener accepts from now on, break when the peer takes none of
/// its bytes for that long.
///
/// A WebSocket is closed before, by its outbox or its heartbeat. The answer to a request is
/// in nobody's hands but the kernel's: without this a peer could keep it there for ever.
pub(crate) fn let_go_after(socket: &impl AsFd, silence: std::time::Duration) {
    // Where the system knows no such option, its own patience with silent peers holds.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Err(error) = socket2::SockRef::from(socket).set_tcp_user_timeout(Some(silence)) {
        tracing::warn!(%error, "sockets whose peers stop reading are not let go by the system");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: &str = "127.0.0.1:0";

    #[test]
    fn a_taken_port_is_an_error_that_names_port_and_setting() {
        let taken = bind(ANY.parse().expect("address"), 1, "public.address").expect("free");
        let address = taken[0].local_addr().expect("bound");
        for count in [1, 2] {
            let error = bind(address, count, "public.address").expect_err("taken").to_string();
            assert!(error.contains(&address.port().to_string()), "{error}");
            assert!(error.contains("public.address"), "{error}");
            assert!(error.contains("ROOMCAST__PUBLIC__ADDRESS"), "{error}");
        }
    }

    #[test]
    fn several_listeners_share_one_port() {
        let listeners = bind(ANY.parse().expect("address"), 3, "public.address").expect("free");
        let ports: Vec<u16> = listeners.iter().map(|l| l.local_addr().expect("bound").port()).collect();
        assert_eq!(ports, [ports[0]; 3]);
        // Shared among ourselves, yet taken for everybody else.
        assert!(bind(listeners[0].local_addr().expect("bound"), 1, "public.address").is_err());
    }
}
