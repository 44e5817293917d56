//! What an observer knows who sees everything, and the harm that was done.

use std::collections::{BTreeMap, BTreeSet};

use etl_raft_state::command::Holder;
use etl_raft_state::parts::{Run, RunOutcome};
use etl_raft_state::{Command, PartitionKey, Response, State};

use crate::scene::{WORKFLOW, epoch_at, epoch_of, route};

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
    DoneAgain,
    Begun,
    LeftOut,
    Usurped,
}

impl Harm {
    pub const ALL: [Self; 12] = [
        Self::Twice,
        Self::Unseen,
        Self::Stale,
        Self::EpochAgain,
        Self::Shared,
        Self::Backwards,
        Self::TickTwice,
        Self::Impostor,
        Self::DoneAgain,
        Self::Begun,
        Self::LeftOut,
        Self::Usurped,
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
            Self::DoneAgain => "what is done is not given to anybody, and only who has it says so",
            Self::Begun => {
                "nothing of a halted run is begun, and it goes on with a version that is in force or its own"
            }
            Self::LeftOut => "a completed run has every partition, done",
            Self::Usurped => "only the holder of the coordinator speaks for a run",
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
    /// Partitions that were called done.
    done: BTreeSet<PartitionKey>,
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
        note(Harm::DoneAgain, deed.changed && does_again(deed, &self.done));
        note(Harm::Begun, deed.changed && begins_while_halted(deed));
        note(Harm::LeftOut, deed.changed && leaves_out(deed));
        note(Harm::Usurped, deed.changed && usurps(deed));
        if let (Command::Release(release), Response::Done) = (deed.command, deed.response)
            && release.done
        {
            self.done.insert(release.partition.clone());
        }
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
            && !assign.partition.is_coordinator()
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
            Command::Claim(claim)
                if *deed.response == Response::Done && !claim.partition.is_coordinator() =>
            {
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
        Command::Assign(assign) => assign.expected_epoch != epoch_at(before, &assign.partition),
        Command::StartRun(start) => {
            start.replaces != before.runs().active(&start.workflow)
                || start.expected_version.is_some_and(|seen| seen != version(&start.workflow))
        }
        Command::ForgetProgress(forget) => {
            let active = before.runs().active(WORKFLOW);
            let is_halted = active.and_then(|run| before.runs().get(run)).is_none_or(Run::is_halted);
            let last = before.runs().finished(WORKFLOW).next().map(|(run, _)| run);
            !is_halted || forget.halted != active || forget.last != last
        }
        Command::SetNodeState(set) => before.nodes().get(set.node).is_some_and(|node| node.state != set.from),
        _ => false,
    }
}

/// Whether the author's epoch, or run, is not the present one.
fn is_stale(deed: &Deed<'_>) -> bool {
    let epoch_now = |key: &PartitionKey| deed.before.assignments().get(key).map_or(0, |held| held.epoch);
    match deed.command {
        Command::AdvanceCheckpoints(advance) => {
            advance.items.iter().any(|item| item.epoch != epoch_now(&item.route.partition))
        }
        Command::Release(release) => release.epoch != epoch_now(&release.partition),
        Command::BeginDrain(drain) => drain.epoch != epoch_now(&drain.partition),
        Command::Claim(claim) => claim.epoch != epoch_now(&claim.partition),
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

/// Whether a partition was given away that was done, or is called done by one who has not claimed it.
fn does_again(deed: &Deed<'_>, done: &BTreeSet<PartitionKey>) -> bool {
    match deed.command {
        Command::Assign(assign) => done.contains(&assign.partition),
        Command::Release(release) if release.done => {
            let held = deed.before.assignments().get(&release.partition);
            held.is_none_or(|held| !held.is_held_by(release.node, release.incarnation, release.epoch))
        }
        _ => false,
    }
}

/// Whether something of a halted run was begun, or it was resumed in a way that its author did not mean.
fn begins_while_halted(deed: &Deed<'_>) -> bool {
    let halted = |run| deed.before.runs().get(run).is_some_and(Run::is_halted);
    match deed.command {
        Command::Assign(assign) => halted(assign.partition.run),
        Command::Claim(claim) => halted(claim.partition.run),
        Command::AddPartitions(add) => halted(add.run),
        Command::ResumeRun(resume) => {
            let own = deed.before.runs().get(resume.run).map(|run| run.version);
            own != Some(resume.version) && deed.before.workflows().current_version(WORKFLOW) != resume.version
        }
        _ => false,
    }
}

/// Whether a run was completed with something left to do, or has got something to do that its list had not when it was
/// complete.
fn leaves_out(deed: &Deed<'_>) -> bool {
    match deed.command {
        Command::FinishRun(finish) if finish.outcome == RunOutcome::Completed => {
            !deed.before.runs().get(finish.run).is_some_and(|run| run.discovered)
                || deed.before.partitions().of_run(finish.run).any(|(_, row)| !row.done)
        }
        Command::AddPartitions(add) => {
            deed.before.runs().get(add.run).is_some_and(|run| run.discovered)
                && deed.after.partitions().count(add.run) > deed.before.partitions().count(add.run)
        }
        _ => false,
    }
}

/// Whether the author speaks for a run whose coordinator it has not, or not any more.
fn usurps(deed: &Deed<'_>) -> bool {
    let (run, by) = match deed.command {
        Command::AddPartitions(add) => {
            (add.run, Some(Holder { node: add.node, incarnation: add.incarnation, epoch: add.epoch }))
        }
        Command::FinishRun(finish) if finish.by.is_some() || finish.outcome == RunOutcome::Completed => {
            (finish.run, finish.by)
        }
        _ => return false,
    };
    let held = deed.before.assignments().get(&PartitionKey::coordinator(run));
    let (Some(held), Some(by)) = (held, by) else { return true };
    !held.is_held_by(by.node, by.incarnation, by.epoch)
}
