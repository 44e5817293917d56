use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use etl_engine::{DeadLetter, DeadLetters, PartitionNumbers, PortError, RunState};
use etl_model::{Marker, PartitionId, Route, RunId, StepName};

/// Epochs, checkpoints and dead letters in memory. Clones share them.
#[derive(Clone, Default)]
pub struct MemoryState {
    pub epochs: Arc<Mutex<HashMap<(StepName, PartitionId), u64>>>,
    pub checkpoints: Arc<Mutex<HashMap<Route, Marker>>>,
    pub letters: Arc<Mutex<Letters>>,
    /// Called before letters are put.
    pub before_put: Option<Arc<dyn Fn() + Send + Sync>>,
    /// Called once checkpoints are stored, before that is told.
    pub after_store: Option<Arc<dyn Fn() + Send + Sync>>,
}

/// Letters by route and unit.
type Letters = HashMap<(Route, u64), Vec<DeadLetter>>;

impl MemoryState {
    /// Ordinals of all letters, sorted.
    pub fn letters(&self) -> Vec<u64> {
        let letters = self.letters.lock().unwrap();
        let mut ordinals: Vec<u64> = letters.values().flatten().map(|letter| letter.error.ordinal).collect();
        ordinals.sort_unstable();
        ordinals
    }
}

impl RunState for MemoryState {
    fn raise_epoch(&self, source: &StepName, partition: &PartitionId) -> Result<u64, PortError> {
        let mut epochs = self.epochs.lock().unwrap();
        let epoch = epochs.entry((source.clone(), partition.clone())).or_default();
        *epoch += 1;
        Ok(*epoch)
    }

    fn checkpoint(&self, route: &Route) -> Result<Option<Marker>, PortError> {
        Ok(self.checkpoints.lock().unwrap().get(route).cloned())
    }

    fn store_checkpoints(&self, checkpoints: &[(Route, Marker)]) -> Vec<Result<(), PortError>> {
        self.checkpoints.lock().unwrap().extend(checkpoints.iter().cloned());
        if let Some(after_store) = &self.after_store {
            after_store();
        }
        checkpoints.iter().map(|_| Ok(())).collect()
    }
}

impl PartitionNumbers for MemoryState {
    fn partitions(&self) -> Result<Vec<(StepName, PartitionId)>, PortError> {
        Ok(Vec::new())
    }

    fn number_partitions(&self, partitions: &[(StepName, PartitionId)]) -> Result<Vec<usize>, PortError> {
        Ok((0..partitions.len()).collect())
    }
}

impl DeadLetters for MemoryState {
    fn put(&self, _: RunId, route: &Route, seq: u64, letters: &[DeadLetter]) -> Result<(), PortError> {
        if let Some(before_put) = &self.before_put {
            before_put();
        }
        self.letters.lock().unwrap().insert((route.clone(), seq), letters.to_vec());
        Ok(())
    }

    fn truncate(&self, _: RunId, route: &Route, seq: u64) -> Result<(), PortError> {
        self.letters.lock().unwrap().retain(|(known, unit), _| known != route || *unit <= seq);
        Ok(())
    }
}
