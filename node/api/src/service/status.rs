use std::collections::BTreeMap;
use std::time::Duration;

use etl_cluster::{Overview, OverviewNode, problems};
use etl_proto::admin as wire;
use etl_raft::NodeId;
use etl_raft::consensus::Status as RaftStatus;
use etl_raft_state::parts::AssignmentState;
use etl_raft_state::{Node, NodeState as AgreedState, State};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::Shared;
use super::leader::{Leader, Stub};
use crate::model::{ClusterStatus, Consistency, NodeState, NodeStatus, Problem, Role};

/// What is read from the state for a status.
struct Agreed {
    cluster: Option<Uuid>,
    feature_level: u32,
    nodes: Vec<(NodeId, Node)>,
    /// Partitions by the node that has them.
    partitions: BTreeMap<NodeId, u64>,
}

impl Agreed {
    fn read(state: &State) -> Self {
        let mut partitions = BTreeMap::new();
        let all = state.assignments().iter().map(|(_, assignment)| assignment);
        for assignment in all.filter(|assignment| assignment.state != AssignmentState::Released) {
            *partitions.entry(assignment.owner).or_insert(0) += 1;
        }
        Self {
            cluster: state.meta().cluster(),
            feature_level: state.meta().feature_level(),
            nodes: state.nodes().iter().map(|(id, node)| (id, node.clone())).collect(),
            partitions,
        }
    }
}

impl Shared {
    /// A linearizable answer is the leader's, who alone hears of all others; a stale one is this node's.
    pub(super) async fn cluster_status(
        &self,
        request: Request<wire::GetClusterStatusRequest>,
    ) -> Result<Response<wire::GetClusterStatusResponse>, Status> {
        let consistency = Consistency::from(request.get_ref().consistency());
        let agreed = match consistency {
            Consistency::Stale => self.consensus.peek(Agreed::read),
            Consistency::Linearizable => match self.leaders.find(&self.consensus, &request)? {
                Leader::There(leader) => {
                    let send =
                        |mut stub: Stub, request| async move { stub.get_cluster_status(request).await };
                    return leader.pass_on(request, true, send).await;
                }
                Leader::Here => self.read(wire::Consistency::Linearizable, Agreed::read).await?,
            },
        };
        let status = describe(
            self.consensus.member().cluster,
            self.leaders.me(),
            consistency,
            agreed,
            &self.consensus.status(),
            self.duties.overview(),
        );
        Ok(Response::new((&status).into()))
    }
}

fn describe(
    cluster: Uuid,
    me: NodeId,
    consistency: Consistency,
    agreed: Agreed,
    status: &RaftStatus,
    overview: Overview,
) -> ClusterStatus {
    let nodes = agreed.nodes.iter().map(|(id, node)| {
        let partitions = agreed.partitions.get(id).copied().unwrap_or(0);
        describe_node(*id, node, partitions, overview.nodes.get(id), status)
    });
    ClusterStatus {
        cluster: agreed.cluster.unwrap_or(cluster),
        leader: status.leader,
        term: status.term,
        committed_index: status.committed.unwrap_or(0),
        last_index: status.last_index.unwrap_or(0),
        applied_index: status.applied.unwrap_or(0),
        feature_level: agreed.feature_level,
        joint: status.is_joint,
        quorum_silent_ms: (status.leader == Some(me)).then_some(status.quorum_silent).flatten().map(millis),
        answered_by: me,
        consistency,
        nodes: nodes.collect(),
        problems: problems(&overview).into_iter().map(Problem::from).collect(),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl From<etl_cluster::Problem> for Problem {
    fn from(problem: etl_cluster::Problem) -> Self {
        let etl_cluster::Problem { code, message, remedy, node } = problem;
        Self { code: code.to_owned(), message, remedy, node }
    }
}

fn describe_node(
    id: NodeId,
    node: &Node,
    partitions: u64,
    seen: Option<&OverviewNode>,
    status: &RaftStatus,
) -> NodeStatus {
    let role = match () {
        () if status.leader == Some(id) => Some(Role::Leader),
        () if status.voters.contains(&id) => Some(Role::Voter),
        () if status.learners.contains(&id) => Some(Role::Learner),
        () => None,
    };
    let health = seen.and_then(|seen| seen.health.as_ref());
    let last = status.last_index.unwrap_or(0);
    let matched = status.matched.as_ref().and_then(|matched| matched.get(&id));
    NodeStatus {
        id,
        raft_address: node.raft_address.clone(),
        admin_address: node.admin_address.clone(),
        role,
        state: match node.state {
            AgreedState::Joining => NodeState::Joining,
            AgreedState::Up => NodeState::Up,
            AgreedState::Draining => NodeState::Draining,
            AgreedState::Down => NodeState::Down,
            AgreedState::Removed => NodeState::Removed,
        },
        software_version: node.software_version.clone(),
        feature_level: node.feature_level,
        zone: node.zone.clone(),
        lag: role.and(matched).map(|matched| last.saturating_sub(*matched)),
        silent_ms: seen.and_then(|seen| seen.silent).map(millis),
        applied_index: health.map(|health| health.applied_index),
        disk_free_bytes: health.map(|health| health.disk_free_bytes),
        disk_total_bytes: health.map(|health| health.disk_total_bytes),
        log_bytes: health.map(|health| health.log_bytes),
        state_bytes: health.map(|health| health.state_bytes),
        partitions,
        store: node.store,
    }
}
