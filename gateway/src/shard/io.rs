//! The I/O of a connection: an enum with synchronous reads and writes, so that TLS and
//! compression will be variants and not rewrites.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

#[derive(Debug)]
pub(crate) enum Io {
    /// Bytes as they are.
    Tcp(TcpStream),
}

impl Io {
    /// Reads into `buffer` or registers for a wake-up. 0 bytes: the other side has closed.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => {
                let mut buffer = ReadBuf::new(buffer);
                std::task::ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
                Poll::Ready(Ok(buffer.filled().len()))
            }
        }
    }

    /// Registers for a wake-up when writing may go on.
    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_write_ready(cx),
        }
    }

    /// Writes what the socket takes; `Ok(0)` if it takes nothing now.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => blocked_is_zero(stream.try_write(bytes)),
        }
    }

    /// The same for several slices.
    pub(crate) fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => blocked_is_zero(stream.try_write_vectored(slices)),
        }
    }

    /// Says that nothing more will be written.
    pub(crate) fn shutdown_write(&self) {
        match self {
            Self::Tcp(stream) => {
                // A socket that is gone already needs no farewell.
                let _ = socket2::SockRef::from(stream).shutdown(std::net::Shutdown::Write);
            }
        }
    }
}

fn blocked_is_zero(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}
