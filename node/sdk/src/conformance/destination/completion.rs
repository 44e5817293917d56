use super::super::violation::Violation;
use super::driver::Driver;
use super::{Site, sample};

/// Completing again, as after a crash, changes nothing.
pub(super) async fn twice(site: &Site) -> Result<(), Violation> {
    let driver = Driver::new(site);
    for index in 0..2 {
        let (mut writer, marker) = driver.fenced(index, 1).await?;
        let first = index as i64 * 10;
        driver.must_deliver(writer.as_mut(), &marker, first..first + 10, true).await?;
    }
    for _ in 0..3 {
        driver.complete(2).await?;
        sample::expect(site, "completing again changes nothing", 0..20)?;
    }
    Ok(())
}

/// A run that found no rows completes and leaves none.
pub(super) async fn without_rows(site: &Site) -> Result<(), Violation> {
    let driver = Driver::new(site);
    let (mut writer, marker) = driver.fenced(0, 1).await?;
    driver.must_deliver(writer.as_mut(), &marker, 0..0, true).await?;
    drop(writer);
    for _ in 0..2 {
        driver.complete(1).await?;
        sample::expect(site, "a run without rows leaves none", 0..0)?;
    }
    Ok(())
}
