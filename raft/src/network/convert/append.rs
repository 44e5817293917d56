use etl_proto::raft as wire;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse};
use wire::append_response::Outcome;

use super::entry::{entry_from_wire, entry_to_wire};
use super::ids::{log_id_from_wire, log_id_to_wire, vote_from_wire, vote_to_wire};
use crate::network::malformed::Malformed;
use crate::type_config::{NodeId, TypeConfig};

pub(crate) fn append_request_to_wire(
    envelope: wire::Envelope,
    request: &AppendEntriesRequest<TypeConfig>,
) -> wire::AppendRequest {
    wire::AppendRequest {
        envelope: Some(envelope),
        vote: Some(vote_to_wire(&request.vote)),
        previous: request.prev_log_id.as_ref().map(log_id_to_wire),
        entries: request.entries.iter().map(entry_to_wire).collect(),
        committed: request.leader_commit.as_ref().map(log_id_to_wire),
    }
}

/// Entries must follow each other and `previous` without a gap: openraft would store a hole.
pub(crate) fn append_request_from_wire(
    request: wire::AppendRequest,
) -> Result<AppendEntriesRequest<TypeConfig>, Malformed> {
    let vote = vote_from_wire("vote", request.vote)?;
    if !vote.is_committed() {
        return Err(Malformed::new("vote", "is not that of a leader"));
    }
    let prev_log_id = request.previous.map(log_id_from_wire);
    let mut entries = Vec::with_capacity(request.entries.len());
    let mut last = prev_log_id;
    for (at, entry) in request.entries.into_iter().enumerate() {
        let field = format!("entries[{at}]");
        let entry = entry_from_wire(&field, entry)?;
        let expected = last.map_or(Some(0), |id| id.index.checked_add(1));
        if Some(entry.log_id.index) != expected {
            return Err(Malformed::new(
                format!("{field}.log_id.index"),
                format!("is {} and does not follow the entry before it", entry.log_id.index),
            ));
        }
        if last.is_some_and(|before| before.leader_id > entry.log_id.leader_id) {
            return Err(Malformed::new(
                format!("{field}.log_id.term"),
                "is older than that of the entry before it",
            ));
        }
        if entry.log_id.leader_id > vote.leader_id {
            return Err(Malformed::new(format!("{field}.log_id.term"), "is newer than the leader's"));
        }
        last = Some(entry.log_id);
        entries.push(entry);
    }
    Ok(AppendEntriesRequest {
        vote,
        prev_log_id,
        entries,
        leader_commit: request.committed.map(log_id_from_wire),
    })
}

pub(crate) fn append_response_to_wire(response: &AppendEntriesResponse<NodeId>) -> wire::AppendResponse {
    let outcome = match response {
        AppendEntriesResponse::Success => Outcome::Success(wire::Blank {}),
        AppendEntriesResponse::PartialSuccess(matching) => {
            Outcome::Partial(wire::PartialSuccess { matching: matching.as_ref().map(log_id_to_wire) })
        }
        AppendEntriesResponse::Conflict => Outcome::Conflict(wire::Blank {}),
        AppendEntriesResponse::HigherVote(vote) => Outcome::HigherVote(vote_to_wire(vote)),
    };
    wire::AppendResponse { outcome: Some(outcome) }
}

pub(crate) fn append_response_from_wire(
    response: wire::AppendResponse,
) -> Result<AppendEntriesResponse<NodeId>, Malformed> {
    Ok(match response.outcome.ok_or_else(|| Malformed::missing("outcome"))? {
        Outcome::Success(_) => AppendEntriesResponse::Success,
        Outcome::Partial(partial) => {
            AppendEntriesResponse::PartialSuccess(partial.matching.map(log_id_from_wire))
        }
        Outcome::Conflict(_) => AppendEntriesResponse::Conflict,
        Outcome::HigherVote(vote) => {
            AppendEntriesResponse::HigherVote(vote_from_wire("higher_vote", Some(vote))?)
        }
    })
}
