use std::fs;
use std::path::Path;

use crate::nodes::{Nodes, voters};
use crate::site::walk;

/// Alters every file of a log in the middle of what was written.
fn damage(log: &Path) {
    let mut damaged = 0;
    walk(log, &mut |path| {
        let mut bytes = fs::read(path).unwrap();
        let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        if written > 64 {
            for byte in &mut bytes[written / 4..written / 2] {
                *byte ^= 0x55;
            }
            fs::write(path, bytes).unwrap();
            damaged += 1;
        }
    });
    assert!(damaged > 0, "there is something to damage");
}

#[test]
fn a_damaged_node_joins_anew_under_another_id() {
    let mut nodes = Nodes::cluster(3);
    nodes.apply(1, "kept").code(0);
    let former = nodes.id(3);
    nodes.kill(3);
    damage(&nodes.directory(3).join("wal"));

    // Without anybody to join it refuses and changes nothing.
    nodes.spawn(3, &[]);
    assert_eq!(nodes.ended(3), Some(1), "{}", nodes.says(3));
    assert!(nodes.says(3).contains("error[damaged_data]"), "{}", nodes.says(3));
    assert!(nodes.directory(3).join("identity").exists());

    let founder = nodes.admin(1);
    nodes.start(3, &["--join", &founder]);
    assert_ne!(nodes.id(3), former);
    assert!(nodes.directory(3).join("quarantine-1/wal").is_dir());
    let id = nodes.id(3);
    nodes.until("the node is back and knows everything", |nodes| {
        let status = nodes.status(3);
        status.is_some_and(|status| status["nodes"].as_array().unwrap().iter().any(|node| node["id"] == id))
            && nodes.workflows(3) == ["kept"]
    });
    let forced = former.to_string();
    nodes.tool(1, &["cluster", "remove", &forced, "--force", "--yes", "--timeout", "60s"]).code(0);
    nodes.until("the new node votes in the place of the old", |nodes| {
        nodes.status(1).is_some_and(|status| {
            let voters = voters(&status);
            voters.len() == 3 && voters.contains(&id) && !voters.contains(&former)
        })
    });
}

#[test]
fn a_damaged_node_is_not_set_aside_while_the_others_are_no_quorum() {
    let mut nodes = Nodes::cluster(3);
    for node in 1..=3 {
        nodes.kill(node);
    }
    damage(&nodes.directory(3).join("wal"));
    let before = fs::read(nodes.directory(3).join("store-id")).unwrap();
    nodes.spawn(2, &[]);
    let second = nodes.admin(2);
    nodes.spawn(3, &["--join", &second]);
    assert_eq!(nodes.ended(3), Some(1), "{}", nodes.says(3));
    assert!(nodes.says(3).contains("no quorum of other nodes answers"), "{}", nodes.says(3));
    assert_eq!(fs::read(nodes.directory(3).join("store-id")).unwrap(), before);
    assert!(!nodes.directory(3).join("quarantine-1").exists());
}

#[test]
fn a_node_that_has_lost_its_log_never_begins_a_new_one() {
    let mut nodes = Nodes::cluster(1);
    nodes.apply(1, "kept").code(0);
    nodes.kill(1);
    for name in ["wal", "state", "snapshots"] {
        fs::remove_dir_all(nodes.directory(1).join(name)).unwrap();
    }
    for arguments in [&[][..], &["--bootstrap"]] {
        nodes.spawn(1, arguments);
        assert_eq!(nodes.ended(1), Some(1), "{}", nodes.says(1));
    }
    assert!(!nodes.directory(1).join("wal").exists());
    fs::remove_file(nodes.directory(1).join("identity")).unwrap();
    fs::create_dir(nodes.directory(1).join("wal")).unwrap();
    fs::write(nodes.directory(1).join("wal/something"), "x").unwrap();
    nodes.spawn(1, &["--bootstrap"]);
    assert_eq!(nodes.ended(1), Some(1), "{}", nodes.says(1));
}

