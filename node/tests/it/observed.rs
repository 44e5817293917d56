use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Stdio};
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

/// A run that tells of itself over HTTP, and where.
fn start(site: &Site, file: &str) -> (Child, SocketAddr) {
    let mut command = site.command(&[
        "run",
        file,
        "--progress",
        "none",
        "--commit-interval",
        "100ms",
        "--http-listen",
        "127.0.0.1:0",
    ]);
    let mut running = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(running.stderr.take().unwrap()).lines();
    let told =
        lines.by_ref().find_map(|line| line.unwrap().strip_prefix("metrics: http://").map(str::to_owned));
    let address = told.expect("it has ended").strip_suffix("/metrics").unwrap().parse().unwrap();
    // Nobody reads the rest, which must not stop it.
    std::thread::spawn(move || lines.count());
    (running, address)
}

/// The text of `/metrics` once it fits.
fn metrics(address: SocketAddr, fits: impl Fn(&str) -> bool) -> String {
    let began = Instant::now();
    loop {
        let (status, text) = get(address, "/metrics").unwrap();
        assert_eq!(status, 200, "{text}");
        if fits(&text) {
            return text;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{text}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

#[test]
fn a_run_tells_what_it_does_over_http() {
    let site = Site::new();
    site.write("endless.yaml", ENDLESS);
    let (mut running, address) = start(&site, "endless.yaml");
    let labels = |step: &str, connector: &str| {
        format!("{{workflow=\"endless\",step=\"{step}\",connector=\"{connector}\"}}")
    };
    let delivered = format!("actix_etl_records_delivered_total{}", labels("sink", "sqlite"));
    let text = metrics(address, |text| value(text, &delivered).is_some_and(|count| count > 500.0));
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

/// A server that refuses connections holds its partition back; no record fails, and the run can be stopped.
#[test]
fn a_breaker_that_is_open_is_seen_and_does_not_keep_a_run_from_ending() {
    let refusing = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let site = Site::new();
    let enrich = format!(
        "- type: enrich\n      circuit_breaker: {{ failures: 1, open_for: 1h, name: crm }}\n      config:\n        type: \
         http\n        url: \"http://{refusing}/{{{{id}}}}\"\n        retry: {{ max_attempts: 1 }}\n        \
         result_mapping: [{{ source: response.a, destination: a, default: null }}]\n"
    );
    let filter = "- { name: even, type: filter, config: { condition: \"id % 2 == 0\" } }\n";
    site.write("away.yaml", ENDLESS.replace(filter, &enrich));
    let (mut running, address) = start(&site, "away.yaml");
    let open = "actix_etl_breaker_open{breaker=\"crm\"}";
    let waiting = "actix_etl_breaker_waiting_partitions{breaker=\"crm\"}";
    metrics(address, |text| value(text, open) == Some(1.0) && value(text, waiting) >= Some(1.0));
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
