//! The task of a connection: writes what it is asked to, reads what comes.
//!
//! Reading never waits for anybody: replies go to those who wait for them, pushes to a listener
//! that does not block. Writing goes on beside it, so that neither side can hold the other up.

use std::collections::VecDeque;
use std::io;

use bytes::{Buf, BytesMut};
use redis::{PushKind, Value, ValueCodec};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio_util::codec::Decoder;

use super::endpoint::Stream;
use super::pending::Expect;
use super::{Command, Listener};

/// Bytes that wait to be written before more commands are taken.
const OUTPUT_BYTES_MAX: usize = 1 << 20;
/// Bytes that one read takes at most.
const READ_BYTES: usize = 64 * 1024;

/// What is in flight, and the listener.
pub(super) struct Driver<L> {
    listener: L,
    codec: ValueCodec,
    input: BytesMut,
    output: BytesMut,
    in_flight: VecDeque<(Expect, oneshot::Sender<Vec<Value>>)>,
}

impl<L: Listener> Driver<L> {
    pub(super) fn new(listener: L) -> Self {
        let (input, output) = (BytesMut::new(), BytesMut::new());
        Self { listener, codec: ValueCodec::default(), input, output, in_flight: VecDeque::new() }
    }

    /// Runs until the connection ends, or nobody holds it any more.
    pub(super) async fn run(mut self, stream: Stream, mut commands: mpsc::Receiver<Command>) {
        let outcome = self.exchange(stream, &mut commands).await;
        if let Err(error) = outcome {
            tracing::debug!(%error, "connection to Redis ended");
        }
    }

    async fn exchange(&mut self, stream: Stream, commands: &mut mpsc::Receiver<Command>) -> io::Result<()> {
        let (mut reader, mut writer) = tokio::io::split(stream);
        // TLS may hold a record back until it is told that this was all.
        let mut held_back = false;
        loop {
            self.input.reserve(READ_BYTES);
            tokio::select! {
                read = reader.read_buf(&mut self.input) => {
                    if read? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    self.received()?;
                }
                written = write_or_flush(&mut writer, &self.output), if !self.output.is_empty() || held_back => {
                    let written = written?;
                    held_back = written > 0;
                    self.output.advance(written);
                }
                command = commands.recv(), if self.output.len() < OUTPUT_BYTES_MAX => match command {
                    Some(command) => self.take(command),
                    None => return Ok(()),
                },
            }
        }
    }

    fn take(&mut self, command: Command) {
        self.output.extend_from_slice(&command.bytes);
        if command.expect.is_over() {
            let _ = command.reply.send(command.expect.into_values());
        } else {
            self.in_flight.push_back((command.expect, command.reply));
        }
    }

    fn received(&mut self) -> io::Result<()> {
        while let Some(value) = self.codec.decode(&mut self.input).map_err(io::Error::other)? {
            match value {
                Value::Push { kind, data } => self.push(&kind, &data),
                value => self.reply(value)?,
            }
        }
        Ok(())
    }

    fn reply(&mut self, value: Value) -> io::Result<()> {
        let Some((expect, _)) = self.in_flight.front_mut() else {
            return Err(io::Error::other("a reply came to which there is no command"));
        };
        expect.reply(value);
        self.settle();
        Ok(())
    }

    fn push(&mut self, kind: &PushKind, data: &[Value]) {
        match (kind, data) {
            (PushKind::Message | PushKind::SMessage, [Value::BulkString(channel), Value::BulkString(payload)])
            | (PushKind::PMessage, [_, Value::BulkString(channel), Value::BulkString(payload)]) => {
                self.listener.message(channel, payload);
            }
            (_, [Value::BulkString(channel), ..]) => {
                let asked = self.in_flight.front_mut().is_some_and(|(expect, _)| expect.confirm(kind, channel));
                if asked {
                    self.settle();
                } else if matches!(kind, PushKind::SUnsubscribe | PushKind::Unsubscribe | PushKind::PUnsubscribe) {
                    self.listener.ended(channel);
                }
            }
            _ => {}
        }
    }

    /// Hands over what the oldest command waited for, if that is all.
    fn settle(&mut self) {
        let over = |(expect, _): &mut (Expect, _)| expect.is_over();
        if let Some((expect, reply)) = self.in_flight.pop_front_if(over) {
            let _ = reply.send(expect.into_values());
        }
    }
}

/// Writes some of the bytes, and says how many; without any, what is held back goes out. May be given up at any time.
async fn write_or_flush(writer: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<usize> {
    if bytes.is_empty() {
        return writer.flush().await.map(|()| 0);
    }
    match writer.write(bytes).await? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        written => Ok(written),
    }
}
