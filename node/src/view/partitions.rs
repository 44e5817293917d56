use std::collections::BTreeMap;
use std::io::Write;

use comfy_table::{Cell, CellAlignment, Table, presets};
use etl_api::model::{AssignmentState, PartitionView, RunPartitions};
use serde::Serialize;
use uuid::Uuid;

use super::{bytes, count, printable};

/// Columns with numbers.
const NUMBERS: [usize; 6] = [3, 4, 5, 6, 7, 8];

/// Partitions for programs, with their rates.
#[derive(Serialize)]
pub(crate) struct RatedPartitions<'a> {
    run: Uuid,
    workflow: &'a str,
    partitions: Vec<RatedPartition<'a>>,
}

#[derive(Serialize)]
struct RatedPartition<'a> {
    #[serde(flatten)]
    partition: &'a PartitionView,
    records_per_second: Option<f64>,
}

impl<'a> RatedPartitions<'a> {
    pub fn new(listed: &'a RunPartitions, rates: &BTreeMap<u64, f64>) -> Self {
        let RunPartitions { run, workflow, partitions } = listed;
        let rated = |partition: &'a PartitionView| RatedPartition {
            partition,
            records_per_second: rates.get(&partition.index).copied(),
        };
        Self { run: *run, workflow, partitions: partitions.iter().map(rated).collect() }
    }
}

/// Shows the partitions of a run: who has them, how far they have come, how much is left; and with rates how fast they are.
pub(crate) fn write_partitions(
    out: &mut impl Write,
    listed: &RunPartitions,
    rates: Option<&BTreeMap<u64, f64>>,
) -> std::io::Result<()> {
    let RunPartitions { run, workflow, partitions } = listed;
    let done = partitions.iter().filter(|partition| partition.done).count() as u64;
    let all = partitions.len() as u64;
    if all == 0 {
        return writeln!(out, "run {run} of {workflow}: no partition is known");
    }
    writeln!(out, "run {run} of {workflow}: {} of {} partitions done\n", count(done), count(all))?;
    let mut table = Table::new();
    let columns = ["SOURCE", "PARTITION", "STATE", "NODE", "EPOCH", "POSITION", "READ", "LEFT"];
    table.load_preset(presets::NOTHING).set_header(columns.into_iter().chain(rates.map(|_| "RECORDS/S")));
    let mut waiting = Vec::new();
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
        let rate = rates.map(|rates| {
            let known = rates.get(&partition.index).filter(|_| !partition.done);
            known.map_or_else(unknown, |rate| count(rate.round() as u64))
        });
        if let Some(reason) = &partition.waits_for {
            waiting.push(format!(
                "{} {}: {}",
                partition.source,
                printable(&partition.partition),
                printable(reason)
            ));
        }
        table.add_row(cells.into_iter().chain(rate).enumerate().map(|(column, text)| {
            let cell = Cell::new(text);
            if NUMBERS.contains(&column) { cell.set_alignment(CellAlignment::Right) } else { cell }
        }));
    }
    writeln!(out, "{table}")?;
    if !waiting.is_empty() {
        writeln!(out)?;
    }
    waiting.iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// In one word.
fn state(partition: &PartitionView) -> &'static str {
    match &partition.assignment {
        _ if partition.done => "done",
        Some(_) if partition.waits_for.is_some() => "held",
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
            waits_for: None,
        }
    }

    fn assigned(state: AssignmentState, claimed: bool) -> Option<AssignmentView> {
        Some(AssignmentView { owner: 2, epoch: 4, state, claimed, since_ms: 0 })
    }

    fn rows(partitions: Vec<PartitionView>, rates: Option<&BTreeMap<u64, f64>>) -> Vec<Vec<String>> {
        let listed = RunPartitions { run: Uuid::nil(), workflow: "orders".to_owned(), partitions };
        let mut out = Vec::new();
        write_partitions(&mut out, &listed, rates).unwrap();
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
        let all = vec![partition(0), running, by_records, done];
        let shown = rows(all.clone(), None);
        assert_eq!(shown[0].join(" "), format!("run {} of orders: 1 of 4 partitions done", Uuid::nil()));
        assert_eq!(shown[2].join(" "), "SOURCE PARTITION STATE NODE EPOCH POSITION READ LEFT");
        assert_eq!(shown[3].join(" "), "in part-0 waiting - - - - -");
        assert_eq!(shown[4].join(" "), "in part-1 running 2 4 1,600 1,500 6.0 MB");
        assert_eq!(shown[5].join(" "), "in part-1 running 2 4 1,600 1,500 500");
        assert_eq!(shown[6].join(" "), "in part-1 done 2 4 1,600 1,500 0");
        let rates = BTreeMap::from([(1, 1234.4)]);
        let rated = rows(all.clone(), Some(&rates));
        assert_eq!(rated[2].join(" "), "SOURCE PARTITION STATE NODE EPOCH POSITION READ LEFT RECORDS/S");
        assert_eq!(rated[3].join(" "), "in part-0 waiting - - - - - -");
        assert_eq!(rated[4].join(" "), "in part-1 running 2 4 1,600 1,500 6.0 MB 1,234");
        assert_eq!(rated[6].join(" "), "in part-1 done 2 4 1,600 1,500 0 -");
        let listed = RunPartitions { run: Uuid::nil(), workflow: "orders".to_owned(), partitions: all };
        let value = serde_json::to_value(RatedPartitions::new(&listed, &rates)).unwrap();
        assert_eq!(value["partitions"][1]["records_per_second"], 1234.4);
        assert_eq!(value["partitions"][1]["progress"]["unit"], 3);
        assert!(value["partitions"][0]["records_per_second"].is_null());
        let held = PartitionView {
            waits_for: Some("waiting for circuit breaker crm".to_owned()),
            ..listed.partitions[1].clone()
        };
        let shown = rows(vec![held], None);
        assert_eq!(shown[3][2], "held");
        assert_eq!(shown.last().unwrap().join(" "), "in part-1: waiting for circuit breaker crm");
    }

    #[test]
    fn states_and_names_read_well() {
        let with = |assignment| PartitionView { assignment, ..partition(0) };
        assert_eq!(state(&with(assigned(AssignmentState::Assigned, false))), "assigned");
        assert_eq!(state(&with(assigned(AssignmentState::Draining, true))), "draining");
        assert_eq!(state(&with(assigned(AssignmentState::Released, true))), "released");
        let named = PartitionView { partition: "a\x1b[2J\nb.csv".to_owned(), ..partition(0) };
        assert_eq!(rows(vec![named], None)[3][1], "a\\u{1b}[2J\\nb.csv");
        assert_eq!(
            rows(vec![], None)[0].join(" "),
            format!("run {} of orders: no partition is known", Uuid::nil())
        );
    }
}
