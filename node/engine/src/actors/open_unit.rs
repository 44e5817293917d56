use std::sync::Arc;
use std::time::{Duration, Instant};

use etl_model::{Counters, Marker, Position, Unit};

use crate::budget::BytePermit;
use crate::ports::DeadLetter;
use crate::watch::{Origin, Origins};

/// The unit a destination is filling: everything since the last commit.
#[derive(Debug, Default)]
pub(crate) struct OpenUnit {
    pub counters: Counters,
    pub position: Option<Position>,
    pub letters: Vec<DeadLetter>,
    /// Bytes of encoded rows.
    pub bytes: usize,
    permits: Vec<Arc<BytePermit>>,
    origins: Origins,
    since: Option<Instant>,
    /// Since when there is more in it than a position.
    filled: Option<Instant>,
}

/// How many intervals a unit waits that would commit nothing but a position: that of a shard which gets no rows.
const BARE: u32 = 8;

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
        let now = Instant::now();
        self.since.get_or_insert(now);
        if self.bytes > 0 || !self.letters.is_empty() || self.counters != Counters::default() {
            self.filled.get_or_insert(now);
        }
    }

    /// Notes where what was added last comes from.
    pub fn came_from(&mut self, origin: Origin) {
        self.origins.add(origin);
    }

    /// Where it comes from.
    pub fn origins(&self) -> Origins {
        self.origins.clone()
    }

    /// Whether anything has been added.
    pub fn is_empty(&self) -> bool {
        self.since.is_none()
    }

    /// Whether it should be committed now.
    pub fn is_due(&self, limits: &UnitLimits) -> bool {
        let held: usize = self.permits.iter().map(|permit| permit.bytes()).sum();
        let has_waited = |since: Option<Instant>, time| since.is_some_and(|since| since.elapsed() >= time);
        has_waited(self.filled, limits.interval)
            || has_waited(self.since, limits.interval * BARE)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_nothing_but_a_position_waits_longer() {
        let limits = UnitLimits { interval: Duration::ZERO, bytes: 100, permits: 100 };
        let later = UnitLimits { interval: Duration::from_secs(3600), ..limits };
        let position = Some(Position::start());
        let mut unit = OpenUnit::default();
        assert!(unit.is_empty() && !unit.is_due(&limits));
        unit.add(Counters::default(), position.clone(), Vec::new(), 0, None);
        assert!(!unit.is_empty() && unit.filled.is_none() && unit.is_due(&limits) && !unit.is_due(&later));
        unit.add(Counters { read: 1, filtered: 1, ..Counters::default() }, position, Vec::new(), 0, None);
        assert!(unit.filled.is_some() && !unit.is_due(&later));
        unit.add(Counters::default(), None, Vec::new(), 100, None);
        assert!(unit.is_due(&later));
    }
}
