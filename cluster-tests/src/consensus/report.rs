use comfy_table::Table;

use super::figures::Figure;
use super::usage::Usage;

/// What was measured of one system.
#[derive(Debug, Default, serde::Serialize)]
pub struct System {
    pub name: &'static str,
    pub writes: Vec<Figure>,
    pub reads: Vec<Figure>,
    pub idle: Option<Usage>,
    /// While the most clients wrote.
    pub loaded: Option<Usage>,
    /// Absent where members do not come and go.
    pub changes: Option<Changes>,
}

/// How long members take to come, go and come back.
#[derive(Debug, serde::Serialize)]
pub struct Changes {
    /// From SIGKILL of the leader to the first write that another member acknowledges.
    pub without_leader_p50_ms: f64,
    pub without_leader_p99_ms: f64,
    /// From the start of a member without data to its having what the others have: of a small state, and of a large one.
    pub join_ms: f64,
    pub join_large_ms: f64,
    /// From the start of a lone member to its first answer, after so many writes.
    pub start_up_ms: f64,
}

/// Prints one document, or tables.
pub fn show(systems: &[System], json: bool) {
    if json {
        println!("{}", serde_json::json!(systems));
        return;
    }
    let mut table = Table::new();
    table.set_header(["", "clients", "per second", "p50 ms", "p99 ms"]);
    for system in systems {
        for (kind, figures) in [("writes", &system.writes), ("reads", &system.reads)] {
            for figure in figures {
                table.add_row([
                    format!("{} {kind}", system.name),
                    figure.clients.to_string(),
                    format!("{:.0}", figure.per_second),
                    format!("{:.2}", figure.p50_ms),
                    format!("{:.2}", figure.p99_ms),
                ]);
            }
        }
    }
    println!("{table}");
    let list = |numbers: &[f64]| numbers.iter().map(|n| format!("{n:.2}")).collect::<Vec<_>>().join(", ");
    for system in systems {
        let name = system.name;
        for (when, used) in [("idle", &system.idle), ("loaded", &system.loaded)] {
            if let Some(used) = used {
                println!(
                    "{name} {when}: {} cores, {} MiB resident, {} MiB of it their own",
                    list(&used.cores),
                    list(&used.resident_mib),
                    list(&used.own_mib)
                );
            }
        }
        if let Some(changes) = &system.changes {
            println!(
                "{name}: without a leader after SIGKILL p50 {:.0} ms, p99 {:.0} ms; join {:.0} ms, with a large state \
                 {:.0} ms; start-up {:.0} ms",
                changes.without_leader_p50_ms,
                changes.without_leader_p99_ms,
                changes.join_ms,
                changes.join_large_ms,
                changes.start_up_ms
            );
        }
    }
}
