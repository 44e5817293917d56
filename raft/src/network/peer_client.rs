use std::sync::{Arc, PoisonError};
use std::time::Duration;

use openraft::error::{Fatal, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{Backoff, RPCOption, RPCTypes};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse,
};
use openraft::{OptionalSend, RaftNetwork, Snapshot, Vote};
use tokio::time::Instant;

use super::caller::{Caller, RpcError, Sent, Shared};
use super::convert::{vote_from_wire, vote_request_to_wire, vote_response_from_wire};
use super::links::Links;
use super::malformed::Malformed;
use super::snapshot_sender::{SendError, send_snapshot};
use crate::type_config::{NodeId, Peer, TypeConfig};

const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LAST_BACKOFF: Duration = Duration::from_secs(1);

/// openraft's client for one peer.
///
/// openraft 0.9 gives an append request one heartbeat interval and then starts again from the beginning. On a link that needs
/// longer for the bytes of one request that would never end. A request with entries therefore goes on in the background when its
/// time is up, and the repetition that follows waits for it instead of sending everything again. Heartbeats are sent beside it:
/// openraft sends none while entries are on their way, and the peer would believe that its leader is gone.
pub(crate) struct PeerClient {
    caller: Caller,
    lingering: Option<Sent>,
    beating: Option<Beat>,
}

type Beat = Shared<Result<AppendEntriesResponse<NodeId>, RpcError>>;

impl PeerClient {
    pub fn new(links: Arc<Links>, node: NodeId, peer: Peer) -> Self {
        Self { caller: Caller { links, node, peer }, lingering: None, beating: None }
    }
}

impl RaftNetwork<TypeConfig> for PeerClient {
    async fn append_entries(
        &mut self,
        mut request: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<NodeId>, RpcError> {
        let Self { caller, lingering, beating } = self;
        let patience = patience(&option);
        request.leader_commit = caller.links.durability.limit(request.leader_commit);
        let Some(wanted) = request.entries.last().map(|entry| entry.log_id) else {
            return caller.heartbeat(request, patience).await;
        };
        let (vote, previous) = (request.vote, request.prev_log_id);
        if !lingering.as_ref().is_some_and(|same| same.vote == vote && same.previous == previous) {
            *lingering = caller.start(request);
        }
        let Some(sent) = lingering else {
            // Not reached: there is an entry, and the first one always fits.
            return Err(caller.strange(Malformed::missing("entries")).into());
        };
        // The request stays in `self` while it is waited for: openraft may drop this future at any time.
        let last = sent.last;
        let answer = tokio::select! {
            biased;
            answer = sent.answer.get_mut().unwrap_or_else(PoisonError::into_inner) => answer,
            ended = stay_leader(caller, beating, vote, patience) => return ended,
        };
        *lingering = None;
        let answer = answer.map_err(|error| caller.rpc_error(RPCTypes::AppendEntries, error))?;
        match caller.judge((&vote, previous, Some(last)), answer)? {
            AppendEntriesResponse::Success if last < wanted => {
                Ok(AppendEntriesResponse::PartialSuccess(Some(last)))
            }
            AppendEntriesResponse::PartialSuccess(matching) => {
                Ok(AppendEntriesResponse::PartialSuccess(matching.min(Some(wanted))))
            }
            other => Ok(other),
        }
    }

    async fn vote(
        &mut self,
        request: VoteRequest<NodeId>,
        option: RPCOption,
    ) -> Result<VoteResponse<NodeId>, RpcError> {
        let caller = &self.caller;
        let message = vote_request_to_wire(caller.envelope(), &request);
        let link = caller.link();
        let answer = link.answer(patience(&option), link.quick().vote(message)).await;
        let answer = answer.map_err(|error| caller.rpc_error(RPCTypes::Vote, error))?;
        caller.links.accepted(caller.node);
        Ok(vote_response_from_wire(answer).map_err(|problem| caller.strange(problem))?)
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote<NodeId>,
        snapshot: Snapshot<TypeConfig>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _: RPCOption,
    ) -> Result<SnapshotResponse<NodeId>, StreamingError<TypeConfig, Fatal<NodeId>>> {
        let caller = &self.caller;
        let link = caller.link();
        let sent = tokio::select! {
            biased;
            closed = cancel => return Err(closed.into()),
            sent = send_snapshot(&*caller.links.state, &link, caller.envelope(), &vote, &snapshot) => sent,
        };
        let answer = sent.map_err(|error| match error {
            SendError::Timeout(patience) => caller.timeout(RPCTypes::InstallSnapshot, patience).into(),
            SendError::Status(status) => {
                StreamingError::from(Unreachable::new(&caller.links.refused(&link, status)))
            }
            // Not a storage error to openraft: that would stop the leader because of one file that can be written again.
            SendError::File(error) => Unreachable::new(&error).into(),
        })?;
        caller.links.accepted(caller.node);
        let vote = vote_from_wire("vote", answer.vote).map_err(|problem| caller.strange(problem))?;
        Ok(SnapshotResponse::new(vote))
    }

    fn backoff(&self) -> Backoff {
        let links = self.caller.links.clone();
        let mut pause = FIRST_BACKOFF;
        Backoff::new(std::iter::from_fn(move || {
            let now = links.chance.between(pause / 2, pause);
            pause = (pause * 2).min(LAST_BACKOFF);
            Some(now)
        }))
    }
}

/// Runs beside a request that takes long; ends when the time is up or the peer knows another leader.
async fn stay_leader(
    caller: &Caller,
    beating: &mut Option<Beat>,
    vote: Vote<NodeId>,
    patience: Duration,
) -> Result<AppendEntriesResponse<NodeId>, RpcError> {
    let until = Instant::now() + patience;
    tokio::time::sleep(patience / 3).await;
    let beat = beating.get_or_insert_with(|| caller.beat(vote));
    let beat = beat.get_mut().unwrap_or_else(PoisonError::into_inner);
    if let Ok(answer) = tokio::time::timeout_at(until, beat).await {
        *beating = None;
        if let Ok(AppendEntriesResponse::HigherVote(higher)) = answer {
            return Ok(AppendEntriesResponse::HigherVote(higher));
        }
        tokio::time::sleep_until(until).await;
    }
    Err(caller.timeout(RPCTypes::AppendEntries, patience).into())
}

/// A little less than openraft waits, so that this side notices first.
fn patience(option: &RPCOption) -> Duration {
    option.hard_ttl() * 9 / 10
}
