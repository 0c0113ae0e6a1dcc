//! What the reference server (socket.io 4.8.4, engine.io 6.6.12) said to the same requests.
//!
//! `data/` holds the captures. Every EIO=4 transcript and every row of the HTTP probe is
//! sent to a gateway of this process and must be answered alike, but for the differences
//! that are listed, each with its reason. A difference that is none any more fails.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `transcripts` | `data/eio-transcripts.json`, frame by frame |
//! | `probe` | `data/http-probe.json`: compares row by row |
//! | `rows` | the requests of the probe, in its order |
//! | `differences` | where the gateway answers otherwise, and why |
//! | `http`, `frames` | a client for each, as bare as can be |
//! | `backend` | what the captured server's application did |

mod backend;
mod differences;
mod frames;
mod http;
mod probe;
mod rows;
mod transcripts;

use std::time::Duration;

/// How long any one answer may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// The capture's text with every session and socket id as `<id>`.
fn without_ids(text: &str) -> String {
    const BEFORE: [&str; 2] = ["\"sid\":\"", "lb="];
    const LENGTH: usize = 20;
    let mut out = text.to_owned();
    for before in BEFORE {
        let mut parts = out.split(before);
        let mut replaced = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (id, rest) = part.split_at_checked(LENGTH).unwrap_or((part, ""));
            let shaped = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
            let shown = if shaped && id.len() == LENGTH { "<id>" } else { id };
            replaced.extend([before, shown, rest]);
        }
        out = replaced;
    }
    out
}

#[test]
fn only_whole_ids_are_left_out() {
    assert_eq!(without_ids(r#"0{"sid":"LHnSCvgQy-3a2rL9AAAA","x":1}"#), r#"0{"sid":"<id>","x":1}"#);
    for kept in [r#"{"sid":"short"}"#, r#"{"sid":"LHnSCvgQy-3a2rL9AAA\"}"#, "none"] {
        assert_eq!(without_ids(kept), kept);
    }
}
