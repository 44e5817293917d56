use serde::{Deserialize, Serialize};

use super::apply::Apply;
use super::checkpoints::Progress;
use crate::keys::{EpochKey, NodeId, PartitionKey, RouteKey};
use crate::limits::{MAX_NAME, MAX_PARTITION, within};
use crate::moment::Moment;
use crate::parts::{Assignment, AssignmentState, NodeState, Run, RunPhase};
use crate::rejection::{Kind, Rejection};
use crate::response::{Advance, Response};
use crate::state::State;

/// Gives a partition to a node under a new epoch, one above the last of this workflow's partition. Answered by
/// [`Response::Assigned`].
///
/// Refused: when the epoch is not the expected one, the run is not running or tied to another node, the node is not up,
/// and when the partition is not known or done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assign {
    pub partition: PartitionKey,
    pub owner: NodeId,
    /// The partition's epoch now, as [`crate::parts::Epochs::current`] tells it.
    pub expected_epoch: u64,
}

/// Asks the owner to let go of a partition after what it has under way. Answered by [`Response::Done`], also when it was
/// asked before.
///
/// Refused: under another epoch, after the release, towards a node that is not up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeginDrain {
    pub partition: PartitionKey,
    pub epoch: u64,
    /// Who is meant to have it next; absent when that is open.
    pub to: Option<NodeId>,
}

/// An owner's first step: from now on the epoch is this process's alone. Answered by [`Response::Done`], also when this
/// process has claimed it before.
///
/// Refused: under another epoch, for another node than the owner, when the partition is being drained, while the run is
/// halted, and for another process of the owner than the one that has claimed it: after a restart it must be assigned again, under a new epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    pub partition: PartitionKey,
    pub epoch: u64,
    pub node: NodeId,
    /// Chosen at random at each start of the node's process.
    pub incarnation: u64,
}

/// An owner's last step: nothing more is committed under this epoch. Answered by [`Response::Done`], also when it was
/// released so before.
///
/// Refused: under another epoch, for another node or process than the owner's, when a final checkpoint does not follow
/// the last, when it was released before at less than is told now, and as done when nobody has claimed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    pub partition: PartitionKey,
    pub epoch: u64,
    pub node: NodeId,
    pub incarnation: u64,
    /// How far it came, by destination; those that have not moved since may be left out.
    pub checkpoints: Vec<FinalCheckpoint>,
    /// Whether the partition was read to its end and everything of it is durable at every destination: then nobody is
    /// given it again.
    pub done: bool,
}

/// How far a partition came towards one destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinalCheckpoint {
    /// The destination step's name.
    pub destination: String,
    pub progress: Progress,
}

impl Apply for Assign {
    fn apply(&self, state: &mut State, at: Moment) -> Result<Response, Rejection> {
        within("source name", self.partition.source.len(), MAX_NAME)?;
        within("partition name", self.partition.partition.len(), MAX_PARTITION)?;
        let epoch_key = running_partition(state, &self.partition, self.owner)?;
        check_known(state, &self.partition)?;
        check_eligible(state, self.owner)?;
        let current = state.epochs.current(&epoch_key, &state.meta);
        if current != self.expected_epoch {
            return Err(Rejection::EpochConflict {
                partition: self.partition.clone(),
                expected: self.expected_epoch,
                actual: current,
            });
        }
        let Some(epoch) = current.checked_add(1) else {
            return Err(Rejection::EpochsExhausted);
        };
        state.epochs.raise(epoch_key, epoch);
        let assignment = Assignment {
            owner: self.owner,
            epoch,
            state: AssignmentState::Assigned,
            claimed_by: None,
            since_ms: at.time_ms,
        };
        state.assignments.set(self.partition.clone(), assignment);
        Ok(Response::Assigned { epoch })
    }
}

impl Apply for BeginDrain {
    fn apply(&self, state: &mut State, at: Moment) -> Result<Response, Rejection> {
        let known = state.assignments.at_epoch(&self.partition, self.epoch)?.clone();
        let draining = AssignmentState::Draining { to: self.to };
        if known.state == draining {
            return Ok(Response::Done);
        }
        if known.state == AssignmentState::Released {
            return Err(Rejection::Released { partition: self.partition.clone() });
        }
        if let Some(to) = self.to {
            check_eligible(state, to)?;
        }
        let assignment = Assignment { state: draining, since_ms: at.time_ms, ..known };
        state.assignments.set(self.partition.clone(), assignment);
        Ok(Response::Done)
    }
}

