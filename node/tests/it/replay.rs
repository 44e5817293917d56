use rustix::process::Signal;
use serde_json::{Value, json};

use crate::site::Site;

/// Two steps that refuse some records, and two destinations behind the second.
fn workflow(share: &str, more: &str) -> String {
    format!(
        r#"
workflow:
  name: shares
  delivery: {{ guarantee: exactly_once }}
  commit_interval: 20ms
{more}
  sources:
    rows: {{ type: file, on_error: dead_letter, config: {{ path: in.csv, schema: {{ id: int, amount: int, price: "decimal(20,2)", at: timestamp }} }} }}
  transformations:
    even: {{ type: mapping, on_error: dead_letter, inputs: [rows], config: {{ keep: "*", mappings: [{{ expression: "100 / (int(id) % 5)", destination: fifth }}] }} }}
    share: {{ type: mapping, on_error: dead_letter, inputs: [even], config: {{ keep: [id, price, at], mappings: [{{ expression: "{share}", destination: share }}] }} }}
  destinations:
    table: {{ type: sqlite, inputs: [share], config: {{ path: out.db, table: t }} }}
    other: {{ type: sqlite, inputs: [share], config: {{ path: other.db, table: t }} }}
"#
    )
}

const BROKEN: &str = "100 / amount";
const CORRECTED: &str = "amount == 0 ? 0 : 100 / amount";

/// Ids 1 to `rows`; every second amount is zero.
fn site(rows: u64, more: &str) -> Site {
    let site = Site::new();
    let line = |id: u64| format!("{id},{},{id}.50,2026-01-31T12:00:00Z\n", id % 2);
    let lines: String = (1..=rows).map(line).collect();
    site.write("in.csv", format!("id,amount,price,at\n{lines}x,1,1.00,2026-01-31T12:00:00Z\n"));
    site.write("w.yaml", workflow(BROKEN, more));
    site.run(&["run", "w.yaml", "--progress", "none"]).code(0);
    site
}

fn ids(site: &Site, database: &str) -> (i64, i64) {
    let number = |sql| site.number(database, sql).unwrap();
    (number("SELECT count(*) FROM t"), number("SELECT count(DISTINCT id) FROM t"))
}

/// Letters and how many of them were replayed, of a workflow at a step.
fn listed(site: &Site, workflow: &str, step: &str) -> (u64, u64) {
    let rows = site.run(&["dlq", "list", "w.yaml", "-o", "json"]).code(0).json();
    let of = |row: &&Value| row["workflow"] == workflow && row["step"] == step;
    let rows: Vec<Value> = rows.as_array().unwrap().iter().filter(of).cloned().collect();
    let sum = |name: &str| rows.iter().map(|row| row[name].as_u64().unwrap()).sum();
    (sum("letters"), sum("replayed"))
}

#[test]
fn letters_of_a_step_go_through_the_corrected_workflow_once() {
    let site = site(20, "");
    // Every fifth fails at the first step, every second of the others at the next one.
    assert_eq!((listed(&site, "shares", "even"), listed(&site, "shares", "share")), ((4, 0), (8, 0)));
    assert_eq!(ids(&site, "out.db"), (8, 8));
    site.write("w.yaml", workflow(CORRECTED, ""));
    let replayed = site.run(&["dlq", "replay", "w.yaml", "--step", "share", "-o", "json"]).code(0);
    assert_eq!(replayed.json()["workflow"], "shares-replay");
    assert_eq!((ids(&site, "out.db"), ids(&site, "other.db")), ((16, 16), (16, 16)));
    assert_eq!((listed(&site, "shares", "even"), listed(&site, "shares", "share")), ((4, 0), (8, 8)));
    site.run(&["dlq", "replay", "w.yaml", "--step", "share"]).code(0).says("nothing to replay");
    site.run(&["dlq", "replay", "w.yaml", "--code", "overflow"]).code(0).says("nothing to replay");
    // The others fail again: each of them is open once, and the letter of the source is left.
    for run in 1..=2 {
        let again = site.run(&["dlq", "replay", "w.yaml"]).code(0);
        again.says("1 dead letter of the source `rows`");
        assert_eq!(listed(&site, "shares", "even"), (4, 4));
        assert_eq!(listed(&site, "shares-replay", "even"), (4 * run, 4 * (run - 1)));
    }
    site.write("w.yaml", workflow(CORRECTED, "").replace("int(id) % 5", "int(id) % 5 + 1"));
    site.run(&["dlq", "replay", "w.yaml"]).code(0);
    assert_eq!((ids(&site, "out.db"), ids(&site, "other.db")), ((20, 20), (20, 20)));
    site.run(&["dlq", "replay", "w.yaml"]).code(0).says("nothing to replay");
    let prices = site.number("out.db", "SELECT count(*) FROM t WHERE price LIKE '%.50' OR price = id + 0.5");
    assert_eq!(prices, Some(20), "as the other records");
}

