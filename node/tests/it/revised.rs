//! Another version of a workflow that takes over while its run goes on.

use etl_test_services::{Database, PostgresServer};
use rustix::process::Signal;

use crate::nodes::Nodes;
use crate::site::Site;

const ROWS: i64 = 24_000;
const PARTITIONS: i64 = 6;

/// Every row tells the version of the workflow that has carried it out.
fn workflow(version: u8) -> String {
    format!(
        "workflow:\n  name: numbers\n  delivery: {{ guarantee: exactly_once }}\n  commit_interval: 50ms\n  parallelism: 6\n  \
         source: {{ type: generate, config: {{ rows: {ROWS}, partitions: {PARTITIONS}, rate: 1500 }} }}\n  transformations:\n    \
         - {{ type: mapping, config: {{ keep: [id], mappings: [{{ destination: version, constant: {version} }}] }} }}\n  \
         destination: {{ type: postgres, config: {{ url: \"${{PG_URL}}\", table: numbers }} }}\n"
    )
}

/// The same by shards, which nodes carry out for each other.
fn sharded(version: u8) -> String {
    let spread = "transformations:\n    - { type: repartition, config: { by: [id], shards: 6 } }\n";
    workflow(version).replace("transformations:\n", spread)
}

fn rows_of(database: &Database, version: u8) -> i64 {
    let sql = format!("SELECT count(*) FROM numbers WHERE version = {version}");
    database.psql(&sql).ok().and_then(|rows| rows.parse().ok()).unwrap_or(0)
}

/// Every record is there once.
#[track_caller]
fn is_complete(database: &Database, versions: u8) {
    let found =
        database.psql("SELECT count(*), count(DISTINCT id), count(DISTINCT version) FROM numbers").unwrap();
    assert_eq!(found, format!("{ROWS}|{ROWS}|{versions}"));
}

/// The same, and in each partition a version begins where the one before has ended.
#[track_caller]
fn is_exact(database: &Database, versions: u8) {
    is_complete(database, versions);
    let size = ROWS / PARTITIONS;
    let back = format!(
        "SELECT count(*) FROM (SELECT version, lag(version) OVER (PARTITION BY id / {size} ORDER BY id) AS before FROM \
         numbers) AS pairs WHERE version < before"
    );
    assert_eq!(database.psql(&back).unwrap(), "0");
}

fn apply(nodes: &Nodes, workflow: String) {
    nodes.site.write("numbers.yaml", workflow);
    nodes.tool(1, &["workflow", "apply", "numbers.yaml"]).code(0);
}

/// Three nodes that carry out a workflow, and the id of the run.
fn started(database: &Database, workflow: String) -> (Nodes, String) {
    let mut nodes = Nodes::new();
    nodes.site.set("PG_URL", database.url());
    nodes.grow(3);
    apply(&nodes, workflow);
    let started = nodes.tool(2, &["workflow", "run", "numbers", "-o", "json"]).code(0).json();
    let run = started["run"].as_str().unwrap().to_owned();
    (nodes, run)
}

#[test]
fn a_running_run_of_a_cluster_goes_over_to_the_version_in_force() {
    let database = PostgresServer::shared().fresh_database().unwrap();
    let (mut nodes, run) = started(&database, workflow(1));
    let again = nodes.tool(1, &["workflow", "run", "numbers", "--accept-changes"]).code(1);
    again.says("error[run_active]");
    for version in 2..=3 {
        nodes.until("the version before has committed", |_| rows_of(&database, version - 1) > 500);
        apply(&nodes, workflow(version));
        nodes
            .tool(3, &["workflow", "run", "numbers"])
            .code(1)
            .says("error[run_active]")
            .says("--accept-changes");
        let gone_over = nodes.tool(version, &["workflow", "run", "numbers", "--accept-changes"]).code(0);
        gone_over.says(&format!("continues with version {version}")).says(&run);
    }
    nodes.tool(1, &["runs", "watch", "numbers", "--timeout", "120s"]).code(0).says("numbers: completed");
    is_exact(&database, 3);
    let told = nodes.tool(2, &["runs", "get", "numbers", "-o", "json"]).code(0).json();
    assert_eq!((told["run"].as_str(), told["version"].as_u64()), (Some(run.as_str()), Some(3)));
}

#[test]
fn a_version_takes_over_although_a_node_is_lost_meanwhile() {
    for workflow in [workflow, sharded] {
        let database = PostgresServer::shared().fresh_database().unwrap();
        let (mut nodes, run) = started(&database, workflow(1));
        nodes.until("the first version has committed", |_| rows_of(&database, 1) > 500);
        apply(&nodes, workflow(2));
        let gone_over = nodes.tool(1, &["workflow", "run", "numbers", "--accept-changes"]).code(0);
        gone_over.says("continues with version 2").says(&run);
        nodes.kill(3);
        nodes.tool(1, &["runs", "watch", "numbers", "--timeout", "120s"]).code(0).says("numbers: completed");
        is_complete(&database, 2);
    }
}

#[test]
fn a_run_of_one_process_goes_over_to_the_file_as_it_is_now() {
    let database = PostgresServer::shared().fresh_database().unwrap();
    let mut site = Site::new();
    site.set("PG_URL", database.url());
    site.write("numbers.yaml", workflow(1));
    let mut running = site.start(&["run", "numbers.yaml", "--reload", "--progress", "none", "-o", "json"]);
    running.until("the first version has committed", || rows_of(&database, 1) > 500);
    site.write("numbers.yaml", workflow(2));
    running.signal(Signal::HUP);
    running.until("the second version has committed", || rows_of(&database, 2) > 500);
    site.write("numbers.yaml", workflow(3).replace("keep", "kep"));
    running.signal(Signal::HUP);
    let ended = running.end();
    ended.code(0).says("the run goes on with the workflow that it has");
    is_exact(&database, 2);
}

#[test]
fn a_source_with_records_to_read_cannot_be_left_out() {
    let site = Site::new();
    let text = |sources: &[&str]| {
        let source = |name: &&str| {
            format!("    {name}: {{ type: generate, config: {{ rows: 100000, rate: 2000 }} }}\n")
        };
        format!(
            "workflow:\n  name: two\n  commit_interval: 20ms\n  sources:\n{}  destinations:\n    out: {{ type: sqlite, inputs: \
             [{}], config: {{ path: out.db, table: t }} }}\n",
            sources.iter().map(source).collect::<String>(),
            sources.join(", ")
        )
    };
    let rows = || site.number("out.db", "SELECT count(*) FROM t").unwrap_or(0);
    site.write("w.yaml", text(&["a", "b"]));
    let mut running = site.start(&["run", "w.yaml", "--reload", "--progress", "none", "--log", "info"]);
    running.until("records have come", || rows() > 500);
    site.write("w.yaml", text(&["a"]));
    running.signal(Signal::HUP);
    let before = rows();
    running.until("it goes on", || rows() > before + 2000);
    running.signal(Signal::TERM);
    running
        .end()
        .code(143)
        .says("no source `b` any more")
        .says("the run goes on with the workflow that it has");
    let arguments = ["run", "w.yaml", "--accept-changes", "--progress", "none"];
    site.run(&arguments).code(2).says("no source `b` any more").says("--restart");
    site.write("w.yaml", text(&["a", "b", "c"]));
    let mut running = site.start(&arguments);
    let before = rows();
    running.until("it goes on with one more", || rows() > before + 2000);
    running.signal(Signal::TERM);
    running.end().code(143);
}
