//! The tables of the page, as Markdown: medians over rounds, with the least and the greatest.

use super::{CLIENTS, Everything, RATE, Round};
use crate::report::{markdown, spread};
use crate::stats::Summary;

/// Round trips that the way over Redis may add at the median.
const AIM: f64 = 1.5;

/// Reads latencies off a round.
type Figure = fn(&Round) -> &Summary;

/// What is shown, from nearest to farthest; the last is what the others are measured in.
const ROWS: [(&str, Figure); 4] = [
    ("one node, in memory", |round| &round.alone),
    ("over Redis, the publisher's node", |round| &round.own),
    ("over Redis, the other node", |round| &round.other),
    ("`PING` to that Redis", |round| &round.ping),
];

pub(super) fn page(everything: &Everything) -> String {
    let Everything { rounds, seconds, .. } = everything;
    let waiting = rounds.iter().map(|round| round.generator_waiting_share).fold(0.0, f64::max);
    format!(
        "{CLIENTS} members a node, {RATE} publications a second: from the POST to the client, us\n\n{}\n\
         The other node's p50 beyond that of the node in memory, by `PING`'s p50\n\n{}\n\
         {} rounds of {seconds} s each way, in turns, NOT pinned to cores; other processes had the generator's core \
         for at most {:.0} % of the time.",
        markdown(&latencies(rounds)),
        markdown(&judged(rounds)),
        rounds.len(),
        waiting * 100.0
    )
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|&cell| cell.to_owned()).collect()
}

fn latencies(rounds: &[Round]) -> Vec<Vec<String>> {
    let mut rows = vec![row(&["", "p50", "p99"])];
    rows.extend(ROWS.map(|(name, figure)| {
        let of = |quantile: fn(&Summary) -> f64| {
            spread(&rounds.iter().map(|round| quantile(figure(round))).collect::<Vec<_>>())
        };
        vec![name.to_owned(), of(|summary| summary.p50_us), of(|summary| summary.p99_us)]
    }));
    rows
}

fn judged(rounds: &[Round]) -> Vec<Vec<String>> {
    let added: Vec<f64> = rounds.iter().map(added).collect();
    let aim = format!("at most {AIM}");
    vec![row(&["", "Redis round trips", "aim"]), row(&["the way over Redis adds", &spread(&added), &aim])]
}

/// What the way over Redis adds at the median, in round trips of the same round.
fn added(round: &Round) -> f64 {
    (round.other.p50_us - round.alone.p50_us) / round.ping.p50_us
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(alone: f64, own: f64, other: f64, ping: f64) -> Round {
        let summary = |p50_us| Summary { p50_us, p99_us: p50_us * 2.0, ..Summary::default() };
        Round {
            alone: summary(alone),
            own: summary(own),
            other: summary(other),
            ping: summary(ping),
            ..Round::default()
        }
    }

    #[test]
    fn what_is_added_is_in_round_trips_of_its_own_round() {
        let rounds =
            [round(100.0, 150.0, 200.0, 50.0), round(100.0, 150.0, 400.0, 100.0), round(100.0, 150.0, 110.0, 10.0)];
        let rows = judged(&rounds);
        assert_eq!(rows[1][1..], ["2.00 (1.00 to 3.00)", "at most 1.5"]);
        let rows = latencies(&rounds);
        assert_eq!(rows[1], ["one node, in memory", "100 (100 to 100)", "200 (200 to 200)"]);
        assert_eq!(rows[3][1..], ["200 (110 to 400)", "400 (220 to 800)"]);
        assert_eq!(rows[4][1], "50.0 (10.0 to 100)");
    }
}
