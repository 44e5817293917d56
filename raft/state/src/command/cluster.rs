use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::apply::Apply;
use crate::moment::Moment;
use crate::rejection::Rejection;
use crate::response::Response;
use crate::state::State;

/// Lets the cluster use the commands of a higher feature level. Never goes down again. Answered by [`Response::Done`],
/// also when the level was reached before.
///
/// Refused: while a node that is not removed reports less.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RaiseFeatureLevel {
    pub to: u32,
}

/// Gives the state a cluster id: a new cluster's first, or another one after the state was restored from a backup or
/// recovered without its majority. Answered by [`Response::Done`], also when the id was taken before: then nothing is
/// raised again.
///
/// Refused: another id without raising the epochs, because what the former cluster still runs would not be fenced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdoptCluster {
    pub cluster: Uuid,
    /// Added to every epoch, and to where new partitions begin. The former cluster may have gone on since the backup,
    /// so this is far more than it can have raised them by: 2^20.
    pub raise_epochs_by: u64,
}

impl Apply for RaiseFeatureLevel {
    fn apply(&self, state: &mut State, _at: Moment) -> Result<Response, Rejection> {
        if self.to <= state.meta.feature_level() {
            return Ok(Response::Done);
        }
        if let Some((node, behind)) = state.nodes.members().find(|(_, node)| node.feature_level < self.to) {
            return Err(Rejection::NodeBehind { node, reported: behind.feature_level, to: self.to });
        }
        state.meta.set_feature_level(self.to);
        Ok(Response::Done)
    }
}

impl Apply for AdoptCluster {
    fn feature_level(&self) -> u32 {
        0
    }

    fn apply(&self, state: &mut State, at: Moment) -> Result<Response, Rejection> {
        if self.cluster.is_nil() {
            let problem = "it must not be nil".to_owned();
            return Err(Rejection::Invalid { what: "cluster id".to_owned(), problem });
        }
        match state.meta.cluster() {
            Some(known) if known == self.cluster => return Ok(Response::Done),
            Some(_) if self.raise_epochs_by == 0 => return Err(Rejection::EpochsNotRaised),
            _ => {}
        }
        let highest = state.epochs.highest().max(state.meta.epoch_floor());
        if highest.checked_add(self.raise_epochs_by).is_none() {
            return Err(Rejection::EpochsExhausted);
        }
        state.meta.adopt(self.cluster, self.raise_epochs_by);
        if self.raise_epochs_by > 0 {
            state.epochs.raise_all(self.raise_epochs_by);
            state.assignments.raise_all(self.raise_epochs_by, at);
        }
        Ok(Response::Done)
    }
}
