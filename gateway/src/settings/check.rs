//! Rules of texts, rules between settings, and which safeguards a listener needs.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::kinds::{AdapterKind, RedisFormat, RedisTopology, Scope};
use super::origin::OriginRule;
use super::reader::Reader;
use super::sections::Settings;
use super::value::Rule;
use crate::limits::TEXT_BYTES_MAX;

/// To whom a node is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The open development mode: both listeners are on loopback and the API has no
    /// keys. Clients and publishers are anonymous, clients may publish, the demo page
    /// is served.
    Open,
    /// Anything else: the API asks for a key if there are keys.
    Guarded,
}

pub(super) fn mode(settings: &Settings) -> Mode {
    let local = settings.public.address.ip().is_loopback() && settings.internal.address.ip().is_loopback();
    if local && settings.internal.keys.is_empty() { Mode::Open } else { Mode::Guarded }
}

/// Names that Socket.IO keeps for itself (its documentation, "reserved events").
const RESERVED_EVENTS: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

pub(super) fn text(text: &str, rule: Rule) -> Result<(), String> {
    if text.len() > TEXT_BYTES_MAX || text.chars().any(char::is_control) {
        return Err(format!("must have at most {TEXT_BYTES_MAX} bytes and no control characters"));
    }
    match rule {
        Rule::Token | Rule::Event if text.is_empty() => Err("must not be empty".into()),
        Rule::Token if !text.bytes().all(|c| c.is_ascii_graphic()) => {
            Err(format!("must be visible ASCII characters without spaces, as headers carry them, not {text:?}"))
        }
        Rule::Event if RESERVED_EVENTS.contains(&text) => Err(format!("{text:?} is a name of the protocol's own")),
        Rule::Path => path(text),
        Rule::Namespace => roomcast_core::room::Namespace::new(text)
            .map(|_| ())
            .map_err(|error| format!("{text:?} is not a namespace: {error}")),
        Rule::Filter => filter(text),
        Rule::Address => address(text),
        _ => Ok(()),
    }
}

fn path(text: &str) -> Result<(), String> {
    let plain = text.bytes().all(|c| c.is_ascii_alphanumeric() || b"/-._~".contains(&c));
    if !text.starts_with('/') {
        Err(format!("must begin with \"/\", not {text:?}"))
    } else if !plain || trimmed(text).is_empty() || text.contains("//") {
        Err(format!("must be a path of letters, digits and \"-._~\" below \"/\", not {text:?}"))
    } else {
        Ok(())
    }
}

/// A bare word would be taken for a target, so that a misspelt level silences all logs.
fn filter(text: &str) -> Result<(), String> {
    let words = text.split(',').map(str::trim);
    if words.clone().all(str::is_empty) {
        return Err("must not be empty: it is a level (error, warn, info, debug, trace, off)".into());
    }
    for word in words {
        if !text.contains('[') && !word.contains('=') && word.parse::<LevelFilter>().is_err() {
            return Err(format!(
                "{word:?} is neither a level (error, warn, info, debug, trace, off) nor \"target=level\""
            ));
        }
    }
    // Found by fuzzing: as a regular expression a field's value can take minutes and gigabytes to compile.
    EnvFilter::builder().with_regex(false).parse(text).map(|_| ()).map_err(|error| error.to_string())
}

fn address(text: &str) -> Result<(), String> {
    let parts = text.rsplit_once(':').filter(|(host, _)| !host.is_empty() && !host.contains(['/', '@', ' ']));
    match parts.and_then(|(_, port)| port.parse::<u16>().ok()) {
        Some(port) if port > 0 => Ok(()),
        _ => Err(format!("must be a host and a port, such as \"redis:6379\", not {text:?}")),
    }
}

fn trimmed(path: &str) -> &str {
    path.trim_end_matches('/')
}

/// Reports everything about `settings` that no single value shows.
pub(super) fn relations(settings: &Settings, reader: &mut Reader) {
    listeners(settings, reader);
    keys(settings, reader);
    protocols(settings, reader);
    limits(settings, reader);
    namespaces(settings, reader);
    cluster(settings, reader);
}

/// Where other nodes are told to reach this one: somewhere that they can.
fn advertised(settings: &Settings, reader: &mut Reader) {
    let advertise = &settings.cluster.advertise;
    let internal = settings.internal.address;
    if advertise.is_empty() {
        if internal.ip().is_unspecified() {
            reader.missing(
                "cluster.advertise",
                format!(
                    "internal.address = \"{internal}\" is all addresses of this machine, and other nodes need one; set \
                     cluster.advertise to the ip:port at which they reach it"
                ),
            );
        }
        return;
    }
    match advertise.parse::<SocketAddr>() {
        Ok(address) if !address.ip().is_unspecified() && address.port() > 0 => {}
        _ => reader.invalid(
            "cluster.advertise",
            format!("must be an IP address and a port at which other nodes reach this one, such as \"10.0.0.5:9090\", not {advertise:?}"),
        ),
    }
}

