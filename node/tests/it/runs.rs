use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::nodes::Nodes;
use crate::site::Site;

/// A workflow that any node can carry out, slowly and without an end.
fn endless(name: &str, rate: u64) -> String {
    format!(
        "workflow:\n  name: {name}\n  source: {{ type: generate, config: {{ rate: {rate} }} }}\n  transformations: []\n  \
         destination: {{ type: stdout }}\n"
    )
}

/// A workflow that one machine alone can carry out.
fn local(nodes: &Nodes) -> String {
    let (input, output) = (nodes.site.path("in.csv"), nodes.site.path("out.db"));
    format!(
        "workflow:\n  name: local\n  source: {{ type: file, config: {{ path: {} }} }}\n  transformations: []\n  \
         destination: {{ type: sqlite, config: {{ path: {}, table: t, mode: append }} }}\n",
        input.display(),
        output.display()
    )
}

#[track_caller]
fn phase(nodes: &Nodes, node: u8, what: &str) -> String {
    let run = nodes.tool(node, &["runs", "get", what, "-o", "json"]).code(0).json();
    run["phase"].as_str().unwrap().to_owned()
}

#[test]
fn a_workflow_is_run_and_halted_from_any_node() {
    let nodes = Nodes::cluster(3);
    nodes.site.write("orders.yaml", endless("orders", 50));
    nodes.tool(1, &["workflow", "apply", "orders.yaml"]).code(0);
    nodes.tool(1, &["runs", "list"]).code(0).says("there are no runs").says("workflow run NAME");
    nodes.tool(1, &["runs", "get", "orders"]).code(1).says("has never run").says("workflow run orders");
    nodes.tool(1, &["workflow", "pause", "orders"]).code(1).says("not_running");

    let started = nodes.tool(2, &["workflow", "run", "orders", "-o", "json"]).code(0).json();
    assert_eq!((started["version"].as_u64(), started["continued"].as_bool()), (Some(1), Some(false)));
    let run = started["run"].as_str().unwrap();
    let refused = nodes.tool(3, &["workflow", "run", "orders"]).code(1);
    refused.says("error[run_active]").says(run).says("workflow stop orders");
    nodes.tool(3, &["runs", "list"]).code(0).says(run).says("running").says("all");
    assert_eq!(phase(&nodes, 1, run), "running");
    nodes.tool(1, &["partitions", "orders"]).code(0).says(run);
    let listed = nodes.tool(1, &["partitions", run, "-o", "json"]).code(0).json();
    assert_eq!((listed["run"].as_str(), listed["workflow"].as_str()), (Some(run), Some("orders")));

    nodes.tool(3, &["workflow", "pause", "orders"]).code(0).says("paused").says("workflow resume orders");
    assert_eq!(phase(&nodes, 1, "orders"), "paused");
    nodes.tool(1, &["runs", "get", "orders"]).code(0).says("workflow resume orders");
    nodes.tool(2, &["workflow", "resume", run]).code(0).says("continues with version 1");
    assert_eq!(phase(&nodes, 3, "orders"), "running");

    nodes.tool(2, &["workflow", "pause", "orders"]).code(0);
    nodes.site.write("orders.yaml", endless("orders", 60));
    nodes.tool(1, &["workflow", "apply", "orders.yaml"]).code(0).says("version 2");
    let refused = nodes.tool(1, &["workflow", "run", "orders"]).code(1);
    refused.says("error[workflow_changed]").says("--accept-changes").says("--restart");
    nodes.tool(1, &["workflow", "run", "orders", "--expect-version", "1"]).code(1).says("at version 2");
    nodes.tool(1, &["workflow", "run", "orders", "--accept-changes", "--restart"]).code(2);
    let continued = nodes.tool(1, &["workflow", "run", "orders", "--accept-changes"]).code(0);
    continued.says("continues with version 2").says(run);

    let restarted = nodes.tool(3, &["workflow", "run", "orders", "--restart", "-o", "json"]).code(0).json();
    let next = restarted["run"].as_str().unwrap();
    assert_ne!(next, run);
    nodes.tool(2, &["runs", "get", run]).code(0).says(&format!("replaced by run {next}"));
    nodes.tool(1, &["workflow", "delete", "orders"]).code(1).says("workflow stop");
    let stopped = nodes.tool(1, &["workflow", "stop", "orders", "-o", "json"]).code(0).json();
    assert_eq!((stopped["run"].as_str(), stopped["phase"].as_str()), (Some(next), Some("cancelled")));
    nodes.tool(2, &["workflow", "resume", next]).code(1).says("run_finished");
    let listed = nodes.tool(2, &["runs", "list", "orders", "-o", "json"]).code(0).json();
    let told: Vec<_> =
        listed.as_array().unwrap().iter().map(|run| (run["run"].as_str(), run["phase"].as_str())).collect();
    assert_eq!(told, [(Some(next), Some("cancelled")), (Some(run), Some("replaced"))]);
    let one = nodes.tool(2, &["runs", "list", "--limit", "1", "-o", "json"]).code(0).json();
    assert_eq!(one.as_array().map(Vec::len), Some(1));
    nodes.tool(1, &["workflow", "stop", "other"]).code(1).says("there is no workflow `other`");
    nodes.tool(1, &["runs", "list", "other"]).code(1).says("there is no workflow `other`");
}

