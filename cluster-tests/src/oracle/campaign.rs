use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::cell::{Cell, Fate, SourceKind};
use super::cell_report::CellReport;
use super::error::Error;
use super::fault::{Action, Fault};
use super::outage::Struck;
use super::postgres::Services;
use super::process::Ended;
use super::record::DataSet;
use super::rework::{Measure, Rework};
use super::site::{Mark, Site};

/// Partitions of the input, except of a table, which is one.
const PARTITIONS: usize = 2;
/// How often a fault is tried before the run of a cell is called toothless.
const TRIES: u32 = 12;

/// Runs after which there must have been as many crashes.
const RUNS_WITHOUT_END: u64 = 20;

/// How much is done to one cell.
#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    /// Records of one run.
    pub records: usize,
    /// At least so many records in all.
    pub records_in_all: u64,
    /// At least so many crashes that bit.
    pub crashes: u64,
    /// Crashes meant for one run.
    pub crashes_per_run: usize,
    /// Every fault that must strike here at least once.
    pub faults: Vec<Fault>,
    /// Random kills from outside for one named fault, as a fraction.
    pub signals: f64,
    /// The most passages of a point to let by.
    pub spread: u32,
}

/// What a run without faults shows of a cell.
struct Baseline {
    duration: Duration,
    /// What may be fetched again after a fault.
    rework: Rework,
}

struct Campaign<'a> {
    cell: Cell,
    plan: &'a Plan,
    root: &'a Path,
    services: &'a Services,
    random: fastrand::Rng,
    report: CellReport,
    /// Faults that are still to strike, with the tries made.
    pending: VecDeque<(Fault, u32)>,
    /// Faults that were tried often enough.
    given_up: BTreeSet<String>,
}

/// Carries out a plan on one cell, below `root`.
pub fn run(cell: Cell, plan: &Plan, root: &Path, services: &Services) -> Result<CellReport, Error> {
    let began = Instant::now();
    let mut campaign = Campaign {
        cell,
        plan,
        root,
        services,
        random: fastrand::Rng::with_seed(plan.seed),
        report: CellReport { cell: cell.to_string(), ..CellReport::default() },
        pending: VecDeque::new(),
        given_up: BTreeSet::new(),
    };
    campaign.refill();
    let baseline = campaign.baseline()?;
    while campaign.goes_on() {
        if let Err(error) = campaign.one_run(&baseline) {
            campaign.report.unexplained.push(error.to_string());
            break;
        }
        if campaign.report.runs > RUNS_WITHOUT_END && campaign.report.crashes() < campaign.report.runs {
            campaign.report.unexplained.push("fewer than one crash a run bites".to_owned());
            break;
        }
    }
    let mut report = campaign.report;
    let struck = |fault: &Fault| report.strikes.contains_key(&fault.name());
    report.toothless = plan.faults.iter().filter(|fault| !struck(fault)).map(|fault| fault.name()).collect();
    report.seconds = began.elapsed().as_secs_f64();
    Ok(report)
}

impl<'a> Campaign<'a> {
    fn goes_on(&self) -> bool {
        let plan = self.plan;
        let settled = |fault: &Fault| {
            let name = fault.name();
            self.report.strikes.contains_key(&name) || self.given_up.contains(&name)
        };
        self.report.crashes() < plan.crashes
            || self.report.records < plan.records_in_all
            || !plan.faults.iter().all(settled)
    }

    /// All named faults once more, in random order, with kills from outside between them.
    fn refill(&mut self) {
        let mut faults = self.plan.faults.clone();
        let signals = (faults.len() as f64 * self.plan.signals).ceil() as usize;
        faults.extend(std::iter::repeat_n(Fault::Signal, signals));
        self.random.shuffle(&mut faults);
        self.pending.extend(faults.into_iter().map(|fault| (fault, 0)));
    }

