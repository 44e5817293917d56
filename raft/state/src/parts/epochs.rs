use serde::{Deserialize, Serialize};

use crate::keys::EpochKey;
use crate::parts::Meta;
use crate::table::{Record, RowKind, Rows, Table};

/// The ownership number of every partition that was ever assigned. Goes up by one with each assignment and never down;
/// stays when runs and workflows go, because the markers at the destinations stay too.
#[derive(Debug, Clone, Default)]
pub struct Epochs {
    table: Table<Epoch>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Epoch {
    epoch: u64,
}

impl Record for Epoch {
    type Key = EpochKey;
    const KIND: RowKind = RowKind::Epoch;
}

impl Epochs {
    /// The last epoch of a partition; of one that was never assigned the floor in `meta`.
    pub fn current(&self, partition: &EpochKey, meta: &Meta) -> u64 {
        self.table.get(partition).map_or(meta.epoch_floor(), |row| row.epoch)
    }

    /// All partitions that were ever assigned, with their last epochs, by workflow.
    pub fn iter(&self) -> impl Iterator<Item = (&EpochKey, u64)> {
        self.table.iter().map(|(key, row)| (key, row.epoch))
    }

    pub(crate) fn highest(&self) -> u64 {
        self.iter().map(|(_, epoch)| epoch).max().unwrap_or(0)
    }

    pub(crate) fn raise(&mut self, partition: EpochKey, epoch: u64) {
        self.table.set(partition, Epoch { epoch });
    }

    /// The caller has made sure that none of them overflows.
    pub(crate) fn raise_all(&mut self, by: u64) {
        let raised: Vec<(EpochKey, u64)> =
            self.iter().map(|(key, epoch)| (key.clone(), epoch.saturating_add(by))).collect();
        raised.into_iter().for_each(|(key, epoch)| self.raise(key, epoch));
    }

    pub(crate) fn tables(&self) -> [&dyn Rows; 1] {
        [&self.table]
    }

    pub(crate) fn tables_mut(&mut self) -> [&mut dyn Rows; 1] {
        [&mut self.table]
    }
}
