//! Rows of one shape: over a fresh WebSocket something is sent, and either the connection is
//! closed for one reason, or one message answers it and the connection goes on.

use roomcast_core::websocket::{Opcode, encode_masked};

use crate::peer::{Peer, Told};
use crate::scene::{Row, Scene, TIMES_OF_SMALL_MIN};

/// Bytes that the repetitions of one row send at most, about.
const BYTES_OF_A_ROW: usize = 16 << 20;

/// What is spoken over a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speech {
    Plain,
    SocketIo,
    /// Raw messages that come back.
    Echo,
}

/// Why a connection is closed: the counter's label, and the close code.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    reason: &'static str,
    code: u16,
    /// Socket.IO gets a close frame without a code, as from the reference server.
    hidden: bool,
}

const fn end(reason: &'static str, code: u16, hidden: bool) -> End {
    End { reason, code, hidden }
}

pub(crate) const NORMAL: End = end("normal", 1000, false);
pub(crate) const PROTOCOL: End = end("protocol_error", 1002, true);
pub(crate) const DATA: End = end("unsupported_data", 1003, false);
pub(crate) const TEXT: End = end("invalid_text", 1007, false);
pub(crate) const POLICY: End = end("policy_violation", 1008, false);
pub(crate) const LARGE: End = end("too_large", 1009, false);
pub(crate) const SLOW: End = end("slow_consumer", 1013, false);
pub(crate) const UNFINISHED: End = end("message_timeout", 1013, false);

