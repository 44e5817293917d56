//! Rows that are divided among shards which the nodes of a cluster carry out for each other, with all that follows.

use std::collections::{BTreeMap, BTreeSet};

use etl_test_services::{Database, PostgresServer};
use serde_json::Value;

use crate::nodes::Nodes;

const ROWS: i64 = 20_000;
const SHARDS: usize = 6;

/// Of the numbers 0, 1, 2, ... the odd ones are left out, and multiples of ten cannot be divided by.
fn workflow(rate: &str) -> String {
    format!(
        "workflow:\n  name: numbers\n  delivery: {{ guarantee: exactly_once }}\n  commit_interval: 50ms\n  parallelism: 6\n  \
         sources:\n    numbers: {{ type: generate, config: {{ rows: {ROWS}, partitions: 6{rate} }} }}\n  transformations:\n    \
         spread: {{ type: repartition, inputs: [numbers], config: {{ by: [id], shards: {SHARDS} }} }}\n    even: {{ type: \
         filter, inputs: [spread], config: {{ condition: \"id % 2 == 0\" }} }}\n    shape:\n      type: mapping\n      inputs: \
         [even]\n      on_error: dead_letter\n      config: {{ keep: [id], mappings: [ {{ destination: ratio, expression: \"100 / (id % \
         10)\" }} ] }}\n  destinations:\n    sink: {{ type: postgres, inputs: [shape], config: {{ url: \"${{PG_URL}}\", table: \
         numbers }} }}\n"
    )
}

fn started(database: &Database, rate: &str) -> Nodes {
    let mut nodes = Nodes::new();
    nodes.site.set("PG_URL", database.url());
    nodes.grow(3);
    nodes.site.write("numbers.yaml", workflow(rate));
    nodes.tool(1, &["workflow", "apply", "numbers.yaml"]).code(0);
    nodes.tool(2, &["workflow", "run", "numbers"]).code(0);
    nodes
}

fn run(nodes: &Nodes, node: u8) -> Value {
    nodes.tool(node, &["runs", "get", "numbers", "-o", "json"]).code(0).json()
}

/// Who carries out which shards.
fn shards(run: &Value) -> BTreeMap<u64, usize> {
    let mut shards = BTreeMap::new();
    for node in run["shards"].as_object().into_iter().flat_map(|shards| shards.values()) {
        *shards.entry(node.as_u64().unwrap()).or_default() += 1;
    }
    shards
}

#[track_caller]
fn is_exact(database: &Database, run: &Value) {
    let [tenth, half] = [ROWS / 10, ROWS / 2];
    assert_eq!((run["phase"].as_str(), run["routes"].as_array().unwrap().len()), (Some("completed"), 1));
    let counters = &run["routes"][0]["counters"];
    let count = |name: &str| counters[name].as_i64().unwrap();
    assert_eq!((count("read"), count("filtered"), count("dead_lettered")), (ROWS, half, tenth), "{run}");
    assert_eq!((count("delivered"), count("failed")), (half - tenth, 0), "{run}");
    let sql =
        "SELECT count(*), count(DISTINCT id), sum((ratio = 100 / (id % 10))::int), max(id % 2) FROM numbers";
    let rows = half - tenth;
    assert_eq!(database.psql(sql).unwrap(), format!("{rows}|{rows}|{rows}|0"));
}

#[test]
fn what_follows_a_repartition_is_carried_out_by_shard_and_every_record_is_accounted_for() {
    let database = PostgresServer::shared().fresh_database().unwrap();
    let nodes = started(&database, "");
    let watched = nodes.tool(1, &["runs", "watch", "numbers", "--timeout", "60s"]).code(0);
    watched.says("numbers: completed").says("dead-lettered");
    let run = run(&nodes, 3);
    is_exact(&database, &run);
    let of_nodes = shards(&run);
    assert_eq!(
        (of_nodes.len(), of_nodes.values().sum::<usize>()),
        (3, SHARDS),
        "all nodes have shards: {run}"
    );
    nodes.tool(2, &["runs", "get", "numbers"]).code(0).says("shards       of step sink on node").says("of6");

    let mut letters = BTreeSet::new();
    let mut lines = 0;
    for path in nodes.site.find("dead_letters").into_iter().filter(|path| path.is_file()) {
        for line in std::fs::read_to_string(path).unwrap().lines() {
            let letter: Value = serde_json::from_str(line).unwrap();
            assert_eq!(letter["step"], "shape", "the step that found it: {letter}");
            letters.insert(letter["record"]["id"].as_i64().unwrap());
            lines += 1;
        }
    }
    assert!(letters.iter().copied().eq((0..ROWS).step_by(10)), "{} letters", letters.len());
    assert_eq!(lines, ROWS / 10, "each once");
}

#[test]
fn the_shards_of_a_node_that_is_killed_go_on_elsewhere() {
    let database = PostgresServer::shared().fresh_database().unwrap();
    let mut nodes = started(&database, ", rate: 500");
    let some = |nodes: &mut Nodes| {
        let rows =
            database.psql("SELECT count(*) FROM numbers").ok().and_then(|rows| rows.parse::<i64>().ok());
        rows.is_some_and(|rows| rows > ROWS / 20) && shards(&run(nodes, 1)).len() == 3
    };
    nodes.until("some rows of all shards", some);
    let lost = nodes.id(3);
    nodes.kill(3);
    nodes.until("its shards are elsewhere", |nodes| {
        let of_nodes = shards(&run(nodes, 1));
        !of_nodes.contains_key(&lost) && of_nodes.values().sum::<usize>() == SHARDS
    });
    assert_eq!(run(&nodes, 1)["phase"], "running", "it was killed half-way");
    nodes.tool(1, &["runs", "watch", "numbers", "--timeout", "60s"]).code(0).says("numbers: completed");
    is_exact(&database, &run(&nodes, 2));
}
