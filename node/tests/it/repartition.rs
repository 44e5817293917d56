use rustix::process::Signal;

use crate::site::{Running, Site};

const ROWS: i64 = 4000;
const SHARDS: i64 = 4;

/// Numbered rows at a rate, divided, to a table without keys: what is doubled shows.
fn workflow(rate: &str, shards: i64) -> String {
    format!(
        "workflow:\n  name: numbers\n  delivery: {{ guarantee: exactly_once }}\n  commit_interval: 20ms\n  source: \
         {{ type: generate, config: {{ rows: {ROWS}{rate} }} }}\n  transformations:\n    - {{ type: repartition, \
         config: {{ by: [id], shards: {shards} }} }}\n    - {{ type: filter, config: {{ condition: \"id >= 0\" }} }}\n  \
         destination: {{ type: sqlite, config: {{ path: out.db, table: numbers }} }}\n"
    )
}

const SLOWLY: &str = ", rate: 1000";

fn rows(site: &Site) -> Option<i64> {
    site.number("out.db", "SELECT count(*) FROM numbers")
}

/// Starts a run and waits until every shard has committed something, and checkpoints have followed.
fn started(site: &Site) -> Running {
    site.write("numbers.yaml", workflow(SLOWLY, SHARDS));
    let mut running = site.start(&["run", "numbers.yaml", "--progress", "none"]);
    let committed = "SELECT count(*) FROM _etl_markers WHERE seq > 0";
    running.until("the first commits", || {
        site.number("out.db", committed) == Some(SHARDS) && rows(site).is_some_and(|rows| rows > ROWS / 4)
    });
    running
}

#[track_caller]
fn every_row_is_there_once(site: &Site) {
    assert_eq!(rows(site), Some(ROWS));
    assert_eq!(site.number("out.db", "SELECT count(DISTINCT id) FROM numbers"), Some(ROWS));
}

#[test]
fn a_killed_run_is_continued_and_no_row_of_any_shard_is_lost_or_doubled() {
    let site = Site::new();
    let mut running = started(&site);
    running.signal(Signal::KILL);
    assert_eq!(running.child().wait().unwrap().code(), None);
    let before = rows(&site).unwrap();
    assert!(before > 0 && before < ROWS, "{before} of {ROWS}: killed half-way");
    let shown = site.run(&["checkpoint", "show", "numbers.yaml", "-o", "json"]).code(0).json();
    assert!(shown[0]["interrupted"].to_string().contains("3of4"), "{shown}");

    let other = workflow(SLOWLY, SHARDS + 1);
    site.write("numbers.yaml", other);
    let refused = site.run(&["run", "numbers.yaml", "--progress", "none"]).code(1);
    refused.says("--accept-changes").says("--restart");

    site.write("numbers.yaml", workflow(SLOWLY, SHARDS));
    let ended = site.run(&["run", "numbers.yaml", "--progress", "none", "-o", "json"]).code(0);
    let summary = ended.json();
    assert_eq!(summary["continued"], true);
    assert_eq!(summary["routes"].as_array().unwrap().len(), 1, "a destination is told once: {summary}");
    assert_eq!(ended.counters().delivered, ROWS as u64);
    every_row_is_there_once(&site);
    let done = "SELECT count(*) FROM _etl_markers WHERE done AND destination LIKE 'destination.%of4'";
    assert_eq!(site.number("out.db", done), Some(SHARDS));
}

#[test]
fn a_file_behind_a_repartition_is_completed_after_a_kill() {
    let site = Site::new();
    let to_file = |rate| {
        let text = workflow(rate, SHARDS).replace("type: sqlite", "type: file");
        text.replace(", table: numbers", "").replace("out.db", "out.jsonl")
    };
    site.write("numbers.yaml", to_file(SLOWLY));
    let mut running = site.start(&["run", "numbers.yaml", "--progress", "none"]);
    let has_bytes = |path: &std::path::PathBuf| path.metadata().is_ok_and(|metadata| metadata.len() > 2000);
    running.until("the first bytes", || site.find("out.jsonl").iter().any(has_bytes));
    running.signal(Signal::KILL);
    running.child().wait().unwrap();
    assert!(!site.path("out.jsonl").exists(), "an unfinished file has another name");
    site.run(&["run", "numbers.yaml", "--progress", "none"]).code(0).says("continued");
    let text = site.read("out.jsonl");
    let id = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_u64().unwrap();
    let mut ids: Vec<u64> = text.lines().map(id).collect();
    // One shard follows the other, each in the order of the source.
    let turns = ids.windows(2).filter(|pair| pair[1] < pair[0]).count();
    assert_eq!(turns as i64, SHARDS - 1);
    ids.sort_unstable();
    let first = ids[0];
    assert!(ids.iter().copied().eq(first..first + ROWS as u64), "{} rows", ids.len());
}

#[test]
fn the_step_is_documented_from_its_schema_and_linted() {
    let site = Site::new();
    let documented = site.run(&["connectors", "repartition"]).code(0);
    documented.says("by").says("shards").says("XXH3");
    site.write("numbers.yaml", workflow("", SHARDS));
    site.run(&["lint", "numbers.yaml"]).code(0);
    let plan = site.run(&["plan", "numbers.yaml", "-o", "json"]).code(0).json();
    let divided = &plan["routes"][0]["divided"];
    assert_eq!((divided["shards"].as_i64(), &divided["by"][0]), (Some(SHARDS), &serde_json::json!("id")));
    site.run(&["explain", "E055"]).code(0).says("repartition");
    site.write("numbers.yaml", workflow("", 300));
    site.run(&["lint", "numbers.yaml"]).code(1).says("shards");
}
