use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::apply::Apply;
use crate::keys::{NodeId, PartitionKey};
use crate::limits::{MAX_NAME, MAX_PARTITION, within};
use crate::moment::Moment;
use crate::parts::{Run, RunPhase};
use crate::rejection::{Kind, Rejection};
use crate::response::Response;
use crate::state::State;

/// A process that has claimed an assignment under an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    pub node: NodeId,
    /// Chosen at random at each start of the node's process.
    pub incarnation: u64,
    pub epoch: u64,
}

/// A partition, or the coordinator of a run, in the hands of one process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionClaim {
    pub partition: PartitionKey,
    pub holder: Holder,
}

/// Makes partitions of a run known, by the holder of its coordinator. Those that are known keep their index and take the
/// size that is told now; new ones follow in the order of the list. Answered by [`Response::Done`], also when all of them
/// were known before.
///
/// Refused: when the run is not running, when another than the sender holds the coordinator, and new partitions after
/// the list was complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddPartitions {
    pub run: Uuid,
    /// Of the run's coordinator.
    pub epoch: u64,
    pub node: NodeId,
    /// The process that has claimed the coordinator.
    pub incarnation: u64,
    pub partitions: Vec<NewPartition>,
    /// Whether there are no more than these and the known ones.
    pub complete: bool,
}

/// A partition as its source has told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPartition {
    /// The source step's name.
    pub source: String,
    /// As the source names it, stable over runs.
    pub partition: String,
    /// How much there is to read, in bytes; absent when the source cannot tell.
    pub bytes: Option<u64>,
    /// How many records there are to read; absent when the source cannot tell.
    pub records: Option<u64>,
}

impl Apply for AddPartitions {
    fn apply(&self, state: &mut State, _at: Moment) -> Result<Response, Rejection> {
        for partition in &self.partitions {
            partition.check()?;
        }
        let Some(run) = state.runs.get(self.run).cloned() else {
            return Err(Kind::Run.not_found(&self.run.to_string()));
        };
        match run.phase {
            RunPhase::Running => {}
            RunPhase::Queued => return Err(Rejection::RunQueued { run: self.run }),
            RunPhase::Halted(_) => return Err(Rejection::RunHalted { run: self.run }),
            RunPhase::Finished(_) => return Err(Rejection::RunFinished { run: self.run }),
        }
        let holder = Holder { node: self.node, incarnation: self.incarnation, epoch: self.epoch };
        state.check_coordinator(self.run, holder)?;
        let told: Vec<(PartitionKey, &NewPartition)> =
            self.partitions.iter().map(|partition| (partition.key(self.run), partition)).collect();
        if run.discovered
            && let Some((key, _)) = told.iter().find(|(key, _)| state.partitions.get(key).is_none())
        {
            let (source_step, partition) = (key.source.clone(), key.partition.clone());
            return Err(Rejection::RunDiscovered { run: self.run, source_step, partition });
        }
        for (key, partition) in told {
            state.partitions.tell(&key, partition.bytes, partition.records);
        }
        if self.complete && !run.discovered {
            state.runs.set(self.run, Run { discovered: true, ..run });
        }
        Ok(Response::Done)
    }
}

impl PartitionClaim {
    /// Refuses a claim that is not in force, or on something of another run.
    pub(crate) fn check(&self, state: &State, run: Uuid) -> Result<(), Rejection> {
        if self.partition.run != run {
            return Err(Rejection::NotAssigned { partition: self.partition.clone() });
        }
        state.nodes.present(self.holder.node)?;
        state.assignments.held_by(&self.partition, self.holder)?;
        Ok(())
    }
}

impl NewPartition {
    fn key(&self, run: Uuid) -> PartitionKey {
        PartitionKey { run, source: self.source.clone(), partition: self.partition.clone() }
    }

    fn check(&self) -> Result<(), Rejection> {
        if self.source.is_empty() {
            let problem = "it is empty".to_owned();
            return Err(Rejection::Invalid { what: "source name".to_owned(), problem });
        }
        within("source name", self.source.len(), MAX_NAME)?;
        within("partition name", self.partition.len(), MAX_PARTITION)
    }
}
