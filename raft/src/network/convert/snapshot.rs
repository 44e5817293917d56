use etl_proto::raft as wire;
use openraft::{SnapshotMeta, Vote};

use super::ids::{log_id_to_wire, required_log_id, vote_from_wire, vote_to_wire};
use super::membership::{stored_membership_from_wire, stored_membership_to_wire};
use crate::network::malformed::Malformed;
use crate::type_config::{NodeId, Peer};

pub(crate) fn snapshot_header_to_wire(
    envelope: wire::Envelope,
    vote: &Vote<NodeId>,
    meta: &SnapshotMeta<NodeId, Peer>,
    size: u64,
) -> wire::SnapshotHeader {
    wire::SnapshotHeader {
        envelope: Some(envelope),
        vote: Some(vote_to_wire(vote)),
        last: meta.last_log_id.as_ref().map(log_id_to_wire),
        membership: Some(stored_membership_to_wire(&meta.last_membership)),
        id: meta.snapshot_id.clone(),
        size,
    }
}

/// The leader's vote and what the snapshot covers. A snapshot that covers nothing is never sent.
pub(crate) fn snapshot_header_from_wire(
    header: wire::SnapshotHeader,
) -> Result<(Vote<NodeId>, SnapshotMeta<NodeId, Peer>), Malformed> {
    let vote = vote_from_wire("header.vote", header.vote)?;
    if !vote.is_committed() {
        return Err(Malformed::new("header.vote", "is not that of a leader"));
    }
    let meta = SnapshotMeta {
        last_log_id: Some(required_log_id("header.last", header.last)?),
        last_membership: stored_membership_from_wire("header.membership", header.membership)?,
        snapshot_id: header.id,
    };
    Ok((vote, meta))
}
