//! Where the gateway answers otherwise than the reference server, and why.

/// The rows that a difference is about.
pub(crate) enum About {
    /// These.
    Rows(&'static [&'static str]),
    /// Every one whose request had no Origin.
    NoOrigin,
}

/// One field of some rows.
pub(crate) struct Difference {
    runs: &'static [usize],
    about: About,
    field: &'static str,
    /// Empty: the field is not there.
    theirs: &'static str,
    ours: &'static str,
    why: &'static str,
}

impl Difference {
    /// Whether it is about this field, given what the capture has.
    pub(crate) fn is_about(&self, run: usize, row: &str, origin: bool, field: &str, theirs: &str) -> bool {
        let about = match self.about {
            About::Rows(rows) => rows.contains(&row),
            About::NoOrigin => !origin,
        };
        about && self.runs.contains(&run) && self.field == field && self.theirs == theirs
    }

    /// What the gateway answers.
    pub(crate) fn ours(&self) -> &str {
        self.ours
    }

    /// What of it no row has shown: such a difference is none, and has to go.
    pub(crate) fn unseen(&self, shown: impl Fn(usize, Option<&str>) -> bool) -> Vec<String> {
        assert_ne!(self.theirs, self.ours, "{}", self.why);
        let mut unseen = Vec::new();
        for run in self.runs {
            let rows = match self.about {
                About::Rows(rows) => rows.iter().copied().map(Some).collect(),
                About::NoOrigin => vec![None],
            };
            for row in rows.into_iter().filter(|row| !shown(*run, *row)) {
                unseen
                    .push(format!("run {run}, {row:?}: nothing shows the difference in {} ({})", self.field, self.why));
            }
        }
        unseen
    }
}

/// A difference in one field of some rows: (field, theirs, ours).
const fn differs(
    runs: &'static [usize],
    rows: &'static [&'static str],
    (field, theirs, ours): (&'static str, &'static str, &'static str),
    why: &'static str,
) -> Difference {
    Difference { runs, about: About::Rows(rows), field, theirs, ours, why }
}

const ALL: &[usize] = &[1, 2, 3];

const METHODS_ROWS: &[&str] = &["PUT with sid", "DELETE with sid"];
const METHODS: &str = "methods that mean nothing get 405 with the ones that do, not an internal error";
const GARBAGE_ROWS: &[&str] = &["POST garbage", "POST empty body", "POST ping '2' (wrong direction)"];
const GARBAGE: &str = "a body that is no payload is refused, not confirmed; the protocol's own suite takes 400 too";
const BAD_REQUEST: &str = r#"{"code":3,"message":"Bad request"}"#;
const CUT_ROWS: &[&str] = &["first POST got"];
const CUT: &str = "the first of two POSTs learns that its session is gone; the reference server cuts it off";
const UNKNOWN: &str = r#"{"code":1,"message":"Session ID unknown"}"#;
const EARLY_ROWS: &[&str] = &["POST event before CONNECT 42[..], then GET"];
const EARLY: &str = "a close by the server is the close packet, without a noop before it";
const OLD_ROWS: &[&str] = &["ws no EIO", "ws EIO=3"];
const OLD: &str = "an upgrade is refused before it is accepted, not by HTTP text inside a WebSocket";
const OLD_BODY: &str = "TP/1.1 400 Bad Request\r\nConnection: close\r\nContent-type: text/html\r\n\
                        Content-Length: 28\r\n\r\nUnsupported protocol version";
const MIXED_ROWS: &[&str] = &["ws transport=polling"];
const MIXED: &str = "polling that asks for an upgrade is refused, not accepted and closed at once";
const ACCEPT: &str = "s3pplmbitxaq9kygzzhzrbk+xoo=";
const PATH_ROWS: &[&str] = &["ws other path", "ws path w/o slash"];
const PATH: &str = "requests for unknown paths are answered, not left waiting";
const RAW_ROWS: &[&str] = &["ws bad transport", "ws unknown sid"];
const RAW: &str = "the reference server writes refusals of upgrades past its CORS middleware";

pub(crate) const DIFFERENCES: &[Difference] = &[
    differs(ALL, METHODS_ROWS, ("status", "500", "405"), METHODS),
    differs(&[1], &["OPTIONS with sid"], ("status", "500", "405"), METHODS),
    differs(ALL, GARBAGE_ROWS, ("status", "200", "400"), GARBAGE),
    differs(ALL, GARBAGE_ROWS, ("body", "ok", BAD_REQUEST), GARBAGE),
    differs(ALL, GARBAGE_ROWS, ("content-type", "text/html", "application/json"), GARBAGE),
    differs(ALL, GARBAGE_ROWS, ("cache-control", "no-store", ""), GARBAGE),
    differs(ALL, CUT_ROWS, ("status", "none", "400"), CUT),
    differs(ALL, CUT_ROWS, ("body", "", UNKNOWN), CUT),
    differs(ALL, CUT_ROWS, ("content-type", "", "application/json"), CUT),
    differs(&[2], CUT_ROWS, ("access-control-allow-origin", "", "*"), CUT),
    differs(&[3], CUT_ROWS, ("vary", "", "origin"), CUT),
    differs(ALL, EARLY_ROWS, ("body", "6\u{1e}1", "1"), EARLY),
    differs(ALL, OLD_ROWS, ("status", "101", "400"), OLD),
    differs(ALL, OLD_ROWS, ("body", OLD_BODY, "Unsupported protocol version"), OLD),
    differs(ALL, OLD_ROWS, ("connection", "upgrade", "close"), OLD),
    differs(ALL, OLD_ROWS, ("content-type", "", "text/html"), OLD),
    differs(ALL, OLD_ROWS, ("sec-websocket-accept", ACCEPT, ""), OLD),
    differs(ALL, MIXED_ROWS, ("status", "101", "400"), MIXED),
    differs(ALL, MIXED_ROWS, ("body", "", "Bad request"), MIXED),
    differs(ALL, MIXED_ROWS, ("connection", "upgrade", "close"), MIXED),
    differs(ALL, MIXED_ROWS, ("content-type", "", "text/html"), MIXED),
    differs(ALL, MIXED_ROWS, ("sec-websocket-accept", ACCEPT, ""), MIXED),
    differs(ALL, PATH_ROWS, ("status", "none", "404"), PATH),
    differs(ALL, PATH_ROWS, ("body", "", "not found\n"), PATH),
    differs(ALL, PATH_ROWS, ("content-type", "", "text/plain; charset=utf-8"), PATH),
    differs(&[2], RAW_ROWS, ("access-control-allow-origin", "", "*"), RAW),
    differs(&[3], RAW_ROWS, ("vary", "", "origin"), RAW),
    differs(
        &[2],
        &["OPTIONS preflight", "OPTIONS with sid"],
        ("access-control-allow-methods", "get,head,put,patch,post,delete", "get,post"),
        "pages are allowed the methods that are served",
    ),
    differs(
        &[3],
        &["handshake GET"],
        ("set-cookie", "lb=<id>; max-age=60; path=/; httponly; samesite=lax", ""),
        "no cookies: a session's node and shard are in its id, so that nothing has to stick",
    ),
    Difference {
        runs: &[3],
        about: About::NoOrigin,
        field: "access-control-allow-credentials",
        theirs: "true",
        ours: "",
        why: "credentials are allowed to the listed origins, and to nobody else",
    },
];
