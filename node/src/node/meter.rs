use std::collections::BTreeMap;
use std::sync::Arc;

use etl_api::HealthSight;
use etl_cluster::{Desk, Probe, RelayCounts, relay_counts};
use etl_raft::consensus::Consensus;
use etl_raft_state::parts::{Halt, Run, RunPhase};
use etl_raft_state::{NodeState, RunOutcome};
use etl_telemetry::{Sample, Sampler, catalog};

use super::probe::NodeProbe;
use crate::logging::LogCounts;

/// Tells what a node knows of the cluster and of itself whenever its metrics are asked for.
pub(super) struct NodeMeter {
    pub consensus: Consensus,
    pub desk: Desk,
    pub probe: Arc<NodeProbe>,
    pub sight: HealthSight,
    pub version: &'static str,
}

fn phase(run: &Run) -> &'static str {
    match &run.phase {
        RunPhase::Queued => "queued",
        RunPhase::Running => "running",
        RunPhase::Halted(Halt::Paused) => "paused",
        RunPhase::Halted(Halt::Failed { .. }) | RunPhase::Finished(RunOutcome::Failed { .. }) => "failed",
        RunPhase::Finished(RunOutcome::Completed) => "completed",
        RunPhase::Finished(RunOutcome::Cancelled) => "cancelled",
        RunPhase::Finished(RunOutcome::Replaced { .. }) => "replaced",
    }
}

fn state(state: NodeState) -> &'static str {
    match state {
        NodeState::Joining => "joining",
        NodeState::Up => "up",
        NodeState::Draining => "draining",
        NodeState::Down => "down",
        NodeState::Removed => "removed",
    }
}

fn flag(is_so: bool) -> f64 {
    if is_so { 1.0 } else { 0.0 }
}

impl NodeMeter {
    fn raft(&self, sample: &mut Sample) {
        let me = self.consensus.member().node;
        let status = self.consensus.status();
        sample.set(&catalog::RAFT_LEADS, &[], flag(status.leader == Some(me)));
        sample.set(&catalog::RAFT_HAS_LEADER, &[], flag(status.leader.is_some()));
        sample.set(&catalog::RAFT_TERM, &[], status.term as f64);
        sample.set(&catalog::RAFT_VOTERS, &[], status.voters.len() as f64);
        let indexes = [
            (&catalog::RAFT_LAST, status.last_index),
            (&catalog::RAFT_COMMITTED, status.committed),
            (&catalog::RAFT_APPLIED, status.applied),
            (&catalog::RAFT_SNAPSHOT, status.snapshot),
        ];
        for (metric, index) in indexes {
            sample.set(metric, &[], index.unwrap_or(0) as f64);
        }
        if let Some(silent) = status.quorum_silent {
            sample.set(&catalog::RAFT_QUORUM_SILENT, &[], silent.as_secs_f64());
        }
        let told = self.consensus.proposals();
        let outcomes = [
            ("done", told.done),
            ("refused", told.refused),
            ("not_done", told.not_done),
            ("unknown", told.unknown),
        ];
        for (outcome, count) in outcomes {
            sample.set(&catalog::RAFT_PROPOSALS, &[outcome], count as f64);
        }
        sample.set(&catalog::RAFT_PROPOSAL_SECONDS, &[], told.time.as_secs_f64());
        let last = status.last_index.unwrap_or(0);
        for (node, matched) in status.matched.iter().flatten().filter(|(node, _)| **node != me) {
            sample.set(&catalog::RAFT_LAG, &[&node.to_string()], last.saturating_sub(*matched) as f64);
        }
    }

    fn cluster(&self, sample: &mut Sample) {
        let (runs, nodes) = self.consensus.peek(|known| {
            let mut runs: BTreeMap<&'static str, u64> = BTreeMap::new();
            for (_, run) in known.runs().iter() {
                *runs.entry(phase(run)).or_default() += 1;
            }
            let mut nodes: BTreeMap<&'static str, u64> = BTreeMap::new();
            for (_, node) in known.nodes().iter() {
                *nodes.entry(state(node.state)).or_default() += 1;
            }
            (runs, nodes)
        });
        for known in ["queued", "running", "paused", "failed", "completed", "cancelled", "replaced"] {
            sample.set(&catalog::RUNS, &[known], runs.get(known).copied().unwrap_or(0) as f64);
        }
        for known in ["joining", "up", "draining", "down"] {
            sample.set(&catalog::NODES, &[known], nodes.get(known).copied().unwrap_or(0) as f64);
        }
        sample.set(&catalog::PROBLEMS, &[], self.sight.problems() as f64);
        sample.set(&catalog::READY, &[], flag(self.sight.unready().is_none()));
        breakers(&self.desk, sample);
    }
}

fn breakers(desk: &Desk, sample: &mut Sample) {
    for (breaker, (is_open, waiting)) in desk.breakers() {
        sample.set(&catalog::BREAKER_OPEN, &[&breaker], flag(is_open));
        sample.set(&catalog::BREAKER_WAITING, &[&breaker], waiting as f64);
    }
}

/// The circuit breakers of a run of this process alone.
pub(crate) struct BreakerMeter(pub Desk);

impl Sampler for BreakerMeter {
    fn sample(&self, sample: &mut Sample) {
        breakers(&self.0, sample);
    }
}

fn relay(sample: &mut Sample) {
    let RelayCounts { senders, hosts, sent, received, resent, lost, kept, credit } = relay_counts();
    for (role, channels) in [("sender", senders), ("host", hosts)] {
        sample.set(&catalog::RELAY_CHANNELS, &[role], channels as f64);
    }
    for (direction, (frames, bytes)) in [("sent", sent), ("received", received)] {
        sample.set(&catalog::RELAY_FRAMES, &[direction], frames as f64);
        sample.set(&catalog::RELAY_BYTES, &[direction], bytes as f64);
    }
    sample.set(&catalog::RELAY_KEPT, &[], kept as f64);
    sample.set(&catalog::RELAY_CREDIT, &[], credit as f64);
    sample.set(&catalog::RELAY_RESENT, &[], resent as f64);
    sample.set(&catalog::RELAY_STREAMS_LOST, &[], lost as f64);
}

impl Sampler for NodeMeter {
    fn sample(&self, sample: &mut Sample) {
        self.raft(sample);
        self.cluster(sample);
        relay(sample);
        let health = self.probe.look();
        sample.set(&catalog::DISK_FREE, &[], health.disk_free_bytes as f64);
        sample.set(&catalog::DISK_TOTAL, &[], health.disk_total_bytes as f64);
        sample.set(&catalog::RAFT_LOG_BYTES, &[], health.log_bytes as f64);
        sample.set(&catalog::RAFT_STATE_BYTES, &[], health.state_bytes as f64);
        let node = self.consensus.member().node.to_string();
        sample.set(&catalog::BUILD, &[self.version, &node], 1.0);
    }
}

/// Tells what was logged.
pub(crate) struct LogMeter(pub Arc<LogCounts>);

impl Sampler for LogMeter {
    fn sample(&self, sample: &mut Sample) {
        for (level, count) in self.0.by_level() {
            sample.set(&catalog::LOG_EVENTS, &[level], count as f64);
        }
        sample.set(&catalog::LOG_HELD_BACK, &[], self.0.held_back() as f64);
    }
}
