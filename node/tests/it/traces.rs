use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use etl_test_services::PostgresServer;
use opentelemetry_proto::tonic::trace::v1::Span;

use crate::collector::{Collector, Mood, attributes};
use crate::nodes::Nodes;
use crate::site::Site;

const PATIENCE: Duration = Duration::from_secs(120);

fn workflow(rows: u64) -> String {
    format!(
        "workflow:\n  name: orders\n  source: {{ name: numbers, type: generate, config: {{ rows: {rows}, partitions: 2 }} }}\n  \
         transformations:\n    - {{ name: even, type: filter, config: {{ condition: \"id % 2 == 0\" }} }}\n  destination: {{ name: \
         sink, type: sqlite, config: {{ path: out.db, table: t }} }}\n"
    )
}

fn by_name(spans: &[Span]) -> BTreeMap<&str, Vec<&Span>> {
    let mut names: BTreeMap<&str, Vec<&Span>> = BTreeMap::new();
    for span in spans {
        names.entry(&span.name).or_default().push(span);
    }
    names
}

#[test]
fn every_batch_has_one_trace_from_the_source_to_the_commit() {
    let (mut site, collector) = (Site::new(), Collector::start(Mood::Takes));
    site.set("ACTIX_ETL_SECRET_KEY", "very-secret-key");
    site.set("OTEL_EXPORTER_OTLP_HEADERS", "x-key=${secret:key},x-plain=a=b");
    site.write("orders.yaml", workflow(100_000));
    let url = collector.url();
    let arguments = ["run", "orders.yaml", "--progress", "none", "--otlp", &url, "--trace-sample", "100%"];
    let ended = site.run(&arguments).code(0);
    assert!(!ended.stderr.contains("very-secret"), "{}", ended.stderr);
    // All were sent before it ended.
    let spans = collector.spans();
    let names = by_name(&spans);
    let reads = &names["read numbers"];
    let traces: BTreeSet<&[u8]> = reads.iter().map(|span| span.trace_id.as_slice()).collect();
    assert_eq!(traces.len(), reads.len(), "each batch has a trace of its own");
    assert!(reads.len() >= 2 && reads.iter().all(|span| span.parent_span_id.is_empty()));
    let roots: BTreeMap<&[u8], &[u8]> =
        reads.iter().map(|span| (span.trace_id.as_slice(), span.span_id.as_slice())).collect();
    for name in ["decode numbers", "transform even", "encode sink", "write sink"] {
        assert_eq!(names[name].len(), reads.len(), "{name}");
        for span in &names[name] {
            assert_eq!(roots[span.trace_id.as_slice()], span.parent_span_id, "{name}");
            assert!(span.end_time_unix_nano >= span.start_time_unix_nano && span.start_time_unix_nano > 0);
        }
    }
    let commits = &names["commit sink"];
    let linked: usize = commits.iter().map(|span| span.links.len()).sum();
    let of_batches = commits.iter().filter(|span| roots.contains_key(span.trace_id.as_slice())).count();
    assert_eq!(linked + of_batches, reads.len(), "every batch has its commit, as parent or by a link");
    let told = attributes(&names["write sink"][0].attributes);
    for (name, value) in [
        ("etl.workflow", "orders"),
        ("etl.step", "sink"),
        ("etl.connector", "sqlite"),
        ("db.system.name", "sqlite"),
        ("etl.operation", "write"),
    ] {
        assert_eq!(told.get(name).map(String::as_str), Some(value), "{told:?}");
    }
    let records: u64 = names["write sink"]
        .iter()
        .map(|span| attributes(&span.attributes)["etl.records"].parse::<u64>().unwrap())
        .sum();
    assert_eq!(records, 50_000);
    assert_eq!(collector.resources()[0]["service.name"], "actix-etl");
    let headers = &collector.headers()[0];
    assert_eq!((headers["x-key"].as_str(), headers["x-plain"].as_str()), ("very-secret-key", "a=b"));
}

#[test]
fn a_step_that_fails_is_seen_in_the_trace() {
    let (site, collector) = (Site::new(), Collector::start(Mood::Takes));
    site.write("orders.yaml", workflow(10).replace("path: out.db", "path: locked.db"));
    let locked = rusqlite::Connection::open(site.path("locked.db")).unwrap();
    locked.execute_batch("CREATE TABLE t (n TEXT CHECK (n <> '4')); ").unwrap();
    drop(locked);
    let url = collector.url();
    let ended =
        site.run(&["run", "orders.yaml", "--progress", "none", "--otlp", &url, "--trace-sample", "1"]);
    assert_ne!(ended.code, Some(0));
    let spans = collector.spans();
    let failed = spans.iter().find(|span| span.status.as_ref().is_some_and(|status| status.code == 2));
    let failed = failed.unwrap_or_else(|| panic!("{:?}\n{}", by_name(&spans).keys(), ended.stderr));
    let event = failed.events.iter().find(|event| event.name == "exception").unwrap();
    assert!(attributes(&event.attributes).contains_key("exception.type"), "{event:?}");
}

