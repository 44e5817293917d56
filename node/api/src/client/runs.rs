use etl_proto::admin as wire;
use uuid::Uuid;

use super::AdminClient;
use super::admin_client::{call, malformed, request_id, wire_consistency};
use super::run_log::RunLog;
use super::run_tap::RunTap;
use super::run_watch::RunWatch;
use crate::error::Error;
use crate::model::{
    Consistency, LogLevel, Reset, RunCheckpoints, RunOptions, RunPartitions, RunSummary, RunTarget, RunView,
    StartedRun, TapOptions,
};

impl AdminClient {
    /// Starts a run of a workflow, or continues the one that was halted.
    pub async fn run_workflow(&self, name: &str, options: &RunOptions) -> Result<StartedRun, Error> {
        let RunOptions { expected_version, restart, accept_changes, ref parameters } = *options;
        let request = wire::RunWorkflowRequest {
            name: name.to_owned(),
            expected_version,
            restart,
            accept_changes,
            parameters: parameters.clone().into_iter().collect(),
            // Becomes the id of a run that is started; it sorts by time.
            request_id: Uuid::now_v7().as_bytes().to_vec().into(),
        };
        let (server, answer) = call!(self, run_workflow, request, Repeatable, Fair).await?;
        answer.try_into().map_err(malformed(server))
    }

    /// Halts a run: its partitions commit what they have under way and stop. Returns the run.
    pub async fn pause_run(&self, target: &RunTarget) -> Result<Uuid, Error> {
        let request = wire::PauseRunRequest { target: Some(target.into()), request_id: request_id().into() };
        let (server, answer) = call!(self, pause_run, request, Repeatable, Fair).await?;
        crate::convert::uuid("run", &answer.run).map_err(malformed(server))
    }

    /// Continues a halted run with the version of the workflow that it has.
    pub async fn resume_run(&self, target: &RunTarget) -> Result<StartedRun, Error> {
        let request = wire::ResumeRunRequest { target: Some(target.into()), request_id: request_id().into() };
        let (server, answer) = call!(self, resume_run, request, Repeatable, Fair).await?;
        answer.try_into().map_err(malformed(server))
    }

    /// Ends a run for good; it cannot be continued. Returns the run.
    pub async fn stop_run(&self, target: &RunTarget) -> Result<Uuid, Error> {
        let request = wire::StopRunRequest { target: Some(target.into()), request_id: request_id().into() };
        let (server, answer) = call!(self, stop_run, request, Repeatable, Fair).await?;
        crate::convert::uuid("run", &answer.run).map_err(malformed(server))
    }

    /// Runs, newest first: those of one workflow or of all, at most `limit` of them.
    pub async fn list_runs(
        &self,
        workflow: Option<&str>,
        limit: Option<u32>,
        consistency: Consistency,
    ) -> Result<Vec<RunSummary>, Error> {
        let request = wire::ListRunsRequest {
            workflow: workflow.unwrap_or_default().to_owned(),
            limit: limit.unwrap_or(0),
            consistency: wire_consistency(consistency),
        };
        let (server, answer) = call!(self, list_runs, request, Read, Fair).await?;
        let runs = answer.runs.into_iter().map(RunSummary::try_from);
        runs.collect::<Result<_, _>>().map_err(malformed(server))
    }

    /// How a run is.
    pub async fn run(&self, target: &RunTarget, consistency: Consistency) -> Result<RunView, Error> {
        let request =
            wire::GetRunRequest { target: Some(target.into()), consistency: wire_consistency(consistency) };
        let (server, answer) = call!(self, get_run, request, Read, Fair).await?;
        RunView::from_wire(answer.run).map_err(malformed(server))
    }

    /// How a run is, again and again until it is over.
    pub fn watch_run(&self, target: &RunTarget) -> RunWatch {
        RunWatch::new(self.clone(), target.clone())
    }

    /// Records as they pass a step of a run that is not over.
    pub fn tap(&self, target: &RunTarget, options: TapOptions) -> RunTap {
        RunTap::new(self.clone(), target.clone(), options)
    }

    /// What all nodes have logged about a run that is at least so grave; with `follow` also what they log until it is over.
    pub fn run_log(&self, target: &RunTarget, least: LogLevel, follow: bool) -> RunLog {
        RunLog::new(self.clone(), target.clone(), least, follow)
    }

    /// The partitions of a run, by index.
    pub async fn run_partitions(
        &self,
        target: &RunTarget,
        consistency: Consistency,
    ) -> Result<RunPartitions, Error> {
        let request = wire::ListPartitionsRequest {
            target: Some(target.into()),
            consistency: wire_consistency(consistency),
        };
        let (server, answer) = call!(self, list_partitions, request, Read, Fair).await?;
        answer.try_into().map_err(malformed(server))
    }

    /// How far the routes of a run have come.
    pub async fn checkpoints(
        &self,
        target: &RunTarget,
        consistency: Consistency,
    ) -> Result<RunCheckpoints, Error> {
        let request = wire::ListCheckpointsRequest {
            target: Some(target.into()),
            consistency: wire_consistency(consistency),
        };
        let (server, answer) = call!(self, list_checkpoints, request, Read, Fair).await?;
        answer.try_into().map_err(malformed(server))
    }

    /// Lets the next run of a workflow begin anew: its halted run is given up, and how far its runs have come is forgotten.
    /// Refused while it is running.
    pub async fn reset_checkpoints(&self, workflow: &str) -> Result<Reset, Error> {
        let request =
            wire::ResetCheckpointsRequest { workflow: workflow.to_owned(), request_id: request_id().into() };
        let (server, answer) = call!(self, reset_checkpoints, request, Repeatable, Fair).await?;
        Reset::from_wire(workflow, &answer).map_err(malformed(server))
    }
}