impl Speech {
    fn label(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::SocketIo => "socketio",
            Self::Echo => "raw",
        }
    }

    /// A fresh WebSocket, in a namespace and greeted.
    pub(crate) fn open(self, node: &crate::node::Node) -> Peer {
        match self {
            Self::Plain => {
                let mut peer = node.peer().upgrade("/ws");
                assert!(matches!(peer.told(), Told::Text(hello) if hello.contains(r#""type":"hello""#)));
                peer
            }
            Self::SocketIo => {
                let mut peer = Self::handshake(node);
                peer.text("40");
                assert!(matches!(peer.told(), Told::Text(connected) if connected.starts_with("40{")));
                peer
            }
            Self::Echo => node.peer().upgrade("/echo"),
        }
    }

    /// A Socket.IO session that has joined nothing yet.
    pub(crate) fn handshake(node: &crate::node::Node) -> Peer {
        let mut peer = node.peer().upgrade("/socket.io/?EIO=4&transport=websocket");
        assert!(matches!(peer.told(), Told::Text(open) if open.starts_with("0{")));
        peer
    }

    /// A command, and what its success looks like.
    fn sign_of_life(self) -> (&'static str, &'static str) {
        match self {
            Self::Plain => (r#"{"type":"subscribe","id":"alive","room":"alive"}"#, r#""id":"alive","rooms":["alive"]"#),
            Self::SocketIo => (r#"42999["subscribe","alive"]"#, r#"43999[{"ok":true"#),
            Self::Echo => ("alive", "alive"),
        }
    }
}

impl End {
    /// The counter of closes for this reason.
    pub(crate) fn counter(self, speech: Speech) -> String {
        let (protocol, reason) = (speech.label(), self.reason);
        format!(r#"roomcast_connections_closed_total{{protocol="{protocol}",reason="{reason}"}}"#)
    }

    /// Asserts that the server closes so, although its pings are answered.
    pub(crate) fn is_told_in_spite_of_pongs(self, speech: Speech, peer: &mut Peer) {
        let mut pongs = 0;
        loop {
            match peer.told_or_pinged() {
                Told::Ping(payload) => assert!(peer.frame(Opcode::Pong, payload)),
                Told::Text(ping) if ping == "2" && speech == Speech::SocketIo => assert!(peer.text("3")),
                told => {
                    assert_eq!((told, pongs > 0), (Told::Close(Some(self.code)), true), "{speech:?}");
                    return;
                }
            }
            pongs += 1;
            assert!(pongs < 5, "{speech:?} is kept alive by its pongs");
        }
    }

    /// Asserts that the server closes so.
    pub(crate) fn is_told(self, speech: Speech, peer: &mut Peer) {
        let code = (!(self.hidden && speech == Speech::SocketIo)).then_some(self.code);
        assert_eq!(peer.close_code(), code, "{speech:?}");
    }
}

/// Closes of a protocol, for whatever reason.
pub(crate) fn closes(speech: Speech) -> String {
    format!(r#"roomcast_connections_closed_total{{protocol="{}"}}"#, speech.label())
}

/// The counter of refusals with `code`.
pub(crate) fn errors(code: &str) -> String {
    format!(r#"roomcast_client_errors_total{{code="{code}"}}"#)
}

/// How often a row that sends so much is measured; of those that send little there are hundreds.
pub(crate) fn times(bytes: usize) -> usize {
    (BYTES_OF_A_ROW / bytes.max(1)).clamp(16, TIMES_OF_SMALL_MIN)
}

/// A client's text message.
pub(crate) fn text(text: &str) -> Vec<u8> {
    masked(0x81, text.as_bytes())
}

/// A client's frame with this first byte: FIN, RSV and opcode.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    encode_masked(Opcode::Binary, payload, [0x37, 0xfa, 0x21, 0x3d], &mut frame);
    frame[0] = first;
    frame
}

/// `bytes` end the connection, of each protocol.
pub(crate) fn ends(scene: &mut Scene, name: &str, speeches: &[Speech], bytes: &[u8], end: End) {
    let counters: Vec<String> = speeches.iter().flat_map(|speech| [end.counter(*speech), closes(*speech)]).collect();
    let grows: Vec<(&str, i64)> = counters.iter().map(|counter| (counter.as_str(), 1)).collect();
    let act = |node: &crate::node::Node| {
        for speech in speeches {
            let mut peer = speech.open(node);
            peer.send(bytes);
            end.is_told(*speech, &mut peer);
        }
    };
    scene.play(&Row { name, times: times(bytes.len() * speeches.len()), grows: &grows, act: &act });
}

/// A text message is refused with `code`, and the connection goes on.
pub(crate) fn refused(scene: &mut Scene, speech: Speech, name: &str, message: &str, code: &str) {
    let (errors, says) = (errors(code), format!(r#""code":"{code}""#));
    answered(scene, speech, name, message, &says, &[(&errors, 1), ("roomcast_client_errors_total", 1)]);
}

/// A text message is answered by one that has `says` in it, and the connection goes on.
pub(crate) fn answered(
    scene: &mut Scene,
    speech: Speech,
    name: &str,
    message: &str,
    says: &str,
    grows: &[(&str, i64)],
) {
    let (closed, all) = (NORMAL.counter(speech), closes(speech));
    let grows: Vec<(&str, i64)> = grows.iter().copied().chain([(closed.as_str(), 1), (all.as_str(), 1)]).collect();
    let act = |node: &crate::node::Node| {
        let mut peer = speech.open(node);
        peer.text(message);
        let told = peer.told();
        assert!(matches!(&told, Told::Text(text) if text.contains(says)), "no {says} in {told:?}");
        goes_on(speech, &mut peer);
    };
    scene.play(&Row { name, times: times(message.len()), grows: &grows, act: &act });
}

/// All of a table once more, one after the other, often enough for small leaks to show:
/// whatever is done with each, the close behind it ends the connection.
pub(crate) fn in_turn(scene: &mut Scene, speeches: &[Speech], inputs: &[Vec<u8>]) {
    let turn = std::cell::Cell::new(0);
    scene.row("all of them in turn", &[], |node| {
        let input = &inputs[turn.replace(turn.get() + 1) % inputs.len()];
        for speech in speeches {
            let mut peer = speech.open(node);
            peer.send([input, masked(0x88, b"").as_slice()].concat());
            peer.rest();
        }
    });
}

/// A row of a shape of its own.
pub(crate) fn flood(
    scene: &mut Scene,
    name: &str,
    times: usize,
    grows: &[(&str, i64)],
    act: impl Fn(&crate::node::Node),
) {
    scene.play(&Row { name, times, grows, act: &act });
}

/// Asserts that the connection works, then closes it.
pub(crate) fn goes_on(speech: Speech, peer: &mut Peer) {
    let (command, success) = speech.sign_of_life();
    peer.text(command);
    let told = peer.told();
    assert!(matches!(&told, Told::Text(text) if text.contains(success)), "no life in {told:?}");
    peer.frame(Opcode::Close, 1000_u16.to_be_bytes());
    NORMAL.is_told(speech, peer);
}