/// Shortest secret between nodes.
const CLUSTER_SECRET_CHARS: usize = 32;

/// Parts of the names of what may carry a credential.
const CREDENTIALS: [&str; 10] =
    ["authorization", "cookie", "token", "secret", "password", "passwd", "credential", "api-key", "api_key", "apikey"];

/// What other servers may know must not let them be somebody else.
fn handshakes(settings: &Settings, reader: &mut Reader) {
    let cluster = &settings.cluster;
    for (key, names) in [
        ("cluster.handshake_headers", &cluster.handshake_headers),
        ("cluster.handshake_query", &cluster.handshake_query),
        ("cluster.handshake_auth", &cluster.handshake_auth),
    ] {
        for name in names {
            let lower = name.to_ascii_lowercase();
            if CREDENTIALS.iter().any(|part| lower.contains(part)) || lower == "sid" {
                let why = format!("{name:?} may carry a credential, and no other server is told one: leave it out");
                reader.invalid(key, why);
            }
        }
    }
}

fn cluster(settings: &Settings, reader: &mut Reader) {
    handshakes(settings, reader);
    if settings.adapter.kind != AdapterKind::Redis {
        return;
    }
    let secret = settings.cluster.secret.expose();
    if secret.is_empty() {
        reader.missing(
            "cluster.secret",
            "adapter.kind = \"redis\" joins several nodes, which forward clients' requests to each other; set \
             cluster.secret to the same 32 or more random characters on all of them (`openssl rand -hex 32`)"
                .to_owned(),
        );
    } else if secret.chars().count() < CLUSTER_SECRET_CHARS {
        reader.invalid("cluster.secret", format!("must have at least {CLUSTER_SECRET_CHARS} characters"));
    }
    advertised(settings, reader);
    redis(settings, reader);
}

fn redis(settings: &Settings, reader: &mut Reader) {
    if settings.redis.addresses.is_empty() {
        reader.invalid("redis.addresses", "must name at least one server");
    }
    let topology = settings.redis.topology;
    if topology == RedisTopology::Standalone && settings.redis.addresses.len() > 1 {
        reader.invalid(
            "redis.addresses",
            "names several servers, of which redis.topology = \"standalone\" takes one; set it to \"sentinel\" or \"cluster\"",
        );
    }
    // The other way round works: each master hears all that is published in the classic way.
    let formats = (settings.redis.format, settings.redis.ingest_format);
    if topology == RedisTopology::Cluster
        && !settings.redis.ingest_prefix.is_empty()
        && formats == (RedisFormat::Classic, RedisFormat::Sharded)
    {
        reader.invalid(
            "redis.ingest_format",
            "must not be \"sharded\" while redis.format is \"classic\" and redis.topology is \"cluster\": the classic \
             format has one link to one master, which does not hear what is published in the sharded one on the \
             others; set redis.format to \"sharded\", or leave redis.ingest_prefix out",
        );
    }
    let (prefix, ingest) = (&settings.redis.prefix, &settings.redis.ingest_prefix);
    if prefix == ingest {
        reader.invalid("redis.ingest_prefix", "must differ from redis.prefix");
    }
    for (key, prefix) in [("redis.prefix", prefix), ("redis.ingest_prefix", ingest)] {
        if prefix.starts_with("roomcast:") {
            reader.invalid(key, "must not begin with \"roomcast:\": so begin the gateway's own channels");
        }
    }
}

fn listeners(settings: &Settings, reader: &mut Reader) {
    let (public, internal) = (settings.public.address, settings.internal.address);
    if clash(public, internal) {
        let why = if public == internal { "too" } else { "with the same port" };
        reader.invalid("internal.address", format!("must differ from public.address, which is {public} {why}"));
    }
    if !public.ip().is_loopback() && !settings.auth.anonymous {
        reader.missing(
            "auth.anonymous",
            format!(
                "public.address = \"{public}\" is not loopback, and this version has no client authentication; \
                 set auth.anonymous = true to serve whoever reaches it, or a loopback public.address"
            ),
        );
    }
    if !internal.ip().is_loopback() && settings.internal.keys.is_empty() {
        reader.missing(
            "internal.keys",
            format!(
                "internal.address = \"{internal}\" is not loopback; add a table [[internal.keys]] with id, sha256 \
                 and scopes, or set a loopback internal.address"
            ),
        );
    }
    if settings.public.cors_credentials && settings.public.origins.contains(&OriginRule::Any) {
        reader.invalid("public.cors_credentials", "must not be true while public.origins has \"*\": list the origins");
    }
}

