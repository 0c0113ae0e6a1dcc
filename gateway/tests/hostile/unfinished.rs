//! Messages that begin and do not end, or take long to: what is announced costs nothing,
//! what was sent is given up in time, and pieces cost no more than the whole.

use crate::peer::Told;
use crate::scene::Scene;
use crate::table::{LARGE, NORMAL, Speech, UNFINISHED, closes, errors, flood, goes_on, masked, text, times};

/// Two attachments announced, one sent.
fn half_a_set() -> Vec<u8> {
    let header = r#"452-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    [text(header), masked(0x82, b"abc")].concat()
}

#[test]
fn messages_without_end() {
    let mut scene = Scene::start(&[
        ("limits.message_timeout_ms", "4000"),
        ("socket_io.ping_interval_ms", "3000"),
        ("websocket.ping_interval_ms", "3000"),
    ]);
    let (plain, socket_io) = (Speech::Plain, Speech::SocketIo);
    // Between two messages and between two fragments pings can be answered, and do not help.
    let between = [
        (socket_io, half_a_set()),
        (socket_io, text("461-1[]")),
        (plain, masked(0x01, b"{")),
        (plain, [masked(0x01, b""), masked(0x00, b"")].concat()),
    ];
    // Inside a frame they can not.
    let frame = masked(0x81, &[b'x'; 100]);
    let within =
        [1, 6, 50].into_iter().flat_map(|cut| [(plain, frame[..cut].to_vec()), (socket_io, frame[..cut].to_vec())]);
    let within: Vec<_> = within.collect();
    let counters = [UNFINISHED.counter(plain), closes(plain), UNFINISHED.counter(socket_io), closes(socket_io)];
    let grows: Vec<(&str, i64)> = counters.iter().map(|counter| (counter.as_str(), 5)).collect();
    flood(&mut scene, "halves of messages, and every ping answered", 2, &grows, |node| {
        let begin = |(speech, bytes): &(Speech, Vec<u8>)| {
            let mut peer = speech.open(node);
            peer.send(bytes);
            (*speech, peer)
        };
        let answering: Vec<_> = between.iter().map(begin).collect();
        let silent: Vec<_> = within.iter().map(begin).collect();
        for (speech, mut peer) in answering {
            UNFINISHED.is_told_in_spite_of_pongs(speech, &mut peer);
        }
        for (speech, mut peer) in silent {
            UNFINISHED.is_told(speech, &mut peer);
        }
    });
    scene.end();
}

#[test]
fn what_is_announced_costs_nothing() {
    let mut scene = Scene::start(&[]);
    let broken = r#"roomcast_connections_closed_total{reason="transport_error"}"#;
    let frame = masked(0x82, &vec![7; 1_000_000]);
    flood(&mut scene, "a megabyte announced 500 times, 1,000 bytes sent", 2, &[(broken, 500)], |node| {
        let before = node.memory();
        let peers: Vec<_> = (0..500)
            .map(|_| {
                let mut peer = Speech::Plain.open(node);
                peer.send(&frame[..1000]);
                peer
            })
            .collect();
        let grown = node.memory().saturating_sub(before);
        assert!(grown < 500 * 32_768, "{grown} bytes for what was announced");
        drop(peers);
    });
    let large = r#"4510-["x",{"_placeholder":true,"num":0}]"#;
    let (closed, all) = (LARGE.counter(Speech::SocketIo), closes(Speech::SocketIo));
    let bytes = [text(large), masked(0x82, &vec![7; 300_000]).repeat(4)].concat();
    flood(&mut scene, "attachments beyond the limit", times(bytes.len()), &[(&closed, 1), (&all, 1)], |node| {
        let mut peer = Speech::SocketIo.open(node);
        peer.send(&bytes);
        LARGE.is_told(Speech::SocketIo, &mut peer);
    });
    scene.end();
}

#[test]
fn a_megabyte_in_many_pieces() {
    let mut scene = Scene::start(&[]);
    let (closed, all) = (NORMAL.counter(Speech::SocketIo), closes(Speech::SocketIo));
    let refusals = errors("no_backend");
    let message = format!(r#"42["x","{}"]"#, "é".repeat(499_980));
    let whole = text(&message);
    let fragments: Vec<u8> = message
        .as_bytes()
        .chunks(1000)
        .enumerate()
        .flat_map(|(i, piece)| masked(u8::from(i == 0), piece))
        .chain(masked(0x80, b""))
        .collect();
    for (name, bytes, piece) in [("writes of 100 bytes", &whole, 100), ("fragments of 1,000 bytes", &fragments, 999)] {
        flood(&mut scene, name, 8, &[(&refusals, 1), (&closed, 1), (&all, 1)], |node| {
            let mut peer = Speech::SocketIo.open(node);
            assert!(bytes.chunks(piece).all(|piece| peer.send(piece)), "it was closed meanwhile");
            assert!(matches!(peer.told(), Told::Text(refusal) if refusal.contains("no_backend")));
            goes_on(Speech::SocketIo, &mut peer);
        });
    }
    scene.end();
}
