use serde::{Deserialize, Serialize};

use super::apply::Apply;
use crate::content_hash::ContentHash;
use crate::limits::{self, MAX_DOCUMENT, within};
use crate::moment::Moment;
use crate::rejection::{Kind, Rejection};
use crate::response::{PutOutcome, Response};
use crate::state::State;

/// Makes a document the version in force of a workflow. Answered by [`Response::WorkflowPut`]; the same document as the
/// one in force makes no new version.
///
/// Refused: when the version in force is not the expected one, and another document under a known hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutWorkflow {
    pub name: String,
    /// YAML, at most [`limits::MAX_DOCUMENT`] bytes.
    pub document: String,
    pub hash: ContentHash,
    /// 0 for "it does not exist", absent for "whatever it is".
    pub expected_version: Option<u64>,
}

/// Takes a workflow out of force, and its schedules with it. Its versions stay readable, and their numbers are not given
/// again. Answered by [`Response::WorkflowDeleted`].
///
/// Refused: when the version in force is not the expected one, and while a run of it is not finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteWorkflow {
    pub name: String,
    /// Absent for "whatever it is".
    pub expected_version: Option<u64>,
}

impl Apply for PutWorkflow {
    fn apply(&self, state: &mut State, at: Moment) -> Result<Response, Rejection> {
        limits::name("workflow name", &self.name)?;
        within("workflow document", self.document.len(), MAX_DOCUMENT)?;
        let current = state.workflows.current_version(&self.name);
        Kind::Workflow.expect_version(&self.name, self.expected_version, current)?;
        if state.workflows.document(&self.hash).is_some_and(|known| known != self.document) {
            return Err(Rejection::HashConflict { hash: self.hash });
        }
        let in_force = state.workflows.get(&self.name).map(|workflow| workflow.hash);
        let outcome = match in_force {
            Some(hash) if hash == self.hash => {
                return Ok(Response::WorkflowPut { version: current, outcome: PutOutcome::Unchanged });
            }
            Some(_) => PutOutcome::Updated,
            None => PutOutcome::Created,
        };
        let version = state.workflows.put(&self.name, self.hash, &self.document, at.time_ms);
        Ok(Response::WorkflowPut { version, outcome })
    }
}

impl Apply for DeleteWorkflow {
    fn apply(&self, state: &mut State, at: Moment) -> Result<Response, Rejection> {
        let current = state.workflows.current_version(&self.name);
        if current == 0 {
            return Err(Kind::Workflow.not_found(&self.name));
        }
        Kind::Workflow.expect_version(&self.name, self.expected_version, current)?;
        if let Some(run) = state.runs.active(&self.name) {
            return Err(Rejection::RunNotFinished { workflow: self.name.clone(), run });
        }
        state.schedules.remove_of(&self.name);
        state.workflows.delete(&self.name, at.time_ms);
        Ok(Response::WorkflowDeleted { version: current })
    }
}
