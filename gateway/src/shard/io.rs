//! The I/O of a connection: an enum with synchronous reads and writes, so that TLS and
//! compression will be variants and not rewrites.

use std::io::{self, IoSlice};
use std::os::unix::net::UnixStream as Pair;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use crate::mail::Carrier;

/// Bytes that one end of a pair may have sent and the other not read: the rest waits in the outbox.
const PAIR_BYTES: usize = 64 << 10;

#[derive(Debug)]
pub(crate) enum Io {
    /// Bytes as they are.
    Tcp(TcpStream),
    /// The same; a task carries them from and to the node where the client is.
    Tunnel(UnixStream),
}

impl Io {
    /// Reads into `buffer` or registers for a wake-up. 0 bytes: the other side has closed.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        let read = match self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, &mut buffer),
            Self::Tunnel(stream) => Pin::new(stream).poll_read(cx, &mut buffer),
        };
        std::task::ready!(read)?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Registers for a wake-up when writing may go on.
    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_write_ready(cx),
            Self::Tunnel(stream) => stream.poll_write_ready(cx),
        }
    }

    /// Writes what the socket takes; `Ok(0)` if it takes nothing now.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => blocked_is_zero(stream.try_write(bytes)),
            Self::Tunnel(stream) => blocked_is_zero(stream.try_write(bytes)),
        }
    }

    /// The same for several slices.
    pub(crate) fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => blocked_is_zero(stream.try_write_vectored(slices)),
            Self::Tunnel(stream) => blocked_is_zero(stream.try_write_vectored(slices)),
        }
    }

    /// Says that nothing more will be written.
    pub(crate) fn shutdown_write(&self) {
        let socket = match self {
            Self::Tcp(stream) => socket2::SockRef::from(stream),
            Self::Tunnel(stream) => socket2::SockRef::from(stream),
        };
        // A socket that is gone already needs no farewell.
        let _ = socket.shutdown(std::net::Shutdown::Write);
    }

    /// Takes a socket that was made elsewhere, and knows its readiness.
    pub(crate) async fn adopt(carrier: Carrier) -> io::Result<Self> {
        // A stream that was registered anew knows nothing of its readiness yet.
        match carrier {
            Carrier::Tcp(stream) => {
                let stream = TcpStream::from_std(stream)?;
                stream.writable().await.map(|()| Self::Tcp(stream))
            }
            Carrier::Tunnel(stream) => {
                let stream = UnixStream::from_std(stream)?;
                stream.writable().await.map(|()| Self::Tunnel(stream))
            }
        }
    }
}

/// Two sockets that are each other's other side.
pub(crate) fn pair() -> io::Result<(Pair, Pair)> {
    let pair = Pair::pair()?;
    for end in [&pair.0, &pair.1] {
        end.set_nonblocking(true)?;
        socket2::SockRef::from(end).set_send_buffer_size(PAIR_BYTES)?;
    }
    Ok(pair)
}

fn blocked_is_zero(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}
