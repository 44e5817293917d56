use std::collections::BTreeSet;
use std::fmt;

use crate::type_config::NodeId;

/// One step that brings the cluster nearer to what it should be. Each is carried out, and seen in a new
/// picture, before the next is decided.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// Ends a change of voters that an earlier leader has begun, with these voters.
    FinishJoint { voters: BTreeSet<NodeId> },
    /// Lets a node that has registered receive the log; it does not vote yet.
    AddLearner { node: NodeId },
    /// Ends the membership of a node that does not vote.
    RemoveLearner { node: NodeId },
    /// These nodes vote from now on, and no others.
    SetVoters { voters: BTreeSet<NodeId> },
    /// Another voter leads, because the leader is about to lose its vote.
    TransferLeader { to: NodeId },
    /// A node that joined has all there is: it may be given work.
    MarkUp { node: NodeId },
    /// All nodes have software that knows this level.
    RaiseFeatureLevel { to: u32 },
}

impl Change {
    /// Whether it changes the membership of the Raft group.
    pub fn is_membership(&self) -> bool {
        match self {
            Self::FinishJoint { .. }
            | Self::AddLearner { .. }
            | Self::RemoveLearner { .. }
            | Self::SetVoters { .. } => true,
            Self::TransferLeader { .. } | Self::MarkUp { .. } | Self::RaiseFeatureLevel { .. } => false,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FinishJoint { voters } => write!(f, "finish a change of voters with {}", list(voters)),
            Self::AddLearner { node } => write!(f, "add node {node} as a learner"),
            Self::RemoveLearner { node } => write!(f, "remove learner {node}"),
            Self::SetVoters { voters } => write!(f, "let {} vote", list(voters)),
            Self::TransferLeader { to } => write!(f, "hand leadership to node {to}"),
            Self::MarkUp { node } => write!(f, "declare node {node} up"),
            Self::RaiseFeatureLevel { to } => write!(f, "raise the feature level to {to}"),
        }
    }
}

fn list(nodes: &BTreeSet<NodeId>) -> String {
    let ids: Vec<String> = nodes.iter().map(NodeId::to_string).collect();
    ids.join(", ")
}
