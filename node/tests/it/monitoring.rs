use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use etl_test_services::{JaegerServer, PrometheusServer, promtool_check};
use serde_json::Value;

use crate::observed_cluster::nodes;

const PATIENCE: Duration = Duration::from_secs(60);

fn deploy(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("deploy").join(file)
}

/// The queries of the dashboard, with the titles of their panels.
fn queries() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(deploy("grafana/actix-etl.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = target["expr"].as_str().unwrap();
            let query =
                query.replace("$workflow", ".*").replace("$__rate_interval", "10s").replace("$__range", "1m");
            assert!(!query.contains('$'), "{query}");
            queries.push((panel["title"].as_str().unwrap().to_owned(), query));
        }
    }
    assert!(queries.len() > 25, "{queries:?}");
    queries
}

/// The metrics that a query names.
fn metrics(query: &str) -> Vec<String> {
    let words = query.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("actix_etl_")).map(str::to_owned).collect()
}

/// A run on three nodes that reads, filters, relays, sets records aside and commits.
const BUSY: &str = "workflow:\n  name: busy\n  source: { name: numbers, type: generate, config: { rate: 3000, partitions: 6 } }\n  \
     transformations:\n    - { name: even, type: filter, config: { condition: \"id % 2 == 0\" } }\n    - name: share\n      type: \
     mapping\n      on_error: dead_letter\n      config: { mappings: [ { expression: \"100 / (id % 50)\", destination: share } ] }\n  \
     destination:\n    name: sink\n    type: sqlite\n    rate_limit: { records: 1000000, per: 1s }\n    circuit_breaker: { \
     failures: 5, within: 30s, open_for: 10s }\n    config: { path: OUT, table: t }\n";

#[test]
fn a_real_prometheus_answers_every_query_of_dashboard_and_alerts() {
    promtool_check("config", &deploy("prometheus/prometheus.yml")).unwrap();
    promtool_check("rules", &deploy("prometheus/rules.yml")).unwrap();
    let mut nodes = nodes(3, &[]);
    let out = nodes.site.path("out.db").display().to_string();
    nodes.site.write("busy.yaml", BUSY.replace("OUT", &out));
    nodes.tool(1, &["workflow", "apply", "busy.yaml"]).code(0);
    nodes.tool(1, &["workflow", "run", "busy"]).code(0);
    let targets: Vec<_> = (1..=3).map(|node| nodes.http(node)).collect();
    let server = PrometheusServer::start(&targets, Some(&deploy("prometheus/rules.yml"))).unwrap();

    // What happens only when something is wrong, or spans are sent, has no data in a good run.
    let without_data = ["actix_etl_spans_", "actix_etl_failures_total", "actix_etl_retries_total"];
    let began = Instant::now();
    for (title, query) in queries() {
        let is_quiet = without_data.iter().any(|metric| query.contains(metric));
        loop {
            let answer: Value = serde_json::from_str(&server.query(&query).unwrap()).unwrap();
            assert_eq!(answer["status"], "success", "{title}: {query}: {answer}");
            if is_quiet || !answer["data"]["result"].as_array().unwrap().is_empty() {
                break;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "{title}: `{query}` has no data; {}",
                server.targets().unwrap()
            );
            std::thread::park_timeout(Duration::from_millis(200));
        }
        for metric in metrics(&query) {
            let base = metric.trim_end_matches("_bucket");
            let known = etl_telemetry::catalog::ALL.iter().any(|known| known.name == base);
            assert!(known, "{title}: there is no metric {metric}");
        }
    }
    let value = |query: &str| -> f64 {
        let answer: Value = serde_json::from_str(&server.query(query).unwrap()).unwrap();
        let value = answer["data"]["result"][0]["value"][1].as_str();
        value.unwrap_or_else(|| panic!("{query}: {answer}")).parse().unwrap()
    };
    let (read, delivered) =
        (value("sum(actix_etl_records_read_total)"), value("sum(actix_etl_records_delivered_total)"));
    assert!(read > delivered && delivered > 0.0, "{read} {delivered}");
    assert!(value("sum(actix_etl_records_dead_lettered_total{step=\"share\"})") > 0.0);
    assert_eq!(value("sum(up{job=\"actix-etl\"})"), 3.0);
    assert_eq!(value("count(actix_etl_build_info)"), 3.0);

    let rules: Value = serde_json::from_str(&server.rules().unwrap()).unwrap();
    let mut alerts = 0;
    for group in rules["data"]["groups"].as_array().unwrap() {
        for rule in group["rules"].as_array().unwrap() {
            alerts += 1;
            assert!(matches!(rule["health"].as_str(), Some("ok" | "unknown")), "{rule}");
            let answer: Value =
                serde_json::from_str(&server.query(rule["query"].as_str().unwrap()).unwrap()).unwrap();
            assert_eq!(answer["status"], "success", "{rule}");
        }
    }
    assert!(alerts >= 12, "{rules}");
    let firing = |alert: &str| {
        let rules: Value = serde_json::from_str(&server.rules().unwrap()).unwrap();
        let mut all = rules["data"]["groups"].as_array().unwrap().iter().flat_map(|group| {
            group["rules"]
                .as_array()
                .unwrap()
                .iter()
                .map(|rule| (rule["name"].clone(), rule["state"].clone()))
                .collect::<Vec<_>>()
        });
        all.any(|(name, state)| name == alert && (state == "firing" || state == "pending"))
    };
    nodes.until("the alert about dead letters fires", |_| firing("ActixEtlDeadLetters"));
    nodes.kill(3);
    nodes.until("the alert about a node that is gone is on its way", |_| firing("ActixEtlNodeUnreachable"));
}

