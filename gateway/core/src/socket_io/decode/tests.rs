//! The grammar in tables: what passes, what does not, and the hostile inputs on record.

use super::*;

fn event<'a>(namespace: &'a str, ack: Option<u64>, data: &'a str, attachments: usize) -> Packet<'a> {
    Packet::Event { namespace, ack, data, attachments }
}

fn ack<'a>(namespace: &'a str, id: u64, data: &'a str, attachments: usize) -> Packet<'a> {
    Packet::Ack { namespace, id, data, attachments }
}

#[track_caller]
fn refused(error: DecodeError, texts: &[&str]) {
    for text in texts {
        assert_eq!(decode(text), Err(error), "{text:?}");
    }
}

#[test]
fn connect_carries_an_object_or_nothing() {
    for (text, namespace, auth) in [
        ("0", "/", ""),
        ("0/,", "/", ""),
        ("0{}", "/", "{}"),
        ("0{\"token\":\"a,b\"}", "/", "{\"token\":\"a,b\"}"),
        ("0/admin", "/admin", ""),
        ("0/admin,", "/admin", ""),
        ("0/admin,{\"token\":\"123\"}", "/admin", "{\"token\":\"123\"}"),
        ("0/admin,  {} ", "/admin", "{}"),
        ("0/admin?token=abc,", "/admin?token=abc", ""), // EIO=3: an unknown name, no token
        ("0/admin?token=abc,{}", "/admin?token=abc", "{}"),
        ("0/random", "/random", ""),
        ("0/admin{\"a\":1}", "/admin{\"a\":1}", ""),
        ("0/é/\u{1F680},", "/é/\u{1F680}", ""),
        ("0/__proto__,", "/__proto__", ""),
    ] {
        assert_eq!(decode(text), Ok(Packet::Connect { namespace, auth }), "{text}");
    }
    refused(DecodeError::Payload, &["0[]", "0[1]", "0/admin,\"x\"", "0null", "01", "0true", "0/admin,7"]);
    refused(DecodeError::Json, &["0{", "0{}{}", "0admin", "0 ", "0,{}", "0/admin,1{}", "0-{}", "00{}"]);
}

#[test]
fn disconnect_carries_nothing() {
    for (text, namespace) in [("1", "/"), ("1/,", "/"), ("1/admin,", "/admin"), ("1/admin", "/admin")] {
        assert_eq!(decode(text), Ok(Packet::Disconnect { namespace }), "{text}");
    }
    refused(DecodeError::Payload, &["1{}", "1/admin,{}", "1/admin,5", "15", "1 ", "1/admin, "]);
}

