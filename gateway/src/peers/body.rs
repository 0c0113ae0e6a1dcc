//! Bodies between nodes: bytes that are at hand, or what is read from a socket while it is sent.
//!
//! A pipe is asked for more only when the other side has room, so that nothing piles up between two
//! sockets; while nothing comes it owns no buffer.

use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;

/// Bytes of one read.
const READ_BYTES: usize = 16 * 1024;

/// The body of a request or an answer between nodes.
pub(crate) enum Body {
    /// All of it is at hand.
    Whole(Option<Bytes>),
    /// It is read while it is sent.
    Pipe(Pipe),
}

impl Body {
    /// These bytes.
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::Whole((!bytes.is_empty()).then_some(bytes))
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Pipe(pipe) => pipe.poll(cx).map(|read| read.map(|read| read.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Pipe(_) => SizeHint::default(),
        }
    }
}

/// The reading half of a socket, and what was read of it already.
pub(crate) struct Source {
    pub(crate) first: Bytes,
    pub(crate) from: Box<dyn AsyncRead + Send + Unpin>,
}

/// A body that is read from a socket.
pub(crate) struct Pipe {
    source: State,
    stop: oneshot::Receiver<()>,
}

enum State {
    /// There is no socket yet.
    Later(oneshot::Receiver<Source>),
    Now(Source),
    Ended,
}

/// Where a pipe gets its socket.
pub(crate) struct Feed(oneshot::Sender<Source>);

/// Keeps a pipe going; without it the body breaks off, and the stream is reset.
pub(crate) struct Hold(oneshot::Sender<()>);

impl Hold {
    /// Resolves when nobody reads the pipe any more.
    pub(crate) async fn released(&mut self) {
        self.0.closed().await;
    }
}

impl Pipe {
    /// A pipe whose socket is still to come.
    pub(crate) fn later() -> (Self, Feed, Hold) {
        let (feed, source) = oneshot::channel();
        let (hold, stop) = oneshot::channel();
        (Self { source: State::Later(source), stop }, Feed(feed), Hold(hold))
    }

    /// A pipe from a socket.
    pub(crate) fn new(source: Source) -> (Self, Hold) {
        let (hold, stop) = oneshot::channel();
        (Self { source: State::Now(source), stop }, Hold(hold))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if matches!(self.source, State::Ended) {
            return Poll::Ready(None);
        }
        if Pin::new(&mut self.stop).poll(cx).is_ready() {
            self.source = State::Ended;
            return Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())));
        }
        if let State::Later(source) = &mut self.source {
            match ready!(Pin::new(source).poll(cx)) {
                Ok(source) => self.source = State::Now(source),
                Err(_) => {
                    self.source = State::Ended;
                    return Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())));
                }
            }
        }
        let State::Now(source) = &mut self.source else {
            return Poll::Ready(None);
        };
        if source.first.has_remaining() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut source.first))));
        }
        let mut room = [const { MaybeUninit::uninit() }; READ_BYTES];
        let mut buffer = ReadBuf::uninit(&mut room);
        let read = ready!(Pin::new(&mut source.from).poll_read(cx, &mut buffer));
        let read = read.map(|()| Bytes::copy_from_slice(buffer.filled()));
        if read.as_ref().map_or(true, Bytes::is_empty) {
            self.source = State::Ended;
        }
        Poll::Ready(match read {
            Ok(bytes) if bytes.is_empty() => None,
            other => Some(other),
        })
    }
}

impl Feed {
    /// Here it is.
    pub(crate) fn give(self, source: Source) {
        // Nobody reads a pipe whose stream is over.
        let _ = self.0.send(source);
    }
}

/// Writes a body to a socket as it comes, and then says that nothing more will. A socket that takes
/// nothing for `silence` is given up.
pub(crate) async fn pump(
    mut body: Incoming,
    mut to: impl AsyncWrite + Unpin,
    silence: Duration,
) -> Result<(), io::Error> {
    while let Some(frame) = body.frame().await {
        let Ok(mut bytes) = frame.map_err(io::Error::other)?.into_data() else {
            continue;
        };
        while bytes.has_remaining() {
            let written = std::future::poll_fn(|cx| Pin::new(&mut to).poll_write(cx, &bytes));
            match tokio::time::timeout(silence, written).await {
                Ok(written) => match written? {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    count => bytes.advance(count),
                },
                Err(_) => return Err(io::ErrorKind::TimedOut.into()),
            }
        }
    }
    std::future::poll_fn(|cx| Pin::new(&mut to).poll_shutdown(cx)).await
}
