use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::content_hash::ContentHash;
use crate::encoding_error::EncodingError;
use crate::keys::NodeId;
use crate::limits::RUNS_KEPT;
use crate::table::{Record, RowKind, Rows, Table};

/// Executions of workflows. Of each workflow at most one is active, and another waits only while one is; [`RUNS_KEPT`]
/// finished ones are kept, among them always the last that was completed.
#[derive(Debug, Clone, Default)]
pub struct Runs {
    table: Table<Run>,
    of_workflow: BTreeMap<String, OfWorkflow>,
}

/// The runs of one workflow, found without looking through all.
#[derive(Debug, Clone, Default)]
struct OfWorkflow {
    /// Running or halted.
    active: Option<Uuid>,
    queued: Option<Uuid>,
    /// By the index of the entry that created them, then by id: a batch creates several at one index.
    finished: BTreeSet<(u64, Uuid)>,
}

/// One execution of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    pub workflow: String,
    pub version: u64,
    /// Of the version's document, which is kept until the run is finished.
    pub hash: ContentHash,
    /// The schedule whose tick it is; absent when somebody asked for it.
    pub schedule: Option<String>,
    pub phase: RunPhase,
    /// The node to which its sources are local, where its partitions are worked on; absent when any node will do.
    pub pinned: Option<NodeId>,
    /// The transformations and destinations that one node carries out, whoever works on the partitions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hosts: BTreeMap<String, NodeId>,
    /// The values of the workflow's parameters that it was started with; those that are not there have their defaults.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// The time of the tick that has started it, in milliseconds since 1970; absent when somebody asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tick_ms: Option<u64>,
    /// The nodes that carry out the shards of its destinations, where rows are divided among shards: by destination and shard,
    /// as in `orders.3of8`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shards: BTreeMap<String, NodeId>,
    /// Whether all its partitions are known.
    pub discovered: bool,
    /// Index of the entry that created it.
    pub created_index: u64,
    /// Milliseconds since 1970.
    pub created_at_ms: u64,
    /// Milliseconds since 1970.
    pub finished_at_ms: Option<u64>,
}

/// Where a run is in its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunPhase {
    /// Waits until the active run of its workflow is finished.
    Queued,
    /// Its partitions can be assigned.
    Running,
    /// Nothing of it is begun: what is under way is finished and let go of. It can be resumed.
    Halted(Halt),
    /// Over for good.
    Finished(RunOutcome),
}

/// Why a run is halted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Halt {
    /// Somebody asked for it.
    Paused,
    /// It cannot go on before somebody has removed the cause.
    Failed { message: String },
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum RunOutcome {
    /// Every source was read to its end and everything is delivered.
    Completed,
    /// It cannot go on.
    Failed { message: String },
    /// Somebody ended it.
    Cancelled,
    /// Another run took its place.
    Replaced { by: Uuid },
}

impl Record for Run {
    type Key = Uuid;
    const KIND: RowKind = RowKind::Run;
}

impl Run {
    /// Whether it is over for good.
    pub fn is_finished(&self) -> bool {
        matches!(self.phase, RunPhase::Finished(_))
    }

    /// The moment that it is about, in milliseconds since 1970: that of its tick, or when it was asked for.
    pub fn about_ms(&self) -> u64 {
        self.tick_ms.unwrap_or(self.created_at_ms)
    }

    /// Whether it waits to be resumed.
    pub fn is_halted(&self) -> bool {
        matches!(self.phase, RunPhase::Halted(_))
    }
}

impl Runs {
    /// A run that is not finished, or is among the finished ones that are kept.
    pub fn get(&self, run: Uuid) -> Option<&Run> {
        self.table.get(&run)
    }

    /// By id.
    pub fn iter(&self) -> impl Iterator<Item = (Uuid, &Run)> {
        self.table.iter().map(|(id, run)| (*id, run))
    }

    /// The run of a workflow that is running or halted.
    pub fn active(&self, workflow: &str) -> Option<Uuid> {
        self.of_workflow.get(workflow)?.active
    }

    /// The run of a workflow that waits for the active one.
    pub fn queued(&self, workflow: &str) -> Option<Uuid> {
        self.of_workflow.get(workflow)?.queued
    }

