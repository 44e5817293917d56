use std::sync::Arc;
use std::time::Duration;

use etl_engine::{Grantor, LeaseAnswer, LeaseRequest, TERM};
use etl_raft::consensus::Consensus;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

/// A leader that has made sure that it leads may grant for so long. Whoever leads after it waits as long, and a lease longer.
const CONFIRMED: Duration = Duration::from_millis(500);

/// Grants leases while this node leads. Clones are the same.
#[derive(Clone)]
pub(crate) struct Keeper {
    consensus: Consensus,
    kept: Arc<Mutex<Option<Kept>>>,
}

/// Of one leadership.
struct Kept {
    term: u64,
    grantor: Grantor,
    /// When it was asked for the last time whether this node leads, and it did.
    confirmed: Option<Instant>,
}

/// This node does not lead, or cannot tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotLeading;

impl Keeper {
    pub fn new(consensus: Consensus) -> Self {
        Self { consensus, kept: Arc::default() }
    }

    /// Answers a node, named by its number and that of its process.
    pub async fn answer(&self, asker: (u64, u64), request: &LeaseRequest) -> Result<LeaseAnswer, NotLeading> {
        let me = self.consensus.member().node;
        let mut kept = self.kept.lock().await;
        let status = self.consensus.status();
        if status.leader != Some(me) {
            *kept = None;
            return Err(NotLeading);
        }
        let term = status.term;
        let kept = match &mut *kept {
            Some(kept) if kept.term == term => kept,
            stale => stale.insert(Kept {
                term,
                grantor: Grantor::new(term, Instant::now() + CONFIRMED + TERM),
                confirmed: None,
            }),
        };
        let is_fresh = |at: &Instant| at.elapsed() < CONFIRMED / 2;
        if kept.confirmed.as_ref().is_none_or(|at| !is_fresh(at)) {
            let asked = Instant::now();
            let proved = timeout_at(asked + CONFIRMED, self.consensus.prove_leadership()).await;
            if !matches!(proved, Ok(Ok(()))) || self.consensus.status().term != term {
                return Err(NotLeading);
            }
            kept.confirmed = Some(asked);
        }
        let now = Instant::now();
        match kept.confirmed {
            Some(at) if now.saturating_duration_since(at) < CONFIRMED => {
                Ok(kept.grantor.answer(asker, request, now))
            }
            _ => Err(NotLeading),
        }
    }
}
