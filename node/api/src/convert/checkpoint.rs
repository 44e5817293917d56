use etl_proto::admin as wire;

use super::run::{phase_from_wire, phase_to_wire};
use super::{Malformed, counters_from_wire, counters_to_wire, uuid, uuid_or_none};
use crate::model::{CheckpointView, Reset, RunCheckpoints};

impl From<&RunCheckpoints> for wire::ListCheckpointsResponse {
    fn from(listed: &RunCheckpoints) -> Self {
        Self {
            run: listed.run.to_string(),
            workflow: listed.workflow.clone(),
            phase: phase_to_wire(listed.phase).into(),
            goes_on_after: listed.goes_on_after.map_or_else(String::new, |run| run.to_string()),
            checkpoints: listed.checkpoints.iter().map(wire::Checkpoint::from).collect(),
            unreadable_checkpoints: listed.unreadable_checkpoints,
        }
    }
}

impl TryFrom<wire::ListCheckpointsResponse> for RunCheckpoints {
    type Error = Malformed;

    fn try_from(answer: wire::ListCheckpointsResponse) -> Result<Self, Malformed> {
        let checkpoints = answer.checkpoints.into_iter().map(CheckpointView::try_from);
        Ok(Self {
            run: uuid("run", &answer.run)?,
            phase: phase_from_wire(answer.phase)?,
            goes_on_after: uuid_or_none("goes_on_after", &answer.goes_on_after)?,
            checkpoints: checkpoints.collect::<Result<_, _>>()?,
            workflow: answer.workflow,
            unreadable_checkpoints: answer.unreadable_checkpoints,
        })
    }
}

impl From<&CheckpointView> for wire::Checkpoint {
    fn from(view: &CheckpointView) -> Self {
        Self {
            source: view.source.clone(),
            partition: view.partition.clone(),
            destination: view.destination.clone(),
            epoch: view.epoch,
            unit: view.unit,
            position: view.position,
            counters: Some(counters_to_wire(&view.counters)),
            done: view.done,
            at_ms: view.at_ms,
        }
    }
}

impl TryFrom<wire::Checkpoint> for CheckpointView {
    type Error = Malformed;

    fn try_from(checkpoint: wire::Checkpoint) -> Result<Self, Malformed> {
        let wire::Checkpoint { source, partition, destination, epoch, unit, position, counters, done, at_ms } =
            checkpoint;
        let counters = counters_from_wire("counters", counters)?;
        Ok(Self { source, partition, destination, epoch, unit, position, counters, done, at_ms })
    }
}

impl From<&Reset> for wire::ResetCheckpointsResponse {
    fn from(reset: &Reset) -> Self {
        let ended_run = reset.ended_run.map_or_else(String::new, |run| run.to_string());
        Self { reset: reset.reset, ended_run }
    }
}

impl Reset {
    /// What an answer says of a workflow.
    pub(crate) fn from_wire(
        workflow: &str,
        answer: &wire::ResetCheckpointsResponse,
    ) -> Result<Self, Malformed> {
        let ended_run = uuid_or_none("ended_run", &answer.ended_run)?;
        Ok(Self { workflow: workflow.to_owned(), reset: answer.reset, ended_run })
    }
}

#[cfg(test)]
mod tests {
    use etl_model::Counters;
    use uuid::Uuid;

    use super::*;
    use crate::model::RunPhase;

    fn checkpoint() -> CheckpointView {
        CheckpointView {
            source: "in".to_owned(),
            partition: "data/ä.csv".to_owned(),
            destination: "out".to_owned(),
            epoch: 4,
            unit: 7,
            position: 8,
            counters: Counters { read: 5, delivered: 5, ..Counters::default() },
            done: true,
            at_ms: 9,
        }
    }

    #[test]
    fn checkpoints_keep_everything_on_their_way() {
        for goes_on_after in [None, Some(Uuid::from_u128(6))] {
            let listed = RunCheckpoints {
                run: Uuid::from_u128(7),
                workflow: "orders".to_owned(),
                phase: RunPhase::Paused,
                goes_on_after,
                checkpoints: vec![checkpoint()],
                unreadable_checkpoints: 2,
            };
            let answer = wire::ListCheckpointsResponse::from(&listed);
            assert_eq!(RunCheckpoints::try_from(answer), Ok(listed));
            let reset = Reset { workflow: "orders".to_owned(), reset: true, ended_run: goes_on_after };
            assert_eq!(Reset::from_wire("orders", &(&reset).into()), Ok(reset));
        }
    }

    #[test]
    fn what_is_missing_or_not_known_is_named() {
        let mut answer = wire::ListCheckpointsResponse { run: Uuid::nil().to_string(), ..Default::default() };
        let field = |answer: &wire::ListCheckpointsResponse| {
            RunCheckpoints::try_from(answer.clone()).map(|_| ()).map_err(|error| error.field)
        };
        assert_eq!(field(&answer), Err("phase"));
        answer.phase = wire::RunPhase::Running.into();
        assert_eq!(field(&answer), Ok(()));
        answer.checkpoints.push(wire::Checkpoint::default());
        assert_eq!(field(&answer), Err("counters"));
        answer.run = "no run".to_owned();
        assert_eq!(field(&answer), Err("run"));
    }
}
