use serde::{Deserialize, Serialize};

use crate::{Counters, Position, RunId};

/// What a destination stores in the same atomic step as the rows: the truth about how far a route has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// The run that wrote it.
    pub run: RunId,
    /// The ownership number of the partition at the last fence or commit.
    pub epoch: u64,
    /// The number of the last unit committed; 0 before the first.
    pub seq: u64,
    /// Where the next unit begins; `None` before the first unit of a run that starts at the beginning.
    pub position: Option<Position>,
    /// Totals of the run up to `position`.
    pub counters: Counters,
    /// Whether the partition's end has been committed.
    pub done: bool,
}

/// One atomic commit at a destination: the rows written since the last one, and the marker they carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// The marker after this unit. `seq` is exactly one above the marker before.
    pub marker: Marker,
}

/// A run's claim on a route, presented when it fences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The run that claims.
    pub run: RunId,
    /// Its ownership number: higher than every one before for this partition.
    pub epoch: u64,
    /// Where the run starts when the route has no marker of this run yet.
    pub start: Option<Position>,
    /// Runs known to have ended or to have been abandoned, whose markers this run may replace.
    pub replaces: Vec<RunId>,
}

/// What a fence has to do, given the marker that it found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fence {
    /// Store this marker (it differs from the stored one at least in its epoch).
    Store(Marker),
    /// The marker is already the claim's own: nothing to store.
    Held(Marker),
    /// A later owner has been here: stop for good.
    Fenced {
        /// The epoch found.
        epoch: u64,
        /// The run found.
        run: RunId,
    },
    /// The marker belongs to a run this node knows nothing of: the state directory and the destination disagree.
    Stranger {
        /// The run found.
        run: RunId,
    },
}

impl Claim {
    /// Decides what the fence does. Pure; every destination executes this decision atomically with what it found
    /// (design: fence = `marker.epoch := e where marker.epoch < e`).
    pub fn decide(&self, found: Option<&Marker>) -> Fence {
        let fresh = |epoch| Marker {
            run: self.run,
            epoch,
            seq: 0,
            position: self.start.clone(),
            counters: Counters::default(),
            done: false,
        };
        match found {
            None => Fence::Store(fresh(self.epoch)),
            Some(marker) if marker.run == self.run && marker.epoch == self.epoch => {
                Fence::Held(marker.clone())
            }
            Some(marker) if marker.epoch >= self.epoch => {
                Fence::Fenced { epoch: marker.epoch, run: marker.run }
            }
            Some(marker) if marker.run == self.run => {
                Fence::Store(Marker { epoch: self.epoch, ..marker.clone() })
            }
            Some(marker) if self.replaces.contains(&marker.run) => Fence::Store(fresh(self.epoch)),
            Some(marker) => Fence::Stranger { run: marker.run },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(run: RunId, epoch: u64) -> Marker {
        Marker {
            run,
            epoch,
            seq: 7,
            position: Some(Position { next: 42, cursor: serde_json::Value::Null }),
            counters: Counters::default(),
            done: false,
        }
    }

    #[test]
    fn a_fence_keeps_the_place_and_raises_the_epoch() {
        let run = RunId::generate();
        let claim = Claim { run, epoch: 3, start: None, replaces: vec![] };
        assert_eq!(claim.decide(Some(&marker(run, 2))), Fence::Store(marker(run, 3)));
        assert_eq!(claim.decide(Some(&marker(run, 3))), Fence::Held(marker(run, 3)));
        assert_eq!(claim.decide(Some(&marker(run, 4))), Fence::Fenced { epoch: 4, run });
    }

    #[test]
    fn only_a_known_run_is_replaced() {
        let (old, new) = (RunId::generate(), RunId::generate());
        let mut claim = Claim { run: new, epoch: 9, start: None, replaces: vec![] };
        assert_eq!(claim.decide(Some(&marker(old, 2))), Fence::Stranger { run: old });
        claim.replaces.push(old);
        assert!(matches!(claim.decide(Some(&marker(old, 2))), Fence::Store(m) if m.seq == 0 && m.epoch == 9));
        assert_eq!(claim.decide(Some(&marker(old, 9))), Fence::Fenced { epoch: 9, run: old });
    }
}
