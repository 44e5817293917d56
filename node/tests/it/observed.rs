use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use etl_test_services::get;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::site::Site;

/// The value of a series in the text of `/metrics`.
pub fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    line.parse().ok()
}

const ENDLESS: &str = "workflow:\n  name: endless\n  source: { name: numbers, type: generate, config: { rate: 2000, \
     partitions: 2 } }\n  transformations:\n    - { name: even, type: filter, config: { condition: \"id % 2 == 0\" } }\n  \
     destination: { name: sink, type: sqlite, config: { path: out.db, table: t } }\n";

#[test]
fn a_run_tells_what_it_does_over_http() {
    let site = Site::new();
    site.write("endless.yaml", ENDLESS);
    let mut command = site.command(&[
        "run",
        "endless.yaml",
        "--progress",
        "none",
        "--commit-interval",
        "100ms",
        "--http-listen",
        "127.0.0.1:0",
    ]);
    let mut running = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(running.stderr.take().unwrap()).lines();
    let address: SocketAddr = loop {
        let line = lines.next().expect("it has ended").unwrap();
        if let Some(url) = line.strip_prefix("metrics: http://") {
            break url.strip_suffix("/metrics").unwrap().parse().unwrap();
        }
    };
    let labels = |step: &str, connector: &str| {
        format!("{{workflow=\"endless\",step=\"{step}\",connector=\"{connector}\"}}")
    };
    let delivered = format!("actix_etl_records_delivered_total{}", labels("sink", "sqlite"));
    let began = Instant::now();
    let text = loop {
        let (status, text) = get(address, "/metrics").unwrap();
        assert_eq!(status, 200, "{text}");
        if value(&text, &delivered).is_some_and(|count| count > 500.0) {
            break text;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{text}");
        std::thread::park_timeout(Duration::from_millis(50));
    };
    let of = |name: &str, step: &str, connector: &str| {
        value(&text, &format!("{name}{}", labels(step, connector)))
            .unwrap_or_else(|| panic!("{name}\n{text}"))
    };
    let (read, delivered, filtered) = (
        of("actix_etl_records_read_total", "numbers", "generate"),
        of("actix_etl_records_delivered_total", "sink", "sqlite"),
        of("actix_etl_records_filtered_total", "sink", "sqlite"),
    );
    assert!(read >= delivered + filtered && filtered > 0.0, "{read} {delivered} {filtered}");
    assert_eq!(of("actix_etl_partitions_open", "numbers", "generate"), 2.0);
    assert!(of("actix_etl_units_committed_total", "sink", "sqlite") >= 2.0);
    assert!(
        value(&text, "actix_etl_lag_seconds{workflow=\"endless\"}").is_some_and(|lag| lag < 30.0),
        "{text}"
    );
    assert!(value(&text, "process_resident_memory_bytes").is_some_and(|bytes| bytes > 1e6), "{text}");
    assert_eq!(get(address, "/healthz").unwrap(), (200, "ok\n".to_owned()));
    assert_eq!(get(address, "/readyz").unwrap().0, 200);
    let (status, health) = get(address, "/health").unwrap();
    let health: Value = serde_json::from_str(&health).unwrap();
    assert_eq!((status, health["status"].as_str()), (200, Some("healthy")));
    assert_eq!(health["checks"][0]["component"], "workflow/endless");
    assert_eq!(get(address, "/nothing").unwrap().0, 404);
    kill_process(Pid::from_child(&running), Signal::TERM).unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(143));
}

#[test]
fn a_run_is_told_to_this_machine_alone() {
    let site = Site::new();
    site.write("endless.yaml", ENDLESS);
    let refused = site.run(&["run", "endless.yaml", "--http-listen", "0.0.0.0:0"]).code(2);
    refused.says("without TLS").says("loopback");
    site.run(&["run", "endless.yaml", "--otlp", "ftp://x"]).code(2).says("OTLP over gRPC");
    site.run(&["run", "endless.yaml", "--trace-sample", "2"]).code(2).says("from 0 to 1");
}

#[test]
fn a_run_shows_what_became_of_its_first_batch() {
    let site = Site::new();
    site.write("few.yaml", ENDLESS.replace("rate: 2000, partitions: 2", "rows: 10"));
    let ended = site.run(&["run", "few.yaml", "--progress", "none", "--trace-tree"]).code(0);
    let names: Vec<&str> = ended
        .stderr
        .lines()
        .filter_map(|line| line.trim_start_matches([' ', '│', '├', '└', '─']).split("  ").next())
        .collect();
    for expected in
        ["read numbers", "decode numbers", "transform even", "encode sink", "write sink", "commit sink"]
    {
        assert!(names.contains(&expected), "{expected} in\n{}", ended.stderr);
    }
    let none = site.run(&[
        "run",
        "few.yaml",
        "--restart",
        "--progress",
        "none",
        "--trace-tree",
        "--trace-sample",
        "0",
    ]);
    none.code(0).says("no span is kept");
}

#[test]
fn the_live_view_is_for_terminals() {
    let site = Site::new();
    site.run(&["top"]).code(2).says("`top` is for terminals").says("runs list");
}
