//! What people and programs get to see: the only place that writes to the terminal.

use std::io::{self, Write};

use serde::Serialize;

use crate::error::Error;
use crate::stats::Spread;

/// One line of progress, on standard error.
pub fn progress(line: &str) {
    // Nobody reads progress if standard error is closed.
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// A result, on standard output.
pub fn result(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(Error::io("write the result"))
}

/// A result as one JSON object, on standard output.
pub fn json(value: &impl Serialize) -> Result<(), Error> {
    result(&to_json(value)?)
}

/// Indented JSON.
pub fn to_json(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string_pretty(value).map_err(|error| Error::Io("write JSON".to_owned(), error.into()))
}

/// Three digits that matter, for people.
pub fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// The median with the least and the greatest: `2.96 (2.90 to 3.10)`.
pub fn spread(values: &[f64]) -> String {
    Spread::of(values).map_or_else(
        || "-".to_owned(),
        |spread| format!("{} ({} to {})", short(spread.median), short(spread.min), short(spread.max)),
    )
}

/// The same cells for a page; the first row is the heading.
pub fn markdown(rows: &[Vec<String>]) -> String {
    let mut lines: Vec<String> = rows.iter().map(|row| format!("| {} |\n", row.join(" | "))).collect();
    let columns = rows.first().map_or(0, Vec::len);
    lines.insert(lines.len().min(1), format!("|{}\n", " --- |".repeat(columns)));
    lines.concat()
}

/// Columns padded to their widest cell; the first row is the heading.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for (number, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        out.push_str(line.trim_end());
        out.push('\n');
        if number == 0 {
            let rules: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
            out.push_str(&rules.join("  "));
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let row = |cells: &[&str]| cells.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>();
        let text = table(&[row(&["a", "long"]), row(&["µs each", "1"])]);
        assert_eq!(text, "a        long\n-------  ----\nµs each  1\n");
    }

    #[test]
    fn a_page_has_a_rule_under_its_heading() {
        let row = |cells: &[&str]| cells.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>();
        assert_eq!(markdown(&[row(&["a", "b"]), row(&["1", "2"])]), "| a | b |\n| --- | --- |\n| 1 | 2 |\n");
    }

    #[test]
    fn a_value_has_its_spread() {
        assert_eq!(spread(&[3.0, 1.0, 2.0]), "2.00 (1.00 to 3.00)");
        assert_eq!(spread(&[]), "-");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([0.0912, 1.149, 12.34, 2_048.4].map(short), ["0.091", "1.15", "12.3", "2048"]);
    }
}
