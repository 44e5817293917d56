use serde::{Deserialize, Serialize};

use super::apply::Apply;
use super::{
    AddPartitions, AdoptCluster, AdvanceCheckpoints, Assign, BeginDrain, Claim, DeleteSchedule, DeleteSecret,
    DeleteUser, DeleteWorkflow, FinishRun, FireSchedule, ForgetProgress, HaltRun, HostShards, PutSchedule,
    PutSecret, PutUser, PutWorkflow, RaiseFeatureLevel, RecordAudit, RegisterNode, Release, ResumeRun,
    SetNodeState, SkipTicks, StartRun, UpdateNode,
};

/// One change of what the cluster has agreed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    RegisterNode(RegisterNode),
    UpdateNode(UpdateNode),
    SetNodeState(SetNodeState),
    PutWorkflow(PutWorkflow),
    DeleteWorkflow(DeleteWorkflow),
    PutSchedule(PutSchedule),
    FireSchedule(FireSchedule),
    SkipTicks(SkipTicks),
    DeleteSchedule(DeleteSchedule),
    StartRun(StartRun),
    HaltRun(HaltRun),
    ResumeRun(ResumeRun),
    AddPartitions(AddPartitions),
    FinishRun(FinishRun),
    HostShards(HostShards),
    ForgetProgress(ForgetProgress),
    Assign(Assign),
    BeginDrain(BeginDrain),
    Claim(Claim),
    Release(Release),
    AdvanceCheckpoints(AdvanceCheckpoints),
    PutSecret(PutSecret),
    DeleteSecret(DeleteSecret),
    PutUser(PutUser),
    DeleteUser(DeleteUser),
    RecordAudit(RecordAudit),
    RaiseFeatureLevel(RaiseFeatureLevel),
    AdoptCluster(AdoptCluster),
    /// Each in order and on its own: one that is refused does not undo the others. Answered by
    /// [`Response::Batch`](crate::Response::Batch). A batch inside a batch is refused.
    Batch(Vec<Command>),
}

impl Command {
    /// The cluster's feature level from which on it may be proposed; of a batch the highest of its commands.
    pub fn feature_level(&self) -> u32 {
        match self.rule() {
            Some(rule) => rule.feature_level(),
            None => self.parts().iter().map(|command| command.feature_level()).max().unwrap_or(0),
        }
    }

    /// What it does; absent for a batch.
    pub(crate) fn rule(&self) -> Option<&dyn Apply> {
        Some(match self {
            Self::RegisterNode(command) => command,
            Self::UpdateNode(command) => command,
            Self::SetNodeState(command) => command,
            Self::PutWorkflow(command) => command,
            Self::DeleteWorkflow(command) => command,
            Self::PutSchedule(command) => command,
            Self::FireSchedule(command) => command,
            Self::SkipTicks(command) => command,
            Self::DeleteSchedule(command) => command,
            Self::StartRun(command) => command,
            Self::HaltRun(command) => command,
            Self::ResumeRun(command) => command,
            Self::AddPartitions(command) => command,
            Self::FinishRun(command) => command,
            Self::HostShards(command) => command,
            Self::ForgetProgress(command) => command,
            Self::Assign(command) => command,
            Self::BeginDrain(command) => command,
            Self::Claim(command) => command,
            Self::Release(command) => command,
            Self::AdvanceCheckpoints(command) => command,
            Self::PutSecret(command) => command,
            Self::DeleteSecret(command) => command,
            Self::PutUser(command) => command,
            Self::DeleteUser(command) => command,
            Self::RecordAudit(command) => command,
            Self::RaiseFeatureLevel(command) => command,
            Self::AdoptCluster(command) => command,
            Self::Batch(_) => return None,
        })
    }

    /// The commands of a batch; of any other none.
    pub(crate) fn parts(&self) -> &[Command] {
        match self {
            Self::Batch(commands) => commands,
            _ => &[],
        }
    }
}

macro_rules! from_struct {
    ($($name:ident),+ $(,)?) => {
        $(impl From<$name> for Command {
            fn from(command: $name) -> Self {
                Self::$name(command)
            }
        })+
    };
}

from_struct!(
    RegisterNode,
    UpdateNode,
    SetNodeState,
    PutWorkflow,
    DeleteWorkflow,
    PutSchedule,
    FireSchedule,
    SkipTicks,
    DeleteSchedule,
    StartRun,
    HaltRun,
    ResumeRun,
    AddPartitions,
    FinishRun,
    HostShards,
    ForgetProgress,
    Assign,
    BeginDrain,
    Claim,
    Release,
    AdvanceCheckpoints,
    PutSecret,
    DeleteSecret,
    PutUser,
    DeleteUser,
    RecordAudit,
    RaiseFeatureLevel,
    AdoptCluster,
);