    /// The finished runs of a workflow that are kept, newest first.
    pub fn finished(&self, workflow: &str) -> impl Iterator<Item = (Uuid, &Run)> {
        self.of_workflow
            .get(workflow)
            .into_iter()
            .flat_map(|runs| runs.finished.iter().rev())
            .filter_map(|(_, id)| Some((*id, self.get(*id)?)))
    }

    /// The finished runs whose checkpoints are of use: the last one, and the last that was completed, after which an
    /// incremental one goes on.
    pub(crate) fn keep_checkpoints(&self, workflow: &str) -> BTreeSet<Uuid> {
        let completed = RunPhase::Finished(RunOutcome::Completed);
        let last = self.finished(workflow).next();
        let last_completed = self.finished(workflow).find(|(_, run)| run.phase == completed);
        last.into_iter().chain(last_completed).map(|(id, _)| id).collect()
    }

    /// Puts in a run, or another phase of a known one. The caller has made sure that its place is free.
    pub(crate) fn set(&mut self, id: Uuid, run: Run) {
        self.forget(id);
        self.note(id, &run);
        self.table.set(id, run);
    }

    /// Lets the waiting run of a workflow run, whose place is free.
    pub(crate) fn begin_queued(&mut self, workflow: &str) {
        let Some(id) = self.queued(workflow) else { return };
        if let Some(run) = self.get(id).cloned() {
            self.set(id, Run { phase: RunPhase::Running, ..run });
        }
    }

    /// Forgets the oldest finished runs over the number that is kept, but none whose checkpoints are of use, however many
    /// have failed since.
    pub(crate) fn drop_oldest(&mut self, workflow: &str) {
        let useful = self.keep_checkpoints(workflow);
        while let Some(runs) = self.of_workflow.get(workflow)
            && runs.finished.len() > RUNS_KEPT
            && let Some(oldest) = runs.finished.iter().map(|(_, id)| *id).find(|id| !useful.contains(id))
        {
            self.forget(oldest);
            self.table.remove(&oldest);
        }
    }

    fn note(&mut self, id: Uuid, run: &Run) {
        let runs = self.of_workflow.entry(run.workflow.clone()).or_default();
        match run.phase {
            RunPhase::Running | RunPhase::Halted(_) => runs.active = Some(id),
            RunPhase::Queued => runs.queued = Some(id),
            RunPhase::Finished(_) => {
                runs.finished.insert((run.created_index, id));
            }
        }
    }

    fn forget(&mut self, id: Uuid) {
        let Some(run) = self.table.get(&id) else { return };
        let Some(runs) = self.of_workflow.get_mut(&run.workflow) else { return };
        runs.finished.remove(&(run.created_index, id));
        runs.active.take_if(|active| *active == id);
        runs.queued.take_if(|queued| *queued == id);
    }

    /// Finds the runs of each workflow again after loading.
    pub(crate) fn index(&mut self) -> Result<(), EncodingError> {
        self.of_workflow.clear();
        let runs: Vec<(Uuid, Run)> = self.iter().map(|(id, run)| (id, run.clone())).collect();
        for (id, run) in runs {
            let taken = match run.phase {
                RunPhase::Running | RunPhase::Halted(_) => self.active(&run.workflow),
                RunPhase::Queued => self.queued(&run.workflow),
                RunPhase::Finished(_) => None,
            };
            if let Some(other) = taken {
                let problem = format!("runs {other} and {id} of `{}` are in the same place", run.workflow);
                return Err(EncodingError::Malformed { what: RowKind::Run.what(), problem });
            }
            self.note(id, &run);
        }
        Ok(())
    }

    /// Documents that unfinished runs refer to.
    pub(crate) fn held_documents(&self) -> impl Iterator<Item = ContentHash> {
        self.iter().filter(|(_, run)| !run.is_finished()).map(|(_, run)| run.hash)
    }

    pub(crate) fn tables(&self) -> [&dyn Rows; 1] {
        [&self.table]
    }

    pub(crate) fn tables_mut(&mut self) -> [&mut dyn Rows; 1] {
        [&mut self.table]
    }
}
