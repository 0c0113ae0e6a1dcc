//! From pairs of runs to rows of the table.

use serde::Serialize;

use crate::bench::plan::{Budget, Figure, Found};
use crate::report::{self, short};
use crate::stats::Spread;

/// Pairs that a budget is judged with.
pub const PAIRS_TO_JUDGE: usize = 9;

/// One figure over all pairs.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The measurement.
    pub measurement: &'static str,
    /// The figure.
    pub figure: &'static str,
    /// Of the values.
    pub unit: &'static str,
    /// The limit's value in each pair.
    pub limit: Vec<f64>,
    /// Roomcast's value in each pair.
    pub roomcast: Vec<f64>,
    /// What is judged: the ratio in each pair, or roomcast's value.
    pub judged: Vec<f64>,
    /// Whether `judged` is a ratio.
    pub is_ratio: bool,
    /// Over all pairs.
    pub spread: Option<Spread>,
    /// What must be reached.
    pub budget: Budget,
    /// Whether it is.
    pub verdict: &'static str,
}

impl Row {
    /// Reads one figure off all pairs (limit, roomcast).
    pub fn new(measurement: &'static str, figure: &Figure, pairs: &[(Found, Found)]) -> Self {
        let values =
            pairs.iter().filter_map(|(limit, roomcast)| Some(((figure.value)(limit)?, (figure.value)(roomcast)?)));
        let (limit, roomcast): (Vec<f64>, Vec<f64>) = values.unzip();
        let judged = if figure.absolute {
            roomcast.clone()
        } else {
            roomcast.iter().zip(&limit).map(|(ours, theirs)| ours / theirs).collect()
        };
        let spread = Spread::of(&judged);
        Self {
            measurement,
            figure: figure.name,
            unit: figure.unit,
            limit,
            roomcast,
            judged,
            is_ratio: !figure.absolute,
            verdict: verdict(figure.budget, spread.as_ref()),
            spread,
            budget: figure.budget,
        }
    }

    fn cells(&self) -> Vec<String> {
        let median = |values: &[f64]| {
            Spread::of(values)
                .map_or_else(|| "-".to_owned(), |spread| format!("{} {}", short(spread.median), self.unit))
        };
        let unit = if self.is_ratio { "" } else { self.unit };
        let (middle, range) = self.spread.as_ref().map_or(("-".to_owned(), "-".to_owned()), |spread| {
            let range = format!("{}..{}", short(spread.min), short(spread.max));
            (format!("{} {unit}", short(spread.median)), range)
        });
        let budget = match self.budget {
            Budget::AtMost(most) => format!("<= {} {unit}", short(most)),
            Budget::AtLeast(least) => format!(">= {} {unit}", short(least)),
        };
        vec![
            format!("  {}", self.figure),
            median(&self.limit),
            median(&self.roomcast),
            middle.trim_end().to_owned(),
            range,
            budget.trim_end().to_owned(),
            self.verdict.to_owned(),
        ]
    }
}

/// A budget is met when the median meets it, or the median's 95 % interval contains it.
fn verdict(budget: Budget, spread: Option<&Spread>) -> &'static str {
    let Some(spread) = spread else {
        return "not measured";
    };
    let meets = |value: f64| match budget {
        Budget::AtMost(most) => value <= most,
        Budget::AtLeast(least) => value >= least,
    };
    if meets(spread.median) {
        "met"
    } else if spread.interval_95.is_some_and(|(low, high)| meets(low) || meets(high)) {
        "met within the interval"
    } else {
        "missed"
    }
}

/// The table for people.
pub fn table(rows: &[Row]) -> String {
    let heading = ["", "limit", "roomcast", "judged", "min..max", "budget", "verdict"];
    let mut cells = vec![heading.map(str::to_owned).to_vec()];
    let mut measurement = "";
    for row in rows {
        if row.measurement != measurement {
            measurement = row.measurement;
            cells.push(vec![measurement.to_owned()]);
        }
        cells.push(row.cells());
    }
    report::table(&cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_met_by_the_median_or_within_its_interval() {
        let of = |values: &[f64], budget| verdict(budget, Spread::of(values).as_ref());
        assert_eq!(of(&[1.1, 1.3, 1.15], Budget::AtMost(1.2)), "met");
        assert_eq!(of(&[1.21, 1.3, 1.15], Budget::AtMost(1.2)), "missed");
        assert_eq!(of(&[0.9, 0.95, 0.94], Budget::AtLeast(0.93)), "met");
        let nine = [1.1, 1.1, 1.1, 1.3, 1.3, 1.3, 1.3, 1.3, 1.3];
        assert_eq!(of(&nine, Budget::AtMost(1.2)), "met within the interval");
        assert_eq!(of(&nine, Budget::AtMost(1.05)), "missed");
        assert_eq!(of(&[], Budget::AtMost(1.0)), "not measured");
    }
}
