use etl_proto::admin as wire;
use etl_proto::admin::run_target::Target;

use super::{Malformed, counters_from_wire, counters_to_wire, text_or_none, uuid, uuid_or_none};
use crate::model::{PartitionCounts, RouteTotals, RunPhase, RunSummary, RunTarget, RunView, StartedRun};

impl From<&RunTarget> for wire::RunTarget {
    fn from(target: &RunTarget) -> Self {
        let target = match target {
            RunTarget::Workflow(name) => Target::Workflow(name.clone()),
            RunTarget::Run(run) => Target::Run(run.to_string()),
        };
        Self { target: Some(target) }
    }
}

impl RunTarget {
    /// What a request means.
    pub(crate) fn from_wire(target: Option<wire::RunTarget>) -> Result<Self, Malformed> {
        match target.and_then(|target| target.target) {
            Some(Target::Workflow(name)) => Ok(Self::Workflow(name)),
            Some(Target::Run(run)) => Ok(Self::Run(uuid("target", &run)?)),
            None => Err(Malformed::new("target", "is missing")),
        }
    }
}

impl From<StartedRun> for wire::RunWorkflowResponse {
    fn from(started: StartedRun) -> Self {
        let StartedRun { run, version, continued } = started;
        Self { run: run.to_string(), version, continued }
    }
}

impl TryFrom<wire::RunWorkflowResponse> for StartedRun {
    type Error = Malformed;

    fn try_from(answer: wire::RunWorkflowResponse) -> Result<Self, Malformed> {
        let wire::RunWorkflowResponse { run, version, continued } = answer;
        Ok(Self { run: uuid("run", &run)?, version, continued })
    }
}

impl TryFrom<wire::ResumeRunResponse> for StartedRun {
    type Error = Malformed;

    fn try_from(answer: wire::ResumeRunResponse) -> Result<Self, Malformed> {
        Ok(Self { run: uuid("run", &answer.run)?, version: answer.version, continued: true })
    }
}

pub(super) fn phase_from_wire(phase: i32) -> Result<RunPhase, Malformed> {
    Ok(match wire::RunPhase::try_from(phase).unwrap_or_default() {
        wire::RunPhase::Queued => RunPhase::Queued,
        wire::RunPhase::Running => RunPhase::Running,
        wire::RunPhase::Paused => RunPhase::Paused,
        wire::RunPhase::Failed => RunPhase::Failed,
        wire::RunPhase::Completed => RunPhase::Completed,
        wire::RunPhase::Cancelled => RunPhase::Cancelled,
        wire::RunPhase::Replaced => RunPhase::Replaced,
        wire::RunPhase::Unspecified => return Err(Malformed::unknown("phase", phase)),
    })
}

pub(super) fn phase_to_wire(phase: RunPhase) -> wire::RunPhase {
    match phase {
        RunPhase::Queued => wire::RunPhase::Queued,
        RunPhase::Running => wire::RunPhase::Running,
        RunPhase::Paused => wire::RunPhase::Paused,
        RunPhase::Failed => wire::RunPhase::Failed,
        RunPhase::Completed => wire::RunPhase::Completed,
        RunPhase::Cancelled => wire::RunPhase::Cancelled,
        RunPhase::Replaced => wire::RunPhase::Replaced,
    }
}

impl From<&RunSummary> for wire::RunSummary {
    fn from(summary: &RunSummary) -> Self {
        let PartitionCounts { total, open, assigned, complete } = summary.partitions;
        Self {
            run: summary.run.to_string(),
            workflow: summary.workflow.clone(),
            version: summary.version,
            phase: phase_to_wire(summary.phase).into(),
            message: summary.message.clone().unwrap_or_default(),
            replaced_by: summary.replaced_by.map_or_else(String::new, |run| run.to_string()),
            schedule: summary.schedule.clone().unwrap_or_default(),
            pinned: summary.pinned,
            hosts: summary.hosts.clone().into_iter().collect(),
            parameters: summary.parameters.clone().into_iter().collect(),
            created_at_ms: summary.created_at_ms,
            finished_at_ms: summary.finished_at_ms,
            partitions: Some(wire::PartitionCounts { total, open, assigned, complete }),
        }
    }
}

impl TryFrom<wire::RunSummary> for RunSummary {
    type Error = Malformed;

    fn try_from(summary: wire::RunSummary) -> Result<Self, Malformed> {
        let phase = phase_from_wire(summary.phase)?;
        let partitions = summary.partitions.ok_or_else(|| Malformed::new("partitions", "is missing"))?;
        let wire::PartitionCounts { total, open, assigned, complete } = partitions;
        Ok(Self {
            run: uuid("run", &summary.run)?,
            workflow: summary.workflow,
            version: summary.version,
            phase,
            message: text_or_none(summary.message),
            replaced_by: uuid_or_none("replaced_by", &summary.replaced_by)?,
            schedule: text_or_none(summary.schedule),
            pinned: summary.pinned,
            hosts: summary.hosts.into_iter().collect(),
            parameters: summary.parameters.into_iter().collect(),
            created_at_ms: summary.created_at_ms,
            finished_at_ms: summary.finished_at_ms,
            partitions: PartitionCounts { total, open, assigned, complete },
        })
    }
}

