use etl_proto::admin as wire;
use etl_raft_state::command::{FinishRun, HaltRun, ResumeRun};
use etl_raft_state::parts::Halt;
use etl_raft_state::{Response, RunOutcome, State};
use uuid::Uuid;

use super::Shared;
use super::run_target::{is_known, request_id, session, to_change, to_read, unknown_workflow};
use super::run_views::{RunReader, summary};
use super::workflows::unexpected;
use crate::model::{RunSummary, RunTarget};
use crate::refusal::Refusal;

impl Shared {
    pub(super) async fn pause_run(
        &self,
        request: wire::PauseRunRequest,
    ) -> Result<wire::PauseRunResponse, Refusal> {
        let id = request_id(&request.request_id)?;
        let (run, _) = self.run_to_change(request.target, id).await?;
        match self.write(session(id, run), HaltRun { run, halt: Halt::Paused, by: None }.into()).await? {
            Response::Done => {
                tracing::info!(%run, "the run is halted, as was asked for here");
                Ok(wire::PauseRunResponse { run: run.to_string() })
            }
            other => Err(unexpected(&other)),
        }
    }

    pub(super) async fn resume_run(
        &self,
        request: wire::ResumeRunRequest,
    ) -> Result<wire::ResumeRunResponse, Refusal> {
        let id = request_id(&request.request_id)?;
        let (run, version) = self.run_to_change(request.target, id).await?;
        match self.write(session(id, run), ResumeRun { run, version, takes_over: false }.into()).await? {
            Response::Done => {
                tracing::info!(%run, version, "the run goes on, as was asked for here");
                Ok(wire::ResumeRunResponse { run: run.to_string(), version })
            }
            other => Err(unexpected(&other)),
        }
    }

    pub(super) async fn stop_run(
        &self,
        request: wire::StopRunRequest,
    ) -> Result<wire::StopRunResponse, Refusal> {
        let id = request_id(&request.request_id)?;
        let (run, _) = self.run_to_change(request.target, id).await?;
        let stop = FinishRun { run, outcome: RunOutcome::Cancelled, by: None };
        match self.write(session(id, run), stop.into()).await? {
            Response::Done => {
                tracing::info!(%run, "the run is ended, as was asked for here");
                Ok(wire::StopRunResponse { run: run.to_string() })
            }
            other => Err(unexpected(&other)),
        }
    }

    /// The run that is meant, and its version of the workflow.
    async fn run_to_change(
        &self,
        target: Option<wire::RunTarget>,
        request: Option<Uuid>,
    ) -> Result<(Uuid, u64), Refusal> {
        let target = RunTarget::from_wire(target)?;
        let read = move |state: &State| {
            let run = to_change(state, &target, request)?;
            Ok::<_, Refusal>((run, state.runs().get(run).map_or(0, |known| known.version)))
        };
        self.consensus.read(read).await?
    }

    pub(super) async fn list_runs(
        &self,
        request: wire::ListRunsRequest,
    ) -> Result<wire::ListRunsResponse, Refusal> {
        let consistency = request.consistency();
        let wire::ListRunsRequest { workflow, limit, .. } = request;
        let limit = usize::try_from(limit).ok().filter(|&limit| limit > 0).unwrap_or(usize::MAX);
        let runs = self.read(consistency, move |state| list(state, &workflow, limit)).await??;
        Ok(wire::ListRunsResponse { runs: runs.iter().map(wire::RunSummary::from).collect() })
    }

    pub(super) async fn get_run(
        &self,
        request: wire::GetRunRequest,
    ) -> Result<wire::GetRunResponse, Refusal> {
        let consistency = request.consistency();
        let target = RunTarget::from_wire(request.target)?;
        let read = move |state: &State| {
            let run = to_read(state, &target)?;
            let mut reader = RunReader::new(run);
            let seen = reader.look(state);
            Ok::<_, Refusal>((reader, seen))
        };
        let (mut reader, seen) = self.read(consistency, read).await??;
        let mut view = seen.map(|seen| reader.view(seen));
        if let Some(view) = view.as_mut().filter(|view| view.has_dead_letters()) {
            let sights = self.duties.look_at_run(view.summary.run).await.into_iter();
            let with_letters = sights.filter(|(_, sight)| sight.dead_letters > 0);
            view.dead_letters = with_letters.map(|(node, sight)| (node, sight.dead_letters)).collect();
        }
        // What was found a moment ago in the same state is there.
        Ok(wire::GetRunResponse { run: view.as_ref().map(wire::RunView::from) })
    }
}

/// Newest first.
fn list(state: &State, workflow: &str, limit: usize) -> Result<Vec<RunSummary>, Refusal> {
    let mut found: Vec<_> =
        state.runs().iter().filter(|(_, run)| workflow.is_empty() || run.workflow == workflow).collect();
    if found.is_empty() && !workflow.is_empty() && !is_known(state, workflow) {
        return Err(unknown_workflow(workflow));
    }
    found.sort_by_key(|(id, run)| std::cmp::Reverse((run.created_index, *id)));
    Ok(found.into_iter().take(limit).map(|(id, run)| summary(state, id, run)).collect())
}
