use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::apply::Apply;
use super::partitions::{Holder, PartitionClaim};
use crate::keys::NodeId;
use crate::limits::{MAX_NAME, MAX_PARAMETER, MAX_PARAMETERS, MAX_TEXT, within};
use crate::moment::Moment;
use crate::parts::{Halt, Run, RunOutcome, RunPhase};
use crate::rejection::{Kind, Rejection};
use crate::response::Response;
use crate::state::State;

/// Starts a run of a workflow. A workflow has one active run at most, because its runs share epochs and markers.
/// Answered by [`Response::RunStarted`], also when this very run was started before.
///
/// Refused: when the version in force is not the expected one, another run than `replaces` is running or halted,
/// the run or one of its steps is tied to a node that is not a member, or its parameters are over a limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartRun {
    /// Chosen by whoever proposes.
    pub run: Uuid,
    pub workflow: String,
    /// Absent for "whatever it is".
    pub expected_version: Option<u64>,
    /// The running or halted run that this one takes the place of; absent for "there is none".
    pub replaces: Option<Uuid>,
    /// The node to which its sources are local, where its partitions are worked on; absent when any node will do.
    pub pinned: Option<NodeId>,
    /// The transformations and destinations that one node carries out, whoever works on the partitions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hosts: BTreeMap<String, NodeId>,
    /// The values of the workflow's parameters; those that are not there have their defaults.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
}

/// Lets a run stop where it is, so that it can be resumed: nothing of it is assigned or claimed any more, and what is under
/// way is finished and let go of. Answered by [`Response::Done`], also when it was halted before; of two failures the first
/// is kept, and a failure takes the place of a pause.
///
/// Refused: when the run waits or is finished, as a pause when it has failed, and when another than `by` holds its
/// partition: what goes wrong with a partition that was taken over says nothing about the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HaltRun {
    pub run: Uuid,
    pub halt: Halt,
    /// The claim under which it was found that the run cannot go on; absent when somebody asks for it.
    pub by: Option<PartitionClaim>,
}

/// Lets a halted run go on, or a running one with another version. Answered by [`Response::Done`], also when it runs with this
/// version already.
///
/// With another version than before its partitions are looked for again, those that are known stay known, and its
/// assignments and the hosts of its shards go, so that nobody goes on under the former version: whoever owns a partition next
/// goes on behind its markers, as after the loss of a node.
///
/// Refused: when the run waits or is finished, with a version that is neither its own nor in force, and with another than
/// its own while it runs, unless it `takes_over`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResumeRun {
    pub run: Uuid,
    /// Of the workflow.
    pub version: u64,
    /// Whether the version takes the place of the run's own also while it runs.
    #[serde(default, skip_serializing_if = "is_false")]
    pub takes_over: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Ends a run for good: its assignments go, and a run that waits for it begins. Answered by [`Response::Done`], also
/// when it had ended so before.
///
/// Refused: when it ended in another way, when another than `by` holds its coordinator, and as completed by anybody but
/// the coordinator's holder, before all partitions are known, and while one of them is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinishRun {
    pub run: Uuid,
    pub outcome: RunOutcome,
    /// The holder of the run's coordinator, when it is the one to end the run; absent when somebody asks for it.
    pub by: Option<Holder>,
}

