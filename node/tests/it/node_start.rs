use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::nodes::{Nodes, voters};

#[test]
fn three_nodes_become_a_cluster_that_survives_the_end_of_any_and_of_all() {
    let mut nodes = Nodes::cluster(3);
    let founder = nodes.cluster_id(1);
    assert!((2..=3).all(|node| nodes.cluster_id(node) == founder));
    nodes.apply(1, "one").code(0);
    nodes.apply(2, "two").code(0);

    let follower = (1..=3).find(|&node| node != nodes.leader()).unwrap();
    nodes.kill(follower);
    let other = nodes.any_running();
    nodes.apply(other, "three").code(0);
    nodes.start(follower, &[]);

    let leader = nodes.leader();
    nodes.kill(leader);
    let other = nodes.any_running();
    nodes.until("a write succeeds without the former leader", |nodes| {
        nodes.apply(other, "four").code == Some(0)
    });
    nodes.start(leader, &[]);

    for node in 1..=3 {
        nodes.kill(node);
    }
    for node in 1..=3 {
        nodes.start(node, &[]);
    }
    nodes.leader();
    for node in 1..=3 {
        assert_eq!(nodes.workflows(node), ["four", "one", "three", "two"], "node {node}");
    }
    nodes.until_voters(3);
}

#[test]
fn nothing_acknowledged_is_lost_when_nodes_are_killed_while_writing() {
    let mut nodes = Nodes::cluster(3);
    let mut acknowledged = Vec::new();
    for round in 0u8..6 {
        let victim = round % 3 + 1;
        for write in 0..4 {
            let node = (victim + write) % 3 + 1;
            let name = format!("w{round}-{write}");
            if write == 2 {
                nodes.kill(victim);
            }
            let is_running = node != victim || write < 2;
            if is_running && nodes.apply(node, &name).code == Some(0) {
                acknowledged.push(name);
            }
        }
        nodes.start(victim, &[]);
    }
    assert!(acknowledged.len() >= 12, "{acknowledged:?}");
    for node in 1..=3 {
        nodes.kill(node);
    }
    for node in 1..=3 {
        nodes.start(node, &[]);
    }
    nodes.leader();
    for node in 1..=3 {
        let found = nodes.workflows(node);
        let lost: Vec<_> = acknowledged.iter().filter(|name| !found.contains(name)).collect();
        assert!(lost.is_empty(), "node {node} of {} acknowledged lacks {lost:?}", acknowledged.len());
    }
}

#[test]
fn a_node_that_is_asked_to_stop_ends_quickly_and_hands_over() {
    let mut nodes = Nodes::cluster(3);
    let leader = nodes.leader();
    for (node, signal) in [(leader, Signal::TERM), (leader % 3 + 1, Signal::INT)] {
        let started = Instant::now();
        nodes.signal(node, signal);
        assert_eq!(nodes.ended(node), Some(0), "{}", nodes.says(node));
        assert!(started.elapsed() < Duration::from_secs(12), "took {:?}", started.elapsed());
        nodes.start(node, &[]);
        nodes.leader();
    }
    assert!(nodes.says(leader).contains("leadership was handed over"), "{}", nodes.says(leader));
}

#[test]
fn a_lone_node_stops_in_well_under_a_second_and_comes_back_as_what_it_was() {
    let mut nodes = Nodes::cluster(1);
    nodes.apply(1, "kept").code(0);
    let (cluster, id) = (nodes.cluster_id(1), nodes.id(1));
    nodes.signal(1, Signal::TERM);
    assert_eq!(nodes.ended(1), Some(0), "{}", nodes.says(1));
    // Both say how a node begins that has no identity, and mean nothing to this one.
    for flags in [&["--bootstrap"][..], &["--join", "127.0.0.1:1"], &[]] {
        nodes.start(1, flags);
        assert_eq!((nodes.cluster_id(1), nodes.id(1)), (cluster.clone(), id));
        nodes.leader();
        assert_eq!(nodes.workflows(1), ["kept"]);
        nodes.kill(1);
    }
}

