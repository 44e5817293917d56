use super::super::violation::{OrViolation, Violation, ensure};
use super::driver::{Driver, next_unit};
use super::{Site, counters, sample};

/// Rows of several units are visible after completion, each once.
pub(super) async fn arrive(site: &Site) -> Result<(), Violation> {
    let driver = Driver::new(site);
    let (mut writer, mut marker) = driver.fenced(0, 1).await?;
    for (ids, done) in [(0..10, false), (10..11, false), (11..40, true)] {
        marker = driver.must_deliver(writer.as_mut(), &marker, ids, done).await?;
    }
    drop(writer);
    driver.complete(1).await?;
    sample::expect(site, "every row committed is visible once", 0..40)
}

/// Units without rows move the position.
pub(super) async fn without_rows(site: &Site) -> Result<(), Violation> {
    let driver = Driver::new(site);
    let (mut writer, mut marker) = driver.fenced(0, 1).await?;
    for (ids, done) in [(0..0, false), (0..10, false), (10..10, false), (10..10, true)] {
        marker = driver.must_deliver(writer.as_mut(), &marker, ids, done).await?;
    }
    drop(writer);
    driver.complete(1).await?;
    sample::expect(site, "units without rows add none", 0..10)
}

/// Two partitions write to the same place in turns.
pub(super) async fn from_two_routes(site: &Site) -> Result<(), Violation> {
    let driver = Driver::new(site);
    let destination = site.open();
    let mut left = driver.open_in(&destination, 0).await?;
    let mut right = driver.open_in(&destination, 1).await?;
    let fence = "routes of one destination are fenced apart";
    let mut at_left = left.fence(&driver.claim(1)).await.or_violation(fence)?;
    let mut at_right = right.fence(&driver.claim(1)).await.or_violation(fence)?;
    for (i, done) in [(0, false), (1, false), (2, true)] {
        at_left = driver.must_deliver(left.as_mut(), &at_left, i * 10..i * 10 + 10, done).await?;
        at_right = driver.must_deliver(right.as_mut(), &at_right, 30 + i * 10..40 + i * 10, done).await?;
    }
    drop((left, right));
    driver.complete(2).await?;
    sample::expect(site, "rows of two routes are visible together", 0..60)
}

/// A unit is committed only directly after its predecessor, with the counters of the commit.
pub(super) async fn advance_by_one(site: &Site) -> Result<(), Violation> {
    const RULE: &str = "a unit follows its predecessor and no other";
    let driver = Driver::new(site);
    let (mut writer, start) = driver.fenced(0, 1).await?;
    let first = driver.must_deliver(writer.as_mut(), &start, 0..10, false).await?;
    drop(writer);

    for wrong in [0, 1, 3, 4] {
        let (mut writer, held) = driver.fenced(0, 1).await?;
        ensure(held == first, "a commit leaves the unit's marker", || {
            format!("{held:?} instead of {first:?}")
        })?;
        let mut unit = next_unit(&held, 10..20, false);
        unit.marker.seq = wrong;
        driver.write(writer.as_mut(), 10..20).await.or_violation("rows can be written")?;
        let staged = writer.stage(&unit).await;
        let failed = staged.is_err() || writer.commit(&unit).await.is_err();
        ensure(failed, RULE, || format!("unit {wrong} was committed after unit 1"))?;
        drop(writer);
        driver.expect_marker(RULE, 0, Some(&first)).await?;
    }

    let (mut writer, held) = driver.fenced(0, 1).await?;
    let mut unit = next_unit(&held, 10..20, true);
    driver.write(writer.as_mut(), 10..20).await.or_violation("rows can be written")?;
    writer.stage(&unit).await.or_violation("the next unit can be staged")?;
    unit.marker.counters = counters(20);
    unit.marker.counters.failed = 1;
    unit.marker.counters.read = 21;
    writer.commit(&unit).await.or_violation("the next unit can be committed")?;
    drop(writer);
    driver.expect_marker("the marker carries the counters of the commit", 0, Some(&unit.marker)).await?;
    driver.complete(1).await?;
    sample::expect(site, "refused units leave no rows", 0..20)
}

/// The marker is found again by another process, and the run goes on behind it.
pub(super) async fn survive_reopening(site: &Site) -> Result<(), Violation> {
    let driver = Driver::new(site);
    let (mut writer, mut marker) = driver.fenced(0, 1).await?;
    for round in 0..4 {
        marker =
            driver.must_deliver(writer.as_mut(), &marker, round * 10..round * 10 + 10, round == 3).await?;
        drop(writer);
        driver.expect_marker("a marker survives reopening", 0, Some(&marker)).await?;
        let (again, held) = driver.fenced(0, 1).await?;
        ensure(held == marker, "a fence finds what was committed", || format!("{held:?}, not {marker:?}"))?;
        writer = again;
    }
    drop(writer);
    driver.complete(1).await?;
    sample::expect(site, "a run in pieces delivers every row once", 0..40)
}

/// A writer that disappears after writing or staging leaves nothing; the unit is delivered again.
pub(super) async fn dropped_half_way(site: &Site) -> Result<(), Violation> {
    let driver = Driver::new(site);
    let (mut writer, mut marker) = driver.fenced(0, 1).await?;
    marker = driver.must_deliver(writer.as_mut(), &marker, 0..10, false).await?;
    for (epoch, staged) in [(2, false), (3, true), (4, true)] {
        driver.write(writer.as_mut(), 10..20).await.or_violation("rows can be written")?;
        if staged {
            // A longer unit than the one that is delivered in the end: leftovers would show.
            driver.write(writer.as_mut(), 20..25).await.or_violation("rows can be written")?;
            let unit = next_unit(&marker, 10..25, false);
            writer.stage(&unit).await.or_violation("the holder of the epoch can stage")?;
        }
        drop(writer);
        let (again, held) = driver.fenced(0, epoch).await?;
        marker.epoch = epoch;
        ensure(held == marker, "a unit that was not committed leaves the marker alone", || {
            format!("{held:?} instead of {marker:?}")
        })?;
        writer = again;
    }
    marker = driver.must_deliver(writer.as_mut(), &marker, 10..20, true).await?;
    drop(writer);
    driver.expect_marker("a marker survives reopening", 0, Some(&marker)).await?;
    driver.complete(1).await?;
    sample::expect(site, "a writer that disappears neither loses nor doubles rows", 0..20)
}
