use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::apply::Apply;
use crate::limits::{MAX_TEXT, within};
use crate::moment::Moment;
use crate::parts::{Run, RunOutcome, RunPhase};
use crate::rejection::{Kind, Rejection};
use crate::response::Response;
use crate::state::State;

/// Starts a run of a workflow. A workflow has one running run at most, because its runs share epochs and markers.
/// Answered by [`Response::RunStarted`], also when this very run was started before.
///
/// Refused: when the version in force is not the expected one, or another run than `replaces` is running.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartRun {
    /// Chosen by whoever proposes.
    pub run: Uuid,
    pub workflow: String,
    /// Absent for "whatever it is".
    pub expected_version: Option<u64>,
    /// The running run that this one takes the place of; absent for "none is running".
    pub replaces: Option<Uuid>,
}

/// Ends a run for good: its assignments go, and a run that waits for it begins. Answered by [`Response::Done`], also
/// when it had ended so before.
///
/// Refused: when it ended in another way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinishRun {
    pub run: Uuid,
    pub outcome: RunOutcome,
}

impl Apply for StartRun {
    fn apply(&self, state: &mut State, at: Moment) -> Result<Response, Rejection> {
        if let Some(known) = state.runs.get(self.run) {
            if known.workflow == self.workflow && known.phase == RunPhase::Running {
                return Ok(Response::RunStarted { version: known.version });
            }
            return Err(Rejection::RunExists { run: self.run });
        }
        let Some(workflow) = state.workflows.get(&self.workflow) else {
            return Err(Kind::Workflow.not_found(&self.workflow));
        };
        Kind::Workflow.expect_version(&self.workflow, self.expected_version, workflow.version)?;
        let run = Run {
            workflow: self.workflow.clone(),
            version: workflow.version,
            hash: workflow.hash,
            schedule: None,
            phase: RunPhase::Running,
            created_index: at.index,
            created_at_ms: at.time_ms,
            finished_at_ms: None,
        };
        let version = run.version;
        let active = state.runs.active(&self.workflow);
        if active != self.replaces {
            return Err(Rejection::RunConflict {
                workflow: self.workflow.clone(),
                expected: self.replaces,
                actual: active,
            });
        }
        if let Some(replaced) = active {
            state.end_run(replaced, RunOutcome::Replaced { by: self.run }, at);
        }
        state.start_run(self.run, run);
        Ok(Response::RunStarted { version })
    }
}

impl Apply for FinishRun {
    fn apply(&self, state: &mut State, at: Moment) -> Result<Response, Rejection> {
        if let RunOutcome::Failed { message } = &self.outcome {
            within("message of a failed run", message.len(), MAX_TEXT)?;
        }
        let Some(run) = state.runs.get(self.run) else {
            return Err(Kind::Run.not_found(&self.run.to_string()));
        };
        if let RunPhase::Finished(outcome) = &run.phase {
            if *outcome == self.outcome {
                return Ok(Response::Done);
            }
            return Err(Rejection::RunFinished { run: self.run });
        }
        let workflow = run.workflow.clone();
        state.end_run(self.run, self.outcome.clone(), at);
        if state.runs.active(&workflow).is_none() {
            state.runs.begin_queued(&workflow);
        }
        Ok(Response::Done)
    }
}
