//! A packet whose attachments are still on their way.

use bytes::Bytes;

use super::{DecodeError, Packet, check_placeholders};

/// Collects the binary messages that a packet announced. Holds the packet's text itself,
/// so that the buffer it was read from can be used again.
///
/// Between the packet and its last attachment no other packet may come: a text message
/// meanwhile, and a binary message when there is no assembly
/// ([`DecodeError::UnexpectedBinary`]), is a fault that its owner sees. No clock here:
/// the owner counts [`Assembly::bytes`] against its memory and gives up on a set that is
/// never completed.
#[derive(Debug)]
pub struct Assembly {
    complete: Complete,
    announced: usize,
    bytes: usize,
}

/// Which packet was put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An event.
    Event {
        /// The id to answer with, if an answer is wanted.
        ack: Option<u64>,
    },
    /// The answer to one.
    Ack {
        /// The id that is answered.
        id: u64,
    },
}

/// A packet with all of its attachments.
#[derive(Debug, PartialEq, Eq)]
pub struct Complete {
    /// Which namespace.
    pub namespace: String,
    /// Event or ack.
    pub kind: Kind,
    /// JSON array with placeholders, as [`super::decode`] gave it.
    pub data: String,
    /// As many as the packet announced, in the order of their placeholders' numbers.
    pub attachments: Vec<Bytes>,
}

impl Assembly {
    /// Starts with a packet; `None` if it is complete without attachments.
    pub fn begin(packet: &Packet<'_>) -> Option<Self> {
        let (kind, namespace, data, announced) = match *packet {
            Packet::Event { namespace, ack, data, attachments } => (Kind::Event { ack }, namespace, data, attachments),
            Packet::Ack { namespace, id, data, attachments } => (Kind::Ack { id }, namespace, data, attachments),
            Packet::Connect { .. } | Packet::Disconnect { .. } | Packet::ConnectError { .. } => return None,
        };
        (announced > 0).then(|| Self {
            complete: Complete {
                namespace: namespace.to_owned(),
                kind,
                data: data.to_owned(),
                attachments: Vec::new(),
            },
            announced,
            bytes: namespace.len() + data.len(),
        })
    }

    /// Takes one binary message; whether it was the last.
    ///
    /// `bytes_max` bounds namespace, text and attachments together: beyond it the error
    /// is [`DecodeError::TooLarge`]. One more than announced is
    /// [`DecodeError::UnexpectedBinary`]. After an error nothing was taken.
    pub fn push(&mut self, bytes: Bytes, bytes_max: usize) -> Result<bool, DecodeError> {
        if self.is_complete() {
            return Err(DecodeError::UnexpectedBinary);
        }
        let sum = self.bytes.saturating_add(bytes.len());
        if sum > bytes_max {
            return Err(DecodeError::TooLarge);
        }
        self.bytes = sum;
        self.complete.attachments.push(bytes);
        Ok(self.is_complete())
    }

    /// Whether every announced binary message is there.
    pub fn is_complete(&self) -> bool {
        self.complete.attachments.len() >= self.announced
    }

    /// Bytes held: namespace, text and the attachments so far.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The whole packet. [`DecodeError::Incomplete`] before the last attachment,
    /// [`DecodeError::Placeholder`] if text and attachments do not belong together.
    pub fn finish(self) -> Result<Complete, DecodeError> {
        if !self.is_complete() {
            return Err(DecodeError::Incomplete);
        }
        check_placeholders(&self.complete.data, self.announced)?;
        Ok(self.complete)
    }
}

#[cfg(test)]
mod tests {
    use super::super::decode;
    use super::*;

    const MAX: usize = 1_000_000;

    fn begin(text: &str) -> Assembly {
        Assembly::begin(&decode(text).expect("a packet")).expect("announces attachments")
    }

    #[test]
    fn packets_without_attachments_are_complete() {
        for text in ["0", "1", "2[\"x\"]", "31[]", "4\"no\""] {
            assert!(Assembly::begin(&decode(text).expect("a packet")).is_none(), "{text}");
        }
    }

    #[test]
    fn attachments_keep_their_order() {
        let text = r#"52-/admin,7["x",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]"#.to_owned();
        let mut assembly = begin(&text);
        drop(text);
        assert_eq!(assembly.push(Bytes::from_static(b"a"), MAX), Ok(false));
        assert_eq!(assembly.push(Bytes::new(), MAX), Ok(true));
        assert_eq!(
            assembly.finish(),
            Ok(Complete {
                namespace: "/admin".to_owned(),
                kind: Kind::Event { ack: Some(7) },
                data: r#"["x",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]"#.to_owned(),
                attachments: vec![Bytes::from_static(b"a"), Bytes::new()],
            })
        );
    }

    #[test]
    fn acks_are_put_together_too() {
        let mut assembly = begin(r#"61-0[{"_placeholder":true,"num":0}]"#);
        assert_eq!(assembly.push(Bytes::from_static(b"a"), MAX), Ok(true));
        assert_eq!(assembly.finish().map(|whole| whole.kind), Ok(Kind::Ack { id: 0 }));
    }

    #[test]
    fn one_more_than_announced_is_refused() {
        let mut assembly = begin(r#"51-["x",{"_placeholder":true,"num":0}]"#);
        assert_eq!(assembly.push(Bytes::from_static(b"a"), MAX), Ok(true));
        assert_eq!(assembly.push(Bytes::from_static(b"b"), MAX), Err(DecodeError::UnexpectedBinary));
        assert_eq!(assembly.finish().map(|whole| whole.attachments.len()), Ok(1));
    }

    #[test]
    fn a_half_sent_set_is_counted_and_never_finishes() {
        let mut assembly = begin(r#"52-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#);
        let text = assembly.bytes();
        assert_eq!(assembly.push(Bytes::from_static(b"abc"), MAX), Ok(false));
        assert_eq!(assembly.bytes(), text + 3);
        assert_eq!(assembly.finish(), Err(DecodeError::Incomplete));
    }

    #[test]
    fn the_bound_counts_text_and_attachments() {
        let mut assembly = begin(r#"51-["x",{"_placeholder":true,"num":0}]"#);
        let text = assembly.bytes();
        let four = Bytes::from_static(b"1234");
        assert_eq!(assembly.push(four.clone(), text + 3), Err(DecodeError::TooLarge));
        assert_eq!(assembly.push(four.clone(), 0), Err(DecodeError::TooLarge));
        assert_eq!(assembly.bytes(), text);
        assert_eq!(assembly.push(four, text + 4), Ok(true));
    }

    /// CVE-2022-2421
    #[test]
    fn placeholders_are_checked_at_the_end() {
        for data in [
            r#"["hello",{"_placeholder":true,"num":"splice"}]"#,
            r#"["hello",{"_placeholder":true,"num":-1}]"#,
            r#"["hello",{"_placeholder":true,"num":0.5}]"#,
            r#"["hello",{"_placeholder":true,"num":1}]"#,
            r#"["hello",{"_placeholder":true}]"#,
            r#"["hello",{"_placeholder":true,"num":0,"num":0}]"#,
            r#"["hello"]"#,
        ] {
            let mut assembly = begin(&format!("51-{data}"));
            assert_eq!(assembly.push(Bytes::from_static(b"a"), MAX), Ok(true));
            assert_eq!(assembly.finish(), Err(DecodeError::Placeholder), "{data}");
        }
    }
}
