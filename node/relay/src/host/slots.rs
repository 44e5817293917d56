use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use etl_model::StepName;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

/// How many writers of a step may have a unit open at once, over all channels of a run. First come, first served.
#[derive(Default)]
pub(super) struct Slots(Mutex<HashMap<(Uuid, StepName), Weak<Semaphore>>>);

/// The slots of one step of one run.
#[derive(Clone)]
pub(super) struct StepSlots(Option<Arc<Semaphore>>);

/// A slot taken; dropping it gives it to the next.
pub(super) struct Slot {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Slots {
    /// The slots of a step; those of a run that nobody uses any more are forgotten.
    pub fn of(&self, run: Uuid, step: &StepName, writers: Option<NonZeroUsize>) -> StepSlots {
        let Some(writers) = writers else { return StepSlots(None) };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, slots| slots.strong_count() > 0);
        let key = (run, step.clone());
        if let Some(slots) = known.get(&key).and_then(Weak::upgrade) {
            return StepSlots(Some(slots));
        }
        let slots = Arc::new(Semaphore::new(writers.get().min(Semaphore::MAX_PERMITS)));
        known.insert(key, Arc::downgrade(&slots));
        StepSlots(Some(slots))
    }
}

impl StepSlots {
    /// Waits for a slot.
    pub async fn take(&self) -> Slot {
        match &self.0 {
            // They are never closed.
            Some(slots) => Slot { _permit: Arc::clone(slots).acquire_owned().await.ok() },
            None => Slot { _permit: None },
        }
    }
}
