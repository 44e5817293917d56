use std::collections::BTreeMap;

use etl_model::{Counters, Marker};
use etl_raft_state::parts::{AssignmentState, Halt, Run, RunPhase as AgreedPhase};
use etl_raft_state::{NodeId, PartitionKey, RouteKey, RunOutcome, State};
use uuid::Uuid;

use crate::model::{PartitionCounts, RouteTotals, RunPhase, RunSummary, RunView};

/// What a run is and where in its life.
pub(super) fn summary(state: &State, id: Uuid, run: &Run) -> RunSummary {
    let (phase, message, replaced_by) = match &run.phase {
        AgreedPhase::Queued => (RunPhase::Queued, None, None),
        AgreedPhase::Running => (RunPhase::Running, None, None),
        AgreedPhase::Halted(Halt::Paused) => (RunPhase::Paused, None, None),
        AgreedPhase::Halted(Halt::Failed { message })
        | AgreedPhase::Finished(RunOutcome::Failed { message }) => {
            (RunPhase::Failed, Some(message.clone()), None)
        }
        AgreedPhase::Finished(RunOutcome::Completed) => (RunPhase::Completed, None, None),
        AgreedPhase::Finished(RunOutcome::Cancelled) => (RunPhase::Cancelled, None, None),
        AgreedPhase::Finished(RunOutcome::Replaced { by }) => (RunPhase::Replaced, None, Some(*by)),
    };
    let held = |key: &PartitionKey| {
        !key.is_coordinator() && state.partitions().get(key).is_some_and(|partition| !partition.done)
    };
    let assignments = state.assignments().of_run(id);
    let assigned = assignments
        .filter(|(key, assignment)| assignment.state != AssignmentState::Released && held(key))
        .count();
    RunSummary {
        run: id,
        workflow: run.workflow.clone(),
        version: run.version,
        phase,
        message,
        replaced_by,
        schedule: run.schedule.clone(),
        pinned: run.pinned,
        hosts: run.hosts.clone(),
        parameters: run.parameters.clone(),
        created_at_ms: run.created_at_ms,
        finished_at_ms: run.finished_at_ms,
        partitions: PartitionCounts {
            total: state.partitions().count(id) as u64,
            open: state.partitions().open(id) as u64,
            assigned: assigned as u64,
            complete: run.discovered,
        },
    }
}

/// Tells how one run is, again and again: of its checkpoints it reads only those that have changed since the last time.
pub(super) struct RunReader {
    run: Uuid,
    /// By route, the unit of its last checkpoint and what that has counted; `None` when it cannot be read.
    known: BTreeMap<RouteKey, (u64, Option<Counters>)>,
}

/// What is taken out of the state while nothing is applied to it.
pub(super) struct Seen {
    summary: RunSummary,
    coordinator: Option<NodeId>,
    shards: BTreeMap<String, NodeId>,
    /// Checkpoints that have changed: unit and contents.
    changed: Vec<(RouteKey, u64, Vec<u8>)>,
}

impl RunReader {
    pub fn new(run: Uuid) -> Self {
        Self { run, known: BTreeMap::new() }
    }

    /// `None` when the run is not kept any more.
    pub fn look(&mut self, state: &State) -> Option<Seen> {
        let run = state.runs().get(self.run)?;
        let checkpoints = || state.checkpoints().of_run(self.run);
        if checkpoints().count() < self.known.len() {
            // They are kept or dropped together.
            self.known.clear();
        }
        let is_known = |key: &RouteKey, seq: u64| self.known.get(key).is_some_and(|(known, _)| *known == seq);
        let changed = checkpoints().filter(|(key, checkpoint)| !is_known(key, checkpoint.seq));
        let changed = changed.map(|(key, found)| (key.clone(), found.seq, found.position.clone())).collect();
        let coordinator = state.assignments().get(&PartitionKey::coordinator(self.run));
        let coordinator = coordinator.filter(|assignment| assignment.state != AssignmentState::Released);
        Some(Seen {
            summary: summary(state, self.run, run),
            coordinator: coordinator.map(|assignment| assignment.owner),
            shards: run.shards.clone(),
            changed,
        })
    }

    /// What was seen, with the totals.
    pub fn view(&mut self, seen: Seen) -> RunView {
        let Seen { summary, coordinator, shards, changed } = seen;
        for (key, seq, position) in changed {
            let counters = marker(&key, &position).map(|marker| marker.counters);
            self.known.insert(key, (seq, counters));
        }
        let mut totals: BTreeMap<(&str, &str), Counters> = BTreeMap::new();
        let mut unreadable_checkpoints = 0;
        for (key, (_, counters)) in &self.known {
            match counters {
                Some(counters) => {
                    // Behind a dot is the shard, if it is one.
                    let destination = key.destination.split('.').next().unwrap_or_default();
                    let route = (key.partition.source.as_str(), destination);
                    add(totals.entry(route).or_default(), counters);
                }
                None => unreadable_checkpoints += 1,
            }
        }
        let route = |((source, destination), counters): ((&str, &str), Counters)| RouteTotals {
            source: source.to_owned(),
            destination: destination.to_owned(),
            counters,
        };
        let routes = totals.into_iter().map(route).collect();
        let dead_letters = BTreeMap::new();
        RunView { summary, coordinator, shards, routes, unreadable_checkpoints, dead_letters }
    }
}

/// What a checkpoint holds; `None`, and a word in the log, when this software cannot read it.
pub(super) fn marker(route: &RouteKey, position: &[u8]) -> Option<Marker> {
    let marker = etl_cluster::decode_marker(position);
    if marker.is_none() {
        let RouteKey { partition: PartitionKey { run, source, partition }, destination } = route;
        tracing::warn!(%run, source, partition, destination, "a checkpoint cannot be read");
    }
    marker
}

/// Counters come from others: no sum of them is trusted to fit.
fn add(total: &mut Counters, counters: &Counters) {
    let Counters { read, delivered, filtered, dead_lettered, failed, created, bytes_read, bytes_written } =
        *counters;
    total.read = total.read.saturating_add(read);
    total.delivered = total.delivered.saturating_add(delivered);
    total.filtered = total.filtered.saturating_add(filtered);
    total.dead_lettered = total.dead_lettered.saturating_add(dead_lettered);
    total.failed = total.failed.saturating_add(failed);
    total.bytes_read = total.bytes_read.saturating_add(bytes_read);
    total.created = total.created.saturating_add(created);
    total.bytes_written = total.bytes_written.saturating_add(bytes_written);
}
