use etl_proto::admin as wire;
use uuid::Uuid;

use super::Malformed;
use crate::model::{ClusterStatus, Consistency, NodeStatus, Problem};

impl From<&ClusterStatus> for wire::GetClusterStatusResponse {
    fn from(status: &ClusterStatus) -> Self {
        Self {
            cluster_id: status.cluster.to_string(),
            leader: status.leader.unwrap_or(0),
            term: status.term,
            committed_index: status.committed_index,
            feature_level: status.feature_level,
            nodes: status.nodes.iter().map(wire::Node::from).collect(),
            problems: status.problems.iter().map(wire::Problem::from).collect(),
            answered_by: status.answered_by,
            last_index: status.last_index,
            applied_index: status.applied_index,
            joint: status.joint,
            quorum_silent_ms: status.quorum_silent_ms,
        }
    }
}

impl ClusterStatus {
    /// What an answer to a question of that consistency says.
    pub(crate) fn from_wire(
        consistency: Consistency,
        answer: wire::GetClusterStatusResponse,
    ) -> Result<Self, Malformed> {
        let cluster = Uuid::parse_str(&answer.cluster_id);
        Ok(Self {
            cluster: cluster.map_err(|error| Malformed::new("cluster_id", error.to_string()))?,
            leader: Some(answer.leader).filter(|&leader| leader > 0),
            term: answer.term,
            committed_index: answer.committed_index,
            last_index: answer.last_index,
            applied_index: answer.applied_index,
            feature_level: answer.feature_level,
            joint: answer.joint,
            quorum_silent_ms: answer.quorum_silent_ms,
            answered_by: answer.answered_by,
            consistency,
            nodes: answer.nodes.into_iter().map(NodeStatus::try_from).collect::<Result<_, _>>()?,
            problems: answer.problems.into_iter().map(Problem::from).collect(),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::{NodeState, Role};

    fn status() -> ClusterStatus {
        let heard = NodeStatus {
            id: 1,
            raft_address: "10.0.0.1:7001".to_owned(),
            admin_address: "10.0.0.1:7002".to_owned(),
            role: Some(Role::Leader),
            state: NodeState::Up,
            software_version: "0.1.0".to_owned(),
            feature_level: 1,
            zone: "a".to_owned(),
            lag: Some(0),
            silent_ms: Some(12),
            applied_index: Some(41),
            disk_free_bytes: Some(10),
            disk_total_bytes: Some(20),
            log_bytes: Some(0),
            state_bytes: Some(4),
            partitions: 7,
            store: Uuid::from_u128(5),
        };
        let unheard = NodeStatus {
            id: 9,
            role: None,
            state: NodeState::Removed,
            lag: None,
            silent_ms: None,
            applied_index: None,
            disk_free_bytes: None,
            disk_total_bytes: None,
            log_bytes: None,
            state_bytes: None,
            ..heard.clone()
        };
        ClusterStatus {
            cluster: Uuid::from_u128(77),
            leader: Some(1),
            term: 3,
            committed_index: 41,
            last_index: 42,
            applied_index: 41,
            feature_level: 1,
            joint: true,
            quorum_silent_ms: Some(3),
            answered_by: 1,
            consistency: Consistency::Linearizable,
            nodes: vec![heard, unheard],
            problems: vec![Problem {
                code: "node_down".to_owned(),
                message: "node 9 is down".to_owned(),
                remedy: "start it".to_owned(),
                node: Some(9),
            }],
        }
    }

    #[test]
    fn a_status_keeps_everything_on_its_way() {
        let full = status();
        let mut bare = ClusterStatus { leader: None, joint: false, quorum_silent_ms: None, ..full.clone() };
        bare.problems[0].node = None;
        for status in [full, bare] {
            let wire = wire::GetClusterStatusResponse::from(&status);
            assert_eq!(ClusterStatus::from_wire(Consistency::Linearizable, wire), Ok(status));
        }
    }

    #[test]
    fn a_malformed_answer_is_refused_by_the_name_of_its_field() {
        let good = wire::GetClusterStatusResponse::from(&status());
        let field = |change: &dyn Fn(&mut wire::GetClusterStatusResponse)| {
            let mut answer = good.clone();
            change(&mut answer);
            ClusterStatus::from_wire(Consistency::Stale, answer).unwrap_err().field
        };
        assert_eq!(field(&|answer| answer.cluster_id = "x".to_owned()), "cluster_id");
        assert_eq!(field(&|answer| answer.nodes[1].store = String::new()), "store");
        assert_eq!(field(&|answer| answer.nodes[0].state = 77), "state");
    }
}
