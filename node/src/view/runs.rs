use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use comfy_table::{Cell, CellAlignment, Table, presets};
use etl_api::model::{PartitionCounts, RouteTotals, RunPhase, RunSummary, RunView};

use super::balance::balance;
use super::{bytes, count, moment, printable, seconds};

/// Shows runs, one a line.
pub(crate) fn write_runs(out: &mut impl Write, runs: &[RunSummary]) -> std::io::Result<()> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header([
        "RUN",
        "WORKFLOW",
        "VERSION",
        "STATE",
        "PARTITIONS",
        "STARTED (UTC)",
        "TOOK",
        "NODES",
    ]);
    for run in runs {
        let cells = [
            run.run.to_string(),
            run.workflow.clone(),
            run.version.to_string(),
            run.phase.as_str().to_owned(),
            partitions(&run.partitions),
            moment(run.created_at_ms),
            took(run).unwrap_or_else(|| "-".to_owned()),
            run.pinned.map_or_else(|| "all".to_owned(), |node| node.to_string()),
        ];
        table.add_row(cells.into_iter().enumerate().map(|(column, text)| {
            let cell = Cell::new(text);
            if column == 2 { cell.set_alignment(CellAlignment::Right) } else { cell }
        }));
    }
    writeln!(out, "{table}")
}

/// Shows one run with everything that is known of it.
pub(crate) fn write_run(out: &mut impl Write, run: &RunView) -> std::io::Result<()> {
    let summary = &run.summary;
    let RunSummary { workflow, version, phase, .. } = summary;
    writeln!(out, "run {}, workflow {workflow}, version {version}", summary.run)?;
    let by = summary.replaced_by.map_or_else(String::new, |by| format!(" by run {by}"));
    writeln!(out, "state        {}{by}", phase.as_str())?;
    if let Some(message) = &summary.message {
        let lines: Vec<String> = message.lines().map(printable).collect();
        writeln!(out, "why          {}", lines.join("\n             "))?;
    }
    if let Some(way_on) = way_on(summary) {
        writeln!(out, "             {way_on}")?;
    }
    if let Some(schedule) = &summary.schedule {
        writeln!(out, "schedule     {schedule}")?;
    }
    for (number, (parameter, value)) in summary.parameters.iter().enumerate() {
        let label = if number == 0 { "parameters" } else { "" };
        writeln!(out, "{label:12} {parameter}={}", printable(value))?;
    }
    writeln!(out, "started      {} UTC", moment(summary.created_at_ms))?;
    if let (Some(finished), Some(took)) = (summary.finished_at_ms, took(summary)) {
        writeln!(out, "finished     {} UTC, after {took}", moment(finished))?;
    }
    if let Some(node) = summary.pinned {
        writeln!(out, "runs on      node {node} alone, which has its files")?;
    }
    for (step, node) in &summary.hosts {
        writeln!(out, "hosted       step {step} on node {node}, for all partitions")?;
    }
    let mut shards: BTreeMap<(&str, u64), Vec<&str>> = BTreeMap::new();
    for (shard, node) in &run.shards {
        let (step, part) = shard.split_once('.').unwrap_or((shard, ""));
        shards.entry((step, *node)).or_default().push(part);
    }
    for ((step, node), mut parts) in shards {
        // As numbers: the tenth comes after the ninth.
        parts.sort_unstable_by_key(|part| (part.len(), *part));
        writeln!(out, "shards       of step {step} on node {node}: {}", parts.join(" "))?;
    }
    let coordinator = run.coordinator.map_or_else(|| "none".to_owned(), |node| format!("node {node}"));
    writeln!(out, "coordinator  {coordinator}")?;
    writeln!(out, "partitions   {}", partitions_in_full(&summary.partitions))?;
    for RouteTotals { source, destination, counters } in &run.routes {
        writeln!(out, "  {source} -> {destination}")?;
        writeln!(out, "    {}", balance(counters))?;
        let (read, written) = (bytes(counters.bytes_read), bytes(counters.bytes_written));
        writeln!(out, "    {read} read, {written} written")?;
    }
    for (node, letters) in &run.dead_letters {
        writeln!(out, "  {} dead letters lie in the data directory of node {node}", count(*letters))?;
    }
    if run.unreadable_checkpoints > 0 {
        writeln!(
            out,
            "  {} checkpoints cannot be read by the node that answered and are missing here; its software may be older",
            count(run.unreadable_checkpoints)
        )?;
    }
    Ok(())
}

/// What can be done about a run that waits for somebody.
fn way_on(summary: &RunSummary) -> Option<String> {
    let name = &summary.workflow;
    match (summary.phase, summary.finished_at_ms) {
        (RunPhase::Paused, None) => Some(format!("`actix-etl workflow resume {name}` continues it")),
        (RunPhase::Failed, None) => Some(format!(
            "remove the cause, then continue it with `actix-etl workflow resume {name}`; or, with a workflow that has \
             been mended, with `actix-etl workflow run {name}`"
        )),
        _ => None,
    }
}

fn took(run: &RunSummary) -> Option<String> {
    let finished = run.finished_at_ms?;
    Some(seconds(Duration::from_millis(finished.saturating_sub(run.created_at_ms))))
}

/// `3 of 9 done`; with a `+` while there may be more. Of runs long ago none is kept.
pub(super) fn partitions(counts: &PartitionCounts) -> String {
    let PartitionCounts { total, open, complete, .. } = *counts;
    if total == 0 {
        return "-".to_owned();
    }
    let more = if complete { "" } else { "+" };
    format!("{} of {}{more} done", count(total.saturating_sub(open)), count(total))
}

