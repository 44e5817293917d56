use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::cell::{Cell, DestinationKind, SourceKind, Version, WORKFLOW};
use super::error::Error;
use super::fault::{Action, Fault};
use super::postgres::Services;
use super::process::{Ended, Node};
use super::record::{Class, DataSet};
use super::site::{Site, copy_directory};
use super::verdict::Verdict;

/// The step whose letters are replayed.
const STEP: &str = "mapping";
/// Commits that fail one after the other, which opens the breaker of the destination; the process is killed some commits later.
const BURST: &str = "commit_started=1*off->6*return(error);commit_done=1*off->return(kill)";
/// What a process says that the breaker held up.
const HELD: &str = "waits for a circuit breaker";
/// Processes of one run, and of one replay, that get a fault.
const FAULTS: usize = 6;
/// The latest moment at which a process is killed from outside.
const LATEST: Duration = Duration::from_millis(400);

/// How much is done to one cell.
#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    /// Records of one run.
    pub records: usize,
    /// At least so many crashes of replays that bit.
    pub crashes: u64,
}

/// What has become of the letters of one cell.
#[derive(Debug, Default, Serialize)]
pub struct ReplayReport {
    pub cell: String,
    pub runs: u64,
    pub records: u64,
    /// Letters that were replayed.
    pub letters: u64,
    /// Processes that died or panicked in a run, and in a replay.
    pub run_crashes: u64,
    pub replay_crashes: u64,
    /// Errors that were injected and tried again.
    pub errors: u64,
    /// Runs in which the breaker opened and partitions waited for it.
    pub held: u64,
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Replays whose counters are not the letters.
    pub miscounted: u64,
    /// Rows that were doubled when a replay was made to forget what it had done.
    pub control_doubled: u64,
    /// Whether a row that is written twice can be told from one that is written once.
    pub has_control: bool,
    /// What no fault explains.
    pub unexplained: Vec<String>,
    pub seconds: f64,
}

/// Pairs whose destination takes rows beside those that are there.
pub fn cells(short: bool) -> Vec<Cell> {
    use DestinationKind::{PostgresAppend, PostgresUpsert, SqliteAppend, SqliteUpsert};
    let few = [
        (SourceKind::Csv, SqliteAppend),
        (SourceKind::JsonLines, SqliteUpsert),
        (SourceKind::Postgres, PostgresAppend),
        (SourceKind::Csv, PostgresUpsert),
    ];
    let more = [
        (SourceKind::Parquet, SqliteAppend),
        (SourceKind::Sqlite, SqliteAppend),
        (SourceKind::Csv, PostgresAppend),
        (SourceKind::PostgresBlocks, PostgresAppend),
    ];
    let wanted = if short { &[][..] } else { &more[..] };
    few.iter().chain(wanted).map(|&(source, destination)| Cell { source, destination }).collect()
}

struct Replay<'a> {
    cell: Cell,
    plan: &'a Plan,
    root: &'a Path,
    services: &'a Services,
    random: fastrand::Rng,
    report: ReplayReport,
}

/// Runs a workflow with faults and a breaker, corrects it, and replays its letters with faults, below `root`.
pub fn run(cell: Cell, plan: &Plan, root: &Path, services: &Services) -> ReplayReport {
    let began = Instant::now();
    let report = ReplayReport {
        cell: cell.to_string(),
        has_control: !cell.destination.is_upsert(),
        ..ReplayReport::default()
    };
    let random = fastrand::Rng::with_seed(plan.seed);
    let mut replay = Replay { cell, plan, root, services, random, report };
    while replay.report.replay_crashes < plan.crashes || replay.report.runs == 0 {
        if let Err(error) = replay.one() {
            replay.report.unexplained.push(error.to_string());
            break;
        }
        if replay.report.runs > 20 && replay.report.replay_crashes * 2 < replay.report.runs {
            replay.report.unexplained.push("fewer than one crash in two replays bites".to_owned());
            break;
        }
    }
    replay.report.seconds = began.elapsed().as_secs_f64();
    replay.report
}

