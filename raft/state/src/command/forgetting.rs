use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::apply::Apply;
use crate::moment::Moment;
use crate::parts::RunOutcome;
use crate::rejection::{Kind, Rejection};
use crate::response::Response;
use crate::state::State;

/// Lets the next run of a workflow begin anew: the halted run ends as cancelled, and how far it and those before it have
/// come is forgotten. What they have delivered stays, and so do epochs and markers. Answered by [`Response::Done`].
///
/// Refused: while a run of the workflow is running, and when the halted or the last finished run are not those that its
/// author has seen: it would forget what somebody has done since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForgetProgress {
    pub workflow: String,
    /// The halted run that is given up; absent for "there is none".
    pub halted: Option<Uuid>,
    /// The last run that is finished; absent for "there is none".
    pub last: Option<Uuid>,
}

impl Apply for ForgetProgress {
    fn apply(&self, state: &mut State, at: Moment) -> Result<Response, Rejection> {
        let workflow = &self.workflow;
        let active = state.runs.active(workflow);
        let last = state.runs.finished(workflow).next().map(|(run, _)| run);
        if active.is_none() && last.is_none() && state.workflows.get(workflow).is_none() {
            return Err(Kind::Workflow.not_found(workflow));
        }
        let running = active.filter(|run| state.runs.get(*run).is_some_and(|known| !known.is_halted()));
        if let Some(run) = running {
            return Err(Rejection::RunNotFinished { workflow: workflow.clone(), run });
        }
        for (expected, actual) in [(self.halted, active), (self.last, last)] {
            if expected != actual {
                return Err(Rejection::RunConflict { workflow: workflow.clone(), expected, actual });
            }
        }
        if let Some(halted) = active {
            state.end_run(halted, RunOutcome::Cancelled, at);
        }
        let finished: Vec<Uuid> = state.runs.finished(workflow).map(|(run, _)| run).collect();
        for run in finished {
            state.checkpoints.remove_run(run);
            state.partitions.remove_run(run);
        }
        state.runs.begin_queued(workflow);
        Ok(Response::Done)
    }
}
