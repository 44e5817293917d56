use etl_raft_state::command::WorkflowSchedule;
use etl_raft_state::parts::{CatchUp, Overlap};
use etl_workflow::{CatchUp as CatchUpWord, Overlap as OverlapWord, Schedule};

use super::ties::Tied;
use crate::refusal::{Kind, Refusal};

/// The schedule of a workflow as the cluster agrees on it, beginning with the first tick after `now_ms`.
pub(super) fn begin(schedule: &Schedule, tied: Tied, now_ms: u64) -> Result<WorkflowSchedule, Refusal> {
    let next_fire_ms = schedule.ticks.next_after(now_ms).ok_or_else(|| {
        let message = "the schedule has no tick that is still to come";
        Refusal::new(Kind::Invalid, "invalid_request", message)
            .help("see whether the clock of this node is right")
    })?;
    Ok(WorkflowSchedule {
        cron: schedule.ticks.cron(),
        timezone: schedule.ticks.timezone().to_owned(),
        overlap: match schedule.overlap {
            OverlapWord::Skip => Overlap::Skip,
            OverlapWord::Queue => Overlap::Queue,
            OverlapWord::Replace => Overlap::Replace,
        },
        catch_up: match schedule.catch_up {
            CatchUpWord::None => CatchUp::None,
            CatchUpWord::Last => CatchUp::One,
            CatchUpWord::All => CatchUp::All,
        },
        next_fire_ms,
        pinned: tied.pinned,
        hosts: tied.hosts,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use etl_workflow::Ticks;

    use super::*;

    #[test]
    fn a_schedule_begins_after_now() {
        let words = |overlap, catch_up| {
            let ticks = Ticks::parse("@daily", "Europe/Berlin").unwrap();
            let tied = Tied { pinned: Some(3), hosts: [("sink".to_owned(), 4)].into() };
            begin(&Schedule { ticks, overlap, catch_up }, tied, 1_704_063_600_000).unwrap()
        };
        let begun = words(OverlapWord::Skip, CatchUpWord::Last);
        assert_eq!((begun.cron.as_str(), begun.timezone.as_str()), ("@daily", "Europe/Berlin"));
        assert_eq!(begun.next_fire_ms, 1_704_150_000_000, "the next midnight, not the one that is now");
        assert_eq!((begun.overlap, begun.catch_up, begun.pinned), (Overlap::Skip, CatchUp::One, Some(3)));
        assert_eq!(begun.hosts, [("sink".to_owned(), 4)].into());
        let begun = words(OverlapWord::Queue, CatchUpWord::None);
        assert_eq!((begun.overlap, begun.catch_up), (Overlap::Queue, CatchUp::None));
        let begun = words(OverlapWord::Replace, CatchUpWord::All);
        assert_eq!((begun.overlap, begun.catch_up), (Overlap::Replace, CatchUp::All));
    }

    #[test]
    fn a_clock_at_the_end_of_time_is_told() {
        let ticks = Ticks::parse("@daily", "UTC").unwrap();
        let schedule = Schedule { ticks, overlap: OverlapWord::Skip, catch_up: CatchUpWord::Last };
        let refusal = begin(&schedule, Tied::default(), u64::MAX).unwrap_err();
        assert!(refusal.message.contains("no tick") && refusal.help.is_some(), "{refusal:?}");
    }
}
