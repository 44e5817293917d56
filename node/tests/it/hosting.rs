//! Steps that one node carries out for partitions on all nodes.

use std::collections::BTreeSet;

use crate::nodes::Nodes;

const ROWS: i64 = 24_000;

/// Numbered records from every node, shaped on one node and delivered to a file of another.
fn workflow(nodes: &Nodes, shape: u64, sink: u64) -> String {
    format!(
        "workflow:\n  name: numbers\n  delivery: {{ guarantee: exactly_once }}\n  commit_interval: 50ms\n  parallelism: 6\n  \
         sources:\n    numbers: {{ type: generate, config: {{ rows: {ROWS}, partitions: 12, rate: 4000 }} }}\n  \
         transformations:\n    shape:\n      type: mapping\n      inputs: [numbers]\n      placement: {{ node: {shape} }}\n      \
         config: {{ mappings: [ {{ destination: id, source: id }}, {{ destination: twice, expression: \"id * 2\" }} ] }}\n  \
         destinations:\n    sink:\n      type: sqlite\n      inputs: [shape]\n      placement: {{ node: {sink} }}\n      \
         config: {{ path: {}, table: t }}\n",
        nodes.site.path("out.db").display()
    )
}

#[test]
fn all_nodes_deliver_through_a_step_of_one_to_the_file_of_another() {
    let nodes = Nodes::cluster(3);
    let (shape, sink) = (nodes.id(2), nodes.id(3));
    nodes.site.write("numbers.yaml", workflow(&nodes, shape, sink));
    nodes.tool(1, &["workflow", "apply", "numbers.yaml"]).code(0);
    nodes.tool(1, &["workflow", "run", "numbers"]).code(0);
    let run = nodes.tool(2, &["runs", "get", "numbers", "-o", "json"]).code(0).json();
    assert_eq!((run["hosts"]["shape"].as_u64(), run["hosts"]["sink"].as_u64()), (Some(shape), Some(sink)));
    assert!(run["pinned"].is_null(), "{run}");
    let mut owners = BTreeSet::new();
    while owners.len() < 3 {
        let listed = nodes.tool(3, &["partitions", "numbers", "-o", "json"]).code(0).json();
        let of_run = listed["partitions"].as_array().unwrap();
        owners.extend(of_run.iter().filter_map(|partition| partition["assignment"]["owner"].as_u64()));
        let phase = nodes.tool(1, &["runs", "get", "numbers", "-o", "json"]).code(0).json();
        assert!(owners.len() == 3 || phase["phase"] == "running", "{phase} {owners:?}");
    }
    let ended = nodes.tool(1, &["runs", "watch", "numbers"]).code(0);
    ended
        .says("numbers: completed")
        .says("24,000 read = 24,000 delivered")
        .says(&format!("step sink on node {sink}"));
    for (query, expected) in [
        ("SELECT count(*) FROM t", ROWS),
        ("SELECT count(DISTINCT id) FROM t", ROWS),
        ("SELECT count(*) FROM t WHERE twice = id * 2", ROWS),
    ] {
        assert_eq!(nodes.site.number("out.db", query), Some(expected), "{query}");
    }
}

#[test]
fn a_step_is_not_placed_on_a_node_that_does_not_exist() {
    let nodes = Nodes::cluster(1);
    nodes.site.write("numbers.yaml", workflow(&nodes, 99, 1));
    nodes.tool(1, &["workflow", "apply", "numbers.yaml"]).code(0);
    nodes.tool(1, &["workflow", "run", "numbers"]).code(1).says("99");
}
