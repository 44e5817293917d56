use etl_proto::admin as wire;

use super::{Malformed, counters_from_wire, counters_to_wire, text_or_none, uuid};
use crate::model::{AssignmentState, AssignmentView, PartitionProgress, PartitionView, RunPartitions};

impl From<&RunPartitions> for wire::ListPartitionsResponse {
    fn from(listed: &RunPartitions) -> Self {
        Self {
            run: listed.run.to_string(),
            workflow: listed.workflow.clone(),
            partitions: listed.partitions.iter().map(wire::Partition::from).collect(),
        }
    }
}

impl TryFrom<wire::ListPartitionsResponse> for RunPartitions {
    type Error = Malformed;

    fn try_from(answer: wire::ListPartitionsResponse) -> Result<Self, Malformed> {
        Ok(Self {
            run: uuid("run", &answer.run)?,
            workflow: answer.workflow,
            partitions: answer
                .partitions
                .into_iter()
                .map(PartitionView::try_from)
                .collect::<Result<_, _>>()?,
        })
    }
}

impl From<&PartitionView> for wire::Partition {
    fn from(view: &PartitionView) -> Self {
        let assignment = |known: &AssignmentView| wire::Assignment {
            owner: known.owner,
            epoch: known.epoch,
            state: state_to_wire(known.state).into(),
            claimed: known.claimed,
            since_ms: known.since_ms,
        };
        let progress = |known: &PartitionProgress| wire::Progress {
            destination: known.destination.clone(),
            unit: known.unit,
            position: known.position,
            counters: Some(counters_to_wire(&known.counters)),
            done: known.done,
            at_ms: known.at_ms,
        };
        Self {
            source: view.source.clone(),
            partition: view.partition.clone(),
            index: view.index,
            done: view.done,
            assignment: view.assignment.as_ref().map(assignment),
            progress: view.progress.as_ref().map(progress),
            bytes: view.bytes,
            records: view.records,
            waits_for: view.waits_for.clone().unwrap_or_default(),
        }
    }
}

impl TryFrom<wire::Partition> for PartitionView {
    type Error = Malformed;

    fn try_from(partition: wire::Partition) -> Result<Self, Malformed> {
        Ok(Self {
            source: partition.source,
            partition: partition.partition,
            index: partition.index,
            done: partition.done,
            assignment: partition.assignment.map(AssignmentView::try_from).transpose()?,
            progress: partition.progress.map(PartitionProgress::try_from).transpose()?,
            bytes: partition.bytes,
            records: partition.records,
            waits_for: text_or_none(partition.waits_for),
        })
    }
}

impl TryFrom<wire::Assignment> for AssignmentView {
    type Error = Malformed;

    fn try_from(assignment: wire::Assignment) -> Result<Self, Malformed> {
        let state = match assignment.state() {
            wire::AssignmentState::Assigned => AssignmentState::Assigned,
            wire::AssignmentState::Draining => AssignmentState::Draining,
            wire::AssignmentState::Released => AssignmentState::Released,
            wire::AssignmentState::Unspecified => return Err(Malformed::unknown("state", assignment.state)),
        };
        let wire::Assignment { owner, epoch, claimed, since_ms, .. } = assignment;
        Ok(Self { owner, epoch, state, claimed, since_ms })
    }
}

impl TryFrom<wire::Progress> for PartitionProgress {
    type Error = Malformed;

    fn try_from(progress: wire::Progress) -> Result<Self, Malformed> {
        let wire::Progress { destination, unit, position, counters, done, at_ms } = progress;
        let counters = counters_from_wire("counters", counters)?;
        Ok(Self { destination, unit, position, counters, done, at_ms })
    }
}

fn state_to_wire(state: AssignmentState) -> wire::AssignmentState {
    match state {
        AssignmentState::Assigned => wire::AssignmentState::Assigned,
        AssignmentState::Draining => wire::AssignmentState::Draining,
        AssignmentState::Released => wire::AssignmentState::Released,
    }
}

#[cfg(test)]
mod tests {
    use etl_model::Counters;
    use uuid::Uuid;

    use super::*;

    fn partition(state: AssignmentState) -> PartitionView {
        let counters = Counters { read: 5, delivered: 5, ..Counters::default() };
        PartitionView {
            source: "in".to_owned(),
            partition: "data/ä.csv".to_owned(),
            index: 3,
            done: true,
            assignment: Some(AssignmentView { owner: 2, epoch: 4, state, claimed: true, since_ms: 6 }),
            progress: Some(PartitionProgress {
                destination: "out".to_owned(),
                unit: 7,
                position: 8,
                counters,
                done: true,
                at_ms: 9,
            }),
            bytes: Some(0),
            records: Some(10),
            waits_for: Some("circuit breaker crm".to_owned()),
        }
    }

    #[test]
    fn partitions_keep_everything_on_their_way() {
        let states = [AssignmentState::Assigned, AssignmentState::Draining, AssignmentState::Released];
        let mut partitions: Vec<_> = states.map(partition).into();
        let unknown = partition(AssignmentState::Assigned);
        partitions.push(PartitionView {
            done: false,
            assignment: None,
            progress: None,
            bytes: None,
            records: None,
            waits_for: None,
            ..unknown
        });
        let listed = RunPartitions { run: Uuid::from_u128(7), workflow: "orders".to_owned(), partitions };
        assert_eq!(RunPartitions::try_from(wire::ListPartitionsResponse::from(&listed)), Ok(listed));
    }

    #[test]
    fn what_is_missing_or_not_known_is_named() {
        let field = |change: fn(&mut wire::Partition)| {
            let mut partition = wire::Partition::from(&partition(AssignmentState::Assigned));
            change(&mut partition);
            PartitionView::try_from(partition).map_err(|error| error.field)
        };
        let unknown = wire::Assignment { state: 9, ..wire::Assignment::default() };
        assert_eq!(
            PartitionView::try_from(wire::Partition { assignment: Some(unknown), ..Default::default() })
                .map_err(|error| error.field),
            Err("state")
        );
        assert_eq!(field(|partition| partition.progress = Some(wire::Progress::default())), Err("counters"));
        assert!(field(|_| {}).is_ok());
    }
}
