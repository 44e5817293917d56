use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::encoding_error::EncodingError;
use crate::keys::PartitionKey;
use crate::table::{Record, RowKind, Rows, Table};

/// What the runs have to read: the partitions that their sources were found to have, as long as the run's checkpoints
/// are kept.
#[derive(Debug, Clone, Default)]
pub struct Partitions {
    table: Table<Partition>,
    of_run: BTreeMap<Uuid, OfRun>,
}

/// How many partitions a run has.
#[derive(Debug, Clone, Copy, Default)]
struct OfRun {
    all: u64,
    done: u64,
}

/// A partition of a source in one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// Its number in the run, from 0, in the order in which the partitions became known. Never changes.
    pub index: u64,
    /// How much there is to read, in bytes, as the source has told last; absent when it cannot tell.
    pub bytes: Option<u64>,
    /// How many records there are to read, as the source has told last; absent when it cannot tell.
    pub records: Option<u64>,
    /// Whether it was read to its end and everything of it is durable at every destination.
    pub done: bool,
}

impl Record for Partition {
    type Key = PartitionKey;
    const KIND: RowKind = RowKind::Partition;
}

impl Partitions {
    /// A partition that was made known by the coordinator of its run.
    pub fn get(&self, partition: &PartitionKey) -> Option<&Partition> {
        self.table.get(partition)
    }

    /// By run, source and partition.
    pub fn iter(&self) -> impl Iterator<Item = (&PartitionKey, &Partition)> {
        self.table.iter()
    }

    /// Those of one run, by source and partition.
    pub fn of_run(&self, run: Uuid) -> impl Iterator<Item = (&PartitionKey, &Partition)> {
        self.table.range(PartitionKey::coordinator(run)..).take_while(move |(key, _)| key.run == run)
    }

    /// How many partitions of a run are known.
    pub fn count(&self, run: Uuid) -> usize {
        self.of_run.get(&run).map_or(0, |of_run| of_run.all as usize)
    }

    /// How many known partitions of a run are not done.
    pub fn open(&self, run: Uuid) -> usize {
        self.of_run.get(&run).map_or(0, |of_run| of_run.all.saturating_sub(of_run.done) as usize)
    }

    /// Makes a partition known under the next index of its run, or takes in the present size of one that is known and not
    /// done.
    pub(crate) fn tell(&mut self, key: &PartitionKey, bytes: Option<u64>, records: Option<u64>) {
        match self.get(key).cloned() {
            None => {
                let of_run = self.of_run.entry(key.run).or_default();
                let index = of_run.all;
                of_run.all = of_run.all.saturating_add(1);
                self.table.set(key.clone(), Partition { index, bytes, records, done: false });
            }
            Some(known) if known.done || (known.bytes, known.records) == (bytes, records) => {}
            Some(known) => self.table.set(key.clone(), Partition { bytes, records, ..known }),
        }
    }

    /// Marks a known partition done; one that was done before stays as it is.
    pub(crate) fn finish(&mut self, key: &PartitionKey) {
        let Some(known) = self.get(key).filter(|known| !known.done).cloned() else { return };
        let of_run = self.of_run.entry(key.run).or_default();
        of_run.done = of_run.done.saturating_add(1);
        self.table.set(key.clone(), Partition { done: true, ..known });
    }

    pub(crate) fn remove_run(&mut self, run: Uuid) {
        let keys: Vec<PartitionKey> = self.of_run(run).map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.table.remove(&key);
        }
        self.of_run.remove(&run);
    }

    /// Counts the partitions of each run again after loading.
    pub(crate) fn index(&mut self) -> Result<(), EncodingError> {
        let mut of_runs: BTreeMap<Uuid, OfRun> = BTreeMap::new();
        let mut indexes: BTreeMap<Uuid, Vec<u64>> = BTreeMap::new();
        for (key, partition) in self.table.iter() {
            let of_run = of_runs.entry(key.run).or_default();
            of_run.all = of_run.all.saturating_add(1);
            of_run.done = of_run.done.saturating_add(u64::from(partition.done));
            indexes.entry(key.run).or_default().push(partition.index);
        }
        for (run, mut indexes) in indexes {
            indexes.sort_unstable();
            if let Some(problem) =
                (0u64..).zip(indexes).find(|(number, index)| number != index).map(|(number, index)| {
                    format!("the partitions of run {run} are not numbered from 0: {index} for {number}")
                })
            {
                return Err(EncodingError::Malformed { what: RowKind::Partition.what(), problem });
            }
        }
        self.of_run = of_runs;
        Ok(())
    }

    pub(crate) fn tables(&self) -> [&dyn Rows; 1] {
        [&self.table]
    }

    pub(crate) fn tables_mut(&mut self) -> [&mut dyn Rows; 1] {
        [&mut self.table]
    }
}
