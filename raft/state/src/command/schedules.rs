use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::apply::Apply;
use crate::keys::NodeId;
use crate::limits::{self, MAX_WORD, within};
use crate::moment::Moment;
use crate::parts::{CatchUp, Halt, Overlap, Run, RunOutcome, RunPhase, Schedule};
use crate::rejection::{Kind, Rejection};
use crate::response::{Fired, Response};
use crate::state::State;

/// Starts a workflow again and again. Answered by [`Response::Stored`].
///
/// Refused: when the schedule's version is not the expected one, the workflow does not exist, or the schedule is tied to a
/// node that is not a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutSchedule {
    pub name: String,
    pub workflow: String,
    /// As the user wrote it; whoever proposes has computed `next_fire_ms` from it.
    pub cron: String,
    /// An IANA name, such as `Europe/Berlin`.
    pub timezone: String,
    pub overlap: Overlap,
    pub catch_up: CatchUp,
    /// Milliseconds since 1970.
    pub next_fire_ms: u64,
    /// 0 for "it does not exist", absent for "whatever it is".
    pub expected_version: Option<u64>,
    /// The node to which the workflow's sources are local; absent when any node will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<NodeId>,
    /// The transformations and destinations that one node carries out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hosts: BTreeMap<String, NodeId>,
}

/// One tick of a schedule: compare-and-set on its next time, and creates the run in the same step, so that a tick has
/// one run over any change of leaders. Answered by [`Response::Fired`].
///
/// As when somebody asks for a run, one that has failed goes on instead, unless the workflow has another version since or
/// the tick is to replace it. When the schedule is tied to a node that is not a member any more, the run begins as a failed
/// one that says so.
///
/// Refused: when the next time is not the expected one, is not due yet, or would not advance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FireSchedule {
    pub name: String,
    pub expected_next_fire_ms: u64,
    /// The time of the tick after this one.
    pub next_fire_ms: u64,
    /// Id for the run, chosen by whoever proposes.
    pub run: Uuid,
}

/// Ticks that nobody was there for and that are left out: compare-and-set on the next time, without a run. Answered by
/// [`Response::Done`].
///
/// Refused: as [`FireSchedule`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkipTicks {
    pub name: String,
    pub expected_next_fire_ms: u64,
    /// The time of the first tick that is not left out.
    pub next_fire_ms: u64,
}

/// Ends a schedule; its runs go on. Answered by [`Response::Done`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteSchedule {
    pub name: String,
    /// Absent for "whatever it is".
    pub expected_version: Option<u64>,
}

impl Apply for PutSchedule {
    fn apply(&self, state: &mut State, at: Moment) -> Result<Response, Rejection> {
        limits::name("schedule name", &self.name)?;
        within("cron expression", self.cron.len(), MAX_WORD)?;
        within("time zone", self.timezone.len(), MAX_WORD)?;
        let known = state.schedules.get(&self.name);
        Kind::Schedule.expect_version(&self.name, self.expected_version, known.map_or(0, |k| k.version))?;
        if state.workflows.get(&self.workflow).is_none() {
            return Err(Kind::Workflow.not_found(&self.workflow));
        }
        state.nodes.all_present(self.pinned, &self.hosts)?;
        let last_run = known.and_then(|known| known.last_run);
        state.schedules.set(
            &self.name,
            Schedule {
                version: at.index,
                workflow: self.workflow.clone(),
                cron: self.cron.clone(),
                timezone: self.timezone.clone(),
                overlap: self.overlap,
                catch_up: self.catch_up,
                next_fire_ms: self.next_fire_ms,
                last_run,
                pinned: self.pinned,
                hosts: self.hosts.clone(),
            },
        );
        Ok(Response::Stored { version: at.index })
    }
}

