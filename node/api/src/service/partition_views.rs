use std::collections::BTreeMap;

use etl_proto::admin as wire;
use etl_raft_state::parts::{Assignment, AssignmentState as AgreedState, Checkpoint, Partition, RunPhase};
use etl_raft_state::{PartitionKey, RouteKey, State};
use uuid::Uuid;

use super::Shared;
use super::run_target::to_read;
use super::run_views::marker;
use crate::model::{
    AssignmentState, AssignmentView, PartitionProgress, PartitionView, RunPartitions, RunTarget,
};
use crate::refusal::Refusal;

/// What is taken out of the state while nothing is applied to it.
struct Seen {
    run: Uuid,
    workflow: String,
    is_running: bool,
    partitions: Vec<(PartitionKey, Partition, Option<Assignment>)>,
    checkpoints: Vec<(RouteKey, Checkpoint)>,
}

impl Shared {
    pub(super) async fn list_partitions(
        &self,
        request: wire::ListPartitionsRequest,
    ) -> Result<RunPartitions, Refusal> {
        let consistency = request.consistency();
        let target = RunTarget::from_wire(request.target)?;
        let seen = self.read(consistency, move |state| Seen::read(state, &target)).await??;
        let is_running = seen.is_running;
        let mut listed = seen.describe();
        if is_running {
            let sights = self.duties.look_at_run(listed.run).await;
            for (source, partition, reason) in sights.into_values().flat_map(|sight| sight.waiting) {
                let is_it = |view: &&mut PartitionView| view.source == source && view.partition == partition;
                if let Some(view) = listed.partitions.iter_mut().find(is_it) {
                    view.waits_for = Some(reason);
                }
            }
        }
        Ok(listed)
    }
}

impl Seen {
    fn read(state: &State, target: &RunTarget) -> Result<Self, Refusal> {
        let run = to_read(state, target)?;
        let partitions = state
            .partitions()
            .of_run(run)
            .map(|(key, partition)| (key.clone(), partition.clone(), state.assignments().get(key).cloned()));
        let checkpoints = state.checkpoints().of_run(run);
        Ok(Self {
            run,
            is_running: state.runs().get(run).is_some_and(|known| known.phase == RunPhase::Running),
            workflow: state.runs().get(run).map_or_else(String::new, |known| known.workflow.clone()),
            partitions: partitions.collect(),
            checkpoints: checkpoints.map(|(key, checkpoint)| (key.clone(), checkpoint.clone())).collect(),
        })
    }

    fn describe(self) -> RunPartitions {
        let Self { run, workflow, partitions, checkpoints, .. } = self;
        let mut least: BTreeMap<PartitionKey, PartitionProgress> = BTreeMap::new();
        for (route, checkpoint) in checkpoints {
            let Some(progress) = progress(&route, &checkpoint) else { continue };
            let rank = |progress: &PartitionProgress| (progress.done, progress.position);
            let known = least.entry(route.partition).or_insert_with(|| progress.clone());
            if rank(&progress) < rank(known) {
                *known = progress;
            }
        }
        let view = |(key, partition, assignment): (PartitionKey, Partition, Option<Assignment>)| {
            let Partition { index, bytes, records, done } = partition;
            PartitionView {
                index,
                done,
                assignment: assignment.as_ref().map(describe_assignment),
                progress: least.remove(&key),
                bytes,
                records,
                waits_for: None,
                source: key.source,
                partition: key.partition,
            }
        };
        let mut partitions: Vec<_> = partitions.into_iter().map(view).collect();
        partitions.sort_by_key(|partition| partition.index);
        RunPartitions { run, workflow, partitions }
    }
}

fn describe_assignment(known: &Assignment) -> AssignmentView {
    AssignmentView {
        owner: known.owner,
        epoch: known.epoch,
        state: match known.state {
            AgreedState::Assigned => AssignmentState::Assigned,
            AgreedState::Draining { .. } => AssignmentState::Draining,
            AgreedState::Released => AssignmentState::Released,
        },
        claimed: known.claimed_by.is_some(),
        since_ms: known.since_ms,
    }
}

fn progress(route: &RouteKey, checkpoint: &Checkpoint) -> Option<PartitionProgress> {
    let marker = marker(route, &checkpoint.position)?;
    Some(PartitionProgress {
        destination: route.destination.clone(),
        unit: checkpoint.seq,
        position: marker.position.map_or(0, |position| position.next),
        counters: marker.counters,
        done: marker.done,
        at_ms: checkpoint.at_ms,
    })
}
