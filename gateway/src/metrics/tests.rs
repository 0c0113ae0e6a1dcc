//! What a scrape shows.

use std::collections::BTreeSet;

use roomcast_core::close::CloseReason;

use super::*;

fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')));
    let value = line.and_then(|line| line.rsplit(' ').next()).and_then(|value| value.parse().ok());
    value.unwrap_or_else(|| panic!("no {series} in\n{text}"))
}

fn series(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| line.starts_with("roomcast_"));
    lines.filter_map(|line| line.rsplit_once(' ')).map(|(series, _)| series.to_owned()).collect()
}

#[test]
fn all_series_exist_at_0_from_the_start() {
    let text = Metrics::new().render();
    let shown = series(&text);
    let lines_of_a_histogram = cells::BOUNDS.len() + 3;
    let expected = Counter::SERIES + Gauge::SERIES + Histogram::SERIES * lines_of_a_histogram;
    assert_eq!(shown.len(), expected);
    for series in &shown {
        let build_info = series.starts_with("roomcast_build_info");
        assert!(value(&text, series).abs() < f64::EPSILON || build_info, "{series}");
    }
    for series in [
        "roomcast_connections{protocol=\"socketio\",transport=\"polling\"}",
        "roomcast_connections_closed_total{protocol=\"raw\",reason=\"kicked\",initiator=\"server\"}",
        "roomcast_handshakes_total{protocol=\"plain\",result=\"origin_denied\"}",
        "roomcast_delivery_latency_seconds_bucket{path=\"local\",le=\"0.0001\"}",
        "roomcast_delivery_latency_seconds_bucket{path=\"local\",le=\"+Inf\"}",
        "roomcast_runtime_scheduling_delay_seconds_count",
        "roomcast_ready{check=\"drain\"}",
        "roomcast_api_requests_total{route=\"/v1/rooms/{room}\",code=\"4xx\"}",
        "process_max_fds",
    ] {
        assert!(value(&text, series) >= 0.0);
    }
}

#[test]
fn the_number_of_series_is_known_and_fixed() {
    let closed = Protocol::ALL.len() * CloseReason::ALL.len();
    assert_eq!((Counter::SERIES, Gauge::SERIES, Histogram::SERIES), (175 + closed + 2 * 18 + 4, 29 + 3, 19));
    let metrics = Metrics::new();
    let before = series(&metrics.render());
    let cells = metrics.cells();
    for code in ["invalid_request", "made-up", "", "room_name_invalid\n"] {
        cells.inc(Counter::ClientErrors(ClientErrorCode::of(code)));
    }
    for status in [0, 200, 302, 404, 500, 999] {
        metrics.api_request(Route::Other, status, Duration::MAX);
    }
    for reason in CloseReason::ALL {
        cells.inc(Counter::ConnectionsClosed(Protocol::SocketIo, reason));
    }
    let text = metrics.render();
    assert_eq!(series(&text), before);
    assert!(value(&text, "roomcast_client_errors_total{code=\"other\"}") > 2.5);
}

#[test]
fn names_follow_the_rules_of_prometheus() {
    for family in table::all() {
        let total = family.name.ends_with("_total");
        assert_eq!(total, family.kind == table::Kind::Counter, "{}", family.name);
        assert!(!family.name.contains("_ms"), "{}", family.name);
        assert!(family.name.starts_with("roomcast_") && family.help.ends_with('.'), "{}", family.name);
        let timed = family.name.ends_with("_seconds") && !family.name.ends_with("_timestamp_seconds");
        assert_eq!(timed, family.kind == table::Kind::Histogram, "{}", family.name);
    }
    let names: BTreeSet<_> = table::all().map(|family| family.name).collect();
    assert_eq!(names.len(), table::all().count());
}

#[test]
fn a_scrape_adds_up_the_cells_of_all_threads() {
    let metrics = Metrics::new();
    let delivered = Counter::MessagesDelivered(Protocol::SocketIo);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let cells = metrics.cells();
            std::thread::spawn(move || {
                for _ in 0..10_000 {
                    cells.inc(delivered);
                }
                cells.add(Counter::SentBytes(Protocol::Raw), 5);
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no panic");
    }
    metrics.inc(delivered);
    assert_eq!(metrics.counter(delivered), 40_001);
    let text = metrics.render();
    let seen = value(&text, "roomcast_messages_delivered_total{protocol=\"socketio\"}");
    assert!((seen - 40_001.0).abs() < 0.5);
    assert_eq!(metrics.counter(Counter::SentBytes(Protocol::Raw)), 20);
    assert_eq!(metrics.counter(Counter::SentBytes(Protocol::Plain)), 0);
}

#[test]
fn what_one_thread_raises_another_may_lower() {
    let metrics = Metrics::new();
    let (one, other) = (metrics.cells(), metrics.cells());
    one.gauge_add(Gauge::MailboxBytes, 100);
    other.gauge_sub(Gauge::MailboxBytes, 30);
    metrics.gauge_sub(Gauge::MailboxBytes, 30);
    assert_eq!(metrics.gauge(Gauge::MailboxBytes), 40);
    other.gauge_sub(Gauge::MailboxBytes, 50);
    assert_eq!(metrics.gauge(Gauge::MailboxBytes), -10);
    assert!((value(&metrics.render(), "roomcast_mailbox_bytes") + 10.0).abs() < 0.5);
    metrics.gauge_set(Gauge::ConnectionsLimit, 7);
    metrics.gauge_set(Gauge::ConnectionsLimit, 9);
    assert_eq!(metrics.gauge(Gauge::ConnectionsLimit), 9);
}

#[test]
fn histograms_are_cumulative_and_know_their_sum() {
    let metrics = Metrics::new();
    let cells = metrics.cells();
    let latency = Histogram::DeliveryLatency(DeliveryPath::Local);
    for micros in [50, 100, 101, 3_000, 20_000_000] {
        cells.observe(latency, Duration::from_micros(micros));
    }
    let text = metrics.render();
    let bucket =
        |le: &str| value(&text, &format!("roomcast_delivery_latency_seconds_bucket{{path=\"local\",le=\"{le}\"}}"));
    for (le, count) in [("0.0001", 2.0), ("0.00025", 3.0), ("0.0025", 3.0), ("0.005", 4.0), ("10", 4.0), ("+Inf", 5.0)]
    {
        assert!((bucket(le) - count).abs() < 0.5, "{le}");
    }
    assert!((value(&text, "roomcast_delivery_latency_seconds_sum{path=\"local\"}") - 20.003_251).abs() < 1e-9);
    assert!((value(&text, "roomcast_delivery_latency_seconds_count{path=\"local\"}") - 5.0).abs() < 0.5);
}

#[test]
fn two_nodes_in_one_process_share_nothing() {
    let (one, other) = (Metrics::new(), Metrics::new());
    one.inc(Counter::ConnectionPanics);
    assert_eq!((one.counter(Counter::ConnectionPanics), other.counter(Counter::ConnectionPanics)), (1, 0));
}
