//! Random clusters: whatever the steward decides keeps a healthy majority, and it comes to rest.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use etl_raft_state::NodeState;
use proptest::prelude::*;
use uuid::Uuid;

use super::guard::majority;
use super::{Change, Guard, Limits, NodeFacts, Obstacle, Picture, decide, removal, violations, wishes};
use crate::type_config::{NodeId, Peer};

/// A cluster with what is true about it, of which pictures are taken.
#[derive(Debug, Clone)]
struct World {
    picture: Picture,
    alive: BTreeSet<NodeId>,
}

fn store(node: NodeId) -> Uuid {
    Uuid::from_u128(u128::from(node))
}

fn facts(node: NodeId, state: NodeState) -> NodeFacts {
    NodeFacts {
        state,
        peer: Peer { address: format!("node-{node}:7001"), store: store(node) },
        heard: Some(Duration::ZERO),
        healthy_since: Some(Duration::ZERO),
        down_since: None,
        lag: Some(0),
        feature_level: 1,
    }
}

/// Node 1 leads; all that are named are up, healthy for an hour and have caught up.
fn picture(voters: &[NodeId], learners: &[NodeId]) -> Picture {
    let now = Duration::from_secs(3600);
    let all = || voters.iter().chain(learners).copied();
    Picture {
        now,
        leader: 1,
        configs: vec![voters.iter().copied().collect()],
        members: all().map(|node| (node, store(node))).collect(),
        nodes: all()
            .map(|node| (node, NodeFacts { heard: Some(now), ..facts(node, NodeState::Up) }))
            .collect(),
        feature_level: 1,
        postponed: BTreeSet::new(),
        limits: Limits::default(),
    }
}

fn set_voters(voters: &[NodeId]) -> Option<Change> {
    Some(Change::SetVoters { voters: voters.iter().copied().collect() })
}

fn down(picture: &mut Picture, node: NodeId, seconds: u64) {
    let facts = picture.nodes.get_mut(&node).unwrap();
    facts.state = NodeState::Down;
    facts.heard = None;
    facts.healthy_since = None;
    facts.down_since = Some(picture.now - Duration::from_secs(seconds));
}

#[test]
fn grows_from_one_to_three_to_five_and_no_further() {
    assert_eq!(decide(&picture(&[1], &[])), None);
    assert_eq!(decide(&picture(&[1], &[2])), None, "two voters are worse than one");
    assert_eq!(decide(&picture(&[1], &[2, 3])), set_voters(&[1, 2, 3]));
    assert_eq!(decide(&picture(&[1, 2, 3], &[4])), None);
    assert_eq!(decide(&picture(&[1, 2, 3], &[4, 5])), set_voters(&[1, 2, 3, 4, 5]));
    assert_eq!(decide(&picture(&[1, 2, 3, 4, 5], &[6, 7])), None);
}

#[test]
fn a_learner_votes_only_when_it_has_caught_up_and_stayed_healthy() {
    let ready = picture(&[1], &[2, 3]);
    for spoil in [
        |facts: &mut NodeFacts| facts.lag = Some(251),
        |facts: &mut NodeFacts| facts.lag = None,
        |facts: &mut NodeFacts| facts.healthy_since = Some(Duration::from_secs(3591)),
        |facts: &mut NodeFacts| facts.heard = Some(Duration::from_secs(3596)),
        |facts: &mut NodeFacts| facts.state = NodeState::Draining,
    ] {
        let mut picture = ready.clone();
        spoil(picture.nodes.get_mut(&3).unwrap());
        assert_eq!(decide(&picture), None, "{:?}", picture.nodes[&3]);
        let change = set_voters(&[1, 2, 3]).unwrap();
        assert!(violations(&picture, &change).contains(&Guard::CaughtUp));
    }
}

