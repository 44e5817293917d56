use etl_raft_state::{Command, Envelope, State};

use crate::scene::{RUNS, WORKFLOW, epoch_of, route};

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
                Self::AssignEpoch => assign.expected_epoch = epoch_of(state),
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
}
