use etl_model::{Claim, Counters, Marker, Position};

use super::super::violation::{OrViolation, Violation, ensure};
use super::driver::{Driver, is_fenced, next_unit};
use super::{Site, sample};

/// The first fence stores a marker that starts where the claim says.
pub(super) async fn on_an_empty_place(site: &Site) -> Result<(), Violation> {
    const RULE: &str = "the first fence stores a fresh marker";
    let driver = Driver::new(site);
    driver.expect_marker("an empty place has no marker", 0, None).await?;
    let start = Some(Position { next: 7, cursor: serde_json::json!({ "size": 9 }) });
    let claim = Claim { start: start.clone(), ..driver.claim(5) };
    let fresh = Marker {
        run: driver.context.run,
        epoch: 5,
        seq: 0,
        position: start,
        counters: Counters::default(),
        done: false,
    };
    let found = driver.open(0).await?.fence(&claim).await.or_violation(RULE)?;
    ensure(found == fresh, RULE, || format!("{found:?} instead of {fresh:?}"))?;
    driver.expect_marker(RULE, 0, Some(&fresh)).await?;
    driver.expect_marker("markers of routes are apart", 1, None).await
}

/// The same claim finds the marker as it is; a higher epoch changes the epoch alone.
pub(super) async fn keeps_the_place(site: &Site) -> Result<(), Violation> {
    const RULE: &str = "a fence keeps place and counters";
    let driver = Driver::new(site);
    let (mut writer, marker) = driver.fenced(0, 1).await?;
    let committed = driver.must_deliver(writer.as_mut(), &marker, 0..10, false).await?;
    drop(writer);
    for epoch in [1, 2, 9, 9] {
        let (_, held) = driver.fenced(0, epoch).await?;
        let expected = Marker { epoch, ..committed.clone() };
        ensure(held == expected, RULE, || format!("{held:?} instead of {expected:?}"))?;
        driver.expect_marker(RULE, 0, Some(&expected)).await?;
    }
    Ok(())
}

/// A claim with a lower epoch than the marker's is refused and changes nothing.
pub(super) async fn refuses_older_claims(site: &Site) -> Result<(), Violation> {
    const RULE: &str = "an older claim is refused and changes nothing";
    let driver = Driver::new(site);
    let (_, held) = driver.fenced(0, 4).await?;
    for epoch in [1, 3] {
        let refused = driver.open(0).await?.fence(&driver.claim(epoch)).await;
        ensure(is_fenced(&refused), RULE, || format!("epoch {epoch}: {refused:?}"))?;
    }
    let other = Driver::new(site);
    let mut claim = other.claim(4);
    claim.replaces.push(driver.context.run);
    let refused = other.open(0).await?.fence(&claim).await;
    ensure(is_fenced(&refused), RULE, || format!("another run of the same epoch: {refused:?}"))?;
    driver.expect_marker(RULE, 0, Some(&held)).await
}

/// A marker of a run nobody named is refused; one that the claim replaces starts afresh.
pub(super) async fn knows_strangers(site: &Site) -> Result<(), Violation> {
    let driver = Driver::new(site);
    let (mut writer, marker) = driver.fenced(0, 1).await?;
    let committed = driver.must_deliver(writer.as_mut(), &marker, 0..10, false).await?;

    let other = Driver::new(site);
    let refused = other.open(0).await?.fence(&other.claim(2)).await;
    ensure(
        refused.as_ref().is_err_and(|error| !is_fenced(&refused) && error.help().is_some()),
        "an unknown run's marker is refused with a remedy",
        || format!("{refused:?}"),
    )?;
    driver.expect_marker("a refused claim changes nothing", 0, Some(&committed)).await?;

    // The old run has a unit in hand when it is replaced.
    let unit = next_unit(&committed, 10..20, false);
    driver.write(writer.as_mut(), 10..20).await.or_violation("rows can be written")?;
    let mut claim = other.claim(2);
    claim.replaces.push(driver.context.run);
    let mut successor = other.open(0).await?;
    let fresh = successor.fence(&claim).await.or_violation("a known run's marker is replaced")?;
    ensure(
        fresh.run == other.context.run && fresh.epoch == 2 && fresh.seq == 0 && fresh.position.is_none(),
        "a replaced marker starts afresh",
        || format!("{fresh:?}"),
    )?;
    let staged = writer.stage(&unit).await;
    let late = if staged.is_ok() { writer.commit(&unit).await } else { staged.map(drop) };
    ensure(is_fenced(&late), "a replaced run's writer is told to stop", || format!("{late:?}"))?;
    drop(writer);
    other.expect_marker("a replaced run's writer changes nothing", 0, Some(&fresh)).await?;
    let done = other.must_deliver(successor.as_mut(), &fresh, 100..110, true).await?;
    drop(successor);
    other.expect_marker("a marker survives reopening", 0, Some(&done)).await?;
    other.complete(1).await?;
    // What the abandoned run had committed may stay (a database) or go (a file): both are without doubles.
    let seen = |id: i64| {
        let rows = site.rows();
        rows.iter().filter(|row| row.get("id").and_then(serde_json::Value::as_i64) == Some(id)).count()
    };
    ensure(
        (100..110).all(|id| seen(id) == 1)
            && (10..20).all(|id| seen(id) == 0)
            && (0..10).all(|id| seen(id) <= 1),
        "a replaced run leaves nothing that it had not committed",
        || format!("{:?}", site.rows()),
    )
}

/// A writer whose epoch was overtaken can neither stage nor commit, and its rows are gone.
pub(super) async fn stops_the_older_writer(site: &Site) -> Result<(), Violation> {
    const RULE: &str = "a fenced writer is told to stop and leaves nothing";
    let driver = Driver::new(site);
    let (mut writer, mut marker) = driver.fenced(0, 1).await?;
    marker = driver.must_deliver(writer.as_mut(), &marker, 0..10, false).await?;
    for (epoch, rows) in [(2, 10..30), (3, 10..10)] {
        let unit = next_unit(&marker, rows.clone(), false);
        if !rows.is_empty() {
            driver.write(writer.as_mut(), rows).await.or_violation("rows can be written")?;
        }
        let (successor, held) = driver.fenced(0, epoch).await?;
        marker.epoch = epoch;
        ensure(held == marker, "a fence keeps the place", || format!("{held:?} instead of {marker:?}"))?;
        let staged = writer.stage(&unit).await;
        let late = if staged.is_ok() { writer.commit(&unit).await } else { staged.map(drop) };
        ensure(is_fenced(&late), RULE, || format!("epoch {} after {epoch}: {late:?}", unit.marker.epoch))?;
        driver.expect_marker(RULE, 0, Some(&marker)).await?;
        writer = successor;
    }
    driver.must_deliver(writer.as_mut(), &marker, 10..20, true).await?;
    drop(writer);
    driver.complete(1).await?;
    sample::expect(site, RULE, 0..20)
}
