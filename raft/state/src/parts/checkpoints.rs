use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::command::Progress;
use crate::keys::{PartitionKey, RouteKey};
use crate::limits::{MAX_NAME, MAX_POSITION};
use crate::moment::Moment;
use crate::response::Advance;
use crate::table::{Record, RowKind, Rows, Table};

/// How far each route has come, in unfinished runs and in those finished ones after which another may go on.
#[derive(Debug, Clone, Default)]
pub struct Checkpoints {
    table: Table<Checkpoint>,
}

/// How far a route has come. The destination's marker may be ahead of it and is never behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Under which it was stored.
    pub epoch: u64,
    /// The last unit that is known to be durable at the destination.
    pub seq: u64,
    /// The place after it with the counters up to there, opaque here.
    #[serde(with = "serde_bytes")]
    pub position: Vec<u8>,
    /// When it was stored, in milliseconds since 1970.
    pub at_ms: u64,
}

impl Record for Checkpoint {
    type Key = RouteKey;
    const KIND: RowKind = RowKind::Checkpoint;
}

impl Checkpoints {
    /// How far a route has come; absent before its first checkpoint.
    pub fn get(&self, route: &RouteKey) -> Option<&Checkpoint> {
        self.table.get(route)
    }

    /// By run, source, partition and destination.
    pub fn iter(&self) -> impl Iterator<Item = (&RouteKey, &Checkpoint)> {
        self.table.iter()
    }

    /// Those of one run.
    pub fn of_run(&self, run: Uuid) -> impl Iterator<Item = (&RouteKey, &Checkpoint)> {
        let first = RouteKey { partition: PartitionKey::coordinator(run), destination: String::new() };
        self.table.range(first..).take_while(move |(key, _)| key.partition.run == run)
    }

    /// Those of one partition.
    pub fn of_partition(&self, partition: &PartitionKey) -> impl Iterator<Item = (&RouteKey, &Checkpoint)> {
        let first = RouteKey { partition: partition.clone(), destination: String::new() };
        self.table.range(first..).take_while(move |(key, _)| key.partition == *partition)
    }

    /// What storing this would do, by one who holds the partition.
    ///
    /// A sender whose last answer was lost sends what it sent before together with what has come since: that overlaps
    /// with what is stored and leaves no gap.
    pub(crate) fn judge(&self, route: &RouteKey, progress: &Progress) -> Advance {
        for (size, limit) in [(progress.position.len(), MAX_POSITION), (route.destination.len(), MAX_NAME)] {
            if size > limit {
                return Advance::TooLarge { size: size as u64, limit: limit as u64 };
            }
        }
        let seq = self.get(route).map_or(0, |known| known.seq);
        if progress.seq_to <= seq {
            Advance::Duplicate { seq }
        } else if progress.seq_from > seq {
            Advance::Gap { seq }
        } else {
            Advance::Ok
        }
    }

    /// Stores progress that [`Self::judge`] has found good; one that was stored before changes nothing.
    pub(crate) fn advance(&mut self, route: RouteKey, epoch: u64, progress: &Progress, at: Moment) {
        if self.judge(&route, progress) == Advance::Ok {
            let checkpoint = Checkpoint {
                epoch,
                seq: progress.seq_to,
                position: progress.position.clone(),
                at_ms: at.time_ms,
            };
            self.table.set(route, checkpoint);
        }
    }

    pub(crate) fn remove_run(&mut self, run: Uuid) {
        let keys: Vec<RouteKey> = self.of_run(run).map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.table.remove(&key);
        }
    }

    pub(crate) fn tables(&self) -> [&dyn Rows; 1] {
        [&self.table]
    }

    pub(crate) fn tables_mut(&mut self) -> [&mut dyn Rows; 1] {
        [&mut self.table]
    }
}
