use std::sync::Arc;

use etl_engine::{DeadLetter, DeadLetters, PartitionNumbers, PortError, RunState};
use etl_model::{Marker, PartitionId, Route, RunId, StepName};

use super::life::Life;
use super::world::{Partition, World};

/// The state of the run and its dead letters, in memory.
pub(super) struct TwinState {
    pub life: Arc<Life>,
    pub world: World,
}

impl RunState for TwinState {
    fn raise_epoch(&self, source: &StepName, partition: &PartitionId) -> Result<u64, PortError> {
        self.life.durably_blocking(|| {
            let mut content = self.world.lock();
            let epoch = content.epochs.entry((source.clone(), partition.clone())).or_default();
            *epoch += 1;
            *epoch
        })
    }

    fn checkpoint(&self, route: &Route) -> Result<Option<Marker>, PortError> {
        self.life.durably_blocking(|| self.world.lock().checkpoints.get(route).cloned())
    }

    fn store_checkpoints(&self, checkpoints: &[(Route, Marker)]) -> Vec<Result<(), PortError>> {
        let store = || self.world.lock().checkpoints.extend(checkpoints.iter().cloned());
        let stored = self.life.durably_blocking(store);
        self.life.pass_blocking("checkpoint_stored");
        checkpoints.iter().map(|_| stored.clone()).collect()
    }
}

impl PartitionNumbers for TwinState {
    fn partitions(&self) -> Result<Vec<Partition>, PortError> {
        self.life.durably_blocking(|| self.world.lock().numbers.clone())
    }

    fn number_partitions(&self, partitions: &[Partition]) -> Result<Vec<usize>, PortError> {
        self.life.durably_blocking(|| {
            let numbers = &mut self.world.lock().numbers;
            let mut number = |partition: &Partition| match numbers.iter().position(|known| known == partition)
            {
                Some(number) => number,
                None => {
                    numbers.push(partition.clone());
                    numbers.len() - 1
                }
            };
            partitions.iter().map(&mut number).collect()
        })
    }
}

impl DeadLetters for TwinState {
    fn put(&self, _: RunId, route: &Route, seq: u64, letters: &[DeadLetter]) -> Result<(), PortError> {
        self.life.durably_blocking(|| {
            self.world.lock().letters.insert((route.clone(), seq), letters.to_vec());
        })?;
        self.life.pass_blocking("dead_letters_written");
        Ok(())
    }

    fn truncate(&self, _: RunId, route: &Route, seq: u64) -> Result<(), PortError> {
        self.life.durably_blocking(|| {
            self.world.lock().letters.retain(|(known, unit), _| known != route || *unit <= seq);
        })
    }
}
