use std::sync::Arc;
use std::time::{Duration, Instant};

use etl_model::{Counters, Marker, Position, Unit};

use crate::budget::BytePermit;
use crate::ports::DeadLetter;

/// The unit a destination is filling: everything since the last commit.
#[derive(Debug, Default)]
pub(crate) struct OpenUnit {
    pub counters: Counters,
    pub position: Option<Position>,
    pub letters: Vec<DeadLetter>,
    /// Bytes of encoded rows.
    pub bytes: usize,
    permits: Vec<Arc<BytePermit>>,
    since: Option<Instant>,
}

/// When a unit is committed although more is to come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UnitLimits {
    /// The longest time a row waits.
    pub interval: Duration,
    /// Bytes of encoded rows.
    pub bytes: usize,
    /// Bytes of permits the unit may hold.
    pub permits: usize,
}

impl OpenUnit {
    /// Adds what a chunk contributed. `held` is its permit if its rows stay in memory until the commit.
    pub fn add(
        &mut self,
        counters: Counters,
        position: Option<Position>,
        letters: Vec<DeadLetter>,
        bytes: usize,
        held: Option<Arc<BytePermit>>,
    ) {
        self.counters += counters;
        self.counters.bytes_written += bytes as u64;
        self.position = position.or(self.position.take());
        self.letters.extend(letters);
        self.bytes += bytes;
        self.permits.extend(held);
        self.since.get_or_insert_with(Instant::now);
    }

    /// Whether anything has been added.
    pub fn is_empty(&self) -> bool {
        self.since.is_none()
    }

    /// Whether it should be committed now.
    pub fn is_due(&self, limits: &UnitLimits) -> bool {
        let held: usize = self.permits.iter().map(|permit| permit.bytes()).sum();
        self.since.is_some_and(|since| since.elapsed() >= limits.interval)
            || self.bytes >= limits.bytes
            || held >= limits.permits
    }

    /// The unit that follows `marker`, with `end` as its position when the partition has ended there.
    pub fn unit(&self, marker: &Marker, end: Option<&Position>) -> Unit {
        let mut counters = marker.counters;
        counters += self.counters;
        let position = end.or(self.position.as_ref()).or(marker.position.as_ref()).cloned();
        Unit {
            marker: Marker {
                seq: marker.seq + 1,
                position,
                counters,
                done: end.is_some(),
                run: marker.run,
                epoch: marker.epoch,
            },
        }
    }
}
