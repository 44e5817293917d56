use serde_json::json;

use crate::site::{Site, walk};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/examples");

const ORDERS: &str = r#"
workflow:
  name: orders
  parameters: { least: { type: int, default: 1 } }
  sources:
    shop: { type: postgres, config: { url: "${DATABASE}", table: orders } }
    tills: { type: file, config: { path: missing.csv } }
  transformations:
    large: { type: filter, inputs: [shop, tills], config: { condition: "amount >= ${param:least}" } }
    first: { type: dedupe, inputs: [large], config: { by: [id] } }
    cents:
      type: mapping
      inputs: [first]
      on_error: dead_letter
      config: { keep: [id], mappings: [{ expression: "100 / amount", destination: share }] }
    spread: { type: repartition, inputs: [cents], config: { by: [id], shards: 4 } }
    strict: { type: mapping, inputs: [first], config: { mappings: [{ expression: "int(string(id))", destination: id }] } }
  destinations:
    table: { type: postgres, inputs: [spread], config: { url: "${secret:db}", table: t } }
    ids: { type: stdout, inputs: [strict] }
"#;

/// A site with the workflow and its tests.
fn site(tests: &str) -> Site {
    let site = Site::new();
    site.write("orders.yaml", ORDERS);
    let given = "variables: { DATABASE: \"postgres://me@nowhere/db\" }\nsecrets: { db: \"postgres://me@nowhere/db\" }\n";
    site.write("orders.test.yaml", format!("{given}tests:\n{tests}"));
    site
}

#[test]
fn the_tests_of_the_examples_pass_and_open_nothing() {
    let site = Site::new();
    let examples = std::path::Path::new(EXAMPLES).canonicalize().unwrap();
    walk(&examples, &mut |path| {
        if path.extension().is_some_and(|extension| extension == "yaml") {
            site.write(path.file_name().unwrap().to_str().unwrap(), std::fs::read(path).unwrap());
        }
    });
    let ended = site.run(&["test", "."]).code(0);
    ended
        .says("./route.test.yaml: an order that was cancelled is nowhere else ... ok")
        .says("4 tests, 0 failed");
    site.run(&["test", "dead-letters.yaml"]).code(0).says("1 test, 0 failed");
    assert!(
        site.find("data/").is_empty() && site.find("out/").is_empty(),
        "nothing was there, nothing is made"
    );
}

#[test]
fn graphs_with_several_sources_are_carried_out_partition_by_partition() {
    let site = site(
        r#"
  - name: both sources
    parameters: { least: 2 }
    inputs:
      shop: [{ id: 1, amount: 2 }, { id: 1, amount: 3 }, { id: 2, amount: 1 }]
      tills: [{ id: 1, amount: 50 }]
    expect:
      large: [{ id: 1, amount: 2 }, { id: 1, amount: 3 }, { id: 1, amount: 50 }]
      table: [{ id: 1, share: 50 }, { id: 1, share: 2 }]
      ids: { any_order: true, records: [{ id: 1 }, { id: 1 }] }
  - name: in the middle
    inputs:
      cents: [{ id: 1, amount: 0 }, { id: 2, amount: 4, unused: null }]
    expect: { table: [{ id: 2, share: 25.0 }], ids: [] }
    dead_letters: [{ step: cents, code: division_by_zero, record: { id: 1, amount: 0 } }]
  - name: the end of a run
    inputs: { strict: { schema: { id: string }, records: [{ id: x }] } }
    fails: { step: strict, code: invalid_conversion, record: { id: x } }
"#,
    );
    site.run(&["test", "orders.test.yaml"]).code(0).says("3 tests, 0 failed");
    site.run(&["test", "orders.yaml", "--name", "middle"]).code(0).says("1 test, 0 failed");
    site.run(&["test", "orders.yaml", "--name", "nothing like it"]).code(1);
}

