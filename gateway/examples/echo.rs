//! A gateway with its backend in the same process.
//!
//! It greets every client with the event `auth` and what the client authenticated with,
//! answers `message` by `message-back` and `message-with-ack` by an acknowledgement, both
//! with the same arguments, in the namespaces `/` and `/custom`. Clients that authenticate
//! with `{"bad":1}` are refused. At `/echo` it echoes raw WebSocket messages.
//!
//! ```sh
//! cargo run --example echo -- --ping-interval-ms 300 --ping-timeout-ms 200
//! ```

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use clap::Parser;
use roomcast::settings::{Namespace, Settings};
use roomcast::{Client, ClientEvents, Decision, Gateway, Refusal};
use roomcast_core::publication::Payload;

/// Echoes what Socket.IO clients, plain clients and raw WebSockets send.
#[derive(Parser)]
struct Arguments {
    /// Settings file, TOML or YAML, as for the gateway itself.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Time from one ping to the next, in place of the setting.
    #[arg(long, value_name = "MS")]
    ping_interval_ms: Option<u64>,
    /// Time a client has to answer a ping, in place of the setting.
    #[arg(long, value_name = "MS")]
    ping_timeout_ms: Option<u64>,
    /// Bytes of one message at most, in place of the setting.
    #[arg(long, value_name = "BYTES")]
    message_bytes_max: Option<usize>,
}

impl Arguments {
    fn apply(&self, settings: &mut Settings) {
        let socket_io = &mut settings.socket_io;
        socket_io.ping_interval_ms = self.ping_interval_ms.unwrap_or(socket_io.ping_interval_ms);
        socket_io.ping_timeout_ms = self.ping_timeout_ms.unwrap_or(socket_io.ping_timeout_ms);
        let limits = &mut settings.limits;
        limits.message_bytes_max = self.message_bytes_max.unwrap_or(limits.message_bytes_max);
        if !settings.namespaces.iter().any(|entry| entry.name == "/custom") {
            settings.namespaces.push(Namespace { name: "/custom".into(), ..Namespace::default() });
        }
    }
}

/// The backend.
struct Echo;

impl ClientEvents for Echo {
    fn connect(&self, _: &Client, auth: &str) -> Decision {
        if auth != r#"{"bad":1}"# {
            return Decision::Accept;
        }
        Decision::Refuse(Refusal { message: "bad token".into(), data: Some(r#"{"code":7}"#.into()) })
    }

    fn connected(&self, client: &Client, auth: &str) {
        let auth = if auth.is_empty() { "{}" } else { auth };
        emit(client, "auth", auth, &[]);
    }

    fn event(&self, client: &Client, payload: Payload, ack: Option<u64>) {
        let (name, args) = payload.split();
        match (name, ack) {
            (r#""message""#, _) => emit(client, "message-back", args, payload.attachments()),
            (r#""message-with-ack""#, Some(id)) => {
                client.ack(id, format!("[{args}]"), payload.attachments().to_vec());
            }
            _ => {}
        }
    }
}

/// Sends an event; `attachments` are the binary values of the placeholders in `args`.
fn emit(client: &Client, event: &str, args: &str, attachments: &[Bytes]) {
    let comma = if args.is_empty() { "" } else { "," };
    let data = format!(r#"["{event}"{comma}{args}]"#);
    // The arguments came as a payload, or as the JSON object that a client connected with.
    if let Ok(payload) = Payload::from_data(&data, attachments.to_vec()) {
        client.emit(payload);
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    roomcast::run(arguments.config.as_deref(), |mut settings| {
        arguments.apply(&mut settings);
        Gateway::new(settings).events(Arc::new(Echo)).echo("/echo")
    })
}
