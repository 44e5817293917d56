//! Records shown to whoever asks while they pass from step to step. The run never waits for a tap: what a tap cannot take
//! at once it is not given, and a run that nobody taps pays one relaxed load for every batch.

mod allowance;
mod chain_taps;
mod queue;
mod sampling;
mod tap;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::{fmt, mem};

use arrow::array::RecordBatch;

pub use allowance::Allowance;
pub(crate) use chain_taps::ChainTaps;
pub use sampling::Sampling;
pub use tap::{Tap, TapOrder, TappedRecord};

use queue::Feed;

/// Writes a row of a batch as JSON, as records are shown elsewhere.
pub type ShowRecord = fn(&RecordBatch, usize) -> serde_json::Value;

/// All taps of a process, over all runs and chains.
pub struct Taps {
    show: ShowRecord,
    /// How many there are. Taps look at records for people: one that opens while a batch passes may miss it.
    open: AtomicUsize,
    feeds: RwLock<Vec<Arc<Feed>>>,
}

impl Taps {
    /// Without a tap yet; `show` writes the records.
    pub fn new(show: ShowRecord) -> Self {
        Self { show, open: AtomicUsize::new(0), feeds: RwLock::default() }
    }

    /// Shows records from now on, of chains that run and of those that begin later, until the tap is dropped.
    pub fn open(self: &Arc<Self>, order: TapOrder) -> Tap {
        let (feed, samples) = Feed::new(order);
        let feed = Arc::new(feed);
        let mut feeds = self.feeds.write().unwrap_or_else(PoisonError::into_inner);
        feeds.push(Arc::clone(&feed));
        self.open.store(feeds.len(), Ordering::Relaxed);
        drop(feeds);
        Tap::new(Arc::clone(self), feed, samples)
    }

    /// How many taps are open.
    pub fn count(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    fn close(&self, feed: &Arc<Feed>) {
        let mut feeds = self.feeds.write().unwrap_or_else(PoisonError::into_inner);
        feeds.retain(|known| !Arc::ptr_eq(known, feed));
        self.open.store(feeds.len(), Ordering::Relaxed);
    }

    fn feeds(&self) -> Vec<Arc<Feed>> {
        self.feeds.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Taps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Taps").field("open", &self.count()).finish_non_exhaustive()
    }
}

/// Bytes that the rows of a batch occupy, without the rows around them of which they are a part.
fn bytes_of(records: &RecordBatch) -> usize {
    let columns = records.columns().iter().map(|column| {
        let data = column.to_data();
        data.get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size())
    });
    columns.fold(mem::size_of::<RecordBatch>(), usize::saturating_add)
}