impl Apply for Claim {
    fn apply(&self, state: &mut State, _at: Moment) -> Result<Response, Rejection> {
        let known = state.assignments.at_epoch(&self.partition, self.epoch)?.clone();
        known.check_owner(&self.partition, self.node)?;
        state.nodes.present(self.node)?;
        if state.runs.get(self.partition.run).is_some_and(Run::is_halted) {
            return Err(Rejection::RunHalted { run: self.partition.run });
        }
        match (known.state, known.claimed_by) {
            (AssignmentState::Released, _) => Err(Rejection::Released { partition: self.partition.clone() }),
            (_, Some(incarnation)) if incarnation != self.incarnation => {
                Err(Rejection::ClaimedByAnother { partition: self.partition.clone() })
            }
            (_, Some(_)) => Ok(Response::Done),
            (AssignmentState::Draining { .. }, None) => {
                Err(Rejection::Draining { partition: self.partition.clone() })
            }
            (AssignmentState::Assigned, None) => {
                let assignment = Assignment { claimed_by: Some(self.incarnation), ..known };
                state.assignments.set(self.partition.clone(), assignment);
                Ok(Response::Done)
            }
        }
    }
}

impl Apply for Release {
    fn apply(&self, state: &mut State, at: Moment) -> Result<Response, Rejection> {
        let known = state.assignments.at_epoch(&self.partition, self.epoch)?.clone();
        known.check_owner(&self.partition, self.node)?;
        if known.claimed_by.is_some_and(|incarnation| incarnation != self.incarnation) {
            return Err(Rejection::ClaimedByAnother { partition: self.partition.clone() });
        }
        let released = known.state == AssignmentState::Released;
        self.check_done(state, &known)?;
        for last in &self.checkpoints {
            let route = self.route(&last.destination);
            let advance = match known.claimed_by {
                None => Advance::Fenced { epoch: known.epoch },
                Some(_) => state.checkpoints.judge(&route, &last.progress),
            };
            match advance {
                Advance::Ok if released => {
                    return Err(Rejection::Released { partition: self.partition.clone() });
                }
                Advance::Ok | Advance::Duplicate { .. } => {}
                advance => return Err(Rejection::FinalCheckpoint { route, advance }),
            }
        }
        if released {
            return Ok(Response::Done);
        }
        for last in &self.checkpoints {
            state.checkpoints.advance(self.route(&last.destination), self.epoch, &last.progress, at);
        }
        let assignment = Assignment { state: AssignmentState::Released, since_ms: at.time_ms, ..known };
        state.assignments.set(self.partition.clone(), assignment);
        if self.done {
            state.partitions.finish(&self.partition);
        }
        Ok(Response::Done)
    }
}

impl Release {
    /// Whether the partition may be marked done, or is.
    fn check_done(&self, state: &State, known: &Assignment) -> Result<(), Rejection> {
        if !self.done {
            return Ok(());
        }
        let partition = || self.partition.clone();
        let Some(row) = state.partitions.get(&self.partition) else {
            return Err(Kind::Partition.not_found(&self.partition.partition));
        };
        if known.claimed_by.is_none() {
            return Err(Rejection::NotClaimed { partition: partition() });
        }
        if known.state == AssignmentState::Released && !row.done {
            return Err(Rejection::Released { partition: partition() });
        }
        Ok(())
    }

    fn route(&self, destination: &str) -> RouteKey {
        RouteKey { partition: self.partition.clone(), destination: destination.to_owned() }
    }
}

/// Refuses a partition that the coordinator of the run has not made known, or that is done.
fn check_known(state: &State, partition: &PartitionKey) -> Result<(), Rejection> {
    if partition.is_coordinator() {
        return Ok(());
    }
    match state.partitions.get(partition) {
        None => Err(Kind::Partition.not_found(&partition.partition)),
        Some(known) if known.done => Err(Rejection::PartitionDone { partition: partition.clone() }),
        Some(_) => Ok(()),
    }
}

/// The key of the partition's epoch, when its run is running and may run on that node.
fn running_partition(state: &State, partition: &PartitionKey, owner: NodeId) -> Result<EpochKey, Rejection> {
    let Some(run) = state.runs.get(partition.run) else {
        return Err(Kind::Run.not_found(&partition.run.to_string()));
    };
    match (&run.phase, run.pinned) {
        (RunPhase::Running, Some(node)) if node != owner => {
            Err(Rejection::RunPinned { run: partition.run, node })
        }
        (RunPhase::Running, _) => Ok(EpochKey {
            workflow: run.workflow.clone(),
            source: partition.source.clone(),
            partition: partition.partition.clone(),
        }),
        (RunPhase::Halted(_), _) => Err(Rejection::RunHalted { run: partition.run }),
        (RunPhase::Queued, _) => Err(Rejection::RunQueued { run: partition.run }),
        (RunPhase::Finished(_), _) => Err(Rejection::RunFinished { run: partition.run }),
    }
}

fn check_eligible(state: &State, node: NodeId) -> Result<(), Rejection> {
    match state.nodes.get(node) {
        None => Err(Rejection::UnknownNode { node }),
        Some(known) if known.state == NodeState::Up => Ok(()),
        Some(known) => Err(Rejection::NodeNotUp { node, actual: known.state }),
    }
}
