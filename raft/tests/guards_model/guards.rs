use etl_raft_state::command::{AddPartitions, Assign, Claim, FinishRun, HaltRun, Holder, Release, ResumeRun};
use etl_raft_state::parts::{Halt, Run, RunOutcome, RunPhase};
use etl_raft_state::{Command, Envelope, PartitionKey, State};
use uuid::Uuid;

use crate::scene::{RUNS, WORKFLOW, epoch_at, partition, route};

/// What stands between a command and the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// The number of the command in its session.
    Session,
    /// An entry's place in the log.
    Index,
    PutVersion,
    DeleteVersion,
    AssignEpoch,
    ClaimEpoch,
    ClaimOwner,
    ClaimProcess,
    CheckpointProcess,
    CheckpointEpoch,
    /// The unit that a checkpoint follows.
    CheckpointFrom,
    /// A checkpoint has to come further than the last.
    CheckpointTo,
    ReleaseEpoch,
    DrainEpoch,
    RunReplaces,
    RunVersion,
    /// Partitions are assigned in a run that is running.
    RunRunning,
    TickTime,
    NodeFrom,
    NodeStore,
    /// The coordinator's process, of one who adds partitions.
    AddHolder,
    /// The coordinator's epoch, of one who adds partitions.
    AddEpoch,
    /// The coordinator's process, of one who finishes a run.
    FinishHolder,
    /// The coordinator's epoch, of one who finishes a run.
    FinishEpoch,
    /// Somebody holds the coordinator of a run that is completed.
    FinishBy,
    /// A run is completed when every partition is done.
    FinishOpen,
    /// A run is completed when all partitions are known.
    FinishDiscovered,
    /// A partition that is called done is marked, so that it is not assigned.
    DoneMark,
    /// A partition is called done by who has claimed it.
    DoneClaimed,
    /// Nothing is assigned in a halted run.
    AssignHalted,
    /// Nothing is claimed in a halted run.
    ClaimHalted,
    /// No partition is added to a halted run.
    AddHalted,
    /// The version with which a run is resumed.
    ResumeVersion,
    /// The halted run that is given up when progress is forgotten.
    ForgetHalted,
    /// The last finished run when progress is forgotten.
    ForgetLast,
    /// Progress is forgotten while nothing runs.
    ForgetRunning,
}

impl Guard {
    /// The command as it must be for this guard to let it pass, whatever its author knew.
    pub fn go_around(self, envelope: &Envelope, state: &State) -> Envelope {
        let mut envelope = envelope.clone();
        if let (Self::Session, Some(session)) = (self, &mut envelope.session) {
            // No entry has had this number.
            session.seq = 1_000 + state.meta().last_index().unwrap_or(0);
        }
        match &mut envelope.command {
            Command::PutWorkflow(put) if self == Self::PutVersion => put.expected_version = None,
            Command::DeleteWorkflow(delete) if self == Self::DeleteVersion => delete.expected_version = None,
            Command::Assign(assign) => match self {
                Self::AssignEpoch => assign.expected_epoch = epoch_at(state, &assign.partition),
                Self::RunRunning => {
                    assign.partition.run = state.runs().active(WORKFLOW).unwrap_or(RUNS[0]);
                }
                _ => {}
            },
            Command::Claim(claim) => {
                if let Some(known) = state.assignments().get(&claim.partition) {
                    match self {
                        Self::ClaimEpoch => claim.epoch = known.epoch,
                        Self::ClaimOwner => claim.node = known.owner,
                        Self::ClaimProcess => {
                            claim.incarnation = known.claimed_by.unwrap_or(claim.incarnation);
                        }
                        _ => {}
                    }
                }
            }
            Command::AdvanceCheckpoints(advance) => {
                for item in &mut advance.items {
                    let Some(known) = state.assignments().get(&item.route.partition) else { continue };
                    let seq = state.checkpoints().get(&route()).map_or(0, |checkpoint| checkpoint.seq);
                    match self {
                        Self::CheckpointEpoch => item.epoch = known.epoch,
                        Self::CheckpointProcess => {
                            advance.incarnation = known.claimed_by.unwrap_or(advance.incarnation);
                        }
                        Self::CheckpointFrom => item.progress.seq_from = item.progress.seq_from.min(seq),
                        Self::CheckpointTo => item.progress.seq_to = item.progress.seq_to.max(seq + 1),
                        _ => {}
                    }
                }
            }
            Command::Release(release) if self == Self::DoneMark => release.done = false,
            Command::Release(release) if self == Self::ReleaseEpoch => {
                if let Some(known) = state.assignments().get(&release.partition) {
                    release.epoch = known.epoch;
                }
            }
            Command::BeginDrain(drain) if self == Self::DrainEpoch => {
                if let Some(known) = state.assignments().get(&drain.partition) {
                    drain.epoch = known.epoch;
                }
            }
            Command::AddPartitions(add) => {
                let held = holder(state, add.run);
                match (self, held) {
                    (Self::AddEpoch, Some(held)) => add.epoch = held.epoch,
                    (Self::AddHolder, Some(held)) => {
                        (add.node, add.incarnation, add.epoch) = (held.node, held.incarnation, held.epoch);
                    }
                    _ => {}
                }
            }
            Command::FinishRun(finish) => {
                let held = holder(state, finish.run);
                match (self, &mut finish.by, held) {
                    (Self::FinishEpoch, Some(by), Some(held)) => by.epoch = held.epoch,
                    (Self::FinishHolder, Some(by), Some(held)) => *by = held,
                    (Self::FinishBy, by @ None, held) => *by = held,
                    _ => {}
                }
            }
            Command::ResumeRun(resume) if self == Self::ResumeVersion => {
                resume.version = state.workflows().current_version(WORKFLOW);
            }
            Command::ForgetProgress(forget) => match self {
                Self::ForgetHalted => forget.halted = state.runs().active(WORKFLOW),
                Self::ForgetLast => forget.last = state.runs().finished(WORKFLOW).next().map(|(run, _)| run),
                _ => {}
            },
            Command::StartRun(start) => match self {
                Self::RunReplaces => start.replaces = state.runs().active(&start.workflow),
                Self::RunVersion => start.expected_version = None,
                _ => {}
            },
            Command::FireSchedule(fire) if self == Self::TickTime => {
                if let Some(schedule) = state.schedules().get(&fire.name) {
                    fire.expected_next_fire_ms = schedule.next_fire_ms;
                    fire.next_fire_ms = fire.next_fire_ms.max(schedule.next_fire_ms + 1);
                }
            }
            Command::SetNodeState(set) if self == Self::NodeFrom => {
                if let Some(known) = state.nodes().get(set.node) {
                    set.from = known.state;
                }
            }
            Command::UpdateNode(update) if self == Self::NodeStore => {
                if let Some(known) = state.nodes().get(update.node) {
                    update.store = known.store;
                }
            }
            _ => {}
        }
        envelope
    }

