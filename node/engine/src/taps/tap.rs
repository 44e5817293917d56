use std::collections::VecDeque;
use std::sync::Arc;

use etl_model::{PartitionId, RunId, StepName};
use tokio::sync::mpsc;

use super::queue::{Feed, Sample};
use super::{Sampling, Taps};

/// What is to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TapOrder {
    /// The run.
    pub run: RunId,
    /// A source or transformation, whose output is shown, or a destination, whose input is.
    pub step: StepName,
    /// Only this partition; of all when absent.
    pub partition: Option<PartitionId>,
    /// Which of the records.
    pub sampling: Sampling,
}

/// A record that has gone by.
#[derive(Debug, Clone, PartialEq)]
pub struct TappedRecord {
    /// The source from which it comes.
    pub source: StepName,
    /// The partition from which it comes.
    pub partition: PartitionId,
    /// Its ordinal in the partition.
    pub ordinal: u64,
    /// As JSON.
    pub record: serde_json::Value,
}

/// Shows records as they pass a step on this node; ends when it is dropped.
pub struct Tap {
    taps: Arc<Taps>,
    feed: Arc<Feed>,
    samples: mpsc::Receiver<Sample>,
    /// Of the last sample.
    ready: VecDeque<TappedRecord>,
}

impl Tap {
    pub(super) fn new(taps: Arc<Taps>, feed: Arc<Feed>, samples: mpsc::Receiver<Sample>) -> Self {
        Self { taps, feed, samples, ready: VecDeque::new() }
    }

    /// Records that have gone by since it was opened, shown or not.
    pub fn seen(&self) -> u64 {
        self.feed.seen()
    }

    /// The next record; waits for ever when none comes. Nothing is lost when it is not waited for any more.
    pub async fn next(&mut self) -> Option<TappedRecord> {
        while self.ready.is_empty() {
            let sample = self.samples.recv().await?;
            self.unpack(sample);
        }
        self.ready.pop_front()
    }

    /// The next record, if it is there already.
    pub fn try_next(&mut self) -> Option<TappedRecord> {
        while self.ready.is_empty() {
            let sample = self.samples.try_recv().ok()?;
            self.unpack(sample);
        }
        self.ready.pop_front()
    }

    fn unpack(&mut self, sample: Sample) {
        self.feed.taken(&sample);
        let Sample { source, partition, rows, veil, .. } = sample;
        let rows = match veil.over(rows) {
            Ok(rows) => rows,
            Err(error) => {
                tracing::error!(%source, %partition, %error, "records are not shown");
                return;
            }
        };
        let ordinals = rows.ordinals().values().iter();
        self.ready.extend(ordinals.enumerate().map(|(row, ordinal)| TappedRecord {
            source: source.clone(),
            partition: partition.clone(),
            ordinal: *ordinal,
            record: (self.taps.show)(rows.records(), row),
        }));
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.taps.close(&self.feed);
    }
}
