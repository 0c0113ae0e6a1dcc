//! Which files may name which foreign crate, the environment, the clock.
//!
//! A crate that is named in one place can be replaced there. A pattern that ends in
//! `*` stands for all paths that begin so.

use crate::assert_none;
use crate::source::{code_lines, names};
use crate::tree::{File, files};

/// (path that is named, files that may name it, what they are)
const MAY_NAME: &[(&str, &[&str], &str)] = &[
    ("fastwebsockets", &["gateway/src/public/upgrade.rs"], "the upgrade handshake; tests also use it as a judge"),
    ("prometheus", &["gateway/src/metrics*"], "one registry, passed down"),
    ("config", &["gateway/src/settings*"], "where settings come from"),
    ("redis", &["adapter-redis/*"], "links to Redis"),
    (
        "socket2",
        &["gateway/src/listener.rs", "gateway/src/shard/io.rs", "adapter-redis/*", "loadtest/*"],
        "socket options",
    ),
    ("tikv_jemallocator", &["gateway/src/main.rs"], "the program's allocator; a library has none to choose"),
    ("rlimit", &["gateway/src/os.rs", "loadtest/*"], "the limit of open files"),
    ("hyper", HTTP, "listeners and routes"),
    ("hyper_util", HTTP, "listeners and routes"),
    ("http_body_util", HTTP, "listeners and routes"),
    ("sha2", &["gateway/src/internal/guard.rs", "gateway/src/peers/signature.rs"], "keys of the API; proofs of nodes"),
    ("hmac", &["gateway/src/peers/signature.rs"], "proofs of nodes"),
    ("subtle", &["gateway/src/internal/guard.rs"], "keys of the API"),
    ("mio", &["loadtest/*"], "the harness's own event loop"),
    ("hdrhistogram", &["loadtest/*"], "the harness's figures"),
    ("clap", &["gateway/src/main.rs", "gateway/src/settings*", "gateway/examples/*", "loadtest/*"], "command lines"),
    ("roomcast_adapter_redis", &["gateway/src/boot*", "gateway/src/settings*"], "everything else sees the trait"),
    ("env::var", ENVIRONMENT, "only settings read the environment"),
    ("env::{", ENVIRONMENT, "only settings read the environment"),
    ("env::set_var", ENVIRONMENT, "only settings know the environment"),
    ("env::remove_var", ENVIRONMENT, "only settings know the environment"),
];

/// Files that read the environment.
const ENVIRONMENT: &[&str] = &["gateway/src/settings*"];

/// Files that speak HTTP.
const HTTP: &[&str] = &[
    "gateway/src/http.rs",
    "gateway/src/internal*",
    "gateway/src/peers*",
    "gateway/src/public*",
    "gateway/examples/*",
];

/// Core does no I/O and never asks for the time; its suite for adapters waits, though.
const NOT_IN_CORE: [&str; 7] =
    ["std::net", "std::fs", "std::thread", "tokio::net", "tokio::fs", "Instant::now", "SystemTime::now"];
const CORE_EXCEPTIONS: [&str; 1] = ["gateway/core/src/adapter/suite*"];

fn allowed(path: &str, patterns: &[&str]) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(beginning) => path.starts_with(beginning),
        None => path == *pattern,
    })
}

fn names_only_its_crates(file: &File) -> Vec<String> {
    let banned: Vec<_> = MAY_NAME.iter().filter(|(_, may, _)| !allowed(&file.path, may)).collect();
    let mut found = Vec::new();
    for (line, code) in code_lines(&file.text) {
        for (name, may, what) in &banned {
            if names(&code, name) || (name.contains("::") && code.contains(name)) {
                found.push(format!("line {line} names `{name}`; only {may:?} may: {what}"));
            }
        }
    }
    found
}

fn core_does_no_io(file: &File) -> Vec<String> {
    let found = code_lines(&file.text).into_iter().flat_map(|(line, code)| {
        let named = NOT_IN_CORE.into_iter().filter(move |name| code.contains(name));
        named.map(move |name| format!("line {line} names `{name}`: core does no I/O and never asks for the time"))
    });
    found.collect()
}

#[test]
fn crates_are_named_only_where_they_may() {
    let text = "use fastwebsockets::Frame;\nfn f() { std::env::var(\"X\") }\n#[cfg(test)]\nmod tests {\n    use redis::Client;\n}\n";
    let found = names_only_its_crates(&File::new("gateway/src/hub.rs", text));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("line 1 names `fastwebsockets`"), "{found:?}");
    assert_eq!(names_only_its_crates(&File::new("gateway/src/settings/load.rs", text)).len(), 1);
    assert!(names_only_its_crates(&File::new("gateway/src/boot.rs", "use roomcast_adapter_redis::X;")).is_empty());
    assert!(!names_only_its_crates(&File::new("gateway/src/hub.rs", "use roomcast_adapter_redis::X;")).is_empty());

    assert_none(files().iter().filter(|file| file.is_product()), names_only_its_crates);
}

#[test]
fn core_has_no_sockets_and_no_clock() {
    let text = "use std::net::TcpStream;\nlet now = Instant::now();\n";
    assert_eq!(core_does_no_io(&File::new("gateway/core/src/session.rs", text)).len(), 2);

    let core = |file: &&File| {
        file.is_product() && file.path.starts_with("gateway/core/src/") && !allowed(&file.path, &CORE_EXCEPTIONS)
    };
    assert_none(files().iter().filter(core), core_does_no_io);
}
