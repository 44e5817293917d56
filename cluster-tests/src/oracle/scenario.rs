use std::fs;
use std::path::{Path, PathBuf};

use etl_sdk::FAILPOINTS;
use rustix::process::Signal;
use serde::Serialize;

use super::cell::{Cell, DestinationKind, SourceKind};
use super::error::Error;
use super::fault::LATE;
use super::postgres::Services;
use super::process::{Ended, Node};
use super::record::DataSet;
use super::site::{Site, copy_directory};
use super::verdict::Verdict;

/// How often a scenario is set up anew when its fault did not bite because a process was quicker than the harness.
const ATTEMPTS: u32 = 8;
/// Records of a scenario's run.
const RECORDS: usize = 30_000;
/// The same where a server writes them.
const RECORDS_TO_SERVER: usize = 20_000;
/// How much an owner is slowed down at every chunk, so that it commits some units and has work left when something else
/// has happened. Each time a scenario is set up anew it goes slower: machines differ.
#[derive(Debug, Clone, Copy)]
struct Slowness {
    milliseconds: u32,
}

/// What one scenario has shown.
#[derive(Debug, Serialize)]
pub struct ScenarioReport {
    pub name: String,
    pub cell: String,
    /// What had to happen for the scenario to prove anything.
    pub expected: &'static str,
    /// Whether it happened.
    pub bit: bool,
    /// Owners that woke up and whose next commit the marker refused.
    pub refused_by_marker: u64,
    /// Owners whose connection was ended in a unit because they held the marker.
    pub connections_ended: u64,
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Whether the scenario says what it should.
    pub holds: bool,
    /// What went wrong, if it did.
    pub note: String,
}

/// What a course of events has come to.
#[derive(Debug, Default)]
pub struct Played {
    /// Whether it happened as it was meant to.
    pub bit: bool,
    pub verdict: Verdict,
    pub refused_by_marker: u64,
    pub connections_ended: u64,
}

/// A named course of events.
#[derive(Debug, Clone, Copy)]
pub enum Scenario {
    /// The owner is paused at a point; another takes over; the owner wakes up.
    Zombie { point: &'static str },
    /// The destination is put back to an earlier state between two processes of a run.
    Rewound,
    /// Recovery ignores the destination's marker: rows must be doubled, or the oracle is blind.
    WithoutMarker,
    /// The position is read before the fence: rows must be doubled, or the oracle is blind.
    WithoutFence,
}

/// Points at which a zombie is paused.
const PAUSED: &[&str] = &[
    "chunk_read",
    "chunk_processed",
    "rows_written",
    "unit_staged",
    "dead_letters_written",
    "commit_started",
    "commit_done",
];

/// Points left out in the short form, because one beside them is much the same.
const SKIPPED: &[&str] =
    &["fenced", "dead_letters_written", "source_acknowledged", "completion_started", "completed"];

impl Slowness {
    const FIRST: Self = Self { milliseconds: 60 };

    fn more(self) -> Self {
        Self { milliseconds: self.milliseconds + Self::FIRST.milliseconds }
    }

    /// The failpoint that slows down, other than the one at which something else happens.
    fn beside(self, point: &str) -> String {
        let place = if point == "chunk_processed" { "chunk_read" } else { "chunk_processed" };
        format!("{place}=sleep({})", self.milliseconds)
    }
}

impl Scenario {
    /// All zombies, over all kinds of destinations; in the short form the modes of a server's share the points.
    pub fn zombies(short: bool) -> Vec<(Self, Cell)> {
        let at = |&point: &&'static str| serverless().map(|cell| (Self::Zombie { point }, cell));
        let mut zombies: Vec<_> = PAUSED.iter().flat_map(at).collect();
        for (number, &point) in FAILPOINTS.iter().enumerate() {
            let chosen = with_server().into_iter().enumerate();
            let other = |mode: usize| {
                !(number + mode).is_multiple_of(with_server().len()) || SKIPPED.contains(&point)
            };
            let chosen = chosen.filter(|(mode, _)| !(short && other(*mode)));
            zombies.extend(chosen.map(|(_, cell)| (Self::Zombie { point }, cell)));
        }
        zombies
    }

