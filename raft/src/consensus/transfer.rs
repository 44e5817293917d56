use std::sync::Arc;
use std::time::Duration;

use etl_proto::raft as wire;
use openraft::ServerState;
use tokio::time::Instant;

use super::leader::{Leader, LeaderWatch, RaftHandle, ServerMetrics};
use super::membership::Changes;
use super::proposer::Proposer;
use super::settings::Settings;
use crate::error::Error;
use crate::network::{Links, log_id_to_wire};
use crate::type_config::{LogId, NodeId, Peer};

/// Hands leadership over.
///
/// openraft 0.9 cannot. What it has is enough, because an old leader votes like any other node:
///
/// 1. The target gets all that is in the log now, while everything goes on. One that is away does not hold anybody up.
/// 2. Voters grant no vote while the vote lease runs, which begins with the last message of a leader; for the leader itself it
///    began when it was elected. When this node and the target are a quorum, as they are of three, no other vote is needed: it
///    is enough to have led for one lease, and that passes while everything goes on.
/// 3. Nothing more is proposed here, members are not changed, and heartbeats stop. Writers wait and retry, at the new leader.
///    The target gets all entries of this log, otherwise nobody would vote for it.
/// 4. When more votes are needed, the lease runs out at the others. They stand only after `election_min`, which is longer, so
///    that the target is alone.
/// 5. The target is told to stand. It raises its term and asks for votes; this node has the same log, grants its own and with
///    that stops leading.
/// 6. Whatever happens, heartbeats and proposals are allowed again here. If the target has not won, this node leads on, or has
///    granted its vote and an ordinary election follows.
///
/// Safe because nothing is bypassed: the target wins an ordinary election. Writes stand still for a few round trips among
/// three, for about the vote lease among five.
pub(super) struct Transfer<'a> {
    pub raft: &'a RaftHandle,
    pub leaders: &'a LeaderWatch,
    pub links: &'a Arc<Links>,
    pub proposer: &'a Proposer,
    pub changes: &'a Changes,
    pub settings: &'a Settings,
}

const STAND_PATIENCE: Duration = Duration::from_millis(200);

/// The others note the time when they get to a message, not when it arrives.
const LEASE_MARGIN: Duration = Duration::from_millis(20);