#[test]
fn partitions_has_help() {
    let help = Site::new().run(&["partitions", "--help"]).code(0).stdout;
    for option in ["--server", "--tls-ca", "--timeout", "--output", "--stale", "WORKFLOW|RUN"] {
        assert!(help.contains(option), "{option}");
    }
}

#[test]
fn a_run_is_watched_to_its_end() {
    let nodes = Nodes::cluster(1);
    nodes.site.write("orders.yaml", endless("orders", 50));
    nodes.tool(1, &["workflow", "apply", "orders.yaml"]).code(0);
    nodes.tool(1, &["runs", "watch", "orders"]).code(1).says("has never run");
    let server = nodes.admin(1);
    let arguments = ["workflow", "run", "orders", "--watch", "-o", "json", "--server", &server];
    let mut watching = nodes.site.command(&arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap())
        .lines()
        .map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let started = lines.next().unwrap();
    let first = lines.next().unwrap();
    assert_eq!((&first["run"], first["phase"].as_str()), (&started["run"], Some("running")));
    nodes.tool(1, &["workflow", "pause", "orders"]).code(0);
    let paused = lines.find(|view| view["phase"] == "paused").unwrap();
    assert!(paused["partitions"]["total"].is_u64());
    nodes.tool(1, &["workflow", "stop", "orders"]).code(0).says("ended");
    let last = lines.last().unwrap();
    assert_eq!(last["phase"], "cancelled");
    assert_eq!(watching.wait().unwrap().code(), Some(1));
    let late = nodes.tool(1, &["runs", "watch", "orders"]).code(1);
    late.says("orders: cancelled").says("state        cancelled");
    nodes.tool(1, &["runs", "watch", started["run"].as_str().unwrap(), "-o", "json"]).code(1);
}

#[test]
fn a_local_workflow_is_tied_to_the_node_that_was_asked() {
    let nodes = Nodes::cluster(1);
    nodes.site.write("in.csv", "id\n1\n2\n3\n");
    nodes.site.write("local.yaml", local(&nodes));
    nodes.site.write("shared.yaml", endless("shared", 50));
    nodes.tool(1, &["workflow", "apply", "local.yaml", "shared.yaml"]).code(0);
    let shared = nodes.tool(1, &["workflow", "run", "shared"]).code(0);
    shared.says("runs watch shared");
    let run = nodes.tool(1, &["runs", "get", "shared", "-o", "json"]).code(0).json();
    assert!(run["pinned"].is_null(), "{run}");
    let ended = nodes.tool(1, &["workflow", "run", "local", "--watch"]).code(0);
    let pinned = format!("node {} alone, which has its files", nodes.id(1));
    ended.says("local: completed").says(&pinned).says("3 read = 3 delivered");
    let listed = nodes.tool(1, &["partitions", "local"]).code(0);
    listed.says("1 of 1 partitions done").says("in.csv");
    nodes.tool(1, &["workflow", "stop", "shared", "--yes"]).code(0);
}

#[test]
fn a_run_tells_where_its_dead_letters_lie() {
    let nodes = Nodes::cluster(3);
    let document = "workflow:\n  name: faulty\n  source: { type: generate, config: { rows: 20 } }\n  transformations:\n    - \
                    type: filter\n      on_error: dead_letter\n      config: { condition: \"1 / (id % 10) < 2\" }\n  destination: \
                    { type: stdout }\n";
    nodes.site.write("faulty.yaml", document);
    nodes.tool(1, &["workflow", "apply", "faulty.yaml"]).code(0);
    nodes.tool(1, &["workflow", "run", "faulty", "--watch"]).code(0);
    for node in [1, 3] {
        let run = nodes.tool(node, &["runs", "get", "faulty", "-o", "json"]).code(0).json();
        let set_aside: u64 = run["routes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|route| route["counters"]["dead_lettered"].as_u64().unwrap())
            .sum();
        let lies: u64 =
            run["dead_letters"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!((set_aside, lies), (2, 2), "{run}");
    }
    nodes
        .tool(1, &["runs", "get", "faulty"])
        .code(0)
        .says("2 dead letters lie in the data directory of node");
}
