use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use openraft::raft::VoteRequest;
use openraft::{Membership, ServerState, Vote};
use tokio::time::{Instant, MissedTickBehavior};

use super::{Pulse, Role, Timer};
use crate::consensus::Settings;
use crate::consensus::leader::{RaftHandle, ServerMetrics};
use crate::network::{Links, vote_request_to_wire};
use crate::type_config::{LogId, NodeId, Peer};

/// Watches the leader and stands for election when it is gone.
pub(in crate::consensus) struct Elector {
    pub raft: RaftHandle,
    pub links: Arc<Links>,
    pub pulse: Arc<Pulse>,
    pub settings: Settings,
}

impl Elector {
    /// Never ends by itself, except when consensus has stopped.
    pub async fn run(self) {
        let step = self.settings.heartbeat / 4;
        let mut looks = tokio::time::interval(step);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut timer = Timer::new(&self.settings, step, Instant::now(), &self.links.chance);
        let mut probed = false;
        loop {
            let hurried = tokio::select! {
                biased;
                _ = looks.tick() => false,
                () = self.pulse.hurried() => true,
            };
            let metrics = self.raft.server_metrics().borrow().clone();
            if metrics.state == ServerState::Shutdown {
                return;
            }
            let role = role(&metrics);
            let due = timer.look(Instant::now(), self.pulse.counts(), role, &self.links.chance);
            self.pulse.set_silence(timer.silence());
            let suspicious = role == Role::Voter && timer.silence() >= self.settings.vote_lease;
            if !suspicious {
                probed = false;
            }
            let gone = suspicious && !due && !probed && {
                probed = true;
                self.leader_refuses_connections(&metrics).await
            };
            if !(due || gone || hurried && suspicious) {
                continue;
            }
            if self.would_win(&metrics).await {
                timer.give_time(&self.links.chance);
                tracing::info!(node = metrics.id, silence = ?timer.silence(), "stands for election");
                if self.raft.trigger().elect().await.is_err() {
                    return;
                }
            } else {
                timer.refused(&self.links.chance);
            }
        }
    }

    /// Whether the leader's machine says that nobody listens there: its process has died. No answer says nothing.
    async fn leader_refuses_connections(&self, metrics: &ServerMetrics) -> bool {
        let membership = metrics.membership_config.membership();
        let known = metrics.current_leader.and_then(|leader| Some((leader, membership.get_node(&leader)?)));
        let Some((leader, peer)) = known else { return false };
        let dialling = self.links.dialer().dial(self.links.address_of(leader, peer));
        match tokio::time::timeout(self.settings.heartbeat, dialling).await {
            Ok(Err(error)) => error.kind() == io::ErrorKind::ConnectionRefused,
            Ok(Ok(_)) | Err(_) => false,
        }
    }

    /// Asks all voters; `true` as soon as a quorum would vote for this node.
    async fn would_win(&self, metrics: &ServerMetrics) -> bool {
        let membership = metrics.membership_config.membership();
        let last = self.raft.data_metrics().borrow().last_log;
        let mut in_favour = BTreeSet::from([metrics.id]);
        if is_quorum(membership, &in_favour) {
            return true;
        }
        let mut answers: FuturesUnordered<_> = membership
            .voter_ids()
            .filter(|voter| *voter != metrics.id)
            .filter_map(|voter| Some((voter, membership.get_node(&voter)?)))
            .map(|(voter, peer)| async move { (voter, self.would_vote(voter, peer, last).await) })
            .collect();
        while let Some((voter, granted)) = answers.next().await {
            if granted {
                in_favour.insert(voter);
                if is_quorum(membership, &in_favour) {
                    return true;
                }
            }
        }
        false
    }

    async fn would_vote(&self, voter: NodeId, peer: &Peer, last_log_id: Option<LogId>) -> bool {
        let link = self.links.to(voter, peer);
        let question = VoteRequest { vote: Vote::new(0, self.links.me.node), last_log_id };
        let request = vote_request_to_wire(self.links.me.envelope_to(voter, peer.store), &question);
        let patience: Duration = self.settings.heartbeat * 2;
        match link.answer(patience, link.quick().vote(request)).await {
            Ok(answer) => {
                self.links.accepted(voter);
                answer.granted
            }
            Err(error) => {
                let error = self.links.error(&link, error);
                tracing::debug!(%error, "no answer to a pre-vote");
                false
            }
        }
    }
}

fn role(metrics: &ServerMetrics) -> Role {
    let voters: BTreeSet<NodeId> = metrics.membership_config.voter_ids().collect();
    if metrics.state == ServerState::Leader {
        Role::Leader
    } else if !voters.contains(&metrics.id) {
        Role::Learner
    } else if voters.len() == 1 {
        Role::OnlyVoter
    } else {
        Role::Voter
    }
}

/// Whether these are a majority of each of the configurations.
fn is_quorum(membership: &Membership<NodeId, Peer>, nodes: &BTreeSet<NodeId>) -> bool {
    membership.get_joint_config().iter().all(|voters| voters.intersection(nodes).count() * 2 > voters.len())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_quorum_is_a_majority_of_every_configuration() {
        let set = |ids: &[NodeId]| ids.iter().copied().collect::<BTreeSet<NodeId>>();
        let peers: BTreeMap<NodeId, Peer> = (1..=5).map(|id| (id, Peer::default())).collect();
        let single = Membership::new(vec![set(&[1, 2, 3])], peers.clone());
        assert!(is_quorum(&single, &set(&[1, 3])));
        assert!(!is_quorum(&single, &set(&[1, 4, 5])));
        let joint = Membership::new(vec![set(&[1, 2, 3]), set(&[3, 4, 5])], peers);
        assert!(is_quorum(&joint, &set(&[2, 3, 4])));
        assert!(!is_quorum(&joint, &set(&[1, 2, 3])));
        let even =
            Membership::new(vec![set(&[1, 2])], BTreeMap::from([(1, Peer::default()), (2, Peer::default())]));
        assert!(!is_quorum(&even, &set(&[1])));
    }
}
