use std::ops::Range;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use etl_model::Position;
use etl_sdk::{Chunk, ConnectorError, Decoded, Fetched, PartitionReader};
use serde_json::{Value, json};

use super::rows::{BASE_ROW_BYTES, Numbering, batch};
use crate::BasicError;

/// With a rate, records are handed out in portions of this much time, so that a low rate does not wake the engine for
/// each and a high one does not flood it after a pause.
const PORTION: Duration = Duration::from_millis(50);
/// Time that may be caught up at once after the engine was busy.
const BURST: Duration = Duration::from_secs(1);

/// What a chunk and its reader know about the records of a partition.
#[derive(Debug, Clone, Copy)]
struct Recipe {
    numbering: Numbering,
    seed: u64,
    row_bytes: Option<u64>,
}

impl Recipe {
    fn position(&self, next: u64) -> Position {
        let Recipe { numbering, seed, row_bytes } = self;
        let cursor = json!({
            "seed": seed, "row_bytes": row_bytes, "first": numbering.first, "step": numbering.step,
        });
        Position { next, cursor }
    }
}

/// Reads one partition of a generator.
#[derive(Debug)]
pub(super) struct Reader {
    recipe: Recipe,
    records: Option<u64>,
    next: u64,
    chunk_rows: u64,
    pace: Option<Pace>,
}

impl Reader {
    pub(super) fn new(
        numbering: Numbering,
        records: Option<u64>,
        seed: u64,
        row_bytes: Option<u64>,
        chunk_rows: u64,
        rate: Option<f64>,
    ) -> Self {
        let pace = rate.map(|rate| Pace { rate, since: Instant::now(), taken: 0.0 });
        Self { recipe: Recipe { numbering, seed, row_bytes }, records, next: 0, chunk_rows, pace }
    }

    /// Goes on at a position, which must belong to the same records.
    pub(super) fn seek(&mut self, position: &Position) -> Result<(), BasicError> {
        let expected = self.recipe.position(position.next).cursor;
        if position.cursor != Value::Null && position.cursor != expected {
            return Err(BasicError::OtherRecords {
                difference: format!("{} then, {expected} now", position.cursor),
            });
        }
        if self.records.is_some_and(|records| position.next > records) {
            return Err(BasicError::OtherRecords {
                difference: format!(
                    "it came to record {}, this partition has {} now",
                    position.next,
                    self.records.unwrap_or_default()
                ),
            });
        }
        self.next = position.next;
        Ok(())
    }
}

#[async_trait]
impl PartitionReader for Reader {
    async fn next(&mut self) -> Result<Fetched, ConnectorError> {
        let left = self.records.map_or(u64::MAX - self.next, |records| records.saturating_sub(self.next));
        if left == 0 {
            return Ok(Fetched::End(self.recipe.position(self.next)));
        }
        let mut rows = left.min(self.chunk_rows);
        if let Some(pace) = &mut self.pace {
            match pace.take(rows, Instant::now()) {
                Ok(due) => rows = due,
                Err(pause) => return Ok(Fetched::Idle(pause)),
            }
        }
        let ordinals = self.next..self.next + rows;
        self.next = ordinals.end;
        Ok(Fetched::Chunk(Box::new(Section { recipe: self.recipe, ordinals })))
    }
}

/// How many records are due.
#[derive(Debug)]
struct Pace {
    rate: f64,
    since: Instant,
    taken: f64,
}

impl Pace {
    /// Takes up to `wanted` records that are due, or says how long to wait for the next portion.
    fn take(&mut self, wanted: u64, now: Instant) -> Result<u64, Duration> {
        let due = now.saturating_duration_since(self.since).as_secs_f64() * self.rate;
        let burst = (BURST.as_secs_f64() * self.rate).max(1.0);
        self.taken = self.taken.max(due - burst);
        let available = due - self.taken;
        let portion = (PORTION.as_secs_f64() * self.rate).min(wanted as f64).max(1.0).floor();
        if available < portion {
            // Bounded from below, so that rounding cannot make the engine spin.
            let seconds = ((portion - available) / self.rate).clamp(0.001, 3600.0);
            return Err(Duration::from_secs_f64(seconds));
        }
        let rows = (available.floor() as u64).clamp(1, wanted);
        self.taken += rows as f64;
        Ok(rows)
    }
}

/// A range of records still to be made.
struct Section {
    recipe: Recipe,
    ordinals: Range<u64>,
}

impl Section {
    fn rows(&self) -> u64 {
        self.ordinals.end - self.ordinals.start
    }

    fn bytes(&self) -> u64 {
        self.rows().saturating_mul(self.recipe.row_bytes.unwrap_or(BASE_ROW_BYTES))
    }
}

impl Chunk for Section {
    fn memory(&self) -> usize {
        // What it will occupy once it is decoded; the section itself is a few numbers.
        usize::try_from(self.bytes()).unwrap_or(usize::MAX)
    }

    fn source_bytes(&self) -> u64 {
        self.bytes()
    }

    fn end(&self) -> Position {
        self.recipe.position(self.ordinals.end)
    }

    fn decode(self: Box<Self>) -> Result<Decoded, ConnectorError> {
        let Recipe { numbering, seed, row_bytes } = self.recipe;
        let batch = batch(self.ordinals, numbering, seed, row_bytes)?;
        Ok(Decoded { batches: vec![batch], errors: Vec::new() })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_kept_without_bursts_after_a_long_pause() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut pace = Pace { rate: 1000.0, since: start, taken: 0.0 };
        assert_eq!(pace.take(10_000, at(0)), Err(Duration::from_millis(50)));
        assert_eq!(pace.take(10_000, at(50)), Ok(50));
        assert_eq!(pace.take(10_000, at(75)), Err(Duration::from_millis(25)));
        assert_eq!(pace.take(10_000, at(1050)), Ok(1000));
        assert_eq!(pace.take(100_000, at(60_000)), Ok(1000));
        assert_eq!(pace.take(30, at(60_040)), Ok(30));
    }

    #[test]
    fn a_rate_below_one_a_second_comes_one_by_one() {
        let start = Instant::now();
        let mut pace = Pace { rate: 0.5, since: start, taken: 0.0 };
        assert_eq!(pace.take(100, start), Err(Duration::from_secs(2)));
        assert_eq!(pace.take(100, start + Duration::from_secs(2)), Ok(1));
        assert_eq!(pace.take(100, start + Duration::from_secs(60)), Ok(1));
        assert_eq!(pace.take(100, start + Duration::from_secs(60)), Err(Duration::from_secs(2)));
    }
}
