use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use etl_proto::raft as wire;
use etl_raft_state::{Envelope, Response};

use super::leader::{Leader, LeaderWatch, RaftHandle};
use super::proposer::Proposer;
use super::settings::Settings;
use crate::error::Error;
use crate::network::Links;
use crate::type_config::{NodeId, Peer};

/// How long a leader may take for one proposal before it is asked again.
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);

/// Carries one proposal to the leader, wherever it is.
pub(super) struct Router {
    pub raft: RaftHandle,
    pub leaders: LeaderWatch,
    pub proposer: Arc<Proposer>,
    pub links: Arc<Links>,
    pub settings: Settings,
}

impl Router {
    /// One attempt. [`Error::NoLeader`] and [`Error::Misdirected`] mean that it had no effect, [`Error::Unknown`] that it may have
    /// had.
    pub async fn propose(&self, leader: &Leader, envelope: &Envelope) -> Result<Response, Error> {
        match leader {
            Leader::Here => self.proposer.propose(envelope.clone()).await.map(|(_, response)| response),
            Leader::There(node, peer) => self.forward(*node, peer, envelope).await,
            Leader::Nowhere(reason) => Err(Error::NoLeader(reason.clone())),
        }
    }

    async fn forward(&self, node: NodeId, peer: &Peer, envelope: &Envelope) -> Result<Response, Error> {
        let link = self.links.to(node, peer);
        let request = wire::ProposeRequest {
            envelope: Some(self.links.me.envelope_to(node, peer.store)),
            proposal: Bytes::from(envelope.encode()?),
        };
        let answer = link.answer(ANSWER_PATIENCE, link.quick().propose(request)).await;
        let answer = answer.map_err(|error| self.links.error(&link, error))?;
        self.links.accepted(node);
        // It has acted, but what it answered cannot be read.
        Response::decode(&answer.response).map_err(|error| Error::Unknown(error.to_string()))
    }
}