#[test]
fn a_record_that_cannot_be_read_is_seen_in_the_trace() {
    let (site, collector) = (Site::new(), Collector::start(Mood::Takes));
    site.write("in.csv", "n\n1\n2,3\n");
    site.write(
        "orders.yaml",
        "workflow:\n  name: orders\n  source: { name: rows, type: file, on_error: fail, config: { path: in.csv } }\n  \
         transformations: []\n  destination: { name: sink, type: sqlite, config: { path: out.db, table: t } }\n",
    );
    let url = collector.url();
    let ended =
        site.run(&["run", "orders.yaml", "--progress", "none", "--otlp", &url, "--trace-sample", "1"]);
    assert_ne!(ended.code, Some(0));
    let spans = collector.spans();
    let failed = |span: &&&Span| span.status.as_ref().is_some_and(|status| status.code == 2);
    let names = by_name(&spans);
    let decode = names["decode rows"].iter().find(failed).unwrap_or_else(|| panic!("{spans:#?}"));
    assert_eq!(decode.parent_span_id, names["read rows"][0].span_id);
    let event = decode.events.iter().find(|event| event.name == "exception").unwrap();
    assert!(attributes(&event.attributes)["exception.message"].contains("in.csv:3"), "{event:?}");
}

#[test]
fn a_source_that_cannot_be_read_any_further_is_seen_in_the_trace() {
    let (site, collector) = (Site::new(), Collector::start(Mood::Takes));
    let rows: String = std::iter::once("n".to_owned())
        .chain((0..400_000).map(|n| n.to_string()))
        .collect::<Vec<_>>()
        .join("\n");
    site.write("in.csv", rows);
    assert!(Command::new("gzip").arg(site.path("in.csv")).status().unwrap().success());
    let compressed = std::fs::read(site.path("in.csv.gz")).unwrap();
    std::fs::write(site.path("in.csv.gz"), &compressed[..compressed.len() / 2]).unwrap();
    site.write(
        "orders.yaml",
        "workflow:\n  name: orders\n  source: { name: rows, type: file, config: { path: in.csv.gz } }\n  transformations: []\n  destination: { name: \
         sink, type: sqlite, config: { path: out.db, table: t } }\n",
    );
    let url = collector.url();
    let ended =
        site.run(&["run", "orders.yaml", "--progress", "none", "--otlp", &url, "--trace-sample", "1"]);
    assert_ne!(ended.code, Some(0));
    let spans = collector.spans();
    let failed = |span: &&Span| span.status.as_ref().is_some_and(|status| status.code == 2);
    let read = spans.iter().find(|span| span.name == "read rows" && failed(span));
    let read = read.unwrap_or_else(|| panic!("{:?}\n{}", by_name(&spans).keys(), ended.stderr));
    assert!(read.events.iter().any(|event| event.name == "exception"), "{read:?}");
}