impl Apply for StartRun {
    fn apply(&self, state: &mut State, at: Moment) -> Result<Response, Rejection> {
        if let Some(known) = state.runs.get(self.run) {
            if known.workflow == self.workflow
                && matches!(known.phase, RunPhase::Running | RunPhase::Halted(_))
            {
                return Ok(Response::RunStarted { version: known.version });
            }
            return Err(Rejection::RunExists { run: self.run });
        }
        let Some(workflow) = state.workflows.get(&self.workflow) else {
            return Err(Kind::Workflow.not_found(&self.workflow));
        };
        Kind::Workflow.expect_version(&self.workflow, self.expected_version, workflow.version)?;
        state.nodes.all_present(self.pinned, &self.hosts)?;
        check_parameters(&self.parameters)?;
        let run = Run {
            workflow: self.workflow.clone(),
            version: workflow.version,
            hash: workflow.hash,
            schedule: None,
            phase: RunPhase::Running,
            pinned: self.pinned,
            hosts: self.hosts.clone(),
            parameters: self.parameters.clone(),
            tick_ms: None,
            shards: BTreeMap::new(),
            discovered: false,
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

impl Apply for HaltRun {
    fn apply(&self, state: &mut State, _at: Moment) -> Result<Response, Rejection> {
        if let Halt::Failed { message } = &self.halt {
            check_message(message)?;
        }
        let Some(run) = state.runs.get(self.run).cloned() else {
            return Err(Kind::Run.not_found(&self.run.to_string()));
        };
        match (&run.phase, &self.halt) {
            (RunPhase::Queued, _) => return Err(Rejection::RunQueued { run: self.run }),
            (RunPhase::Finished(_), _) => return Err(Rejection::RunFinished { run: self.run }),
            (RunPhase::Halted(Halt::Failed { .. }), Halt::Paused) => {
                return Err(Rejection::RunHalted { run: self.run });
            }
            (RunPhase::Halted(Halt::Failed { .. }), Halt::Failed { .. })
            | (RunPhase::Halted(Halt::Paused), Halt::Paused) => {}
            (RunPhase::Running, _) | (RunPhase::Halted(Halt::Paused), Halt::Failed { .. }) => {
                if let Some(claim) = &self.by {
                    claim.check(state, self.run)?;
                }
                state.runs.set(self.run, Run { phase: RunPhase::Halted(self.halt.clone()), ..run });
            }
        }
        Ok(Response::Done)
    }
}

impl Apply for ResumeRun {
    fn apply(&self, state: &mut State, _at: Moment) -> Result<Response, Rejection> {
        let Some(run) = state.runs.get(self.run).cloned() else {
            return Err(Kind::Run.not_found(&self.run.to_string()));
        };
        let is_same = run.version == self.version;
        match run.phase {
            RunPhase::Queued => return Err(Rejection::RunQueued { run: self.run }),
            RunPhase::Finished(_) => return Err(Rejection::RunFinished { run: self.run }),
            RunPhase::Running if is_same => return Ok(Response::Done),
            RunPhase::Running if !self.takes_over => {
                Kind::Workflow.expect_version(&run.workflow, Some(self.version), run.version)?;
            }
            RunPhase::Running | RunPhase::Halted(_) => {}
        }
        if is_same {
            state.runs.set(self.run, Run { phase: RunPhase::Running, ..run });
            return Ok(Response::Done);
        }
        let Some(workflow) = state.workflows.get(&run.workflow) else {
            return Err(Kind::Workflow.not_found(&run.workflow));
        };
        let (version, hash) = (workflow.version, workflow.hash);
        Kind::Workflow.expect_version(&run.workflow, Some(self.version), version)?;
        state.workflows.hold(hash);
        state.workflows.release(run.hash);
        state.assignments.remove_run(self.run);
        let resumed = Run {
            version,
            hash,
            phase: RunPhase::Running,
            discovered: false,
            shards: BTreeMap::new(),
            ..run
        };
        state.runs.set(self.run, resumed);
        Ok(Response::Done)
    }
}

impl Apply for FinishRun {
    fn apply(&self, state: &mut State, at: Moment) -> Result<Response, Rejection> {
        if let RunOutcome::Failed { message } = &self.outcome {
            check_message(message)?;
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
        let (workflow, discovered) = (run.workflow.clone(), run.discovered);
        if let Some(holder) = self.by {
            state.check_coordinator(self.run, holder)?;
        }
        if self.outcome == RunOutcome::Completed {
            if self.by.is_none() {
                let problem = "only the holder of the run's coordinator knows it".to_owned();
                return Err(Rejection::Invalid { what: "outcome `completed`".to_owned(), problem });
            }
            let open = state.partitions.open(self.run) as u64;
            if open > 0 || !discovered {
                return Err(Rejection::RunIncomplete { run: self.run, discovered, open });
            }
        }
        state.end_run(self.run, self.outcome.clone(), at);
        if state.runs.active(&workflow).is_none() {
            state.runs.begin_queued(&workflow);
        }
        Ok(Response::Done)
    }
}

fn check_parameters(parameters: &BTreeMap<String, String>) -> Result<(), Rejection> {
    within("parameters of a run", parameters.len(), MAX_PARAMETERS)?;
    parameters.iter().try_for_each(|(name, value)| {
        within("parameter name", name.len(), MAX_NAME)?;
        within("value of a parameter", value.len(), MAX_PARAMETER)
    })
}

fn check_message(message: &str) -> Result<(), Rejection> {
    within("message of a failed run", message.len(), MAX_TEXT)
}
