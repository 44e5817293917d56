use std::sync::Arc;

use async_trait::async_trait;
use etl_engine::{Grants, LeaseAnswer, LeaseRequest};
use etl_raft::consensus::Consensus;

use super::keeper::Keeper;
use super::wire::{answer_from_wire, request_to_wire};
use crate::clients::Clients;

/// Gets leases from whoever leads.
pub(crate) struct LeaderGrants {
    pub consensus: Consensus,
    pub clients: Arc<Clients>,
    /// For when that is this node.
    pub keeper: Keeper,
}

#[async_trait]
impl Grants for LeaderGrants {
    async fn ask(&self, request: &LeaseRequest) -> Option<LeaseAnswer> {
        let me = self.consensus.member();
        let leader = self.consensus.status().leader?;
        if leader == me.node {
            return self.keeper.answer((me.node, me.incarnation), request).await.ok();
        }
        let address = self.consensus.peek(|state| Some(state.nodes().get(leader)?.admin_address.clone()))?;
        let answered = self.clients.to(&address).lease(request_to_wire(me, request)).await;
        let answer = match answered {
            Ok(answer) => answer.into_inner(),
            Err(status) => {
                tracing::debug!(leader, %status, "the leader grants nothing");
                return None;
            }
        };
        match answer_from_wire(answer) {
            Ok(answer) => Some(answer),
            Err(malformed) => {
                tracing::warn!(leader, %malformed, "an answer about limits cannot be read");
                None
            }
        }
    }
}