#[test]
fn a_node_that_joins_becomes_a_learner_and_then_up() {
    let mut picture = picture(&[1], &[]);
    picture.nodes.insert(9, NodeFacts { lag: None, ..facts(9, NodeState::Joining) });
    assert_eq!(decide(&picture), Some(Change::AddLearner { node: 9 }));
    // Nor is one lost that was taken to be down before it was a member.
    picture.nodes.get_mut(&9).unwrap().state = NodeState::Down;
    assert_eq!(decide(&picture), Some(Change::AddLearner { node: 9 }));
    picture.nodes.get_mut(&9).unwrap().state = NodeState::Joining;
    picture.members.insert(9, store(9));
    assert_eq!(decide(&picture), None, "nothing is known of its log");
    let facts = picture.nodes.get_mut(&9).unwrap();
    facts.heard = Some(picture.now);
    facts.lag = Some(3);
    assert_eq!(decide(&picture), Some(Change::MarkUp { node: 9 }));
}

#[test]
fn a_voter_that_stays_away_is_replaced_after_a_while() {
    let mut three = picture(&[1, 2, 3], &[4]);
    down(&mut three, 3, 599);
    assert_eq!(decide(&three), None);
    down(&mut three, 3, 600);
    assert_eq!(decide(&three), set_voters(&[1, 2, 4]));
    three.nodes.get_mut(&4).unwrap().lag = Some(1000);
    assert_eq!(decide(&three), None, "nobody can take its place yet");
}

#[test]
fn who_was_removed_loses_vote_and_membership() {
    let mut four = picture(&[1, 2, 3], &[4]);
    four.nodes.get_mut(&2).unwrap().state = NodeState::Removed;
    assert_eq!(decide(&four), set_voters(&[1, 3, 4]));
    four.configs = vec![[1, 3, 4].into()];
    assert_eq!(decide(&four), Some(Change::RemoveLearner { node: 2 }));
    four.members.remove(&2);
    assert_eq!(decide(&four), None);
}

#[test]
fn two_that_are_left_do_not_both_vote_unless_a_third_is_on_its_way() {
    let mut three = picture(&[1, 2, 3], &[]);
    three.nodes.get_mut(&3).unwrap().state = NodeState::Removed;
    assert_eq!(decide(&three), set_voters(&[1]));
    let mut with_newcomer = picture(&[1, 2, 3], &[4]);
    with_newcomer.nodes.get_mut(&3).unwrap().state = NodeState::Removed;
    with_newcomer.nodes.get_mut(&4).unwrap().lag = Some(10_000);
    assert_eq!(decide(&with_newcomer), set_voters(&[1, 2]));
    let mut two = picture(&[1, 2], &[]);
    down(&mut two, 2, 1);
    assert_eq!(decide(&two), None, "the one that would lose its vote must agree");
}

#[test]
fn a_leader_that_was_removed_hands_over_first() {
    let mut three = picture(&[1, 2, 3], &[]);
    three.nodes.get_mut(&1).unwrap().state = NodeState::Removed;
    three.nodes.get_mut(&2).unwrap().lag = Some(7);
    assert_eq!(decide(&three), Some(Change::TransferLeader { to: 3 }));
    let mut alone = picture(&[1], &[2]);
    alone.nodes.get_mut(&1).unwrap().state = NodeState::Removed;
    assert_eq!(decide(&alone), set_voters(&[1, 2]), "a learner becomes a voter that can take over");
    let mut last = picture(&[1], &[]);
    last.nodes.get_mut(&1).unwrap().state = NodeState::Removed;
    assert_eq!(decide(&last), None);
}

#[test]
fn a_joint_configuration_is_finished_before_anything_else() {
    let mut joint = picture(&[1, 2, 3], &[4, 5]);
    joint.configs = vec![[1, 2, 3].into(), [1, 2, 4].into()];
    assert_eq!(decide(&joint), Some(Change::FinishJoint { voters: [1, 2, 4].into() }));
    let begun = set_voters(&[1, 2, 3, 4, 5]).unwrap();
    assert!(violations(&joint, &begun).contains(&Guard::OneAtATime));
    down(&mut joint, 3, 5);
    down(&mut joint, 4, 5);
    assert_eq!(
        decide(&joint),
        Some(Change::FinishJoint { voters: [1, 2, 4].into() }),
        "two of three are enough"
    );
    joint.nodes.insert(3, joint.nodes[&2].clone());
    down(&mut joint, 2, 5);
    assert_eq!(
        decide(&joint),
        Some(Change::FinishJoint { voters: [1, 2, 3].into() }),
        "back to what can work"
    );
    down(&mut joint, 3, 5);
    assert_eq!(decide(&joint), None, "no majority in either");
}

