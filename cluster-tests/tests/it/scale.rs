use crate::proof::proof;

#[test]
fn more_nodes_are_faster_and_many_partitions_and_workflows_are_placed_and_listed() {
    let report = proof(&["scale", "--json"]);
    let runs = report["throughput"].as_array().unwrap();
    let rates: Vec<f64> = runs.iter().map(|run| run["per_second"].as_f64().unwrap()).collect();
    assert!(
        rates.len() == 3 && rates[2] > rates[0] * 1.3,
        "three nodes wait for three times as much: {report}"
    );
    let idle = &report["idle"];
    assert!(idle["partitions"].as_u64().unwrap() >= 300, "{report}");
    assert!(idle["placed_seconds"].as_f64().unwrap() < 60.0, "{report}");
    assert!(idle["raft_entries_per_second"].as_f64().unwrap() < 50.0, "nothing happens: {report}");
    assert_eq!(report["catalogue"]["workflows"], 50, "{report}");
}
