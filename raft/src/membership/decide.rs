use std::collections::BTreeSet;

use etl_raft_state::NodeState;

use super::goal::{candidates, goal};
use super::guard::{majority, violations};
use super::{Change, Picture};
use crate::type_config::NodeId;

/// The one change that is due now, or none: the first wish that no guard stands against.
pub fn decide(picture: &Picture) -> Option<Change> {
    wishes(picture)
        .into_iter()
        .find(|change| !picture.postponed.contains(change) && violations(picture, change).is_empty())
}

/// What would be good, most urgent first, whether it may be done or not.
pub fn wishes(picture: &Picture) -> Vec<Change> {
    let mut wishes = Vec::new();
    if picture.is_joint() {
        wishes.extend(finish(picture));
        return wishes;
    }
    wishes.extend(caught_up(picture));
    wishes.extend(unknown_to_raft(picture));
    wishes.extend(voters(picture));
    wishes.extend(gone(picture));
    wishes.extend(unheard(picture));
    wishes.extend(feature_level(picture));
    wishes
}

/// The newer set when it can work, otherwise back to the older.
fn finish(picture: &Picture) -> Option<Change> {
    let works = |voters: &&BTreeSet<NodeId>| majority(voters, |node| picture.is_healthy(node));
    let voters = picture.configs.iter().rev().find(works)?;
    Some(Change::FinishJoint { voters: voters.clone() })
}

fn caught_up(picture: &Picture) -> impl Iterator<Item = Change> {
    (picture.nodes.iter())
        .filter(|(id, facts)| facts.state == NodeState::Joining && picture.members.contains_key(id))
        .filter(|(id, _)| picture.is_ready(**id))
        .map(|(id, _)| Change::MarkUp { node: *id })
}

/// Nodes that have registered and are no members.
fn unknown_to_raft(picture: &Picture) -> impl Iterator<Item = Change> {
    (picture.nodes.iter())
        .filter(|(_, facts)| matches!(facts.state, NodeState::Joining | NodeState::Up))
        .filter(|(id, _)| !picture.members.contains_key(id))
        .map(|(id, _)| Change::AddLearner { node: *id })
}

/// Nodes that were taken to be down before they were members. They can know nobody and not be heard of until they are given
/// the log, however well they are.
fn unheard(picture: &Picture) -> impl Iterator<Item = Change> {
    (picture.nodes.iter())
        .filter(|(id, facts)| facts.state == NodeState::Down && !picture.members.contains_key(id))
        .map(|(id, _)| Change::AddLearner { node: *id })
}

fn voters(picture: &Picture) -> Option<Change> {
    let voters = picture.voters();
    if !voters.contains(&picture.leader) || !picture.is_leaving(picture.leader) {
        let goal = goal(picture);
        return (goal != voters).then_some(Change::SetVoters { voters: goal });
    }
    // The leader is leaving: somebody else must lead before it can lose its vote.
    let successor = (voters.iter().copied())
        .filter(|node| *node != picture.leader && !picture.is_leaving(*node) && picture.is_ready(*node))
        .min_by_key(|node| {
            let facts = picture.nodes.get(node);
            (facts.map(|facts| facts.state == NodeState::Draining), facts.and_then(|facts| facts.lag))
        });
    if let Some(to) = successor {
        return Some(Change::TransferLeader { to });
    }
    let learner = candidates(picture).first().copied()?;
    Some(Change::SetVoters { voters: voters.into_iter().chain([learner]).collect() })
}

fn gone(picture: &Picture) -> impl Iterator<Item = Change> {
    (picture.members.keys().copied())
        .filter(|node| picture.is_learner(*node) && picture.is_leaving(*node))
        .map(|node| Change::RemoveLearner { node })
}

fn feature_level(picture: &Picture) -> Option<Change> {
    let known = (picture.nodes.values())
        .filter(|facts| facts.state != NodeState::Removed)
        .map(|facts| facts.feature_level)
        .min()?;
    (known > picture.feature_level).then_some(Change::RaiseFeatureLevel { to: known })
}