    /// What brings the state to where this guard lets the command pass, and what brings it back.
    pub fn detour(self, command: &Command, state: &State) -> (Vec<Command>, Vec<Command>) {
        let run = match (self, command) {
            (Self::AssignHalted, Command::Assign(assign)) => assign.partition.run,
            (Self::ClaimHalted, Command::Claim(claim)) => claim.partition.run,
            (Self::AddHalted, Command::AddPartitions(add)) => add.run,
            (Self::DoneClaimed, Command::Release(Release { partition, epoch, node, incarnation, .. })) => {
                let (partition, epoch) = (partition.clone(), *epoch);
                let (node, incarnation) = (*node, *incarnation);
                return (vec![Claim { partition, epoch, node, incarnation }.into()], Vec::new());
            }
            (Self::ForgetRunning, Command::ForgetProgress(_)) => {
                let running = state.runs().active(WORKFLOW);
                let halt = |run| HaltRun { run, halt: Halt::Paused, by: None }.into();
                return (running.map(halt).into_iter().collect(), Vec::new());
            }
            (Self::FinishDiscovered, Command::FinishRun(FinishRun { run, by: Some(by), .. })) => {
                return (vec![complete(*run, *by).into()], Vec::new());
            }
            (
                Self::FinishOpen,
                Command::FinishRun(FinishRun { by: Some(_), outcome: RunOutcome::Completed, .. }),
            ) => return (do_the_rest(state), Vec::new()),
            _ => return (Vec::new(), Vec::new()),
        };
        match state.runs().get(run) {
            Some(Run { phase: RunPhase::Halted(halt), version, .. }) => {
                let halt = HaltRun { run, halt: halt.clone(), by: None };
                (vec![ResumeRun { run, version: *version, takes_over: false }.into()], vec![halt.into()])
            }
            _ => (Vec::new(), Vec::new()),
        }
    }
}

/// Who holds the coordinator of a run.
fn holder(state: &State, run: Uuid) -> Option<Holder> {
    let held = state.assignments().get(&PartitionKey::coordinator(run))?;
    Some(Holder { node: held.owner, incarnation: held.claimed_by?, epoch: held.epoch })
}

fn complete(run: Uuid, by: Holder) -> AddPartitions {
    let Holder { node, incarnation, epoch } = by;
    AddPartitions { run, epoch, node, incarnation, partitions: Vec::new(), complete: true }
}

/// Calls the partition of the first run done, whoever has it.
fn do_the_rest(state: &State) -> Vec<Command> {
    let (partition, expected_epoch) = (partition(0), epoch_at(state, &partition(0)));
    let (node, incarnation, epoch) = (1, 99, expected_epoch + 1);
    vec![
        Assign { partition: partition.clone(), owner: node, expected_epoch }.into(),
        Claim { partition: partition.clone(), epoch, node, incarnation }.into(),
        Release { partition, epoch, node, incarnation, checkpoints: Vec::new(), done: true }.into(),
    ]
}