fn tags(of: &Value) -> std::collections::BTreeMap<String, Value> {
    let tags = of["tags"].as_array().unwrap();
    tags.iter().map(|tag| (tag["key"].as_str().unwrap().to_owned(), tag["value"].clone())).collect()
}

#[test]
fn a_real_jaeger_shows_one_trace_over_three_nodes() {
    let jaeger = JaegerServer::start().unwrap();
    let endpoint = format!("http://{}", jaeger.otlp());
    let nodes = nodes(3, &["--tracing-endpoint", &endpoint, "--tracing-sample", "1"]);
    let out = nodes.site.path("out.db").display().to_string();
    let traced = "workflow:\n  name: traced\n  source: { name: numbers, type: generate, config: { rows: 3000, partitions: 6 } }\n  \
         transformations:\n    - { name: even, type: filter, config: { condition: \"id % 2 == 0\" } }\n  destination: { name: sink, \
         type: sqlite, config: { path: OUT, table: t } }\n";
    nodes.site.write("traced.yaml", traced.replace("OUT", &out));
    nodes.tool(1, &["workflow", "apply", "traced.yaml"]).code(0);
    let started = nodes.tool(1, &["workflow", "run", "traced", "-o", "json"]).code(0).json();
    let run = started["run"].as_str().unwrap().to_owned();
    nodes.tool(1, &["runs", "watch", "traced"]).code(0);

    let began = Instant::now();
    let whole = loop {
        let query = format!("/api/traces?service=actix-etl&limit=200&tags=%7B%22etl.run%22%3A%22{run}%22%7D");
        let found: Value = serde_json::from_str(&jaeger.ask(&query).unwrap()).unwrap();
        let has = |trace: &&Value, name: &str| {
            trace["spans"].as_array().unwrap().iter().any(|span| span["operationName"] == name)
        };
        let all = ["read numbers", "write sink", "commit sink", "relay write sink", "relay commit sink"];
        let data = found["data"].as_array().unwrap();
        if let Some(trace) = data.iter().find(|trace| all.iter().all(|name| has(trace, name))) {
            break trace.clone();
        }
        assert!(began.elapsed() < PATIENCE, "{found:#}");
        std::thread::park_timeout(Duration::from_millis(200));
    };
    let spans = whole["spans"].as_array().unwrap();
    let one = |name: &str| {
        spans.iter().find(|span| span["operationName"] == name).unwrap_or_else(|| panic!("{name}"))
    };
    let parent = |span: &Value| {
        let references = span["references"].as_array().unwrap();
        let child_of = references.iter().find(|reference| reference["refType"] == "CHILD_OF");
        child_of.map(|reference| reference["spanID"].as_str().unwrap().to_owned())
    };
    let id = |span: &Value| span["spanID"].as_str().unwrap().to_owned();
    let read = one("read numbers");
    assert_eq!(parent(read), None);
    for name in ["decode numbers", "transform even", "encode sink", "write sink", "commit sink"] {
        assert_eq!(parent(one(name)), Some(id(read)), "{name}: {spans:#?}");
    }
    let (write, hop) = (one("write sink"), one("relay write sink"));
    assert_eq!(parent(hop), Some(id(write)), "{spans:#?}");
    assert_eq!(parent(one("relay commit sink")), Some(id(one("commit sink"))), "{spans:#?}");
    let (here, there) = (tags(write), tags(hop));
    assert_ne!(here["etl.node"], there["etl.node"], "the hop leads to another node");
    for (name, value) in [
        ("etl.workflow", "traced"),
        ("etl.run", run.as_str()),
        ("db.system.name", "sqlite"),
        ("span.kind", "client"),
    ] {
        assert_eq!(here[name], value, "{here:?}");
    }
    assert_eq!(
        (there["span.kind"].as_str(), there["rpc.system"].as_str()),
        (Some("server"), Some("grpc")),
        "{there:?}"
    );
    for span in spans {
        let duration = span["duration"].as_u64().unwrap();
        assert!(duration < 60_000_000, "{span:#}");
    }
    assert!(write["duration"].as_u64() > Some(0), "{write:#}");
    let services: Value = serde_json::from_str(&jaeger.ask("/api/services").unwrap()).unwrap();
    assert!(services["data"].as_array().unwrap().iter().any(|service| service == "actix-etl"), "{services}");

    let tree = nodes.tool(2, &["trace", "traced", "--limit", "100"]).code(0);
    tree.says("read numbers").says("relay write sink").says("on node ");
    let document = nodes.tool(3, &["trace", &run, "-o", "json"]).code(0).json();
    assert!(!document["traces"].as_array().unwrap().is_empty(), "{document}");

    let began = Instant::now();
    loop {
        let query = "/api/traces?service=actix-etl&limit=50&operation=RunWorkflow";
        let found: Value = serde_json::from_str(&jaeger.ask(query).unwrap()).unwrap();
        let data = found["data"].as_array().unwrap();
        let names = |trace: &Value| -> Vec<String> {
            let spans = trace["spans"].as_array().unwrap();
            spans.iter().map(|span| span["operationName"].as_str().unwrap().to_owned()).collect()
        };
        let is_whole = |trace: &Value| {
            let names = names(trace);
            ["RunWorkflow", "propose", "start of the run"]
                .iter()
                .all(|name| names.iter().any(|known| known == name))
        };
        if data.iter().any(is_whole) {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{:?}", data.iter().map(names).collect::<Vec<_>>());
        std::thread::park_timeout(Duration::from_millis(200));
    }
}