    fn site(&mut self) -> Result<Site<'a>, Error> {
        let is_table = self.cell.source == SourceKind::Sqlite || self.cell.source.is_postgres();
        let partitions = if is_table { 1 } else { PARTITIONS };
        let data = DataSet::generate(self.random.u64(..), partitions, self.plan.records / partitions);
        let audited = self.report.runs % 2 == 1;
        self.report.runs += 1;
        self.report.records += data.len();
        Site::prepare(self.root, self.cell, data, audited, self.services)
    }

    fn baseline(&mut self) -> Result<Baseline, Error> {
        let site = self.site()?;
        let began = Instant::now();
        let ended = site.start("")?.wait()?;
        let duration = began.elapsed();
        if !ended.is_completed() {
            return Err(Error::Unexpected(format!("{}, without any fault: {}", self.cell, ended.describe())));
        }
        self.conclude(&site, &ended)?;
        let written = ended.field("/routes/0/counters/bytes_written").and_then(Value::as_u64);
        let measure = Measure {
            parts: site.parts() as u64,
            records: site.data.len(),
            chunks: ended.chunks.unwrap_or_default(),
            bytes_written: written.unwrap_or_default(),
        };
        Ok(Baseline { duration, rework: Rework::of(&measure) })
    }

    /// One run: processes with a fault each, until one of them completes it.
    fn one_run(&mut self, baseline: &Baseline) -> Result<(), Error> {
        if self.pending.len() < self.plan.crashes_per_run {
            self.refill();
        }
        let count = self.plan.crashes_per_run.min(self.pending.len());
        let mut faults: Vec<(Fault, u32)> = self.pending.drain(..count).collect();
        // What strikes at the end of a run needs a process that gets there.
        faults.sort_by_key(|(fault, _)| fault.rank());
        let mut faults = VecDeque::from(faults);
        let site = self.site()?;
        let mut marks = BTreeMap::new();
        loop {
            let Some((fault, tries)) = faults.pop_front() else {
                let ended = site.start("")?.wait()?;
                if !ended.is_completed() {
                    let message = format!("no fault, and yet: {}", ended.describe());
                    return Err(Error::Unexpected(message));
                }
                self.report.states_rebuilt += u64::from(ended.says("state database rebuilt"));
                self.judge_resumption(&site, baseline, &marks, &ended)?;
                return self.conclude(&site, &ended);
            };
            let Struck { ended, bit } = self.process(&site, fault, baseline)?;
            self.report.states_rebuilt += u64::from(ended.says("state database rebuilt"));
            let before = marks;
            marks = site.marks()?;
            self.report.marker_regressions += regressions(&before, &marks);
            let struck = self.note(fault, &ended, bit, before != marks)?;
            if matches!(fault, Fault::Outage(_)) && ended.is_completed() {
                self.judge_retries(&site, baseline, &before, &ended)?;
            }
            if !struck && tries < TRIES {
                self.pending.push_back((fault, tries + 1));
            } else if !struck {
                self.given_up.insert(fault.name());
            }
            if ended.is_completed() {
                self.pending.extend(faults);
                return self.conclude(&site, &ended);
            }
            // The next process would begin a new run, and rightly so.
            if !marks.is_empty()
                && marks.values().all(|mark| mark.done)
                && site.is_remembered_as_completed()?
            {
                self.pending.extend(faults);
                return self.judge(&site, None);
            }
        }
    }

    fn process(&mut self, site: &Site<'_>, fault: Fault, baseline: &Baseline) -> Result<Struck, Error> {
        if let (Fault::Outage(outage), Some(postgres)) = (fault, site.postgres) {
            return outage.strike(site, postgres, &mut self.random, baseline.duration);
        }
        let mut node = site.start(&fault.failpoints(&mut self.random, self.plan.spread))?;
        if let Some(delay) = fault.delay(&mut self.random, baseline.duration) {
            node.kill_after(delay)?;
        }
        Ok(Struck { ended: node.wait()?, bit: false })
    }

    /// Counts a fault if it bit. An end that it does not explain is an error.
    fn note(&mut self, fault: Fault, ended: &Ended, bit: bool, has_moved: bool) -> Result<bool, Error> {
        let report = &mut self.report;
        let traced = fault.trace().is_some_and(|trace| ended.says(&trace));
        let killed = ended.was_killed();
        let struck = match fault {
            Fault::Signal => killed && has_moved,
            Fault::Outage(_) => bit,
            Fault::Point { action: Action::Kill, .. } => killed,
            Fault::Point { .. } => traced,
        };
        match fault {
            // Before its first fence a process has not begun: killing it proves nothing.
            Fault::Signal if struck => report.killed_from_outside += 1,
            Fault::Signal => {}
            Fault::Point { action: Action::Error, .. } => {
                report.errors += u64::from(traced);
                report.killed_at_points += u64::from(killed);
            }
            Fault::Point { action: Action::Kill, .. } => report.killed_at_points += u64::from(killed),
            Fault::Point { action: Action::Panic, .. } => {
                report.panicked += u64::from(traced && !ended.is_completed())
            }
            Fault::Outage(outage) => {
                report.killed_at_points += u64::from(killed);
                if struck {
                    *report.outage(outage) += 1;
                    let gave_up = ended.has_given_up();
                    *(if gave_up { &mut report.gave_up } else { &mut report.went_on }) += 1;
                }
            }
        }
        if struck {
            *report.strikes.entry(fault.name()).or_default() += 1;
        }
        if killed || ended.is_completed() || traced || bit && ended.has_given_up() {
            return Ok(struck);
        }
        Err(Error::Unexpected(format!("{}: {}", fault.name(), ended.describe())))
    }

    /// A process that went on after a crash must have read exactly what was not committed, and fetched little more:
    /// where it had to open its chain again for a row that was refused, that unit and what was on its way behind it.
    fn judge_resumption(
        &mut self,
        site: &Site<'_>,
        baseline: &Baseline,
        marks: &BTreeMap<String, Mark>,
        ended: &Ended,
    ) -> Result<(), Error> {
        let read = ended.field("/records_read_here").and_then(Value::as_u64).unwrap_or(u64::MAX);
        self.report.recounted += read.abs_diff(uncommitted(site, marks));
        let again = fetched_again(site, baseline, marks, ended);
        self.report.refetched_max = self.report.refetched_max.max(again);
        let largest = site.history()?.map_or(site.data.len(), |history| history.largest);
        let allowed = baseline.rework.allowed(ended.refusals() as u64, largest);
        if again > allowed {
            self.report.refetches_too_many += 1;
            self.explain("resumption", again, allowed, ended);
        }
        Ok(())
    }

    /// A process that went on by itself must have gone on from what was committed: every part of the source may fetch
    /// one unit again and what was on its way behind it, and once more for a unit written again because of its rows.
    fn judge_retries(
        &mut self,
        site: &Site<'_>,
        baseline: &Baseline,
        marks: &BTreeMap<String, Mark>,
        ended: &Ended,
    ) -> Result<(), Error> {
        let Some(history) = site.history()? else { return Ok(()) };
        let again = fetched_again(site, baseline, marks, ended);
        self.report.redone_max = self.report.redone_max.max(again);
        let reopened = (site.parts() + ended.refusals()) as u64;
        let allowed = baseline.rework.allowed(reopened, history.largest);
        if again > allowed {
            self.report.redone_too_many += 1;
            self.explain("outage", again, allowed, ended);
        }
        Ok(())
    }

    /// Tells of records that were fetched again although they need not have been.
    fn explain(&mut self, after: &str, again: u64, allowed: u64, ended: &Ended) {
        self.report.unexplained.push(format!(
            "run {}: {again} records fetched again after the {after}, {allowed} allowed; reopened {} times, {} of them \
             for refused rows",
            self.report.runs,
            ended.retries(),
            ended.refusals()
        ));
    }

    /// Judges a run by the process that completed it.
    fn conclude(&mut self, site: &Site<'_>, ended: &Ended) -> Result<(), Error> {
        let shown = ended.field("/routes/0/counters").map(shown).unwrap_or_default();
        self.judge(site, Some(shown))
    }

    /// Judges a completed run, and its counters if its last process lived to tell them.
    fn judge(&mut self, site: &Site<'_>, counters: Option<[u64; 5]>) -> Result<(), Error> {
        let verdict = site.check(&site.state())?;
        self.report.verdict.add(&verdict);
        let is_true = counters.is_none_or(|counters| counters == true_counters(site));
        self.report.miscounted += u64::from(!is_true);
        if let Some(history) = site.history()? {
            self.report.units_noted += history.units;
            self.report.out_of_step += history.out_of_step;
            self.report.torn += history.torn;
            if history.out_of_step + history.torn > 0 {
                self.report.unexplained.push(format!("run {}: {history:?}", self.report.runs));
            }
        }
        if !verdict.is_clean() || !is_true {
            self.report
                .unexplained
                .push(format!("run {}: {verdict:?}, counters {counters:?}", self.report.runs));
        }
        Ok(())
    }
}

