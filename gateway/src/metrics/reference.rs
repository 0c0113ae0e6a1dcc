//! The generated page: `docs/metrics.md`.

use std::fmt::Write as _;

use prometheus::core::Collector as _;
use prometheus::process_collector::ProcessCollector;

use super::cells::BOUNDS;
use super::table::{self, Family, Kind};

const HEAD: &str = "\
<!-- Generated from gateway/src/metrics/table.rs by `make docs-write`; do not edit. -->
# Metrics

`GET /metrics` on the internal listener, in Prometheus' text format. Every series exists at 0 from the start, and
the values of the labels are closed sets: no client can make a series. Times are in seconds, sizes in bytes.
";

/// The text of `docs/metrics.md`.
#[expect(clippy::cast_precision_loss, reason = "the bounds are exact in 64-bit floats")]
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("\n| name | type | labels | series | meaning |\n| --- | --- | --- | --- | --- |\n");
    for family in table::all() {
        // Writing to a `String` cannot fail.
        let _ = writeln!(page, "{}", line(family));
    }
    let process = ProcessCollector::for_self();
    let mut descriptions = process.desc();
    descriptions.sort_by_key(|description| &description.fq_name);
    for description in descriptions {
        let kind = if description.fq_name.ends_with("_total") { "counter" } else { "gauge" };
        let _ = writeln!(page, "| `{}` | {kind} |  | 1 | {} |", description.fq_name, description.help);
    }
    let bounds = BOUNDS.map(|bound| (bound as f64 / 1e9).to_string()).join(", ");
    let _ = writeln!(page, "\nBuckets of every histogram, in seconds: {bounds}.\n\n## Labels\n");
    page.push_str("| metric | label | values |\n| --- | --- | --- |\n");
    for family in table::all() {
        for set in family.labels {
            for (i, name) in set.names.iter().enumerate() {
                let mut values: Vec<&str> = (0..set.count).filter_map(|at| (set.values)(at).get(i).copied()).collect();
                let mut seen = std::collections::HashSet::new();
                values.retain(|value| seen.insert(*value));
                let values = if *name == "version" { "the version that runs".into() } else { ticked(&values) };
                let _ = writeln!(page, "| `{}` | `{name}` | {values} |", family.name);
            }
        }
    }
    page
}

fn ticked(values: &[&str]) -> String {
    values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ")
}

fn line(family: &Family) -> String {
    let labels: Vec<&str> = family.labels.iter().flat_map(|set| set.names).copied().collect();
    let kind = match family.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    let (name, series, help) = (family.name, family.series(), family.help);
    format!("| `{name}` | {kind} | {} | {series} | {help} |", ticked(&labels))
}
