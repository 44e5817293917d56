use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use arrow::array::UInt32Array;
use arrow::compute::take_record_batch;
use etl_model::{Batch, PartitionId, RunId, StepName};
use tokio::sync::mpsc;

use super::bytes_of;
use super::sampling::Sampler;
use super::tap::TapOrder;
use crate::veil::Veil;

/// Samples that wait to be taken out of a tap.
const SAMPLES: usize = 64;
/// Records of one sample.
const RECORDS: usize = 1024;
/// Bytes that wait to be taken out of a tap.
const BYTES: usize = 4 << 20;

/// The chains' side of a tap.
pub(super) struct Feed {
    order: TapOrder,
    sampler: Mutex<Sampler>,
    seen: AtomicU64,
    /// Bytes of the samples that wait.
    waiting: AtomicUsize,
    samples: mpsc::Sender<Sample>,
}

/// Records of one batch that a tap has chosen.
pub(super) struct Sample {
    pub source: StepName,
    pub partition: PartitionId,
    pub rows: Batch,
    /// What is hidden of them.
    pub veil: Veil,
    bytes: usize,
}

impl Feed {
    pub fn new(order: TapOrder) -> (Self, mpsc::Receiver<Sample>) {
        let (samples, taken) = mpsc::channel(SAMPLES);
        let sampler = Mutex::new(Sampler::new(order.sampling, Instant::now()));
        let (seen, waiting) = (AtomicU64::new(0), AtomicUsize::new(0));
        (Self { order, sampler, seen, waiting, samples }, taken)
    }

    pub fn wants(&self, run: RunId, partition: &PartitionId, step: &StepName) -> bool {
        let TapOrder { run: wanted, step: at, partition: only, .. } = &self.order;
        *wanted == run && at == step && only.as_ref().is_none_or(|only| only == partition)
    }

    /// Records that have gone by.
    pub fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }

    /// Lets a batch go by. Chosen rows are copied, so that they do not keep the batch in memory; without room for them
    /// they are left out.
    pub fn offer(&self, source: &StepName, partition: &PartitionId, batch: &Batch, veil: &Veil) {
        self.seen.fetch_add(batch.len() as u64, Ordering::Relaxed);
        let Ok(place) = self.samples.try_reserve() else { return };
        let room = BYTES.saturating_sub(self.waiting.load(Ordering::Relaxed));
        let each = (bytes_of(batch.records()) / batch.len().max(1)).max(1);
        // A record larger than all the room there can be is shown alone.
        let limit = (room / each).max(usize::from(room == BYTES)).min(RECORDS);
        if limit == 0 {
            return;
        }
        let rows = {
            let mut sampler = self.sampler.lock().unwrap_or_else(PoisonError::into_inner);
            sampler.choose(batch.ordinals().values(), limit, Instant::now())
        };
        if rows.is_empty() {
            return;
        }
        let ordinals = rows.iter().filter_map(|&row| batch.ordinals().values().get(row as usize).copied());
        let ordinals = ordinals.collect::<Vec<u64>>();
        let Ok(records) = take_record_batch(batch.records(), &UInt32Array::from(rows)) else { return };
        let bytes = bytes_of(&records);
        let Ok(rows) = Batch::new(records, ordinals.into()) else { return };
        self.waiting.fetch_add(bytes, Ordering::Relaxed);
        let (source, partition, veil) = (source.clone(), partition.clone(), veil.clone());
        place.send(Sample { source, partition, rows, veil, bytes });
    }

    /// A sample was taken out.
    pub fn taken(&self, sample: &Sample) {
        self.waiting.fetch_sub(sample.bytes, Ordering::Relaxed);
    }
}
