use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::available_parallelism;

use etl_model::StepName;
use serde_json::json;

use super::found::{Difference, Found, Passing, Place};
use super::life::Crash;
use super::report::Report;
use super::rows::{Row, rows, trials};
use super::sink::Sink;
use super::source::PARTITIONS;
use super::stage::Stage;
use super::trial::{Ended, carry_out};
use crate::Error;
use crate::commands::test::arrivals::Arrivals;
use crate::commands::test::comparison::Mismatch;

/// Failing crashes that are shown with what they did.
const SHOWN: usize = 5;
/// Trials at once per core: they wait most of the time.
const PER_CORE: usize = 12;

/// Crashes of a workflow, and what has to arrive in spite of them.
pub(super) struct Campaign<'a> {
    pub stage: &'a Stage<'a>,
    /// Most trials per crash row.
    pub most: u64,
    sinks: BTreeMap<StepName, Sink>,
    reference: Found,
    passing: Passing,
}

/// What a trial has left that should not be so.
struct Harm {
    crashes: Vec<Crash>,
    failure: Option<String>,
    differences: Vec<Difference>,
}

impl<'a> Campaign<'a> {
    /// Carries runs out without a crash, which tell what has to arrive.
    ///
    /// # Errors
    /// The pipeline cannot be made.
    pub fn prepare(stage: &'a Stage<'a>, most: u64) -> Result<Result<(Self, Vec<Row>), Mismatch>, Error> {
        let sinks = stage.sinks()?;
        let (first, second) = (carry_out(stage, &[])?, carry_out(stage, &[])?);
        if let Some(failure) = first.failure.or(second.failure) {
            return Ok(Err(Mismatch::new(format!("without a crash: {failure}"))));
        }
        let (reference, again) = (first.world.found(&sinks), second.world.found(&sinks));
        let passing = reference.passing(&again);
        let names = ("first run", "second run");
        let differences = reference.differences(&again, &passing, names, |_| true);
        if let Some(Difference { place, diff, .. }) = differences.into_iter().next() {
            let message = format!("two runs without a crash are not the same at {place}");
            return Ok(Err(Mismatch { message, diff, fields: Vec::new() }));
        }
        let rows = rows(&first.passages);
        Ok(Ok((Self { stage, most, sinks, reference, passing }, rows)))
    }

    /// How the run without a crash differs from what the steps make of the records by themselves, at these destinations and
    /// in the dead letters.
    pub fn unlike(&self, arrivals: &Arrivals, destinations: &[StepName]) -> Vec<Mismatch> {
        let mut expected = Found::default();
        for _ in 0..PARTITIONS {
            for (step, records) in &arrivals.records {
                expected.add(Place::Destination(step.clone()), records.clone());
            }
            for (step, error) in &arrivals.letters {
                let letter = json!({ "code": error.code, "record": error.record });
                expected.add(Place::Letters(step.clone()), vec![letter]);
            }
        }
        let is_asked = |place: &Place| match place {
            Place::Destination(name) => destinations.contains(name),
            Place::Letters(_) => true,
        };
        let names = ("steps alone", "run without a crash");
        let differences = expected.differences(&self.reference, &self.passing, names, is_asked);
        let told = |Difference { place, diff, .. }| Mismatch {
            message: format!("a run without a crash has other records than the steps alone at {place}"),
            diff,
            fields: Vec::new(),
        };
        differences.into_iter().map(told).collect()
    }

    /// Crashes everywhere.
    ///
    /// # Errors
    /// The pipeline cannot be made.
    pub fn crash(&self, mut rows: Vec<Row>) -> Result<(Report, Vec<Mismatch>), Error> {
        let trials = trials(&rows, self.most);
        let next = AtomicUsize::new(0);
        let ended: Mutex<BTreeMap<usize, Result<Ended, Error>>> = Mutex::default();
        let work = || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(crashes) = trials.get(number) else { break };
                let end = carry_out(self.stage, crashes);
                ended.lock().unwrap_or_else(PoisonError::into_inner).insert(number, end);
            }
        };
        let threads = available_parallelism().map_or(1, |cores| cores.get() * PER_CORE);
        std::thread::scope(|scope| {
            for _ in 0..threads.min(trials.len()) {
                scope.spawn(work);
            }
        });
        let ended = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut harms = Vec::new();
        for (crashes, end) in trials.iter().zip(ended.into_values()) {
            harms.extend(self.judge(crashes, end?, &mut rows));
        }
        let left = harms.len().saturating_sub(SHOWN);
        let mut mismatches: Vec<Mismatch> =
            harms.into_iter().take(SHOWN).flat_map(Harm::mismatches).collect();
        if left > 0 {
            mismatches.push(Mismatch::new(format!("{left} more trials did harm")));
        }
        Ok((Report { skipped: None, rows, notes: self.notes() }, mismatches))
    }

    /// Counts what has become of the records in the crash row of a trial.
    fn judge(&self, crashes: &[Crash], ended: Ended, rows: &mut [Row]) -> Option<Harm> {
        let found = ended.world.found(&self.sinks);
        let names = ("without a crash", "after the crash");
        let mut differences = self.reference.differences(&found, &self.passing, names, |_| true);
        let row = rows.iter_mut().find(|row| crashes.first().is_some_and(|crash| crash.row == row.name))?;
        row.crashes += ended.crashes;
        for difference in &mut differences {
            if self.may_repeat(&difference.place) {
                row.repeated += std::mem::take(&mut difference.doubled);
            }
            row.lost += difference.lost;
            row.doubled += difference.doubled;
        }
        differences.retain(|difference| difference.lost + difference.doubled > 0);
        let failure = ended.failure;
        let is_harmed = failure.is_some() || !differences.is_empty();
        is_harmed.then(|| Harm { crashes: crashes.to_vec(), failure, differences })
    }

    /// Whether records may come twice there. Those of a step are set aside on the way to any of the destinations.
    fn may_repeat(&self, place: &Place) -> bool {
        match place {
            Place::Destination(name) => self.sinks.get(name).is_some_and(Sink::may_repeat),
            Place::Letters(_) => self.sinks.values().any(|sink| !sink.keeps_marker),
        }
    }

    fn notes(&self) -> Vec<String> {
        let told = |(place, field): &(Place, String)| {
            format!("field `{field}` of {place} is another in every run and is not compared")
        };
        let mut notes: Vec<String> = self.passing.iter().map(told).collect();
        let loose = self.sinks.iter().filter(|(_, sink)| !sink.keeps_marker);
        notes.extend(loose.map(|(name, _)| format!("`{name}` keeps no marker: rows may come again")));
        notes
    }
}

impl Harm {
    fn mismatches(self) -> Vec<Mismatch> {
        let at = |crash: &Crash| format!("passage {} of `{}`", crash.passage, crash.row);
        let place = self.crashes.iter().map(at).collect::<Vec<_>>().join(", then ");
        let mut mismatches = Vec::new();
        if let Some(failure) = self.failure {
            mismatches.push(Mismatch::new(format!("after a crash at {place}: {failure}")));
        }
        mismatches.extend(self.differences.into_iter().map(
            |Difference { place: at, lost, doubled, diff }| {
                let message =
                    format!("after a crash at {place}: {at} has lost {lost} and doubled {doubled} records");
                Mismatch { message, diff, fields: Vec::new() }
            },
        ));
        mismatches
    }
}