#[test]
fn a_failure_shows_the_difference_with_the_fields() {
    let site = site(
        r#"
  - name: other values
    inputs: { cents: [{ id: 1, amount: 5 }, { id: 2, amount: 4 }] }
    expect: { cents: [{ id: 1, share: 20 }, { id: 2, share: 26 }] }
  - name: other letters
    inputs: { cents: [{ id: 1, amount: 0 }] }
    dead_letters: [{ step: cents, record: { id: 2 } }]
  - name: no failure
    inputs: { cents: [] }
    fails: { step: strict }
  - name: a failure
    inputs: { strict: [{ id: x }] }
"#,
    );
    let ended = site.run(&["test", "orders.yaml"]).code(1);
    for part in [
        "other values ... FAILED\n  line 7: `cents` has other records\n--- expected\n+++ found\n",
        " {\"id\":1,\"share\":20}\n-{\"id\":2,\"share\":26}\n+{\"id\":2,\"share\":25}\n  record 2: share is 25, not 26\n",
        "step `cents` has set no record aside of {\"id\":2}",
        "step `cents` has set a record aside with division_by_zero",
        "step `strict` was to fail, and nothing did",
        "a run would end at step `strict` with invalid_conversion",
        "4 tests, 4 failed",
    ] {
        assert!(ended.stdout.contains(part), "{part}\n{}", ended.stdout);
    }
    let document = site.run(&["test", "orders.yaml", "-o", "json"]).code(1).json();
    assert_eq!(document["failed"], 4);
    let first = &document["tests"][0];
    assert_eq!((&first["name"], &first["passed"]), (&json!("other values"), &json!(false)));
    assert_eq!(first["mismatches"][0]["fields"], json!(["record 2: share is 25, not 26"]));
}

#[test]
fn faults_of_a_test_file_are_told_all_at_once_with_their_places() {
    let site = site(
        r#"
  - name: a
    input: {}
    inputs: { shopp: [], table: [], shop: 5 }
    expect: { ids: { records: [1], any_order: maybe } }
    dead_letters: [{ code: x }]
  - name: a
    inputs: { shop: [] }
    http: { URL: [{ path: /x, response: { status: 1000 }, times: -1 }] }
"#,
    );
    let ended = site.run(&["test", "orders.yaml"]).code(1);
    for part in [
        "orders.test.yaml:6:5 E012 unknown field `input` in `test`",
        "orders.test.yaml:7:15 E033 the workflow has no step `shopp`\n  help: did you mean `shop`?",
        "orders.test.yaml:7:26 E050 `table` is a destination",
        "orders.test.yaml:7:43 E014 `records` must be a list",
        "orders.test.yaml:8:32 E014 `record` must be a mapping",
        "orders.test.yaml:8:47 E014 `any_order` must be true or false",
        "orders.test.yaml:9:20 E013 `dead letter` has no `step`",
        "orders.test.yaml:10:5 E032 the name `a` is used by two tests",
        "orders.test.yaml:12:51 E016 `status` must be from 200 to 599",
        "orders.test.yaml:12:66 E014 `times` must be a whole number",
    ] {
        assert!(ended.stderr.contains(part), "{part}\n{}", ended.stderr);
    }
    for (text, part) in [
        ("tests: [", ":2:1 E003 this is no YAML"),
        ("tests: 1\ntests: 2", ":2:1 E008 `tests` is given twice"),
        ("", ":1:1 E014 `the file` must be a mapping"),
        ("tests: []", ":1:8 E013 `tests` has no test"),
        ("a: &b 1\ntests: [*b]", ":1:7 E010 anchors"),
        ("tests: 1\n---\na: 1", ":2:1 E006 a second document"),
    ] {
        site.write("orders.test.yaml", text);
        let ended = site.run(&["test", "orders.yaml"]).code(1);
        assert!(ended.stderr.contains(part), "{part}\n{}", ended.stderr);
    }
    site.write("orders.test.yaml", b"tests:\n  \xff\n");
    site.run(&["test", "orders.yaml"]).code(1).says("orders.test.yaml:2:1 E001");
    site.run(&["test", "none.yaml"]).code(2).says("there is no none.test.yaml beside none.yaml");
}

