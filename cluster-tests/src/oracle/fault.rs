use std::time::Duration;

use etl_sdk::FAILPOINTS;

use super::cell::Cell;
use super::outage::Outage;

/// What happens at a crash point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// The process dies by SIGKILL.
    Kill,
    /// The call fails with an error that may go away; the process carries on and tries again.
    Error,
    /// The code panics.
    Panic,
}

/// One fault for one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// At a named point.
    Point { point: &'static str, action: Action },
    /// SIGKILL at a random moment.
    Signal,
    /// Something happens to the server.
    Outage(Outage),
}

/// Points that are passed only once everything has been delivered.
pub const LATE: &[&str] = &["all_routes_done", "completion_started", "completed"];

impl Action {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Kill, Self::Error, Self::Panic];

    fn argument(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Error => "error",
            Self::Panic => "panic",
        }
    }
}

impl Fault {
    /// Every action at every named point.
    pub fn matrix() -> Vec<Self> {
        let at = |&point| Action::ALL.map(|action| Self::Point { point, action });
        FAILPOINTS.iter().flat_map(at).collect()
    }

    /// Everything that can happen to the server of a cell.
    pub fn outages(cell: Cell) -> Vec<Self> {
        let anywhere = Outage::ANYWHERE.iter().filter(|_| cell.uses_postgres());
        let in_commits = Outage::IN_COMMITS.iter().filter(|_| cell.destination.is_postgres());
        anywhere.chain(in_commits).copied().map(Self::Outage).collect()
    }

    /// Whether it can only strike at the end of a run.
    fn is_late(self) -> bool {
        matches!(self, Self::Point { point, .. } if LATE.contains(&point))
    }

    /// Whether it only strikes while there is much left to read.
    fn is_slow(self) -> bool {
        matches!(self, Self::Point { point: "checkpoint_stored" | "source_acknowledged", .. })
    }

    /// Where in a run it is best placed.
    pub fn rank(self) -> u8 {
        match self {
            _ if self.is_slow() => 0,
            _ if self.is_late() => 2,
            _ => 1,
        }
    }

    /// The value of FAILPOINTS that makes it strike, at a random passage of its point.
    pub fn failpoints(self, random: &mut fastrand::Rng, spread: u32) -> String {
        let Self::Point { point, action } = self else { return String::new() };
        let skip = match point {
            "claimed" | "fenced" => random.u32(0..2),
            _ if self.is_slow() || self.is_late() => 0,
            _ => random.u32(0..=spread),
        };
        let mut text = format!("{point}={skip}*off->1*return({})", action.argument());
        if self.is_slow() {
            // Checkpoints are stored some time after a commit: the source must still be reading then.
            text.push_str(";chunk_processed=sleep(200)");
        }
        if action == Action::Error && !self.is_late() {
            // The process survives this one, and is killed some units later.
            let next = if point == "commit_done" { "commit_started" } else { "commit_done" };
            text.push_str(&format!(";{next}={}*off->return(kill)", spread + random.u32(1..=2 + spread)));
        }
        text
    }

    /// What the log says once it has struck without killing; `None` when it kills.
    pub fn trace(self) -> Option<String> {
        match self {
            Self::Point { point, action: action @ (Action::Error | Action::Panic) } => {
                Some(format!("injected {} at {point}", action.argument()))
            }
            _ => None,
        }
    }

    /// When the process is killed from outside, given how long a whole run takes.
    pub fn delay(self, random: &mut fastrand::Rng, whole: Duration) -> Option<Duration> {
        (self == Self::Signal).then(|| whole.mul_f64(random.f64() * 0.7))
    }

    /// Its name in reports.
    pub fn name(self) -> String {
        match self {
            Self::Point { point, action } => format!("{point}={}", action.argument()),
            Self::Signal => "kill -9".to_owned(),
            Self::Outage(outage) => outage.name().to_owned(),
        }
    }
}
