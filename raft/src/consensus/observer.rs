use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::election::Pulse;
use super::leader::RaftHandle;
use super::status::Status;
use crate::network::Links;

/// Under load openraft reports thousands of times a second.
const LEAST_INTERVAL: Duration = Duration::from_millis(20);

/// Follows what openraft reports.
pub(super) struct Observer {
    pub raft: RaftHandle,
    pub links: Arc<Links>,
    pub pulse: Arc<Pulse>,
    pub election_max: Duration,
    /// One more than the index that is known to be committed.
    pub committed: Arc<AtomicU64>,
    pub status: watch::Sender<Status>,
}

impl Observer {
    /// Ends when consensus has stopped.
    pub async fn run(self) {
        let mut reports = self.raft.metrics();
        loop {
            let committed = self.raft.with_raft_state(|state| state.committed.map(|id| id.index)).await;
            let Ok(committed) = committed else { return };
            self.committed.fetch_max(committed.map_or(0, |index| index + 1), Ordering::Relaxed);
            let now = {
                let report = reports.borrow_and_update();
                let is_led = self.pulse.silence() <= self.election_max;
                Status::new(&report, committed, self.links.refusals(), is_led).in_whole_seconds()
            };
            self.links.retain(|node| now.peers.contains_key(&node) || now.leader == Some(node));
            self.status.send_if_modified(|before| {
                let news = *before != now;
                if news {
                    *before = now;
                }
                news
            });
            tokio::time::sleep(LEAST_INTERVAL).await;
            if reports.changed().await.is_err() {
                return;
            }
        }
    }
}
