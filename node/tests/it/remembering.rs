//! Steps that depend on the records before, in a cluster that loses nodes.

use etl_test_services::PostgresServer;

use crate::nodes::Nodes;

/// Of each partition.
const ROWS: i64 = 4000;
const PARTITIONS: i64 = 6;
/// Records of a partition that are let through.
const LIMIT: i64 = 1500;

/// Lets through the first of each pair of numbers, and of these so many.
fn workflow() -> String {
    let rows = ROWS * PARTITIONS;
    format!(
        "workflow:\n  name: numbers\n  delivery: {{ guarantee: exactly_once }}\n  commit_interval: 50ms\n  parallelism: 6\n  \
         source: {{ type: generate, config: {{ rows: {rows}, partitions: {PARTITIONS}, rate: 2000 }} }}\n  transformations:\n    \
         - {{ type: mapping, config: {{ keep: [id], mappings: [{{ destination: pair, expression: \"id / 2\" }}] }} }}\n    \
         - {{ type: dedupe, config: {{ by: [pair] }} }}\n    - {{ type: limit, config: {{ records: {LIMIT} }} }}\n  \
         destination: {{ type: postgres, config: {{ url: \"${{PG_URL}}\", table: numbers }} }}\n"
    )
}

#[test]
fn what_a_partition_remembers_goes_on_with_it_to_another_node() {
    let database = PostgresServer::shared().fresh_database().unwrap();
    let rows = || {
        database.psql("SELECT count(*) FROM numbers").ok().and_then(|rows| rows.parse().ok()).unwrap_or(0_i64)
    };
    let mut nodes = Nodes::new();
    nodes.site.set("PG_URL", database.url());
    nodes.grow(3);
    nodes.site.write("numbers.yaml", workflow());
    nodes.tool(1, &["workflow", "apply", "numbers.yaml"]).code(0);
    nodes.tool(1, &["workflow", "run", "numbers"]).code(0);
    let all = LIMIT * PARTITIONS;
    nodes.until("half of it is committed", |_| rows() > all / 2);
    nodes.kill(3);
    assert!(rows() < all, "before all of it is");
    nodes.tool(1, &["runs", "watch", "numbers", "--timeout", "120s"]).code(0).says("numbers: completed");
    let sql = format!("SELECT count(*), count(DISTINCT id), max(id % 2), max(id % {ROWS}) FROM numbers");
    let last = 2 * (LIMIT - 1);
    assert_eq!(database.psql(&sql).unwrap(), format!("{all}|{all}|0|{last}"));
}
