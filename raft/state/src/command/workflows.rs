use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::apply::Apply;
use crate::content_hash::ContentHash;
use crate::keys::NodeId;
use crate::limits::{self, MAX_DOCUMENT, MAX_WORD, within};
use crate::moment::Moment;
use crate::parts::{CatchUp, Overlap, Schedule};
use crate::rejection::{Kind, Rejection};
use crate::response::{PutOutcome, Response};
use crate::state::State;

/// Makes a document the version in force of a workflow. Answered by [`Response::WorkflowPut`]; the same document as the
/// one in force makes no new version.
///
/// Its schedule, under the workflow's name, changes in the same step. While its cron expression and time zone stay, it
/// goes on with the tick it was at, so that no tick is lost or fires again.
///
/// Refused: when the version in force is not the expected one, another document under a known hash, and a schedule that is
/// tied to a node that is not a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutWorkflow {
    pub name: String,
    /// YAML, at most [`limits::MAX_DOCUMENT`] bytes.
    pub document: String,
    pub hash: ContentHash,
    /// 0 for "it does not exist", absent for "whatever it is".
    pub expected_version: Option<u64>,
    /// When it starts by itself, as the document says; absent for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<WorkflowSchedule>,
}

/// When a workflow starts by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkflowSchedule {
    /// As the user wrote it; whoever proposes has computed `next_fire_ms` from it.
    pub cron: String,
    /// An IANA name, such as `Europe/Berlin`.
    pub timezone: String,
    pub overlap: Overlap,
    pub catch_up: CatchUp,
    /// The first tick, in milliseconds since 1970.
    pub next_fire_ms: u64,
    /// The node to which the workflow's sources are local; absent when any node will do. As long as the document stays the
    /// same, the member it was tied to first keeps it.
    pub pinned: Option<NodeId>,
    /// The transformations and destinations that one node carries out; kept as `pinned` is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hosts: BTreeMap<String, NodeId>,
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
        if let Some(schedule) = &self.schedule {
            within("cron expression", schedule.cron.len(), MAX_WORD)?;
            within("time zone", schedule.timezone.len(), MAX_WORD)?;
            state.nodes.all_present(schedule.pinned, &schedule.hosts)?;
        }
        let in_force = state.workflows.get(&self.name).map(|workflow| workflow.hash);
        let outcome = match in_force {
            Some(hash) if hash == self.hash => {
                self.reschedule(state, true, at);
                return Ok(Response::WorkflowPut { version: current, outcome: PutOutcome::Unchanged });
            }
            Some(_) => PutOutcome::Updated,
            None => PutOutcome::Created,
        };
        let version = state.workflows.put(&self.name, self.hash, &self.document, at.time_ms);
        self.reschedule(state, false, at);
        Ok(Response::WorkflowPut { version, outcome })
    }
}

impl PutWorkflow {
    /// Makes the schedule of the workflow what the document says.
    fn reschedule(&self, state: &mut State, is_same_document: bool, at: Moment) {
        let known = state.schedules.get(&self.name).cloned();
        let Some(wanted) = &self.schedule else {
            if known.is_some_and(|known| known.workflow == self.name) {
                state.schedules.remove(&self.name);
            }
            return;
        };
        let has_same_ticks =
            |known: &&Schedule| known.cron == wanted.cron && known.timezone == wanted.timezone;
        let next_fire_ms =
            known.as_ref().filter(has_same_ticks).map_or(wanted.next_fire_ms, |known| known.next_fire_ms);
        let keeps = |node: &NodeId| is_same_document && state.nodes.present(*node).is_ok();
        let before = known.as_ref().and_then(|known| known.pinned).filter(keeps);
        let host_before = |step: &String| known.as_ref()?.hosts.get(step).copied().filter(keeps);
        let host = |(step, node): (&String, &NodeId)| (step.clone(), host_before(step).unwrap_or(*node));
        let hosts = wanted.hosts.iter().map(host).collect();
        let schedule = Schedule {
            version: known.as_ref().map_or(at.index, |known| known.version),
            workflow: self.name.clone(),
            cron: wanted.cron.clone(),
            timezone: wanted.timezone.clone(),
            overlap: wanted.overlap,
            catch_up: wanted.catch_up,
            next_fire_ms,
            last_run: known.as_ref().and_then(|known| known.last_run),
            pinned: wanted.pinned.map(|node| before.unwrap_or(node)),
            hosts,
        };
        if known.as_ref() != Some(&schedule) {
            state.schedules.set(&self.name, Schedule { version: at.index, ..schedule });
        }
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
