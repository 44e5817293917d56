use rustix::process::Signal;

use crate::site::{Running, Site};

const ROWS: u64 = 4000;

/// Numbered rows at a rate, to a table without keys: what is doubled shows.
fn workflow(rate: &str) -> String {
    format!(
        "workflow:\n  name: numbers\n  delivery: {{ guarantee: exactly_once }}\n  commit_interval: 20ms\n  source: \
         {{ type: generate, config: {{ rows: {ROWS}{rate} }} }}\n  transformations: []\n  destination: {{ type: \
         sqlite, config: {{ path: out.db, table: numbers }} }}\n"
    )
}

const SLOWLY: &str = ", rate: 1000";

fn rows(site: &Site) -> Option<i64> {
    site.number("out.db", "SELECT count(*) FROM numbers")
}

/// Starts a run and waits until some of its rows are committed.
fn started(site: &Site) -> Running {
    site.write("numbers.yaml", workflow(SLOWLY));
    let mut running = site.start(&["run", "numbers.yaml", "--progress", "none"]);
    running.until("the first commit", || rows(site).is_some_and(|rows| rows > 0));
    running
}

#[track_caller]
fn every_row_is_there_once(site: &Site) {
    assert_eq!(rows(site), Some(ROWS as i64));
    assert_eq!(site.number("out.db", "SELECT count(DISTINCT id) FROM numbers"), Some(ROWS as i64));
    assert_eq!(
        site.number("out.db", "SELECT max(id) - min(id) + 1 FROM numbers"),
        Some(ROWS as i64),
        "the numbers have no gap"
    );
}

#[test]
fn a_killed_run_is_continued_and_no_row_is_lost_or_doubled() {
    let site = Site::new();
    let mut running = started(&site);
    running.signal(Signal::KILL);
    assert_eq!(running.child().wait().unwrap().code(), None);
    let before = rows(&site).unwrap();
    assert!(before > 0 && before < ROWS as i64, "{before} of {ROWS}: killed half-way");
    let shown = site.run(&["checkpoint", "show", "numbers.yaml", "-o", "json"]).code(0).json();
    assert_eq!(shown[0]["workflow"], "numbers");
    assert!(shown[0]["interrupted"].is_object(), "{shown}");
    let ended = site.run(&["run", "numbers.yaml", "--progress", "none", "-o", "json"]).code(0);
    assert_eq!(ended.json()["continued"], true);
    assert_eq!(ended.counters().delivered, ROWS);
    every_row_is_there_once(&site);
}