/// Whether one machine cannot listen on both: `0.0.0.0` takes in every IPv4 address, `[::]` all addresses.
fn clash(a: SocketAddr, b: SocketAddr) -> bool {
    let takes_in = |all: IpAddr, one: IpAddr| all == one || (all.is_unspecified() && (all.is_ipv6() || one.is_ipv4()));
    a.port() == b.port() && a.port() != 0 && (takes_in(a.ip(), b.ip()) || takes_in(b.ip(), a.ip()))
}

/// SHA-256 of nothing: what hashing a variable yields that is not set.
const NO_SECRET: [u8; 32] = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
    0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

fn keys(settings: &Settings, reader: &mut Reader) {
    let mut ids = HashSet::new();
    let mut digests: Vec<&[u8; 32]> = Vec::new();
    for (i, key) in settings.internal.keys.iter().enumerate() {
        let at = |field: &str| format!("internal.keys[{i}].{field}");
        for (field, absent) in
            [("id", key.id.is_empty()), ("sha256", *key.sha256.expose() == [0; 32]), ("scopes", key.scopes.is_empty())]
        {
            if absent {
                reader.missing(&at(field), "every key needs id, sha256 and scopes");
            }
        }
        if *key.sha256.expose() == NO_SECRET {
            let why = "is that of an empty secret: perhaps $SECRET was not set; set it, and hash it again";
            reader.invalid(&at("sha256"), why);
        }
        if !ids.insert(&key.id) {
            reader.invalid(&at("id"), format!("{:?} is the id of an earlier key", key.id));
        }
        if digests.contains(&key.sha256.expose()) {
            reader.invalid(&at("sha256"), "is that of an earlier key");
        }
        digests.push(key.sha256.expose());
        if key.scopes.iter().collect::<HashSet<&Scope>>().len() < key.scopes.len() {
            reader.invalid(&at("scopes"), "names a scope twice");
        }
    }
}

fn protocols(settings: &Settings, reader: &mut Reader) {
    let socket_io = &settings.socket_io;
    if trimmed(&socket_io.path) == trimmed(&settings.websocket.path) {
        reader.invalid("websocket.path", format!("must differ from socket_io.path, which is {:?}", socket_io.path));
    }
    if !socket_io.polling && !socket_io.websocket {
        reader
            .invalid("socket_io.websocket", "must be true while socket_io.polling is false: clients need a transport");
    }
    let mut events = HashSet::new();
    for (key, event) in [
        ("socket_io.event_subscribe", &socket_io.event_subscribe),
        ("socket_io.event_unsubscribe", &socket_io.event_unsubscribe),
        ("socket_io.event_publish", &socket_io.event_publish),
        ("socket_io.event_error", &socket_io.event_error),
    ] {
        if !events.insert(event) {
            reader.invalid(key, format!("{event:?} is the name of another event already"));
        }
    }
}

fn limits(settings: &Settings, reader: &mut Reader) {
    let limits = &settings.limits;
    for (key, size) in [
        ("limits.message_bytes_max", limits.message_bytes_max),
        ("limits.publish_body_bytes_max", limits.publish_body_bytes_max),
    ] {
        if size > limits.mailbox_bytes_max {
            let mailbox = limits.mailbox_bytes_max;
            reader.invalid(key, format!("must not be beyond limits.mailbox_bytes_max, which is {mailbox}, not {size}"));
        }
    }
    let drain = &settings.drain;
    if drain.delay_ms >= drain.deadline_ms {
        let (delay, deadline) = (drain.delay_ms, drain.deadline_ms);
        reader.invalid("drain.delay_ms", format!("must be below drain.deadline_ms, which is {deadline}, not {delay}"));
    }
}

fn namespaces(settings: &Settings, reader: &mut Reader) {
    if settings.namespaces.is_empty() {
        reader.invalid("namespaces", "must have at least one entry, or clients have nothing to connect to");
    }
    let mut names = HashSet::new();
    for (i, namespace) in settings.namespaces.iter().enumerate() {
        if !names.insert(&namespace.name) {
            reader.invalid(
                &format!("namespaces[{i}].name"),
                format!("{:?} is the name of an earlier one", namespace.name),
            );
        }
    }
}