#[test]
fn the_feature_level_rises_when_every_node_knows_it() {
    let mut two = picture(&[1], &[2]);
    two.nodes.get_mut(&1).unwrap().feature_level = 3;
    assert_eq!(decide(&two), None);
    two.nodes.get_mut(&2).unwrap().feature_level = 2;
    assert_eq!(decide(&two), Some(Change::RaiseFeatureLevel { to: 2 }));
    two.nodes.insert(3, facts(3, NodeState::Removed));
    assert_eq!(decide(&two), Some(Change::RaiseFeatureLevel { to: 2 }), "who was removed does not count");
    let too_far = violations(&two, &Change::RaiseFeatureLevel { to: 3 });
    assert_eq!(too_far, [Guard::AllKnowIt].into());
}

#[test]
fn what_failed_a_moment_ago_does_not_hold_up_the_rest() {
    let mut picture = picture(&[1], &[2, 3]);
    picture.nodes.insert(4, facts(4, NodeState::Joining));
    let add = Change::AddLearner { node: 4 };
    assert_eq!(decide(&picture), Some(add.clone()));
    picture.postponed.insert(add);
    assert_eq!(decide(&picture), set_voters(&[1, 2, 3]));
}

#[test]
fn removal_is_refused_when_it_would_cost_the_quorum() {
    assert_eq!(removal(&picture(&[1, 2, 3], &[]), 3), Ok(()));
    assert_eq!(removal(&picture(&[1, 2, 3], &[]), 1), Ok(()), "another leads then");
    assert_eq!(removal(&picture(&[1, 2], &[]), 2), Ok(()));
    assert_eq!(removal(&picture(&[1], &[2]), 2), Ok(()));
    assert_eq!(removal(&picture(&[1], &[]), 1), Err(Obstacle::LastVoter(1)));
    assert_eq!(removal(&picture(&[1], &[]), 8), Err(Obstacle::Unknown(8)));
    let mut weak = picture(&[1, 2, 3, 4, 5], &[]);
    down(&mut weak, 4, 1);
    down(&mut weak, 5, 1);
    assert_eq!(removal(&weak, 5), Ok(()), "who is down is missed least");
    weak.nodes.insert(6, NodeFacts { lag: Some(999), ..weak.nodes[&2].clone() });
    assert_eq!(
        removal(&weak, 3),
        Err(Obstacle::Guarded { node: 3, guards: [Guard::QuorumAfter].into() }),
        "two of four are no majority"
    );
}

fn any_state() -> impl Strategy<Value = NodeState> {
    prop_oneof![
        2 => Just(NodeState::Joining),
        6 => Just(NodeState::Up),
        1 => Just(NodeState::Draining),
        3 => Just(NodeState::Down),
        2 => Just(NodeState::Removed),
    ]
}

#[derive(Debug, Clone)]
struct Seed {
    state: NodeState,
    is_alive: bool,
    votes: bool,
    votes_in_older: bool,
    is_member: bool,
    lag: Option<u64>,
    silent_seconds: u64,
    healthy_seconds: u64,
    down_seconds: u64,
    feature_level: u32,
}

fn any_seed() -> impl Strategy<Value = Seed> {
    let flags = (prop::bool::weighted(0.8), any::<bool>(), any::<bool>(), any::<bool>());
    let times = (0_u64..8, 0_u64..30, 0_u64..1200);
    let rest = (prop::option::weighted(0.8, 0_u64..600), 1_u32..4);
    (any_state(), flags, times, rest).prop_map(
        |(state, (is_alive, votes, votes_in_older, is_member), (silent, healthy, down), (lag, level))| Seed {
            state,
            is_alive,
            votes,
            votes_in_older,
            is_member,
            lag,
            silent_seconds: silent,
            healthy_seconds: healthy,
            down_seconds: down,
            feature_level: level,
        },
    )
}

