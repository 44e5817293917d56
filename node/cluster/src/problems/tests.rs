#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use super::*;
use crate::{Health, Software};

fn node(id: NodeId) -> OverviewNode {
    OverviewNode {
        state: NodeState::Up,
        raft_address: format!("node-{id}:7001"),
        software: Software { version: "1.0.0".to_owned(), feature_level: 1 },
        lag: Some(3),
        silent: Some(Duration::from_millis(200)),
        health: Some(Health { disk_free_bytes: 50 << 30, disk_total_bytes: 100 << 30, ..Health::default() }),
    }
}

/// All of them vote, node 1 leads, and nothing is wrong.
fn healthy(voters: u64) -> Overview {
    Overview {
        me: 1,
        leader: Some(1),
        voters: (1..=voters).collect(),
        learners: BTreeSet::new(),
        is_joint: false,
        feature_level: 1,
        quorum_silent: Some(Duration::from_millis(10)),
        nodes: (1..=voters).map(|id| (id, node(id))).collect(),
        refusals: BTreeMap::new(),
    }
}

fn codes(overview: &Overview) -> Vec<(&'static str, Option<NodeId>)> {
    problems(overview).iter().map(|problem| (problem.code, problem.node)).collect()
}

fn with(id: NodeId, change: impl FnOnce(&mut OverviewNode)) -> Overview {
    let mut overview = healthy(3);
    change(overview.nodes.get_mut(&id).unwrap());
    overview
}

#[test]
fn three_or_five_that_are_well_have_no_problem() {
    assert_eq!(codes(&healthy(3)), []);
    assert_eq!(codes(&healthy(5)), []);
}

#[test]
fn too_few_or_an_even_number_of_voters_is_told() {
    assert_eq!(codes(&healthy(1)), [("single_voter", None)]);
    assert_eq!(codes(&healthy(2)), [("two_voters", None)]);
    assert_eq!(codes(&healthy(4)), [("even_voters", None)]);
}

#[test]
fn a_node_that_is_down_takes_the_margin_of_three_but_not_of_five() {
    let down = |voters| {
        let mut overview = healthy(voters);
        overview.nodes.get_mut(&3).unwrap().state = NodeState::Down;
        codes(&overview)
    };
    assert_eq!(down(3), [("no_quorum_margin", None), ("node_down", Some(3))]);
    assert_eq!(down(5), [("node_down", Some(3))]);
}

#[test]
fn a_node_that_was_wiped_is_told_apart_from_one_that_stopped() {
    let mut overview = healthy(3);
    overview.nodes.get_mut(&3).unwrap().state = NodeState::Down;
    let remedy = |overview: &Overview| {
        problems(overview).into_iter().find(|problem| problem.code == "node_down").unwrap().remedy
    };
    assert!(remedy(&overview).starts_with("start it"));
    overview.nodes.insert(9, OverviewNode { raft_address: "node-3:7001".to_owned(), ..node(9) });
    assert!(remedy(&overview).starts_with("node 9 uses its address"));
}

#[test]
fn without_a_leader_or_a_quorum_the_voters_that_are_needed_are_named() {
    let none = Overview { leader: None, quorum_silent: None, ..healthy(3) };
    let told = problems(&none).remove(0);
    assert_eq!(told.code, "no_leader");
    assert!(told.remedy.contains("at least 2 of the voters (1, 2, 3)"), "{}", told.remedy);
    let silent = Overview { quorum_silent: Some(Duration::from_secs(7)), ..healthy(3) };
    assert!(problems(&silent)[0].message.contains("for 7 s"));
}

#[test]
fn what_is_not_finished_is_told() {
    assert_eq!(codes(&Overview { is_joint: true, ..healthy(3) }), [("joint", None)]);
    let mut removed = healthy(3);
    removed.nodes.insert(7, OverviewNode { state: NodeState::Removed, ..node(7) });
    assert_eq!(codes(&removed), [("removal_unfinished", Some(7))]);
}

#[test]
fn who_is_not_heard_is_told_by_the_leader_alone() {
    assert_eq!(
        codes(&with(3, |node| node.silent = Some(Duration::from_secs(4)))),
        [("no_quorum_margin", None), ("not_heard", Some(3))]
    );
    let mut joining = healthy(3);
    joining.nodes.insert(7, OverviewNode { state: NodeState::Joining, silent: None, ..node(7) });
    assert_eq!(codes(&joining), [("not_started", Some(7))]);
    let follower = Overview { me: 2, ..joining };
    assert_eq!(codes(&follower), [], "a follower hears of nobody");
}

#[test]
fn a_disk_that_fills_up_is_told_in_time() {
    let free = |bytes: u64| {
        codes(&with(2, |node| {
            node.health = Some(Health {
                disk_free_bytes: bytes,
                disk_total_bytes: 1000,
                problems: vec!["the disk is slow".to_owned()],
                ..Health::default()
            });
        }))
    };
    assert_eq!(free(100), [("reported", Some(2))]);
    assert_eq!(free(99), [("disk_low", Some(2)), ("reported", Some(2))]);
    assert_eq!(free(49), [("disk_full", Some(2)), ("reported", Some(2))]);
    let unknown = with(2, |node| node.health = Some(Health::default()));
    assert_eq!(codes(&unknown), [], "nothing is known of its disk yet");
}

#[test]
fn who_lags_is_told_unless_it_is_down() {
    assert_eq!(codes(&with(2, |node| node.lag = Some(1001))), [("lagging", Some(2))]);
    let down = with(2, |node| {
        node.lag = Some(1001);
        node.state = NodeState::Down;
    });
    assert_eq!(codes(&down), [("no_quorum_margin", None), ("node_down", Some(2))]);
}

#[test]
fn different_software_is_told_with_what_it_holds_back() {
    let mixed = with(2, |node| node.software.version = "1.1.0".to_owned());
    assert_eq!(codes(&mixed), [("mixed_versions", None)]);
    let newer = with(2, |node| node.software = Software { version: "2".to_owned(), feature_level: 2 });
    let told = problems(&newer).remove(0);
    assert!(
        told.message.contains("1.0.0, 2") && told.message.contains("level 2 stay off"),
        "{}",
        told.message
    );
}

#[test]
fn peers_that_refuse_are_told() {
    let refusals = BTreeMap::from([(2, "it has another store".to_owned())]);
    let told = problems(&Overview { refusals, ..healthy(3) }).remove(0);
    assert_eq!((told.code, told.node), ("refused", Some(2)));
    assert!(told.message.contains("another store"));
}
