use serde_json::{Value, json};

use crate::site::Site;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/examples");

/// The crashes of a test, after checking that none of them has done harm: a row by name.
#[track_caller]
fn unharmed(test: &Value) -> Vec<(String, Value)> {
    assert_eq!(test["passed"], true, "{test}");
    let rows = test["chaos"]["rows"].as_array().unwrap();
    let named = rows.iter().map(|row| {
        assert_eq!((&row["lost"], &row["doubled"]), (&json!(0), &json!(0)), "{row}");
        (row["row"].as_str().unwrap().to_owned(), row.clone())
    });
    named.collect()
}

fn count(row: &Value, name: &str) -> u64 {
    row[name].as_u64().unwrap()
}

/// Crashes a workflow with its tests; each of these rows has to be there with at least so many crashes.
#[track_caller]
fn crashed(workflow: &str, tests: &str, least: &[(&str, u64)]) -> Vec<Vec<(String, Value)>> {
    let site = Site::new();
    site.write("w.yaml", workflow);
    site.write("w.test.yaml", tests);
    let ended = site.run(&["test", "w.yaml", "--chaos", "--chaos-limit", "8", "-o", "json"]).code(0);
    assert_eq!(ended.stderr, "", "nothing is told of processes that were meant to die");
    let tests: Vec<_> = ended.json()["tests"].as_array().unwrap().iter().map(unharmed).collect();
    for rows in &tests {
        for (name, least) in least {
            let row = rows.iter().find(|(found, _)| found == name);
            let crashes = row.map_or(0, |(_, row)| count(row, "crashes"));
            assert!(crashes >= *least, "{crashes} crashes at {name}: {rows:?}");
        }
    }
    tests
}

fn example(name: &str, least: &[(&str, u64)]) -> Vec<Vec<(String, Value)>> {
    let read = |extension: &str| std::fs::read_to_string(format!("{EXAMPLES}/{name}.{extension}")).unwrap();
    crashed(&read("yaml"), &read("test.yaml"), least)
}

#[test]
fn the_examples_neither_lose_nor_double_wherever_they_crash() {
    let least = [
        ("claimed", 5),
        ("fenced", 3),
        ("chunk_read", 6),
        ("chunk_processed", 3),
        ("rows_written", 3),
        ("unit_staged", 8),
        ("commit_started", 8),
        ("commit_done", 8),
        ("checkpoint_stored", 1),
        ("source_acknowledged", 1),
        ("all_routes_done", 3),
        ("completion_started", 3),
        ("completed", 3),
    ];
    assert_eq!(example("route", &least).len(), 2);
    let least: Vec<(&str, u64)> = least.into_iter().map(|(name, least)| (name, least.div_ceil(3))).collect();
    let letters = [("dead_letters_written", 1)];
    example("dead-letters", &[&least[..], &letters].concat());
}

#[test]
fn steps_that_remember_what_they_have_seen_see_it_again() {
    let workflow = r#"
workflow:
  name: remembering
  source: { type: file, config: { path: missing.csv } }
  transformations:
    - { type: dedupe, config: { by: [id] } }
    - { type: limit, config: { records: 5 } }
    - { type: mapping, config: { keep: [id], mappings: [{ expression: "uuid()", destination: key }] } }
  destination: { type: file, config: { path: missing.jsonl } }
"#;
    let ids: Vec<Value> = [1, 2, 1, 3, 2, 4, 1, 5, 6, 7, 3].iter().map(|id| json!({ "id": id })).collect();
    let tests = format!("tests:\n  - {{ name: many, inputs: {{ source: {} }} }}\n", json!(ids));
    crashed(workflow, &tests, &[("chunk_read", 8), ("commit_done", 8), ("source_acknowledged", 1)]);
    let site = Site::new();
    site.write("w.yaml", workflow);
    site.write("w.test.yaml", tests);
    site.run(&["test", "w.yaml", "--chaos", "--chaos-limit", "1"])
        .code(0)
        .says("field `key` of `destination` is another in every run and is not compared")
        .says(" crashes, 0 records lost, 0 records doubled");
}