impl Apply for FireSchedule {
    fn apply(&self, state: &mut State, at: Moment) -> Result<Response, Rejection> {
        let schedule = due(state, &self.name, self.expected_next_fire_ms, self.next_fire_ms, at)?;
        if state.runs.get(self.run).is_some() {
            return Err(Rejection::RunExists { run: self.run });
        }
        let Some(workflow) = state.workflows.get(&schedule.workflow) else {
            return Err(Kind::Workflow.not_found(&schedule.workflow));
        };
        let run = Run {
            workflow: schedule.workflow.clone(),
            version: workflow.version,
            hash: workflow.hash,
            schedule: Some(self.name.clone()),
            phase: beginning(state, &schedule),
            pinned: schedule.pinned,
            hosts: schedule.hosts.clone(),
            parameters: BTreeMap::new(),
            tick_ms: Some(self.expected_next_fire_ms),
            shards: BTreeMap::new(),
            discovered: false,
            created_index: at.index,
            created_at_ms: at.time_ms,
            finished_at_ms: None,
        };
        let version = run.version;
        let active = state.runs.active(&schedule.workflow);
        let fired = match (active, schedule.overlap) {
            (None, _) => {
                state.start_run(self.run, run);
                Fired::Started
            }
            (Some(run), Overlap::Skip | Overlap::Queue) if state.continue_failed(run, version) => {
                Fired::Continued { run }
            }
            (Some(running), Overlap::Skip) => Fired::Skipped { running },
            (Some(replaced), Overlap::Replace) => {
                state.end_run(replaced, RunOutcome::Replaced { by: self.run }, at);
                state.start_run(self.run, run);
                Fired::Replaced { replaced }
            }
            // One waiting run does the work of all ticks that fall into the running one.
            (Some(running), Overlap::Queue) if state.runs.queued(&schedule.workflow).is_some() => {
                Fired::Skipped { running }
            }
            (Some(_), Overlap::Queue) => {
                state.start_run(self.run, Run { phase: RunPhase::Queued, ..run });
                Fired::Queued
            }
        };
        let last_run = match fired {
            Fired::Skipped { .. } => schedule.last_run,
            Fired::Continued { run } => Some(run),
            _ => Some(self.run),
        };
        state.schedules.set(&self.name, Schedule { next_fire_ms: self.next_fire_ms, last_run, ..schedule });
        Ok(Response::Fired(fired))
    }
}

impl Apply for SkipTicks {
    fn apply(&self, state: &mut State, at: Moment) -> Result<Response, Rejection> {
        let schedule = due(state, &self.name, self.expected_next_fire_ms, self.next_fire_ms, at)?;
        state.schedules.set(&self.name, Schedule { next_fire_ms: self.next_fire_ms, ..schedule });
        Ok(Response::Done)
    }
}

impl Apply for DeleteSchedule {
    fn apply(&self, state: &mut State, _at: Moment) -> Result<Response, Rejection> {
        let Some(known) = state.schedules.get(&self.name) else {
            return Err(Kind::Schedule.not_found(&self.name));
        };
        Kind::Schedule.expect_version(&self.name, self.expected_version, known.version)?;
        state.schedules.remove(&self.name);
        Ok(Response::Done)
    }
}

/// The schedule, when its tick is the expected one and due.
fn due(state: &State, name: &str, expected: u64, next: u64, at: Moment) -> Result<Schedule, Rejection> {
    let Some(schedule) = state.schedules.get(name).cloned() else {
        return Err(Kind::Schedule.not_found(name));
    };
    let actual = schedule.next_fire_ms;
    if actual != expected {
        return Err(Rejection::NextFireConflict { schedule: name.to_owned(), expected, actual });
    }
    if at.time_ms < actual {
        return Err(Rejection::NotDue { schedule: name.to_owned(), next_fire_ms: actual });
    }
    if next <= actual {
        let problem = format!("it must be later than the tick itself, {actual}");
        return Err(Rejection::Invalid { what: "next fire time".to_owned(), problem });
    }
    Ok(schedule)
}

impl State {
    /// Lets a run that has failed go on, if it can go on as it is.
    fn continue_failed(&mut self, id: Uuid, version: u64) -> bool {
        let failed =
            self.runs.get(id).filter(|run| matches!(run.phase, RunPhase::Halted(Halt::Failed { .. })));
        let can_go_on =
            |run: &&Run| run.version == version && self.nodes.all_present(run.pinned, &run.hosts).is_ok();
        let Some(run) = failed.filter(can_go_on).cloned() else { return false };
        self.runs.set(id, Run { phase: RunPhase::Running, ..run });
        true
    }
}

/// How the run of a tick begins.
fn beginning(state: &State, schedule: &Schedule) -> RunPhase {
    let tied = schedule.pinned.iter().chain(schedule.hosts.values());
    match tied.copied().find(|node| state.nodes.present(*node).is_err()) {
        None => RunPhase::Running,
        Some(node) => RunPhase::Halted(Halt::Failed {
            message: format!(
                "node {node}, which has the workflow's files or steps, is not a member any more; stop this run and apply \
                 the workflow again through a node that has the files, with `placement` on nodes that are members"
            ),
        }),
    }
}
