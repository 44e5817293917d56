use std::collections::BTreeMap;
use std::io::Write;

use etl_api::model::{CheckpointView, RunCheckpoints};

use super::{count, moment, plural, printable};

/// Shows how far the routes of a run have come, and where an incremental run goes on.
pub(crate) fn write_checkpoints(out: &mut impl Write, listed: &RunCheckpoints) -> std::io::Result<()> {
    let RunCheckpoints { run, workflow, phase, goes_on_after, checkpoints, unreadable_checkpoints } = listed;
    writeln!(out, "{workflow}: run {run}, {}", phase.as_str())?;
    if checkpoints.is_empty() && *unreadable_checkpoints == 0 {
        writeln!(out, "  no checkpoint is kept of it")?;
    }
    for checkpoint in checkpoints {
        write_one(out, checkpoint)?;
    }
    if *unreadable_checkpoints > 0 {
        let many = plural(*unreadable_checkpoints, "checkpoint");
        writeln!(out, "  {many} cannot be read by the node that answered; its software may be older")?;
    }
    match goes_on_after {
        None => writeln!(out, "  an incremental run begins anew"),
        Some(after) if after == run => {
            for ((source, partition), position) in least(checkpoints) {
                let (partition, position) = (printable(partition), count(position));
                writeln!(out, "  an incremental run goes on at {source}[{partition}]: {position}")?;
            }
            Ok(())
        }
        Some(after) => {
            writeln!(out, "  an incremental run that begins now goes on after run {after}")
        }
    }
}

fn write_one(out: &mut impl Write, checkpoint: &CheckpointView) -> std::io::Result<()> {
    let CheckpointView { source, partition, destination, epoch, unit, position, counters, done, at_ms } =
        checkpoint;
    writeln!(out, "    {source}[{}] -> {destination}:", printable(partition))?;
    let done = if *done { ", done" } else { "" };
    writeln!(out, "      unit {}, epoch {epoch}, position {}{done}", count(*unit), count(*position))?;
    writeln!(
        out,
        "      {} read, {} delivered, at {} UTC",
        count(counters.read),
        count(counters.delivered),
        moment(*at_ms)
    )
}

/// By partition the least position over its destinations.
fn least(checkpoints: &[CheckpointView]) -> BTreeMap<(&str, &str), u64> {
    let mut positions = BTreeMap::new();
    for checkpoint in checkpoints {
        let key = (checkpoint.source.as_str(), checkpoint.partition.as_str());
        let least = positions.entry(key).or_insert(checkpoint.position);
        *least = checkpoint.position.min(*least);
    }
    positions
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use etl_api::model::RunPhase;
    use etl_model::Counters;
    use uuid::Uuid;

    use super::*;

    fn checkpoint(destination: &str, position: u64) -> CheckpointView {
        CheckpointView {
            source: "in".to_owned(),
            partition: "part-\u{1b}1".to_owned(),
            destination: destination.to_owned(),
            epoch: 4,
            unit: 3,
            position,
            counters: Counters { read: 1500, delivered: 1400, ..Counters::default() },
            done: false,
            at_ms: 1_795_386_601_000,
        }
    }

    fn written(listed: &RunCheckpoints) -> String {
        let mut out = Vec::new();
        write_checkpoints(&mut out, listed).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_route_is_shown_and_where_the_next_run_goes_on() {
        let run = Uuid::from_u128(7);
        let mut listed = RunCheckpoints {
            run,
            workflow: "orders".to_owned(),
            phase: RunPhase::Completed,
            goes_on_after: Some(run),
            checkpoints: vec![checkpoint("out", 1600), checkpoint("second", 1500)],
            unreadable_checkpoints: 0,
        };
        let text = written(&listed);
        let expected = "orders: run 00000000-0000-0000-0000-000000000007, completed\n    \
             in[part-\\u{1b}1] -> out:\n      \
             unit 3, epoch 4, position 1,600\n      \
             1,500 read, 1,400 delivered, at 2026-11-22 22:30:01 UTC\n";
        assert!(text.starts_with(expected), "{text}");
        assert!(text.ends_with("goes on at in[part-\\u{1b}1]: 1,500\n"), "the least of both: {text}");
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        listed.phase = RunPhase::Paused;
        listed.goes_on_after = Some(Uuid::from_u128(6));
        listed.unreadable_checkpoints = 1;
        let text = written(&listed);
        assert!(text.contains("after run 00000000-0000-0000-0000-000000000006"), "{text}");
        assert!(text.contains("1 checkpoint cannot be read"), "{text}");
        (listed.goes_on_after, listed.unreadable_checkpoints) = (None, 0);
        listed.checkpoints.clear();
        let text = written(&listed);
        assert!(text.contains("no checkpoint is kept") && text.contains("begins anew"), "{text}");
    }
}
