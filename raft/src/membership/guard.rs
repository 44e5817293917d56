use std::collections::BTreeSet;
use std::fmt;

use etl_raft_state::NodeState;

use super::{Change, Picture};
use crate::type_config::NodeId;

/// A rule that no change may break. The model of the membership removes each in turn and shows what then goes
/// wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Guard {
    /// A change of members begins only when the one before it has ended.
    OneAtATime,
    /// The leader votes before and after: it hands over first. So there is always somebody who votes.
    LeaderVotes,
    /// Of each set of voters that is in force a majority is healthy, so that the change can be committed.
    QuorumBefore,
    /// Of the new voters a majority is healthy and has caught up, so that the next write can be committed.
    QuorumAfter,
    /// Who is to vote or to lead has caught up and, where it is new, has been healthy for long enough.
    CaughtUp,
    /// Only nodes that have registered and were not removed take part, each with the store it registered.
    Admitted,
    /// Who votes is not taken out of the membership.
    StillVotes,
    /// A feature is switched on only when the software of every node knows it.
    AllKnowIt,
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OneAtATime => "an earlier change of the membership is not finished",
            Self::LeaderVotes => "the leader would lose its vote",
            Self::QuorumBefore => "of the voters there are no majority is healthy",
            Self::QuorumAfter => "of the voters there would be no majority is healthy and has caught up",
            Self::CaughtUp => "a node has not caught up or was not healthy for long enough",
            Self::Admitted => "a node is not admitted, or with another store",
            Self::StillVotes => "the node still votes",
            Self::AllKnowIt => "the software of a node does not know that feature level",
        })
    }
}

/// All guards that stand against a change; none when it may be carried out.
pub fn violations(picture: &Picture, change: &Change) -> BTreeSet<Guard> {
    let mut found = BTreeSet::new();
    let mut require = |holds: bool, guard: Guard| {
        if !holds {
            found.insert(guard);
        }
    };
    if change.is_membership() && !matches!(change, Change::FinishJoint { .. }) {
        require(!picture.is_joint(), Guard::OneAtATime);
    }
    match change {
        Change::FinishJoint { voters } => {
            require(picture.is_joint() && picture.configs.contains(voters), Guard::OneAtATime);
            require(majority(voters, |node| picture.is_healthy(node)), Guard::QuorumAfter);
        }
        Change::SetVoters { voters } => {
            let added: Vec<NodeId> = voters.iter().copied().filter(|node| !picture.is_voter(*node)).collect();
            require(voters.contains(&picture.leader), Guard::LeaderVotes);
            require(quorum_before(picture), Guard::QuorumBefore);
            require(majority(voters, |node| picture.is_ready(node)), Guard::QuorumAfter);
            require(added.iter().all(|node| picture.is_eligible(*node)), Guard::CaughtUp);
            require(added.iter().all(|node| is_admitted(picture, *node)), Guard::Admitted);
        }
        Change::AddLearner { node } => {
            let registered = picture.nodes.get(node).is_some_and(|facts| facts.state != NodeState::Removed);
            require(registered && !picture.members.contains_key(node), Guard::Admitted);
        }
        Change::RemoveLearner { node } => require(!picture.is_voter(*node), Guard::StillVotes),
        Change::TransferLeader { to } => {
            require(picture.configs.iter().all(|config| config.contains(to)), Guard::LeaderVotes);
            require(picture.is_ready(*to), Guard::CaughtUp);
        }
        Change::MarkUp { node } => {
            require(picture.members.contains_key(node), Guard::Admitted);
            require(picture.is_ready(*node), Guard::CaughtUp);
        }
        Change::RaiseFeatureLevel { to } => {
            let known = (picture.nodes.values())
                .filter(|facts| facts.state != NodeState::Removed)
                .all(|facts| facts.feature_level >= *to);
            require(known, Guard::AllKnowIt);
        }
    }
    found
}

/// Whether a change can be committed by the voters there are.
fn quorum_before(picture: &Picture) -> bool {
    picture.configs.iter().all(|config| majority(config, |node| picture.is_healthy(node)))
}

fn is_admitted(picture: &Picture, node: NodeId) -> bool {
    picture.nodes.get(&node).is_some_and(|facts| {
        facts.state != NodeState::Removed && picture.members.get(&node) == Some(&facts.peer.store)
    })
}

/// Whether more than half of `voters` are `counted`.
pub(super) fn majority(voters: &BTreeSet<NodeId>, counted: impl Fn(NodeId) -> bool) -> bool {
    voters.iter().filter(|node| counted(**node)).count() * 2 > voters.len()
}
