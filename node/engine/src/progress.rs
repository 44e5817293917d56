use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use etl_model::{Counters, Marker, PartitionId, Route, RouteEnd, StepName};

/// How far a run is, for whoever shows it. Cheap to update (a few times per chunk) and to read.
#[derive(Debug)]
pub struct Progress {
    started: Instant,
    table: Mutex<BTreeMap<(StepName, PartitionId), Entry>>,
}

#[derive(Debug, Default)]
struct Entry {
    bytes_total: Option<u64>,
    records_total: Option<u64>,
    state: State,
    waits_for: Option<String>,
    /// What is committed, and what is open.
    routes: BTreeMap<RouteEnd, (Counters, Counters)>,
    /// What earlier processes of the run had committed.
    inherited: BTreeMap<RouteEnd, Counters>,
}

impl Entry {
    /// By destination, over its shards: all totals, records whose outcome is committed, what earlier processes had.
    fn totals(&self) -> BTreeMap<&StepName, (Counters, u64, Counters)> {
        let mut totals: BTreeMap<&StepName, (Counters, u64, Counters)> = BTreeMap::new();
        for (end, (committed, open)) in &self.routes {
            let (total, outcome, inherited) = totals.entry(&end.destination).or_default();
            *total += *committed;
            *total += *open;
            *outcome += committed.read;
            *inherited += self.inherited.get(end).copied().unwrap_or_default();
        }
        totals
    }
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Waiting,
    Running,
    Retrying,
    Done,
}

/// One partition at one moment.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct PartitionProgress {
    /// The source step.
    pub source: StepName,
    /// The partition.
    pub partition: PartitionId,
    /// `waiting`, `running`, `retrying` or `done`.
    pub state: &'static str,
    /// What it waits for although it could go on, such as a circuit breaker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// Bytes the partition has, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_total: Option<u64>,
    /// Records the partition has, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records_total: Option<u64>,
    /// Totals of the run over the route that is furthest, what earlier processes committed included.
    pub counters: Counters,
    /// Records of `counters.read` whose outcome is committed.
    pub committed: u64,
    /// Records of `counters.read` that earlier processes of the run had read.
    pub inherited: u64,
    /// The same for bytes.
    pub inherited_bytes: u64,
}

/// A run at one moment.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ProgressSnapshot {
    /// Since this process began the run.
    pub elapsed: Duration,
    /// Every partition, by source and id.
    pub partitions: Vec<PartitionProgress>,
}

impl Default for Progress {
    fn default() -> Self {
        Self { started: Instant::now(), table: Mutex::default() }
    }
}

impl Progress {
    fn table(&self) -> MutexGuard<'_, BTreeMap<(StepName, PartitionId), Entry>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with(&self, route: &Route, change: impl FnOnce(&mut (Counters, Counters))) {
        let mut table = self.table();
        let entry = table.entry((route.source.clone(), route.partition.clone())).or_default();
        change(entry.routes.entry(route.end()).or_default());
    }

    pub(crate) fn discovered(
        &self,
        source: &StepName,
        partition: &PartitionId,
        bytes: Option<u64>,
        records: Option<u64>,
    ) {
        let mut table = self.table();
        let entry = table.entry((source.clone(), partition.clone())).or_default();
        (entry.bytes_total, entry.records_total) = (bytes, records);
    }

    pub(crate) fn opened(&self, route: &Route, marker: &Marker) {
        self.committed(route, marker);
        let mut table = self.table();
        let entry = table.entry((route.source.clone(), route.partition.clone())).or_default();
        entry.inherited.entry(route.end()).or_insert(marker.counters);
        entry.state = State::Running;
    }

    pub(crate) fn written(&self, route: &Route, counters: &Counters, bytes: usize) {
        self.with(route, |(_, open)| {
            *open += *counters;
            open.bytes_written += bytes as u64;
        });
    }

    pub(crate) fn committed(&self, route: &Route, marker: &Marker) {
        self.with(route, |counters| *counters = (marker.counters, Counters::default()));
    }

    pub(crate) fn retrying(&self, source: &StepName, partition: &PartitionId) {
        self.state(source, partition, State::Retrying);
    }

    pub(crate) fn done(&self, source: &StepName, partition: &PartitionId) {
        self.state(source, partition, State::Done);
    }

    /// Why a partition waits; `None` when it goes on.
    pub(crate) fn waits(&self, source: &StepName, partition: &PartitionId, why: Option<String>) {
        let mut table = self.table();
        table.entry((source.clone(), partition.clone())).or_default().waits_for = why;
    }

    fn state(&self, source: &StepName, partition: &PartitionId, state: State) {
        let mut table = self.table();
        table.entry((source.clone(), partition.clone())).or_default().state = state;
    }

    /// The run as it is now.
    pub fn snapshot(&self) -> ProgressSnapshot {
        let partitions = self
            .table()
            .iter()
            .map(|((source, partition), entry)| {
                let (counters, committed, inherited) =
                    entry.totals().into_values().max_by_key(|(total, _, _)| total.read).unwrap_or_default();
                PartitionProgress {
                    source: source.clone(),
                    partition: partition.clone(),
                    state: match entry.state {
                        State::Waiting => "waiting",
                        State::Running => "running",
                        State::Retrying => "retrying",
                        State::Done => "done",
                    },
                    waits_for: entry.waits_for.clone(),
                    bytes_total: entry.bytes_total,
                    records_total: entry.records_total,
                    counters,
                    committed,
                    inherited: inherited.read,
                    inherited_bytes: inherited.bytes_read,
                }
            })
            .collect();
        ProgressSnapshot { elapsed: self.started.elapsed(), partitions }
    }
}
