//! Whatever comes, it is read or refused.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::wire::gateways;

const FORMATS: [Format; 2] = [Format::Classic, Format::Sharded(Mode::DynamicPrivate)];
const CHANNELS: [&str; 6] = [
    "socket.io#/#",
    "socket.io#/#room1#",
    "socket.io-request#/#",
    "socket.io-response#/#",
    "socket.io-response#/#reader#",
    "socket.io#/custom#",
];

/// Reads it everywhere; what was read can be sent.
fn read_everywhere(payload: &[u8]) {
    for format in FORMATS {
        for channel in CHANNELS {
            match reader(format, "socket.io").read(channel.as_bytes(), payload, 1) {
                Ok(Incoming::Publication(publication)) => {
                    let _ = reader(format, "socket.io").publication(&publication);
                }
                Ok(Incoming::Asked(request, _)) => {
                    let _ = reader(format, "socket.io").request(&request, "id");
                }
                _ => {}
            }
        }
    }
    let _ = gateways::decode(payload);
    let _ = std::str::from_utf8(payload).map(gateways::decode_node);
}

static PAYLOADS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let captures = CAPTURES.iter().map(|(_, _, _, text)| capture(text));
    let commands = captures.flat_map(|capture| capture.steps).flat_map(|step| step.commands);
    commands.filter(|command| command.channel.is_some()).map(|command| command.payload()).collect()
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_read_or_refused(payload in proptest::collection::vec(any::<u8>(), 0..200)) {
        read_everywhere(&payload);
    }

    #[test]
    fn broken_messages_are_read_or_refused(
        which in any::<prop::sample::Index>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..6),
    ) {
        let mut payload = which.get(&PAYLOADS).clone();
        for (at, byte, how) in changes {
            let at = at.index(payload.len().max(1));
            match how {
                0 => payload.truncate(at),
                1 => payload.insert(at, byte),
                2 if at < payload.len() => { payload.remove(at); }
                _ if at < payload.len() => payload[at] = byte,
                _ => {}
            }
        }
        read_everywhere(&payload);
    }
}
