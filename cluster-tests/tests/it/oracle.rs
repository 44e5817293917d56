use serde_json::Value;

use crate::proof::proof;

/// Runs a part of the short oracle.
fn oracle(part: &str) -> Value {
    proof(&["oracle", "-o", "json", "--part", part])
}

fn sum(list: &Value, field: &str) -> u64 {
    list.as_array().unwrap().iter().map(|entry| entry[field].as_u64().unwrap()).sum()
}

#[test]
fn no_crash_loses_or_doubles_a_record() {
    let report = oracle("cells");
    let cells = &report["cells"];
    assert_eq!(cells.as_array().unwrap().len(), 26);
    for field in ["lost", "doubled", "foreign", "altered", "disordered", "letters_lost", "letters_doubled"] {
        assert_eq!(sum(cells, field), 0, "{field}: {report}");
    }
    let crashes = ["killed_at_points", "panicked", "killed_from_outside"].map(|kind| sum(cells, kind));
    assert!(crashes.iter().all(|&count| count > 0), "{crashes:?}");
    assert!(crashes.iter().sum::<u64>() >= 16 * 12, "{crashes:?}");
    for field in ["out_of_step", "torn", "recounted", "redone_too_many", "refetches_too_many"] {
        assert_eq!(sum(cells, field), 0, "{field}: {report}");
    }
    for field in ["server_crashes", "resets", "commits_unsent", "commits_unanswered", "units_noted"] {
        assert!(sum(cells, field) > 0, "{field}: {report}");
    }
}

#[test]
fn a_paused_owner_that_wakes_up_is_fenced() {
    let report = oracle("zombies");
    let scenarios = report["scenarios"].as_array().unwrap();
    assert!(scenarios.len() >= 37 && scenarios.iter().all(|scenario| scenario["bit"] == true), "{report}");
    for field in ["refused_by_marker", "connections_ended"] {
        assert!(sum(&report["scenarios"], field) > 0, "{field}: {report}");
    }
}

#[test]
fn a_restored_destination_halts_the_run() {
    let report = oracle("rewinds");
    assert_eq!(report["scenarios"].as_array().unwrap().len(), 6);
}

#[test]
fn the_oracle_sees_the_damage_that_the_guards_prevent() {
    let report = oracle("controls");
    assert_eq!(report["scenarios"].as_array().unwrap().len(), 12);
    assert!(sum(&report["scenarios"], "doubled") > 0, "{report}");
}

#[test]
fn replayed_letters_arrive_once_whatever_crashes() {
    let report = oracle("replays");
    let replays = &report["replays"];
    assert_eq!(replays.as_array().unwrap().len(), 4, "{report}");
    for field in ["lost", "doubled", "foreign", "altered", "letters_lost", "letters_doubled", "miscounted"] {
        assert_eq!(sum(replays, field), 0, "{field}: {report}");
    }
    for field in ["letters", "run_crashes", "replay_crashes", "errors", "held", "control_doubled"] {
        assert!(sum(replays, field) > 0, "{field}: {report}");
    }
}
