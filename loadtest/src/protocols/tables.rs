//! The tables of the page, as Markdown: medians over rounds, with the least and the greatest.

use super::wire::{PAYLOAD_BYTES, Wire};
use super::{Everything, Load, PROTOCOLS, Round, WAYS};
use crate::report::{markdown, spread};
use crate::walk::Way;

/// Heartbeats an hour: one every 25 s, which is the default of both protocols.
const HEARTBEATS: u64 = 144;

/// Reads a figure off a run.
type Figure = fn(&Load) -> f64;

pub(super) fn page(everything: &Everything) -> String {
    let Everything { rounds, wire, .. } = everything;
    let mut out = Vec::new();
    let mut table = |title: String, rows: Vec<Vec<String>>| out.push(format!("{title}\n\n{}", markdown(&rows)));
    table("Handshake, until the client is a member of a room".to_owned(), handshakes(rounds));
    table(
        "The same in a crowd, many handshakes under way at once".to_owned(),
        loads(rounds, &[("server CPU, us", |load| load.idle.connect_cpu_us_each)]),
    );
    table(
        "Idle connections: user memory each, bytes".to_owned(),
        loads(rounds, &[("memory", |load| load.idle.anonymous_bytes_each)]),
    );
    table(format!("Bytes on the wire, {PAYLOAD_BYTES} bytes of payload"), bytes(wire));
    table(
        "One room, one publication at a time: server CPU".to_owned(),
        loads(
            rounds,
            &[
                ("us a delivery", |load| load.one_at_a_time.server.map_or(f64::NAN, |server| server.total_us)),
                ("of it in user mode", |load| load.one_at_a_time.server.map_or(f64::NAN, |server| server.user_us)),
                ("deliveries a second", |load| load.one_at_a_time.deliveries_per_second),
            ],
        ),
    );
    table(
        "10 members, 50 publications a second: latency, us".to_owned(),
        loads(rounds, &[("p50", |load| load.low_rate.latency.p50_us), ("p99", |load| load.low_rate.latency.p99_us)]),
    );
    let pinned = if everything.pinned { "server and generator each on a core" } else { "NOT pinned to cores" };
    let waiting = rounds.iter().flat_map(|round| &round.loads).filter_map(|load| load.one_at_a_time.server);
    let waiting = waiting.map(|server| server.waiting_share).fold(0.0, f64::max);
    out.push(format!(
        "{} rounds, {pinned}; other processes had the server's core for at most {:.0} % of a fan-out's time.",
        rounds.len(),
        waiting * 100.0
    ));
    out.join("\n")
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|&cell| cell.to_owned()).collect()
}

/// Each value over the first protocol's of the same round.
fn ratios(values: &[f64], base: &[f64]) -> Vec<f64> {
    values.iter().zip(base).map(|(value, base)| value / base).collect()
}

fn handshakes(rounds: &[Round]) -> Vec<Vec<String>> {
    let of = |way: Way| rounds.iter().flat_map(|round| &round.handshakes).filter(move |report| report.way == way);
    let cpu = |way: Way| of(way).map(|report| report.cpu_us_each).collect::<Vec<f64>>();
    let base = cpu(Way::Plain);
    let mut rows = vec![row(&[
        "",
        "TCP connections",
        "requests",
        "round trips",
        "bytes up",
        "bytes down",
        "server CPU, us",
        "by plain",
        "user memory then, bytes",
    ])];
    rows.extend(WAYS.iter().map(|&(way, name)| {
        let cost = of(way).map(|report| report.cost).next().unwrap_or_default();
        let counts = [cost.connections, cost.requests, cost.round_trips, cost.bytes_up, cost.bytes_down];
        let mut cells = vec![name.to_owned()];
        cells.extend(counts.map(|count| count.to_string()));
        let memory: Vec<f64> = of(way).map(|report| report.anonymous_bytes_each).collect();
        cells.extend([spread(&cpu(way)), spread(&ratios(&cpu(way), &base)), spread(&memory)]);
        cells
    }));
    rows
}

/// A row a protocol: each figure, and the first one's ratio to the plain protocol's of the same round.
fn loads(rounds: &[Round], figures: &[(&str, Figure)]) -> Vec<Vec<String>> {
    let of = |protocol: &str, figure: Figure| -> Vec<f64> {
        let loads = rounds.iter().flat_map(|round| &round.loads);
        loads.filter(|load| load.protocol == protocol).map(figure).collect()
    };
    let mut heading = row(&[""]);
    heading.extend(figures.iter().map(|(name, _)| (*name).to_owned()));
    heading.extend(figures.first().map(|(name, _)| format!("{name}, by plain")));
    let mut rows = vec![heading];
    for protocol in PROTOCOLS {
        let mut cells = vec![protocol.to_owned()];
        cells.extend(figures.iter().map(|&(_, figure)| spread(&of(protocol, figure))));
        cells.extend(
            figures.first().map(|&(_, figure)| spread(&ratios(&of(protocol, figure), &of(PROTOCOLS[0], figure)))),
        );
        rows.push(cells);
    }
    rows
}

fn bytes(wire: &[Wire]) -> Vec<Vec<String>> {
    let mut rows = vec![row(&[
        "",
        "event to the client: down",
        "up",
        "event from the client: up",
        "down",
        "heartbeats an hour: down",
        "up",
    ])];
    rows.extend(wire.iter().zip(WAYS).map(|(wire, (_, name))| {
        let [to, from, beat] = [wire.event_to_client, wire.event_from_client, wire.heartbeat];
        let counts = [
            to.bytes_down,
            to.bytes_up,
            from.bytes_up,
            from.bytes_down,
            beat.bytes_down * HEARTBEATS,
            beat.bytes_up * HEARTBEATS,
        ];
        let mut cells = vec![name.to_owned()];
        cells.extend(counts.map(|count| count.to_string()));
        cells
    }));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::handshake::Report;
    use crate::walk::Cost;

    #[test]
    fn a_ratio_is_of_one_round() {
        assert_eq!(ratios(&[4.0, 9.0], &[2.0, 3.0]), [2.0, 3.0]);
    }

    #[test]
    fn a_way_is_found_in_every_round_whatever_its_turn() {
        let report = |way, cpu_us_each| {
            let cost = Cost { connections: 1, requests: 2, round_trips: 3, bytes_up: 4, bytes_down: 5 };
            Report { way, clients: 1, cost, cpu_us_each, anonymous_bytes_each: 1_000.0 }
        };
        let round = |handshakes| Round { handshakes, loads: Vec::new() };
        let rounds = [
            round(vec![report(Way::Plain, 10.0), report(Way::Polling, 20.0)]),
            round(vec![report(Way::Polling, 30.0), report(Way::Plain, 10.0)]),
        ];
        let rows = handshakes(&rounds);
        let polling = ["polling", "1", "2", "3", "4", "5", "25.0 (20.0 to 30.0)", "2.50 (2.00 to 3.00)"];
        assert_eq!(rows[4][..8], polling);
        assert_eq!(rows[2][6], "-", "a way that was not measured");
    }
}
