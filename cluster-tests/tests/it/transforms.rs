use std::process::Command;

use serde_json::Value;

#[test]
fn every_transformation_is_measured() {
    let binary = env!("CARGO_BIN_EXE_cluster-tests");
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("figures.jsonl");
    let ended = Command::new(binary).args(["transforms", "--short", "--out"]).arg(&out).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let told = std::fs::read_to_string(&out).unwrap();
    let figures: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(
        figures.iter().all(|figure| figure["ours"]["best"].as_f64().is_some_and(|best| best > 0.0)),
        "{told}"
    );
    let mut measured: Vec<&str> =
        figures.iter().filter_map(|figure| figure["transformation"].as_str()).collect();
    measured.sort_unstable();
    measured.dedup();
    // `sql` is part of the full build only.
    measured.retain(|name| *name != "sql");
    let known: Vec<String> = etl_connectors::registry()
        .processors()
        .map(|known| known.descriptor().name.to_owned())
        .filter(|name| name != "sql")
        .collect();
    assert_eq!(measured, known, "there is a case for every transformation");
}
