//! The ticks of cron expressions against a clock that is watched minute by minute.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;
use etl_workflow::Ticks;
use proptest::prelude::*;

const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;

fn at(text: &str) -> u64 {
    u64::try_from(text.parse::<DateTime<Utc>>().unwrap().timestamp_millis()).unwrap()
}

fn text(ms: u64) -> String {
    DateTime::from_timestamp_millis(ms as i64).unwrap().format("%FT%H:%MZ").to_string()
}

fn ticks(cron: &str, zone: &str) -> Ticks {
    Ticks::parse(cron, zone).unwrap()
}

fn all(ticks: &Ticks, from: u64, to: u64) -> Vec<u64> {
    let next = |ms: &u64| ticks.next_after(*ms).filter(|next| *next < to);
    std::iter::successors(next(&(from - 1)), next).collect()
}

/// What the clock of a zone reads, minute by minute, from some time before `from` on.
struct Clock {
    from: u64,
    to: u64,
    readings: Vec<NaiveDateTime>,
}

/// Longer than any hour that is repeated.
const SETTLING: u64 = 2 * DAY;

impl Clock {
    fn new(zone: &str, from: &str, days: u64) -> Self {
        let (zone, from): (Tz, u64) = (zone.parse().unwrap(), at(from));
        let to = from + days * DAY;
        let read =
            |ms| DateTime::from_timestamp_millis(ms as i64).unwrap().with_timezone(&zone).naive_local();
        let readings = (from - SETTLING..to).step_by(MINUTE as usize).map(read).collect();
        Self { from, to, readings }
    }
}

/// Five fields as sets, and what their stars mean.
#[derive(Debug, Clone)]
struct Fields {
    minutes: BTreeSet<u32>,
    hours: BTreeSet<u32>,
    days: Option<BTreeSet<u32>>,
    months: BTreeSet<u32>,
    weekdays: Option<BTreeSet<u32>>,
}

impl Fields {
    fn expression(&self) -> String {
        let list = |values: &BTreeSet<u32>| values.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        let or_star = |values: &Option<BTreeSet<u32>>| values.as_ref().map_or("*".to_owned(), list);
        format!(
            "{} {} {} {} {}",
            list(&self.minutes),
            list(&self.hours),
            or_star(&self.days),
            list(&self.months),
            or_star(&self.weekdays)
        )
    }

    fn fit(&self, local: NaiveDateTime) -> bool {
        let day = self.days.as_ref().map(|days| days.contains(&local.day()));
        let weekday =
            self.weekdays.as_ref().map(|days| days.contains(&local.weekday().num_days_from_sunday()));
        let date = match (day, weekday) {
            (Some(day), Some(weekday)) => day || weekday,
            (day, weekday) => day.unwrap_or(true) && weekday.unwrap_or(true),
        };
        date && self.months.contains(&local.month())
            && self.hours.contains(&local.hour())
            && self.minutes.contains(&local.minute())
    }

    /// As a cron daemon that wakes up every minute and knows what its clock has read so far.
    fn watched(&self, clock: &Clock) -> Vec<u64> {
        let minute = TimeDelta::minutes(1);
        let mut found = Vec::new();
        let mut latest = clock.readings[0];
        for (&now, ms) in
            clock.readings.iter().zip((clock.from - SETTLING..).step_by(MINUTE as usize)).skip(1)
        {
            let fires = match self.hours.len() == 24 {
                true => self.fit(now),
                false => {
                    let mut unread = latest + minute;
                    let mut fires = false;
                    while unread <= now {
                        fires |= self.fit(unread);
                        unread += minute;
                    }
                    fires
                }
            };
            latest = latest.max(now);
            if fires && ms >= clock.from {
                found.push(ms);
            }
        }
        found
    }
}

fn subset(range: std::ops::Range<u32>, most: usize) -> impl Strategy<Value = BTreeSet<u32>> {
    proptest::collection::btree_set(range, 1..=most)
}

