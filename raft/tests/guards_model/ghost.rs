//! What an observer knows who sees everything, and the harm that was done.

use std::collections::{BTreeMap, BTreeSet};

use etl_raft_state::{Command, Response, State};

use crate::scene::{epoch_of, partition, route};

/// What must never happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Harm {
    Twice,
    Unseen,
    Stale,
    EpochAgain,
    Shared,
    Backwards,
    TickTwice,
    Impostor,
}

impl Harm {
    pub const ALL: [Self; 8] = [
        Self::Twice,
        Self::Unseen,
        Self::Stale,
        Self::EpochAgain,
        Self::Shared,
        Self::Backwards,
        Self::TickTwice,
        Self::Impostor,
    ];

    /// The property that it breaks.
    pub fn name(self) -> &'static str {
        match self {
            Self::Twice => "a command acts once",
            Self::Unseen => "nothing is replaced by one who has not seen it",
            Self::Stale => "an older epoch or run changes nothing",
            Self::EpochAgain => "no epoch is given twice or goes back",
            Self::Shared => "an epoch belongs to one process of its node",
            Self::Backwards => "positions do not go back, and nothing is left out",
            Self::TickTwice => "a tick fires once",
            Self::Impostor => "a node speaks for its own store only",
        }
    }
}

/// What happened so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Ghost {
    pub harm: BTreeSet<Harm>,
    /// Which command was given an epoch, and for which node.
    given: BTreeMap<u64, (u64, u64)>,
    /// Which process has taken an epoch.
    processes: BTreeMap<u64, (u64, u64)>,
    /// Ticks that have fired, and the command.
    ticks: BTreeMap<u64, u64>,
}

/// One command that was committed, as its author meant it.
pub struct Deed<'a> {
    /// Names the command.
    pub print: u64,
    pub command: &'a Command,
    pub response: &'a Response,
    pub before: &'a State,
    pub after: &'a State,
    /// Whether anything but sessions, index and time has changed.
    pub changed: bool,
    /// Whether the same command has changed something before.
    pub acted_before: bool,
}

impl Ghost {
    pub fn witness(&mut self, deed: &Deed<'_>) {
        let mut note = |harm: Harm, is_done: bool| {
            if is_done {
                self.harm.insert(harm);
            }
        };
        note(Harm::Twice, deed.changed && deed.acted_before);
        note(Harm::Unseen, deed.changed && replaces_unseen(deed));
        note(Harm::Stale, deed.changed && is_stale(deed));
        note(Harm::EpochAgain, epoch_of(deed.after) < epoch_of(deed.before));
        note(Harm::Backwards, goes_backwards(deed));
        self.epoch_given(deed);
        self.epoch_taken(deed);
        self.tick(deed);
        if let Command::UpdateNode(update) = deed.command
            && deed.changed
            && deed.before.nodes().get(update.node).is_some_and(|node| node.store != update.store)
        {
            self.harm.insert(Harm::Impostor);
        }
    }

    fn epoch_given(&mut self, deed: &Deed<'_>) {
        if let (Command::Assign(assign), Response::Assigned { epoch }) = (deed.command, deed.response)
            && self
                .given
                .insert(*epoch, (deed.print, assign.owner))
                .is_some_and(|other| other.0 != deed.print)
        {
            self.harm.insert(Harm::EpochAgain);
        }
    }

    /// A process that is told that it has claimed, or whose checkpoint is stored, holds the epoch.
    fn epoch_taken(&mut self, deed: &Deed<'_>) {
        let taken = match deed.command {
            Command::Claim(claim) if *deed.response == Response::Done => {
                Some((claim.epoch, (claim.node, claim.incarnation)))
            }
            Command::AdvanceCheckpoints(advance) if deed.changed => {
                advance.items.first().map(|item| (item.epoch, (advance.node, advance.incarnation)))
            }
            _ => None,
        };
        if let Some((epoch, process)) = taken
            && (*self.processes.entry(epoch).or_insert(process) != process
                || self.given.get(&epoch).is_some_and(|(_, node)| *node != process.0))
        {
            self.harm.insert(Harm::Shared);
        }
    }

    fn tick(&mut self, deed: &Deed<'_>) {
        if let (Command::FireSchedule(fire), Response::Fired(_)) = (deed.command, deed.response)
            && *self.ticks.entry(fire.expected_next_fire_ms).or_insert(deed.print) != deed.print
        {
            self.harm.insert(Harm::TickTwice);
        }
    }
}

/// Whether what was changed was not what the author had seen.
fn replaces_unseen(deed: &Deed<'_>) -> bool {
    let before = deed.before;
    let version = |name: &str| before.workflows().current_version(name);
    match deed.command {
        Command::PutWorkflow(put) => put.expected_version.is_some_and(|seen| seen != version(&put.name)),
        Command::DeleteWorkflow(delete) => {
            delete.expected_version.is_some_and(|seen| seen != version(&delete.name))
        }
        Command::Assign(assign) => assign.expected_epoch != epoch_of(before),
        Command::StartRun(start) => {
            start.replaces != before.runs().active(&start.workflow)
                || start.expected_version.is_some_and(|seen| seen != version(&start.workflow))
        }
        Command::SetNodeState(set) => before.nodes().get(set.node).is_some_and(|node| node.state != set.from),
        _ => false,
    }
}

/// Whether the author's epoch, or run, is not the present one.
fn is_stale(deed: &Deed<'_>) -> bool {
    let epoch = deed.before.assignments().get(&partition(0)).map_or(0, |assignment| assignment.epoch);
    match deed.command {
        Command::AdvanceCheckpoints(advance) => advance.items.iter().any(|item| item.epoch != epoch),
        Command::Release(release) => release.epoch != epoch,
        Command::BeginDrain(drain) => drain.epoch != epoch,
        Command::Claim(claim) => claim.epoch != epoch,
        Command::Assign(assign) => {
            deed.before.runs().get(assign.partition.run).is_none_or(|run| run.is_finished())
        }
        _ => false,
    }
}

/// The position in this model is the last unit.
fn goes_backwards(deed: &Deed<'_>) -> bool {
    let checkpoint = |state: &State| {
        let known = state.checkpoints().get(&route())?;
        Some((known.seq, known.position.first().copied().map_or(0, u64::from)))
    };
    let ((seq, position), Some((next_seq, next_position))) =
        (checkpoint(deed.before).unwrap_or((0, 0)), checkpoint(deed.after))
    else {
        return false;
    };
    let left_out = match deed.command {
        Command::AdvanceCheckpoints(advance) if deed.changed => {
            advance.items.iter().any(|item| item.progress.seq_from > seq)
        }
        _ => false,
    };
    next_seq < seq || next_position < position || left_out
}