impl From<&RunView> for wire::RunView {
    fn from(view: &RunView) -> Self {
        let route = |route: &RouteTotals| wire::RouteTotals {
            source: route.source.clone(),
            destination: route.destination.clone(),
            counters: Some(counters_to_wire(&route.counters)),
        };
        Self {
            summary: Some((&view.summary).into()),
            coordinator: view.coordinator,
            shards: view.shards.clone().into_iter().collect(),
            routes: view.routes.iter().map(route).collect(),
            unreadable_checkpoints: view.unreadable_checkpoints,
            dead_letters: view.dead_letters.clone().into_iter().collect(),
        }
    }
}

impl RunView {
    /// What an answer tells.
    pub(crate) fn from_wire(view: Option<wire::RunView>) -> Result<Self, Malformed> {
        let view = view.ok_or_else(|| Malformed::new("run", "is missing"))?;
        let summary = view.summary.ok_or_else(|| Malformed::new("summary", "is missing"))?;
        let route = |route: wire::RouteTotals| {
            Ok(RouteTotals {
                source: route.source,
                destination: route.destination,
                counters: counters_from_wire("counters", route.counters)?,
            })
        };
        Ok(Self {
            summary: summary.try_into()?,
            coordinator: view.coordinator,
            shards: view.shards.into_iter().collect(),
            routes: view.routes.into_iter().map(route).collect::<Result<_, _>>()?,
            unreadable_checkpoints: view.unreadable_checkpoints,
            dead_letters: view.dead_letters.into_iter().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use etl_model::Counters;
    use uuid::Uuid;

    use super::*;

    fn summary() -> RunSummary {
        RunSummary {
            run: Uuid::from_u128(7),
            workflow: "orders".to_owned(),
            version: 4,
            phase: RunPhase::Running,
            message: None,
            replaced_by: None,
            schedule: None,
            pinned: None,
            hosts: Default::default(),
            parameters: Default::default(),
            created_at_ms: 1_700_000_000_000,
            finished_at_ms: None,
            partitions: PartitionCounts { total: 9, open: 5, assigned: 3, complete: true },
        }
    }

    fn view(summary: RunSummary) -> RunView {
        let counters = Counters {
            read: 10,
            delivered: 4,
            filtered: 3,
            dead_lettered: 2,
            failed: 1,
            created: 7,
            bytes_read: 100,
            bytes_written: 50,
        };
        let route = RouteTotals { source: "in".to_owned(), destination: "out".to_owned(), counters };
        RunView {
            summary,
            coordinator: Some(2),
            shards: [("out.0of2".to_owned(), 1), ("out.1of2".to_owned(), 3)].into(),
            routes: vec![route],
            unreadable_checkpoints: 6,
            dead_letters: [(2, 3)].into(),
        }
    }

    #[test]
    fn runs_keep_everything_on_their_way() {
        for phase in RunPhase::ALL {
            let view = view(RunSummary { phase, ..summary() });
            assert_eq!(RunView::from_wire(Some((&view).into())), Ok(view));
        }
        let full = RunSummary {
            message: Some("the disk is full".to_owned()),
            replaced_by: Some(Uuid::from_u128(8)),
            schedule: Some("nightly".to_owned()),
            pinned: Some(3),
            hosts: [("sink".to_owned(), 2)].into(),
            parameters: [("day".to_owned(), "2026-11-01".to_owned())].into(),
            finished_at_ms: Some(1_700_000_000_001),
            ..summary()
        };
        assert_eq!(RunSummary::try_from(wire::RunSummary::from(&full)), Ok(full));
        let started = StartedRun { run: Uuid::from_u128(9), version: 3, continued: true };
        assert_eq!(StartedRun::try_from(wire::RunWorkflowResponse::from(started)), Ok(started));
        for target in [RunTarget::Workflow("orders".to_owned()), RunTarget::Run(Uuid::from_u128(9))] {
            assert_eq!(RunTarget::from_wire(Some((&target).into())), Ok(target));
        }
    }

    #[test]
    fn what_is_missing_or_not_known_is_named() {
        let whole = wire::RunView::from(&view(summary()));
        let field = |change: fn(&mut wire::RunView, &mut wire::RunSummary)| {
            let mut view = whole.clone();
            let mut summary = view.summary.take().unwrap_or_default();
            change(&mut view, &mut summary);
            view.summary = Some(summary);
            RunView::from_wire(Some(view)).map_err(|error| error.field)
        };
        assert_eq!(field(|_, summary| summary.phase = 99), Err("phase"));
        assert_eq!(field(|_, summary| summary.phase = 0), Err("phase"));
        assert_eq!(field(|_, summary| summary.run = "7".to_owned()), Err("run"));
        assert_eq!(field(|_, summary| summary.replaced_by = "x".to_owned()), Err("replaced_by"));
        assert_eq!(field(|_, summary| summary.partitions = None), Err("partitions"));
        assert_eq!(field(|view, _| view.routes[0].counters = None), Err("counters"));
        assert!(field(|_, _| {}).is_ok());
        assert_eq!(RunView::from_wire(None).map_err(|error| error.field), Err("run"));
        let bare = wire::RunView { summary: None, ..whole };
        assert_eq!(RunView::from_wire(Some(bare)).map_err(|error| error.field), Err("summary"));
        let empty = wire::RunTarget { target: None };
        for target in [None, Some(empty), Some(wire::RunTarget { target: Some(Target::Run("x".to_owned())) })]
        {
            assert_eq!(RunTarget::from_wire(target).map_err(|error| error.field), Err("target"));
        }
    }
}
