use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// For how long a node may take it that its partitions are still its own: since the leader has last answered it.
///
/// For liveness only: it keeps a node that was cut off from working for nothing. What makes commits safe are fences.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    answered: watch::Receiver<Instant>,
    length: Duration,
}

impl Lease {
    pub fn new(answered: watch::Receiver<Instant>, length: Duration) -> Self {
        Self { answered, length }
    }

    /// Whether it has not run out.
    pub fn is_good(&self) -> bool {
        self.answered.borrow().elapsed() <= self.length
    }
}
