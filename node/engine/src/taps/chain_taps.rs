use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use etl_model::{Batch, PartitionId, RunId, StepName};

use super::Taps;
use crate::veil::Veil;

/// Where the batches of one chain can be tapped.
#[derive(Clone)]
pub(crate) struct ChainTaps {
    taps: Arc<Taps>,
    veil: Veil,
    run: RunId,
    source: StepName,
    partition: PartitionId,
}

impl ChainTaps {
    pub fn new(taps: Arc<Taps>, veil: Veil, run: RunId, source: StepName, partition: PartitionId) -> Self {
        Self { taps, veil, run, source, partition }
    }

    /// Whether anybody looks on.
    #[inline]
    pub fn are_open(&self) -> bool {
        self.taps.open.load(Ordering::Relaxed) > 0
    }

    /// Shows what passes at a step to whoever taps it: what leaves a source or transformation, what goes into a
    /// destination.
    #[inline]
    pub fn pass(&self, step: &StepName, batches: &[Batch]) {
        if self.are_open() {
            self.show(step, batches);
        }
    }

    #[cold]
    fn show(&self, step: &StepName, batches: &[Batch]) {
        for feed in self.taps.feeds() {
            if !feed.wants(self.run, &self.partition, step) {
                continue;
            }
            for batch in batches.iter().filter(|batch| !batch.is_empty()) {
                // A defect in what only looks on must not end the run.
                let shown = || feed.offer(&self.source, &self.partition, batch, &self.veil);
                if catch_unwind(AssertUnwindSafe(shown)).is_err() {
                    tracing::error!(%step, "a tap has failed; its record is not shown");
                }
            }
        }
    }
}
