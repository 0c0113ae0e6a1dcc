//! Socket.IO packets with attachments: what is accepted keeps to its bounds and can be sent
//! again; placeholders are judged as in the tree that a receiver builds.

use bytes::Bytes;
use roomcast_core::publication::{Payload, PayloadError};
use roomcast_core::socket_io::{
    ACK_DIGITS_MAX, ATTACHMENTS_MAX, Assembly, Complete, DEPTH_MAX, DecodeError, Kind, Packet, RESERVED_EVENTS,
    check_placeholders, decode, encode_ack, encode_disconnect, encode_event,
};
use serde_json::Value;

use super::tools;

/// Bytes of a packet with its attachments.
const BYTES_MAX: usize = 600;

/// See the module.
pub fn check(data: &[u8]) -> bool {
    let mut parts = data.split(|byte| *byte == 0xFF);
    let text = tools::text(parts.next().unwrap_or_default());
    let attachments: Vec<Bytes> = parts.map(Bytes::copy_from_slice).collect();
    let Ok(packet) = decode(text) else {
        return false;
    };
    well_formed(&packet);
    let Some(assembly) = Assembly::begin(&packet) else {
        return alone(&packet, text);
    };
    match assembled(assembly, &packet, &attachments) {
        Some(complete) => {
            sent_again(&complete);
            true
        }
        None => false,
    }
}

/// What each kind of packet promises.
fn well_formed(packet: &Packet<'_>) {
    let (namespace, data, attachments) = match *packet {
        Packet::Connect { namespace, auth } => {
            assert!(auth.is_empty() || auth.starts_with('{'));
            (namespace, auth, 0)
        }
        Packet::Disconnect { namespace } => (namespace, "", 0),
        Packet::ConnectError { namespace, data } => {
            assert!(data.starts_with(['{', '"']));
            (namespace, data, 0)
        }
        Packet::Event { namespace, ack, data, attachments } => {
            assert!(ack.is_none_or(|ack| ack.to_string().len() <= ACK_DIGITS_MAX));
            let first = serde_json::from_str::<Vec<Value>>(data).ok().and_then(|items| items.into_iter().next());
            if let Some(name) = first {
                assert!(name.is_string() || name.is_number(), "{name}");
                assert!(name.as_str().is_none_or(|name| !RESERVED_EVENTS.contains(&name)), "{name}");
            }
            (namespace, data, attachments)
        }
        Packet::Ack { namespace, id, data, attachments } => {
            assert!(id.to_string().len() <= ACK_DIGITS_MAX && data.starts_with('['));
            (namespace, data, attachments)
        }
    };
    assert!(namespace.starts_with('/') && !namespace.contains(','));
    assert!(data.is_empty() || tools::is_json(data));
    assert!(tools::depth(data) <= DEPTH_MAX);
    assert!(attachments <= ATTACHMENTS_MAX);
}

/// A packet without attachments; events and disconnects can be sent again.
fn alone(packet: &Packet<'_>, text: &str) -> bool {
    match *packet {
        Packet::Event { namespace, ack, data, .. } => {
            match Payload::from_data(data, Vec::new()) {
                Ok(payload) => assert_eq!(decode(&encode_event(namespace, ack, &payload)).as_ref(), Ok(packet)),
                // A packet may have one where it has no binary values; a payload may not.
                Err(error) => assert_eq!(error, PayloadError::Placeholder),
            }
        }
        Packet::Ack { namespace, id, data, .. } => {
            assert_eq!(decode(&encode_ack(namespace, id, data, &[])).as_ref(), Ok(packet));
        }
        Packet::Disconnect { namespace } => {
            assert_eq!(decode(&encode_disconnect(namespace)).as_ref(), Ok(packet));
        }
        Packet::Connect { namespace, auth: data } | Packet::ConnectError { namespace, data } => {
            let kind = text.chars().next().expect("a packet has a type");
            assert_eq!(decode(&format!("{kind}{namespace},{data}")).as_ref(), Ok(packet));
        }
    }
    true
}

/// Feeds the attachments; `None` if they are too few, too large, or not those of the placeholders.
fn assembled(mut assembly: Assembly, packet: &Packet<'_>, attachments: &[Bytes]) -> Option<Complete> {
    let (Packet::Event { data, attachments: announced, .. } | Packet::Ack { data, attachments: announced, .. }) =
        *packet
    else {
        unreachable!("only events and acks have attachments");
    };
    for (taken, attachment) in attachments.iter().enumerate() {
        let before = assembly.bytes();
        assert_eq!(assembly.is_complete(), taken >= announced);
        match assembly.push(attachment.clone(), BYTES_MAX) {
            Ok(last) => {
                assert_eq!(last, taken + 1 == announced);
                assert_eq!(assembly.bytes(), before + attachment.len());
                assert!(assembly.bytes() <= BYTES_MAX);
            }
            Err(error) => {
                let expected = if taken >= announced { DecodeError::UnexpectedBinary } else { DecodeError::TooLarge };
                assert_eq!(error, expected);
                assert_eq!(assembly.bytes(), before, "nothing was taken");
                break;
            }
        }
    }
    let complete = assembly.is_complete();
    let finished = assembly.finish();
    if !complete {
        assert_eq!(finished, Err(DecodeError::Incomplete));
        return None;
    }
    match finished {
        Ok(whole) => {
            assert_eq!((whole.data.as_str(), whole.attachments.len()), (data, announced));
            assert!(whole.attachments[..] == attachments[..announced], "in their order");
            judged(data, announced);
            Some(whole)
        }
        Err(error) => {
            assert_eq!(error, DecodeError::Placeholder);
            assert_eq!(check_placeholders(data, announced), Err(DecodeError::Placeholder));
            None
        }
    }
}

/// No receiver that builds the tree meets a placeholder without its attachment.
fn judged(data: &str, attachments: usize) {
    fn walk(value: &Value, attachments: usize) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| walk(item, attachments)),
            Value::Object(object) => {
                if object.get("_placeholder") == Some(&Value::Bool(true)) {
                    let num = object.get("num").and_then(Value::as_u64);
                    assert!(num.is_some_and(|num| num < attachments as u64), "{object:?}");
                }
                object.values().for_each(|value| walk(value, attachments));
            }
            _ => {}
        }
    }
    // Half a surrogate pair is JSON, but no tree of ours.
    if let Ok(tree) = serde_json::from_str(data) {
        walk(&tree, attachments);
    }
}

fn sent_again(whole: &Complete) {
    let Complete { namespace, kind, data, attachments } = whole;
    let text = match *kind {
        Kind::Event { ack } => match Payload::from_data(data, attachments.clone()) {
            Ok(payload) => encode_event(namespace, ack, &payload),
            Err(error) => unreachable!("a whole event is a payload: {error}"),
        },
        Kind::Ack { id } => encode_ack(namespace, id, data, attachments),
    };
    let packet = decode(&text).expect("sent again");
    let mut assembly = Assembly::begin(&packet).expect("has attachments");
    for attachment in attachments {
        assembly.push(attachment.clone(), BYTES_MAX).expect("as large as before");
    }
    assert_eq!(assembly.finish().as_ref(), Ok(whole));
}
