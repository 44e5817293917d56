use std::time::{Duration, Instant};

use crate::site::Site;

fn workflow(destination: &str, limits: &str) -> String {
    format!(
        "workflow:\n  name: limited\n  source: {{ type: generate, config: {{ rows: 2000 }} }}\n  destination:\n    \
         {destination}\n    {limits}\n"
    )
}

/// 2,000 rows take as long as the rate says, at the least.
#[test]
fn a_rate_limit_holds_at_any_destination() {
    let site = Site::new();
    let stdout = workflow("type: stdout", "rate_limit: { records: 2000, per: 1s }");
    site.write("stdout.yaml", stdout);
    let sqlite = "type: sqlite\n    config: { path: out.db, table: t }";
    site.write("sqlite.yaml", workflow(sqlite, "rate_limit: { records: 1000, per: 500ms, name: disk }"));
    for name in ["stdout.yaml", "sqlite.yaml"] {
        let begin = Instant::now();
        let ended = site.run(&["run", name, "--progress", "none"]).code(0);
        assert!(begin.elapsed() >= Duration::from_millis(990), "{name}: {:?}", begin.elapsed());
        assert!(begin.elapsed() < Duration::from_secs(20), "{name}: {:?}", begin.elapsed());
        if name == "stdout.yaml" {
            assert_eq!(ended.stdout.lines().filter(|line| line.starts_with('{')).count(), 2000);
        }
    }
    assert_eq!(site.number("out.db", "SELECT count(*) FROM t"), Some(2000));
}

#[test]
fn limits_are_planned_and_checked() {
    let site = Site::new();
    let limits =
        "rate_limit: { bytes: 1MiB, name: disk }\n    circuit_breaker: { failures: 3, open_for: 5s }";
    site.write("good.yaml", workflow("type: stdout", limits));
    let plan = ["plan", "good.yaml", "--offline"];
    let shown = site.run(&plan).code(0).says("at most 1MiB per 1s, shared as disk");
    shown.says("circuit breaker: 3 failures within 30s, open for 5s");
    let json = site.run(&[&plan[..], &["-o", "json"]].concat()).code(0).json();
    assert_eq!(json["steps"][1]["rate_limit"]["bytes"], "1MiB");
    site.write("bad.yaml", workflow("type: stdout", "rate_limit: { per: 1s }"));
    site.run(&["lint", "bad.yaml"]).code(1).says("E054").says("neither `records` nor `bytes`");
    site.run(&["explain", "E054"]).code(0).says("circuit_breaker");
}
