use crate::proof::proof;

#[test]
fn nodes_take_over_from_nodes_that_are_killed_paused_or_drained_and_every_record_arrives_once() {
    let report = proof(&["takeover", "--json"]);
    let runs = report["runs"].as_array().unwrap();
    let told = runs.iter().map(|run| (run["fault"].as_str().unwrap(), run["cell"].as_str().unwrap()));
    let append = ["kill-owner", "kill-leader", "pause-6s", "drain", "partition-minority"];
    // Links are cut by root only.
    let is_root = rustix::process::geteuid().is_root();
    let append = append.into_iter().filter(|fault| is_root || *fault != "partition-minority");
    let append = append.map(|fault| (fault, "postgres_append"));
    let controls = [("order-reversed", "postgres_append")];
    let expected: Vec<_> = append
        .chain([("kill-owner", "postgres_upsert"), ("kill-owner", "sqlite_hosted")])
        .chain(controls)
        .collect();
    assert_eq!(told.collect::<Vec<_>>(), expected);
    let (controls, runs): (Vec<_>, Vec<_>) = runs.iter().partition(|run| run["is_control"] == true);
    for run in controls {
        let damage = run["lost"].as_u64().unwrap() + run["doubled"].as_u64().unwrap();
        assert!(damage > 0, "without the guard there must be damage: {run}");
    }
    for run in runs {
        for field in ["lost", "doubled", "altered", "disordered"] {
            assert_eq!(run[field], 0, "{field}: {run}");
        }
        assert_eq!(run["counted"], run["records"], "{run}");
        assert!(run["moved"].as_u64().unwrap() > 0 && run["units"].as_u64().unwrap() >= 24, "{run}");
        let pauses = run["moves_ms"].as_array().unwrap();
        assert_eq!(
            pauses.is_empty(),
            run["fault"] != "drain",
            "the pause of a planned move is measured: {run}"
        );
    }
}
