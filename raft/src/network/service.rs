use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use etl_proto::raft as wire;
use etl_proto::raft::raft_server::Raft;
use etl_raft_state::{Envelope, NodeState};
use openraft::raft::{VoteRequest, VoteResponse};
use openraft::{ServerState, Snapshot};
use tonic::{Request, Response, Status, Streaming};

use super::convert::{
    append_request_from_wire, append_response_to_wire, log_id_to_wire, required_log_id,
    snapshot_header_from_wire, vote_request_from_wire, vote_response_to_wire, vote_to_wire,
};
use super::envelope::{Standing, admit};
use super::refusal::status_of;
use super::snapshot_inbox::{SnapshotInbox, first_piece};
use crate::consensus::{Asked, Ballot, Inner};
use crate::error::Error;
use crate::type_config::NodeId;

/// What a node answers to other members. Looks at nothing in a request before it is sure that the request is for this node, from
/// one that may speak to it.
pub struct PeerService {
    inner: Arc<Inner>,
    inbox: SnapshotInbox,
}

impl PeerService {
    pub(crate) fn new(inner: Arc<Inner>) -> Self {
        let inbox = SnapshotInbox::new(inner.state.clone());
        Self { inner, inbox }
    }

    fn admit(&self, envelope: Option<&wire::Envelope>) -> Result<NodeId, Status> {
        Ok(admit(&self.inner.links.me, envelope, |sender| self.standing(sender))?)
    }

    fn standing(&self, sender: NodeId) -> Standing {
        let (row, last_index) = {
            let state = self.inner.state.look();
            (state.nodes().get(sender).map(|node| node.state), state.meta().last_index())
        };
        match row {
            Some(NodeState::Removed) => Standing::Removed,
            Some(_) => Standing::Member,
            None => {
                let metrics = self.inner.raft.server_metrics();
                let is_member = metrics.borrow().membership_config.membership().get_node(&sender).is_some();
                match (is_member, last_index) {
                    (true, _) => Standing::Member,
                    // An id is the index of the entry that admits, or a little more.
                    (false, Some(last)) if last >= sender => Standing::NeverAdmitted,
                    (false, _) => Standing::NotKnownYet,
                }
            }
        }
    }

    fn stopped(&self) -> Status {
        status_of(&Error::Stopped(self.inner.links.me.node))
    }

    /// The answer to a pre-vote; see [`consensus::election`](crate::consensus).
    fn answer_pre_vote(&self, request: &VoteRequest<NodeId>) -> VoteResponse<NodeId> {
        let inner = &self.inner;
        let (vote, leads) = {
            let metrics = inner.raft.server_metrics();
            let metrics = metrics.borrow();
            (metrics.vote, metrics.state == ServerState::Leader)
        };
        let data = inner.raft.data_metrics();
        let (last, quorum_silent) = {
            let data = data.borrow();
            (data.last_log, data.millis_since_quorum_ack.unwrap_or(0))
        };
        let (silence, lease) = if leads {
            (Duration::from_millis(quorum_silent), inner.settings.election_max)
        } else {
            (inner.pulse.silence(), inner.settings.vote_lease)
        };
        let asked = Ballot { silence, lease, last }.judge(request.last_log_id);
        if asked == Asked::Behind && !leads {
            inner.pulse.suspicion_shared();
        }
        VoteResponse::new(vote, last, asked == Asked::Yes)
    }
}

#[tonic::async_trait]
impl Raft for PeerService {
    async fn append(
        &self,
        request: Request<wire::AppendRequest>,
    ) -> Result<Response<wire::AppendResponse>, Status> {
        let request = request.into_inner();
        self.admit(request.envelope.as_ref())?;
        let request = append_request_from_wire(request)?;
        // Before openraft gets to it, which may be busy with the disk: what counts is that the leader lives.
        if request.vote >= self.inner.raft.server_metrics().borrow().vote {
            self.inner.pulse.leader_heard();
        }
        let answer = self.inner.raft.append_entries(request).await.map_err(|_| self.stopped())?;
        Ok(Response::new(append_response_to_wire(&answer)))
    }

