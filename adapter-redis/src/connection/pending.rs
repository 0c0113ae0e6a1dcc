//! Which reply belongs to which command. Pure.
//!
//! In RESP3 a subscription is confirmed by one push a channel, in the order of the channels, or
//! refused by one error a command. A push of the same kind for another channel is the server's
//! own news.

use std::collections::VecDeque;

use redis::{Cmd, PushKind, Value};

/// How a subscription is begun or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Verb {
    Subscribe,
    Unsubscribe,
    PatternSubscribe,
    PatternUnsubscribe,
    ShardSubscribe,
    ShardUnsubscribe,
}

impl Verb {
    fn word(self) -> &'static str {
        match self {
            Self::Subscribe => "SUBSCRIBE",
            Self::Unsubscribe => "UNSUBSCRIBE",
            Self::PatternSubscribe => "PSUBSCRIBE",
            Self::PatternUnsubscribe => "PUNSUBSCRIBE",
            Self::ShardSubscribe => "SSUBSCRIBE",
            Self::ShardUnsubscribe => "SUNSUBSCRIBE",
        }
    }

    fn confirmed_by(self, kind: &PushKind) -> bool {
        match self {
            Self::Subscribe => *kind == PushKind::Subscribe,
            Self::Unsubscribe => *kind == PushKind::Unsubscribe,
            Self::PatternSubscribe => *kind == PushKind::PSubscribe,
            Self::PatternUnsubscribe => *kind == PushKind::PUnsubscribe,
            Self::ShardSubscribe => *kind == PushKind::SSubscribe,
            Self::ShardUnsubscribe => *kind == PushKind::SUnsubscribe,
        }
    }

    /// Whether a command takes one channel: in a Cluster those of one command must be in one slot.
    pub(crate) fn is_one_at_a_time(self) -> bool {
        matches!(self, Self::ShardSubscribe | Self::ShardUnsubscribe)
    }
}

/// What a command in flight is answered with.
#[derive(Debug)]
pub(super) struct Expect(Kind);

#[derive(Debug)]
enum Kind {
    Replies { left: usize, replies: Vec<Value> },
    Confirmations { verb: Verb, commands: VecDeque<VecDeque<String>>, place: usize, refused: Vec<Value> },
}

impl Expect {
    /// So many replies.
    pub(super) fn replies(count: usize) -> Self {
        Self(Kind::Replies { left: count, replies: Vec::new() })
    }

    /// Whether all of it has come.
    pub(super) fn is_over(&self) -> bool {
        match &self.0 {
            Kind::Replies { left, .. } => *left == 0,
            Kind::Confirmations { commands, .. } => commands.is_empty(),
        }
    }

    /// What has come: replies, or pairs of a place and why it was refused.
    pub(super) fn into_values(self) -> Vec<Value> {
        match self.0 {
            Kind::Replies { replies, .. } => replies,
            Kind::Confirmations { refused, .. } => refused,
        }
    }

    /// Takes a reply.
    pub(super) fn reply(&mut self, value: Value) {
        match &mut self.0 {
            Kind::Replies { left, replies } => {
                *left = left.saturating_sub(1);
                replies.push(value);
            }
            Kind::Confirmations { commands, place, refused, .. } => {
                let command = commands.pop_front().unwrap_or_default();
                refused.extend([Value::Int(i64::try_from(*place).unwrap_or(i64::MAX)), value]);
                *place += command.len();
            }
        }
    }

    /// Takes a confirmation; `false` if it is none of this command's.
    pub(super) fn confirm(&mut self, kind: &PushKind, channel: &[u8]) -> bool {
        let Kind::Confirmations { verb, commands, place, .. } = &mut self.0 else { return false };
        let Some(command) = commands.front_mut().filter(|_| verb.confirmed_by(kind)) else { return false };
        if command.front().is_none_or(|expected| expected.as_bytes() != channel) {
            return false;
        }
        command.pop_front();
        *place += 1;
        if command.is_empty() {
            commands.pop_front();
        }
        true
    }
}

/// The commands that begin or end subscriptions, and what they are answered with.
pub(super) fn subscription(verb: Verb, channels: &[String]) -> (Vec<u8>, Expect) {
    let mut bytes = Vec::new();
    let mut commands = VecDeque::new();
    let size = if verb.is_one_at_a_time() { 1 } else { channels.len().max(1) };
    for part in channels.chunks(size) {
        let mut command = Cmd::new();
        command.arg(verb.word()).arg(part);
        command.write_packed_command(&mut bytes);
        commands.push_back(part.iter().cloned().collect());
    }
    (bytes, Expect(Kind::Confirmations { verb, commands, place: 0, refused: Vec::new() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channels(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn one_command_takes_all_channels_and_is_confirmed_one_by_one() {
        let (bytes, mut expect) = subscription(Verb::Subscribe, &channels(&["a", "b"]));
        assert_eq!(bytes, b"*3\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n$1\r\nb\r\n");
        assert!(expect.confirm(&PushKind::Subscribe, b"a") && !expect.is_over());
        assert!(!expect.confirm(&PushKind::Subscribe, b"a"), "it was confirmed before");
        assert!(!expect.confirm(&PushKind::Unsubscribe, b"b"), "another kind");
        assert!(expect.confirm(&PushKind::Subscribe, b"b") && expect.is_over());
        assert_eq!(expect.into_values(), []);
    }

    #[test]
    fn shard_channels_take_a_command_each_and_are_refused_each() {
        let (bytes, mut expect) = subscription(Verb::ShardSubscribe, &channels(&["a", "b", "c"]));
        let commands = bytes.split(|byte| *byte == b'*').count() - 1;
        assert_eq!(commands, 3);
        assert!(expect.confirm(&PushKind::SSubscribe, b"a"));
        assert!(!expect.confirm(&PushKind::SUnsubscribe, b"a"), "a slot moved meanwhile");
        expect.reply(Value::SimpleString("no".into()));
        assert!(expect.confirm(&PushKind::SSubscribe, b"c") && expect.is_over());
        assert_eq!(expect.into_values(), [Value::Int(1), Value::SimpleString("no".into())]);
    }

    #[test]
    fn a_refused_command_is_refused_as_a_whole() {
        let (_, mut expect) = subscription(Verb::Subscribe, &channels(&["a", "b"]));
        expect.reply(Value::Nil);
        assert!(expect.is_over());
        assert_eq!(expect.into_values(), [Value::Int(0), Value::Nil]);
        assert!(subscription(Verb::Subscribe, &[]).1.is_over());
    }

    #[test]
    fn replies_are_counted() {
        let mut expect = Expect::replies(2);
        expect.reply(Value::Int(1));
        assert!(!expect.is_over() && !expect.confirm(&PushKind::Subscribe, b"a"));
        expect.reply(Value::Int(2));
        assert!(expect.is_over());
        assert_eq!(expect.into_values(), [Value::Int(1), Value::Int(2)]);
    }
}