    /// The destinations restored from a backup.
    pub fn rewinds() -> Vec<(Self, Cell)> {
        all().map(|cell| (Self::Rewound, cell)).collect()
    }

    /// The control runs.
    pub fn controls() -> Vec<(Self, Cell)> {
        all().flat_map(|cell| [(Self::WithoutMarker, cell), (Self::WithoutFence, cell)]).collect()
    }

    fn name(self) -> String {
        match self {
            Self::Zombie { point } => format!("owner paused at {point}"),
            Self::Rewound => "destination restored from a backup".to_owned(),
            Self::WithoutMarker => "control: marker ignored".to_owned(),
            Self::WithoutFence => "control: position read before the fence".to_owned(),
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Zombie { point } if LATE.contains(&point) => "nothing left to write",
            Self::Zombie { .. } => "fenced",
            Self::Rewound => "destination_rewound",
            Self::WithoutMarker | Self::WithoutFence => "doubled > 0",
        }
    }

    /// Plays it below `root`.
    pub fn play(self, cell: Cell, seed: u64, root: &Path, services: &Services) -> ScenarioReport {
        let mut report = ScenarioReport {
            name: self.name(),
            cell: cell.to_string(),
            expected: self.expected(),
            bit: false,
            refused_by_marker: 0,
            connections_ended: 0,
            verdict: Verdict::default(),
            holds: false,
            note: String::new(),
        };
        let mut slowness = Slowness::FIRST;
        let mut played = self.attempt(cell, seed, root, services, slowness);
        for _ in 1..ATTEMPTS {
            if !matches!(played, Err(Error::Unexpected(_))) {
                break;
            }
            slowness = slowness.more();
            played = self.attempt(cell, seed, root, services, slowness);
        }
        match played {
            Ok(played) => {
                report.holds = played.bit && (self.is_control() || played.verdict.is_clean());
                (report.bit, report.verdict) = (played.bit, played.verdict);
                report.refused_by_marker = played.refused_by_marker;
                report.connections_ended = played.connections_ended;
            }
            Err(error) => report.note = error.to_string(),
        }
        report
    }

    fn attempt(
        self,
        cell: Cell,
        seed: u64,
        root: &Path,
        services: &Services,
        slowness: Slowness,
    ) -> Result<Played, Error> {
        let records = if cell.uses_postgres() { RECORDS_TO_SERVER } else { RECORDS };
        let site = Site::prepare(root, cell, DataSet::generate(seed, 1, records), true, services)?;
        match self {
            Self::Zombie { point } if cell.uses_postgres() => server_zombie(&site, point, slowness),
            Self::Zombie { point } => zombie(&site, point, slowness),
            Self::Rewound => rewound(&site, slowness),
            Self::WithoutMarker => without_marker(&site, slowness),
            Self::WithoutFence => without_fence(&site, slowness),
        }
    }

