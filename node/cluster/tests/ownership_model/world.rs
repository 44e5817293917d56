//! One partition, what its owners do, and what the observer knows who sees everything.

use std::collections::BTreeSet;

use etl_model::{Claim, Counters, Fence, Marker, Position, RunId};
use uuid::Uuid;

use crate::guards::Guard;

pub const RECORDS: u64 = 3;
/// Times that the leader gives the partition to somebody.
pub const ASSIGNMENTS: u64 = 3;
/// Times that a process ends, or gives an answer up for lost.
pub const LOSSES: u8 = 2;

fn run() -> RunId {
    Uuid::from_u128(7).into()
}

/// What must never happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Harm {
    Doubled,
    Lost,
    Stale,
    Shared,
    Back,
    Ahead,
}

/// What a destination stores beside the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Stored {
    pub epoch: u64,
    pub unit: u64,
    pub next: u64,
}

impl Stored {
    fn marker(self) -> Marker {
        Marker {
            run: run(),
            epoch: self.epoch,
            seq: self.unit,
            position: Some(Position { next: self.next, cursor: serde_json::Value::Null }),
            counters: Counters::default(),
            done: false,
        }
    }

    fn of(marker: &Marker) -> Self {
        let next = marker.position.as_ref().map_or(0, |position| position.next);
        Self { epoch: marker.epoch, unit: marker.seq, next }
    }
}

/// How far a process is with the partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// It does nothing.
    Idle,
    /// It has heard that the partition is its own.
    Assigned { epoch: u64 },
    /// It has claimed it. `read` is what it read before it fenced, where that order is turned round.
    Claimed { epoch: u64, read: Option<Stored> },
    /// It has fenced and sought the source.
    Open(Stored),
    /// A unit up to `to` is on its way to the destination.
    Sent { at: Stored, to: u64 },
    /// The unit is committed.
    Committed(Stored),
    /// Raft has the checkpoint.
    Checkpointed(Stored),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process {
    pub stage: Stage,
    /// Another number after each start.
    pub incarnation: u8,
}

/// A unit on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Commit {
    pub node: usize,
    pub incarnation: u8,
    pub at: Stored,
    pub to: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    /// Raft: who has the partition, under which epoch, who has claimed it, and how far it is known to be.
    pub owner: usize,
    pub epoch: u64,
    pub claimed_by: Option<(usize, u8)>,
    pub checkpoint: u64,
    /// The destination.
    pub stored: Stored,
    pub rows: [u8; RECORDS as usize],
    /// The source: what is before this is gone.
    pub acknowledged: u64,
    pub processes: [Process; 2],
    pub wire: BTreeSet<Commit>,
    pub losses: u8,
    /// Which process has held which epoch.
    held: BTreeSet<(u64, usize, u8)>,
    /// Whether an old owner was refused.
    pub refused: bool,
    pub harm: BTreeSet<Harm>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// The leader gives the partition to a node; which of them leads does not matter, all go through the log.
    Assign(usize),
    Hear(usize),
    Claim(usize),
    Fence(usize),
    Send(usize, u64),
    /// The destination carries a unit out and answers.
    Arrive(Commit),
    /// Nobody waits for the answer any more; the unit may still arrive.
    GiveUp(usize),
    Checkpoint(usize),
    Acknowledge(usize),
    Crash(usize),
}

impl World {
    pub fn new() -> Self {
        Self {
            owner: 0,
            epoch: 1,
            claimed_by: None,
            checkpoint: 0,
            stored: Stored::default(),
            rows: [0; RECORDS as usize],
            acknowledged: 0,
            processes: [Process { stage: Stage::Idle, incarnation: 0 }; 2],
            wire: BTreeSet::new(),
            losses: 0,
            held: BTreeSet::new(),
            refused: false,
            harm: BTreeSet::new(),
        }
    }

    pub fn possible(&self, actions: &mut Vec<Action>) {
        if self.epoch < ASSIGNMENTS {
            actions.extend([Action::Assign(0), Action::Assign(1)]);
        }
        actions.extend(self.wire.iter().copied().map(Action::Arrive));
        for (node, process) in self.processes.iter().enumerate() {
            match process.stage {
                Stage::Idle => actions.push(Action::Hear(node)),
                Stage::Assigned { .. } => actions.push(Action::Claim(node)),
                Stage::Claimed { .. } => actions.push(Action::Fence(node)),
                Stage::Open(at) => {
                    actions.extend((at.next + 1..=RECORDS).map(|to| Action::Send(node, to)));
                }
                Stage::Sent { .. } if self.losses < LOSSES => actions.push(Action::GiveUp(node)),
                Stage::Sent { .. } => {}
                Stage::Committed(_) => actions.push(Action::Checkpoint(node)),
                Stage::Checkpointed(_) => actions.push(Action::Acknowledge(node)),
            }
            if self.losses < LOSSES && process.stage != Stage::Idle {
                actions.push(Action::Crash(node));
            }
        }
    }

    /// What follows; `None` when nothing changes.
    pub fn after(&self, action: Action, missing: Option<Guard>) -> Option<Self> {
        let mut next = self.clone();
        next.act(action, missing);
        (next != *self).then_some(next)
    }

