use comfy_table::{Table, presets};

/// The most memory that a partition may cost which has nothing to do, in bytes.
const GOAL: f64 = 20.0 * 1024.0;

/// What was measured.
#[derive(Debug, Default, Clone, serde::Serialize)]
pub struct Report {
    pub throughput: Vec<Throughput>,
    pub idle: Option<Idle>,
    pub catalogue: Option<Catalogue>,
}

/// One run into a destination that is far away.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Throughput {
    pub nodes: u8,
    pub records: u64,
    pub seconds: f64,
    pub per_second: f64,
}

/// Partitions that have nothing to do.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Idle {
    pub partitions: u64,
    /// From the order to run until a node works on each of them.
    pub placed_seconds: f64,
    /// Resident memory, over all nodes.
    pub bytes_each: f64,
    /// Resident memory of each node.
    pub nodes_mib: Vec<f64>,
    /// While nothing happens.
    pub raft_entries_per_second: f64,
    pub raft_bytes_per_second: f64,
    /// Share of a core.
    pub leader_cores: f64,
    pub all_cores: f64,
}

/// Workflows that are in force.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Catalogue {
    pub workflows: u64,
    /// One after the other.
    pub applied_seconds: f64,
    pub listed_seconds: f64,
}

impl Report {
    /// Whether three nodes are faster than one, and a partition without work costs no more than it may. `with_memory` is
    /// false where too few partitions share what a node needs in any case.
    pub fn holds(&self, with_memory: bool) -> bool {
        let rate = |nodes| {
            self.throughput.iter().find(|run| run.nodes == nodes).map(|run: &Throughput| run.per_second)
        };
        let grows = match (rate(1), rate(3)) {
            (Some(one), Some(three)) => three > one,
            _ => true,
        };
        grows && self.idle.as_ref().is_none_or(|idle| !with_memory || idle.bytes_each <= GOAL)
    }

    /// Prints it.
    pub fn show(&self) {
        if !self.throughput.is_empty() {
            let mut table = Table::new();
            table.load_preset(presets::ASCII_MARKDOWN).set_header(["nodes", "records", "s", "records/s"]);
            for run in &self.throughput {
                table.add_row([
                    run.nodes.to_string(),
                    run.records.to_string(),
                    format!("{:.1}", run.seconds),
                    format!("{:.0}", run.per_second),
                ]);
            }
            println!("{table}");
        }
        if let Some(idle) = &self.idle {
            let nodes: Vec<String> = idle.nodes_mib.iter().map(|mib| format!("{mib:.0}")).collect();
            println!(
                "{} partitions without work on three nodes: placed and claimed in {:.1} s, {:.1} KiB each (nodes of {} MiB); Raft \
                 {:.1} entries/s, {:.0} bytes/s; the leader {:.1} % of a core, all {:.1} %",
                idle.partitions,
                idle.placed_seconds,
                idle.bytes_each / 1024.0,
                nodes.join(", "),
                idle.raft_entries_per_second,
                idle.raft_bytes_per_second,
                idle.leader_cores * 100.0,
                idle.all_cores * 100.0
            );
        }
        if let Some(catalogue) = &self.catalogue {
            println!(
                "{} workflows applied one after the other in {:.2} s, listed in {:.3} s",
                catalogue.workflows, catalogue.applied_seconds, catalogue.listed_seconds
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_nodes_must_be_faster_and_partitions_small() {
        let run = |nodes, per_second| Throughput { nodes, records: 1, seconds: 1.0, per_second };
        let mut report = Report { throughput: vec![run(1, 10.0), run(3, 20.0)], ..Report::default() };
        assert!(report.holds(true));
        report.throughput[1].per_second = 10.0;
        assert!(!report.holds(true));
        let idle = Idle {
            partitions: 1,
            placed_seconds: 0.0,
            bytes_each: GOAL + 1.0,
            nodes_mib: Vec::new(),
            raft_entries_per_second: 0.0,
            raft_bytes_per_second: 0.0,
            leader_cores: 0.0,
            all_cores: 0.0,
        };
        let report = Report { idle: Some(idle), ..Report::default() };
        assert!(!report.holds(true) && report.holds(false));
    }
}
