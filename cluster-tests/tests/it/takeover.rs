use std::process::{Command, Stdio};

use serde_json::Value;

use crate::turn;

#[test]
fn nodes_take_over_from_nodes_that_are_killed_paused_or_drained_and_every_record_arrives_once() {
    let _turn = turn();
    let scratch = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_cluster-tests"))
        .args(["takeover", "--short", "--json", "--scratch"])
        .arg(scratch.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{stdout}\n{stderr}", output.status);
    let report: Value = serde_json::from_str(&stdout).unwrap();
    let runs = report["runs"].as_array().unwrap();
    let told = runs.iter().map(|run| (run["fault"].as_str().unwrap(), run["cell"].as_str().unwrap()));
    let append = ["kill-owner", "kill-leader", "pause-6s", "drain"].map(|fault| (fault, "postgres_append"));
    let expected: Vec<_> = append.into_iter().chain([("kill-owner", "postgres_upsert")]).collect();
    assert_eq!(told.collect::<Vec<_>>(), expected);
    for run in runs {
        for field in ["lost", "doubled", "altered", "disordered"] {
            assert_eq!(run[field], 0, "{field}: {run}");
        }
        assert_eq!(run["counted"], run["records"], "{run}");
        assert!(run["moved"].as_u64().unwrap() > 0 && run["units"].as_u64().unwrap() >= 24, "{run}");
    }
}
