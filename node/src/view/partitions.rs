use std::io::Write;

use comfy_table::{Cell, CellAlignment, Table, presets};
use etl_api::model::{AssignmentState, PartitionView, RunPartitions};

use super::{bytes, count, printable};

/// Columns with numbers.
const NUMBERS: [usize; 5] = [3, 4, 5, 6, 7];

/// Shows the partitions of a run: who has them, how far they have come, how much is left.
pub(crate) fn write_partitions(out: &mut impl Write, listed: &RunPartitions) -> std::io::Result<()> {
    let RunPartitions { run, workflow, partitions } = listed;
    let done = partitions.iter().filter(|partition| partition.done).count() as u64;
    let all = partitions.len() as u64;
    if all == 0 {
        return writeln!(out, "run {run} of {workflow}: no partition is known");
    }
    writeln!(out, "run {run} of {workflow}: {} of {} partitions done\n", count(done), count(all))?;
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header([
        "SOURCE",
        "PARTITION",
        "STATE",
        "NODE",
        "EPOCH",
        "POSITION",
        "READ",
        "LEFT",
    ]);
    for partition in partitions {
        let unknown = || "-".to_owned();
        let assignment = partition.assignment.as_ref();
        let progress = partition.progress.as_ref();
        let cells = [
            partition.source.clone(),
            printable(&partition.partition),
            state(partition).to_owned(),
            assignment.map_or_else(unknown, |known| known.owner.to_string()),
            assignment.map_or_else(unknown, |known| known.epoch.to_string()),
            progress.map_or_else(unknown, |known| count(known.position)),
            progress.map_or_else(unknown, |known| count(known.counters.read)),
            left(partition).unwrap_or_else(unknown),
        ];
        table.add_row(cells.into_iter().enumerate().map(|(column, text)| {
            let cell = Cell::new(text);
            if NUMBERS.contains(&column) { cell.set_alignment(CellAlignment::Right) } else { cell }
        }));
    }
    writeln!(out, "{table}")
}

/// In one word.
fn state(partition: &PartitionView) -> &'static str {
    match &partition.assignment {
        _ if partition.done => "done",
        None => "waiting",
        Some(assignment) => match (assignment.state, assignment.claimed) {
            (AssignmentState::Assigned, true) => "running",
            (state, _) => state.as_str(),
        },
    }
}

/// What has not been read, in bytes where the source counts these, else in records.
fn left(partition: &PartitionView) -> Option<String> {
    if partition.done {
        return Some("0".to_owned());
    }
    let counters = partition.progress.as_ref().map(|progress| progress.counters).unwrap_or_default();
    match (partition.bytes, partition.records) {
        (Some(total), _) => Some(bytes(total.saturating_sub(counters.bytes_read))),
        (None, Some(total)) => Some(count(total.saturating_sub(counters.read))),
        (None, None) => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use etl_api::model::{AssignmentView, PartitionProgress};
    use etl_model::Counters;
    use uuid::Uuid;

    use super::*;

    fn partition(index: u64) -> PartitionView {
        PartitionView {
            source: "in".to_owned(),
            partition: format!("part-{index}"),
            index,
            done: false,
            assignment: None,
            progress: None,
            bytes: None,
            records: None,
        }
    }

    fn assigned(state: AssignmentState, claimed: bool) -> Option<AssignmentView> {
        Some(AssignmentView { owner: 2, epoch: 4, state, claimed, since_ms: 0 })
    }

    fn rows(partitions: Vec<PartitionView>) -> Vec<Vec<String>> {
        let listed = RunPartitions { run: Uuid::nil(), workflow: "orders".to_owned(), partitions };
        let mut out = Vec::new();
        write_partitions(&mut out, &listed).unwrap();
        let text = String::from_utf8(out).unwrap();
        text.lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
    }

    #[test]
    fn every_partition_is_a_row() {
        let counters = Counters { read: 1500, bytes_read: 4_000_000, ..Counters::default() };
        let progress = PartitionProgress {
            destination: "out".to_owned(),
            unit: 3,
            position: 1600,
            counters,
            done: false,
            at_ms: 0,
        };
        let running = PartitionView {
            assignment: assigned(AssignmentState::Assigned, true),
            progress: Some(progress),
            bytes: Some(10_000_000),
            ..partition(1)
        };
        let by_records = PartitionView { bytes: None, records: Some(2000), ..running.clone() };
        let done = PartitionView { done: true, ..running.clone() };
        let shown = rows(vec![partition(0), running, by_records, done]);
        assert_eq!(shown[0].join(" "), format!("run {} of orders: 1 of 4 partitions done", Uuid::nil()));
        assert_eq!(shown[2].join(" "), "SOURCE PARTITION STATE NODE EPOCH POSITION READ LEFT");
        assert_eq!(shown[3].join(" "), "in part-0 waiting - - - - -");
        assert_eq!(shown[4].join(" "), "in part-1 running 2 4 1,600 1,500 6.0 MB");
        assert_eq!(shown[5].join(" "), "in part-1 running 2 4 1,600 1,500 500");
        assert_eq!(shown[6].join(" "), "in part-1 done 2 4 1,600 1,500 0");
    }

    #[test]
    fn states_and_names_read_well() {
        let with = |assignment| PartitionView { assignment, ..partition(0) };
        assert_eq!(state(&with(assigned(AssignmentState::Assigned, false))), "assigned");
        assert_eq!(state(&with(assigned(AssignmentState::Draining, true))), "draining");
        assert_eq!(state(&with(assigned(AssignmentState::Released, true))), "released");
        let named = PartitionView { partition: "a\x1b[2J\nb.csv".to_owned(), ..partition(0) };
        assert_eq!(rows(vec![named])[3][1], "a\\u{1b}[2J\\nb.csv");
        assert_eq!(
            rows(vec![])[0].join(" "),
            format!("run {} of orders: no partition is known", Uuid::nil())
        );
    }
}