const SCORED: &str = r#"
workflow:
  name: scored
  source: { type: file, config: { path: missing.csv } }
  transformations:
    - type: enrich
      name: score
      on_error: dead_letter
      config:
        type: http
        url: "${CRM_URL}/score?v=1"
        method: POST
        headers: { x-key: "${secret:key}" }
        body_template: '{"id": {{id}}}'
        result_mapping: [{ source: response.score, destination: score }]
        retry: { max_attempts: 2, initial_backoff: 1ms, max_backoff: 2ms }
  destination: { type: stdout }
"#;

#[test]
fn systems_that_are_asked_are_played_by_the_test() {
    let site = Site::new();
    site.write("scored.yaml", SCORED);
    let tests = |times: u8, id: u8| {
        format!(
            r#"
tests:
  - name: scores
    secrets: {{ key: letmein }}
    http:
      CRM_URL:
        - {{ method: POST, path: /score?v=1, request: {{ body: {{ id: 1 }} }}, response: {{ status: 503 }}, times: 1 }}
        - method: POST
          path: /score?v=1
          request: {{ headers: {{ x-key: letmein }}, body: {{ id: 1 }} }}
          response: {{ body: {{ score: 7 }} }}
          times: {times}
        - {{ method: POST, path: /score?v=1, request: {{ body: {{ id: 2 }} }}, response: {{ status: 400, body: no }} }}
    inputs: {{ source: [{{ id: 1 }}, {{ id: {id} }}] }}
    expect: {{ destination: [{{ id: 1, score: 7 }}] }}
    dead_letters: [{{ step: score, code: http_status, record: {{ id: {id} }} }}]
"#
        )
    };
    site.write("scored.test.yaml", tests(1, 2));
    site.run(&["test", "scored.yaml"]).code(0).says("1 test, 0 failed");
    site.write("scored.test.yaml", tests(2, 3));
    let ended = site.run(&["test", "scored.yaml"]).code(1);
    ended
        .says("line 8: POST /score?v=1 was asked 1 times, not 2")
        .says("no endpoint answers POST /score?v=1 with {\"id\": 3}");
}

#[test]
fn a_workflow_that_is_not_valid_with_what_a_test_gives_fails_the_test() {
    let site = site("\n  - name: wrong\n    parameters: { least: much }\n    inputs: { shop: [] }\n");
    let ended = site.run(&["test", "orders.yaml"]).code(1).says("wrong ... FAILED");
    ended.says("E025");
}

#[test]
fn the_time_is_the_one_that_a_test_fixes_also_amid_crashes() {
    let site = Site::new();
    site.write(
        "age.yaml",
        r#"
workflow:
  name: age
  delivery: { guarantee: exactly_once }
  source: { name: rows, type: file, config: { path: in.csv } }
  transformations:
    - { type: mapping, config: { keep: [id], mappings: [{ expression: "now().getFullYear() - year", destination: age }] } }
    - { type: filter, config: { condition: "now() < timestamp('2031-01-01T00:00:00Z')" } }
  destination: { name: out, type: sqlite, config: { path: out.db, table: t } }
"#,
    );
    let tests = |now: &str, own: &str| {
        format!(
            "{now}tests:\n  - name: one\n{own}    inputs: {{ rows: [{{ id: 1, year: 2000 }}] }}\n    expect: {{ out: [{{ id: 1, age: \
             30 }}] }}\n"
        )
    };
    for (now, own) in [
        ("now: 2030-06-01T00:00:00Z\n", ""),
        ("now: 2029-01-01T00:00:00Z\n", "    now: 2030-01-01T01:00:00+01:00\n"),
    ] {
        site.write("age.test.yaml", tests(now, own));
        site.run(&["test", "age.yaml"]).code(0).says("1 test, 0 failed");
        site.run(&["test", "age.yaml", "--chaos"]).code(0).says("1 test, 0 failed");
    }
    site.write("age.test.yaml", tests("now: 2031-06-01T00:00:00Z\n", ""));
    site.run(&["test", "age.yaml"]).code(1).says("1 test, 1 failed");
    site.write("age.test.yaml", tests("now: yesterday\n", ""));
    site.run(&["test", "age.yaml"]).code(1).says("`now` must be a time such as 2026-01-31T12:00:00Z");
}
