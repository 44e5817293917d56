use std::path::PathBuf;
use std::time::Instant;

use etl_test_services::PostgresServer;

use super::cell::Cell;
use super::fault::Fault;
use super::outcome::Outcome;
use super::site::Site;
use crate::group::Error;

/// The share of the records that is delivered before the fault strikes, in hundredths.
const BEFORE: std::ops::Range<u64> = 10..25;

/// One run with one fault.
#[derive(Debug, Clone)]
pub struct Repetition {
    pub fault: Fault,
    pub cell: Cell,
    pub records: u64,
    /// Where the members have their data; the system's temporary directory when there is none.
    pub scratch: Option<PathBuf>,
    /// Whether that stays.
    pub keep: bool,
}

impl Repetition {
    /// Carries it out.
    pub async fn play(&self, server: &PostgresServer, random: &mut fastrand::Rng) -> Outcome {
        let began = Instant::now();
        let mut outcome = Outcome::new(self.fault, self.cell, self.records);
        if let Err(error) = self.try_play(server, random, &mut outcome).await {
            outcome.failed = Some(error.to_string());
        }
        outcome.seconds = began.elapsed().as_secs_f64();
        outcome
    }

    async fn try_play(
        &self,
        server: &PostgresServer,
        random: &mut fastrand::Rng,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        let prefix = format!("{}-", self.fault.name());
        let mut scratch = tempfile::Builder::new();
        scratch.prefix(&prefix).disable_cleanup(self.keep);
        let scratch = match &self.scratch {
            Some(parent) => scratch.tempdir_in(parent)?,
            None => scratch.tempdir()?,
        };
        let began = Instant::now();
        let mut reach = |point| outcome.reached.push((point, began.elapsed().as_secs_f64()));
        let mut site = Site::begin(server, self.fault, self.cell, self.records, scratch).await?;
        reach("started");
        site.until_delivered(random.u64(BEFORE)).await?;
        reach("under way");
        let blow = self.fault.strike(&mut site).await?;
        reach("struck");
        let counted = site.until_complete().await?;
        reach("complete");
        outcome.counted = counted;
        outcome.tally = site.tally().await?;
        outcome.struck = self.fault.judge(blow, &mut site).await?;
        Ok(())
    }
}
