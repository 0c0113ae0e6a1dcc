//! Generated streams of a client: valid, and shaped like what breaks decoders.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use roomcast_core::websocket::{Opcode, encode_masked};

/// Cuts bytes at some places, so that nothing is lost; pieces may be empty.
pub(crate) fn pieces<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

/// Lengths on both sides of every change of the header's shape.
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![
        8 => 0..40_usize,
        4 => 120..132_usize,
        1 => 65_530..65_542_usize,
    ]
}

pub(crate) fn text() -> impl Strategy<Value = String> {
    let letter = select(vec!['a', '\0', 'é', 'ß', '€', '中', '😀', '\u{10FFFF}']);
    (vec(letter, 1..12), length()).prop_map(|(letters, length)| {
        let mut text = String::new();
        for letter in letters.into_iter().cycle() {
            if text.len() + letter.len_utf8() > length {
                break;
            }
            text.push(letter);
        }
        let missing = length - text.len();
        text + &"x".repeat(missing)
    })
}

pub(crate) fn binary() -> impl Strategy<Value = Vec<u8>> {
    (vec(any::<u8>(), 1..12), length()).prop_map(|(bytes, length)| bytes.into_iter().cycle().take(length).collect())
}

pub(crate) fn code() -> impl Strategy<Value = u16> {
    prop_oneof![1000..=1003_u16, 1007..=1013_u16, 3000..=4999_u16]
}

#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) fin: bool,
    pub(crate) opcode: Opcode,
    pub(crate) payload: Vec<u8>,
    key: [u8; 4],
}

impl Frame {
    fn new(fin: bool, opcode: Opcode, payload: &[u8]) -> Self {
        Self { fin, opcode, payload: payload.to_vec(), key: [0x37, 0xfa, 0x21, 0x3d] }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        encode_masked(self.opcode, &self.payload, self.key, out);
        out[start] &= if self.fin { 0xFF } else { 0x7F };
    }
}

pub(crate) fn control() -> impl Strategy<Value = Frame> {
    let payload = (binary(), 0..=125_usize).prop_map(|(mut bytes, length)| {
        bytes.truncate(length);
        bytes
    });
    (any::<bool>(), payload)
        .prop_map(|(ping, payload)| Frame::new(true, if ping { Opcode::Ping } else { Opcode::Pong }, &payload))
}

/// A message in 1 to 5 frames, with control frames in between.
fn message() -> impl Strategy<Value = Vec<Frame>> {
    let payload = prop_oneof![
        text().prop_map(|text| (Opcode::Text, text.into_bytes())),
        binary().prop_map(|bytes| (Opcode::Binary, bytes)),
    ];
    let cuts = prop_oneof![Just(vec![]), vec(any::<Index>(), 1..5)];
    let between = vec(prop::option::weighted(0.3, control()), 5);
    (payload, cuts, between).prop_map(|((opcode, payload), cuts, between)| {
        let parts = pieces(&payload, &cuts);
        let last = parts.len() - 1;
        let mut frames = Vec::new();
        for (i, (part, control)) in parts.into_iter().zip(between).enumerate() {
            let opcode = if i == 0 { opcode } else { Opcode::Continuation };
            frames.push(Frame::new(i == last, opcode, part));
            frames.extend(control);
        }
        frames
    })
}

/// Valid frames of a client: messages, control frames, perhaps a close at the end.
pub(crate) fn frames() -> impl Strategy<Value = Vec<Frame>> {
    let item = prop_oneof![3 => message(), 1 => control().prop_map(|frame| vec![frame])];
    let close = (code(), "[a-zé]{0,40}")
        .prop_map(|(code, text)| Frame::new(true, Opcode::Close, &[&code.to_be_bytes(), text.as_bytes()].concat()));
    (vec(item, 1..6), prop::option::of(close), vec(any::<[u8; 4]>(), 1..4)).prop_map(|(items, close, keys)| {
        let mut frames = items.concat();
        frames.extend(close);
        for (frame, key) in frames.iter_mut().zip(keys.into_iter().cycle()) {
            frame.key = key;
        }
        frames
    })
}

pub(crate) fn bytes_of(frames: &[Frame]) -> Vec<u8> {
    let mut out = Vec::new();
    for frame in frames {
        frame.write(&mut out);
    }
    out
}
