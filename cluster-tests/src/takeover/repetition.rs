use std::path::PathBuf;
use std::time::Instant;

use etl_test_services::PostgresServer;

use super::cell::Cell;
use super::control::Control;
use super::fault::Fault;
use super::outcome::Outcome;
use super::site::Site;
use crate::group::Error;

/// The share of the records that is delivered before the fault strikes, in hundredths.
const BEFORE: std::ops::Range<u64> = 10..25;

/// How often a guard is taken out until there is damage.
const ATTEMPTS: u32 = 4;

/// One run with one fault.
#[derive(Debug, Clone)]
pub struct Repetition {
    pub fault: Fault,
    pub cell: Cell,
    /// The guard that is taken out instead.
    pub control: Option<Control>,
    pub records: u64,
    /// Where chance comes from.
    pub seed: u64,
    /// Where the members have their data; the system's temporary directory when there is none.
    pub scratch: Option<PathBuf>,
    /// Whether that stays.
    pub keep: bool,
}

impl Repetition {
    /// Carries it out.
    pub async fn play(&self, server: &PostgresServer) -> Outcome {
        let began = Instant::now();
        let mut random = fastrand::Rng::with_seed(self.seed);
        let mut outcome = Outcome::new(self.fault, self.cell, self.records);
        outcome.seed = self.seed;
        if let Some(control) = self.control {
            (outcome.fault, outcome.is_control) = (control.name(), true);
        }
        for _ in 0..if self.control.is_some() { ATTEMPTS } else { 1 } {
            outcome.failed =
                self.try_play(server, &mut random, &mut outcome).await.err().map(|error| error.to_string());
            // What a guard is there for is a matter of moments: it may not have come to it.
            if outcome.is_damaged() {
                break;
            }
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
        let prefix = format!("{}-", outcome.fault);
        let mut scratch = tempfile::Builder::new();
        scratch.prefix(&prefix).disable_cleanup(self.keep);
        let scratch = match &self.scratch {
            Some(parent) => scratch.tempdir_in(parent)?,
            None => scratch.tempdir()?,
        };
        let began = Instant::now();
        let mut reach = |point: &str| outcome.reached.push((point.to_owned(), began.elapsed().as_secs_f64()));
        let failpoints = self.control.map(Control::failpoints).or_else(|| self.fault.failpoints());
        let environment: Vec<(&str, &str)> =
            failpoints.iter().map(|points| ("FAILPOINTS", points.as_str())).collect();
        let mut site =
            Site::begin(server, self.fault, self.cell, self.records, &environment, scratch).await?;
        reach("started");
        site.until_delivered(random.u64(BEFORE)).await?;
        reach("under way");
        if let Some(control) = self.control {
            outcome.struck = control.strike(&mut site).await?;
            reach("struck");
            site.until("the run is over", async || Ok(site.is_over().await?.then_some(()))).await?;
            outcome.tally = site.tally().await?;
            return Ok(());
        }
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
