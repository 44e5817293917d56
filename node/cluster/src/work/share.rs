use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use etl_engine::{ActorSystem, Crew, CrewEvent, CrewSetup, EngineError, PartitionOrder, Progress, Taps};
use etl_model::{PartitionId, StepName, WorkflowName};
use etl_raft::consensus::Consensus;
use etl_raft_state::parts::Partition;
use etl_raft_state::{NodeId, PartitionKey};
use etl_sdk::{PartitionInfo, RunContext};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::checkpointer::Checkpointer;
use super::earlier::Earlier;
use super::ledger::Ledger;
use super::reconcile::Stage;
use super::workshop::{Prepared, Workshop};

/// What this node has of one run: a crew, and the partitions it works on. Everything stops when it is dropped.
pub(crate) struct Share {
    /// The version of the workflow that its crew carries out.
    pub version: u64,
    pub ledger: Arc<Ledger>,
    pub here: BTreeMap<PartitionKey, Stage>,
    crew: Crew,
    earlier: Earlier,
    /// Who carries out which shard, as its chains have been told.
    shards: BTreeMap<String, NodeId>,
    /// By their numbers in the run.
    keys: HashMap<usize, PartitionKey>,
}

/// What a share is made from.
pub(crate) struct ShareParts<'a> {
    pub run: Uuid,
    pub workflow: &'a str,
    pub version: u64,
    pub prepared: Prepared,
    pub shards: BTreeMap<String, NodeId>,
    pub earlier: Earlier,
    pub consensus: Consensus,
    pub checkpointer: Checkpointer,
    pub workshop: &'a dyn Workshop,
    pub system: &'a ActorSystem,
    pub taps: Arc<Taps>,
    /// Where the events of all crews go, each with its run.
    pub events: mpsc::UnboundedSender<(Uuid, CrewEvent)>,
}

impl Share {
    /// Needs a runtime.
    pub fn start(parts: ShareParts<'_>) -> Result<Self, EngineError> {
        let ShareParts { run, workflow, version, prepared, shards, consensus, checkpointer, .. } = parts;
        let mut earlier = parts.earlier;
        let workflow =
            WorkflowName::new(workflow).map_err(|error| EngineError::Internal(error.to_string()))?;
        if prepared.sync != etl_model::SyncMode::Incremental {
            earlier.starts.clear();
        }
        let ledger = Arc::new(Ledger::new(run, consensus, checkpointer));
        let (sender, mut told) = mpsc::unbounded_channel();
        let setup = CrewSetup {
            run: RunContext { workflow, run: run.into() },
            pipeline: prepared.pipeline,
            replaces: earlier.replaces.clone(),
            options: prepared.options,
            state: Arc::clone(&ledger) as _,
            dead_letters: parts.workshop.dead_letters(),
            progress: Arc::new(Progress::default()),
            taps: parts.taps,
            events: sender,
        };
        let crew = Crew::start(parts.system, setup);
        let events = parts.events;
        // Ends with the crew.
        tokio::spawn(async move {
            while let Some(event) = told.recv().await {
                // Nobody listens any more when the node stops.
                let _ = events.send((run, event));
            }
        });
        Ok(Self { version, ledger, here: BTreeMap::new(), crew, earlier, shards, keys: HashMap::new() })
    }

    /// Begins a partition, as soon as there is room for it; sooner when it has been begun before.
    pub fn begin(&mut self, key: &PartitionKey, row: &Partition, is_begun: bool) -> Result<(), EngineError> {
        let source = StepName::new(&key.source).map_err(|error| EngineError::Internal(error.to_string()))?;
        let id = PartitionId(key.partition.clone());
        let index = usize::try_from(row.index)
            .map_err(|_| EngineError::Internal(format!("partition number {}", row.index)))?;
        let start = self.earlier.starts.get(&(source.clone(), id.clone())).cloned();
        let info = PartitionInfo { id, bytes: row.bytes, records: row.records };
        self.crew.begin(PartitionOrder { source, info, index, start, is_begun })?;
        self.keys.insert(index, key.clone());
        self.here.insert(key.clone(), Stage::Running);
        Ok(())
    }

    /// Has a partition end in good order.
    pub fn drain(&mut self, key: &PartitionKey) {
        if let Some(index) = self.end(key) {
            self.crew.drain(index);
        }
    }

    /// Has all partitions go on with whoever carries out the shards now, when that is another than before.
    pub fn renew(&mut self, shards: &BTreeMap<String, NodeId>) {
        if self.shards == *shards {
            return;
        }
        self.shards.clone_from(shards);
        for (index, key) in &self.keys {
            if self.here.get(key) == Some(&Stage::Running) {
                self.crew.renew(*index);
            }
        }
    }

    /// Has a partition end at once.
    pub fn kill(&mut self, key: &PartitionKey) {
        if let Some(index) = self.end(key) {
            self.crew.kill(index);
        }
    }

    /// Has all partitions end at once.
    pub fn kill_all(&mut self) {
        let running = self.here.iter().filter(|(_, stage)| **stage == Stage::Running);
        for key in running.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            self.kill(&key);
        }
    }

    fn end(&mut self, key: &PartitionKey) -> Option<usize> {
        self.here.insert(key.clone(), Stage::Ending);
        self.keys.iter().find(|(_, known)| *known == key).map(|(index, _)| *index)
    }

    /// The partition of this number.
    pub fn key(&self, index: usize) -> Option<PartitionKey> {
        self.keys.get(&index).cloned()
    }

    /// Forgets a partition that has ended and was let go of.
    pub fn forget(&mut self, key: &PartitionKey) {
        self.here.remove(key);
        self.keys.retain(|_, known| known != key);
        self.ledger.forget(key);
    }
}