#[test]
fn a_backup_becomes_a_cluster_of_its_own() {
    let nodes = Nodes::cluster(3);
    nodes.apply(1, "one").code(0);
    nodes.apply(2, "two").code(0);
    nodes.tool(3, &["cluster", "backup", "backup.etl"]).code(0);
    nodes.apply(1, "later").code(0);

    let mut restored = Nodes::new();
    fs::copy(nodes.site.path("backup.etl"), restored.site.path("backup.etl")).unwrap();
    let directory = restored.directory(1).display().to_string();
    let host = restored.host().to_owned();
    let restore = [
        "cluster",
        "restore",
        "backup.etl",
        "--data-dir",
        &directory,
        "--raft-advertise",
        &host,
        "--admin-advertise",
        &host,
    ];
    let told = restored.site.run(&[&restore[..], &["-o", "json"]].concat()).code(0).json();
    assert_eq!(told["former_cluster"], nodes.cluster_id(1));
    assert_eq!(told["left_behind"].as_array().unwrap().len(), 3);
    restored.site.run(&restore).code(2).says("holds a node's data already");
    restored.start(1, &[]);
    assert_eq!(restored.cluster_id(1), told["cluster"].as_str().unwrap());
    assert_ne!(restored.cluster_id(1), nodes.cluster_id(1));
    restored.leader();
    assert_eq!(restored.workflows(1), ["one", "two"]);
    restored.apply(1, "three").code(0);
    let first = restored.admin(1);
    restored.start(2, &["--join", &first]);
    restored.start(3, &["--join", &first]);
    restored.until_voters(3);
    assert_eq!(restored.workflows(3), ["one", "three", "two"]);
    assert_eq!(nodes.workflows(1), ["later", "one", "two"], "the other cluster goes on");
}

#[test]
fn a_damaged_backup_is_refused() {
    let nodes = Nodes::cluster(1);
    nodes.apply(1, "one").code(0);
    nodes.tool(1, &["cluster", "backup", "backup.etl"]).code(0);
    let whole = fs::read(nodes.site.path("backup.etl")).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for bytes in [&whole[..whole.len() / 2], &flipped, b"nothing"] {
        nodes.site.write("broken.etl", bytes);
        nodes.site.run(&["cluster", "restore", "broken.etl", "--data-dir", "new"]).code(1).says("broken.etl");
        assert!(!nodes.site.path("new/identity").exists());
    }
    nodes.site.run(&["cluster", "restore", "missing.etl", "--data-dir", "new"]).code(2).says("missing.etl");
}

#[test]
fn the_last_survivor_goes_on_alone_when_that_is_confirmed() {
    let mut nodes = Nodes::cluster(3);
    for name in ["one", "two", "three"] {
        nodes.apply(1, name).code(0);
    }
    // So that it is known on every node.
    for node in 1..=3 {
        assert_eq!(nodes.workflows(node).len(), 3);
    }
    let former = nodes.cluster_id(2);
    let directory = nodes.directory(2).display().to_string();
    let (raft, admin) = (nodes.raft(2), nodes.admin(2));
    let recover = [
        "cluster",
        "recover",
        "--data-dir",
        &directory,
        "--raft-advertise",
        &raft,
        "--admin-advertise",
        &admin,
    ];
    let confirmed = [&recover[..], &["--yes-the-majority-is-lost"]].concat();
    nodes.site.run(&confirmed).code(3).says("is in use by process");
    for node in 1..=3 {
        nodes.kill(node);
    }
    nodes.site.run(&recover).code(2).says("--yes-the-majority-is-lost");
    let ended = nodes.site.run(&[&confirmed[..], &["-o", "json"]].concat()).code(0).says("WARNING");
    let told = ended.json();
    assert_eq!(told["former_cluster"], former.as_str());
    assert!(nodes.directory(2).join("quarantine-1/wal").is_dir());
    nodes.start(2, &[]);
    assert_eq!(nodes.leader(), 2);
    assert_ne!(nodes.cluster_id(2), former);
    assert_eq!(nodes.workflows(2), ["one", "three", "two"]);
    nodes.apply(2, "four").code(0);

    // A node of the old cluster that is started after all cannot get in, and the new one does not listen to it.
    nodes.start(1, &[]);
    assert_eq!(nodes.cluster_id(1), former);
    assert!(nodes.apply(1, "five").code != Some(0));
    assert_eq!(nodes.workflows(2), ["four", "one", "three", "two"]);
}
