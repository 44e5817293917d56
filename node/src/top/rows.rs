use std::cmp::Ordering;
use std::collections::HashMap;
use std::time::Duration;

use etl_api::model::{ClusterStatus, NodeStatus, PartitionView, RunPhase, RunView};
use etl_model::Counters;
use uuid::Uuid;

use super::snapshot::{Snapshot, rate};
use crate::view::{bytes, count, printable};

/// A cell: what is shown, and what it is sorted by.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cell {
    pub text: String,
    pub order: Order,
}

/// By what a column is sorted.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Order {
    Text(String),
    Number(f64),
}

impl Order {
    pub fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            (Self::Number(one), Self::Number(other)) => one.total_cmp(other),
            (Self::Text(_), Self::Number(_)) => Ordering::Less,
            (Self::Number(_), Self::Text(_)) => Ordering::Greater,
        }
    }
}

fn text(text: impl Into<String>) -> Cell {
    let text = printable(&text.into());
    Cell { order: Order::Text(text.clone()), text }
}

fn number(shown: String, order: f64) -> Cell {
    Cell { text: shown, order: Order::Number(order) }
}

fn per_second(value: Option<f64>) -> Cell {
    match value {
        Some(value) => number(count(value.round() as u64), value),
        None => number("-".to_owned(), -1.0),
    }
}

/// A time in few characters.
fn short(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 if time.as_millis() > 0 => format!("{}ms", time.as_millis()),
        0..=119 => format!("{seconds}s"),
        120..=7199 => format!("{}m", seconds / 60),
        7200..=172_799 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A row with what it is about.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub key: String,
    pub cells: Vec<Cell>,
}

/// Columns of the nodes.
pub(super) const NODES: [&str; 7] = ["NODE", "ROLE", "STATE", "PARTITIONS", "BEHIND", "HEARD", "DISK FREE"];
/// Columns of the runs.
pub(super) const RUNS: [&str; 7] = ["WORKFLOW", "STATE", "DONE", "READ/S", "WRITTEN/S", "QUIET", "ERRORS"];
/// Columns of the partitions.
pub(super) const PARTITIONS: [&str; 7] = ["PARTITION", "STATE", "NODE", "READ", "READ/S", "LEFT", "AGE"];

pub(super) fn nodes(status: &ClusterStatus) -> Vec<Row> {
    let row = |node: &NodeStatus| {
        let disk = node.disk_free_bytes.zip(node.disk_total_bytes.filter(|total| *total > 0));
        let free = disk.map(|(free, total)| free as f64 / total as f64);
        let dash = || "-".to_owned();
        Row {
            key: node.id.to_string(),
            cells: vec![
                number(node.id.to_string(), node.id as f64),
                text(node.role.map_or("-", |role| role.as_str())),
                text(node.state.as_str()),
                number(count(node.partitions), node.partitions as f64),
                number(node.lag.map_or_else(dash, count), node.lag.map_or(-1.0, |lag| lag as f64)),
                number(
                    node.silent_ms.map_or_else(dash, |ms| short(Duration::from_millis(ms))),
                    node.silent_ms.map_or(-1.0, |ms| ms as f64),
                ),
                number(free.map_or_else(dash, |free| format!("{:.0} %", free * 100.0)), free.unwrap_or(-1.0)),
            ],
        }
    };
    let there = |node: &&NodeStatus| node.state != etl_api::model::NodeState::Removed;
    status.nodes.iter().filter(there).map(row).collect()
}

/// What has become of a run's records over all routes.
fn totals(run: &RunView) -> Counters {
    let mut total = Counters::default();
    for route in &run.routes {
        total.read = total.read.saturating_add(route.counters.read);
        total.delivered = total.delivered.saturating_add(route.counters.delivered);
        total.dead_lettered = total.dead_lettered.saturating_add(route.counters.dead_lettered);
        total.failed = total.failed.saturating_add(route.counters.failed);
    }
    total
}