#[test]
fn a_transformation_that_another_node_carries_out_is_in_the_trace_of_its_batch() {
    let collector = Collector::start(Mood::Takes);
    let database = PostgresServer::shared().fresh_database().unwrap();
    let mut nodes = Nodes::new();
    nodes.site.set("PG_URL", database.url());
    nodes.all_with(&["--tracing-endpoint", &collector.url(), "--tracing-sample", "1"]);
    nodes.grow(3);
    nodes.site.write(
        "spread.yaml",
        "workflow:\n  name: spread\n  sources:\n    numbers: { type: generate, config: { rows: 3000, partitions: 6 } }\n  \
         transformations:\n    divide: { type: repartition, inputs: [numbers], config: { by: [id], shards: 6 } }\n    even: { \
         type: filter, inputs: [divide], config: { condition: \"id % 2 == 0\" } }\n  destinations:\n    sink: { type: postgres, \
         inputs: [even], config: { url: \"${PG_URL}\", table: t } }\n",
    );
    nodes.tool(1, &["workflow", "apply", "spread.yaml"]).code(0);
    nodes.tool(1, &["workflow", "run", "spread"]).code(0);
    nodes.tool(2, &["runs", "watch", "spread", "--timeout", "60s"]).code(0).says("spread: completed");
    let began = Instant::now();
    // The read, the write that goes to the node that has the shard, and what that does: each below the one before.
    let whole = |spans: &[Span]| -> bool {
        let by_id: BTreeMap<&[u8], &Span> =
            spans.iter().map(|span| (span.span_id.as_slice(), span)).collect();
        let node = |span: &Span| attributes(&span.attributes).get("etl.node").cloned();
        let mut transformed = spans.iter().filter(|span| span.name == "transform even");
        transformed.any(|transform| {
            let mut above = Vec::new();
            let mut span = transform;
            while let Some(parent) = by_id.get(span.parent_span_id.as_slice()) {
                assert_eq!(parent.trace_id, transform.trace_id);
                above.push(*parent);
                span = parent;
            }
            let read = above.last().filter(|span| span.name == "read numbers");
            let written = above.first().is_some_and(|span| span.name == "write sink");
            read.is_some_and(|read| written && node(read).is_some() && node(read) != node(transform))
        })
    };
    loop {
        let spans = collector.spans();
        if whole(&spans) {
            break;
        }
        let names = by_name(&spans);
        let seen: Vec<_> = names.iter().map(|(name, spans)| (name, spans.len())).collect();
        assert!(
            began.elapsed() < PATIENCE,
            "{seen:?} {:#?}",
            names.get("transform even").map(|spans| spans[0])
        );
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

#[test]
fn a_partition_that_is_tried_again_is_seen_in_the_trace_of_the_run() {
    let (site, collector) = (Site::new(), Collector::start(Mood::Takes));
    site.write(
        "away.yaml",
        "workflow:\n  name: away\n  retry: { max_attempts: 50, initial_backoff: 10ms, max_backoff: 20ms }\n  source: { name: \
         numbers, type: generate, config: { rate: 200 } }\n  transformations: []\n  destination: { name: sink, type: sqlite, \
         config: { path: out.db, table: t } }\n",
    );
    let url = collector.url();
    let arguments = ["run", "away.yaml", "--progress", "none", "--commit-interval", "50ms", "--otlp", &url];
    let log = std::fs::File::create(site.path("log")).unwrap();
    let mut running = site.command(&arguments).stdout(Stdio::null()).stderr(log).spawn().unwrap();
    let began = Instant::now();
    while site.number("out.db", "SELECT count(*) FROM t").is_none_or(|rows| rows == 0) {
        assert!(began.elapsed() < PATIENCE, "nothing is written");
        std::thread::park_timeout(Duration::from_millis(10));
    }
    let locked = rusqlite::Connection::open(site.path("out.db")).unwrap();
    locked.busy_timeout(PATIENCE).unwrap();
    locked.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let retry = loop {
        if let Some(span) = collector.spans().into_iter().find(|span| span.name == "retry numbers") {
            break span;
        }
        assert!(began.elapsed() < PATIENCE, "{:?}", by_name(&collector.spans()).keys());
        std::thread::park_timeout(Duration::from_millis(20));
    };
    locked.execute_batch("ROLLBACK").unwrap();
    running.kill().unwrap();
    running.wait().unwrap();
    let run = attributes(&retry.attributes)["etl.run"].replace('-', "");
    let trace: String = retry.trace_id.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(trace, run, "the run's own trace");
    let event = attributes(&retry.events[0].attributes);
    assert_eq!((retry.events[0].name.as_str(), event["attempt"].as_str()), ("retry", "1"));
    assert!(event.contains_key("exception.type"), "{event:?}");

    let log = site.read("log");
    let lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let line =
        lines.into_iter().find(|line| line["message"] == "retrying").unwrap_or_else(|| panic!("{log}"));
    for (name, value) in
        [("workflow", "away"), ("step", "numbers"), ("connector", "generate"), ("level", "WARN")]
    {
        assert_eq!(line[name], value, "{line}");
    }
    assert!(
        line["run"].is_string() && line["partition"].is_string() && line["epoch"].as_u64() > Some(0),
        "{line}"
    );
}

#[test]
fn a_collector_that_is_slow_or_refuses_or_is_not_there_does_not_slow_a_run() {
    let time = |url: Option<&str>| {
        let site = Site::new();
        site.write("orders.yaml", workflow(200_000));
        let mut arguments =
            vec!["run", "orders.yaml", "-o", "json", "--progress", "none", "--trace-sample", "1"];
        if let Some(url) = url {
            arguments.extend(["--otlp", url]);
        }
        let began = Instant::now();
        let ended = site.run(&arguments).code(0);
        assert_eq!(ended.counters().delivered, 100_000);
        let engine = ended.json()["elapsed_ms"].as_f64().or_else(|| ended.json()["seconds"].as_f64());
        (began.elapsed(), engine)
    };
    let (alone, _) = time(None);
    for mood in [Mood::Refuses, Mood::Sleeps] {
        let collector = Collector::start(mood);
        let (took, _) = time(Some(&collector.url()));
        // At the end it tries for five seconds to send what is left.
        assert!(took < alone * 3 + Duration::from_secs(8), "{mood:?}: {took:?}, alone {alone:?}");
    }
    let (took, _) = time(Some("http://127.0.0.1:1"));
    assert!(took < alone * 3 + Duration::from_secs(8), "nobody there: {took:?}, alone {alone:?}");
}
