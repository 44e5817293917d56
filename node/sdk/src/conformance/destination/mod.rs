mod completion;
mod driver;
mod fencing;
mod sample;
mod site;
mod units;

use std::sync::Arc;

pub use site::Site;

use super::violation::{OrViolation, Violation};
use crate::CommitKind;
use driver::Driver;

/// Runs all rules of a destination. `fresh` is called once per rule and returns a new, empty place each time.
///
/// The rules: a fence on an empty place, its own, an older, a newer, an unknown and a replaced marker does what
/// [`etl_model::Claim::decide`] says, in one step; a commit advances the marker by exactly one and survives reopening;
/// a writer that was fenced fails and leaves nothing; a writer dropped after writing or staging leaves nothing; units
/// without rows count; routes do not disturb one another; completing twice changes nothing. Destinations without a
/// marker ([`CommitKind::None`]) are held to delivery and completion alone.
pub async fn destination(fresh: impl Fn() -> Site) -> Result<(), Violation> {
    let site = fresh();
    let destination = site.open();
    let driver = Driver::new(&site);
    destination.check(&driver.context).await.or_violation("an empty place passes the check")?;
    let commit = destination.capabilities().commit;
    drop(destination);

    units::arrive(&fresh()).await?;
    units::without_rows(&fresh()).await?;
    units::from_two_routes(&fresh()).await?;
    completion::twice(&fresh()).await?;
    completion::without_rows(&fresh()).await?;
    if commit == CommitKind::None {
        return Ok(());
    }
    units::advance_by_one(&fresh()).await?;
    units::survive_reopening(&fresh()).await?;
    units::dropped_half_way(&fresh()).await?;
    fencing::on_an_empty_place(&fresh()).await?;
    fencing::keeps_the_place(&fresh()).await?;
    fencing::refuses_older_claims(&fresh()).await?;
    fencing::knows_strangers(&fresh()).await?;
    fencing::stops_the_older_writer(&fresh()).await
}

/// Counts of rows delivered, in the form in which a marker carries them.
fn counters(rows: u64) -> etl_model::Counters {
    etl_model::Counters { read: rows, delivered: rows, ..etl_model::Counters::default() }
}

type Opener = dyn Fn() -> Arc<dyn crate::Destination>;