fn partitions_in_full(counts: &PartitionCounts) -> String {
    let PartitionCounts { total, open, assigned, complete } = *counts;
    if total == 0 {
        return "none is known".to_owned();
    }
    let more = if complete { "" } else { "; more may be found" };
    let done = count(total.saturating_sub(open));
    match open {
        0 => format!("{done} of {} done{more}", count(total)),
        _ => format!(
            "{done} of {} done, {} open and {} of them assigned{more}",
            count(total),
            count(open),
            count(assigned)
        ),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) mod tests {
    use etl_model::Counters;
    use uuid::Uuid;

    use super::*;

    pub(crate) fn view(phase: RunPhase) -> RunView {
        let summary = RunSummary {
            run: Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0007),
            workflow: "orders".to_owned(),
            version: 3,
            phase,
            message: None,
            replaced_by: None,
            schedule: None,
            pinned: None,
            hosts: Default::default(),
            parameters: Default::default(),
            created_at_ms: 1_795_386_601_000,
            finished_at_ms: None,
            partitions: PartitionCounts { total: 9, open: 5, assigned: 3, complete: false },
        };
        let counters = Counters {
            read: 1234,
            delivered: 1000,
            filtered: 200,
            dead_lettered: 30,
            failed: 4,
            created: 0,
            bytes_read: 137_000_000,
            bytes_written: 1_000_000,
        };
        let routes = vec![RouteTotals { source: "in".to_owned(), destination: "out".to_owned(), counters }];
        RunView {
            summary,
            coordinator: Some(2),
            shards: Default::default(),
            routes,
            unreadable_checkpoints: 0,
            dead_letters: Default::default(),
        }
    }

    fn written(run: &RunView) -> String {
        let mut out = Vec::new();
        write_run(&mut out, run).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_run_is_shown_with_everything() {
        let text = written(&view(RunPhase::Running));
        assert_eq!(
            text,
            "run 01920000-0000-7000-8000-000000000007, workflow orders, version 3\n\
             state        running\n\
             started      2026-11-22 22:30:01 UTC\n\
             coordinator  node 2\n\
             partitions   4 of 9 done, 5 open and 3 of them assigned; more may be found\n  \
             in -> out\n    \
             1,234 read = 1,000 delivered + 200 filtered + 30 dead-lettered + 4 failed\n    \
             137.0 MB read, 1.0 MB written\n"
        );
    }

    #[test]
    fn a_halted_run_tells_why_and_how_it_goes_on() {
        let mut run = view(RunPhase::Failed);
        run.summary.message = Some("the disk is full\nof \x1b[2Jnode 2".to_owned());
        run.summary.pinned = Some(2);
        run.summary.hosts = [("sink".to_owned(), 3)].into();
        run.shards = [("out.10of12", 1), ("out.2of12", 1), ("out.1of12", 2)]
            .map(|(shard, node)| (shard.to_owned(), node))
            .into();
        run.summary.parameters =
            [("day", "2026-11-01"), ("zone", "a\x1bb")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        run.unreadable_checkpoints = 1;
        run.dead_letters = [(1, 28), (3, 2)].into();
        let text = written(&run);
        assert!(text.contains("why          the disk is full\n             of \\u{1b}[2Jnode 2\n"), "{text}");
        assert!(text.contains("workflow resume orders") && text.contains("workflow run orders"), "{text}");
        assert!(text.contains("node 2 alone") && text.contains("1 checkpoints cannot be read"), "{text}");
        assert!(text.contains("step sink on node 3"), "{text}");
        assert!(text.contains("shards       of step out on node 1: 2of12 10of12\n"), "{text}");
        assert!(text.contains("shards       of step out on node 2: 1of12\n"), "{text}");
        assert!(text.contains("28 dead letters") && text.contains("directory of node 3"), "{text}");
        assert!(text.contains("parameters   day=2026-11-01\n             zone=a\\u{1b}b\n"), "{text}");
        assert!(!text.contains('\x1b'));
        run.summary.finished_at_ms = Some(run.summary.created_at_ms + 185_000);
        let text = written(&run);
        assert!(text.contains("finished     2026-11-22 22:33:06 UTC, after 3 min 05 s"), "{text}");
        assert!(!text.contains("resume"), "a finished run cannot be resumed: {text}");
        let mut replaced = view(RunPhase::Replaced);
        replaced.summary.replaced_by = Some(Uuid::from_u128(1));
        assert!(written(&replaced).contains("replaced by run 00000000-0000-0000-0000-000000000001"));
        assert!(written(&view(RunPhase::Paused)).contains("workflow resume orders"));
    }

    #[test]
    fn runs_are_a_table() {
        let mut done = view(RunPhase::Completed).summary;
        done.partitions = PartitionCounts { total: 9, open: 0, assigned: 0, complete: true };
        done.finished_at_ms = Some(done.created_at_ms + 12_300);
        let mut queued = view(RunPhase::Queued).summary;
        queued.partitions = PartitionCounts::default();
        queued.pinned = Some(1);
        let mut out = Vec::new();
        write_runs(&mut out, &[queued, view(RunPhase::Running).summary, done]).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        let run = "01920000-0000-7000-8000-000000000007";
        assert_eq!(lines[0][..5], ["RUN", "WORKFLOW", "VERSION", "STATE", "PARTITIONS"]);
        assert_eq!(lines[1], [run, "orders", "3", "queued", "-", "2026-11-22", "22:30:01", "-", "1"]);
        assert_eq!(lines[2][3..8], ["running", "4", "of", "9+", "done"]);
        assert_eq!(lines[3][3..8], ["completed", "9", "of", "9", "done"]);
        assert_eq!(lines[3][10..], ["12.3", "s", "all"]);
    }
}
