use etl_proto::admin as wire;
use uuid::Uuid;

use super::Malformed;
use crate::model::{NodeState, NodeStatus, Problem, Role};

impl From<&NodeStatus> for wire::Node {
    fn from(node: &NodeStatus) -> Self {
        Self {
            id: node.id,
            raft_address: node.raft_address.clone(),
            admin_address: node.admin_address.clone(),
            role: role_to_wire(node.role).into(),
            state: state_to_wire(node.state).into(),
            software_version: node.software_version.clone(),
            feature_level: node.feature_level,
            zone: node.zone.clone(),
            lag: node.lag,
            silent_ms: node.silent_ms,
            disk_free_bytes: node.disk_free_bytes.unwrap_or(0),
            disk_total_bytes: node.disk_total_bytes.unwrap_or(0),
            log_bytes: node.log_bytes.unwrap_or(0),
            state_bytes: node.state_bytes.unwrap_or(0),
            store: node.store.to_string(),
            applied_index: node.applied_index,
            partitions: node.partitions,
        }
    }
}

impl TryFrom<wire::Node> for NodeStatus {
    type Error = Malformed;

    fn try_from(node: wire::Node) -> Result<Self, Malformed> {
        let role = match node.role() {
            wire::Role::Leader => Some(Role::Leader),
            wire::Role::Voter => Some(Role::Voter),
            wire::Role::Learner => Some(Role::Learner),
            wire::Role::Unspecified => None,
        };
        let state = match node.state() {
            wire::NodeState::Joining => NodeState::Joining,
            wire::NodeState::Up => NodeState::Up,
            wire::NodeState::Draining => NodeState::Draining,
            wire::NodeState::Down => NodeState::Down,
            wire::NodeState::Removed => NodeState::Removed,
            wire::NodeState::Unspecified => return Err(Malformed::unknown("state", node.state)),
        };
        let store = Uuid::parse_str(&node.store);
        // A file system without any space does not exist: all four are told together or not at all.
        let heard = node.disk_total_bytes > 0;
        Ok(Self {
            id: node.id,
            role,
            state,
            store: store.map_err(|error| Malformed::new("store", error.to_string()))?,
            raft_address: node.raft_address,
            admin_address: node.admin_address,
            software_version: node.software_version,
            feature_level: node.feature_level,
            zone: node.zone,
            lag: node.lag,
            silent_ms: node.silent_ms,
            applied_index: node.applied_index,
            disk_free_bytes: heard.then_some(node.disk_free_bytes),
            disk_total_bytes: heard.then_some(node.disk_total_bytes),
            log_bytes: heard.then_some(node.log_bytes),
            state_bytes: heard.then_some(node.state_bytes),
            partitions: node.partitions,
        })
    }
}

fn role_to_wire(role: Option<Role>) -> wire::Role {
    match role {
        Some(Role::Leader) => wire::Role::Leader,
        Some(Role::Voter) => wire::Role::Voter,
        Some(Role::Learner) => wire::Role::Learner,
        None => wire::Role::Unspecified,
    }
}

fn state_to_wire(state: NodeState) -> wire::NodeState {
    match state {
        NodeState::Joining => wire::NodeState::Joining,
        NodeState::Up => wire::NodeState::Up,
        NodeState::Draining => wire::NodeState::Draining,
        NodeState::Down => wire::NodeState::Down,
        NodeState::Removed => wire::NodeState::Removed,
    }
}

impl From<&Problem> for wire::Problem {
    fn from(problem: &Problem) -> Self {
        Self {
            code: problem.code.clone(),
            message: problem.message.clone(),
            remedy: problem.remedy.clone(),
            node: problem.node.unwrap_or(0),
        }
    }
}

impl From<wire::Problem> for Problem {
    fn from(problem: wire::Problem) -> Self {
        Self {
            code: problem.code,
            message: problem.message,
            remedy: problem.remedy,
            node: Some(problem.node).filter(|&node| node > 0),
        }
    }
}