fn fields() -> impl Strategy<Value = Fields> {
    let every_hour = Just((0..24).collect::<BTreeSet<u32>>());
    let night = subset(0..5, 3);
    (
        subset(0..60, 4),
        prop_oneof![2 => night, 1 => subset(0..24, 6), 1 => every_hour],
        prop::option::weighted(0.3, subset(1..32, 12)),
        prop_oneof![Just((1..13).collect::<BTreeSet<u32>>()), subset(1..13, 8)],
        prop::option::weighted(0.4, subset(0..7, 4)),
    )
        .prop_map(|(minutes, hours, days, months, weekdays)| Fields {
            minutes,
            hours,
            days,
            months,
            weekdays,
        })
}

/// Zones with changes of an hour, of half an hour, at midnight and before it, and one that has left out a day.
const ZONES: [(&str, &str); 8] = [
    ("Europe/Berlin", "2024-01-01T00:00:00Z"),
    ("America/New_York", "2023-06-01T00:00:00Z"),
    ("Australia/Lord_Howe", "2024-01-01T00:00:00Z"),
    ("America/St_Johns", "2008-01-01T00:00:00Z"),
    ("America/Sao_Paulo", "2017-06-01T00:00:00Z"),
    ("Pacific/Apia", "2011-06-01T00:00:00Z"),
    ("Asia/Kathmandu", "2024-01-01T00:00:00Z"),
    ("UTC", "2024-01-01T00:00:00Z"),
];

static CLOCKS: LazyLock<Vec<Clock>> =
    LazyLock::new(|| ZONES.map(|(zone, from)| Clock::new(zone, from, 400)).into());

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.min(24), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ticks_are_those_of_a_daemon_that_wakes_up_every_minute(
        fields in fields(),
        zone in 0..ZONES.len(),
    ) {
        let (expression, clock) = (fields.expression(), &CLOCKS[zone]);
        let zone = ZONES[zone].0;
        // Impossible dates are refused; that is tested beside the expression.
        let Ok(ticks) = Ticks::parse(&expression, zone) else { return Ok(()) };
        let found = all(&ticks, clock.from, clock.to);
        let expected = fields.watched(clock);
        prop_assert_eq!(
            found.iter().copied().map(text).collect::<Vec<_>>(),
            expected.iter().copied().map(text).collect::<Vec<_>>(),
            "{} in {}", expression, zone
        );
    }

    #[test]
    fn the_next_tick_is_the_same_from_every_moment_before_it(
        fields in fields(),
        (zone, from) in prop::sample::select(&ZONES[..]),
        after in 0..400 * DAY,
    ) {
        let Ok(ticks) = Ticks::parse(&fields.expression(), zone) else { return Ok(()) };
        let moment = at(from) + after;
        let next = ticks.next_after(moment).unwrap();
        prop_assert!(next > moment && next % MINUTE == 0);
        prop_assert_eq!(ticks.next_after(next - 1), Some(next));
        prop_assert_eq!(ticks.next_after(moment.midpoint(next - 1)), Some(next));
    }
}

/// Three zones over several years, all the expressions that people write.
#[test]
fn years_of_ticks_are_those_of_a_daemon() {
    let every = |range: std::ops::Range<u32>| range.collect::<BTreeSet<u32>>();
    let plain = Fields {
        minutes: BTreeSet::from([30]),
        hours: BTreeSet::from([2]),
        days: None,
        months: every(1..13),
        weekdays: None,
    };
    let cases = [
        plain.clone(),
        Fields { hours: BTreeSet::from([0, 1, 2, 3]), minutes: BTreeSet::from([0, 45]), ..plain.clone() },
        Fields { hours: every(0..24), minutes: BTreeSet::from([0, 15, 30, 45]), ..plain.clone() },
        Fields { weekdays: Some(BTreeSet::from([0])), ..plain },
    ];
    for zone in ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"] {
        let clock = Clock::new(zone, "2023-01-01T00:00:00Z", 3 * 365);
        for fields in &cases {
            let expression = fields.expression();
            let found = all(&ticks(&expression, zone), clock.from, clock.to);
            assert!(found.len() > 150, "{}", found.len());
            assert_eq!(found, fields.watched(&clock), "{expression} in {zone}");
        }
    }
}

