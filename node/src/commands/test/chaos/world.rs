use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use etl_engine::DeadLetter;
use etl_model::{Marker, PartitionId, Route, StepName};
use serde_json::{Value, json};

use super::found::{Found, Place};
use super::sink::Sink;

/// A partition with its source.
pub(super) type Partition = (StepName, PartitionId);

/// What outlives a process: what destinations have committed, the state of the run, dead letters, and how far sources have
/// been told that they may forget. Clones share it.
#[derive(Clone, Default)]
pub(super) struct World(Arc<Mutex<Content>>);

/// See [`World`].
#[derive(Default)]
pub(super) struct Content {
    pub rows: BTreeMap<Route, Vec<Value>>,
    pub markers: BTreeMap<Route, Marker>,
    /// Destinations that were completed.
    pub completed: BTreeSet<StepName>,
    pub epochs: HashMap<Partition, u64>,
    pub checkpoints: BTreeMap<Route, Marker>,
    /// Partitions in the order of their numbers.
    pub numbers: Vec<Partition>,
    /// By route and unit.
    pub letters: BTreeMap<(Route, u64), Vec<DeadLetter>>,
    pub acknowledged: HashMap<Partition, u64>,
}

impl World {
    /// All of it.
    pub fn lock(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What somebody sees who looks into the destinations and at the dead letters.
    pub fn found(&self, sinks: &BTreeMap<StepName, Sink>) -> Found {
        let content = self.lock();
        let mut found = Found::default();
        for (name, sink) in sinks {
            let of_sink = content.rows.iter().filter(|(route, _)| route.destination == *name);
            let rows = of_sink.flat_map(|(_, rows)| rows.clone()).collect();
            let is_shown = !sink.shows_at_end || content.completed.contains(name);
            let rows = if is_shown { sink.shown(rows) } else { Vec::new() };
            found.add(Place::Destination(name.clone()), rows);
        }
        for ((route, seq), letters) in &content.letters {
            let marker = content.markers.get(route).or_else(|| content.checkpoints.get(route));
            // Those of a unit that was never committed do not count.
            if marker.is_some_and(|marker| *seq <= marker.seq) {
                for DeadLetter { step, error, .. } in letters {
                    let letter = json!({ "code": error.code, "record": error.record });
                    found.add(Place::Letters(step.clone()), vec![letter]);
                }
            }
        }
        found
    }
}