#[test]
fn another_version_and_letters_without_types_are_taken() {
    let site = site(4, "");
    for path in site.find("dead_letters") {
        let text = std::fs::read_to_string(&path).unwrap();
        let untyped = text.lines().map(|line| {
            let mut letter: Value = serde_json::from_str(line).unwrap();
            let types = letter.as_object_mut().unwrap().remove("types");
            assert!(letter["step"] == "rows" || types.unwrap()["price"] == "Decimal128(20, 2)", "{line}");
            format!("{letter}\n")
        });
        std::fs::write(&path, untyped.collect::<String>()).unwrap();
    }
    let other = "amount == 0 ? 7 : 100 / amount";
    site.write("old.yaml", workflow(other, ""));
    site.run(&["dlq", "replay", "w.yaml", "--workflow", "old.yaml"]).code(0);
    assert_eq!(site.number("out.db", "SELECT count(*) FROM t WHERE share = 7"), Some(2));
    site.write("else.yaml", workflow(other, "").replace("name: shares", "name: else"));
    site.run(&["dlq", "replay", "w.yaml", "--workflow", "else.yaml"]).code(2).says("not the same workflow");
}

#[test]
fn records_that_a_later_run_has_delivered_are_not_meant() {
    let site = site(4, "");
    let rows = site.run(&["dlq", "list", "w.yaml", "-o", "json"]).code(0).json();
    let run = rows[0]["run"].as_str().unwrap().to_owned();
    site.write("w.yaml", workflow(CORRECTED, ""));
    site.run(&["run", "w.yaml", "--progress", "none"]).code(0);
    site.run(&["dlq", "replay", "w.yaml"]).code(0).says("nothing to replay");
    site.run(&["dlq", "replay", "w.yaml", "--run", &run, "--step", "share"]).code(0);
    assert_eq!(listed(&site, "shares", "share"), (2, 2));
}

#[test]
fn what_fails_in_a_route_comes_to_all_of_its_outputs_again() {
    let site = Site::new();
    let text = |condition: &str| {
        format!(
            r#"
workflow:
  name: ways
  sources: {{ rows: {{ type: file, config: {{ path: in.csv }} }} }}
  transformations:
    split: {{ type: route, on_error: dead_letter, inputs: [rows], config: {{ outputs: {{ large: "{condition}" }} }} }}
  destinations:
    large: {{ type: sqlite, inputs: [split.large], config: {{ path: large.db, table: t }} }}
    small: {{ type: sqlite, inputs: [split.default], config: {{ path: small.db, table: t }} }}
"#
        )
    };
    site.write("in.csv", "id,amount\n1,2\n2,0\n3,50\n4,0\n");
    site.write("w.yaml", text("100 / amount < 10"));
    site.run(&["run", "w.yaml", "--progress", "none"]).code(0);
    site.write("w.yaml", text("amount == 0 || 100 / amount < 10").replace("amount == 0", "id == 2"));
    site.run(&["dlq", "replay", "w.yaml"]).code(0);
    assert_eq!((ids(&site, "large.db"), ids(&site, "small.db")), ((2, 2), (1, 1)));
    site.write("w.yaml", text("amount > 10"));
    site.run(&["dlq", "replay", "w.yaml"]).code(0);
    assert_eq!((ids(&site, "large.db"), ids(&site, "small.db")), ((2, 2), (2, 2)));
    site.run(&["dlq", "replay", "w.yaml"]).code(0).says("nothing to replay");
}

#[test]
fn what_cannot_be_replayed_is_refused() {
    let site = site(4, "");
    site.write("w.yaml", workflow(CORRECTED, "").replace("table: t }", "table: t, mode: replace }"));
    site.run(&["dlq", "replay", "w.yaml"]).code(2).says("nothing but the letters");
    site.write(
        "w.yaml",
        workflow(CORRECTED, "").replace("share: {", "portion: {").replace("[share]", "[portion]"),
    );
    site.run(&["dlq", "replay", "w.yaml", "--step", "share"])
        .code(0)
        .says("which the workflow does not have");
    site.run(&["dlq", "replay", "w.yaml", "--run", "x"]).code(2).says("not the id of a run");
}

#[test]
fn a_replay_that_is_killed_goes_on_and_no_record_is_doubled() {
    let rows = 4000;
    let site = site(rows, "");
    let before = ids(&site, "out.db");
    let text = workflow(CORRECTED, "")
        .replace("table: { type: sqlite,", "table: { rate_limit: { records: 800, per: 1s }, type: sqlite,");
    site.write("w.yaml", &text);
    let mut running = site.start(&["dlq", "replay", "w.yaml", "--step", "share"]);
    running.until("the first commit", || site.number("out.db", "SELECT count(*) FROM t") > Some(before.0));
    running.signal(Signal::KILL);
    running.child().wait().unwrap();
    let between = ids(&site, "out.db");
    let all = (rows - rows / 5) as i64;
    assert!(between.0 > before.0 && between.0 < all, "{between:?} of {all}: killed half-way");
    site.write("w.yaml", workflow(CORRECTED, ""));
    let ended = site.run(&["dlq", "replay", "w.yaml", "-o", "json"]).code(0);
    assert_eq!(ended.json()["continued"], json!(true));
    assert_eq!((ids(&site, "out.db"), ids(&site, "other.db")), ((all, all), (all, all)));
    let (letters, replayed) = listed(&site, "shares", "share");
    assert_eq!((letters, replayed), (rows * 2 / 5, rows * 2 / 5));
    assert_eq!(
        listed(&site, "shares", "even").1,
        0,
        "the selection of the replay that was interrupted holds"
    );
}
