use etl_raft_state::Command;
use etl_raft_state::command::{FireSchedule, SkipTicks};
use etl_raft_state::parts::CatchUp;
use etl_workflow::{Ticks, TicksError};
use uuid::Uuid;

use super::scene::Due;

/// A tick was missed when nobody has fired it for so long: longer than it takes to elect a leader. As ticks are at least a
/// minute apart, one at most is on time.
const LATE_MS: u64 = 60_000;
/// Missed ticks of one schedule that are caught up one by one; older ones are left out. (Kubernetes gives up at as many.)
const CAUGHT_UP: usize = 100;
const MINUTE_MS: u64 = 60_000;

/// What has to be proposed for a schedule that is due; nothing while missed ticks wait for the run before theirs.
///
/// A tick that is on time fires, whatever else was missed. Of missed ones `none` leaves out all, `one` fires once for all of
/// them, and `all` fires each as soon as the run before it is finished, because otherwise `overlap` would make them one.
///
/// # Errors
/// The schedule's text cannot be read by this software.
pub(crate) fn decide(due: &Due, now_ms: u64, run: Uuid) -> Result<Option<Command>, TicksError> {
    let schedule = &due.schedule;
    let first = schedule.next_fire_ms;
    let ticks = Ticks::parse(&schedule.cron, &schedule.timezone)?;
    // Without another tick there is nothing to go on to; only at the end of the calendar.
    let Some(next) = ticks.next_after(now_ms.max(first)) else { return Ok(None) };
    if first > now_ms {
        return Ok(None);
    }
    let fire = |next_fire_ms| {
        FireSchedule { name: due.name.clone(), expected_next_fire_ms: first, next_fire_ms, run }.into()
    };
    let is_missed = |tick: u64| now_ms - tick >= LATE_MS;
    // The last one that is due, if it is not missed.
    let on_time = match is_missed(first) {
        false => true,
        true => ticks.next_after(now_ms.saturating_sub(LATE_MS)).is_some_and(|tick| tick <= now_ms),
    };
    Ok(match schedule.catch_up {
        CatchUp::None if !on_time => Some(
            SkipTicks { name: due.name.clone(), expected_next_fire_ms: first, next_fire_ms: next }.into(),
        ),
        CatchUp::None | CatchUp::One => Some(fire(next)),
        CatchUp::All if is_missed(first) && !due.is_free => None,
        CatchUp::All => Some(fire(after_first(&ticks, first, now_ms).unwrap_or(next))),
    })
}

