use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use etl_engine::{PortError, RunState};
use etl_model::{Marker, PartitionId, Route, RouteEnd, StepName};
use etl_raft::consensus::Consensus;
use etl_raft_state::command::{CheckpointItem, FinalCheckpoint, Progress};
use etl_raft_state::limits::MAX_POSITION;
use etl_raft_state::{Advance, PartitionKey, RouteKey};
use tokio::runtime::Handle;
use uuid::Uuid;

use super::checkpointer::Checkpointer;
use super::ownership::Ownership;
use crate::{decode_marker, encode_marker};

/// The state of one run as the engine sees it, kept in Raft.
pub(crate) struct Ledger {
    run: Uuid,
    consensus: Consensus,
    ownership: Ownership,
    checkpointer: Checkpointer,
    runtime: Handle,
    held: Mutex<HashMap<PartitionKey, Held>>,
}

/// What this process has claimed.
#[derive(Debug, Default)]
struct Held {
    epoch: u64,
    /// By destination and shard: the last unit that is known to be in Raft.
    stored: HashMap<String, u64>,
}

impl Ledger {
    /// Needs a runtime, on which it waits for consensus.
    pub fn new(run: Uuid, consensus: Consensus, checkpointer: Checkpointer) -> Self {
        Self {
            run,
            ownership: Ownership::new(consensus.clone()),
            consensus,
            checkpointer,
            runtime: Handle::current(),
            held: Mutex::default(),
        }
    }

    /// The epoch under which this process holds a partition; `None` before it has claimed it.
    pub fn epoch(&self, key: &PartitionKey) -> Option<u64> {
        self.held().get(key).map(|held| held.epoch)
    }

    /// Forgets a partition that has been let go of.
    pub fn forget(&self, key: &PartitionKey) {
        self.held().remove(key);
    }

    /// The last checkpoints of a partition, to be stored together with its release.
    pub fn last(&self, key: &PartitionKey, markers: &[(RouteEnd, Marker)]) -> Vec<FinalCheckpoint> {
        let last = |(end, marker): &(RouteEnd, Marker)| {
            let route = RouteKey { partition: key.clone(), destination: end.to_string() };
            let progress = self.progress(&route, marker).ok()?;
            Some(FinalCheckpoint { destination: route.destination, progress })
        };
        markers.iter().filter_map(last).collect()
    }

    fn held(&self) -> MutexGuard<'_, HashMap<PartitionKey, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn partition(&self, source: &StepName, partition: &PartitionId) -> PartitionKey {
        PartitionKey { run: self.run, source: source.as_str().to_owned(), partition: partition.0.clone() }
    }

    fn route(&self, route: &Route) -> RouteKey {
        RouteKey {
            partition: self.partition(&route.source, &route.partition),
            destination: route.end().to_string(),
        }
    }

    fn progress(&self, route: &RouteKey, marker: &Marker) -> Result<Progress, PortError> {
        let position = encode_marker(marker).map_err(|error| {
            PortError::defect(format!("the marker of `{}` cannot be written: {error}", route.destination))
        })?;
        let held = self.held();
        let stored = held.get(&route.partition).and_then(|held| held.stored.get(&route.destination));
        Ok(Progress { seq_from: stored.copied().unwrap_or_default(), seq_to: marker.seq, position })
    }

    fn item(&self, route: &Route, marker: &Marker) -> Result<CheckpointItem, PortError> {
        let route = self.route(route);
        let progress = self.progress(&route, marker)?;
        Ok(CheckpointItem { route, epoch: marker.epoch, progress })
    }

    fn note(&self, route: &RouteKey, seq: u64) {
        if let Some(held) = self.held().get_mut(&route.partition) {
            held.stored.insert(route.destination.clone(), seq);
        }
    }

    fn judge(&self, item: &CheckpointItem, advance: Advance) -> Result<(), PortError> {
        let partition = &item.route.partition.partition;
        match advance {
            Advance::Ok => self.note(&item.route, item.progress.seq_to),
            Advance::Duplicate { seq } => self.note(&item.route, seq),
            Advance::Fenced { epoch } => {
                let message = format!("partition `{partition}` has another owner now, of epoch {epoch}");
                return Err(PortError::passing(message));
            }
            Advance::Gap { .. } => {
                return Err(PortError::defect(format!("checkpoint of partition `{partition}`: {advance}")));
            }
            Advance::TooLarge { .. } => {
                let message = format!("the position of partition `{partition}` is too large: {advance}");
                let help = format!("the source must find positions of less than {MAX_POSITION} bytes");
                return Err(PortError { help: Some(help), ..PortError::defect(message) });
            }
        }
        Ok(())
    }
}

impl RunState for Ledger {
    fn raise_epoch(&self, source: &StepName, partition: &PartitionId) -> Result<u64, PortError> {
        let key = self.partition(source, partition);
        let holder = self.runtime.block_on(self.ownership.take(&key))?;
        self.held().insert(key, Held { epoch: holder.epoch, stored: HashMap::new() });
        Ok(holder.epoch)
    }

    fn checkpoint(&self, route: &Route) -> Result<Option<Marker>, PortError> {
        let key = self.route(route);
        let found = {
            let key = key.clone();
            self.consensus.read(move |state| state.checkpoints().get(&key).cloned())
        };
        let found = self.runtime.block_on(found).map_err(|error| PortError::passing(error.to_string()))?;
        let Some(found) = found else { return Ok(None) };
        self.note(&key, found.seq);
        match decode_marker(&found.position) {
            Some(marker) => Ok(Some(marker)),
            None => Err(PortError::defect(format!("the checkpoint of {route} cannot be read"))),
        }
    }

    fn store_checkpoints(&self, checkpoints: &[(Route, Marker)]) -> Vec<Result<(), PortError>> {
        let items: Vec<_> = checkpoints.iter().map(|(route, marker)| self.item(route, marker)).collect();
        let sent: Vec<CheckpointItem> = items.iter().filter_map(|item| item.as_ref().ok().cloned()).collect();
        let stored = self.runtime.block_on(self.checkpointer.store(sent));
        let mut advances = stored.as_ref().map(|advances| advances.iter().copied());
        items
            .into_iter()
            .map(|item| match (item, &mut advances) {
                (Err(error), _) => Err(error),
                (Ok(_), Err(error)) => Err((*error).clone()),
                (Ok(item), Ok(advances)) => match advances.next() {
                    Some(advance) => self.judge(&item, advance),
                    None => Ok(()),
                },
            })
            .collect()
    }
}
