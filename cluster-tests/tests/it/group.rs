use crate::proof::proof;

#[test]
fn what_clients_see_is_linearizable_while_nodes_are_killed_and_paused() {
    let report = proof(&["linearizability", "--json"]);
    assert_eq!((&report["lost"], &report["stuck"]), (&0.into(), &0.into()), "{report}");
    assert!(report["writes"].as_u64().unwrap() > 50 && report["reads"].as_u64().unwrap() > 50, "{report}");
    assert!(report["bit"].as_object().unwrap().len() >= 6, "{report}");
}

#[test]
fn a_loss_of_power_loses_nothing_that_was_acknowledged() {
    let report = proof(&["power", "--json"]);
    assert_eq!(report["lost"], 0, "{report}");
    assert!(report["acknowledged"].as_u64().unwrap() > 50, "{report}");
    let controls = report["controls"].as_array().unwrap();
    assert!(controls.len() == 2 && controls.iter().all(|control| control["damaged"] != 0), "{report}");
}

#[test]
fn whatever_happens_to_disks_versions_and_members_is_seen_and_loses_nothing() {
    let report = proof(&["hazards", "--json"]);
    let scenarios = report["scenarios"].as_array().unwrap();
    assert_eq!(scenarios.len(), 10, "{report}");
    for scenario in scenarios {
        for list in ["toothless", "missing"] {
            assert_eq!(scenario[list].as_array().unwrap().len(), 0, "{scenario}");
        }
        assert_eq!((&scenario["lost"], &scenario["wrong"]), (&0.into(), &0.into()), "{scenario}");
        let is_left_out = !scenario["left_out"].as_array().unwrap().is_empty();
        let has_struck = !scenario["bit"].as_object().unwrap().is_empty();
        assert!(is_left_out || has_struck && scenario["acknowledged"].as_u64().unwrap() > 40, "{scenario}");
    }
}
