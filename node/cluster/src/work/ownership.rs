use etl_engine::PortError;
use etl_raft::consensus::Consensus;
use etl_raft_state::command::{Assign, Claim, Holder};
use etl_raft_state::parts::AssignmentState;
use etl_raft_state::{Command, PartitionKey, Response};

/// Takes what is assigned to this node: each time under an epoch that nobody has used before.
#[derive(Clone)]
pub(crate) struct Ownership {
    consensus: Consensus,
}

/// How an epoch can be had.
enum Way {
    /// It was assigned and nobody has claimed it.
    Claim { epoch: u64 },
    /// It was used by an earlier attempt or process of this node: it takes the next one itself.
    Renew { epoch: u64 },
}

impl Ownership {
    pub fn new(consensus: Consensus) -> Self {
        Self { consensus }
    }

    /// Makes an epoch of an assignment this process's own.
    ///
    /// # Errors
    /// The partition is not this node's any more, or consensus cannot be had.
    pub async fn take(&self, key: &PartitionKey) -> Result<Holder, PortError> {
        let epoch = match self.way(key)? {
            Way::Claim { epoch } => epoch,
            Way::Renew { epoch } => {
                let assign = Assign {
                    partition: key.clone(),
                    owner: self.consensus.member().node,
                    expected_epoch: epoch,
                };
                match self.write(assign).await? {
                    Response::Assigned { epoch } => epoch,
                    other => return Err(unexpected(&other)),
                }
            }
        };
        let me = self.consensus.member();
        let (node, incarnation) = (me.node, me.incarnation);
        self.write(Claim { partition: key.clone(), epoch, node, incarnation }).await?;
        Ok(Holder { node, incarnation, epoch })
    }

    fn way(&self, key: &PartitionKey) -> Result<Way, PortError> {
        let me = self.consensus.member().node;
        let known = self.consensus.peek(|state| state.assignments().get(key).cloned());
        let Some(known) = known.filter(|known| known.owner == me) else { return Err(taken_away()) };
        match (known.state, known.claimed_by) {
            (AssignmentState::Assigned, None) => Ok(Way::Claim { epoch: known.epoch }),
            (AssignmentState::Assigned, Some(_)) => Ok(Way::Renew { epoch: known.epoch }),
            (AssignmentState::Draining { .. } | AssignmentState::Released, _) => Err(taken_away()),
        }
    }

    async fn write(&self, command: impl Into<Command>) -> Result<Response, PortError> {
        match self.consensus.write(command).await {
            Ok(response) => {
                response.into_result().map_err(|rejection| PortError::passing(rejection.to_string()))
            }
            Err(error) => Err(PortError::passing(error.to_string())),
        }
    }
}

fn taken_away() -> PortError {
    PortError::passing("the partition is not assigned to this node any more")
}

fn unexpected(response: &Response) -> PortError {
    PortError::defect(format!("the state answered {response:?}"))
}