    fn is_control(self) -> bool {
        matches!(self, Self::WithoutMarker | Self::WithoutFence)
    }
}

fn serverless() -> [Cell; 4] {
    DestinationKind::SERVERLESS.map(|destination| Cell { source: SourceKind::Csv, destination })
}

fn with_server() -> [Cell; 2] {
    DestinationKind::POSTGRES.map(|destination| Cell { source: SourceKind::Csv, destination })
}

fn all() -> impl Iterator<Item = Cell> {
    serverless().into_iter().chain(with_server())
}

fn completed(ended: Ended) -> Result<Ended, Error> {
    if ended.is_completed() { Ok(ended) } else { Err(Error::Unexpected(ended.describe())) }
}

fn killed(ended: Ended) -> Result<(), Error> {
    if ended.was_killed() {
        Ok(())
    } else {
        Err(Error::Unexpected(format!("not killed: {}", ended.describe())))
    }
}

/// Gives another node what it needs to take over from a stopped owner: its state as it is at this moment. Dead letters
/// are shared where the owner may commit once more before it is fenced.
fn take_over(site: &Site<'_>) -> Result<PathBuf, Error> {
    let second = site.state().with_file_name("state-2");
    copy_directory(&site.state(), &second)?;
    if site.cell.destination.is_sqlite() {
        let (ours, theirs) = (second.join("dead_letters"), site.state().join("dead_letters"));
        if ours.exists() {
            fs::remove_dir_all(&ours).map_err(Error::file(&ours))?;
        }
        fs::create_dir_all(&theirs).map_err(Error::file(&theirs))?;
        std::os::unix::fs::symlink(&theirs, &ours).map_err(Error::file(&ours))?;
    }
    Ok(second)
}

/// Passages of a point that an owner is let through. A slow disk makes few units of many chunks: no scenario may need
/// more than two or three of them.
const PASSAGES: &str = "1*off";
/// Pauses the owner after each commit: of all moments one at which it surely holds no lock on a database.
const PAUSE_AFTER_COMMIT: &str = "commit_done=return(stop)";

fn stopped(node: &mut Node) -> Result<(), Error> {
    node.until("it stopped", |node| Ok(node.is_stopped()))
}

fn fenced(node: Node) -> Result<Ended, Error> {
    let ended = node.wait()?;
    match ended.failure_codes().contains(&"fenced") {
        true => Ok(ended),
        false => Err(Error::Unexpected(format!("the old owner was not fenced: {}", ended.describe()))),
    }
}

fn zombie(site: &Site<'_>, point: &str, slowness: Slowness) -> Result<Played, Error> {
    let slowly = slowness.beside(point);
    let may_hold_lock = site.cell.destination.is_sqlite() && point != "commit_done";
    let mut pauses = format!("{point}={PASSAGES}->1*return(stop)->off");
    if may_hold_lock {
        pauses = format!("{pauses};{PAUSE_AFTER_COMMIT}");
    }
    let mut first = site.start(&format!("{pauses};{slowly}"))?;
    stopped(&mut first)?;
    if may_hold_lock {
        // It also stops after each unit before the one in which it reaches the point.
        let mut committed = 0;
        while units(site)? > committed {
            committed = units(site)?;
            first.signal(Signal::CONT)?;
            stopped(&mut first)?;
        }
    }
    let holds_lock = may_hold_lock && site.is_locked()?;
    let state = take_over(site)?;
    let mut second = Node::start("second", &site.workflow(), &state, "")?;
    if holds_lock {
        // Nobody can write before the owner lets go of the database: it commits once more, while the other waits.
        let (target, before) = (site.target(), units(site)?);
        second.until("it reached the database", |node| Ok(node.has_open(&target)))?;
        first.signal(Signal::CONT)?;
        first.until("another commit", |_| Ok(units(site)? > before))?;
        stopped(&mut first)?;
    }
    completed(second.wait()?)?;
    first.signal(Signal::CONT)?;
    fenced(first)?;
    Ok(Played { bit: true, verdict: site.check(&state)?, ..Played::default() })
}

/// How often an owner's number is raised before another takes over: an owner that comes back raises its own in a state
/// that is a copy, and must not reach the other's.
const RAISES: u32 = 2;

/// A server ends the connection of an owner that is paused inside of a unit, so that nobody has to wait for it.
fn server_zombie(site: &Site<'_>, point: &str, slowness: Slowness) -> Result<Played, Error> {
    let is_late = LATE.contains(&point);
    // A server commits few units, each with much in it.
    let passages = if PAUSED.contains(&point) { "1*off->" } else { "" };
    let slowly = slowness.beside(point);
    let mut failpoints = format!("{point}={passages}1*return(stop)->off");
    if !is_late {
        failpoints = format!("{failpoints};{slowly}");
    }
    let mut first = site.start(&failpoints)?;
    stopped(&mut first)?;
    let state = take_over(site)?;
    for _ in 0..if is_late { 0 } else { RAISES } {
        killed(Node::start("second", &site.workflow(), &state, "claimed=return(kill)")?.wait()?)?;
    }
    let second = completed(Node::start("second", &site.workflow(), &state, "")?.wait()?)?;
    let ended = u64::from(second.says("ended the connection of an older owner"));
    first.signal(Signal::CONT)?;
    let refused = if is_late {
        completed(first.wait()?)?;
        0
    } else {
        fenced(first)?;
        1 - ended
    };
    let verdict = site.check(&state)?;
    Ok(Played { bit: true, verdict, refused_by_marker: refused, connections_ended: ended })
}

/// Units committed so far, while nodes may be at work.
fn units(site: &Site<'_>) -> Result<u64, Error> {
    Ok(site.live_marks()?.values().map(|mark| mark.seq).sum())
}

fn rewound(site: &Site<'_>, slowness: Slowness) -> Result<Played, Error> {
    let slowly = slowness.beside("commit_done");
    killed(site.start(&format!("commit_done={PASSAGES}->return(kill);{slowly}"))?.wait()?)?;
    let backup = site.back_up("backup")?;
    // The first checkpoint may be of what was committed before the backup.
    killed(site.start(&format!("checkpoint_stored=1*off->return(kill);{slowly}"))?.wait()?)?;
    let latest = site.back_up("latest")?;

    site.restore(&backup)?;
    let before = site.marks()?;
    let halted = site.start("")?.wait()?;
    let bit = halted.failure_codes().contains(&"destination_rewound");
    if !bit {
        return Err(Error::Unexpected(format!("it was not refused: {}", halted.describe())));
    }
    let progress = |marks: &std::collections::BTreeMap<String, super::site::Mark>| {
        marks.values().map(|mark| (mark.seq, mark.read)).collect::<Vec<_>>()
    };
    if progress(&before) != progress(&site.marks()?) {
        return Err(Error::Unexpected("it was refused, but something was committed".to_owned()));
    }

    site.restore(&latest)?;
    completed(site.start("")?.wait()?)?;
    Ok(Played { bit, verdict: site.check(&site.state())?, ..Played::default() })
}

/// What a control has to come to. Where the process died may leave nothing to double: then it is set up anew.
fn damaged(verdict: Verdict) -> Result<Played, Error> {
    if verdict.doubled == 0 {
        return Err(Error::Unexpected("nothing was doubled".to_owned()));
    }
    Ok(Played { bit: true, verdict, ..Played::default() })
}

fn without_marker(site: &Site<'_>, slowness: Slowness) -> Result<Played, Error> {
    let slowly = slowness.beside("commit_done");
    site.accept_everything()?;
    killed(site.start(&format!("commit_done={PASSAGES}->return(kill);{slowly}"))?.wait()?)?;
    completed(site.start("ignore_marker=return")?.wait()?)?;
    damaged(site.check(&site.state())?)
}

fn without_fence(site: &Site<'_>, slowness: Slowness) -> Result<Played, Error> {
    let slowly = slowness.beside("commit_done");
    site.accept_everything()?;
    let pauses = "commit_done=1*off->2*return(stop)->off";
    let mut first = site.start(&format!("{pauses};{slowly}"))?;
    stopped(&mut first)?;
    let state = take_over(site)?;
    let failpoints = "seek_before_fence=return;claimed=1*return(stop)->off";
    let mut second = Node::start("second", &site.workflow(), &state, failpoints)?;
    second.until("it had read the marker", |node| Ok(node.is_stopped()))?;
    let read = units(site)?;
    first.signal(Signal::CONT)?;
    first.until("another commit", |_| Ok(units(site)? > read))?;
    stopped(&mut first)?;
    second.signal(Signal::CONT)?;
    completed(second.wait()?)?;
    first.signal(Signal::CONT)?;
    fenced(first)?;
    damaged(site.check(&state)?)
}