/// The tick to go on with after the first of those that are due, so that no more are left than are caught up.
fn after_first(ticks: &Ticks, first: u64, now_ms: u64) -> Option<u64> {
    let left_after = |ms: u64| {
        let due = std::iter::successors(Some(ms), |ms| ticks.next_after(*ms)).skip(1);
        due.take_while(|tick| *tick <= now_ms).take(CAUGHT_UP).count()
    };
    if left_after(first) < CAUGHT_UP {
        return ticks.next_after(first);
    }
    // In minutes: too many come after the one, few enough after the other.
    let (mut many, mut few) = (first / MINUTE_MS, now_ms / MINUTE_MS);
    while many + 1 < few {
        let middle = many.midpoint(few);
        match left_after(middle * MINUTE_MS) < CAUGHT_UP {
            true => few = middle,
            false => many = middle,
        }
    }
    ticks.next_after(few * MINUTE_MS)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use etl_raft_state::parts::{Overlap, Schedule};
    use proptest::prelude::*;

    use super::*;

    const HOUR: u64 = 60 * MINUTE_MS;
    /// 2024-01-01T00:00:00Z
    const NEW_YEAR: u64 = 1_704_067_200_000;

    fn due(catch_up: CatchUp, cron: &str, next_fire_ms: u64) -> Due {
        let schedule = Schedule {
            version: 1,
            workflow: "orders".to_owned(),
            cron: cron.to_owned(),
            timezone: "UTC".to_owned(),
            overlap: Overlap::Skip,
            catch_up,
            next_fire_ms,
            last_run: None,
            pinned: None,
            hosts: Default::default(),
        };
        Due { name: "orders".to_owned(), schedule, is_free: true }
    }

    /// The time of the next tick, and whether there is a run.
    fn step(due: &Due, now_ms: u64) -> Option<(u64, bool)> {
        match decide(due, now_ms, Uuid::nil()).unwrap()? {
            Command::FireSchedule(fire) => {
                assert_eq!(fire.expected_next_fire_ms, due.schedule.next_fire_ms);
                Some((fire.next_fire_ms, true))
            }
            Command::SkipTicks(skip) => {
                assert_eq!(skip.expected_next_fire_ms, due.schedule.next_fire_ms);
                Some((skip.next_fire_ms, false))
            }
            other => panic!("{other:?}"),
        }
    }

    /// Runs until nothing is due any more, and the tick after that.
    fn exhaust(mut due: Due, now_ms: u64) -> (usize, u64) {
        let mut runs = 0;
        while due.schedule.next_fire_ms <= now_ms {
            let (next, has_run) = step(&due, now_ms).unwrap();
            assert!(next > due.schedule.next_fire_ms);
            due.schedule.next_fire_ms = next;
            runs += usize::from(has_run);
        }
        (runs, due.schedule.next_fire_ms)
    }

    const EACH: [CatchUp; 3] = [CatchUp::None, CatchUp::One, CatchUp::All];

    #[test]
    fn a_tick_on_time_fires_whatever_is_said_of_missed_ones() {
        for catch_up in EACH {
            for late in [0, 1, LATE_MS - 1] {
                let due = due(catch_up, "0 * * * *", NEW_YEAR);
                assert_eq!(step(&due, NEW_YEAR + late), Some((NEW_YEAR + HOUR, true)));
                let busy = Due { is_free: false, ..due };
                assert_eq!(step(&busy, NEW_YEAR + late), Some((NEW_YEAR + HOUR, true)), "overlap decides");
            }
            assert_eq!(step(&due(catch_up, "0 * * * *", NEW_YEAR), NEW_YEAR - 1), None, "not due");
        }
    }

    #[test]
    fn missed_ticks_are_left_out_or_caught_up_as_one_or_each() {
        let now = NEW_YEAR + 5 * HOUR + LATE_MS;
        let cases = [(CatchUp::None, 0), (CatchUp::One, 1), (CatchUp::All, 6)];
        for (catch_up, runs) in cases {
            let due = due(catch_up, "0 * * * *", NEW_YEAR);
            assert_eq!(exhaust(due, now), (runs, NEW_YEAR + 6 * HOUR), "{catch_up:?}");
        }
        // With the last one on time.
        for (catch_up, runs) in [(CatchUp::None, 1), (CatchUp::One, 1), (CatchUp::All, 6)] {
            let due = due(catch_up, "0 * * * *", NEW_YEAR);
            assert_eq!(exhaust(due, now - 1), (runs, NEW_YEAR + 6 * HOUR), "{catch_up:?}");
        }
    }

    #[test]
    fn missed_ticks_wait_for_the_run_before_theirs() {
        let missed = due(CatchUp::All, "0 * * * *", NEW_YEAR);
        let busy = Due { is_free: false, ..missed.clone() };
        assert_eq!(step(&busy, NEW_YEAR + 3 * HOUR), None);
        assert_eq!(step(&missed, NEW_YEAR + 3 * HOUR), Some((NEW_YEAR + HOUR, true)));
        for catch_up in [CatchUp::None, CatchUp::One] {
            let busy = Due { is_free: false, ..due(catch_up, "0 * * * *", NEW_YEAR) };
            assert!(step(&busy, NEW_YEAR + 3 * HOUR).is_some());
        }
    }

    #[test]
    fn no_more_than_a_hundred_are_caught_up() {
        for (missed, runs) in [(99, 99), (100, 100), (101, 100), (150, 100), (500_000, 100)] {
            let due = due(CatchUp::All, "* * * * *", NEW_YEAR);
            let now = NEW_YEAR + missed * MINUTE_MS + 30_000;
            // The last is on time.
            assert_eq!(exhaust(due, now).0, runs + usize::from(missed == 99), "{missed}");
        }
        let hourly = due(CatchUp::All, "30 3 * * *", NEW_YEAR + HOUR / 2 * 7);
        let now = NEW_YEAR + 200 * 24 * HOUR;
        assert_eq!(exhaust(hourly, now), (100, NEW_YEAR + 200 * 24 * HOUR + HOUR / 2 * 7));
    }

    #[test]
    fn a_schedule_of_newer_software_is_told() {
        assert!(decide(&due(CatchUp::One, "@noon", NEW_YEAR), NEW_YEAR, Uuid::nil()).is_err());
        for now in [NEW_YEAR, i64::MAX as u64, u64::MAX] {
            for catch_up in EACH {
                let _ = decide(&due(catch_up, "* * * * *", NEW_YEAR), now, Uuid::nil());
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// A clock that jumps as it likes, seen by leaders that come and go.
        #[test]
        fn no_tick_fires_twice_and_none_is_forgotten(
            looks in proptest::collection::vec((-3 * HOUR as i64..3 * HOUR as i64, any::<bool>()), 1..60),
            policy in 0..3usize,
        ) {
            let mut due = due(EACH[policy], "*/7 * * * *", NEW_YEAR);
            let (mut now, mut latest) = (NEW_YEAR, NEW_YEAR);
            let mut used: Vec<(u64, u64)> = Vec::new();
            for (jump, is_free) in looks {
                now = now.checked_add_signed(jump).unwrap();
                latest = latest.max(now);
                due.is_free = is_free;
                let before = due.schedule.next_fire_ms;
                if let Some((next, _)) = step(&due, now) {
                    prop_assert!(before <= now && next > before);
                    used.push((before, next));
                    due.schedule.next_fire_ms = next;
                }
            }
            prop_assert!(used.windows(2).all(|pair| pair[0].1 == pair[1].0), "one after the other: {:?}", used);
            due.is_free = true;
            let (_, next) = exhaust(due.clone(), latest);
            let ticks = Ticks::parse("*/7 * * * *", "UTC").unwrap();
            prop_assert_eq!(Some(next), ticks.next_after(latest));
        }
    }
}
