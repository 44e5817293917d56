use etl_test_services::get;
use serde_json::Value;

use crate::nodes::Nodes;
use crate::observed::value;

const ENDLESS: &str = "workflow:\n  name: endless\n  source: { name: numbers, type: generate, config: { rate: 500, \
     partitions: 4 } }\n  transformations: []\n  destination: { name: sink, type: sqlite, config: { path: OUT, table: t } }\n";

/// Nodes that tell over HTTP; with where each does.
pub fn nodes(size: u8, more: &[&str]) -> Nodes {
    let mut nodes = Nodes::new();
    let host = format!("{}:0", nodes.host());
    nodes.all_with(&["--http-listen", &host]);
    nodes.all_with(more);
    nodes.grow(size);
    nodes
}

fn page(nodes: &Nodes, node: u8, path: &str) -> (u16, String) {
    get(nodes.http(node), path).unwrap()
}

#[test]
fn a_node_tells_how_it_is() {
    let mut nodes = nodes(3, &[]);
    let out = nodes.site.path("out.db").display().to_string();
    nodes.site.write("endless.yaml", ENDLESS.replace("OUT", &out));
    nodes.tool(1, &["workflow", "apply", "endless.yaml"]).code(0);
    nodes.tool(2, &["workflow", "run", "endless"]).code(0);
    let delivered =
        "actix_etl_records_delivered_total{workflow=\"endless\",step=\"sink\",connector=\"sqlite\"}";
    nodes.until("two nodes relay to the third, which counts what it writes", |nodes| {
        let text = page(nodes, 1, "/metrics").1;
        value(&text, delivered).is_some_and(|count| count > 0.0)
            && value(&text, "actix_etl_relay_bytes_total{direction=\"sent\"}").is_some_and(|sent| sent > 0.0)
    });
    let leader = nodes.leader();
    for node in 1..=3 {
        let text = page(&nodes, node, "/metrics").1;
        let flag = |name: &str| value(&text, name).unwrap_or_else(|| panic!("{name}\n{text}"));
        assert_eq!(flag("actix_etl_raft_leads"), if node == leader { 1.0 } else { 0.0 }, "{text}");
        assert_eq!((flag("actix_etl_raft_has_leader"), flag("actix_etl_ready")), (1.0, 1.0));
        assert_eq!((flag("actix_etl_raft_voters"), flag("actix_etl_nodes{state=\"up\"}")), (3.0, 3.0));
        assert!(flag("actix_etl_raft_applied_index") > 3.0 && flag("actix_etl_disk_free_bytes") > 0.0);
        assert_eq!(flag("actix_etl_runs{phase=\"running\"}"), 1.0);
        assert!(!text.contains("partition=\""), "{text}");
        assert_eq!(page(&nodes, node, "/readyz").0, 200);
        let health: Value = serde_json::from_str(&page(&nodes, node, "/health").1).unwrap();
        assert!(health["checks"].as_array().unwrap().len() >= 5, "{health}");
    }
    // How it ends depends on the disk of the machine.
    let health = nodes.tool(2, &["health", "-o", "json"]).json();
    let component = |name: &str| {
        let checks = health["checks"].as_array().unwrap();
        checks.iter().filter(|check| check["component"] == name).count()
    };
    assert_eq!((component("disk"), component("node"), component("consensus")), (3, 3, 1), "{health}");
    assert_eq!(component("workflow/endless"), 1, "{health}");
    nodes.tool(1, &["health"]).says("workflow/endless").says("COMPONENT");

    nodes.tool(1, &["cluster", "drain", &nodes.id(3).to_string()]).code(0);
    nodes.until("it is not ready while it drains", |nodes| page(nodes, 3, "/readyz").0 == 503);
    assert!(page(&nodes, 3, "/readyz").1.contains("drained"));
    assert_eq!(page(&nodes, 3, "/healthz").0, 200, "it lives");
    nodes.tool(1, &["health", "--strict"]).code(1).says("it is being drained");
    nodes.tool(1, &["workflow", "stop", "endless", "--yes"]).code(0);
    nodes.kill(3);
    nodes.until("a node that is down is told", |nodes| {
        let ended = nodes.tool(1, &["health"]);
        ended.code == Some(1) && ended.stdout.contains("it is down")
    });
}

#[test]
fn what_nodes_log_is_changed_while_they_run() {
    let mut nodes = nodes(3, &["--log-format", "json"]);
    let said = |nodes: &Nodes, node: u8| nodes.says(node).matches("\"level\":\"DEBUG\"").count();
    let shown = nodes.tool(1, &["node", "log-level"]).code(0);
    shown.says("info");
    nodes.tool(1, &["node", "log-level", "--set", "a=b=c"]).code(1).says("is no filter of a log");
    assert_eq!(said(&nodes, 2), 0);
    let second = nodes.id(2).to_string();
    let changed =
        nodes.tool(1, &["node", "log-level", "--set", "debug", "--for", "1h", "-o", "json"]).code(0).json();
    let all = changed.as_array().unwrap();
    assert!(all.len() == 3 && all.iter().all(|log| log["filter"] == "debug"), "{changed}");
    assert!(all[0]["until_ms"].as_u64().is_some());
    nodes.until("the other node logs more", |nodes| said(nodes, 2) > 0);
    let line = nodes.says(2).lines().find(|line| line.contains("\"level\":\"DEBUG\"")).unwrap().to_owned();
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["node"].as_u64(), Some(nodes.id(2)), "{line}");
    assert!(line["timestamp"].as_str().unwrap().ends_with('Z') && line["message"].is_string(), "{line}");
    let back = nodes.tool(1, &["node", "log-level", "--reset", "--node", &second]).code(0);
    assert!(back.stdout.contains("info") && !back.stdout.contains("debug"), "{}", back.stdout);
    nodes.tool(1, &["node", "log-level", "--node", "99999"]).code(1).says("99999");
    nodes.kill(2);
    let partly = nodes.tool(1, &["node", "log-level"]);
    assert!(partly.stdout.contains("debug until") && partly.stdout.contains("does not tell"), "{partly:?}");
    assert_eq!(partly.code, Some(3));
}

#[test]
fn the_log_names_workflow_run_step_and_node() {
    let mut nodes = nodes(1, &["--log-format", "json"]);
    let failing = "workflow:\n  name: failing\n  retry: { max_attempts: 3, initial_backoff: 10ms, max_backoff: 20ms }\n  source: { \
         name: numbers, type: generate, config: { rows: 5 } }\n  transformations: []\n  destination: { name: sink, type: postgres, \
         config: { url: \"postgres://me@127.0.0.1:1/db\", table: t } }\n";
    nodes.site.write("failing.yaml", failing);
    nodes.tool(1, &["workflow", "apply", "failing.yaml"]).code(0);
    nodes.tool(1, &["workflow", "run", "failing", "--watch"]).code(1);
    nodes.until("the failure is logged", |nodes| nodes.says(1).contains("\"workflow\":\"failing\""));
    let said = nodes.says(1);
    let lines: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let of_run: Vec<&Value> = lines.iter().filter(|line| line["workflow"] == "failing").collect();
    assert!(of_run.iter().all(|line| line["run"].is_string() && line["node"] == nodes.id(1)), "{of_run:#?}");
    let warned = of_run.iter().find(|line| line["level"] == "WARN").unwrap_or_else(|| panic!("{of_run:#?}"));
    assert!(warned["target"].as_str().unwrap().starts_with("etl_"), "{warned}");
}
