use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The right to compute: one of as many as there are threads for it, over all chains of a process.
pub(crate) struct Turn {
    threads: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Turn {
    /// Waits for one.
    pub async fn take(threads: Arc<Semaphore>) -> Self {
        // It is never closed.
        let permit = Arc::clone(&threads).acquire_owned().await.ok();
        Self { threads, permit }
    }

    /// Lets others compute while `work` waits for something outside. To be called on a thread that may block.
    pub fn yielded<T>(&mut self, work: impl FnOnce() -> T) -> T {
        drop(self.permit.take());
        let result = work();
        self.permit = Handle::current().block_on(Arc::clone(&self.threads).acquire_owned()).ok();
        result
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn others_compute_while_one_waits_outside() {
        let threads = Arc::new(Semaphore::new(1));
        let mut turn = Turn::take(Arc::clone(&threads)).await;
        assert_eq!(threads.available_permits(), 0);
        let seen = Arc::clone(&threads);
        let turn = tokio::task::spawn_blocking(move || {
            assert_eq!(turn.yielded(|| seen.available_permits()), 1);
            turn
        });
        let turn = turn.await.unwrap();
        assert_eq!(threads.available_permits(), 0);
        drop(turn);
        assert_eq!(threads.available_permits(), 1);
    }
}