impl Replay<'_> {
    fn one(&mut self) -> Result<(), Error> {
        let is_table = self.cell.source == SourceKind::Sqlite || self.cell.source.is_postgres();
        let partitions = if is_table { 1 } else { 2 };
        let data = DataSet::generate(self.random.u64(..), partitions, self.plan.records / partitions);
        // An upsert shows only in its triggers that a row was written twice.
        let is_audited = self.cell.destination.is_upsert() || self.report.runs % 2 == 1;
        let site = Site::prepare(self.root, self.cell, data, is_audited, self.services)?;
        self.report.runs += 1;
        self.report.records += site.data.len();
        site.write_workflow(Version::Guarded)?;
        self.run_with_faults(&site)?;
        let verdict = site.check(&site.state())?;
        self.judge(&verdict, "the run");

        site.write_workflow(Version::Corrected)?;
        let before = site.state().with_file_name("before");
        copy_directory(&site.state(), &before)?;
        self.replay_with_faults(&site)?;
        let verdict = site.check_replayed(&site.state())?;
        self.judge(&verdict, "the replay");
        self.nothing_is_left(&site)?;
        if self.report.has_control && self.report.runs == 1 {
            copy_directory(&before, &site.state())?;
            site.forget(&format!("{WORKFLOW}-replay"))?;
            let ended = self.start(&site, "")?.wait()?;
            expect(ended.is_completed(), "a replay that has forgotten all", &ended)?;
            self.report.control_doubled += site.check_replayed(&site.state())?.doubled;
        }
        Ok(())
    }

    /// A process whose commits fail until the breaker opens, then others with a fault each, until the run is complete.
    fn run_with_faults(&mut self, site: &Site<'_>) -> Result<(), Error> {
        let ended = site.start(BURST)?.wait()?;
        self.report.held += u64::from(ended.says(HELD));
        self.report.errors += ended.log.matches("injected error at commit_started").count() as u64;
        expect(ended.was_killed() || ended.is_completed(), "commits that fail", &ended)?;
        if ended.is_completed() {
            return Ok(());
        }
        self.report.run_crashes += 1;
        for fault in self.faults(false) {
            let mut node = site.start(&fault.failpoints(&mut self.random, 1))?;
            if let Some(delay) = fault.delay(&mut self.random, LATEST) {
                node.kill_after(delay)?;
            }
            let ended = node.wait()?;
            self.report.run_crashes += self.note(fault, &ended)?;
            if ended.is_completed() {
                return Ok(());
            }
            if site.is_remembered_as_completed()? {
                // Killed when all was done: the next process would begin a new run, and rightly so.
                return Ok(());
            }
        }
        let last = site.start("")?.wait()?;
        expect(last.is_completed(), "a run after its faults", &last)
    }

    fn start(&self, site: &Site<'_>, failpoints: &str) -> Result<Node, Error> {
        Node::replay("replay", &site.workflow(), &site.state(), STEP, failpoints)
    }

    fn replay_with_faults(&mut self, site: &Site<'_>) -> Result<(), Error> {
        let letters = site.data.records().filter(|record| record.class == Class::Uncomputable).count() as u64;
        self.report.letters += letters;
        for fault in self.faults(true) {
            let failpoints = fault.failpoints(&mut self.random, 0);
            let mut node = self.start(site, &failpoints)?;
            if let Some(delay) = fault.delay(&mut self.random, LATEST) {
                node.kill_after(delay)?;
            }
            let ended = node.wait()?;
            self.report.replay_crashes += self.note(fault, &ended)?;
            if ended.status.success() {
                return self.count(&ended, letters);
            }
        }
        let ended = self.start(site, "")?.wait()?;
        expect(ended.status.success(), "a replay after its faults", &ended)?;
        self.count(&ended, letters)
    }

    /// What a replay tells at its end is the letters, however many processes it took.
    fn count(&mut self, ended: &Ended, letters: u64) -> Result<(), Error> {
        if ended.output.contains("nothing to replay") {
            // A process before was killed when all was done.
            return Ok(());
        }
        let counter =
            |name: &str| ended.field(&format!("/routes/0/counters/{name}")).and_then(|n| n.as_u64());
        let is_true = counter("read") == Some(letters) && counter("delivered") == Some(letters);
        self.report.miscounted += u64::from(!is_true);
        expect(is_true, "the counters of a replay", ended)
    }

    fn nothing_is_left(&self, site: &Site<'_>) -> Result<(), Error> {
        let ended = self.start(site, "")?.wait()?;
        let is_done = ended.status.success() && ended.output.contains("nothing to replay");
        expect(is_done, "a replay when all is replayed", &ended)
    }

    /// Faults for so many processes; `is_short` when there is too little to do for those that strike late in a long run.
    fn faults(&mut self, is_short: bool) -> Vec<Fault> {
        let mut faults = Fault::matrix();
        faults.extend([Fault::Signal; 3]);
        faults.retain(|fault| !is_short || fault.rank() > 0);
        self.random.shuffle(&mut faults);
        faults.truncate(FAULTS);
        faults.sort_by_key(|fault| fault.rank());
        faults
    }

    /// Whether a fault has ended the process. An end that it does not explain is an error.
    fn note(&mut self, fault: Fault, ended: &Ended) -> Result<u64, Error> {
        let is_traced = fault.trace().is_some_and(|trace| ended.says(&trace));
        self.report.errors +=
            u64::from(is_traced && matches!(fault, Fault::Point { action: Action::Error, .. }));
        let is_crash = ended.was_killed() || is_traced && !ended.status.success();
        expect(is_crash || ended.status.success(), &fault.name(), ended)?;
        Ok(u64::from(is_crash))
    }

    fn judge(&mut self, verdict: &Verdict, of: &str) {
        self.report.verdict.add(verdict);
        if !verdict.is_clean() {
            self.report.unexplained.push(format!("run {}, {of}: {verdict:?}", self.report.runs));
        }
    }
}

fn expect(holds: bool, what: &str, ended: &Ended) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(Error::Unexpected(format!("{what}: {}", ended.describe()))) }
}

impl ReplayReport {
    /// Whether everything that was tried happened, nothing was lost, doubled or altered, and a replay that forgets is seen.
    pub fn holds(&self) -> bool {
        self.verdict.is_clean()
            && self.miscounted == 0
            && self.unexplained.is_empty()
            && self.letters > 0
            && self.replay_crashes > 0
            && self.held > 0
            && (!self.has_control || self.control_doubled > 0)
    }
}