/// Records that the markers do not count.
fn uncommitted(site: &Site<'_>, marks: &BTreeMap<String, Mark>) -> u64 {
    site.data.len().saturating_sub(marks.values().map(|mark| mark.read).sum())
}

/// Records that a process fetched beyond those that were not committed when it began.
fn fetched_again(site: &Site<'_>, baseline: &Baseline, marks: &BTreeMap<String, Mark>, ended: &Ended) -> u64 {
    let fetched = baseline.rework.records(ended.chunks.unwrap_or(u64::MAX));
    fetched.saturating_sub(uncommitted(site, marks))
}

/// What the summary must say: records read, delivered, filtered, dead-lettered, failed.
fn true_counters(site: &Site<'_>) -> [u64; 5] {
    let count = |fate| site.data.records().filter(|record| site.cell.fate(record) == fate).count() as u64;
    [site.data.len(), count(Fate::Delivered), count(Fate::Filtered), count(Fate::DeadLettered), 0]
}

fn shown(counters: &Value) -> [u64; 5] {
    let fields = ["read", "delivered", "filtered", "dead_lettered", "failed"];
    fields.map(|field| counters.get(field).and_then(Value::as_u64).unwrap_or(u64::MAX))
}

fn regressions(before: &BTreeMap<String, Mark>, after: &BTreeMap<String, Mark>) -> u64 {
    let went_back = |(partition, old): (&String, &Mark)| {
        after
            .get(partition)
            .is_none_or(|new| new.epoch < old.epoch || new.seq < old.seq || new.read < old.read)
    };
    before.iter().map(went_back).filter(|&back| back).count() as u64
}
