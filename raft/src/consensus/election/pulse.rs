use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// What is heard from others about the leadership, shared by the service that hears it and the elector that acts on it.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    heard: AtomicU64,
    votes: AtomicU64,
    silence_ms: AtomicU64,
    hurry: Notify,
}

impl Pulse {
    /// A message of the leader has arrived.
    pub fn leader_heard(&self) {
        self.silence_ms.store(0, Ordering::Relaxed);
        self.heard.fetch_add(1, Ordering::Release);
    }

    /// This node has voted for another, who should have time to win.
    pub fn voted(&self) {
        self.votes.fetch_add(1, Ordering::Release);
    }

    /// Another node suspects the leader too, but this one has more of the log.
    pub fn suspicion_shared(&self) {
        self.hurry.notify_one();
    }

    /// For how long no message of a leader has arrived while this process was running.
    pub fn silence(&self) -> Duration {
        Duration::from_millis(self.silence_ms.load(Ordering::Relaxed))
    }

    pub(super) fn set_silence(&self, silence: Duration) {
        self.silence_ms.store(u64::try_from(silence.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How many messages and votes there have been.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.heard.load(Ordering::Acquire), self.votes.load(Ordering::Acquire))
    }

    /// Resolves when there is reason to stand at once.
    pub(super) async fn hurried(&self) {
        self.hurry.notified().await;
    }
}
