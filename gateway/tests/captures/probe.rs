//! `data/http-probe.json`: requests to three servers, compared field by field.

use std::collections::BTreeMap;

use roomcast::Gateway;
use roomcast::settings::{OriginRule, Settings};
use serde_json::Value;

use crate::differences::{DIFFERENCES, Difference};
use crate::http::{ACCEPT, Answer};
use crate::rows::{Row, Rows, raw_answer};
use crate::without_ids;

/// What is compared: status, body, and the headers that clients and browsers go by.
const HEADERS: [&str; 10] = [
    "content-type",
    "cache-control",
    "connection",
    "sec-websocket-accept",
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "vary",
    "set-cookie",
];

/// Rows of a run that are requests, notes not counted.
const ROWS: usize = 51;
/// Rows that were not asked, or asked for otherwise: `deny` twice, and the held GET.
const UNASKED: usize = 3;

type Fields = BTreeMap<&'static str, String>;

fn of_answer(answer: &Answer, upgrade: bool) -> Fields {
    let mut fields = Fields::new();
    fields.insert("status", answer.head.status.to_string());
    fields.insert("body", without_ids(&answer.body));
    for name in HEADERS {
        // Whether an ordinary answer ends its connection is between client and server.
        if let Some(value) = answer.head.get(name).filter(|_| name != "connection" || upgrade) {
            fields.insert(name, without_ids(&value).to_ascii_lowercase());
        }
    }
    fields
}

/// A row of the capture, as fields; `None` where the server left the client waiting.
fn of_capture(row: &Value) -> Option<Fields> {
    let text = |name: &str| row[name].as_str().unwrap_or_default();
    if let Some(raw) = row["raw_reply"].as_str() {
        return raw_answer(raw).map(|answer| of_answer(&answer, true));
    }
    if let Some(note) = row["note"].as_str() {
        let got = note.strip_prefix("first POST got: ").expect("the one note there is");
        return Some(Fields::from([("status", "none".into()), ("body", got.replace('"', ""))]));
    }
    let mut fields = Fields::from([("status", text("status").into()), ("body", without_ids(text("body")))]);
    for name in HEADERS {
        let value = match &row["headers"][name] {
            Value::String(value) => value,
            Value::Array(values) => values[0].as_str().expect("one text"),
            _ => continue,
        };
        fields.insert(name, without_ids(value).to_ascii_lowercase());
    }
    Some(fields)
}

/// Compares a row field by field; gives what is wrong with it, and which differences it shows.
fn compare(run: usize, name: &str, row: &Row, captured: &Fields, ours: &Fields) -> (Vec<String>, Vec<usize>) {
    let mut wrong = Vec::new();
    let mut shown = Vec::new();
    let names: std::collections::BTreeSet<_> = captured.keys().chain(ours.keys()).copied().collect();
    for field in names {
        let (theirs, ours) =
            (captured.get(field).map_or("", String::as_str), ours.get(field).map_or("", String::as_str));
        let known = DIFFERENCES.iter().position(|difference| difference.is_about(run, name, row.origin, field, theirs));
        let expected = known.and_then(|at| DIFFERENCES.get(at)).map_or(theirs, Difference::ours);
        if ours != expected {
            wrong.push(format!("run {run}, {name}: {field} is {ours:?}, not {expected:?}"));
        }
        shown.extend(known);
    }
    (wrong, shown)
}

fn settings(run: usize) -> Settings {
    let mut settings = Settings::default();
    settings.public.address = ([127, 0, 0, 1], 0).into();
    settings.internal.address = ([127, 0, 0, 1], 0).into();
    settings.limits.message_bytes_max = 1000;
    // Sessions that nobody polls any more hold a stop up for as long as this.
    settings.drain.deadline_ms = 200;
    // One thread: what it took of one connection comes before what it takes of the next.
    settings.node.shards = 1;
    let origin = match run {
        1 => None,
        2 => Some("*"),
        _ => Some("http://a.com"),
    };
    settings.public.origins = origin.map(|origin| OriginRule::parse(origin).expect("an origin")).into_iter().collect();
    settings.public.cors_credentials = run == 3;
    settings
}

#[test]
fn every_request_of_the_probe_is_answered_alike() {
    let capture: Value = serde_json::from_str(include_str!("data/http-probe.json")).expect("the capture");
    let runs = capture["runs"].as_array().expect("runs");
    assert_eq!(runs.len(), 3);
    let (mut wrong, mut shown) = (Vec::new(), Vec::new());
    for (run, captured) in (1..).zip(runs) {
        let gateway = Gateway::new(settings(run)).start().expect("a gateway");
        let rows = Rows::of(gateway.public_address(), run > 1);
        gateway.stop();
        let captured = captured["rows"].as_array().expect("rows");
        assert_eq!(captured.len(), ROWS + 1, "with the note");
        assert_eq!(rows.len(), captured.len());
        assert_eq!(rows.iter().filter(|row| row.answer.is_none()).count(), UNASKED);
        let mut before = "";
        for (row, theirs) in rows.iter().zip(captured) {
            let title = theirs["request"].as_str().or(theirs["upgrade_request"].as_str());
            assert_eq!(title.unwrap_or("first POST got"), row.name);
            let name = match row.name.strip_prefix("then ") {
                Some(_) => format!("{before}, {}", row.name),
                None => row.name.to_owned(),
            };
            before = if row.name.starts_with("then ") { before } else { row.name };
            let Some(answer) = &row.answer else { continue };
            let ours = of_answer(answer, theirs["raw_reply"].is_string());
            let theirs = of_capture(theirs).unwrap_or_else(|| Fields::from([("status", "none".into())]));
            let (faults, differences) = compare(run, &name, row, &theirs, &ours);
            wrong.extend(faults);
            shown.extend(differences.into_iter().map(|at| (at, run, name.clone())));
        }
    }
    for (at, difference) in DIFFERENCES.iter().enumerate() {
        wrong.extend(difference.unseen(|run, row| {
            shown.iter().any(|(seen, in_run, name)| *seen == at && *in_run == run && row.is_none_or(|row| row == name))
        }));
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn the_key_of_the_captures_is_the_one_that_is_sent() {
    assert!(include_str!("data/http-probe.json").contains(ACCEPT));
}
