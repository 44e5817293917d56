use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use etl_raft_state::command::{RaiseFeatureLevel, SetNodeState};
use etl_raft_state::{Command, NodeState, Rejection};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::setbacks::Setbacks;
use super::survey::{Roster, Surveyor};
use super::{Change, Limits, Picture, Tracker, decide};
use crate::consensus::Consensus;
use crate::error::Error;
use crate::type_config::Peer;

/// How often it looks. Much more often than a node may be silent.
const INTERVAL: Duration = Duration::from_millis(200);

/// Carries out what [`decide`] decides, for as long as this node leads.
pub struct Steward {
    consensus: Consensus,
    roster: Arc<dyn Roster>,
    surveyor: Surveyor,
    setbacks: Setbacks,
    pictures: watch::Sender<Option<Picture>>,
}

impl Steward {
    /// For one term of leadership: `roster` tells who was heard of in it. What the steward sees it shows in
    /// `pictures`.
    pub fn new(
        consensus: Consensus,
        roster: Arc<dyn Roster>,
        limits: Limits,
        pictures: watch::Sender<Option<Picture>>,
    ) -> Self {
        let surveyor = Surveyor {
            me: consensus.member().node,
            limits,
            origin: Instant::now(),
            tracker: Tracker::default(),
        };
        Self { consensus, roster, surveyor, setbacks: Setbacks::default(), pictures }
    }

    /// Never ends by itself: whoever runs it drops it when leadership ends. That is safe at any moment, also
    /// between the two steps of a change of voters, which the next leader finishes. While this node does not
    /// lead it does nothing.
    pub async fn run(mut self) {
        loop {
            let picture = self.look();
            let due = picture.as_ref().and_then(decide);
            self.pictures.send_replace(picture);
            match due {
                Some(change) => self.try_out(change).await,
                None => sleep(INTERVAL).await,
            }
        }
    }

    fn look(&mut self) -> Option<Picture> {
        let status = self.consensus.status();
        let heard = self.roster.heard();
        let now = Instant::now();
        let surveyor = &mut self.surveyor;
        let picture = self.consensus.peek(|state| surveyor.picture(now, &status, state, &heard))?;
        Some(Picture { postponed: self.setbacks.postponed(picture.now), ..picture })
    }

    /// Carries a change out, and looks on meanwhile: silence that nobody sees would pass for health.
    async fn try_out(&mut self, change: Change) {
        let consensus = self.consensus.clone();
        let mut outcome = pin!(carry_out(&consensus, &change));
        let outcome = loop {
            tokio::select! {
                outcome = &mut outcome => break outcome,
                () = sleep(INTERVAL) => {
                    let picture = self.look();
                    self.pictures.send_replace(picture);
                }
            }
        };
        let node = self.surveyor.me;
        match outcome {
            Ok(()) => tracing::info!(node, %change, "the membership was changed"),
            Err(error) => {
                tracing::warn!(node, %change, %error, "the membership was not changed; trying again later")
            }
        }
        self.setbacks.tried(change.clone(), self.surveyor.moment(Instant::now()));
    }
}

async fn carry_out(consensus: &Consensus, change: &Change) -> Result<(), Error> {
    match change {
        Change::FinishJoint { voters } | Change::SetVoters { voters } => {
            consensus.set_voters(voters.clone()).await
        }
        Change::AddLearner { node } => {
            let peer = consensus.peek(|state| {
                let node = state.nodes().get(*node)?;
                Some(Peer { address: node.raft_address.clone(), store: node.store })
            });
            let unknown = || Error::Membership(format!("node {node} has not registered"));
            consensus.add_learner(*node, peer.ok_or_else(unknown)?).await
        }
        Change::RemoveLearner { node } => consensus.remove_learner(*node).await,
        Change::TransferLeader { to } => consensus.transfer_leader(*to).await,
        Change::MarkUp { node } => {
            let (from, to) = (NodeState::Joining, NodeState::Up);
            write(consensus, SetNodeState { node: *node, from, to }).await
        }
        Change::RaiseFeatureLevel { to } => write(consensus, RaiseFeatureLevel { to: *to }).await,
    }
}

async fn write(consensus: &Consensus, command: impl Into<Command>) -> Result<(), Error> {
    let refused = |rejection: Rejection| Error::Membership(rejection.to_string());
    consensus.write(command).await?.into_result().map(drop).map_err(refused)
}

impl Drop for Steward {
    fn drop(&mut self) {
        self.pictures.send_replace(None);
    }
}