impl Transfer<'_> {
    pub async fn to(&self, target: NodeId) -> Result<(), Error> {
        let me = self.links.me.node;
        let until = Instant::now() + self.settings.change_deadline;
        let Ok(_turn) = tokio::time::timeout_at(until, self.changes.turn.lock()).await else {
            return Err(Error::Membership("a change of the membership takes long; try again".to_owned()));
        };
        self.raft.with_raft_state(|_| ()).await.map_err(|_| Error::Stopped(me))?;
        let seen = self.leaders.now();
        let peer = self.check(&seen, target)?;
        if target == me {
            return Ok(());
        }
        let now = self.raft.metrics().borrow().last_log_index;
        self.wait_until_matched(target, until, now).await?;
        let two_are_enough = self.leaders.now().membership_config.voter_ids().count() <= 3;
        if two_are_enough {
            self.lead_for_a_lease().await?;
        }
        let _paused = self.proposer.pause().await;
        let silent = Heartbeats::stop(self.raft);
        let handed = self.hand_over(target, &peer, two_are_enough).await;
        drop(silent);
        if handed.is_err() {
            // At once: the next one that is due may come too late to stay the leader.
            let _ = self.raft.trigger().heartbeat().await;
        }
        handed
    }

    /// While nothing is proposed and no heartbeat is sent; takes less than a vote lease when the target does not answer, so that
    /// the others have no reason to stand.
    async fn hand_over(&self, target: NodeId, peer: &Peer, two_are_enough: bool) -> Result<(), Error> {
        let soon = Instant::now() + self.settings.vote_lease;
        let last = self.wait_until_matched(target, soon, None).await?;
        if !two_are_enough {
            tokio::time::sleep(self.settings.vote_lease + LEASE_MARGIN).await;
        }
        self.ask_to_stand(target, peer, last).await?;
        self.wait_until_it_leads(target).await
    }

    /// The target's peer, when leadership can be handed to it from here.
    fn check(&self, metrics: &ServerMetrics, target: NodeId) -> Result<Peer, Error> {
        let me = self.links.me.node;
        if Leader::of(metrics) != Leader::Here {
            return Err(Error::NoLeader(format!("node {me} does not lead; ask the leader to hand over")));
        }
        let membership = metrics.membership_config.membership();
        if membership.get_joint_config().len() > 1 {
            return Err(Error::Membership("a change of voters is not finished yet; try again".to_owned()));
        }
        match membership.get_node(&target) {
            Some(peer) if membership.voter_ids().any(|voter| voter == target) => Ok(peer.clone()),
            Some(_) => Err(Error::Membership(format!("node {target} is a learner; only a voter can lead"))),
            None => Err(Error::Membership(format!("node {target} is no member"))),
        }
    }

    /// Returns when this node has certainly been the leader of this term for a vote lease.
    async fn lead_for_a_lease(&self) -> Result<(), Error> {
        let term = self.leaders.now().vote.leader_id.term;
        let lost =
            self.leaders.until(|now| now.vote.leader_id.term != term || now.state != ServerState::Leader);
        match tokio::time::timeout(self.settings.vote_lease + LEASE_MARGIN, lost).await {
            Err(_) => Ok(()),
            Ok(_) => {
                Err(Error::NoLeader(format!("node {} has lost leadership meanwhile", self.links.me.node)))
            }
        }
    }

    /// Waits until the target has this log up to an entry, or all of it; the last entry that it has.
    async fn wait_until_matched(
        &self,
        target: NodeId,
        until: Instant,
        entry: Option<u64>,
    ) -> Result<LogId, Error> {
        // The closure runs after everything that was proposed before, so that the next report counts it.
        let me = self.links.me.node;
        self.raft.with_raft_state(|_| ()).await.map_err(|_| Error::Stopped(me))?;
        let mut reports = self.raft.metrics();
        reports.mark_unchanged();
        let _ = self.raft.trigger().heartbeat().await;
        loop {
            match tokio::time::timeout_at(until, reports.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(Error::Stopped(me)),
                Err(_) => {
                    return Err(Error::Membership(format!(
                        "node {target} has not caught up in time and cannot lead; node {me} leads on"
                    )));
                }
            }
            let report = reports.borrow_and_update();
            let Some(matched) = report.replication.as_ref().filter(|_| report.state == ServerState::Leader)
            else {
                return Err(Error::NoLeader(format!("node {me} has lost leadership meanwhile")));
            };
            if let Some(Some(matched)) = matched.get(&target)
                && Some(matched.index) >= entry.or(report.last_log_index)
            {
                return Ok(*matched);
            }
        }
    }

    async fn ask_to_stand(&self, target: NodeId, peer: &Peer, last: LogId) -> Result<(), Error> {
        let link = self.links.to(target, peer);
        let request = wire::StandRequest {
            envelope: Some(self.links.me.envelope_to(target, peer.store)),
            last: Some(log_id_to_wire(&last)),
        };
        let answer = link.answer(STAND_PATIENCE, link.quick().stand_for_election(request)).await;
        answer.map(drop).map_err(|error| self.links.error(&link, error))
    }

    async fn wait_until_it_leads(&self, target: NodeId) -> Result<(), Error> {
        let me = self.links.me.node;
        let patience = Instant::now() + self.settings.election_max * 2;
        let decided = self.leaders.until(|now| now.current_leader.is_some_and(|leader| leader != me));
        match tokio::time::timeout_at(patience, decided).await {
            Ok(Some(now)) if now.current_leader == Some(target) => Ok(()),
            Ok(Some(now)) => Err(Error::Membership(format!(
                "node {:?} was elected instead of node {target}",
                now.current_leader.unwrap_or_default()
            ))),
            Ok(None) => Err(Error::Stopped(me)),
            Err(_) => Err(Error::Unknown(format!("node {target} has not won the election in time"))),
        }
    }
}

/// No heartbeats as long as it lives.
struct Heartbeats<'a>(&'a RaftHandle);

impl<'a> Heartbeats<'a> {
    fn stop(raft: &'a RaftHandle) -> Self {
        raft.runtime_config().heartbeat(false);
        Self(raft)
    }
}

impl Drop for Heartbeats<'_> {
    fn drop(&mut self) {
        self.0.runtime_config().heartbeat(true);
    }
}