#[test]
fn events_decode() {
    for (text, packet) in [
        ("2[\"foo\"]", event("/", None, "[\"foo\"]", 0)),
        ("2 [\"foo\"]\n", event("/", None, "[\"foo\"]", 0)),
        ("2/admin,[\"bar\"]", event("/admin", None, "[\"bar\"]", 0)),
        ("212[\"foo\"]", event("/", Some(12), "[\"foo\"]", 0)),
        ("20[\"foo\"]", event("/", Some(0), "[\"foo\"]", 0)),
        ("2007[\"foo\"]", event("/", Some(7), "[\"foo\"]", 0)),
        ("2/admin,13[\"bar\"]", event("/admin", Some(13), "[\"bar\"]", 0)),
        ("29999999999999999999[\"x\"]", event("/", Some(9_999_999_999_999_999_999), "[\"x\"]", 0)),
        ("2[1]", event("/", None, "[1]", 0)),
        ("2[-1.5e3,{}]", event("/", None, "[-1.5e3,{}]", 0)),
        ("2[\"\"]", event("/", None, "[\"\"]", 0)),
        ("2[\"error\"]", event("/", None, "[\"error\"]", 0)), // ordinary here
        ("2[\"message\"]", event("/", None, "[\"message\"]", 0)),
        ("2[\"Connect\"]", event("/", None, "[\"Connect\"]", 0)),
        (r#"2["\\connect"]"#, event("/", None, r#"["\\connect"]"#, 0)),
        ("2[\"__proto__\"]", event("/", None, "[\"__proto__\"]", 0)),
        (r#"2["x","\ud83d"]"#, event("/", None, r#"["x","\ud83d"]"#, 0)),
        ("2[ \"x\" , 1.0, {\"b\":1,\"a\":2} ]", event("/", None, "[ \"x\" , 1.0, {\"b\":1,\"a\":2} ]", 0)),
        (
            "2[\"x\",{\"_placeholder\":true,\"num\":0}]",
            event("/", None, "[\"x\",{\"_placeholder\":true,\"num\":0}]", 0),
        ),
        ("51-[\"x\"]", event("/", None, "[\"x\"]", 1)),
        ("510-[\"x\"]", event("/", None, "[\"x\"]", 10)),
        ("52-/admin,7[\"x\"]", event("/admin", Some(7), "[\"x\"]", 2)),
    ] {
        assert_eq!(decode(text), Ok(packet), "{text}");
    }
}

#[test]
fn acks_decode() {
    for (text, packet) in [
        ("312[]", ack("/", 12, "[]", 0)),
        ("3/admin,13[\"bar\"]", ack("/admin", 13, "[\"bar\"]", 0)),
        ("30[\"connect\"]", ack("/", 0, "[\"connect\"]", 0)),
        ("30[null]", ack("/", 0, "[null]", 0)),
        ("61-0[{}]", ack("/", 0, "[{}]", 1)),
        ("610-/admin,456[]", ack("/admin", 456, "[]", 10)),
    ] {
        assert_eq!(decode(text), Ok(packet), "{text}");
    }
    refused(DecodeError::AckId, &["3", "3[]", "3/admin,[]", "61-[]", "3 1[]"]);
    refused(DecodeError::Payload, &["31{}", "31\"x\"", "31null", "3/admin,1 2"]);
    refused(DecodeError::Json, &["31", "3/a,1", "31[", "31[]x", "31-1[]"]);
}

#[test]
fn connect_errors_decode() {
    for (text, namespace, data) in [
        ("4{\"message\":\"no\"}", "/", "{\"message\":\"no\"}"),
        ("4/random,{\"message\":\"no\"}", "/random", "{\"message\":\"no\"}"),
        ("4\"no\"", "/", "\"no\""),
    ] {
        assert_eq!(decode(text), Ok(Packet::ConnectError { namespace, data }), "{text}");
    }
    refused(DecodeError::Payload, &["4[]", "41", "4/a,null"]);
    refused(DecodeError::Json, &["4", "4/a,", "4x"]);
}

#[test]
fn ack_ids_have_19_digits_at_most() {
    let long = format!("2{}[\"x\"]", "9".repeat(400));
    let zeros = format!("2{}1[\"x\"]", "0".repeat(400));
    let endless = "1".repeat(1_000_000);
    refused(
        DecodeError::AckId,
        &[
            &long,
            &zeros,
            &format!("2{endless}"),
            &format!("3{endless}[]"),
            "210000000000000000000[\"x\"]",
            "218446744073709551616[\"x\"]",
            "399999999999999999999[]",
        ],
    );
    // Decimal digits of other scripts, signs, fractions: no ids, so part of the JSON.
    refused(DecodeError::Json, &["2\u{661}[\"x\"]", "2-1[\"x\"]", "21.5[\"x\"]", "2+1[\"x\"]", "21e3[\"x\"]"]);
}

/// CVE-2026-33151 and the faults of parser state on record.
#[test]
fn attachment_counts_are_1_to_10() {
    let endless = "1".repeat(1_000_000);
    refused(
        DecodeError::AttachmentCount,
        &[
            "5",
            "51",
            "510",
            "5-",
            "5a-",
            "51.23-",
            "50-",
            "50-[\"x\"]",
            "500-[\"x\"]",
            "501-[\"x\"]",
            "511-",
            "511-[\"x\"]",
            "5100-[\"x\"]",
            "51000000000-[\"x\"]",
            "518446744073709551617-[\"x\"]",
            "5-1-[\"x\"]",
            "5+1-[\"x\"]",
            "5 1-[\"x\"]",
            "51 -[\"x\"]",
            "51e0-[\"x\"]",
            "5[\"x\"]",
            "5/admin,1-[\"x\"]",
            "5\u{661}-[\"x\"]",
            "51é-[\"x\"]",
            "6",
            "60-1[]",
            "611-1[]",
            "6a-1[]",
            &format!("5{endless}-[\"x\"]"),
            &format!("5{endless}"),
        ],
    );
    // Not for packets without attachments.
    refused(DecodeError::Json, &["21-[\"x\"]", "31-1[]", "2-[\"x\"]"]);
}

/// CVE-2023-32695 and its neighbours.
#[test]
fn an_event_begins_with_a_name() {
    refused(
        DecodeError::Payload,
        &[
            "2[{\"toString\":\"foo\"}]",
            "2[null]",
            "2[true]",
            "2[false]",
            "2[]",
            "2[ ]",
            "2[[]]",
            "2[[\"x\"]]",
            "2{}",
            "2{\"0\":\"x\"}",
            "2\"x\"",
            "2null",
            "51-[{\"_placeholder\":true,\"num\":0}]",
            r#"2["\ud83d"]"#,
        ],
    );
}

#[test]
fn reserved_events_are_refused() {
    for name in RESERVED_EVENTS {
        refused(
            DecodeError::ReservedEvent,
            &[
                &format!("2[\"{name}\"]"),
                &format!("2[ \"{name}\" ,1]"),
                &format!("2/admin,1[\"{name}\",\"x\"]"),
                &format!("51-[\"{name}\",{{\"_placeholder\":true,\"num\":0}}]"),
                &format!("2[\"\\u{:04x}{}\"]", name.as_bytes()[0], name.get(1..).expect("ASCII")),
            ],
        );
    }
    refused(DecodeError::ReservedEvent, &[r#"2["\u0063\u006fnnect"]"#]);
}

#[test]
fn what_is_no_packet_is_refused() {
    refused(
        DecodeError::UnknownType,
        &["", "7", "9", "999", "-1", " 2[\"x\"]", "a", "/", "[\"x\"]", "é", "\u{662}", "\0", "b"],
    );
    refused(
        DecodeError::Json,
        &[
            "2",
            "2 ",
            "2/",
            "2/admin",
            "2/admin,",
            "2/admin[\"x\"]",
            "2,[\"x\"]",
            "2[",
            "2[\"x\"",
            "2[\"x\"]]",
            "2[\"x\",]",
            "2[\"x\"][\"y\"]",
            "2['x']",
            "2[x]",
            "2[\"x\",NaN]",
            "2[\"x\",01]",
            "2[\"\n\"]",
            "2[\"x\",\"\\x\"]",
            "2[\"x\"]\0",
            "2\u{feff}[\"x\"]",
            "42[\"x\"]",
            "42[\"x\"",
            "21",
            "2undefined",
        ],
    );
}

#[test]
fn nesting_is_bounded_and_cheap() {
    for depth in [200, 100_000] {
        let arrays = format!("2[\"x\",{}{}]", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(decode(&arrays), Err(DecodeError::Depth));
        let objects = format!("0{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        assert_eq!(decode(&objects), Err(DecodeError::Depth));
        let open = format!("2[\"x\",{}", "[".repeat(depth));
        assert_eq!(decode(&open), Err(DecodeError::Json));
    }
}

/// CVE-2020-36049: one huge packet.
#[test]
fn large_packets_decode() {
    let commas = format!("2[\"x\"{}]", ",0".repeat(500_000));
    assert!(decode(&commas).is_ok());
    let escapes = format!("2[\"{}\"]", "\\u0061".repeat(170_000));
    assert!(decode(&escapes).is_ok());
    let namespace = format!("0/{}", "a".repeat(1_000_000));
    assert!(decode(&namespace).is_ok());
}
