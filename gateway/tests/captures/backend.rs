//! The application that was captured: it says `hi` to everybody, sends `bin` back, and
//! refuses whoever authenticates with `bad`.

use bytes::Bytes;
use roomcast::{Client, ClientEvents, Decision, Refusal};
use roomcast_core::publication::Payload;

pub(crate) struct Captured;

impl ClientEvents for Captured {
    fn connect(&self, _: &Client, auth: &str) -> Decision {
        if auth != r#"{"bad":1}"# {
            return Decision::Accept;
        }
        Decision::Refuse(Refusal { message: "bad token".into(), data: Some(r#"{"code":7}"#.into()) })
    }

    fn connected(&self, client: &Client, auth: &str) {
        let auth = if auth.is_empty() { "{}" } else { auth };
        let hi = format!(r#"["hi",{{"sid":"{}","auth":{auth}}}]"#, client.id());
        emit(client, &hi, &[]);
    }

    fn event(&self, client: &Client, payload: Payload, ack: Option<u64>) {
        let (name, args) = payload.split();
        assert_eq!(name, r#""bin""#, "no other event reached the application");
        emit(client, &format!(r#"["binback",{args}]"#), payload.attachments());
        if let Some(id) = ack {
            client.ack(id, format!("[{args}]"), payload.attachments().to_vec());
        }
    }
}

fn emit(client: &Client, data: &str, attachments: &[Bytes]) {
    client.emit(Payload::from_data(data, attachments.to_vec()).expect("an event"));
}
