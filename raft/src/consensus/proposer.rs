use std::time::Duration;

use etl_raft_state::{Envelope, Response};
use openraft::error::ClientWriteError;
use tokio::sync::{RwLock, RwLockWriteGuard};

use super::clock::Clock;
use super::leader::RaftHandle;
use crate::error::Error;
use crate::type_config::{LogId, NodeId, Proposal};

/// Proposes on the leader.
pub(crate) struct Proposer {
    node: NodeId,
    raft: RaftHandle,
    clock: Clock,
    max_command_bytes: usize,
    /// A leader that has heard from no quorum for longer takes no proposals: it may have been replaced.
    quorum_patience: Duration,
    /// Written while leadership is handed over.
    handing_over: RwLock<()>,
}

impl Proposer {
    pub fn new(
        node: NodeId,
        raft: RaftHandle,
        clock: Clock,
        max_command_bytes: usize,
        quorum_patience: Duration,
    ) -> Self {
        Self { node, raft, clock, max_command_bytes, quorum_patience, handing_over: RwLock::new(()) }
    }

    /// How many bytes the command takes in an entry; refused when that is more than it may.
    pub fn size(&self, envelope: &Envelope) -> Result<usize, Error> {
        Ok(self.encode(envelope)?.len())
    }

    fn encode(&self, envelope: &Envelope) -> Result<Vec<u8>, Error> {
        let bytes = envelope.encode()?;
        if bytes.len() > self.max_command_bytes {
            return Err(Error::TooLarge { size: bytes.len(), limit: self.max_command_bytes });
        }
        Ok(bytes)
    }

    /// Stamps the time, proposes, and waits until it has been applied here. Fails with [`Error::NoLeader`] when it was not
    /// proposed for certain, and with [`Error::Unknown`] when it may have been.
    pub async fn propose(&self, mut envelope: Envelope) -> Result<(LogId, Response), Error> {
        envelope.time_ms = (self.clock)();
        let proposal = Proposal(self.encode(&envelope)?.into());
        let answer = {
            let Ok(_not_handing_over) = self.handing_over.try_read() else {
                return Err(Error::NoLeader(format!("node {} is handing leadership over", self.node)));
            };
            self.check_quorum()?;
            let proposed = self.raft.client_write_ff(proposal).await;
            proposed.map_err(|_| Error::Stopped(self.node))?
        };
        match answer.await {
            Ok(Ok(written)) => Ok((written.log_id, written.data)),
            // It may have been refused at once, or have been in the log and lost its place there to another leader's entry; a
            // third one can still bring it back.
            Ok(Err(ClientWriteError::ForwardToLeader(_))) => {
                Err(Error::Unknown(format!("node {} has lost leadership", self.node)))
            }
            Ok(Err(other)) => Err(Error::Unknown(other.to_string())),
            Err(_) => Err(Error::Unknown(format!("node {} has stopped", self.node))),
        }
    }

    fn check_quorum(&self) -> Result<(), Error> {
        let silent = self.raft.metrics().borrow().millis_since_quorum_ack.map(Duration::from_millis);
        match silent {
            Some(silent) if silent > self.quorum_patience => Err(Error::NoLeader(format!(
                "node {} leads, but has not heard from a quorum for {silent:?}",
                self.node
            ))),
            _ => Ok(()),
        }
    }

    /// Lets nothing be proposed as long as the guard lives. What was proposed before is in openraft's queue.
    pub async fn pause(&self) -> RwLockWriteGuard<'_, ()> {
        self.handing_over.write().await
    }
}