/// Any picture, also ones that cannot come about.
fn any_world() -> impl Strategy<Value = World> {
    (prop::collection::vec(any_seed(), 1..9), any::<bool>()).prop_map(|(seeds, is_joint)| {
        let now = Duration::from_secs(10_000);
        let before = |seconds: u64| now - Duration::from_secs(seconds);
        let mut picture = Picture { now, ..picture(&[], &[]) };
        let (mut newer, mut older, mut alive) =
            (BTreeSet::from([1]), BTreeSet::from([1]), BTreeSet::from([1]));
        for (node, seed) in (1..).zip(seeds) {
            picture.nodes.insert(
                node,
                NodeFacts {
                    heard: seed.is_alive.then(|| before(seed.silent_seconds)),
                    healthy_since: (seed.is_alive && seed.silent_seconds <= 3)
                        .then(|| before(seed.healthy_seconds)),
                    down_since: (seed.state == NodeState::Down).then(|| before(seed.down_seconds)),
                    lag: seed.lag,
                    feature_level: seed.feature_level,
                    ..facts(node, seed.state)
                },
            );
            if seed.is_alive {
                alive.insert(node);
            }
            if seed.votes {
                newer.insert(node);
            }
            if is_joint && seed.votes_in_older {
                older.insert(node);
            }
            if seed.is_member || seed.votes || is_joint && seed.votes_in_older || node == 1 {
                picture.members.insert(node, store(node));
            }
        }
        picture.configs = if is_joint { vec![older, newer] } else { vec![newer] };
        World { picture, alive }
    })
}

impl World {
    /// Whether the voters that live can commit.
    fn can_commit(&self) -> bool {
        self.picture.configs.iter().all(|config| majority(config, |node| self.alive.contains(&node)))
    }

    /// Time goes by: heartbeats come, logs are copied, the failure detector does its work.
    fn pass(&mut self, time: Duration) {
        self.picture.now += time;
        let now = self.picture.now;
        for (node, facts) in &mut self.picture.nodes {
            if self.alive.contains(node) {
                facts.heard = Some(now);
                facts.healthy_since.get_or_insert(now);
                facts.down_since = None;
                facts.lag = self.picture.members.contains_key(node).then_some(0);
                if facts.state == NodeState::Down {
                    facts.state = NodeState::Up;
                }
            } else {
                facts.healthy_since = None;
                if facts.state == NodeState::Up || facts.state == NodeState::Down {
                    facts.state = NodeState::Down;
                    facts.down_since.get_or_insert(now);
                }
            }
        }
    }

    /// The steward works until it has had nothing to do for so long that the living have become eligible and
    /// the dead overdue.
    fn rest(&mut self) -> Result<(), TestCaseError> {
        self.pass(Duration::from_secs(1));
        let (mut steps, mut idle) = (0, 0);
        while idle < 14 {
            self.pass(Duration::from_secs(if idle < 4 { 4 } else { 60 }));
            let Some(change) = decide(&self.picture) else {
                idle += 1;
                continue;
            };
            idle = 0;
            self.carry_out(&change);
            prop_assert!(self.can_commit(), "{change} cost the majority");
            steps += 1;
            prop_assert!(steps < 60, "no end: {change}");
        }
        Ok(())
    }

