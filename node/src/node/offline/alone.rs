use std::collections::BTreeMap;

use etl_raft::store::SnapshotMeta;
use etl_raft::{LogId, NodeId, Peer};
use etl_raft_state::command::{AdoptCluster, RecordAudit, RegisterNode, SetNodeState};
use etl_raft_state::{Command, Envelope, FEATURE_LEVEL, NodeState, Response, State};
use serde_json::json;
use uuid::Uuid;

use crate::node::{Error, SOFTWARE_VERSION};

/// Added to every epoch: more than the former cluster can have raised any since, so that whatever it still runs is fenced off
/// at the destinations.
const RAISE_EPOCHS_BY: u64 = 1 << 20;

/// The one node of a new cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Survivor {
    pub cluster: Uuid,
    pub store: Uuid,
    pub raft_address: String,
    pub admin_address: String,
    pub zone: String,
}

/// What the new cluster begins with.
pub(super) struct Beginning {
    pub meta: SnapshotMeta,
    pub state: State,
    pub node: NodeId,
    /// Nodes of the former cluster, which are members no more.
    pub left_behind: Vec<NodeId>,
}

/// Makes the state of one cluster the state of another, which has one node: an id of its own, raised epochs, a new member with an
/// id that was never given, and no other members. `last_index` is the last entry that the state has seen, `action` what the audit
/// log is told. Does no IO.
pub(super) fn begin(
    state: State,
    last_index: u64,
    survivor: &Survivor,
    now_ms: u64,
    action: &str,
) -> Result<Beginning, Error> {
    let former = state.meta().cluster();
    let left_behind: Vec<NodeId> = state.nodes().members().map(|(id, _)| id).collect();
    let mut log = Log { index: last_index.max(state.meta().last_index().unwrap_or(0)), state, now_ms };
    for &node in &left_behind {
        // While it is up or drains it holds its address. It is removed later, because the last member never is.
        if let Some(from @ (NodeState::Up | NodeState::Draining)) = log.state_of(node) {
            log.apply(SetNodeState { node, from, to: NodeState::Down })?;
        }
    }
    let registered = log.apply(RegisterNode {
        store: survivor.store,
        raft_address: survivor.raft_address.clone(),
        admin_address: survivor.admin_address.clone(),
        software_version: SOFTWARE_VERSION.to_owned(),
        feature_level: FEATURE_LEVEL,
        zone: survivor.zone.clone(),
        founder: log.state.nodes().is_empty(),
    })?;
    let Response::Registered { node } = registered else {
        return Err(Error::Defect(format!("the answer to a registration is {registered:?}")));
    };
    for &node in &left_behind {
        if let Some(from) = log.state_of(node) {
            log.apply(SetNodeState { node, from, to: NodeState::Removed })?;
        }
    }
    log.apply(SetNodeState { node, from: NodeState::Joining, to: NodeState::Up })?;
    log.apply(AdoptCluster { cluster: survivor.cluster, raise_epochs_by: RAISE_EPOCHS_BY })?;
    log.apply(RecordAudit {
        actor: "operator".to_owned(),
        action: action.to_owned(),
        subject: survivor.cluster.to_string(),
        detail: former.map_or_else(String::new, |former| format!("from cluster {former}")),
    })?;
    let peer = Peer { address: survivor.raft_address.clone(), store: survivor.store };
    let meta = snapshot_meta(node, peer, log.index)?;
    Ok(Beginning { meta, state: log.state, node, left_behind })
}

/// Applies commands as if they came from a log.
struct Log {
    state: State,
    index: u64,
    now_ms: u64,
}

impl Log {
    fn apply(&mut self, command: impl Into<Command>) -> Result<Response, Error> {
        self.index += 1;
        let envelope = Envelope { time_ms: self.now_ms, session: None, command: command.into() };
        let response = self.state.apply(self.index, &envelope);
        response.into_result().map_err(|rejection| Error::Refused(rejection.to_string()))
    }

    fn state_of(&self, node: NodeId) -> Option<NodeState> {
        self.state.nodes().get(node).map(|node| node.state)
    }
}

