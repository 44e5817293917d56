use etl_proto::raft as wire;
use openraft::{CommittedLeaderId, Vote};
use uuid::Uuid;

use crate::network::malformed::Malformed;
use crate::type_config::{LogId, NodeId};

pub(crate) fn uuid_from_wire(field: &str, bytes: &[u8]) -> Result<Uuid, Malformed> {
    Uuid::from_slice(bytes).map_err(|_| Malformed::new(field, format!("has {} bytes, not 16", bytes.len())))
}

pub(crate) fn vote_to_wire(vote: &Vote<NodeId>) -> wire::Vote {
    wire::Vote { term: vote.leader_id.term, node: vote.leader_id.node_id, committed: vote.committed }
}

pub(crate) fn vote_from_wire(field: &str, vote: Option<wire::Vote>) -> Result<Vote<NodeId>, Malformed> {
    let vote = vote.ok_or_else(|| Malformed::missing(field))?;
    Ok(if vote.committed {
        Vote::new_committed(vote.term, vote.node)
    } else {
        Vote::new(vote.term, vote.node)
    })
}

pub(crate) fn log_id_to_wire(id: &LogId) -> wire::LogId {
    wire::LogId { term: id.leader_id.term, node: id.leader_id.node_id, index: id.index }
}

pub(crate) fn log_id_from_wire(id: wire::LogId) -> LogId {
    LogId::new(CommittedLeaderId::new(id.term, id.node), id.index)
}

pub(crate) fn required_log_id(field: &str, id: Option<wire::LogId>) -> Result<LogId, Malformed> {
    id.map(log_id_from_wire).ok_or_else(|| Malformed::missing(field))
}
