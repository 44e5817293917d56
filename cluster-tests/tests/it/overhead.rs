use std::process::Command;

use serde_json::Value;

#[test]
fn what_metrics_and_traces_cost_is_measured() {
    let binary = env!("CARGO_BIN_EXE_cluster-tests");
    let ended = Command::new(binary).args(["overhead", "--short", "--json"]).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let told: Value = serde_json::from_slice(&ended.stdout).unwrap();
    let figures = told["figures"].as_array().unwrap();
    assert_eq!(figures.len(), 3, "{told}");
    assert!(
        figures.iter().all(|figure| figure["rows_per_s"].as_f64().is_some_and(|rows| rows > 0.0)),
        "{told}"
    );
    assert!(told["spans"].as_u64().is_some_and(|spans| spans > 10), "the collector has taken them: {told}");
}
