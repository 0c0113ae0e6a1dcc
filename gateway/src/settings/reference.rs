//! The generated pages: `docs/configuration.md` and `docs/roomcast.example.toml`.

use std::fmt::Write as _;

use super::change::Effect;
use super::section::{Entry, Row, Section as _};
use super::sections::Settings;
use super::variables::{ENV_CONFIG, ENV_PREFIX};
use crate::limits::{FIXED, Fixed};

/// Every section and setting, in the order of the pages.
pub(super) fn entries() -> Vec<Entry> {
    Settings::default().document("")
}

const HEAD: &str = "\
<!-- Generated from gateway/src/settings/sections.rs by `make docs-write`; do not edit. -->
# Configuration

Roomcast runs without any configuration: on loopback, in memory, open to anonymous clients and
publishers. Settings come from, later ones winning:

1. the defaults below;
2. one file, TOML (`.toml`) or YAML (`.yaml`, `.yml`): `roomcast --config roomcast.toml`, or its path in the
   variable `ROOMCAST_CONFIG`; [`roomcast.example.toml`](roomcast.example.toml) has every setting with its default;
3. environment variables `ROOMCAST__SECTION__KEY`, such as `ROOMCAST__PUBLIC__ADDRESS=0.0.0.0:8080`. Lists are
   separated by commas; lists of tables need the file.

An unknown key, a value of the wrong type or out of range, and a missing safeguard keep the node from starting, with
exit code 64; the message names the key, the file and line or the variable, and what belongs there. So does a variable
that begins with `ROOMCAST_` alone and is nearly a setting's; any other is left alone.

**Open mode**: both listeners on loopback and no `internal.keys`. Anything else is guarded: a public address beyond
loopback needs `auth.anonymous = true` (this version has no client authentication), an internal one needs
`internal.keys`.

## Commands

- `roomcast check-config` checks the settings as a start would, and says what was read. Exit code 0, or 64 with the
  errors.
- `roomcast print-config` prints every setting in force with its origin, as TOML that loads again once masked secrets
  are put back. Exit codes as above.
- `roomcast healthcheck` asks `/readyz` (with `--live` `/livez`) at `internal.address`, or at `--address`. Exit code 0,
  or 1 with the reason. For containers: the image needs no shell.

All take `--config FILE`. A health check that names `--address` needs no settings, and so still works while the file
is being edited.

## Reload

On SIGHUP the node reads the same file and the environment that it was started with again. Settings marked *yes*
under *reload* take effect at once, for clients that are connected too: keys, origins, limits, the drain, the level of
the log. Any other is marked *restart*: it stays as it is, and the log names it at every reload until there was one.

- All or nothing: settings that a start would refuse, or that do not fit those that need a restart, change nothing. The
  log says why, and `roomcast_config_last_reload_successful` is 0 until a reload succeeds.
- A key is exchanged without a gap: add the new one, reload, have backends use it, take the old one out, reload. A
  stream that was opened with a key that is gone publishes no more: its next line is answered `unauthorized`, and the
  stream ends. The first key and the last one need a restart: no reload opens the API, or guards it.
- A lower `limits.connections_max` closes nobody; a lower bound of an outbox closes those that are beyond it when they
  next exceed it. The limits of request heads, and the time for
  unread answers, hold for new HTTP connections; clients that were told
  `limits.message_bytes_max` in their handshake are not told again.
";

/// The text of `docs/configuration.md`.
pub fn configuration() -> String {
    debug_assert!(HEAD.contains(ENV_CONFIG) && HEAD.contains(ENV_PREFIX));
    let mut page = HEAD.to_owned();
    for entry in entries() {
        // Writing to a `String` cannot fail.
        let _ = match entry {
            Entry::Section { key, what } => write!(
                page,
                "\n## {key}\n\n{what}\n\n| key | type | default | unit | allowed | environment variable | reload | what |\n\
                 | --- | --- | --- | --- | --- | --- | --- | --- |\n",
                key = if key.ends_with("[]") { format!("[[{}]]", key.trim_end_matches("[]")) } else { key },
            ),
            Entry::Setting(row) => writeln!(page, "{}", line(&row)),
        };
    }
    page + &fixed_limits()
}

const FIXED_HEAD: &str = "
## Fixed limits

What no setting changes.

| what | limit | unit | beyond it |
| --- | --- | --- | --- |
";

fn fixed_limits() -> String {
    let mut table = FIXED_HEAD.to_owned();
    for Fixed { what, value, unit, beyond } in FIXED {
        // Writing to a `String` cannot fail.
        let _ = writeln!(table, "| {what} | {value} | {unit} | {beyond} |");
    }
    table
}

fn line(row: &Row) -> String {
    let env = row.env.as_ref().map_or_else(|| "file only".to_owned(), |name| format!("`{name}`"));
    let cells = [
        format!("`{}`", row.key),
        row.kind.to_owned(),
        if required(row) { "required".to_owned() } else { format!("`{}`", row.default) },
        row.unit.to_owned(),
        row.allowed.clone(),
        env,
        row.effect.word().to_owned(),
        row.what.to_owned(),
    ];
    format!("| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
}

/// Keys are the one thing that has no usable default.
fn required(row: &Row) -> bool {
    row.key.starts_with("internal.keys[]")
}

const EXAMPLE_HEAD: &str = "\
# Every setting of Roomcast with its default, generated by `make docs-write`.
# Copy what you change; the rest needs no line. docs/configuration.md says more.
# What is marked (reload) also changes while the node runs: edit the file, then send SIGHUP.
";

const EXAMPLE_KEY: &str = r#"# One table for each key; `printf %s "$SECRET" | sha256sum` prints the hash.
# [[internal.keys]]
# id = "backend"
# sha256 = "<64 hexadecimal digits>"
# scopes = ["publish", "rooms", "connections", "read"]
"#;

/// The text of `docs/roomcast.example.toml`: it loads, and equals the defaults.
pub fn example() -> String {
    let mut page = EXAMPLE_HEAD.to_owned();
    for entry in entries() {
        // Writing to a `String` cannot fail.
        let _ = match entry {
            Entry::Section { key, .. } if key == "internal.keys[]" => write!(page, "\n{EXAMPLE_KEY}"),
            Entry::Section { key, what } => {
                let table = if key.ends_with("[]") {
                    format!("[[{}]]", key.trim_end_matches("[]"))
                } else {
                    format!("[{key}]")
                };
                write!(page, "\n{}{table}\n", comment(what))
            }
            Entry::Setting(row) if required(&row) => Ok(()),
            Entry::Setting(row) => {
                let name = row.key.rsplit('.').next().unwrap_or(&row.key);
                let mark = if row.effect == Effect::Reload { " (reload)" } else { "" };
                writeln!(page, "{}{name} = {}", comment(&format!("{}{mark}", row.what)), row.default)
            }
        };
    }
    page
}

/// Comment lines of at most 100 characters.
fn comment(text: &str) -> String {
    let mut lines = String::new();
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.len() + word.len() >= 100 {
            lines.push_str(&line);
            lines.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    lines + &line + "\n"
}
