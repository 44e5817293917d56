use crate::proof::proof;

#[test]
fn nodes_take_over_from_nodes_that_are_killed_paused_or_drained_and_every_record_arrives_once() {
    let report = proof(&["takeover", "--json"]);
    let runs = report["runs"].as_array().unwrap();
    let told = runs.iter().map(|run| (run["fault"].as_str().unwrap(), run["cell"].as_str().unwrap()));
    let append = ["kill-owner", "kill-leader", "pause-6s", "drain"].map(|fault| (fault, "postgres_append"));
    let expected: Vec<_> = append
        .into_iter()
        .chain([("kill-owner", "postgres_upsert"), ("kill-owner", "sqlite_hosted")])
        .collect();
    assert_eq!(told.collect::<Vec<_>>(), expected);
    for run in runs {
        for field in ["lost", "doubled", "altered", "disordered"] {
            assert_eq!(run[field], 0, "{field}: {run}");
        }
        assert_eq!(run["counted"], run["records"], "{run}");
        assert!(run["moved"].as_u64().unwrap() > 0 && run["units"].as_u64().unwrap() >= 24, "{run}");
    }
}
