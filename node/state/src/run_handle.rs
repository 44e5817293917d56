use std::collections::HashMap;

use etl_engine::{PartitionNumbers, PortError, RunState};
use etl_model::{Marker, PartitionId, Route, RouteEnd, RunId, StepName, WorkflowName};

use crate::StateError;
use crate::store::{Changes, Store};

/// The state of one run, as the engine sees it.
#[derive(Clone)]
pub struct RunHandle {
    store: Store,
    workflow: WorkflowName,
    run: RunId,
}

impl RunHandle {
    pub(crate) fn new(store: Store, workflow: WorkflowName, run: RunId) -> Self {
        Self { store, workflow, run }
    }

    fn checkpoint_prefix(&self) -> String {
        format!("checkpoint/{}/", self.run)
    }

    /// The partition comes last: it may hold any character, the other parts hold no slash.
    pub(crate) fn checkpoint_key(&self, route: &Route) -> String {
        format!("{}{}/{}/{}", self.checkpoint_prefix(), route.source, route.end(), route.partition)
    }

    pub(crate) fn partition_key(&self, (source, partition): &(StepName, PartitionId)) -> String {
        format!("partition/{}/{source}/{partition}", self.run)
    }

    fn numbers(&self) -> Result<HashMap<(StepName, PartitionId), usize>, StateError> {
        let listed = self.store.list::<usize>(&format!("partition/{}/", self.run))?;
        Ok(listed
            .into_iter()
            .filter_map(|(key, number)| {
                let (source, partition) = key.split_once('/')?;
                Some(((StepName::new(source).ok()?, PartitionId(partition.to_owned())), number))
            })
            .collect())
    }

    /// The partitions of the run, in the order of their numbers.
    pub(crate) fn numbered(&self) -> Result<Vec<(StepName, PartitionId)>, StateError> {
        let mut numbered: Vec<_> = self.numbers()?.into_iter().collect();
        numbered.sort_by_key(|(_, number)| *number);
        Ok(numbered.into_iter().map(|(partition, _)| partition).collect())
    }

    /// The last checkpoint of every route of the run.
    pub fn checkpoints(&self) -> Result<Vec<(Route, Marker)>, StateError> {
        let listed = self.store.list::<Marker>(&self.checkpoint_prefix())?;
        Ok(listed
            .into_iter()
            .filter_map(|(key, marker)| {
                let mut parts = key.splitn(3, '/');
                let (source, end, partition) = (parts.next()?, parts.next()?, parts.next()?);
                let RouteEnd { destination, shard } = end.parse().ok()?;
                let route = Route {
                    workflow: self.workflow.clone(),
                    source: StepName::new(source).ok()?,
                    partition: PartitionId(partition.to_owned()),
                    destination,
                    shard,
                };
                Some((route, marker))
            })
            .collect())
    }

    fn raise(&self, source: &StepName, partition: &PartitionId) -> Result<u64, StateError> {
        let key = format!("epoch/{}/{source}/{partition}", self.workflow);
        let epoch = self.store.get::<u64>(&key)?.unwrap_or(0) + 1;
        let mut changes = Changes::default();
        changes.put(&key, &epoch);
        self.store.apply(changes)?;
        Ok(epoch)
    }

    fn number(&self, partitions: &[(StepName, PartitionId)]) -> Result<Vec<usize>, StateError> {
        let mut known = self.numbers()?;
        let mut next = known.values().max().map_or(0, |number| number + 1);
        let mut changes = Changes::default();
        let mut numbers = Vec::with_capacity(partitions.len());
        for partition in partitions {
            let number = *known.entry(partition.clone()).or_insert_with(|| {
                changes.put(&self.partition_key(partition), &next);
                next += 1;
                next - 1
            });
            numbers.push(number);
        }
        self.store.apply(changes)?;
        Ok(numbers)
    }
}

impl RunState for RunHandle {
    fn raise_epoch(&self, source: &StepName, partition: &PartitionId) -> Result<u64, PortError> {
        Ok(self.raise(source, partition)?)
    }

    fn checkpoint(&self, route: &Route) -> Result<Option<Marker>, PortError> {
        Ok(self.store.get(&self.checkpoint_key(route))?)
    }

    fn store_checkpoints(&self, checkpoints: &[(Route, Marker)]) -> Vec<Result<(), PortError>> {
        let mut changes = Changes::default();
        for (route, marker) in checkpoints {
            changes.put(&self.checkpoint_key(route), marker);
        }
        let stored: Result<(), PortError> = self.store.apply(changes).map_err(PortError::from);
        checkpoints.iter().map(|_| stored.clone()).collect()
    }
}

impl PartitionNumbers for RunHandle {
    fn partitions(&self) -> Result<Vec<(StepName, PartitionId)>, PortError> {
        Ok(self.numbered()?)
    }

    fn number_partitions(&self, partitions: &[(StepName, PartitionId)]) -> Result<Vec<usize>, PortError> {
        Ok(self.number(partitions)?)
    }
}