#[track_caller]
fn assert_ticks(cron: &str, zone: &str, from: &str, expected: &[&str]) {
    let ticks = ticks(cron, zone);
    let next = |ms: &u64| ticks.next_after(*ms);
    let found: Vec<String> =
        std::iter::successors(next(&at(from)), next).take(expected.len()).map(text).collect();
    assert_eq!(found, expected, "{cron} in {zone}");
}

#[test]
fn a_time_in_a_gap_ticks_at_the_first_moment_after_it() {
    let morning = "2024-03-30T00:00:00Z";
    // At 2:00 the clock is put to 3:00, 1:00 UTC.
    assert_ticks(
        "30 2 * * *",
        "Europe/Berlin",
        morning,
        &["2024-03-30T01:30Z", "2024-03-31T01:00Z", "2024-04-01T00:30Z"],
    );
    assert_ticks(
        "*/20 2,3 * * *",
        "Europe/Berlin",
        "2024-03-30T12:00:00Z",
        &["2024-03-31T01:00Z", "2024-03-31T01:20Z", "2024-03-31T01:40Z", "2024-04-01T00:00Z"],
    );
    // Half an hour, at 2:00.
    assert_ticks(
        "15 2 * * *",
        "Australia/Lord_Howe",
        "2024-10-05T00:00:00Z",
        &["2024-10-05T15:30Z", "2024-10-06T15:15Z"],
    );
    // The 30th of December did not take place.
    assert_ticks(
        "0 12 * * *",
        "Pacific/Apia",
        "2011-12-29T00:00:00Z",
        &["2011-12-29T22:00Z", "2011-12-30T10:00Z", "2011-12-30T22:00Z"],
    );
}

#[test]
fn a_time_that_comes_twice_ticks_the_first_time() {
    assert_ticks(
        "30 2 * * *",
        "Europe/Berlin",
        "2024-10-26T12:00:00Z",
        &["2024-10-27T00:30Z", "2024-10-28T01:30Z"],
    );
    assert_ticks(
        "30 1 * * *",
        "America/New_York",
        "2024-11-02T12:00:00Z",
        &["2024-11-03T05:30Z", "2024-11-04T06:30Z"],
    );
}

#[test]
fn a_distance_is_kept_when_the_clock_changes() {
    assert_ticks(
        "0 * * * *",
        "Europe/Berlin",
        "2024-10-26T23:30:00Z",
        &["2024-10-27T00:00Z", "2024-10-27T01:00Z", "2024-10-27T02:00Z"],
    );
    assert_ticks(
        "*/30 * * * *",
        "Europe/Berlin",
        "2024-03-31T00:15:00Z",
        &["2024-03-31T00:30Z", "2024-03-31T01:00Z", "2024-03-31T01:30Z"],
    );
}

#[test]
fn rare_dates_and_the_ends_of_time_are_found() {
    assert_ticks("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", &["2104-02-29T00:00Z"]);
    assert_ticks(
        "0 0 29 2 */7",
        "Europe/Berlin",
        "2084-01-01T00:00:00Z",
        &["2088-02-28T23:00Z", "2128-02-28T23:00Z"],
    );
    assert_ticks("0 * 29 2 *", "America/New_York", "2024-03-01T06:00:00Z", &["2028-02-29T05:00Z"]);
    assert_ticks("* * * * *", "UTC", "1970-01-01T00:00:00Z", &["1970-01-01T00:01Z"]);
    for cron in ["* * * * *", "0 0 1 1 *"] {
        for zone in ["UTC", "Europe/Berlin", "Pacific/Apia", "America/New_York"] {
            for ms in [u64::MAX, i64::MAX as u64, 8_210_266_876_799_999, 8_210_266_876_000_000] {
                let _ = ticks(cron, zone).next_after(ms);
            }
        }
    }
}

#[test]
fn what_cannot_be_read_is_told() {
    assert!(Ticks::parse("0 0 * * *", "Mars/Phobos").is_err_and(|e| e.to_string().contains("Mars/Phobos")));
    assert!(Ticks::parse("0 0 * *", "UTC").is_err_and(|e| e.to_string().contains("5 fields")));
    let read = ticks("@daily", "Europe/Berlin");
    assert_eq!((read.cron(), read.timezone()), ("@daily".to_owned(), "Europe/Berlin"));
}
