use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::command::Holder;
use crate::keys::{NodeId, PartitionKey};
use crate::moment::Moment;
use crate::rejection::Rejection;
use crate::table::{CowMap, Record, RowKind, Rows, Table};

/// Which node holds which partition of the unfinished runs.
#[derive(Debug, Clone, Default)]
pub struct Assignments {
    table: Table<Assignment>,
    by_owner: CowMap<(NodeId, PartitionKey), ()>,
}

/// Who holds a partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    pub owner: NodeId,
    /// The partition's last epoch.
    pub epoch: u64,
    pub state: AssignmentState,
    /// The owner's process that has claimed it, the only one that may use the epoch; absent before the claim.
    pub claimed_by: Option<u64>,
    /// When it came into this state, in milliseconds since 1970.
    pub since_ms: u64,
}

/// How far a hand-over is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum AssignmentState {
    /// The owner works on it, or is about to.
    Assigned,
    /// The owner finishes what it has under way, then lets go.
    Draining { to: Option<NodeId> },
    /// Nobody works on it.
    Released,
}

impl Record for Assignment {
    type Key = PartitionKey;
    const KIND: RowKind = RowKind::Assignment;
}

impl Assignment {
    /// Whether this process may commit under this epoch.
    pub fn is_held_by(&self, node: NodeId, incarnation: u64, epoch: u64) -> bool {
        self.owner == node
            && self.epoch == epoch
            && self.claimed_by == Some(incarnation)
            && self.state != AssignmentState::Released
    }

    pub(crate) fn check_owner(&self, partition: &PartitionKey, node: NodeId) -> Result<(), Rejection> {
        if self.owner == node {
            return Ok(());
        }
        Err(Rejection::NotOwner { partition: partition.clone(), node, owner: self.owner })
    }
}

impl Assignments {
    /// Who holds a partition; absent when it was never assigned in this run, or the run is finished.
    pub fn get(&self, partition: &PartitionKey) -> Option<&Assignment> {
        self.table.get(partition)
    }

    /// By run, source and partition.
    pub fn iter(&self) -> impl Iterator<Item = (&PartitionKey, &Assignment)> {
        self.table.iter()
    }

    /// Those of one run.
    pub fn of_run(&self, run: Uuid) -> impl Iterator<Item = (&PartitionKey, &Assignment)> {
        self.table.range(PartitionKey::coordinator(run)..).take_while(move |(key, _)| key.run == run)
    }

    /// Those of one node, also those that it has released and those that it has not claimed, by run, source and
    /// partition.
    pub fn of_owner(&self, node: NodeId) -> impl Iterator<Item = (&PartitionKey, &Assignment)> {
        let first = (node, PartitionKey::coordinator(Uuid::nil()));
        self.by_owner
            .range(first..)
            .take_while(move |((owner, _), ())| *owner == node)
            .filter_map(|((_, key), ())| Some((key, self.get(key)?)))
    }

    /// The assignment, when this process has it under this epoch, has claimed it and has not let go of it.
    pub(crate) fn held_by(&self, partition: &PartitionKey, holder: Holder) -> Result<&Assignment, Rejection> {
        let known = self.at_epoch(partition, holder.epoch)?;
        known.check_owner(partition, holder.node)?;
        let partition = || partition.clone();
        match known.claimed_by {
            _ if known.state == AssignmentState::Released => {
                Err(Rejection::Released { partition: partition() })
            }
            None => Err(Rejection::NotClaimed { partition: partition() }),
            Some(claimed_by) if claimed_by != holder.incarnation => {
                Err(Rejection::ClaimedByAnother { partition: partition() })
            }
            Some(_) => Ok(known),
        }
    }

    /// The assignment, when it has this epoch.
    pub(crate) fn at_epoch(&self, partition: &PartitionKey, epoch: u64) -> Result<&Assignment, Rejection> {
        match self.get(partition) {
            None => Err(Rejection::NotAssigned { partition: partition.clone() }),
            Some(known) if known.epoch != epoch => Err(Rejection::EpochConflict {
                partition: partition.clone(),
                expected: epoch,
                actual: known.epoch,
            }),
            Some(known) => Ok(known),
        }
    }

    pub(crate) fn set(&mut self, partition: PartitionKey, assignment: Assignment) {
        let owner = assignment.owner;
        match self.table.get(&partition).map(|before| before.owner) {
            Some(before) if before == owner => {}
            before => {
                if let Some(before) = before {
                    self.by_owner.remove(&(before, partition.clone()));
                }
                self.by_owner.insert((owner, partition.clone()), ());
            }
        }
        self.table.set(partition, assignment);
    }

    pub(crate) fn remove_run(&mut self, run: Uuid) {
        let keys: Vec<PartitionKey> = self.of_run(run).map(|(key, _)| key.clone()).collect();
        for key in keys {
            if let Some(removed) = self.table.remove(&key) {
                self.by_owner.remove(&(removed.owner, key));
            }
        }
    }

    /// Owners keep their partitions, but have to claim them again under the raised epoch.
    pub(crate) fn raise_all(&mut self, by: u64, at: Moment) {
        let raised: Vec<(PartitionKey, Assignment)> = self
            .iter()
            .map(|(key, known)| {
                let epoch = known.epoch.saturating_add(by);
                let raised = Assignment { epoch, claimed_by: None, since_ms: at.time_ms, ..known.clone() };
                (key.clone(), raised)
            })
            .collect();
        raised.into_iter().for_each(|(key, assignment)| self.set(key, assignment));
    }

    /// Finds the partitions of each node again after loading.
    pub(crate) fn index(&mut self) {
        self.by_owner = CowMap::default();
        for (key, assignment) in self.table.iter() {
            self.by_owner.insert((assignment.owner, key.clone()), ());
        }
    }

    pub(crate) fn tables(&self) -> [&dyn Rows; 1] {
        [&self.table]
    }

    pub(crate) fn tables_mut(&mut self) -> [&mut dyn Rows; 1] {
        [&mut self.table]
    }
}
