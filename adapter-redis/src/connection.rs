//! One connection to a Redis server, in RESP3: commands go out, replies come back in their
//! order, pushes go to a listener.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `endpoint` | reaching a server: TCP, TLS, the greeting |
//! | `driver` | the task that reads and writes |
//! | `pending` | which reply belongs to which command |
//!
//! The connections of the `redis` crate take a push that nobody asked for (`sunsubscribe`, when a
//! slot moves) for the reply to whatever is in flight, and put queues without a bound before
//! whoever listens: so its codec is used here, and not its connections.
//!
//! Deliberately absent: connecting again, which is the link's.

mod driver;
mod endpoint;
mod pending;

use std::fmt;

use redis::{Cmd, Value};
use tokio::sync::{mpsc, oneshot};

pub(crate) use endpoint::{Endpoint, Secure, ask};
pub(crate) use pending::Verb;

use pending::Expect;

/// Commands that wait to be written; callers wait when there are more.
const COMMANDS_MAX: usize = 64;

/// Hears what a server says unasked. Called by the task that reads: it must not block.
pub(crate) trait Listener: Send + 'static {
    /// Something was published.
    fn message(&mut self, channel: &[u8], payload: &[u8]);
    /// The server ended a subscription by itself: the channel's slot has moved.
    fn ended(&mut self, channel: &[u8]);
}

/// A listener for connections on which nothing is subscribed to.
pub(crate) struct Nobody;

impl Listener for Nobody {
    fn message(&mut self, _: &[u8], _: &[u8]) {}
    fn ended(&mut self, _: &[u8]) {}
}

/// A connection. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Connection {
    commands: mpsc::Sender<Command>,
    driver: tokio::task::JoinHandle<()>,
    /// What the server calls it.
    pub(crate) id: i64,
    /// Whether the server said at the greeting that it is a master.
    pub(crate) master: bool,
}

/// What the driver is asked to write, and who waits for what comes back.
struct Command {
    bytes: Vec<u8>,
    expect: Expect,
    reply: oneshot::Sender<Vec<Value>>,
}

/// Why a connection cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ConnectError {
    /// The network, or the time was over.
    Unreachable(String),
    /// The server refused the user, the password, or a command that this needs.
    Denied(String),
    /// The server is a replica: what is published there reaches few.
    Replica,
    /// The server, or the certificate that it shows, is not what it should be.
    Unfit(String),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "cannot be reached: {why}"),
            Self::Denied(why) => write!(f, "refuses: {why}"),
            Self::Replica => f.write_str("says that it is a replica"),
            Self::Unfit(why) => f.write_str(why),
        }
    }
}

/// The connection is gone; whether the server carried the commands out is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

impl Connection {
    /// Sends one command and waits for its reply, which may be an error of the server's.
    pub(crate) async fn call(&self, command: &Cmd) -> Result<Value, Gone> {
        let replies = self.pipeline(command.get_packed_command(), 1).await?;
        replies.into_iter().next().ok_or(Gone)
    }

    /// Sends several packed commands in one piece and waits for all their replies.
    pub(crate) async fn pipeline(&self, bytes: Vec<u8>, replies: usize) -> Result<Vec<Value>, Gone> {
        self.send(bytes, Expect::replies(replies)).await
    }

    /// Begins or ends subscriptions, and waits until the server has confirmed all of them. What it
    /// refused comes back: the place in `channels` where the refused command begins, and why.
    pub(crate) async fn subscribe(&self, verb: Verb, channels: &[String]) -> Result<Vec<(usize, Value)>, Gone> {
        let (bytes, expect) = pending::subscription(verb, channels);
        let refused = self.send(bytes, expect).await?;
        let mut places = refused.into_iter();
        let mut pairs = Vec::new();
        while let (Some(Value::Int(place)), Some(why)) = (places.next(), places.next()) {
            pairs.push((usize::try_from(place).unwrap_or_default(), why));
        }
        Ok(pairs)
    }

    async fn send(&self, bytes: Vec<u8>, expect: Expect) -> Result<Vec<Value>, Gone> {
        let (reply, replied) = oneshot::channel();
        self.commands.send(Command { bytes, expect, reply }).await.map_err(|_| Gone)?;
        replied.await.map_err(|_| Gone)
    }

    /// Resolves when the connection is gone.
    pub(crate) async fn gone(&self) {
        self.commands.closed().await;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// The number in a reply.
pub(crate) fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        _ => text(value)?.parse().ok(),
    }
}

/// The text of a reply.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok(),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Some(text.clone()),
        Value::Okay => Some("OK".to_owned()),
        _ => None,
    }
}

/// The text of a server's refusal.
pub(crate) fn refusal(value: &Value) -> Option<String> {
    match value {
        Value::ServerError(error) => Some(format!("{} {}", error.code(), error.details().unwrap_or_default())),
        _ => None,
    }
}