/// What a snapshot says of itself whose only voter is this node. Its last entry has term 0, which is before the first term of the
/// new cluster.
fn snapshot_meta(node: NodeId, peer: Peer, index: u64) -> Result<SnapshotMeta, Error> {
    let last = LogId { index, ..LogId::default() };
    // The types of membership have no public constructor outside of consensus; their serialized form is what snapshots hold.
    let meta = json!({
        "last_log_id": last,
        "last_membership": {
            "log_id": last,
            "membership": { "configs": [[node]], "nodes": BTreeMap::from([(node, peer)]) },
        },
        "snapshot_id": format!("alone-{index}"),
    });
    serde_json::from_value(meta).map_err(|error| Error::Defect(error.to_string()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use etl_raft_state::command::PutWorkflow;

    use super::*;

    fn survivor() -> Survivor {
        Survivor {
            cluster: Uuid::from_u128(77),
            store: Uuid::from_u128(9),
            raft_address: "127.0.0.1:1".to_owned(),
            admin_address: "127.0.0.1:2".to_owned(),
            zone: String::new(),
        }
    }

    fn register(store: u128, founder: bool) -> RegisterNode {
        RegisterNode {
            store: Uuid::from_u128(store),
            raft_address: format!("127.0.0.1:{store}"),
            admin_address: String::new(),
            software_version: "1".to_owned(),
            feature_level: FEATURE_LEVEL,
            zone: String::new(),
            founder,
        }
    }

    /// Nodes in every state there is, and something worth keeping. The founder listens where the survivor will.
    fn former() -> State {
        let mut log = Log { state: State::default(), index: 0, now_ms: 1000 };
        log.apply(register(1, true)).unwrap();
        log.apply(AdoptCluster { cluster: Uuid::from_u128(5), raise_epochs_by: 0 }).unwrap();
        let mut ids = vec![1];
        for store in 2..=6 {
            match log.apply(register(store, false)).unwrap() {
                Response::Registered { node } => ids.push(node),
                other => panic!("{other:?}"),
            }
        }
        use NodeState::{Down, Draining, Joining, Removed, Up};
        let paths: [&[NodeState]; 6] =
            [&[Up], &[Up, Draining], &[Up, Down], &[], &[Up, Draining, Removed], &[Up, Draining, Down]];
        for (&node, path) in ids.iter().zip(paths) {
            let mut from = Joining;
            for &to in path {
                log.apply(SetNodeState { node, from, to }).unwrap();
                from = to;
            }
        }
        let document = "workflow: { name: kept }".to_owned();
        let hash = etl_raft_state::ContentHash([7; 32]);
        log.apply(PutWorkflow {
            name: "kept".to_owned(),
            document,
            hash,
            expected_version: None,
            schedule: None,
        })
        .unwrap();
        log.state
    }

    #[test]
    fn one_node_goes_on_with_what_all_had_agreed_on() {
        let state = former();
        let before = state.meta().last_index().unwrap();
        let begun = begin(state, before + 10, &survivor(), 2000, "cluster.recover").unwrap();
        assert_eq!(begun.left_behind.len(), 5);
        let members: Vec<_> = begun.state.nodes().members().map(|(id, node)| (id, node.state)).collect();
        assert_eq!(members, [(begun.node, NodeState::Up)]);
        assert!(begun.node > before + 10, "its id was never given");
        assert_eq!(begun.state.meta().cluster(), Some(Uuid::from_u128(77)));
        assert_eq!(begun.state.meta().epoch_floor(), RAISE_EPOCHS_BY);
        assert!(begun.state.workflows().get("kept").is_some());
        let last = begun.meta.last_log_id.unwrap();
        assert_eq!(last.index, begun.state.meta().last_index().unwrap());
        let membership = begun.meta.last_membership.membership();
        assert_eq!(membership.voter_ids().collect::<Vec<_>>(), [begun.node]);
        assert_eq!(membership.get_node(&begun.node).unwrap().store, survivor().store);
    }

    #[test]
    fn it_can_be_done_again_and_never_to_the_same_cluster() {
        let state = former();
        let again = Survivor { cluster: Uuid::from_u128(78), store: Uuid::from_u128(10), ..survivor() };
        let once = begin(state, 0, &survivor(), 2000, "cluster.restore").unwrap();
        let twice = begin(once.state, 0, &again, 3000, "cluster.restore").unwrap();
        assert_eq!(twice.left_behind, [once.node]);
        assert_eq!(twice.state.meta().epoch_floor(), 2 * RAISE_EPOCHS_BY);
        assert_eq!(twice.state.meta().cluster(), Some(again.cluster));
    }
}