#[test]
fn graphs_with_shards_and_several_sources_and_modes_are_crashed() {
    let workflow = r#"
workflow:
  name: graph
  sources:
    shop: { type: file, config: { path: missing.csv } }
    tills: { type: file, config: { path: missing-too.csv } }
  transformations:
    large: { type: filter, inputs: [shop, tills], config: { condition: "amount >= 2" } }
    share:
      type: mapping
      inputs: [large]
      on_error: dead_letter
      config: { keep: [id], mappings: [{ expression: "100 / (amount - 3)", destination: share }] }
    spread: { type: repartition, inputs: [share], config: { by: [id], shards: 3 } }
    near: { type: filter, inputs: [spread], config: { condition: "share < 1000" } }
  destinations:
    table: { type: sqlite, inputs: [near], config: { path: missing.db, table: t, mode: upsert, key: [id] } }
    all: { type: file, inputs: [share], config: { path: missing.jsonl, mode: replace } }
    seen: { type: stdout, inputs: [large] }
"#;
    let tests = r#"
tests:
  - name: both
    inputs:
      shop: [{ id: 1, amount: 2 }, { id: 1, amount: 4 }, { id: 2, amount: 3 }, { id: 3, amount: 1 }, { id: 4, amount: 8 }]
      tills: [{ id: 1, amount: 13 }, { id: 5, amount: 3 }]
    expect:
      all:
        any_order: true
        records: [{ id: 1, share: -100 }, { id: 1, share: 100 }, { id: 4, share: 20 }, { id: 1, share: 10 }]
    dead_letters: [{ step: share, record: { id: 2 } }, { step: share, record: { id: 5 } }]
  - name: in the middle
    inputs: { share: [{ id: 1, amount: 4 }, { id: 2, amount: 5 }] }
    expect: { all: [{ id: 1, share: 100 }, { id: 2, share: 50 }] }
"#;
    let tests = crashed(workflow, tests, &[("claimed", 8), ("commit_done", 8), ("completed", 3)]);
    let letters = tests[0].iter().find(|(name, _)| name == "dead_letters_written");
    assert!(letters.is_some_and(|(_, row)| count(row, "crashes") >= 6), "{tests:?}");
    let repeated: u64 = tests[0].iter().map(|(_, row)| count(row, "repeated")).sum();
    assert!(repeated > 0, "standard output keeps no marker: {tests:?}");
}

#[test]
fn systems_that_are_asked_answer_after_a_crash_as_before() {
    let workflow = r#"
workflow:
  name: scored
  source: { type: file, config: { path: missing.csv } }
  transformations:
    - type: enrich
      name: score
      on_error: dead_letter
      config:
        type: http
        url: "${CRM_URL}/score/{{id}}"
        result_mapping: [{ source: response.score, destination: score }]
        retry: { max_attempts: 2, initial_backoff: 1ms, max_backoff: 2ms }
  destination: { type: file, config: { path: missing.jsonl } }
"#;
    let tests = r#"
tests:
  - name: scores
    http:
      CRM_URL:
        - { method: GET, path: /score/1, response: { status: 503 }, times: 1 }
        - { method: GET, path: /score/1, response: { body: { score: 7 } }, times: 1 }
        - { method: GET, path: /score/2, response: { status: 400, body: no } }
    inputs: { source: [{ id: 1 }, { id: 2 }] }
    expect: { destination: [{ id: 1, score: 7 }] }
    dead_letters: [{ step: score, code: http_status, record: { id: 2 } }]
"#;
    crashed(workflow, tests, &[("dead_letters_written", 3), ("chunk_read", 6)]);
}

#[test]
fn a_test_that_fails_or_ends_a_run_is_not_crashed() {
    let site = Site::new();
    let workflow = r#"
workflow:
  name: strict
  source: { type: file, config: { path: missing.csv } }
  transformations:
    - { type: mapping, name: strict, config: { mappings: [{ expression: "int(id)", destination: id }] } }
  destination: { type: stdout }
"#;
    site.write("w.yaml", workflow);
    let ends = "tests:\n  - name: ends\n    inputs: { source: [{ id: x }] }\n    fails: { step: strict }\n";
    site.write("w.test.yaml", ends);
    let ended = site.run(&["test", "w.yaml", "--chaos"]).code(0);
    ended.says("ends ... ok\n  no crashes: the run ends at a record that fails");
    site.write("w.test.yaml", "tests:\n  - name: fails\n    inputs: { source: [{ id: x }] }\n");
    let document = site.run(&["test", "w.yaml", "--chaos", "-o", "json"]).code(1).json();
    assert_eq!(document["tests"][0].get("chaos"), None, "{document}");
    site.run(&["test", "w.yaml", "--chaos-limit", "3"]).code(2).says("--chaos");
}
