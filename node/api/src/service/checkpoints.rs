use etl_proto::admin as wire;
use etl_raft_state::command::ForgetProgress;
use etl_raft_state::parts::{Checkpoint, RunPhase as AgreedPhase};
use etl_raft_state::{Rejection, Response, RouteKey, RunOutcome, State};
use uuid::Uuid;

use super::Shared;
use super::run_target::{has_acted, is_known, request_id, session, to_read, unknown_workflow};
use super::run_views::{marker, summary};
use super::workflows::unexpected;
use crate::model::{CheckpointView, Reset, RunCheckpoints, RunSummary, RunTarget};
use crate::refusal::{Kind, Refusal};

/// How often a state that others change at the same time is read again.
const ATTEMPTS: usize = 5;

/// What is taken out of the state while nothing is applied to it.
struct Seen {
    summary: RunSummary,
    goes_on_after: Option<Uuid>,
    checkpoints: Vec<(RouteKey, Checkpoint)>,
}

/// What there is to forget of a workflow.
#[derive(Debug, PartialEq, Eq)]
struct Progress {
    halted: Option<Uuid>,
    last: Option<Uuid>,
    /// Whether a next run could go on from something.
    is_any: bool,
    /// Whether the request has acted before.
    has_acted: bool,
}

impl Shared {
    pub(super) async fn list_checkpoints(
        &self,
        request: wire::ListCheckpointsRequest,
    ) -> Result<RunCheckpoints, Refusal> {
        let consistency = request.consistency();
        let target = RunTarget::from_wire(request.target)?;
        let seen = self.read(consistency, move |state| Seen::read(state, &target)).await??;
        Ok(seen.describe())
    }

    pub(super) async fn reset_checkpoints(
        &self,
        request: wire::ResetCheckpointsRequest,
    ) -> Result<Reset, Refusal> {
        let wire::ResetCheckpointsRequest { workflow, request_id: id } = request;
        let id = request_id(&id)?;
        for _ in 0..ATTEMPTS {
            let name = workflow.clone();
            let progress = self.consensus.read(move |state| Progress::read(state, &name, id)).await??;
            let Progress { halted, last, is_any, has_acted } = progress;
            if has_acted {
                // Its answer was lost, and with it which run it has ended.
                return Ok(Reset { workflow, reset: true, ended_run: None });
            }
            if !is_any {
                return Ok(Reset { workflow, reset: false, ended_run: None });
            }
            let forget = ForgetProgress { workflow: workflow.clone(), halted, last };
            let session = session(id, halted.or(last).unwrap_or_default());
            match self.write_unless(session, forget.into()).await? {
                Ok(Response::Done) => return Ok(Reset { workflow, reset: true, ended_run: halted }),
                Ok(other) => return Err(unexpected(&other)),
                // Another change came between.
                Err(Rejection::RunConflict { .. } | Rejection::RunNotFinished { .. }) => {}
                Err(rejection) => return Err(rejection.into()),
            }
        }
        let message =
            format!("the runs of workflow `{workflow}` are being changed by others at the same time");
        Err(Refusal::new(Kind::Conflict, "conflict", message).help("try again"))
    }
}

impl Progress {
    fn read(state: &State, workflow: &str, request: Option<Uuid>) -> Result<Self, Refusal> {
        if !is_known(state, workflow) {
            return Err(unknown_workflow(workflow));
        }
        let runs = state.runs();
        let active = runs.active(workflow).and_then(|run| Some((run, runs.get(run)?)));
        if let Some((run, _)) = active.filter(|(_, known)| !known.is_halted()) {
            let message = format!("workflow `{workflow}` is running: run {run}");
            return Err(Refusal::new(Kind::Precondition, "run_active", message).help(format!(
                "halt it with `workflow pause {workflow}` or end it with `workflow stop {workflow}`, then reset it"
            )));
        }
        let halted = active.map(|(run, _)| run);
        let last = runs.finished(workflow).next().map(|(run, _)| run);
        let goes_on =
            runs.finished(workflow).any(|(run, _)| state.checkpoints().of_run(run).next().is_some());
        let has_acted = halted.or(last).is_some_and(|run| has_acted(state, request, run));
        Ok(Self { halted, last, is_any: halted.is_some() || goes_on, has_acted })
    }
}

impl Seen {
    fn read(state: &State, target: &RunTarget) -> Result<Self, Refusal> {
        let run = to_read(state, target)?;
        let known = state.runs().get(run).ok_or_else(|| {
            Refusal::new(Kind::NotFound, "not_found", format!("run {run} is not kept any more"))
        })?;
        let completed = AgreedPhase::Finished(RunOutcome::Completed);
        let last = state.runs().finished(&known.workflow).find(|(_, run)| run.phase == completed);
        let last = last.map(|(run, _)| run).filter(|run| state.checkpoints().of_run(*run).next().is_some());
        let checkpoints = state.checkpoints().of_run(run);
        Ok(Self {
            summary: summary(state, run, known),
            goes_on_after: last,
            checkpoints: checkpoints.map(|(key, checkpoint)| (key.clone(), checkpoint.clone())).collect(),
        })
    }

    fn describe(self) -> RunCheckpoints {
        let Self { summary: RunSummary { run, workflow, phase, .. }, goes_on_after, checkpoints } = self;
        let all = checkpoints.len();
        let checkpoints: Vec<CheckpointView> = checkpoints.into_iter().filter_map(describe).collect();
        let unreadable_checkpoints = (all - checkpoints.len()) as u64;
        RunCheckpoints { run, workflow, phase, goes_on_after, checkpoints, unreadable_checkpoints }
    }
}

fn describe((route, checkpoint): (RouteKey, Checkpoint)) -> Option<CheckpointView> {
    let marker = marker(&route, &checkpoint.position)?;
    let RouteKey { partition, destination } = route;
    Some(CheckpointView {
        source: partition.source,
        partition: partition.partition,
        destination,
        epoch: checkpoint.epoch,
        unit: checkpoint.seq,
        position: marker.position.map_or(0, |position| position.next),
        counters: marker.counters,
        done: marker.done,
        at_ms: checkpoint.at_ms,
    })
}