    async fn vote(
        &self,
        request: Request<wire::VoteRequest>,
    ) -> Result<Response<wire::VoteResponse>, Status> {
        let request = request.into_inner();
        self.admit(request.envelope.as_ref())?;
        let request = vote_request_from_wire(request)?;
        let answer = if request.vote.leader_id.term == 0 {
            self.answer_pre_vote(&request)
        } else {
            let answer = self.inner.raft.vote(request).await.map_err(|_| self.stopped())?;
            if answer.vote_granted {
                self.inner.pulse.voted();
            }
            answer
        };
        Ok(Response::new(vote_response_to_wire(&answer)))
    }

    async fn install_snapshot(
        &self,
        request: Request<Streaming<wire::SnapshotPiece>>,
    ) -> Result<Response<wire::SnapshotResponse>, Status> {
        let mut pieces = request.into_inner();
        let header = first_piece(&mut pieces).await?;
        self.admit(header.envelope.as_ref())?;
        let size = header.size;
        let (vote, meta) = snapshot_header_from_wire(header)?;
        let mine = self.inner.raft.server_metrics().borrow().vote;
        if vote.partial_cmp(&mine).is_none_or(Ordering::is_lt) {
            return Ok(Response::new(wire::SnapshotResponse { vote: Some(vote_to_wire(&mine)) }));
        }
        let file = self.inbox.receive(&mut pieces, size).await?;
        let snapshot = Snapshot { meta, snapshot: Box::new(file) };
        let installed = self.inner.raft.install_full_snapshot(vote, snapshot).await;
        let answer = installed.map_err(|_| self.stopped())?;
        Ok(Response::new(wire::SnapshotResponse { vote: Some(vote_to_wire(&answer.vote)) }))
    }

    async fn read_index(
        &self,
        request: Request<wire::ReadIndexRequest>,
    ) -> Result<Response<wire::ReadIndexResponse>, Status> {
        self.admit(request.into_inner().envelope.as_ref())?;
        let index = self.inner.reads.index_as_leader().await.map_err(|error| status_of(&error))?;
        Ok(Response::new(wire::ReadIndexResponse { read_index: index.as_ref().map(log_id_to_wire) }))
    }

    async fn propose(
        &self,
        request: Request<wire::ProposeRequest>,
    ) -> Result<Response<wire::ProposeResponse>, Status> {
        let request = request.into_inner();
        self.admit(request.envelope.as_ref())?;
        let envelope = Envelope::decode(&request.proposal).map_err(|error| status_of(&error.into()))?;
        let proposed = self.inner.proposer.propose(envelope).await;
        let (log_id, response) = proposed.map_err(|error| status_of(&error))?;
        // It has acted; only its answer is lost.
        let response = response.encode().map_err(|error| status_of(&Error::Unknown(error.to_string())))?;
        Ok(Response::new(wire::ProposeResponse {
            log_id: Some(log_id_to_wire(&log_id)),
            response: Bytes::from(response),
        }))
    }

    async fn stand_for_election(
        &self,
        request: Request<wire::StandRequest>,
    ) -> Result<Response<wire::StandResponse>, Status> {
        let request = request.into_inner();
        let sender = self.admit(request.envelope.as_ref())?;
        let last = required_log_id("last", request.last)?;
        let me = self.inner.links.me.node;
        let refuse = |reason: String| Err(status_of(&Error::Misdirected(reason)));
        let (leader, is_voter) = {
            let metrics = self.inner.raft.server_metrics();
            let metrics = metrics.borrow();
            (metrics.current_leader, metrics.membership_config.voter_ids().any(|voter| voter == me))
        };
        if leader != Some(sender) {
            return refuse(format!("node {sender} does not lead, so it cannot hand leadership to node {me}"));
        }
        if !is_voter {
            return refuse(format!("node {me} has no vote and cannot lead"));
        }
        let mine = self.inner.raft.data_metrics().borrow().last_log;
        if mine < Some(last) {
            return refuse(format!("node {me} lacks entries up to {}", last.index));
        }
        self.inner.pulse.voted();
        self.inner.raft.trigger().elect().await.map_err(|_| self.stopped())?;
        Ok(Response::new(wire::StandResponse {}))
    }
}
