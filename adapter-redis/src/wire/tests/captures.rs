//! Every capture says what it should, and what is sent has the bytes of Node.

use roomcast_core::cluster::Handshake;
use roomcast_core::id::SocketId;

use super::*;
use crate::wire::{Form, Reply, ReplyTo};

/// The steps of a file, each with what its messages say.
type Said<'a> = &'a [(&'a str, &'a [&'a str])];

/// Between two Node servers. `<a>` and `<b>` are sockets, `<own>` is the channel of the asking server.
const NODE: Said<'_> = &[
    ("startup of two nodes", &[]),
    ("broadcast to everyone", &[r#"event Reliable in / to all: ["hello",1,"2",{"a":[true,null,1.5]}]"#]),
    ("broadcast to one room", &[r#"event Reliable in / to room1: ["hello","x"]"#]),
    ("broadcast to two rooms", &[r#"event Reliable in / to room1 room2: ["hello","x"]"#]),
    ("broadcast with except", &[r#"event Reliable in / to room1 but room3: ["hello","x"]"#]),
    ("broadcast flags", &[r#"event Volatile in / to room1: ["hello","x"]"#]),
    ("local flag", &[]),
    (
        "binary payload",
        &[
            r#"event Reliable in / to room1: ["bin",{"_placeholder":true,"num":0},{"b":{"_placeholder":true,"num":1}}] 010203 ff00"#,
        ],
    ),
    ("value kinds", &[concat!("event Reliable in / to room1: ", include_str!("kinds.json"))]),
    (
        "numeric and unicode room names",
        &[r#"event Reliable in / to 42: ["n",1]"#, r#"event Reliable in / to salón/é#1: ["n",2]"#],
    ),
    ("custom namespace", &[r#"event Reliable in /custom to r: ["c",1]"#]),
    ("socket.broadcast.emit", &[r#"event Reliable in / to all but <a>: ["from-bc"]"#]),
    ("socket.to(room).emit", &[r#"event Reliable in / to room1 but <a>: ["from-to"]"#]),
    (
        "broadcast with ack",
        &[
            r#"acks 1s Reliable in / to room1: ["q",1]; <id> to <own> in /"#,
            "<id>: asked 1",
            r#"<id>: ack ["ans-b"] []"#,
        ],
    ),
    (
        "broadcast with binary ack",
        &[
            r#"acks 1s Reliable in / to room1: ["qb"]; <id> to <own> in /"#,
            "<id>: asked 1",
            r#"<id>: ack [{"_placeholder":true,"num":0}] [b"\t\x08\x07"]"#,
        ],
    ),
    (
        "broadcast with ack, nobody",
        &[r#"acks 300ms Reliable in / to nobody: ["q",1]; <id> to <own> in /"#, "<id>: asked 0"],
    ),
    ("fetchSockets", &["fetch in / all: false; <id> to <own> in /", SOCKETS]),
    ("fetchSockets in room", &["fetch in / room3: false; <id> to <own> in /", SOCKETS]),
    (
        "remote socket emit/join/leave",
        &[
            "fetch in / room3: false; <id> to <own> in /",
            SOCKETS,
            r#"event Reliable in / to <b>: ["rs",1]"#,
            "join in / <b>: rj",
            "leave in / <b>: rj",
        ],
    ),
    ("socketsJoin", &["join in / room1: r2 r3"]),
    ("socketsLeave", &["leave in / room1 but room3: r2"]),
    ("serverSideEmit", &[r#"emit in / false: ["hey",1,{"b":2}]"#]),
    ("serverSideEmit with ack", &[r#"emit in / true: ["sum",41]; <id> to <emitted> in /"#, "<id>: emitted 42"]),
    ("allSockets (deprecated)", &[]),
    ("allRooms", &["rooms in /: false; <id> to <own> in /", "<id>: rooms <b> room1 room3 r2 r3"]),
    ("disconnectSockets", &["disconnect in / nobody: false"]),
    ("disconnectSockets(true)", &["disconnect in / room1: true"]),
    ("close of node B", &[]),
];

const SOCKETS: &str = r#"<id>: sockets <b> in / ("127.0.0.1", 1795421, "socketio", "websocket") room1 room3"#;

const EMITTER: Said<'_> = &[
    ("emit to everyone", &[r#"event Reliable in / to all: ["hello",1,{"a":2}]"#]),
    ("emit to room", &[r#"event Reliable in / to room1: ["hello","x"]"#]),
    ("emit to two rooms", &[r#"event Reliable in / to room1 room2: ["hello","x"]"#]),
    ("emit with except", &[r#"event Reliable in / to room1 but room2 room3: ["hello","x"]"#]),
    ("volatile+compress", &[r#"event Volatile in / to all: ["hello"]"#]),
    (
        "binary",
        &[
            r#"event Reliable in / to room1: ["bin",{"_placeholder":true,"num":0},{"b":{"_placeholder":true,"num":1}}] 0001ff 07"#,
        ],
    ),
    ("namespace", &[r#"event Reliable in /custom to r: ["c",1]"#]),
    ("socketsJoin", &["join in / room1: r2 r3"]),
    ("socketsLeave", &["leave in / all: r2"]),
    ("disconnectSockets", &["disconnect in / room1: true"]),
    ("serverSideEmit", &[r#"emit in / false: ["hey",1,"2"]"#]),
];

const PARSER: Said<'_> = &[("json parser + key", &[r#"event Reliable in / to room1: ["hello",1]"#])];

const PYTHON: Said<'_> = &[(
    "python emitter",
    &[
        r#"event Reliable in / to all: ["hello","world",{"a":[1,2.5,null,true]}]"#,
        r#"event Reliable in / to room1: ["hello","x"]"#,
        r#"event Reliable in / to room1 room2: ["hello","two rooms"]"#,
        r#"event Reliable in / to room1 room2: ["hello","two rooms"]"#,
        r#"event Reliable in /custom to r: ["c",1]"#,
    ],
)];

/// Who reads a message: another server, or, of an answer, the one that asked.
fn reader_of(capture: &Capture, prefix: &str, format: Format, command: &Command) -> Wire {
    let channel = command.channel.as_deref().unwrap_or_default();
    if channel.contains("-response#") { asker(capture, prefix, format) } else { reader(format, prefix) }
}

fn asker(capture: &Capture, prefix: &str, format: Format) -> Wire {
    let uid = capture.steps[0].result.get("uidA").and_then(|uid| uid.as_str());
    Wire::with_uid(format, prefix, uid.unwrap_or("emitter"))
}

fn read_command(capture: &Capture, prefix: &str, format: Format, command: &Command) -> Incoming {
    let wire = reader_of(capture, prefix, format, command);
    let channel = command.channel.as_deref().expect("a channel");
    wire.read(channel.as_bytes(), &command.payload(), 0).expect("readable")
}

fn line(capture: &Capture, prefix: &str, format: Format, command: &Command) -> String {
    let incoming = read_command(capture, prefix, format, command);
    let asker = asker(capture, prefix, format);
    let own = asker.channels(&Namespace::root()).pop().expect("the last one is its own");
    let emitted = if format == Format::Classic { format!("{prefix}-response#/#") } else { own.clone() };
    let mut line = describe(&incoming);
    if line.starts_with("emit ") {
        line = line.replace(&emitted, "<emitted>");
    }
    line = line.replace(&own, "<own>");
    if let Some(id) = command.request_id() {
        line = line.replace(id, "<id>");
    }
    for (name, id) in &capture.sockets {
        line = line.replace(id, &format!("<{name}>"));
    }
    line
}

#[test]
fn every_capture_says_what_it_should() {
    let said: [Said<'_>; 8] = [NODE, NODE, NODE, NODE, NODE, EMITTER, PARSER, PYTHON];
    for ((name, prefix, format, file), said) in CAPTURES.into_iter().zip(said) {
        let capture = capture(file);
        let came: Vec<(&str, Vec<String>)> = capture
            .steps
            .iter()
            .map(|step| {
                let published = step.commands.iter().filter(|command| command.channel.is_some());
                (step.name.as_str(), published.map(|command| line(&capture, prefix, format, command)).collect())
            })
            .collect();
        assert_eq!(came.len(), said.len(), "{name}: a step that the table does not have, or the other way round");
        for ((step, came), (expected, lines)) in came.iter().zip(said) {
            assert_eq!(step, expected, "{name}");
            // The sharded format cannot list rooms, and its servers then ask nobody.
            let lines = if *step == "allRooms" && format != Format::Classic { &[] } else { *lines };
            assert_eq!(came, lines, "{name}: {step}");
        }
    }
}

/// The same message once more, as the server that sent it.
fn again(incoming: Incoming, prefix: &str, format: Format, command: &Command) -> Outgoing {
    let wire = Wire::with_uid(format, prefix, command.uid().unwrap_or_default());
    let (id, answer) = match incoming {
        Incoming::Publication(publication) => return wire.publication(&publication),
        Incoming::Asked(request, _) => {
            let id = command.request_id().unwrap_or("unused");
            return wire.request_as(&request, id, false);
        }
        Incoming::Answered(id, answer) => (id, answer),
        other => panic!("{other:?}"),
    };
    let channel = command.channel.clone().expect("a channel");
    let to = ReplyTo { channel, request_id: id, namespace: Namespace::root(), form: Form::Full };
    match &answer {
        Answered::Sockets(sockets) => wire.reply(&to, &Reply::Sockets(sockets)),
        Answered::Rooms(rooms) => wire.reply(&to, &Reply::Rooms(rooms)),
        Answered::ClientCount(count) => wire.reply(&to, &Reply::ClientCount(*count)),
        Answered::Ack(ack) => wire.reply(&to, &Reply::Ack(ack)),
        Answered::Emitted(text) => wire.reply(&to, &Reply::Emitted(text)),
    }
}

/// Messages that cannot have Node's bytes again: what of them is read and not kept.
const FLAG: &str = "a flag that no client sees";
const HANDSHAKE: &str = "a Node server's handshake and data";
const DATE: &str = "a date became text";
const NUMBER: &str = "a room's name became text";

#[test]
fn what_is_sent_has_the_bytes_of_node() {
    for (name, prefix, format, file) in CAPTURES.into_iter().take(5) {
        let capture = capture(file);
        let classic = format == Format::Classic;
        let mut other: Vec<(&str, usize, &str)> = vec![
            ("broadcast flags", 0, FLAG),
            ("value kinds", 0, DATE),
            ("numeric and unicode room names", 0, NUMBER),
            ("fetchSockets", 1, HANDSHAKE),
            ("fetchSockets in room", 1, HANDSHAKE),
            ("remote socket emit/join/leave", 1, HANDSHAKE),
            ("remote socket emit/join/leave", 2, FLAG),
        ];
        if !classic {
            other.extend([("remote socket emit/join/leave", 3, FLAG), ("remote socket emit/join/leave", 4, FLAG)]);
            other.retain(|(_, _, why)| *why != DATE);
        }
        for step in &capture.steps {
            let published = step.commands.iter().filter(|command| command.channel.is_some());
            for (index, command) in published.enumerate() {
                let ours = again(read_command(&capture, prefix, format, command), prefix, format, command);
                assert_eq!(Some(&ours.channel), command.channel.as_ref(), "{name}: {}", step.name);
                let same = ours.payload == command.payload();
                let why = other.iter().find(|(step_name, at, _)| *step_name == step.name && *at == index);
                assert_eq!(same, why.is_none(), "{name}: {} {index}: {ours:?}", step.name);
            }
        }
    }
}

#[test]
fn all_kinds_of_values_have_the_bytes_of_node() {
    let capture = capture(CAPTURES[0].3);
    let step = capture.steps.iter().find(|step| step.name == "value kinds").expect("there");
    let ours = bare(include_str!("kinds.json"), &[], &["room1"], &[]);
    let ours = Wire::with_uid(Format::Classic, "socket.io", "-lxCdy").publication(&ours);
    // Dates are text by the time that they are here.
    let date = |text: &str| format!("b8{}", digits(text.as_bytes()));
    let node = step.commands[0].payload_hex.replacen("d6ff6553f100", &date("2023-11-14T22:13:20.000Z"), 1);
    let at = node.find("d7ff").expect("a date with milliseconds");
    let node = node.replacen(&node[at..at + 20], &date("2023-11-14T22:13:20.123Z"), 1);
    assert_eq!(ours.payload, hex(&node));
}

/// What a server of the capture answers to `fetchSockets`, from what is known here of such a socket.
#[test]
fn a_socket_is_described_as_node_does() {
    for (name, prefix, format, file) in CAPTURES.into_iter().take(5) {
        let capture = capture(file);
        let step = capture.steps.iter().find(|step| step.name == "fetchSockets").expect("there");
        let command = step.commands.iter().filter(|command| command.channel.is_some()).nth(1).expect("the answer");
        let Incoming::Answered(id, Answered::Sockets(mut sockets)) = read_command(&capture, prefix, format, command)
        else {
            panic!("no sockets in {name}");
        };
        let decoded = &command.payload_decoded;
        let theirs = decoded.get("sockets").or_else(|| decoded["data"].get("sockets")).expect("sockets");
        let theirs = &theirs[0]["handshake"];
        let payload = String::from_utf8(command.payload()).expect("JSON");
        // In the order of the capture, which a tree of JSON does not keep.
        let members = |of: &str| {
            let text = payload.split_once(&format!("\"{of}\":{{")).and_then(|(_, rest)| rest.split_once('}'));
            let members = text.expect("an object").0.split("\",\"").filter(|member| !member.is_empty());
            members
                .map(|member| {
                    let (name, _) = member.trim_matches('"').split_once("\":\"").expect("a member");
                    (name.to_owned(), theirs[of][name].as_str().expect("text").to_owned())
                })
                .collect()
        };
        let handshake = Handshake {
            path: theirs["url"].as_str().expect("text").to_owned(),
            headers: members("headers"),
            query: members("query"),
            auth: Vec::new(),
        };
        sockets[0].handshake = Some(std::sync::Arc::new(handshake));
        let channel = command.channel.clone().expect("a channel");
        let to = ReplyTo { channel, request_id: id, namespace: Namespace::root(), form: Form::Full };
        let wire = Wire::with_uid(format, prefix, command.uid().unwrap_or_default());
        let ours = wire.reply(&to, &Reply::Sockets(&sockets));
        assert_eq!(text(&ours), payload.replace(r#""data":{"user":"B"}"#, r#""data":{}"#), "{name}");

        let ids = wire.reply(&ReplyTo { form: Form::Ids, ..to.clone() }, &Reply::Sockets(&sockets));
        assert!(text(&ids).contains(&format!(r#""sockets":["{}"]"#, capture.sockets["b"])), "{name}");
        assert!(SocketId::parse(&capture.sockets["b"]).is_some());
    }
}

#[test]
fn an_own_message_is_known_by_its_uid() {
    for (name, prefix, format, file) in CAPTURES.into_iter().take(5) {
        let capture = capture(file);
        let mut own = 0;
        for command in capture.steps.iter().flat_map(|step| &step.commands) {
            let (Some(channel), Some(uid)) = (&command.channel, command.uid()) else { continue };
            let wire = Wire::with_uid(format, prefix, uid);
            let incoming = wire.read(channel.as_bytes(), &command.payload(), 0);
            assert!(matches!(incoming, Ok(Incoming::Own)), "{name}: {incoming:?}");
            own += 1;
        }
        assert!(own > 20, "{name}: {own}");
    }
}

#[test]
fn the_channels_are_those_of_node() {
    for (name, prefix, format, file) in CAPTURES.into_iter().take(5) {
        let capture = capture(file);
        let channels = asker(&capture, prefix, format).channels(&Namespace::root());
        let subscribed: Vec<&String> = capture.steps[0].commands.iter().flat_map(|command| &command.args).collect();
        for channel in &channels {
            // A pattern there; here the namespace's own channel, and one for each room.
            let pattern = format!("{channel}*");
            assert!(subscribed.iter().any(|known| *known == channel || **known == pattern), "{name}: {channel}");
        }
        let counted = reader(format, prefix).counted(&Namespace::root());
        let asks = capture
            .steps
            .iter()
            .flat_map(|step| &step.commands)
            .find(|command| command.args.first().is_some_and(|word| word.ends_with("NUMSUB")));
        assert_eq!(asks.expect("somebody counts").args[1], counted, "{name}");
        assert!(channels.contains(&counted));
    }
}
