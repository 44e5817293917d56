use std::io::Write;
use std::time::Duration;

use comfy_table::{Cell, CellAlignment, Table, presets};
use etl_api::model::{ClusterStatus, Consistency, NodeState, NodeStatus};

use super::{bytes, count, plural, seconds};

/// Shows how a cluster is: who leads, all nodes, every problem and its remedy. Removed nodes only on request.
pub(crate) fn write_cluster_status(
    out: &mut impl Write,
    status: &ClusterStatus,
    removed: bool,
) -> std::io::Result<()> {
    writeln!(out, "cluster {}, feature level {}", status.cluster, status.feature_level)?;
    let ids = |nodes: &mut dyn Iterator<Item = &NodeStatus>| {
        let ids: Vec<_> = nodes.map(|node| node.id.to_string()).collect();
        if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
    };
    match status.leader {
        Some(leader) => writeln!(out, "leader  {leader} in term {}", status.term)?,
        None => writeln!(out, "leader  none; the last one known was in term {}", status.term)?,
    }
    let joint = if status.joint { " (a change is under way)" } else { "" };
    writeln!(out, "voters  {}{joint}; learners {}", ids(&mut status.voters()), ids(&mut status.learners()))?;
    let (committed, applied) = (count(status.committed_index), count(status.applied_index));
    writeln!(out, "log     {committed} entries committed, {applied} applied by node {}", status.answered_by)?;
    if status.consistency == Consistency::Stale || status.leader != Some(status.answered_by) {
        writeln!(out, "\nThis is what node {} knows; it may be old.", status.answered_by)?;
    }
    let shown = status.nodes.iter().filter(|node| removed || node.state != NodeState::Removed);
    writeln!(out, "\n{}", table(shown))?;
    match status.problems.len() {
        0 => writeln!(out, "\nno problem")?,
        n => writeln!(out, "\n{}", plural(n as u64, "problem"))?,
    }
    for problem in &status.problems {
        writeln!(out, "  {}: {}\n    {}", problem.code, problem.message, problem.remedy)?;
    }
    Ok(())
}

fn table<'a>(nodes: impl Iterator<Item = &'a NodeStatus>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header([
        "NODE",
        "ROLE",
        "STATE",
        "ADMIN ADDRESS",
        "LAG",
        "HEARD",
        "PARTITIONS",
        "DISK FREE",
        "LOG",
        "STATE SIZE",
        "VERSION",
        "ZONE",
    ]);
    let unknown = || "-".to_owned();
    for node in nodes {
        let heard = |ms| format!("{} ago", seconds(Duration::from_millis(ms)));
        let disk = match (node.disk_free_bytes, node.disk_total_bytes) {
            (Some(free), Some(total)) => format!("{} of {}", bytes(free), bytes(total)),
            _ => unknown(),
        };
        let numbers = [4, 6];
        let cells = [
            node.id.to_string(),
            node.role.map_or_else(unknown, |role| role.as_str().to_owned()),
            node.state.as_str().to_owned(),
            node.admin_address.clone(),
            node.lag.map_or_else(unknown, count),
            node.silent_ms.map_or_else(unknown, heard),
            count(node.partitions),
            disk,
            node.log_bytes.map_or_else(unknown, bytes),
            node.state_bytes.map_or_else(unknown, bytes),
            node.software_version.clone(),
            if node.zone.is_empty() { unknown() } else { node.zone.clone() },
        ];
        table.add_row(cells.into_iter().enumerate().map(|(column, text)| {
            let cell = Cell::new(text);
            if numbers.contains(&column) { cell.set_alignment(CellAlignment::Right) } else { cell }
        }));
    }
    table
}
