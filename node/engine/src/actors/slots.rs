use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use etl_model::StepName;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many writers of one destination may have a unit open at once, over all chains of a run in this process. First come,
/// first served.
#[derive(Clone, Default)]
pub(crate) struct Slots(Option<Arc<Counted>>);

struct Counted {
    semaphore: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// A slot taken; dropping it gives it to the next.
pub(crate) struct Slot {
    _permit: Option<OwnedSemaphorePermit>,
}

/// Somebody who waits for a slot.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Slots {
    /// So many slots; any number without a limit.
    pub fn new(writers: Option<NonZeroUsize>) -> Self {
        Self(writers.map(|writers| {
            let semaphore = Arc::new(Semaphore::new(writers.get().min(Semaphore::MAX_PERMITS)));
            Arc::new(Counted { semaphore, waiting: AtomicUsize::new(0) })
        }))
    }

    /// Waits for a slot.
    pub async fn take(&self) -> Slot {
        let Some(slots) = &self.0 else { return Slot { _permit: None } };
        let _waiting = Waiting::new(&slots.waiting);
        // They are never closed.
        Slot { _permit: Arc::clone(&slots.semaphore).acquire_owned().await.ok() }
    }

    /// Whether somebody waits, so that a unit should not stay open for want of rows.
    pub fn is_wanted(&self) -> bool {
        self.0.as_ref().is_some_and(|slots| slots.waiting.load(Ordering::Relaxed) > 0)
    }
}

/// The slots of each destination.
#[derive(Default)]
pub(crate) struct SlotsOfSteps(HashMap<StepName, Slots>);

impl SlotsOfSteps {
    /// Those of a destination that takes so many writers.
    pub fn of(&mut self, step: &StepName, writers: Option<NonZeroUsize>) -> Slots {
        self.0.entry(step.clone()).or_insert_with(|| Slots::new(writers)).clone()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn who_waits_is_seen_and_gets_the_slot_that_is_given_back() {
        let slots = Slots::new(NonZeroUsize::new(1));
        let first = slots.take().await;
        assert!(!slots.is_wanted());
        let mut second = Box::pin(slots.take());
        assert!(second.as_mut().now_or_never().is_none() && slots.is_wanted());
        drop(first);
        assert!(second.now_or_never().is_some() && !slots.is_wanted());
        let given_up = slots.take().await;
        let mut third = Box::pin(slots.take());
        assert!(third.as_mut().now_or_never().is_none());
        drop(third);
        assert!(!slots.is_wanted());
        drop(given_up);
        assert!(Slots::default().take().now_or_never().is_some());
    }
}
