use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::nodes::Nodes;

const PASSWORD: &str = "never-to-be-shown";

/// A workflow whose destination nobody serves.
const UNREACHABLE: &str = "workflow:\n  name: unreachable\n  retry: { max_attempts: 3, initial_backoff: 10ms, max_backoff: \
     20ms }\n  source: { type: generate, config: { rows: 5 } }\n  transformations: []\n  destination: { type: postgres, \
     config: { url: \"postgres://me:${secret:pg}@127.0.0.1:1/db\", table: t } }\n";

const ENDLESS: &str = "workflow:\n  name: endless\n  source: { name: numbers, type: generate, config: { rate: 100, partitions: \
     4 } }\n  transformations: []\n  destination: { type: stdout }\n";

fn events(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

#[test]
fn what_all_nodes_have_logged_about_a_run_is_told_by_any() {
    let nodes = Nodes::pair();
    nodes.site.write("endless.yaml", ENDLESS);
    nodes.tool(1, &["workflow", "apply", "endless.yaml"]).code(0);
    nodes.tool(1, &["runs", "logs", "endless"]).code(1).says("has never run");
    nodes.tool(2, &["workflow", "run", "endless"]).code(0);
    let server = nodes.admin(1);
    let arguments =
        ["runs", "logs", "endless", "--follow", "--level", "debug", "-o", "json", "--server", &server];
    let mut following = nodes.site.command(&arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    let both = BTreeSet::from([Some(nodes.id(1)), Some(nodes.id(2))]);
    let mut begun = BTreeSet::new();
    while begun != both {
        let event: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        if event["message"] == "a partition begins here" {
            assert_eq!(
                (event["level"].as_str(), event["fields"]["source"].as_str()),
                (Some("debug"), Some("numbers"))
            );
            begun.insert(event["node"].as_u64());
        }
    }
    nodes.tool(2, &["workflow", "stop", "endless"]).code(0);
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(following.wait().unwrap().code(), Some(0));
    assert!(rest.iter().any(|line| line.contains("the run is ended, as was asked for here")), "{rest:?}");

    let all = events(&nodes.tool(2, &["runs", "logs", "endless", "-o", "json"]).code(0).stdout);
    let times: Vec<_> = all.iter().map(|event| event["at_us"].as_u64().unwrap()).collect();
    assert!(times.is_sorted(), "{all:?}");
    assert!(all.iter().all(|event| event["level"] != "debug"));
    let nodes_of = |message: &str| -> Vec<_> {
        all.iter().filter(|event| event["message"] == message).map(|event| event["node"].as_u64()).collect()
    };
    assert_eq!(nodes_of("the run begins, as was asked for here"), [Some(nodes.id(2))]);
    assert!(!nodes_of("this node coordinates the run").is_empty(), "{all:?}");
    let text = nodes.tool(1, &["runs", "logs", "endless"]).code(0);
    text.says("INFO").says("the run begins, as was asked for here workflow=endless version=1");
    let grave = nodes.tool(1, &["runs", "logs", "endless", "--level", "error"]).code(0);
    grave.says("nothing is kept about it").says("in memory");
}

#[test]
fn a_failure_is_told_without_a_secret_and_a_node_that_is_gone_is_named() {
    let mut nodes = Nodes::new();
    nodes.site.set("ACTIX_ETL_SECRET_PG", PASSWORD);
    nodes.grow(3);
    nodes.site.write("unreachable.yaml", UNREACHABLE);
    nodes.tool(1, &["workflow", "apply", "unreachable.yaml"]).code(0);
    let failed = nodes.tool(1, &["workflow", "run", "unreachable", "--watch"]).code(1);
    failed.says("failed");
    let told = nodes.tool(2, &["runs", "logs", "unreachable", "--level", "debug", "-o", "json"]).code(0);
    let warnings = events(&told.stdout).into_iter().filter(|event| event["level"] == "warn");
    let messages: BTreeSet<String> =
        warnings.map(|event| event["message"].as_str().unwrap().to_owned()).collect();
    assert!(messages.contains("looking for partitions again"), "{messages:?}");
    assert!(messages.contains("the run cannot go on"), "{messages:?}");
    assert!(told.stdout.contains("Connection refused"), "{}", told.stdout);
    assert!(!told.stdout.contains(PASSWORD));
    for node in 1..=3 {
        assert!(!nodes.says(node).contains(PASSWORD), "node {node}");
    }
    let gone = nodes.id(3);
    nodes.kill(3);
    let told = nodes.tool(1, &["runs", "logs", "unreachable"]).code(0);
    told.says(&format!("node {gone} does not tell what it has logged"));
}
