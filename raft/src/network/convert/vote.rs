use etl_proto::raft as wire;
use openraft::raft::{VoteRequest, VoteResponse};

use super::ids::{log_id_from_wire, log_id_to_wire, vote_from_wire, vote_to_wire};
use crate::network::malformed::Malformed;
use crate::type_config::NodeId;

pub(crate) fn vote_request_to_wire(
    envelope: wire::Envelope,
    request: &VoteRequest<NodeId>,
) -> wire::VoteRequest {
    wire::VoteRequest {
        envelope: Some(envelope),
        vote: Some(vote_to_wire(&request.vote)),
        last: request.last_log_id.as_ref().map(log_id_to_wire),
    }
}

pub(crate) fn vote_request_from_wire(request: wire::VoteRequest) -> Result<VoteRequest<NodeId>, Malformed> {
    let vote = vote_from_wire("vote", request.vote)?;
    // openraft would take the sender for an elected leader.
    if vote.is_committed() {
        return Err(Malformed::new("vote", "is that of a leader, not of a candidate"));
    }
    Ok(VoteRequest { vote, last_log_id: request.last.map(log_id_from_wire) })
}

pub(crate) fn vote_response_to_wire(response: &VoteResponse<NodeId>) -> wire::VoteResponse {
    wire::VoteResponse {
        vote: Some(vote_to_wire(&response.vote)),
        granted: response.vote_granted,
        last: response.last_log_id.as_ref().map(log_id_to_wire),
    }
}

pub(crate) fn vote_response_from_wire(
    response: wire::VoteResponse,
) -> Result<VoteResponse<NodeId>, Malformed> {
    Ok(VoteResponse {
        vote: vote_from_wire("vote", response.vote)?,
        vote_granted: response.granted,
        last_log_id: response.last.map(log_id_from_wire),
    })
}
