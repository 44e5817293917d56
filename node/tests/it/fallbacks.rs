use rustix::process::Signal;

use crate::site::Site;

const ROWS: u64 = 40_000;

/// Every tenth line cannot be read, every seventh id has no share; both go on by themselves, in two ways.
const WORKFLOW: &str = r#"
workflow:
  name: shares
  delivery: { guarantee: exactly_once }
  commit_interval: 5ms
  sources:
    rows:
      type: file
      config: { path: in.csv, schema: { id: int, amount: int } }
      rate_limit: { records: 8000, per: 1s }
      fallback: { type: sqlite, config: { path: unread.db, table: t } }
  transformations:
    share: { type: mapping, inputs: [rows], config: { keep: [id], mappings: [{ expression: "100 / amount", destination: share }] } }
    none: { type: mapping, inputs: [share.errors], config: { keep: [id], mappings: [{ expression: "-1", destination: share }] } }
  destinations:
    all: { type: sqlite, inputs: [share, none], config: { path: all.db, table: t } }
    failed: { type: sqlite, inputs: [share.errors], config: { path: failed.db, table: t } }
"#;

#[test]
fn what_fails_arrives_elsewhere_once_also_when_the_run_is_killed() {
    let site = Site::new();
    let line = |id: u64| match id % 10 {
        3 => format!("{id},many\n"),
        _ => format!("{id},{}\n", id % 7),
    };
    site.write("in.csv", format!("id,amount\n{}", (0..ROWS).map(line).collect::<String>()));
    site.write("w.yaml", WORKFLOW);
    let count = |database: &str| site.number(database, "SELECT count(*) FROM t").unwrap_or(0) as u64;
    let mut kills = 0;
    for share in [1, 2, 3] {
        let mut run = site.start(&["run", "w.yaml", "--progress", "none"]);
        run.until("rows have come", || count("all.db") > ROWS * share / 5);
        run.signal(Signal::KILL);
        run.end();
        kills += u32::from(count("all.db") < ROWS * 9 / 10);
    }
    assert_eq!(kills, 3, "a run has ended before it was killed");
    let ended = site.run(&["run", "w.yaml", "--progress", "none", "-o", "json"]).code(0);
    let (unread, read): (Vec<u64>, Vec<u64>) = (0..ROWS).partition(|id| id % 10 == 3);
    let failed = read.iter().filter(|id| *id % 7 == 0).count() as u64;
    let expected = [("all.db", read.len() as u64), ("failed.db", failed), ("unread.db", unread.len() as u64)];
    for (database, rows) in expected {
        assert_eq!(count(database), rows, "{database}");
    }
    for (database, sql) in [
        ("all.db", "SELECT count(DISTINCT id) FROM t"),
        ("failed.db", "SELECT count(DISTINCT id) FROM t WHERE id % 7 = 0 AND amount = 0"),
        ("unread.db", "SELECT count(DISTINCT record) FROM t WHERE record LIKE '%,many%'"),
    ] {
        let rows = expected.iter().find(|(name, _)| *name == database).unwrap().1;
        assert_eq!(site.number(database, sql), Some(rows as i64), "{database}");
    }
    assert_eq!(site.number("all.db", "SELECT count(*) FROM t WHERE share = -1"), Some(failed as i64));
    let summary = ended.json();
    for route in summary["routes"].as_array().unwrap() {
        let counter = |name: &str| route["counters"][name].as_u64().unwrap();
        assert_eq!(counter("read"), counter("delivered") + counter("filtered"), "{route}");
        assert_eq!(counter("dead_lettered") + counter("failed"), 0);
    }
}

#[test]
fn a_step_is_tried_again_as_often_as_it_says_itself() {
    let site = Site::new();
    site.write("in.csv", "id\n1\n0\n");
    let workflow = |retry: &str| {
        format!(
            "workflow:\n  name: again\n  retry: {{ max_attempts: 1 }}\n  source: {{ type: file, config: {{ path: in.csv }} }}\n  \
             transformations:\n    - type: mapping\n      on_error: retry\n      retry: {{ {retry}, initial_backoff: 1ms, \
             max_backoff: 2ms }}\n      config: {{ mappings: [{{ expression: \"1 / id\", destination: x }}] }}\n  \
             destination: {{ type: stdout }}\n"
        )
    };
    for (retry, retries) in [("max_attempts: 4", 3), ("max_attempts: 4, retry_on: [timeout]", 0)] {
        site.write("w.yaml", workflow(retry));
        let ended = site.run(&["run", "w.yaml", "--restart", "--progress", "none"]).code(1);
        let told = ended.stderr.matches("retrying").count();
        assert_eq!(told, retries, "{retry}: {}", ended.stderr);
        ended.says("division_by_zero");
    }
}

#[test]
fn a_fallback_shows_nothing_of_a_protected_field() {
    let site = Site::new();
    site.write("in.csv", "id,card\n1,4111111111111111\n0,5500000000000004\nx,340000000000009\n2,6011,9\n");
    site.write(
        "w.yaml",
        r#"
workflow:
  name: cards
  data_protection: { masking_rules: [{ field: card, method: partial, show_chars: 4 }] }
  source:
    type: file
    config: { path: in.csv, schema: { id: int } }
    fallback: { type: file, config: { path: unread.jsonl } }
  transformations:
    - type: mapping
      config: { keep: "*", mappings: [{ expression: "10 / id", destination: share }] }
      fallback: { type: file, config: { path: uncomputed.jsonl } }
  destination: { type: file, config: { path: out.jsonl } }
"#,
    );
    site.run(&["run", "w.yaml", "--progress", "none"]).code(0);
    let (unread, uncomputed) = (site.read("unread.jsonl"), site.read("uncomputed.jsonl"));
    assert_eq!((unread.lines().count(), uncomputed.lines().count()), (2, 1), "{unread}{uncomputed}");
    assert!(
        uncomputed.contains("************0004") && uncomputed.contains("division_by_zero"),
        "{uncomputed}"
    );
    for secret in ["4111", "550000", "34000", "6011"] {
        let all = [&unread, &uncomputed, &site.read("out.jsonl")].map(|text| text.replace("1111\"", ""));
        assert!(!all.iter().any(|text| text.contains(secret)), "{secret}: {all:?}");
    }
}