/// Runs that go on, have failed, or wait for somebody; the others only as long as there is room in the list that was asked for.
pub(super) fn runs(now: &Snapshot, before: Option<&Snapshot>, quiet: &HashMap<Uuid, Duration>) -> Vec<Row> {
    let earlier: HashMap<Uuid, &RunView> =
        before.iter().flat_map(|before| &before.runs).map(|run| (run.summary.run, run)).collect();
    let time = before.and_then(|before| now.since(before));
    let row = |run: &RunView| {
        let summary = &run.summary;
        let total = totals(run);
        let is_running = summary.phase == RunPhase::Running;
        let rates = time.filter(|_| is_running).and_then(|time| {
            let before = totals(earlier.get(&summary.run)?);
            Some((rate(total.read, before.read, time), rate(total.delivered, before.delivered, time)))
        });
        let parts = &summary.partitions;
        let done = parts.total.saturating_sub(parts.open);
        let more = if parts.complete { "" } else { "+" };
        let errors = total.dead_lettered.saturating_add(total.failed);
        let silent = quiet.get(&summary.run).copied().filter(|_| is_running);
        Row {
            key: summary.run.to_string(),
            cells: vec![
                text(summary.workflow.clone()),
                text(summary.phase.as_str()),
                number(format!("{}/{}{more}", count(done), count(parts.total)), done as f64),
                per_second(rates.map(|(read, _)| read)),
                per_second(rates.map(|(_, written)| written)),
                number(
                    silent.map_or_else(|| "-".to_owned(), short),
                    silent.map_or(-1.0, |silent| silent.as_secs_f64()),
                ),
                number(count(errors), errors as f64),
            ],
        }
    };
    now.runs.iter().map(row).collect()
}

pub(super) fn partitions(now: &Snapshot, before: Option<&Snapshot>) -> Vec<Row> {
    let Some(listed) = &now.partitions else { return Vec::new() };
    let known =
        before.and_then(|before| before.partitions.as_ref()).filter(|before| before.run == listed.run);
    let earlier: HashMap<u64, u64> = known
        .iter()
        .flat_map(|before| &before.partitions)
        .filter_map(|partition| Some((partition.index, partition.progress.as_ref()?.counters.read)))
        .collect();
    let time = before.and_then(|before| now.since(before));
    let row = |partition: &PartitionView| {
        let progress = partition.progress.as_ref();
        let read = progress.map_or(0, |progress| progress.counters.read);
        let rated = time.zip(earlier.get(&partition.index)).filter(|_| !partition.done);
        let age =
            progress.filter(|_| !partition.done).map(|progress| now.now_ms.saturating_sub(progress.at_ms));
        Row {
            key: partition.index.to_string(),
            cells: vec![
                text(format!("{} {}", partition.source, partition.partition)),
                text(state(partition)),
                number(
                    partition.assignment.map_or_else(|| "-".to_owned(), |held| held.owner.to_string()),
                    partition.assignment.map_or(-1.0, |held| held.owner as f64),
                ),
                number(count(read), read as f64),
                per_second(rated.map(|(time, before)| rate(read, *before, time))),
                left(partition),
                number(
                    age.map_or_else(|| "-".to_owned(), |ms| short(Duration::from_millis(ms))),
                    age.map_or(-1.0, |ms| ms as f64),
                ),
            ],
        }
    };
    listed.partitions.iter().map(row).collect()
}

fn state(partition: &PartitionView) -> &'static str {
    match &partition.assignment {
        _ if partition.done => "done",
        Some(_) if partition.waits_for.is_some() => "held",
        None => "waiting",
        Some(held) if held.claimed => "running",
        Some(held) => held.state.as_str(),
    }
}

/// What has not been read, in bytes where the source counts these.
fn left(partition: &PartitionView) -> Cell {
    let counters = partition.progress.as_ref().map(|progress| progress.counters).unwrap_or_default();
    match (partition.done, partition.bytes, partition.records) {
        (true, ..) => number("0".to_owned(), 0.0),
        (_, Some(total), _) => {
            let left = total.saturating_sub(counters.bytes_read);
            number(bytes(left), left as f64)
        }
        (_, None, Some(total)) => {
            let left = total.saturating_sub(counters.read);
            number(count(left), left as f64)
        }
        (_, None, None) => number("-".to_owned(), -1.0),
    }
}

/// When the counters of a run last changed, told by comparing snapshots.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    last: HashMap<Uuid, (u64, std::time::Instant)>,
}

impl Quiet {
    /// Takes in a snapshot; returns for how long nothing has come of each run.
    pub fn look(&mut self, now: &Snapshot) -> HashMap<Uuid, Duration> {
        let mut seen = HashMap::new();
        for run in &now.runs {
            let (id, read) = (run.summary.run, totals(run).read);
            let since = match self.last.get(&id) {
                Some((known, since)) if *known == read => *since,
                _ => now.at,
            };
            seen.insert(id, (read, since));
        }
        self.last = seen;
        let quiet = |(id, (_, since)): (&Uuid, &(u64, std::time::Instant))| {
            (*id, now.at.saturating_duration_since(*since))
        };
        self.last.iter().map(quiet).collect()
    }
}