#[test]
fn a_file_cut_by_a_kill_is_completed() {
    let site = Site::new();
    let text = workflow(SLOWLY).replace("type: sqlite", "type: file").replace(", table: numbers", "");
    site.write("numbers.yaml", text.replace("out.db", "out.jsonl"));
    let mut running = site.start(&["run", "numbers.yaml", "--progress", "none"]);
    let committed = |site: &Site| {
        site.find("out.jsonl").iter().any(|path| path.metadata().is_ok_and(|metadata| metadata.len() > 5000))
    };
    running.until("the first bytes", || committed(&site));
    running.signal(Signal::KILL);
    running.child().wait().unwrap();
    assert!(!site.path("out.jsonl").exists(), "an unfinished file has another name");
    site.run(&["run", "numbers.yaml", "--progress", "none"]).code(0).says("continued");
    let ids: Vec<u64> = site
        .read("out.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_u64().unwrap())
        .collect();
    let first = *ids.first().unwrap();
    assert!(ids.iter().copied().eq(first..first + ROWS), "{} rows, in order", ids.len());
    let rest = site.find(".out.jsonl.etl");
    let markers = rest.iter().filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    assert_eq!(markers.count(), rest.len(), "nothing but markers is left beside the file: {rest:?}");
}

#[test]
fn a_terminated_run_commits_what_it_read_and_is_continued() {
    let site = Site::new();
    let running = started(&site);
    running.signal(Signal::TERM);
    let ended = running.end();
    assert_eq!(ended.code, Some(143), "{}", ended.stderr);
    let before = rows(&site).unwrap();
    assert!(before > 0 && before < ROWS as i64, "{before} of {ROWS}");
    let ended = ended.says("stopped; the next run continues here");
    assert!(ended.stderr.contains(&format!("{} read = ", grouped(before))), "{}", ended.stderr);
    site.run(&["run", "numbers.yaml", "--progress", "none"]).code(0).says("continued");
    every_row_is_there_once(&site);
}

/// A number as the summary writes it.
fn grouped(n: i64) -> String {
    if n < 1000 { n.to_string() } else { format!("{},{:03}", n / 1000, n % 1000) }
}

#[test]
fn a_second_process_is_refused_with_the_pid_of_the_first() {
    let site = Site::new();
    let running = started(&site);
    let second = site.run(&["run", "numbers.yaml", "--progress", "none"]).code(1);
    let second = second.says(&format!("in use by process {}", running.id()));
    second.says(&format!("kill {}", running.id()));
    site.run(&["checkpoint", "show"]).code(1).says("in use by process");
}

#[test]
fn a_changed_workflow_is_asked_about() {
    let site = Site::new();
    let running = started(&site);
    running.signal(Signal::TERM);
    running.end();
    // The rate is part of the step's settings, so the meaning of the workflow changes with it.
    let changed = workflow("").replace(
        "transformations: []",
        "transformations: [{ type: filter, config: { condition: \"id >= 0\" } }]",
    );
    site.write("numbers.yaml", changed);
    let refused = site.run(&["run", "numbers.yaml", "--progress", "none"]).code(1);
    refused.says("--accept-changes").says("--restart");
    site.run(&["run", "numbers.yaml", "--accept-changes", "--progress", "none"]).code(0);
    every_row_is_there_once(&site);
}

#[test]
fn a_restart_begins_again_and_a_completed_run_is_followed_by_a_new_one() {
    let site = Site::new();
    let running = started(&site);
    running.signal(Signal::TERM);
    running.end();
    let before = rows(&site).unwrap();
    site.write("numbers.yaml", workflow(""));
    site.run(&["run", "numbers.yaml", "--restart", "--progress", "none"]).code(0);
    assert_eq!(rows(&site), Some(before + ROWS as i64), "rows that were appended before stay");
    site.run(&["run", "numbers.yaml", "--progress", "none"]).code(0);
    assert_eq!(rows(&site), Some(before + 2 * ROWS as i64), "a new run appends again");
}

#[test]
fn checkpoints_are_shown_and_reset() {
    let site = Site::new();
    site.run(&["checkpoint", "show"]).code(2).says("state directory");
    let running = started(&site);
    running.signal(Signal::TERM);
    running.end();
    site.run(&["checkpoint", "show"]).code(0).says("interrupted run").says("delivered");
    site.run(&["checkpoint", "show", "numbers"]).code(0).says("numbers:");
    site.run(&["checkpoint", "reset", "numbers.yaml"]).code(0).says("reset");
    site.run(&["checkpoint", "show", "numbers.yaml"]).code(0).says("no interrupted run");
}

#[test]
fn a_source_that_changed_in_between_is_refused() {
    let site = Site::new();
    let lines = |first: u64| -> String { (first..first + 200_000).map(|n| format!("{n},{n}\n")).collect() };
    site.write("in.csv", format!("id,value\n{}", lines(1_000_000)));
    // The filter fails on a row far behind, so the run ends with a part committed.
    let text = "workflow:\n  name: changed\n  commit_interval: 10ms\n  source: { type: file, config: { path: in.csv } }\n  \
                transformations: [{ type: filter, config: { condition: \"1 / (id - 1190000) < 2\" } }]\n  \
                destination: { type: sqlite, config: { path: out.db, table: numbers } }\n";
    site.write("changed.yaml", text);
    site.run(&["run", "changed.yaml", "--memory", "32MiB", "--progress", "none"])
        .code(1)
        .says("1 / 0")
        .says("\"id\":1190000");
    assert!(rows(&site).is_some_and(|rows| rows > 0), "a part is committed");
    site.write("in.csv", format!("id,value\n{}", lines(2_000_000)));
    site.run(&["run", "changed.yaml", "--progress", "none"]).code(1).says("in.csv").says("help:");
    assert_eq!(site.number("out.db", "SELECT count(*) FROM numbers WHERE id >= 2000000"), Some(0));
}
