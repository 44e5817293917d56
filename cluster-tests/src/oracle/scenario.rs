use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde::Serialize;

use super::cell::{Cell, DestinationKind, SourceKind};
use super::error::Error;
use super::process::{Ended, Node};
use super::record::DataSet;
use super::site::{Site, copy_directory};
use super::verdict::Verdict;

/// How often a scenario is set up anew when its fault did not bite because a process was quicker than the harness.
const ATTEMPTS: u32 = 8;
/// Records of a scenario's run.
const RECORDS: usize = 30_000;
/// Slows an owner down, so that it commits many units and has work left when something else has happened.
const SLOWLY: &str = "chunk_processed=sleep(60)";

/// What one scenario has shown.
#[derive(Debug, Serialize)]
pub struct ScenarioReport {
    pub name: String,
    pub cell: String,
    /// What had to happen for the scenario to prove anything.
    pub expected: &'static str,
    /// Whether it happened.
    pub bit: bool,
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Whether the scenario says what it should.
    pub holds: bool,
    /// What went wrong, if it did.
    pub note: String,
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

impl Scenario {
    /// All zombies, over these destinations.
    pub fn zombies() -> Vec<(Self, Cell)> {
        let at = |&point: &&'static str| cells().map(|cell| (Self::Zombie { point }, cell));
        PAUSED.iter().flat_map(at).collect()
    }

    /// The destinations restored from a backup.
    pub fn rewinds() -> Vec<(Self, Cell)> {
        cells().map(|cell| (Self::Rewound, cell)).to_vec()
    }

    /// The control runs.
    pub fn controls() -> Vec<(Self, Cell)> {
        cells().iter().flat_map(|&cell| [(Self::WithoutMarker, cell), (Self::WithoutFence, cell)]).collect()
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
            Self::Zombie { .. } => "fenced",
            Self::Rewound => "destination_rewound",
            Self::WithoutMarker | Self::WithoutFence => "doubled > 0",
        }
    }

    /// Plays it below `root`.
    pub fn play(self, cell: Cell, seed: u64, root: &Path) -> ScenarioReport {
        let mut report = ScenarioReport {
            name: self.name(),
            cell: cell.to_string(),
            expected: self.expected(),
            bit: false,
            verdict: Verdict::default(),
            holds: false,
            note: String::new(),
        };
        let mut played = self.attempt(cell, seed, root);
        for _ in 1..ATTEMPTS {
            if !matches!(played, Err(Error::Unexpected(_))) {
                break;
            }
            played = self.attempt(cell, seed, root);
        }
        match played {
            Ok((bit, verdict)) => {
                (report.bit, report.verdict) = (bit, verdict);
                report.holds = bit && (self.is_control() || verdict.is_clean());
            }
            Err(error) => report.note = error.to_string(),
        }
        report
    }

    fn attempt(self, cell: Cell, seed: u64, root: &Path) -> Result<(bool, Verdict), Error> {
        let site = Site::prepare(root, cell, DataSet::generate(seed, 1, RECORDS), true)?;
        match self {
            Self::Zombie { point } => zombie(&site, point),
            Self::Rewound => rewound(&site),
            Self::WithoutMarker => without_marker(&site),
            Self::WithoutFence => without_fence(&site),
        }
    }

    fn is_control(self) -> bool {
        matches!(self, Self::WithoutMarker | Self::WithoutFence)
    }
}

fn cells() -> [Cell; 4] {
    DestinationKind::ALL.map(|destination| Cell { source: SourceKind::Csv, destination })
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
fn take_over(site: &Site) -> Result<PathBuf, Error> {
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

/// Pauses the owner after its fourth commit: of all moments one at which it surely holds no lock on a database.
const PAUSE_AFTER_COMMIT: &str = "commit_done=3*off->1*return(stop)->off";

fn stopped(node: &mut Node) -> Result<(), Error> {
    node.until("it stopped", |node| Ok(node.is_stopped()))
}

fn fenced(node: Node) -> Result<(), Error> {
    let ended = node.wait()?;
    match ended.failure_codes().contains(&"fenced") {
        true => Ok(()),
        false => Err(Error::Unexpected(format!("the old owner was not fenced: {}", ended.describe()))),
    }
}

fn zombie(site: &Site, point: &str) -> Result<(bool, Verdict), Error> {
    let slowly = if point == "chunk_processed" { "chunk_read=sleep(20)" } else { SLOWLY };
    let holds_lock = site.cell.destination.is_sqlite() && point != "commit_done";
    let mut pauses = format!("{point}=3*off->1*return(stop)->off");
    if holds_lock {
        pauses = format!("{pauses};{PAUSE_AFTER_COMMIT}");
    }
    let mut first = site.start(&format!("{pauses};{slowly}"))?;
    stopped(&mut first)?;
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
    Ok((true, site.check(&state)?))
}

/// Units committed so far, while nodes may be at work.
fn units(site: &Site) -> Result<u64, Error> {
    Ok(site.live_marks()?.values().map(|mark| mark.seq).sum())
}

fn rewound(site: &Site) -> Result<(bool, Verdict), Error> {
    let backup = site.state().with_file_name("backup");
    let latest = site.state().with_file_name("latest");
    killed(site.start(&format!("commit_done=1*off->return(kill);{SLOWLY}"))?.wait()?)?;
    copy_directory(&site.output(), &backup)?;
    killed(site.start(&format!("checkpoint_stored=return(kill);{SLOWLY}"))?.wait()?)?;
    copy_directory(&site.output(), &latest)?;

    copy_directory(&backup, &site.output())?;
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

    copy_directory(&latest, &site.output())?;
    completed(site.start("")?.wait()?)?;
    Ok((bit, site.check(&site.state())?))
}

fn without_marker(site: &Site) -> Result<(bool, Verdict), Error> {
    killed(site.start(&format!("commit_done=3*off->return(kill);{SLOWLY}"))?.wait()?)?;
    completed(site.start("ignore_marker=return")?.wait()?)?;
    let verdict = site.check(&site.state())?;
    Ok((verdict.doubled > 0, verdict))
}

fn without_fence(site: &Site) -> Result<(bool, Verdict), Error> {
    let pauses = "commit_done=2*off->1*return(stop)->2*off->1*return(stop)->off";
    let mut first = site.start(&format!("{pauses};{SLOWLY}"))?;
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
    let verdict = site.check(&state)?;
    Ok((verdict.doubled > 0, verdict))
}
