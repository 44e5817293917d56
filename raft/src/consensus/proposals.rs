use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use etl_raft_state::Response;

use crate::error::Error;

/// What became of the commands that this node has brought before the cluster, since it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Proposals {
    /// They have acted.
    pub done: u64,
    /// The state has refused them.
    pub refused: u64,
    /// They have not acted and never will.
    pub not_done: u64,
    /// They may have acted.
    pub unknown: u64,
    /// How long all of them took together.
    pub time: Duration,
}

/// Counts commands.
#[derive(Debug, Default)]
pub(super) struct ProposalMeter {
    done: AtomicU64,
    refused: AtomicU64,
    not_done: AtomicU64,
    unknown: AtomicU64,
    micros: AtomicU64,
}

impl ProposalMeter {
    /// Waits for the outcome of a command, and counts it.
    pub async fn count(
        &self,
        write: impl Future<Output = Result<Response, Error>>,
    ) -> Result<Response, Error> {
        let began = Instant::now();
        let outcome = write.await;
        let took = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(took, Ordering::Relaxed);
        let count = match &outcome {
            Ok(Response::Rejected(_)) => &self.refused,
            Ok(_) => &self.done,
            Err(Error::Unknown(_) | Error::Stopped(_)) => &self.unknown,
            Err(_) => &self.not_done,
        };
        count.fetch_add(1, Ordering::Relaxed);
        outcome
    }

    pub fn told(&self) -> Proposals {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Proposals {
            done: of(&self.done),
            refused: of(&self.refused),
            not_done: of(&self.not_done),
            unknown: of(&self.unknown),
            time: Duration::from_micros(of(&self.micros)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_outcome_is_counted_once() {
        let meter = ProposalMeter::default();
        let lost = || Err(Error::Unknown("lost".to_owned()));
        assert!(meter.count(async { lost() }).await.is_err());
        assert!(meter.count(async { Err(Error::NoLeader("none".to_owned())) }).await.is_err());
        let told = meter.told();
        assert_eq!((told.done, told.refused, told.not_done, told.unknown), (0, 0, 1, 1));
    }
}