    fn carry_out(&mut self, change: &Change) {
        let picture = &mut self.picture;
        match change {
            Change::FinishJoint { voters } | Change::SetVoters { voters } => {
                picture.configs = vec![voters.clone()];
            }
            Change::AddLearner { node } => {
                picture.members.insert(*node, store(*node));
            }
            Change::RemoveLearner { node } => {
                picture.members.remove(node);
            }
            Change::TransferLeader { to } => picture.leader = *to,
            Change::MarkUp { node } => picture.nodes.get_mut(node).unwrap().state = NodeState::Up,
            Change::RaiseFeatureLevel { to } => picture.feature_level = *to,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 3000,
        max_global_rejects: 100_000,
        ..ProptestConfig::default()
    })]

    /// Whatever the picture: what is decided breaks no guard and is a single change that does something.
    #[test]
    fn a_decision_is_safe(world in any_world()) {
        let picture = &world.picture;
        let Some(change) = decide(picture) else { return Ok(()) };
        prop_assert!(violations(picture, &change).is_empty());
        if picture.is_joint() {
            let finishes = matches!(change, Change::FinishJoint { .. });
            prop_assert!(finishes, "{change}");
        }
        if let Change::SetVoters { voters } = &change {
            prop_assert!(voters.contains(&picture.leader));
            prop_assert!(voters != &picture.voters());
            prop_assert!(voters.len() <= picture.limits.voters.max(picture.voters().len()));
            prop_assert!(majority(voters, |node| picture.is_healthy(node)));
            let works = |config| majority(config, |node| picture.is_healthy(node));
            prop_assert!(picture.configs.iter().all(works));
            for node in voters.difference(&picture.voters()) {
                prop_assert!(picture.nodes[node].state == NodeState::Up && picture.is_learner(*node));
            }
            for node in picture.voters().difference(voters) {
                let is_surplus = voters.len() % 2 == 1;
                prop_assert!(picture.is_leaving(*node) || picture.is_overdue(*node) || is_surplus);
            }
        }
        let mut after = world.clone();
        after.carry_out(&change);
        prop_assert!(after.picture != world.picture, "{change} does nothing");
    }

    /// With nodes that stay as they are the steward comes to rest, never loses the majority on the way, and
    /// leaves behind what the rules promise.
    #[test]
    fn the_cluster_comes_to_rest(world in any_world()) {
        let mut world = world;
        prop_assume!(world.can_commit());
        world.rest()?;
        let picture = &world.picture;
        prop_assert!(!picture.is_joint());
        let stands_against: Vec<_> = wishes(picture)
            .iter()
            .map(|change| (change.clone(), violations(picture, change)))
            .collect();
        let blocked = stands_against.iter().any(|(_, guards)| guards.contains(&Guard::QuorumAfter));
        if blocked {
            return Ok(());
        }
        let voters = picture.voters();
        let may_vote = |node: &NodeId| {
            let facts = &picture.nodes[node];
            world.alive.contains(node) && matches!(facts.state, NodeState::Up)
        };
        let usable = picture.nodes.keys().filter(|node| may_vote(node) || voters.contains(node)).count();
        let leader_is_stuck = picture.is_leaving(picture.leader);
        if !leader_is_stuck {
            prop_assert!(voters.len() % 2 == 1, "{voters:?} {stands_against:?}");
            prop_assert!(voters.len() + 2 > usable.min(5), "{voters:?} of {usable}");
            prop_assert!(voters.iter().all(|node| !picture.is_leaving(*node)));
        }
        for (node, facts) in &picture.nodes {
            match facts.state {
                NodeState::Removed => prop_assert!(
                    leader_is_stuck || !picture.members.contains_key(node), "{node} is still a member"),
                NodeState::Joining | NodeState::Up => {
                    prop_assert!(picture.members.contains_key(node), "{node} was not admitted");
                    let is_stuck = facts.state == NodeState::Joining && world.alive.contains(node);
                    prop_assert!(!is_stuck, "{node} is still joining");
                }
                NodeState::Draining | NodeState::Down => {}
            }
        }
        let levels: BTreeMap<_, _> = (picture.nodes.iter())
            .filter(|(_, facts)| facts.state != NodeState::Removed)
            .map(|(node, facts)| (node, facts.feature_level))
            .collect();
        prop_assert!(levels.values().min().is_none_or(|level| picture.feature_level >= *level));
    }

    /// Whoever may be removed is let go of, and the others go on.
    #[test]
    fn what_may_be_removed_is_removed(world in any_world(), pick in 0_usize..9) {
        let mut world = world;
        prop_assume!(world.can_commit());
        world.rest()?;
        let candidates: Vec<NodeId> = (world.picture.nodes.iter())
            .filter(|(_, facts)| facts.state != NodeState::Removed)
            .map(|(node, _)| *node)
            .collect();
        prop_assume!(!candidates.is_empty());
        let node = candidates[pick % candidates.len()];
        prop_assume!(removal(&world.picture, node).is_ok());
        let was_voter = world.picture.is_voter(node);
        world.picture.nodes.get_mut(&node).unwrap().state = NodeState::Removed;
        world.rest()?;
        prop_assert!(!world.picture.members.contains_key(&node), "{node}, a voter: {was_voter}");
        prop_assert!(world.picture.leader != node);
        prop_assert!(world.can_commit());
    }
}