    fn act(&mut self, action: Action, missing: Option<Guard>) {
        match action {
            Action::Assign(node) => {
                (self.owner, self.claimed_by) = (node, None);
                self.epoch += 1;
            }
            Action::Hear(node) if self.owner == node => {
                self.processes[node].stage = Stage::Assigned { epoch: self.epoch };
            }
            Action::Hear(_) => {}
            Action::Claim(node) => self.claim(node, missing),
            Action::Fence(node) => self.fence(node, missing),
            Action::Send(node, to) => {
                let Process { stage: Stage::Open(at), incarnation } = self.processes[node] else { return };
                self.wire.insert(Commit { node, incarnation, at, to });
                self.processes[node].stage = Stage::Sent { at, to };
                if missing == Some(Guard::CheckpointAfterCommit) {
                    self.checkpoint = self.checkpoint.max(to);
                    self.acknowledged = self.acknowledged.max(to);
                }
            }
            Action::Arrive(commit) => self.arrive(commit, missing),
            Action::GiveUp(node) => {
                self.processes[node].stage = Stage::Idle;
                self.losses += 1;
            }
            Action::Checkpoint(node) => self.store(node, missing),
            Action::Acknowledge(node) => {
                let Stage::Checkpointed(at) = self.processes[node].stage else { return };
                self.acknowledged = self.acknowledged.max(at.next);
                self.processes[node].stage = Stage::Open(at);
            }
            Action::Crash(node) => {
                let process = &mut self.processes[node];
                *process = Process { stage: Stage::Idle, incarnation: process.incarnation + 1 };
                self.losses += 1;
            }
        }
        if self.checkpoint > self.stored.next || self.acknowledged > self.checkpoint {
            self.harm.insert(Harm::Ahead);
        }
        if self.rows.iter().any(|times| *times > 1) {
            self.harm.insert(Harm::Doubled);
        }
    }

    fn claim(&mut self, node: usize, missing: Option<Guard>) {
        let Process { stage: Stage::Assigned { epoch }, incarnation } = self.processes[node] else { return };
        let is_mine = self.owner == node && self.epoch == epoch;
        let is_free = self.claimed_by.is_none();
        let may = match missing {
            Some(Guard::ClaimByOwner) => is_free || !is_mine,
            Some(Guard::ClaimOnce) => is_mine,
            _ => is_mine && is_free,
        };
        if !may {
            // Whoever has it already takes the next epoch for another attempt, as does a process that was started again.
            if is_mine && self.epoch < ASSIGNMENTS {
                self.epoch += 1;
                self.claimed_by = None;
            }
            self.processes[node].stage = Stage::Idle;
            return;
        }
        let epoch = if missing == Some(Guard::ClaimByOwner) { self.epoch } else { epoch };
        let others = self.held.iter().any(|held| held.0 == epoch && *held != (epoch, node, incarnation));
        let again = !self.held.insert((epoch, node, incarnation));
        if others || again {
            self.harm.insert(Harm::Shared);
        }
        self.claimed_by = Some((node, incarnation));
        let read = (missing == Some(Guard::FenceBeforeRead)).then_some(self.stored);
        self.processes[node].stage = Stage::Claimed { epoch, read };
    }

    fn fence(&mut self, node: usize, missing: Option<Guard>) {
        let Stage::Claimed { epoch, read } = self.processes[node].stage else { return };
        let claim = Claim { run: run(), epoch, start: None, replaces: Vec::new() };
        let found = self.stored.marker();
        let decided = match missing {
            Some(Guard::FenceComparesEpochs) => Fence::Store(Marker { epoch, ..found }),
            _ => claim.decide(Some(&found)),
        };
        let marker = match decided {
            Fence::Store(marker) | Fence::Held(marker) => marker,
            Fence::Fenced { .. } | Fence::Stranger { .. } => {
                self.processes[node].stage = Stage::Idle;
                return;
            }
        };
        if marker.epoch < self.stored.epoch {
            self.harm.insert(Harm::Back);
        }
        self.stored = Stored::of(&marker);
        let next = read.map_or(self.stored.next, |read| read.next);
        if next < self.acknowledged {
            self.harm.insert(Harm::Lost);
        }
        self.processes[node].stage = Stage::Open(Stored { next, ..self.stored });
    }

    fn arrive(&mut self, commit: Commit, missing: Option<Guard>) {
        self.wire.remove(&commit);
        let Commit { node, incarnation, at, to } = commit;
        let is_next = self.stored.unit == at.unit;
        let is_owner = self.stored.epoch == at.epoch;
        let may = match missing {
            Some(Guard::CommitChecksEpoch) => is_next,
            Some(Guard::CommitChecksMarker) => true,
            _ => is_next && is_owner,
        };
        let process = &mut self.processes[node];
        let is_waited_for = process.incarnation == incarnation && process.stage == Stage::Sent { at, to };
        if !may {
            self.refused |= !is_owner;
            if is_waited_for {
                process.stage = Stage::Idle;
            }
            return;
        }
        if !is_owner {
            self.harm.insert(Harm::Stale);
        }
        for record in at.next..to {
            if let Some(times) = usize::try_from(record).ok().and_then(|record| self.rows.get_mut(record)) {
                *times += 1;
            }
        }
        self.stored = Stored { epoch: self.stored.epoch.max(at.epoch), unit: at.unit + 1, next: to };
        if is_waited_for {
            process.stage = Stage::Committed(Stored { epoch: at.epoch, unit: at.unit + 1, next: to });
        }
    }

    fn store(&mut self, node: usize, missing: Option<Guard>) {
        let Stage::Committed(at) = self.processes[node].stage else { return };
        let is_owner = at.epoch == self.epoch;
        if !is_owner && missing != Some(Guard::CheckpointChecksEpoch) {
            self.processes[node].stage = Stage::Idle;
            return;
        }
        if !is_owner {
            self.harm.insert(Harm::Stale);
        }
        self.checkpoint = self.checkpoint.max(at.next);
        self.processes[node].stage = Stage::Checkpointed(at);
    }
}