#[test]
fn founding_that_was_interrupted_is_finished() {
    let mut nodes = Nodes::cluster(1);
    nodes.apply(1, "kept").code(0);
    let cluster = nodes.cluster_id(1);
    nodes.kill(1);
    std::fs::write(nodes.directory(1).join("entering"), "founding\n").unwrap();
    nodes.start(1, &[]);
    nodes.leader();
    assert_eq!(nodes.cluster_id(1), cluster);
    assert_eq!(nodes.workflows(1), ["kept"]);
    assert!(!nodes.directory(1).join("entering").exists());
    // The same where nothing but the identity had been written.
    nodes.kill(1);
    let directory = nodes.directory(1);
    for name in ["wal", "state", "snapshots"] {
        std::fs::remove_dir_all(directory.join(name)).unwrap();
    }
    std::fs::remove_file(directory.join("log-end")).unwrap();
    std::fs::write(directory.join("entering"), "founding\n").unwrap();
    nodes.start(1, &[]);
    nodes.leader();
    assert_eq!(nodes.cluster_id(1), cluster);
    assert!(nodes.workflows(1).is_empty());
}

#[test]
fn a_data_directory_has_one_process() {
    let mut nodes = Nodes::cluster(1);
    let directory = nodes.directory(1).display().to_string();
    let arguments = ["node", "start", "--data-dir", &directory, "--raft-listen", "127.0.0.1:0"];
    let second = nodes.site.run(&[&arguments[..], &["--admin-listen", "127.0.0.1:0"]].concat());
    second.code(3).says("is in use by process");
    assert!(nodes.runs(1));
}

#[test]
fn a_port_in_use_is_named() {
    let mut nodes = Nodes::cluster(1);
    let raft = nodes.raft(1);
    let other = nodes.site.path("other").display().to_string();
    let arguments = ["node", "start", "--bootstrap", "--data-dir", &other, "--raft-listen", &raft];
    nodes.site.run(&arguments).code(3).says(&raft).says("another process");
    assert!(nodes.runs(1));
    assert!(!nodes.site.path("other/identity").exists(), "nothing is founded before the ports are there");
}

#[test]
fn joining_fails_with_what_each_address_said() {
    let site = crate::site::Site::new();
    let arguments = ["node", "start", "--data-dir", "data", "--raft-listen", "127.0.0.1:0", "--admin-listen"];
    let join = ["127.0.0.1:0", "--join", "127.0.0.1:1,localhost:1", "--join-timeout", "300ms"];
    let ended = site.run(&[&arguments[..], &join].concat()).code(3);
    ended.says("127.0.0.1:1").says("localhost:1").says("refused");
    assert!(!site.path("data/identity").exists());
}

#[test]
fn a_node_that_waits_to_join_can_be_stopped_and_takes_no_harm() {
    let mut nodes = Nodes::new();
    nodes.spawn(1, &["--join", "127.0.0.1:1"]);
    nodes.until("it has tried", |nodes| nodes.says(1).contains("not joined yet"));
    nodes.signal(1, Signal::TERM);
    assert_eq!(nodes.ended(1), Some(0), "{}", nodes.says(1));
    assert!(!nodes.directory(1).join("identity").exists());
    nodes.start(1, &["--bootstrap"]);
    nodes.leader();
}

#[test]
fn a_node_that_was_removed_ends_by_itself() {
    let mut nodes = Nodes::cluster(3);
    let leader = nodes.leader();
    let other = leader % 3 + 1;
    let id = nodes.id(other).to_string();
    nodes.tool(leader, &["cluster", "remove", &id, "--yes", "--timeout", "60s"]).code(0);
    assert_eq!(nodes.ended(other), Some(0), "{}", nodes.says(other));
    assert!(nodes.says(other).contains("removed"), "{}", nodes.says(other));
    let status = nodes.status(leader).unwrap();
    assert!(!voters(&status).contains(&nodes.id(other)), "{status}");
}
