use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes in units of which permits are counted (a tokio semaphore counts in u32).
const GRAIN: usize = 1024;

/// The bytes a chain may hold in its chunks, batches and units; the only backpressure of the data path.
#[derive(Clone)]
pub(crate) struct ByteBudget {
    semaphore: Arc<Semaphore>,
    capacity: u32,
}

/// Bytes taken from a budget; dropping it anywhere gives them back.
#[derive(Debug)]
pub(crate) struct BytePermit(OwnedSemaphorePermit);

fn grains(bytes: usize, capacity: u32) -> u32 {
    u32::try_from(bytes.div_ceil(GRAIN)).unwrap_or(u32::MAX).clamp(1, capacity)
}

impl ByteBudget {
    /// A budget of so many bytes.
    pub fn new(bytes: usize) -> Self {
        let capacity = u32::try_from(bytes / GRAIN).unwrap_or(u32::MAX >> 3).clamp(1, u32::MAX >> 3);
        Self { semaphore: Arc::new(Semaphore::new(capacity as usize)), capacity }
    }

    /// Waits until the bytes are free. A request above the whole budget takes all of it, so that one oversized
    /// record passes alone instead of never.
    pub async fn acquire(&self, bytes: usize) -> Option<BytePermit> {
        let wanted = grains(bytes, self.capacity);
        Arc::clone(&self.semaphore).acquire_many_owned(wanted).await.ok().map(BytePermit)
    }

    /// Corrects a permit once the true size is known: gives back the surplus, or waits for what is missing.
    ///
    /// Only the one reader of a chain acquires, everybody else only gives back, so waiting here cannot deadlock.
    pub async fn resize(&self, permit: &mut BytePermit, bytes: usize) -> Option<()> {
        let (held, wanted) = (permit.0.num_permits() as u32, grains(bytes, self.capacity));
        if wanted > held {
            let more = Arc::clone(&self.semaphore).acquire_many_owned(wanted - held).await.ok()?;
            permit.0.merge(more);
        } else {
            permit.shrink(bytes);
        }
        Some(())
    }

    /// Bytes taken now, and all.
    pub fn taken(&self) -> (u64, u64) {
        let bytes = |grains: usize| (grains * GRAIN) as u64;
        let capacity = self.capacity as usize;
        (bytes(capacity.saturating_sub(self.semaphore.available_permits())), bytes(capacity))
    }

    /// Bytes taken now.
    #[cfg(test)]
    pub fn used(&self) -> usize {
        self.taken().0 as usize
    }
}

impl BytePermit {
    /// Gives back what exceeds `bytes`.
    pub fn shrink(&mut self, bytes: usize) {
        let keep = bytes.div_ceil(GRAIN).max(1);
        if let Some(surplus) = self.0.num_permits().checked_sub(keep).filter(|&n| n > 0) {
            drop(self.0.split(surplus));
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.0.num_permits() * GRAIN
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn permits_come_back_when_dropped_or_shrunk() {
        let budget = ByteBudget::new(100 * GRAIN);
        let mut permit = budget.acquire(60 * GRAIN).await.unwrap();
        assert_eq!(budget.used(), 60 * GRAIN);
        permit.shrink(10 * GRAIN);
        assert_eq!((budget.used(), permit.bytes()), (10 * GRAIN, 10 * GRAIN));
        budget.resize(&mut permit, 30 * GRAIN).await.unwrap();
        assert_eq!(budget.used(), 30 * GRAIN);
        drop(permit);
        assert_eq!(budget.used(), 0);
    }

    #[tokio::test]
    async fn one_oversized_record_passes_alone() {
        let budget = ByteBudget::new(4 * GRAIN);
        let small = budget.acquire(GRAIN).await.unwrap();
        let big = tokio::spawn({
            let budget = budget.clone();
            async move { budget.acquire(1 << 30).await.unwrap().bytes() }
        });
        drop(small);
        assert_eq!(big.await.unwrap(), 4 * GRAIN);
        assert_eq!(budget.used(), 0);
    }
}
